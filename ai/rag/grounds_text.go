package rag

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/ai/rag/internal/text"
)

var (
	// citation is an ID in brackets, or a GID anywhere.
	citation = regexp.MustCompile(`\[([^\[\]\s]{1,256})\]|gid://shopify/[A-Za-z]+/[0-9]+`)

	// figure is a number with what is written close to it.
	figure = regexp.MustCompile(`[0-9]+(?:[.,'\x{00a0}\x{202f}][0-9]+)*`)

	// code is a word with letters and digits, or one of capitals with hyphens.
	code = regexp.MustCompile(`[\pL0-9]+(?:[-_./][\pL0-9]+)*`)

	// capitals are codes without a digit, such as TEE-RED.
	capitals = regexp.MustCompile(`^[A-Z]{2,}(?:[-_][A-Z]+)+$`)

	// measure is a number with a unit, an ordinal or a multiple behind it.
	measure = regexp.MustCompile(`^([0-9]+(?:[.,][0-9]+)*)(\pL{1,3})$`)

	// item is the number of a list.
	item = regexp.MustCompile(`^\s*(?:[-*]\s+)?[0-9]{1,2}[.)]\s`)

	// currency is a sign or an ISO 4217 code.
	currency = regexp.MustCompile(`(?:\p{Sc}|\b(?:USD|EUR|GBP|CAD|AUD|NZD|CHF|JPY|SEK|NOK|DKK|PLN|CZK|HUF|RON|TRY|INR|SGD|HKD|MXN|BRL|ZAR|Euro|euros?|dollars?|pounds?|Fr\.|kr)(?:\b|$))`)

	// inStock says that a sentence is about stock.
	inStock = regexp.MustCompile(`(?i)\b(?:in stock|left|available|on hand|remaining|units?|auf lager|vorr[äa]tig|verf[üu]gbar|st[üu]ck|en stock|disponibles?|restantes?|restants?|unidades|existencias|disponibil[ei]|pezzi|op voorraad|stuks|beschikbaar|em estoque|dispon[íi]ve(?:l|is)|i lager|på lager)(?:\b|$)|在庫`)

	// spelled are numbers in words, right before what says that it is about stock.
	spelled = regexp.MustCompile(`(?i)\b(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|deux|trois|quatre|cinq|sept|huit|neuf|dix|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|due|quattro|cinque|sei|sette|otto|nove|dieci)\s+(?:(?:\pL+\s+){0,2})(?:in stock|left|available|on hand|remaining|auf lager|vorrätig|verfügbar|en stock|disponibles?|restantes?|restants?|disponibili)`)
)

var spelledNumbers = map[string]int64{
	"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
	"zwei": 2, "drei": 3, "vier": 4, "fünf": 5, "sechs": 6, "sieben": 7, "acht": 8, "neun": 9, "zehn": 10,
	"deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "sept": 7, "huit": 8, "neuf": 9, "dix": 10,
	"dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "seis": 6, "siete": 7, "ocho": 8, "nueve": 9, "diez": 10,
	"due": 2, "quattro": 4, "cinque": 5, "sei": 6, "sette": 7, "otto": 8, "nove": 9, "dieci": 10,
}

// citations returns the IDs that a text cites or names, each once: those that were
// found, and those that were not. What stands in brackets is a citation if it looks
// like an ID.
func (g *Grounds) citations(s string) (known, unknown []string) {
	for _, m := range citation.FindAllStringSubmatch(s, -1) {
		id := m[1]
		if id == "" {
			id = m[0]
		}
		switch _, _, ok := g.find(id); {
		case ok:
			if !slices.Contains(known, id) {
				known = append(known, id)
			}
		case strings.ContainsAny(id, ":#") && !slices.Contains(unknown, id):
			unknown = append(unknown, id)
		}
	}
	return known, unknown
}

// sentences divides a text after full stops and at line ends. A point inside of a
// number or an ID ends nothing. What cites right behind a sentence belongs to it.
func sentences(s string) []string {
	var list []string
	start := 0
	for i := 0; i < len(s); i++ {
		end := false
		switch s[i] {
		case '\n':
			end = true
		case '.', '!', '?':
			end = i+1 < len(s) && (s[i+1] == ' ' || s[i+1] == '\n')
		}
		if !end {
			continue
		}
		i++
		if s[i-1] != '\n' {
			if loc := trailing.FindStringIndex(s[i:]); loc != nil {
				i += loc[1]
			}
		}
		if part := s[start:i]; strings.TrimSpace(part) != "" {
			// The number of a list is no sentence.
			if !item.MatchString(part+" ") || strings.IndexFunc(part, isLetter) >= 0 {
				list = append(list, part)
				start = i
			}
		}
		i--
	}
	if part := s[start:]; strings.TrimSpace(part) != "" {
		list = append(list, part)
	}
	return list
}

// trailing are citations behind a sentence.
var trailing = regexp.MustCompile(`^(?:[ \t]*\[[^\[\]\s]{1,256}\])+`)

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= 0x80 }

// A source is what one sentence may rest on.
type source struct {
	variants []Variant
	codes    map[string]bool // LooseCode
	words    map[string]bool // folded words of the texts that have a digit, or capitals and a hyphen
	numbers  map[string]bool // in the texts
	amounts  map[string]bool // of those, amounts of money; prices; and what is allowed
}

// source gathers what was cited, or everything.
func (g *Grounds) source(cited []string) *source {
	s := &source{codes: map[string]bool{}, words: map[string]bool{}, numbers: map[string]bool{}, amounts: map[string]bool{}}
	for _, t := range g.allowed {
		s.read(t)
	}
	for n := range s.numbers {
		s.amounts[n] = true
	}
	if len(cited) == 0 {
		cited = g.order
	}
	for _, id := range cited {
		d, v, ok := g.find(id)
		if !ok {
			continue
		}
		variants := d.Variants
		if v != nil {
			variants = []Variant{*v}
		}
		s.variants = append(s.variants, variants...)
		for _, t := range []string{d.Title, d.Body, d.Vendor, d.Type, d.URL, strings.Join(d.Tags, " ")} {
			s.read(t)
		}
		for i := range d.Variants {
			s.read(d.Variants[i].Title)
		}
		for i := range variants {
			v := &variants[i]
			s.amounts[v.Price.String()] = true
			for _, c := range []string{v.SKU, v.Barcode} {
				if c != "" {
					s.codes[LooseCode(c)] = true
				}
			}
		}
	}
	return s
}

// read takes in a text.
func (s *source) read(t string) {
	for _, w := range code.FindAllString(t, -1) {
		if strings.ContainsAny(w, "0123456789") || capitals.MatchString(w) {
			s.words[text.Fold(w)] = true
		}
	}
	for _, loc := range figure.FindAllStringIndex(t, -1) {
		for _, n := range readings(t[loc[0]:loc[1]]) {
			s.numbers[n] = true
			if money(t, loc) {
				s.amounts[n] = true
			}
		}
	}
}

// readings returns what a number may mean, since languages exchange points and commas.
func readings(f string) []string {
	f = strings.Map(func(r rune) rune {
		if r == '\'' || r == '\u00a0' || r == '\u202f' {
			return -1
		}
		return r
	}, f)
	if len(f) > 40 {
		return nil
	}
	var list []string
	add := func(s string) {
		if d, err := decimal.NewFromString(s); err == nil {
			list = append(list, d.String())
		}
	}
	plain := strings.NewReplacer(".", "", ",", "")
	add(plain.Replace(strings.ReplaceAll(f, ",", "")))
	last := strings.LastIndexAny(f, ".,")
	if last < 0 {
		return list
	}
	if len(f)-last-1 != 3 {
		list = nil // not thousands
	}
	add(plain.Replace(f[:last]) + "." + f[last+1:])
	return list
}

// checkText holds the figures and codes of a sentence against its source.
func (g *Grounds) checkText(s string, src *source) []Violation {
	var list []Violation
	plain := citation.ReplaceAllString(s, " ")
	if loc := item.FindStringIndex(plain); loc != nil {
		plain = strings.Repeat(" ", loc[1]) + plain[loc[1]:]
	}
	places, name := g.places(plain)
	plain = places.without
	stocked := inStock.MatchString(plain)
	left := stocks(src.variants, places.ids)

	// Codes first: their digits are no figures.
	plain = code.ReplaceAllStringFunc(plain, func(w string) string {
		digits := strings.ContainsAny(w, "0123456789")
		letters := strings.IndexFunc(w, isLetter) >= 0
		switch {
		case !digits && !capitals.MatchString(w), digits && !letters && !src.codes[LooseCode(w)]:
			return w
		case src.words[text.Fold(w)] || src.codes[LooseCode(w)]:
			return " "
		}
		if m := measure.FindStringSubmatch(w); m != nil {
			return m[1] + " "
		}
		list = append(list, Violation{Fault: UnknownCode, Value: w})
		return " "
	})
	for _, loc := range figure.FindAllStringIndex(plain, -1) {
		f := plain[loc[0]:loc[1]]
		values := readings(f)
		is := func(set map[string]bool) bool {
			return slices.ContainsFunc(values, func(v string) bool { return set[v] })
		}
		switch {
		case money(plain, loc):
			if !is(src.amounts) {
				list = append(list, Violation{Fault: UnknownPrice, Value: f})
			}
		case stocked && slices.ContainsFunc(values, func(v string) bool {
			n, err := strconv.ParseInt(v, 10, 64)
			return err == nil && left[n]
		}):
		case stocked && (!is(src.numbers) || counts(plain, loc)):
			list = append(list, Violation{Fault: UnknownStock, Value: f, Location: name})
		case !is(src.numbers) && !is(src.amounts):
			list = append(list, Violation{Fault: UnknownFigure, Value: f})
		}
	}
	for _, m := range spelled.FindAllStringSubmatch(plain, -1) {
		if n := spelledNumbers[strings.ToLower(m[1])]; !left[n] {
			list = append(list, Violation{Fault: UnknownStock, Value: m[1], Location: name})
		}
	}
	return list
}

var (
	// countAfter and countBefore are what makes a number a count of what is there, and
	// sized what makes it a size.
	countAfter  = regexp.MustCompile(`(?i)^\s+(?:(?:more|pieces?|pairs?|units?|items?|weitere|exemplaires?|unidades|pezzi)\s+)?(?:are\s+)?(?:in stock|left|available|on hand|remaining|units?|auf lager|vorrätig|verfügbar|stück|en stock|disponibles?|restant|disponibili|op voorraad)`)
	countBefore = regexp.MustCompile(`(?i)(?:stock|left|available|lager|bestand|verfügbar|disponibles?|voorraad)\s*[:=]\s*$`)
	sized       = regexp.MustCompile(`(?i)(?:size|größe|gr\.|taille|talla|taglia|maat|number|no\.|nr\.)\s*$`)
)

// counts reports whether a figure says how many there are.
func counts(s string, loc []int) bool {
	return !sized.MatchString(s[:loc[0]]) && (countAfter.MatchString(s[loc[1]:]) || countBefore.MatchString(s[:loc[0]]))
}

// money reports whether a figure is an amount: a currency stands beside it, or it has
// two decimals.
func money(s string, loc []int) bool {
	f := s[loc[0]:loc[1]]
	if n := len(f); n > 3 && (f[n-3] == '.' || f[n-3] == ',') {
		return true
	}
	before := strings.TrimRight(s[max(0, loc[0]-8):loc[0]], " \u00a0\u202f")
	after := strings.TrimLeft(s[loc[1]:min(len(s), loc[1]+12)], " \u00a0\u202f-–—,.")
	if at := currency.FindAllStringIndex(before, -1); at != nil && at[len(at)-1][1] == len(before) {
		return true
	}
	at := currency.FindStringIndex(after)
	return at != nil && at[0] == 0
}

// namedPlaces are the locations that a sentence names.
type namedPlaces struct {
	ids     []string
	without string // the sentence without the names, which may have figures
}

func (g *Grounds) places(s string) (p namedPlaces, name string) {
	p.without = s
	for _, id := range sortedKeys(g.opts.Locations) {
		n := g.opts.Locations[id]
		if n == "" {
			continue
		}
		lower := strings.ToLower(p.without)
		if len(lower) != len(p.without) {
			lower = p.without
		}
		if at := strings.Index(lower, strings.ToLower(n)); at >= 0 {
			p.ids, name = append(p.ids, id), n
			p.without = p.without[:at] + strings.Repeat(" ", len(n)) + p.without[min(len(p.without), at+len(n)):]
		}
	}
	return p, name
}

// sortedKeys returns the IDs, those of the longest names first: "Main Street West" is
// not "Main Street".
func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		if len(m[a]) != len(m[b]) {
			return len(m[b]) - len(m[a])
		}
		return strings.Compare(a, b)
	})
	return keys
}
