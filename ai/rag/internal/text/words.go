package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// words makes terms of the runs of one text.
type words struct {
	a    *Analyzer
	lang string
	emit func(Term) bool
	pos  int
	done bool

	number string // in canonical form, that waits for its unit
}

// gap sees what is between runs.
func (w *words) gap(r rune) {
	switch {
	case w.number == "":
	case r == '"':
		w.unit("inch", 0)
	case r != ' ' && r != '\u00a0' && r != '\u202f' && r != '-':
		w.flushNumber()
	}
}

func (w *words) term(word, term string, fixed bool) {
	if !w.done && !w.emit(Term{Word: word, Term: term, Fixed: fixed, Pos: w.pos}) {
		w.done = true
	}
}

// flushNumber ends the wait for a unit.
func (w *words) flushNumber() {
	if w.number != "" {
		w.term(w.number, ":"+w.number, true)
		w.number = ""
		w.pos++
	}
}

// unit ends it with one.
func (w *words) unit(name string, shift int) {
	full := shiftPoint(w.number, shift) + name
	w.term(full, ":"+full, true)
	w.number = ""
	w.pos++
}

// run makes terms of letters, digits and the marks between them.
func (w *words) run(s string) {
	if len(s) > 4*maxWord {
		s = cut(s, 4*maxWord)
	}
	if n := leadingNumber(s); n > 0 {
		w.flushNumber()
		rest := strings.TrimPrefix(s[n:], "-")
		if rest == "" {
			w.number = canonical(s[:n], w.lang)
			return
		}
		if u, ok := units[rest]; ok {
			w.number = canonical(s[:n], w.lang)
			w.unit(u.name, u.shift)
			return
		}
	} else if w.number != "" {
		if u, ok := units[s]; ok {
			w.unit(u.name, u.shift)
			return
		}
		w.flushNumber()
	}
	if strings.IndexByte(s, '-') >= 0 {
		if joined := strings.ReplaceAll(s, "-", ""); utf8.RuneCountInString(joined) <= 24 {
			w.word(joined) // t-shirt is also tshirt, in one place
		}
		for part := range strings.SplitSeq(s, "-") {
			if len(part) > 1 {
				w.word(part)
			}
		}
		w.pos++
		return
	}
	w.word(s)
	w.pos++
}

// word makes terms of a word without hyphens.
func (w *words) word(s string) {
	if before, after, ok := strings.Cut(s, "'"); ok {
		switch {
		case after == "s" || after == "t": // men's, don't
			s = before
		case len(before) <= 2: // l'eau, d'or
			s = strings.ReplaceAll(after, "'", "")
		default:
			s = strings.ReplaceAll(s, "'", "")
		}
	}
	if s == "" {
		return
	}
	s = strings.ReplaceAll(s, ",", ".")
	if strings.IndexFunc(s, bigrammed) >= 0 {
		w.bigrams(s)
		return
	}
	if len(s) > maxWord {
		s = cut(s, maxWord)
	}
	for i := range len(s) {
		if '0' <= s[i] && s[i] <= '9' {
			w.term(s, ":"+s, true)
			return
		}
	}
	if w.lang == "" {
		w.term(s, ":"+s, false)
		return
	}
	w.term(s, w.a.stem(w.lang, s), false)
}

// bigrammed reports whether a letter belongs to a script that puts no space between
// words.
func bigrammed(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul,
		unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// bigrams makes a term of each two letters; what else is in the run is a word.
func (w *words) bigrams(s string) {
	runes := []rune(s)
	for i := 0; i < len(runes); {
		j := i
		for j < len(runes) && (bigrammed(runes[j]) || runes[j] == 'ー' || unicode.Is(unicode.M, runes[j])) == bigrammed(runes[i]) {
			j++
		}
		switch {
		case !bigrammed(runes[i]):
			w.word(string(runes[i:j]))
		case j-i == 1:
			w.term(string(runes[i:j]), ":"+string(runes[i:j]), true)
		default:
			for k := i; k+1 < j; k++ {
				g := string(runes[k : k+2])
				w.term(g, ":"+g, true)
			}
		}
		i = max(j, i+1)
	}
}

func cut(s string, n int) string {
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
