package ai

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A scanner finds personal data in a text, in one pass from left to right. At each
// place, known values go before patterns.
type scanner struct {
	text   string
	vault  *Vault
	out    strings.Builder
	copied int // of text to out
}

// result returns the text with what was replaced.
func (s *scanner) result() string {
	if s.copied == 0 {
		return s.text
	}
	s.out.WriteString(s.text[s.copied:])
	s.copied = len(s.text)
	return s.out.String()
}

// replace puts a placeholder in the place of text[from:to].
func (s *scanner) replace(kind string, from, to int) {
	name := s.vault.placeholder(kind, s.text[from:to])
	if s.copied == 0 {
		s.out.Grow(len(s.text) + 64)
	}
	s.out.WriteString(s.text[s.copied:from])
	s.out.WriteString(name)
	s.copied = to
}

// Classes of bytes at which something may begin.
const (
	startDigit = 1 << iota
	startPhone
	startUpper
	startAt
	startBracket
	startGID
)

var startClass = func() (table [256]uint8) {
	for b := '0'; b <= '9'; b++ {
		table[b] = startDigit
	}
	for b := 'A'; b <= 'Z'; b++ {
		table[b] = startUpper
	}
	table['+'], table['('] = startPhone, startPhone
	table['@'], table['['], table['g'] = startAt, startBracket, startGID
	return table
}()

func (s *scanner) scan() {
	s.vault.mu.RLock()
	known, keep := s.vault.known, s.vault.keep
	s.vault.mu.RUnlock()
	text := s.text
	for i := 0; i < len(text); {
		b := text[i]
		if known != nil {
			if list := known[b]; list != nil && !wordBefore(text, i) {
				if kind, end := s.matchKnown(list, i); end > 0 {
					s.replace(kind, i, end)
					i = end
					continue
				}
			}
		}
		class := startClass[b]
		if class == 0 {
			i++
			continue
		}
		kind, from, to, next := s.pattern(class, i)
		if kind != "" && (kind == kindText || len(keep) == 0 || !keep[text[from:to]]) {
			s.replace(kind, from, to)
			next = to
		}
		i = max(next, i+1)
	}
}

// matchKnown returns the kind and the end of a known value at i, or 0. Within an
// e-mail address, the address is the value.
func (s *scanner) matchKnown(list []knownValue, i int) (kind string, end int) {
	for _, k := range list {
		end := i + len(k.text)
		if end > len(s.text) || !strings.EqualFold(s.text[i:end], k.text) || wordAfter(s.text, end) {
			continue
		}
		if mail := emailFrom(s.text, i); mail > end {
			return KindEmail, mail
		}
		return k.kind, end
	}
	return "", 0
}

// pattern looks for a pattern at i. It returns its kind and place, and where to go
// on if there is none.
func (s *scanner) pattern(class uint8, i int) (kind string, from, to, next int) {
	text := s.text
	switch class {
	case startDigit:
		return s.number(i)
	case startPhone:
		if end := internationalPhone(text, i); end > 0 {
			return KindPhone, i, end, 0
		}
		if end := nationalPhone(text, i); end > 0 {
			return KindPhone, i, end, 0
		}
	case startUpper:
		if wordBefore(text, i) {
			break
		}
		if end := iban(text, i); end > 0 {
			return KindIBAN, i, end, 0
		}
		if end := streetThenNumber(text, i); end > 0 {
			return KindAddress, i, end, 0
		}
	case startAt:
		if from, to := emailAround(text, i, s.copied); to > 0 {
			return KindEmail, from, to, 0
		}
	case startBracket:
		if end := placeholderEnd(text, i); end > 0 {
			return kindText, i, end, 0
		}
	case startGID:
		if strings.HasPrefix(text[i:], "gid://") {
			return "", 0, 0, tokenEnd(text, i)
		}
	}
	return "", 0, 0, i + 1
}

// number looks for what begins with a digit. Where nothing does, it goes on after
// the digits.
func (s *scanner) number(i int) (kind string, from, to, next int) {
	text := s.text
	end := i
	for end < len(text) && isDigit(text[end]) {
		end++
	}
	if partOfCode(text, i) {
		return "", 0, 0, end
	}
	if to := card(text, i); to > 0 {
		return KindCard, i, to, 0
	}
	if to := numberThenStreet(text, i, end); to > 0 {
		return KindAddress, i, to, 0
	}
	if to := nationalPhone(text, i); to > 0 {
		return KindPhone, i, to, 0
	}
	return "", 0, 0, end
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

func isLetter(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' }

func isWord(b byte) bool { return isDigit(b) || isLetter(b) || b == '_' }

// wordBefore reports whether a letter or digit ends at i.
func wordBefore(text string, i int) bool {
	if i == 0 {
		return false
	}
	if b := text[i-1]; b < utf8.RuneSelf {
		return isWord(b)
	}
	r, _ := utf8.DecodeLastRuneInString(text[:i])
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

// wordAfter reports whether a letter or digit begins at i.
func wordAfter(text string, i int) bool {
	if i >= len(text) {
		return false
	}
	if b := text[i]; b < utf8.RuneSelf {
		return isWord(b)
	}
	r, _ := utf8.DecodeRuneInString(text[i:])
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

// partOfCode reports whether what begins at i goes on from letters or digits, as
// the second half of a SKU does: AB-4711, R_12.5, /1001.
func partOfCode(text string, i int) bool {
	if wordBefore(text, i) {
		return true
	}
	return i >= 2 && strings.IndexByte("-./_", text[i-1]) >= 0 && wordBefore(text, i-1)
}

// codeGoesOn is the same for what comes after.
func codeGoesOn(text string, i int) bool {
	if wordAfter(text, i) {
		return true
	}
	return i+1 < len(text) && strings.IndexByte("-./_", text[i]) >= 0 && wordAfter(text, i+1)
}

// tokenEnd returns where the next space, quote or comma is.
func tokenEnd(text string, i int) int {
	if n := strings.IndexAny(text[i:], " \t\r\n\"',;<>[]()"); n >= 0 {
		return i + n
	}
	return len(text)
}
