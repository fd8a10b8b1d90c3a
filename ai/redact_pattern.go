package ai

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A digitRun is digits in groups, such as 4111 1111 1111 1111 or (212) 555-0100.
type digitRun struct {
	digits [24]byte
	groups [10]digitGroup
	count  int // of groups
}

type digitGroup struct {
	end    int  // in the text, behind a closing parenthesis
	total  int  // digits up to here
	length int  // digits of the group
	before byte // separator before the group: 0, ' ', '-', '.', '/'
	paren  bool
}

// readDigits reads digits from i on; groups are separated by one character, and
// one of them may stand in parentheses.
func readDigits(text string, i int) (run digitRun) {
	total := 0
	var before byte
	for run.count < len(run.groups) {
		g := digitGroup{before: before}
		if i < len(text) && text[i] == '(' {
			g.paren = true
			i++
		}
		for i < len(text) && isDigit(text[i]) {
			if total == len(run.digits) {
				return digitRun{} // far too long
			}
			run.digits[total] = text[i]
			total++
			g.length++
			i++
		}
		if g.length == 0 {
			return run
		}
		if g.paren {
			if i >= len(text) || text[i] != ')' {
				return run
			}
			i++
		}
		g.end, g.total = i, total
		run.groups[run.count] = g
		run.count++
		if i >= len(text) {
			return run
		}
		before = 0
		switch {
		case strings.IndexByte(" -./", text[i]) >= 0:
			before = text[i]
			i++
		case strings.HasPrefix(text[i:], "\u00a0"): // a space that does not break
			before = ' '
			i += 2
		case !g.paren:
			return run
		}
	}
	return run
}

// card returns the end of a card number at i, or 0: 15 to 19 digits, or 14 in a
// card's groups (without them they are Shopify's numeric IDs and GTINs), of a known
// range and with a valid check digit. Thirteen digits are a barcode.
func card(text string, i int) int {
	run := readDigits(text, i)
	for k := run.count - 1; k >= 0; k-- {
		g := run.groups[k]
		if g.total < 14 || g.total > 19 || codeGoesOn(text, g.end) {
			continue
		}
		if cardGroups(run.groups[:k+1]) && cardRange(run.digits[:g.total], k > 0) && luhn(run.digits[:g.total]) {
			return g.end
		}
	}
	return 0
}

// cardGroups reports whether the digits are in one piece or as on a card.
func cardGroups(groups []digitGroup) bool {
	for k, g := range groups {
		if g.paren || g.before == '.' || g.before == '/' {
			return false
		}
		if len(groups) > 1 && (g.length < 3 || g.length > 6 || k < len(groups)-1 && g.length < 4) {
			return false
		}
	}
	return true
}

// cardRange reports whether a card's number can begin like this.
// https://en.wikipedia.org/wiki/Payment_card_number#Issuer_identification_number_(IIN)
func cardRange(d []byte, grouped bool) bool {
	prefix := 0
	for _, b := range d[:4] {
		prefix = prefix*10 + int(b-'0')
	}
	two := prefix / 100
	switch len(d) {
	case 14:
		return grouped && (two == 36 || two == 38 || prefix >= 3000 && prefix <= 3059)
	case 15:
		return two == 34 || two == 37
	case 16:
		return d[0] == '4' || d[0] == '5' || d[0] == '6' || prefix >= 2221 && prefix <= 2720 || two == 35
	case 19:
		return d[0] == '4' || d[0] == '5' || d[0] == '6' || two == 35
	}
	return d[0] == '5' || d[0] == '6' || two == 35
}

// luhn checks the last digit. https://en.wikipedia.org/wiki/Luhn_algorithm
func luhn(d []byte) bool {
	sum := 0
	for i := range d {
		v := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}

// internationalPhone returns the end of a number such as +49 30 1234567 at i, or 0.
func internationalPhone(text string, i int) int {
	if text[i] != '+' || i+1 >= len(text) || !isDigit(text[i+1]) || text[i+1] == '0' || wordBefore(text, i) {
		return 0
	}
	run := readDigits(text, i+1)
	for k := run.count - 1; k >= 0; k-- {
		g := run.groups[k]
		if g.total >= 8 && g.total <= 15 && !codeGoesOn(text, g.end) { // E.164 allows 15 at most
			return g.end
		}
	}
	return 0
}

// nationalPhone returns the end of a phone number without a country code at i, or
// 0. Digits alone could be anything: it takes the groups of a phone number, or a
// word such as "phone" before them.
func nationalPhone(text string, i int) int {
	if partOfCode(text, i) {
		return 0
	}
	run := readDigits(text, i)
	for k := run.count - 1; k >= 0; k-- {
		groups, g := run.groups[:k+1], run.groups[k]
		if codeGoesOn(text, g.end) {
			continue
		}
		digits := run.digits[:g.total]
		if northAmerican(groups, digits) || trunkPrefix(groups, digits) {
			return g.end
		}
		if g.total >= 7 && g.total <= 15 && saysPhone(text[:i]) {
			return g.end
		}
	}
	return 0
}

// northAmerican: (212) 555-0100, 212-555-0100, 212.555.0100, 1-212-555-0100.
func northAmerican(groups []digitGroup, d []byte) bool {
	if len(groups) == 4 && groups[0].length == 1 && d[0] == '1' {
		groups, d = groups[1:], d[1:]
	}
	if len(groups) != 3 || groups[0].length != 3 || groups[1].length != 3 || groups[2].length != 4 {
		return false
	}
	if d[0] < '2' || d[3] < '2' { // neither an area nor an exchange begins with 0 or 1
		return false
	}
	separator := groups[2].before
	return groups[0].paren || separator == groups[1].before && (separator == '-' || separator == '.')
}

// trunkPrefix: 030 1234567, 020 7946 0958, 01 23 45 67 89, 0171/1234567.
func trunkPrefix(groups []digitGroup, d []byte) bool {
	if len(groups) < 2 || d[0] != '0' || d[1] == '0' || len(d) < 9 || len(d) > 12 || groups[0].length < 2 {
		return false
	}
	for i, g := range groups {
		if g.before == '.' || g.length > 8 || i > 0 && g.paren {
			return false
		}
	}
	date := groups[0].length == 2 && groups[1].length == 2 && (groups[1].before == '-' || groups[1].before == '/')
	return !date
}

var phoneWords = []string{
	"phone", "telephone", "tel", "mobile", "cell", "call", "fax", "whatsapp", "sms", "number is",
	"telefon", "handy", "mobil", "téléphone", "tél", "portable", "teléfono", "móvil", "telefono", "cellulare", "telefone", "celular",
}

// saysPhone reports whether the text ends with a word for a phone, and perhaps
// punctuation.
func saysPhone(text string) bool {
	text = strings.TrimRight(text[max(0, len(text)-24):], " :.#\t\u00a0\"'")
	for _, word := range phoneWords {
		at := len(text) - len(word)
		if at >= 0 && strings.EqualFold(text[at:], word) && !wordBefore(text, at) {
			return true
		}
	}
	return false
}

// emailAround returns an e-mail address with its "@" at i, or 0. It begins at from
// or later.
func emailAround(text string, at, from int) (start, end int) {
	start = at
	for start > from {
		r, size := utf8.DecodeLastRuneInString(text[from:start])
		if !mailLocal(r) || at-start > 64 {
			break
		}
		start -= size
	}
	for start < at && strings.IndexByte(".-'", text[start]) >= 0 {
		start++
	}
	if start == at {
		return 0, 0
	}
	if end = domainEnd(text, at+1); end == 0 {
		return 0, 0
	}
	return start, end
}

// emailFrom returns the end of an e-mail address that begins at i, or 0.
func emailFrom(text string, i int) int {
	for j, r := range text[i:] {
		switch {
		case r == '@' && j > 0:
			return domainEnd(text, i+j+1)
		case !mailLocal(r) || j > 64:
			return 0
		}
	}
	return 0
}

func mailLocal(r rune) bool {
	return r < utf8.RuneSelf && (isWord(byte(r)) || strings.IndexByte(".+-%&'", byte(r)) >= 0) ||
		r >= utf8.RuneSelf && r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// domainEnd returns the end of a domain at i that has a dot and a top-level domain
// of letters, or 0.
func domainEnd(text string, i int) int {
	end, dot := i, -1
	for j, r := range text[i:] {
		if r == '.' {
			if j > 0 && dot < i+j-1 {
				dot = i + j
			} else {
				break // two dots, or one at the start
			}
		} else if r != '-' && (r == utf8.RuneError || !unicode.IsLetter(r) && !unicode.IsDigit(r)) {
			break
		}
		if r != '.' && r != '-' {
			end = i + j + utf8.RuneLen(r)
		}
	}
	for dot >= end { // a dot that ends the sentence
		dot = strings.LastIndexByte(text[i:end], '.')
		if dot < 0 {
			return 0
		}
		dot += i
	}
	if dot <= i || utf8.RuneCountInString(text[dot+1:end]) < 2 || isDigit(text[dot+1]) {
		return 0
	}
	return end
}

// ibanLengths are the lengths of account numbers by country.
// https://www.swift.com/standards/data-standards/iban-international-bank-account-number
const ibanLengths = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 " +
	"FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 " +
	"LV21 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 " +
	"SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20"

// iban returns the end of an IBAN at i, or 0. It may be in groups of four.
func iban(text string, i int) int {
	if len(text)-i < 15 || !isDigit(text[i+2]) || !isDigit(text[i+3]) || text[i+1] < 'A' || text[i+1] > 'Z' || partOfCode(text, i) {
		return 0
	}
	at := strings.Index(ibanLengths, text[i:i+2])
	if at < 0 {
		return 0
	}
	length := int(ibanLengths[at+2]-'0')*10 + int(ibanLengths[at+3]-'0')
	var chars [34]byte
	n, end := 0, i
	for end < len(text) && n < length {
		b := text[end]
		switch {
		case isDigit(b) || 'A' <= b && b <= 'Z':
			chars[n] = b
			n++
		case b == ' ' && n > 0 && n%4 == 0 && text[end-1] != ' ':
		default:
			return 0
		}
		end++
	}
	if n < length || wordAfter(text, end) {
		return 0
	}
	rest := 0
	for _, b := range slices.Concat(chars[4:length], chars[:4]) {
		if isDigit(b) {
			rest = (rest*10 + int(b-'0')) % 97
		} else {
			rest = (rest*100 + int(b-'A') + 10) % 97
		}
	}
	if rest != 1 {
		return 0
	}
	return end
}
