package rag

import (
	"strings"

	"github.com/posai-go/posai/ai/rag/internal/text"
)

// The weight of a word by the field that it stands in: BM25F with its weights put into
// the term frequency (Robertson, Zaragoza and Taylor, 2004).
const (
	weightTitle = 4
	weightLabel = 2 // vendor, type, tags
	weightBody  = 1
)

// docTerms are the terms of a document with their weighted frequencies, and its length
// in the same measure.
type docTerms struct {
	tf     map[string]int
	length int
}

// analyze makes the terms of a document.
func analyze(a *text.Analyzer, d *Document, language string) docTerms {
	t := docTerms{tf: make(map[string]int, 64)}
	lang := text.Base(d.Language)
	if lang == "" {
		lang = language
	}
	add := func(s string, weight int) {
		last := -1
		a.Terms(lang, s, func(term text.Term) bool {
			t.tf[term.Term] += weight
			if term.Pos != last {
				t.length, last = t.length+weight, term.Pos
			}
			return true
		})
	}
	add(d.Title, weightTitle)
	add(d.Vendor, weightLabel)
	add(d.Type, weightLabel)
	for _, tag := range d.Tags {
		add(tag, weightLabel)
	}
	add(d.Body, weightBody)
	// Of a hundred variants, each value of an option counts once.
	for i := range d.Variants {
		a.Terms(lang, d.Variants[i].Title, func(term text.Term) bool {
			if t.tf[term.Term] < weightLabel {
				t.tf[term.Term] = weightLabel
			}
			return true
		})
	}
	t.length = min(t.length, 1<<16-1)
	return t
}

// maxEmbedText is the largest number of bytes of a document that is embedded: about what
// the smallest window of an embedding model holds.
const maxEmbedText = 6000

// EmbedText returns the text of a document of which the vector is made: title, vendor,
// type, tags and body, without what changes often (prices, stock). Implementations of
// [Index] embed it.
func EmbedText(d *Document) string {
	var b strings.Builder
	line := func(s string) {
		if s == "" {
			return
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(s)
	}
	line(d.Title)
	line(strings.TrimSpace(d.Vendor + " " + d.Type))
	line(strings.Join(d.Tags, ", "))
	line(d.Body)
	s := b.String()
	if len(s) > maxEmbedText {
		s = strings.ToValidUTF8(s[:maxEmbedText], "")
	}
	return s
}
