package text

import (
	"strings"
)

// A unit is a name of a measure: ten to the shift times another.
type unit struct {
	name  string
	shift int
}

// units are what may follow a number. One quantity has one form: 0.5 l, 50 cl and
// 500ml are all 500ml.
var units = map[string]unit{
	"ml": {"ml", 0}, "cl": {"ml", 1}, "dl": {"ml", 2}, "l": {"ml", 3}, "lt": {"ml", 3}, "ltr": {"ml", 3},
	"liter": {"ml", 3}, "litre": {"ml", 3}, "liters": {"ml", 3}, "litres": {"ml", 3}, "litro": {"ml", 3}, "litros": {"ml", 3}, //nolint:misspell // British
	"milliliter": {"ml", 0}, "millilitre": {"ml", 0}, "milliliters": {"ml", 0}, "millilitres": {"ml", 0}, //nolint:misspell // British
	"mg": {"mg", 0}, "g": {"mg", 3}, "gr": {"mg", 3}, "gram": {"mg", 3}, "grams": {"mg", 3}, "gramm": {"mg", 3}, "kg": {"mg", 6}, "kilo": {"mg", 6}, "kilos": {"mg", 6},
	"mm": {"mm", 0}, "cm": {"mm", 1}, "m": {"mm", 3}, "meter": {"mm", 3}, "metre": {"mm", 3}, "meters": {"mm", 3}, "metres": {"mm", 3}, //nolint:misspell // British
	"inch": {"inch", 0}, "inches": {"inch", 0}, "zoll": {"inch", 0}, "ft": {"ft", 0}, "foot": {"ft", 0}, "feet": {"ft", 0},
	"oz": {"oz", 0}, "ounce": {"oz", 0}, "ounces": {"oz", 0}, "lb": {"lb", 0}, "lbs": {"lb", 0}, "pound": {"lb", 0}, "pounds": {"lb", 0},
	"w": {"w", 0}, "watt": {"w", 0}, "watts": {"w", 0}, "v": {"v", 0}, "volt": {"v", 0}, "volts": {"v", 0}, "mah": {"mah", 0},
	"gb": {"gb", 0}, "tb": {"tb", 0}, "mb": {"mb", 0},
	"pcs": {"pc", 0}, "pc": {"pc", 0}, "pieces": {"pc", 0}, "piece": {"pc", 0}, "stk": {"pc", 0}, "stuck": {"pc", 0}, "pack": {"pack", 0}, "er": {"pack", 0},
}

// leadingNumber returns the length of the number with which s begins.
func leadingNumber(s string) int {
	n := 0
	for n < len(s) && ('0' <= s[n] && s[n] <= '9' || n > 0 && (s[n] == '.' || s[n] == ',')) {
		n++
	}
	for n > 0 && (s[n-1] == '.' || s[n-1] == ',') {
		n--
	}
	return n
}

// commaLanguages write the decimal point as a comma, and thousands with a point.
const commaLanguages = " de fr es it pt nl da sv nb nn no fi ru hu ro tr "

// canonical returns a number in one form: digits, with a point and more digits if it is
// no integer. What is no number, such as 1.2.3, comes back as it is.
func canonical(s, lang string) string {
	if len(s) > maxWord {
		s = s[:maxWord]
	}
	point := strings.LastIndexAny(s, ".,")
	if point < 0 {
		return trimZeros(s, "")
	}
	whole, frac, mark := s[:point], s[point+1:], s[point]
	thousands := len(frac) == 3 && whole != "0" &&
		(strings.IndexByte(s[:point], mark) >= 0 || len(whole) <= 3 && (mark == '.') == (lang != "" && strings.Contains(commaLanguages, " "+lang+" ")))
	other := strings.Map(func(r rune) rune {
		if r == '.' || r == ',' {
			return -1
		}
		return r
	}, whole)
	if thousands {
		return trimZeros(other+frac, "")
	}
	if strings.IndexByte(whole, mark) >= 0 {
		return s // a version or a date
	}
	return trimZeros(other, frac)
}

func trimZeros(whole, frac string) string {
	whole = strings.TrimLeft(whole, "0")
	frac = strings.TrimRight(frac, "0")
	if whole == "" {
		whole = "0"
	}
	if frac == "" {
		return whole
	}
	return whole + "." + frac
}

// shiftPoint multiplies a canonical number by ten to the n.
func shiftPoint(s string, n int) string {
	if n == 0 {
		return s
	}
	whole, frac, _ := strings.Cut(s, ".")
	if strings.IndexByte(frac, '.') >= 0 {
		return s
	}
	for len(frac) < n {
		frac += "0"
	}
	return trimZeros(whole+frac[:n], frac[n:])
}
