package rag

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/posai-go/posai/ai/rag/internal/text"
)

// BM25 with the usual constants (Robertson and Zaragoza, 2009).
const (
	bm25K1 = 1.2
	bm25B  = 0.75
)

const (
	maxWords     = 64 // of a query
	maxLanguages = 8  // in which a query is understood
	maxFuzzy     = 8  // words of a query for which typing errors are looked for
	maxVariation = 8  // terms that one such word may stand for
)

// typo is the weight of a term by its distance from the word of the query.
var typo = [...]float64{1, 0.7, 0.5}

// A queryWord is a word with the terms that it stands for.
type queryWord struct {
	word  string
	terms []string
	fixed bool
}

// A weighted is a term that is searched for.
type weighted struct {
	word     string
	text     string
	distance int
	list     *postings
	weight   float64 // idf and distance
}

// understand makes words of a query, in the languages of the view or the one given.
func (v *view) understand(a *text.Analyzer, q *Query) []queryWord {
	var langs []string
	if base := text.Base(q.Language); base != "" {
		langs = []string{base}
	} else {
		counts := slices.SortedFunc(slices.Values(v.languages), func(a, b langCount) int {
			return cmp.Or(b.n-a.n, strings.Compare(a.lang, b.lang))
		})
		for _, l := range counts[:min(len(counts), maxLanguages)] {
			langs = append(langs, l.lang)
		}
	}
	var list []queryWord
	for _, lang := range langs {
		a.Terms(lang, q.Text, func(t text.Term) bool {
			i := slices.IndexFunc(list, func(w queryWord) bool { return w.word == t.Word })
			if i < 0 {
				if len(list) == maxWords {
					return false
				}
				list = append(list, queryWord{word: t.Word, fixed: t.Fixed})
				i = len(list) - 1
			}
			if !slices.Contains(list[i].terms, t.Term) {
				list[i].terms = append(list[i].terms, t.Term)
			}
			return true
		})
	}
	return list
}

// resolve finds the terms of words in the vocabulary.
func (v *view) resolve(list []queryWord) []weighted {
	var found []weighted
	fuzzy := 0
	for _, w := range list {
		n := len(found)
		for _, t := range w.terms {
			for _, e := range v.terms.find(hashString(t)) {
				if e.text == t {
					found = append(found, weighted{word: w.word, text: t, list: e.list})
				}
			}
		}
		if len(found) == n && !w.fixed && fuzzy < maxFuzzy {
			fuzzy++
			found = append(found, v.similar(w)...)
		}
	}
	for i := range found {
		f := &found[i]
		n, df := float64(v.docs), float64(f.list.n)
		f.weight = typo[f.distance] * math.Log(1+(n-df+0.5)/(df+0.5))
	}
	return found
}

// edits is how many typing errors a word may have, by its length.
func edits(runes int) int {
	switch {
	case runes < 4:
		return 0
	case runes < 8:
		return 1
	}
	return 2
}

// similar returns the nearest terms of the vocabulary. It reads all of it once, a few
// nanoseconds for each term.
func (v *view) similar(w queryWord) []weighted {
	most := edits(utf8.RuneCountInString(w.word))
	if most == 0 {
		return nil
	}
	type form struct {
		prefix string
		word   []rune
		mask   uint32
	}
	var forms []form
	for _, t := range w.terms {
		lang, stem, _ := strings.Cut(t, ":")
		for _, s := range slices.Compact([]string{stem, w.word}) {
			forms = append(forms, form{prefix: lang + ":", word: []rune(s), mask: letterMask(s)})
		}
	}
	var found []weighted
	var d distance
	v.terms.leaves(func(l *leaf[term]) bool {
		for i := range l.vals {
			e := &l.vals[i]
			best := most + 1
			for j := range forms {
				f := &forms[j]
				if far(e.mask, f.mask, most) {
					continue
				}
				if word, ok := strings.CutPrefix(e.text, f.prefix); ok && !strings.ContainsAny(word, "0123456789") {
					best = min(best, d.between(f.word, word, most))
				}
			}
			if best <= most {
				found = append(found, weighted{word: w.word, text: e.text, distance: best, list: e.list})
			}
		}
		return true
	})
	slices.SortFunc(found, func(a, b weighted) int {
		return cmp.Or(a.distance-b.distance, b.list.n-a.list.n, strings.Compare(a.text, b.text))
	})
	return found[:min(len(found), maxVariation)]
}

// distance computes how many insertions, deletions, substitutions and swaps of neighbors
// are between words (optimal string alignment).
type distance struct {
	rows [3][maxRunes + 1]int
	b    [maxRunes]rune
}

const maxRunes = 64

// between returns the distance, or most+1 if it is larger than most.
func (d *distance) between(a []rune, word string, most int) int {
	m := 0
	for _, r := range word {
		if m == maxRunes {
			return most + 1
		}
		d.b[m] = r
		m++
	}
	n := len(a)
	if n > maxRunes || n-m > most || m-n > most {
		return most + 1
	}
	prev2, prev, row := &d.rows[0], &d.rows[1], &d.rows[2]
	for j := range m + 1 {
		prev[j] = j
	}
	for i := 1; i <= n; i++ {
		row[0] = i
		least := i
		for j := 1; j <= m; j++ {
			cost := 1
			if a[i-1] == d.b[j-1] {
				cost = 0
			}
			x := min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == d.b[j-2] && a[i-2] == d.b[j-1] {
				x = min(x, prev2[j-2]+1)
			}
			row[j] = x
			least = min(least, x)
		}
		if least > most {
			return most + 1
		}
		prev2, prev, row = prev, row, prev2
	}
	return min(prev[m], most+1)
}

// score is the BM25 score of one term in a document.
func (w *weighted) score(tf int, norm float64) float64 {
	f := float64(tf)
	return w.weight * f * (bm25K1 + 1) / (f + norm)
}

// norm is the part of BM25 that depends on a document's length.
func (v *view) norm(ord uint32) float64 {
	average := float64(v.words) / float64(max(v.docs, 1))
	return bm25K1 * (1 - bm25B + bm25B*float64(v.lengths.get(ord))/max(average, 1))
}

// lexical returns the documents of the highest BM25 scores, best first.
func (v *view) lexical(terms []weighted, scores []float64, ok func(ord uint32) bool, k int) []ranked {
	average := max(float64(v.words)/float64(max(v.docs, 1)), 1)
	flat, slope := bm25K1*(1-bm25B), bm25K1*bm25B/average
	for i := range terms {
		w := &terms[i]
		for _, b := range w.list.blocks {
			for _, p := range b.p {
				ord := p.ord()
				scores[ord] += w.score(p.tf(), flat+slope*float64(v.lengths.get(ord)))
			}
		}
	}
	top := newTop(v, k)
	for ord, s := range scores {
		if s > 0 {
			if top.wants(s) && ok(uint32(ord)) { //nolint:gosec // at most maxOrd
				top.add(ranked{ord: uint32(ord), score: s}) //nolint:gosec // as above
			}
			scores[ord] = 0 // for the next search
		}
	}
	return top.sorted()
}

// explain returns what each term adds to a document's score.
func (v *view) explain(terms []weighted, ord uint32) []TermMatch {
	var list []TermMatch
	for i := range terms {
		w := &terms[i]
		if len(w.list.blocks) == 0 {
			continue
		}
		b := w.list.blocks[w.list.block(ord)]
		if at, ok := search(b.p, ord); ok {
			list = append(list, TermMatch{Word: w.word, Term: w.text, Distance: w.distance, Score: w.score(b.p[at].tf(), v.norm(ord))})
		}
	}
	return list
}
