package rag

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/posai-go/posai/ai/rag/internal/text"
)

// Reasons of [Results.Degraded].
var (
	ErrNoVectors      = errors.New("rag: no vectors to search")
	ErrMissingVectors = errors.New("rag: documents without vectors")
)

// maxOwners is how many documents may have a code: what more have is not a code but a
// filler, such as "n/a".
const maxOwners = 256

// coded is a document that has a code of the query.
type coded struct {
	ord   uint32
	id    string
	match CodeMatch
	order int // of the code in the query
}

// Search implements [Index]. Its errors match [ErrInvalid] or are those of the context.
func (m *Memory) Search(ctx context.Context, q Query) (*Results, error) {
	q, err := q.Normalize()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v := m.view.Load()
	res := &Results{}
	var p *probe
	if q.Mode != Lexical {
		vector, degraded, err := m.vector(ctx, v, &q)
		if err != nil {
			return nil, err
		}
		res.Degraded = degraded
		if vector != nil {
			p = newProbe(vector)
		}
	}

	pred := q.Filter.compile(v.locations)
	if pred.none {
		return res, nil
	}
	ok := func(ord uint32) bool { return pred.may(v.facts.get(ord)) && pred.match(v.records.get(ord)) }
	if !pred.all {
		ok = remembered(ok, int(v.ords))
	}
	first := v.byCode(&q, &pred)

	depth := FusionDepth(q.K)
	var analyzer text.Analyzer
	var words, near []ranked
	var terms []weighted
	var lists [][]string
	if q.Mode != Semantic || p == nil {
		terms = v.resolve(v.understand(&analyzer, &q))
		scores := m.takeScores(int(v.ords))
		words = v.lexical(terms, scores, ok, depth)
		m.scores.Put(&scores)
		lists = append(lists, v.ids(words))
	}
	if p != nil {
		near = v.semantic(p, ok, depth, cmp.Or(m.opts.Workers, runtime.GOMAXPROCS(0)))
		if q.MinCosine != 0 {
			near = slices.DeleteFunc(near, func(r ranked) bool { return r.score < q.MinCosine })
		}
		lists = append(lists, v.ids(near))
	}

	out := output{v: v, q: &q, pred: &pred, terms: terms, words: words, near: near}
	for _, c := range first {
		out.add(c.ord, 1, &c.match)
	}
	ords := make(map[string]uint32, len(words)+len(near))
	for i, list := range [][]ranked{words, near} {
		if len(list) == 0 {
			continue
		}
		ids := lists[min(i, len(lists)-1)]
		for j, r := range list {
			ords[ids[j]] = r.ord
		}
	}
	for _, f := range Fuse(lists...) {
		if f.Score < q.MinScore || len(out.hits) == q.K {
			break
		}
		out.add(ords[f.ID], f.Score, nil)
	}
	res.Hits = out.hits
	return res, nil
}

// ids returns the IDs of documents.
func (v *view) ids(list []ranked) []string {
	ids := make([]string, len(list))
	for i, r := range list {
		ids[i] = v.records.get(r.ord).id()
	}
	return ids
}

// remembered asks once about each document. Workers ask about different ones.
func remembered(ok func(uint32) bool, n int) func(uint32) bool {
	known := make([]byte, n)
	return func(ord uint32) bool {
		if known[ord] == 0 {
			known[ord] = 1
			if ok(ord) {
				known[ord] = 2
			}
		}
		return known[ord] == 2
	}
}

// takeScores returns n zeros.
func (m *Memory) takeScores(n int) []float64 {
	if s, ok := m.scores.Get().(*[]float64); ok && cap(*s) >= n {
		return (*s)[:n]
	}
	return make([]float64, n, n+n/8)
}

// byCode finds what has a code that is in the query: the same writing first, then in
// the order of the query, then by ID.
func (v *view) byCode(q *Query, pred *predicate) []coded {
	var found []coded
	for order, code := range QueryCodes(q.Text) {
		owners := v.codes.find(hashString(LooseCode(code)))
		if len(owners) > maxOwners {
			continue
		}
		for _, ord := range owners {
			if slices.ContainsFunc(found, func(c coded) bool { return c.ord == ord }) {
				continue
			}
			r := v.records.get(ord)
			if !pred.match(r) {
				continue
			}
			s, _ := r.decode()
			match := s.doc.MatchCode(code)
			if match == nil || pred.variants && match.Variant != "" && !slices.Contains(pred.ids(&s), match.Variant) {
				continue
			}
			found = append(found, coded{ord: ord, id: s.doc.ID, match: *match, order: order})
		}
	}
	slices.SortFunc(found, func(a, b coded) int {
		if a.match.Loose != b.match.Loose {
			if a.match.Loose {
				return 1
			}
			return -1
		}
		return cmp.Or(a.order-b.order, strings.Compare(a.id, b.id))
	})
	return found
}

// output makes hits.
type output struct {
	v     *view
	q     *Query
	pred  *predicate
	terms []weighted
	words []ranked
	near  []ranked
	seen  []uint32
	hits  []Hit
}

// add adds a hit, if it is not there yet and there is room.
func (o *output) add(ord uint32, score float64, code *CodeMatch) {
	if len(o.hits) == o.q.K || slices.Contains(o.seen, ord) {
		return
	}
	o.seen = append(o.seen, ord)
	s, _ := o.v.records.get(ord).decode()
	h := Hit{Score: score, Code: code}
	if code != nil && code.Variant != "" {
		h.Variants = []string{code.Variant}
	} else {
		h.Variants = o.pred.ids(&s)
	}
	h.Document = s.document(o.v.locations)
	if o.q.Explain {
		why := &Explanation{Terms: o.v.explain(o.terms, ord)}
		same := func(r ranked) bool { return r.ord == ord }
		if i := slices.IndexFunc(o.words, same); i >= 0 {
			why.LexicalRank, why.LexicalScore = i+1, o.words[i].score
		}
		if i := slices.IndexFunc(o.near, same); i >= 0 {
			why.SemanticRank, why.Cosine = i+1, o.near[i].score
		}
		h.Why = why
	}
	o.hits = append(o.hits, h)
}

// missing says which vectors a search does without.
func (v *view) missing() error {
	if n := v.docs - v.vectors.n; n > 0 {
		return fmt.Errorf("%w: %d of %d", ErrMissingVectors, n, v.docs)
	}
	return nil
}
