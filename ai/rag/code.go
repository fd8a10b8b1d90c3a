package rag

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// LooseCode returns what two ways of writing a SKU, barcode or ID have in common: upper
// case, no white space, hyphens, points, slashes or underscores, and of a barcode (only digits,
// 8 to 14 of them) no leading zeros, since a scanner may read a UPC as an EAN with a zero
// in front. It is empty if nothing is left. Implementations of [Index] look codes up by
// it.
func LooseCode(s string) string {
	if strings.HasPrefix(s, "gid://") {
		return s
	}
	ascii := true
	for i := range len(s) {
		ascii = ascii && s[i] < 0x80
	}
	if !ascii {
		s = norm.NFKC.String(s)
	}
	digits := true
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || strings.ContainsRune("-./_", r) {
			return -1
		}
		digits = digits && '0' <= r && r <= '9'
		return unicode.ToUpper(r)
	}, s)
	if digits && 8 <= len(s) && len(s) <= 14 {
		s = strings.TrimLeft(s, "0")
	}
	return s
}

// codes calls yield for every code of a document.
func (d *Document) codes(yield func(field, value string, v *Variant)) {
	yield("id", d.ID, nil)
	if d.Page != "" {
		yield("page", d.Page, nil)
	}
	for i := range d.Variants {
		v := &d.Variants[i]
		for _, c := range [...]struct{ field, value string }{
			{"variant", v.ID}, {"sku", v.SKU}, {"barcode", v.Barcode}, {"inventory item", v.InventoryItem},
		} {
			if c.value != "" {
				yield(c.field, c.value, v)
			}
		}
	}
}

// MatchCode returns the best match of a code with those of a document, or nil. The
// same writing is better than another one.
func (d *Document) MatchCode(code string) *CodeMatch {
	var best *CodeMatch
	loose := LooseCode(code)
	d.codes(func(field, value string, v *Variant) {
		if best != nil && !best.Loose || value != code && (loose == "" || LooseCode(value) != loose) {
			return
		}
		if value != code && best != nil {
			return
		}
		best = &CodeMatch{Field: field, Value: value, Loose: value != code}
		if v != nil {
			best.Variant = v.ID
		}
	})
	return best
}

// QueryCodes returns what in a query may be a code: all of it, and the words that have
// a digit, at most 16. Implementations of [Index] look these up.
func QueryCodes(text string) []string {
	const most = 16
	var codes []string
	add := func(s string) {
		if slices.Contains(codes, s) {
			return
		}
		if len(s) <= maxID && LooseCode(s) != "" && len(codes) < most {
			codes = append(codes, s)
		}
	}
	add(strings.TrimSpace(text))
	for word := range strings.FieldsSeq(text) {
		word = strings.Trim(word, ",;:!?\"'()[]“”„«»")
		if len(word) >= 4 && strings.ContainsAny(word, "0123456789") {
			add(strings.TrimRight(word, "."))
		}
	}
	return codes
}

func validID(what, id string) error {
	if id == "" || len(id) > maxID || !utf8.ValidString(id) || hasControl(id) {
		return invalid("%s ID", what)
	}
	return nil
}
