package main

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// person is who bought, as far as notes may name them.
type person struct {
	FirstName, LastName, Email, Phone string
}

// Personal data goes in two ways: by what is known of the customer, and by what
// looks like it. A note is masked when it is read from the shop, so neither a
// model, nor a request, nor a metafield, nor a page has ever more.
var patterns = []struct {
	re   *regexp.Regexp
	mask string
}{
	{regexp.MustCompile(`(?i)[\p{L}\p{N}._%+'-]+\s*(@|\(at\)|\[at\])\s*[\p{L}\p{N}.-]+\.\p{L}{2,}`), "[email]"},
	{regexp.MustCompile(`(?i)\b(https?://|www\.)\S+`), "[link]"},
	{regexp.MustCompile(`(^|\s)@[\p{L}\p{N}_.]{3,}`), "$1[handle]"},
	{regexp.MustCompile(`\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b`), "[number]"}, // IBAN
	{regexp.MustCompile(`\b\d(?:[ -]?\d){12,18}\b`), "[number]"},
	{regexp.MustCompile(`(?:\+|\b00|\(|\b)\d(?:[\s().\-/]{0,2}\d){6,14}\b`), "[number]"},
	{regexp.MustCompile(`\b\d{1,5}[a-z]? (?:\p{Lu}[\p{L}'’-]+ ){1,3}(?:Street|St|Road|Rd|Lane|Ln|Avenue|Ave|Row|Drive|Dr|Way|Court|Ct|Place|Pl|Square|Terrace|Close|Boulevard|Blvd)\b\.?`), "[address]"},
	{regexp.MustCompile(`\b\p{Lu}[\p{L}-]*(?:straße|strasse|str\.|weg|gasse|platz|straat|laan) \d{1,4}(?: ?[a-z]\b)?`), "[address]"},
	{regexp.MustCompile(`\b\d{1,4},? (?:rue|avenue|boulevard|place|chemin|calle|via|rua) (?:\p{L}+ ?){1,4}`), "[address]"},
	{regexp.MustCompile(`\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Herrn?|Frau|Mme|Mlle|Monsieur|Madame|Señora?|Sra?|Signora?|Mevr|Dhr)\b\.? (?:\p{Lu}[\p{L}'’-]+ ?){1,3}`), "[name] "},
	{regexp.MustCompile(`(?i:\bmy name is|\bask for|\bsigned,?|\bregards,?|\bgrüße,?|\bich heiße|\bje m'appelle|\bme llamo|\bmi chiamo) (?:\p{Lu}[\p{L}'’-]+ ?){1,3}`), "[name] "},
	{regexp.MustCompile(`\b(?:approved|authori[sz]ed|served|seen|sold) by \p{Lu}[\p{L}'’-]+(?: \p{Lu}[\p{L}'’-]+)?`), "by [name]"},
}

// mask returns a note without personal data.
func mask(text string, p person) string {
	text = replaceWord(text, p.Email, "[email]")
	text = replaceWord(text, p.Phone, "[number]")
	for _, pattern := range patterns {
		text = pattern.re.ReplaceAllString(text, pattern.mask)
	}
	for _, name := range []string{p.FirstName + " " + p.LastName, p.LastName, p.FirstName} {
		text = replaceWord(text, name, "[name]")
	}
	return text
}

// replaceWord replaces a value where it stands as a word of its own, in whatever
// case. A single letter is nobody's name.
func replaceWord(text, value, mask string) string {
	value = strings.TrimSpace(value)
	if utf8.RuneCountInString(value) < 2 {
		return text
	}
	re := regexp.MustCompile(`(?i)(^|[^\p{L}\p{N}])` + regexp.QuoteMeta(value) + `($|[^\p{L}\p{N}])`)
	for range 2 { // neighbors share their boundary
		text = re.ReplaceAllString(text, "${1}"+strings.ReplaceAll(mask, "$", "$$")+"${2}")
	}
	return text
}

// twoNames are capitalized words in a row, which read as a name. German begins
// sentences with words that only look like one.
var twoNames = regexp.MustCompile(`\p{Lu}\p{Ll}[\p{L}'’-]*\s+\p{Lu}\p{Ll}[\p{L}'’-]*`)

var germanStart = regexp.MustCompile(`(^|[.!?] )(?:Der|Die|Das|Den|Ein|Eine|Mein|Meine|Kein|Keine|Falsche[rns]?|Am|Im|Beim|Nach|Vom|Zum|Zur|Auf|Ist|War) `)

// coarse are words that no shop puts on a page.
var coarse = []string{
	"arse*", "asshole*", "bastard*", "bitch*", "bloody", "bullshit", "cunt*", "damn*", "fuck*", "idiot*", "moron*", "stupid", "shit*", "wank*", "go to hell",
	"arschloch", "scheiss*", "idioten", "merde", "connard*", "mierda", "cabron*", "stronz*", "cazzo", "klootzak*", "kut", "merda", "blind", "clowns",
}

// quotable returns a quote for others to read, or "" if it is none: it is masked,
// plain text, civil, gives no orders, and names nobody.
func quotable(quote string, p person) string {
	quote = strings.Join(strings.Fields(mask(quote, p)), " ")
	switch {
	case quote == "" || suspicious(quote) || !utf8.ValidString(quote) || !strings.ContainsFunc(quote, unicode.IsLetter):
		return ""
	case strings.ContainsAny(quote, "<>{}\\`"):
		return ""
	case strings.ContainsFunc(quote, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != '\u200d' }):
		return ""
	case twoNames.MatchString(germanStart.ReplaceAllString(quote, "$1")) || strings.Contains(quote, "[name]"):
		return ""
	case coarseWords.MatchString(normalize(quote)):
		return ""
	}
	return clip(quote, maxQuote)
}

var coarseWords = func() *regexp.Regexp {
	var alternatives []string
	for _, w := range slices.Sorted(slices.Values(coarse)) {
		alternatives = append(alternatives, expression(w))
	}
	return regexp.MustCompile(strings.Join(alternatives, "|"))
}()
