// Package text makes terms of texts, for documents and queries alike: folded,
// stemmed by language, with numbers and units in one form.
package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A Term is what is looked up in an index.
type Term struct {
	// Word is the folded word as it stands in the text.
	Word string

	// Term is the word's stem after the language and a colon, such as "de:schuh".
	// Numbers, units and bigrams, which are the same everywhere, have no language:
	// ":500ml".
	Term string

	// Fixed: it has digits or is a bigram, so typing errors are not looked for.
	Fixed bool

	// Pos is the place of the word in the text. Several terms may have one.
	Pos int
}

// maxWord is the largest number of bytes of a word; what is longer is cut.
const maxWord = 64

// Base returns the first part of a language tag in lower case: "pt" of "pt-BR". What is
// not two or three letters is "".
func Base(tag string) string {
	base, _, _ := strings.Cut(strings.ReplaceAll(tag, "_", "-"), "-")
	if len(base) < 2 || len(base) > 3 {
		return ""
	}
	for i := range len(base) {
		if c := base[i] | 0x20; c < 'a' || c > 'z' {
			return ""
		}
	}
	return strings.ToLower(base)
}

// An Analyzer makes terms. It remembers stems, and is not safe for concurrent use.
type Analyzer struct {
	stems map[string]string // by language, colon, word
}

// maxStems bounds what an analyzer remembers.
const maxStems = 1 << 15

// Terms calls emit for each term of a text in a language, which is a base language or
// "". It stops when emit returns false.
func (a *Analyzer) Terms(lang, s string, emit func(Term) bool) {
	w := words{a: a, lang: lang, emit: emit}
	s = Fold(s)
	for i := 0; i < len(s) && !w.done; {
		r, size := utf8.DecodeRuneInString(s[i:])
		if !wordRune(r) {
			w.gap(r)
			i += size
			continue
		}
		j := i + size
		for j < len(s) {
			r2, size2 := utf8.DecodeRuneInString(s[j:])
			if !wordRune(r2) && !inner(s, j, r2, size2) {
				break
			}
			j += size2
		}
		w.run(s[i:j])
		i = j
	}
	w.flushNumber()
}

func wordRune(r rune) bool {
	return r < utf8.RuneSelf && ('a' <= r && r <= 'z' || '0' <= r && r <= '9') ||
		r >= utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r))
}

// inner reports whether a mark joins what is on both sides of it: hyphens and
// apostrophes between letters, points and commas between digits.
func inner(s string, at int, r rune, size int) bool {
	if at == 0 || at+size >= len(s) {
		return false
	}
	next, _ := utf8.DecodeRuneInString(s[at+size:])
	switch r {
	case '-', '\'':
		return wordRune(next)
	case '.', ',':
		return '0' <= s[at-1] && s[at-1] <= '9' && '0' <= next && next <= '9'
	}
	return false
}

// Fold returns a text in lower case, in one form of Unicode and without the accents of
// Latin and Greek letters.
func Fold(s string) string {
	ascii := true
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return strings.ToLower(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	strip := false
	for _, r := range norm.NFKD.String(s) {
		if unicode.Is(unicode.Mn, r) {
			if strip {
				continue
			}
			b.WriteRune(r)
			continue
		}
		r = unicode.ToLower(r)
		strip = unicode.Is(unicode.Latin, r) || unicode.Is(unicode.Greek, r)
		if to, ok := letters[r]; ok {
			b.WriteString(to)
			continue
		}
		b.WriteRune(r)
	}
	// Lower case of a letter may bring a mark of its own, as that of İ does.
	return norm.NFC.String(strings.ReplaceAll(b.String(), "i\u0307", "i"))
}

// letters are those that Unicode does not decompose.
var letters = map[rune]string{
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'đ': "d", 'ð': "d", 'ł': "l", 'ı': "i", 'þ': "th", 'ё': "е",
	'’': "'", '‘': "'", 'ʼ': "'", '‐': "-", '‑': "-", '–': " ", '—': " ", '\u00ad': "", '\u200b': "", '\u200c': "", '\u200d': "", '″': "\"", '”': "\"",
}
