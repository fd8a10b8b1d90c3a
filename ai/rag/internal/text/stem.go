package text

import (
	"strings"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/arabic"
	"github.com/blevesearch/snowballstem/danish"
	"github.com/blevesearch/snowballstem/dutch"
	"github.com/blevesearch/snowballstem/english"
	"github.com/blevesearch/snowballstem/finnish"
	"github.com/blevesearch/snowballstem/french"
	"github.com/blevesearch/snowballstem/german"
	"github.com/blevesearch/snowballstem/hungarian"
	"github.com/blevesearch/snowballstem/irish"
	"github.com/blevesearch/snowballstem/italian"
	"github.com/blevesearch/snowballstem/norwegian"
	"github.com/blevesearch/snowballstem/portuguese"
	"github.com/blevesearch/snowballstem/romanian"
	"github.com/blevesearch/snowballstem/russian"
	"github.com/blevesearch/snowballstem/spanish"
	"github.com/blevesearch/snowballstem/swedish"
	"github.com/blevesearch/snowballstem/tamil"
	"github.com/blevesearch/snowballstem/turkish"
)

// stemmers are the Snowball algorithms, https://snowballstem.org/algorithms/
var stemmers = map[string]func(*snowballstem.Env) bool{
	"ar": arabic.Stem, "da": danish.Stem, "de": german.Stem, "en": english.Stem, "es": spanish.Stem, "fi": finnish.Stem,
	"fr": french.Stem, "ga": irish.Stem, "hu": hungarian.Stem, "it": italian.Stem, "nb": norwegian.Stem, "nl": dutch.Stem,
	"nn": norwegian.Stem, "no": norwegian.Stem, "pt": portuguese.Stem, "ro": romanian.Stem, "ru": russian.Stem,
	"sv": swedish.Stem, "ta": tamil.Stem, "tr": turkish.Stem,
}

// german writes umlauts in two ways; folding has left a, o and u of one of them.
var umlauts = strings.NewReplacer("que", "que", "ae", "a", "oe", "o", "ue", "u")

// stem returns the term of a folded word.
func (a *Analyzer) stem(lang, word string) string {
	key := lang + ":" + word
	if s, ok := a.stems[key]; ok {
		return s
	}
	w := word
	if lang == "de" {
		w = umlauts.Replace(w)
	}
	if stem, ok := stemmers[lang]; ok && len(w) > 2 {
		env := snowballstem.NewEnv(w)
		stem(env)
		w = env.Current()
	}
	term := lang + ":" + w
	if a.stems == nil || len(a.stems) >= maxStems {
		a.stems = make(map[string]string, 256)
	}
	a.stems[strings.Clone(key)] = term
	return term
}
