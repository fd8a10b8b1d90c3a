package ai

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Words that end the name of a street before which the number stands.
var streetSuffixes = map[string]bool{
	"st": true, "street": true, "ave": true, "avenue": true, "rd": true, "road": true, "blvd": true, "boulevard": true,
	"ln": true, "lane": true, "dr": true, "drive": true, "ct": true, "court": true, "way": true, "pl": true, "place": true,
	"sq": true, "square": true, "ter": true, "terrace": true, "hwy": true, "highway": true, "pkwy": true, "parkway": true,
	"close": true, "crescent": true, "cres": true, "loop": true, "row": true, "mews": true, "gardens": true,
}

// Words that begin the name of a street in French, where the number stands first.
var frenchStreets = []string{"rue ", "avenue ", "boulevard ", "bd ", "place ", "chemin ", "impasse ", "allée ", "quai ", "cours "}

// Words that begin the name of a street in Spanish, Italian and Portuguese. They
// are words of other things too, so a postal code must follow.
var romanceStreets = []string{"Calle ", "Avenida ", "Avda. ", "Paseo ", "Plaza ", "Via ", "Viale ", "Piazza ", "Corso ", "Rua "}

// Endings of the name of a street after which the number stands.
var compoundStreets = []string{"straße", "strasse", "str.", "weg", "gasse", "allee", "platz", "straat", "laan", "gracht", "plein"}

// maxTail is how far behind a street a postal code may stand, in bytes.
const maxTail = 60

// numberThenStreet returns the end of a line such as "12B Main Street, Apt 4,
// Springfield, IL 62701" or "12 rue de la Paix, 75002 Paris" whose house number is
// text[i:end], or 0.
func numberThenStreet(text string, i, end int) int {
	if end-i > 5 {
		return 0
	}
	if end < len(text) && isLetter(text[end]) && !wordAfter(text, end+1) { // 12B
		end++
	}
	if !strings.HasPrefix(text[end:], " ") && !strings.HasPrefix(text[end:], ", ") {
		return 0
	}
	rest := strings.TrimLeft(text[end:], ", ")
	at := len(text) - len(rest)
	for _, french := range frenchStreets {
		if len(rest) > len(french) && strings.EqualFold(rest[:len(french)], french) {
			if stop := lineWords(text, at+len(french), 6); stop > at+len(french) {
				return withPostalCode(text, stop)
			}
		}
	}
	// One to four words in capitals or ordinals, then a suffix.
	for n := range 5 {
		word := streetWord(text, at)
		if word == "" {
			return 0
		}
		stop := at + len(word)
		if n > 0 && streetSuffixes[strings.ToLower(strings.TrimSuffix(word, "."))] {
			tail := withPostalCode(text, stop)
			switch {
			case tail > stop:
				return tail
			case capitalFollows(text, stop):
				return 0 // "3 Piece Court Shoes"
			}
			return at + len(strings.TrimSuffix(word, "."))
		}
		if stop >= len(text) || text[stop] != ' ' {
			return 0
		}
		at = stop + 1
	}
	return 0
}

// streetWord returns the word at i if it may be part of a street's name: it
// begins with a capital letter or is an ordinal.
func streetWord(text string, i int) string {
	stop := wordStop(text, i)
	if stop == i {
		return ""
	}
	first, _ := utf8.DecodeRuneInString(text[i:])
	if !unicode.IsUpper(first) && !isDigit(text[i]) {
		return ""
	}
	return text[i:stop]
}

// wordStop returns where the word at i ends: letters, digits, and single points,
// hyphens and apostrophes after them.
func wordStop(text string, i int) int {
	stop := i
	for stop < len(text) {
		r, size := utf8.DecodeRuneInString(text[stop:])
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
		case stop > i && strings.ContainsRune(".-'’", r) && text[stop-1] != '.' && text[stop-1] != '-':
		default:
			return stop
		}
		stop += size
	}
	return stop
}

func capitalFollows(text string, i int) bool {
	if !strings.HasPrefix(text[i:], " ") {
		return false
	}
	r, _ := utf8.DecodeRuneInString(text[i+1:])
	return unicode.IsUpper(r)
}

// lineWords returns the end of up to n words from i on, before a comma or the end
// of the line.
func lineWords(text string, i, n int) int {
	stop := i
	for range n {
		end := wordStop(text, i)
		if end == i {
			break
		}
		stop = end
		if end >= len(text) || text[end] != ' ' {
			break
		}
		i = end + 1
	}
	return stop
}

// streetThenNumber returns the end of a line such as "Hauptstraße 12, 10115
// Berlin" that begins at i, or 0.
func streetThenNumber(text string, i int) int {
	for _, romance := range romanceStreets {
		if text[i] == romance[0] && strings.HasPrefix(text[i:], romance) {
			stop := i + len(romance)
			for stop < len(text) && stop-i < maxTail && !isDigit(text[stop]) && text[stop] != '\n' {
				stop++
			}
			if number := houseNumber(text, stop); number > 0 {
				if tail := withPostalCode(text, number); tail > number {
					return tail
				}
			}
			return 0
		}
	}
	stop := wordStop(text, i)
	if !isStreet(text[i:stop]) {
		if stop >= len(text) || text[stop] != ' ' { // or it is the second word: Berliner Straße
			return 0
		}
		second := wordStop(text, stop+1)
		if !isStreet(text[stop+1 : second]) {
			return 0
		}
		stop = second
	}
	if stop >= len(text) || text[stop] != ' ' {
		return 0
	}
	if number := houseNumber(text, stop+1); number > 0 {
		return withPostalCode(text, number)
	}
	return 0
}

func isStreet(word string) bool {
	if len(word) < 4 {
		return false
	}
	for _, ending := range compoundStreets {
		at := len(word) - len(ending)
		if at >= 0 && strings.EqualFold(word[at:], ending) && (at > 1 || len(ending) > 4) {
			return true
		}
	}
	return false
}

// houseNumber returns the end of a house number at i, such as 12, 12a or 12-14, or 0.
func houseNumber(text string, i int) int {
	end := i
	for end < len(text) && isDigit(text[end]) && end-i < 5 {
		end++
	}
	if end == i {
		return 0
	}
	if end+1 < len(text) && text[end] == '-' && isDigit(text[end+1]) {
		end++
		for end < len(text) && isDigit(text[end]) {
			end++
		}
	}
	if end < len(text) && isLetter(text[end]) && !wordAfter(text, end+1) {
		end++
	}
	if wordAfter(text, end) {
		return 0
	}
	return end
}

// withPostalCode returns the end of the rest of an address after i, if there is a
// postal code on the line; else i.
func withPostalCode(text string, i int) int {
	limit := min(len(text), i+maxTail)
	for j := i; j < limit && text[j] != '\n'; j++ {
		if wordBefore(text, j) {
			continue
		}
		if end := postalCode(text, j); end > 0 {
			if j > i+2 || end >= len(text) { // the code comes last, after the town
				return end
			}
			if town := lineWords(text, end+1, 2); text[end] == ' ' && town > end+1 && capitalFollows(text, end) {
				return town
			}
			return end
		}
	}
	return i
}

// postalCode returns the end of a postal code at i, or 0: 62701, 62701-1234,
// 75002, SW1A 1AA, K1A 0B1; four digits with letters, as in 1016 GV.
func postalCode(text string, i int) int {
	shape := func(pattern string) int {
		end := i
		for _, p := range []byte(pattern) {
			if end >= len(text) {
				return 0
			}
			b := text[end]
			if p == '9' && !isDigit(b) || p == 'A' && (b < 'A' || b > 'Z') || p != '9' && p != 'A' && b != p {
				return 0
			}
			end++
		}
		if wordAfter(text, end) {
			return 0
		}
		return end
	}
	for _, pattern := range []string{
		"99999-9999", "99999", "A99 9AA", "A9 9AA", "AA9 9AA", "AA99 9AA", "A9A 9AA", "AA9A 9AA", "A9A 9A9", "9999 AA",
	} {
		if end := shape(pattern); end > 0 {
			return end
		}
	}
	return 0
}
