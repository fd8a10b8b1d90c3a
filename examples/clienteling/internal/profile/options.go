package profile

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
)

type optionOf int

const (
	otherOption optionOf = iota
	sizeOption
	colorOption
)

// What shops call the options, in lower case without accents. An option is one of these
// if its name is, or ends with the word: "Shoe size", "EU-Größe".
var (
	sizeNames  = set("size sizes grosse groesse konfektionsgrosse schuhgrosse taille pointure talla tamano tamanho maat taglia misura rozmiar velikost storlek storrelse koko meret размер サイズ 尺码 尺寸 사이즈") //nolint:misspell // French
	colorNames = set("color colors colour colours farbe couleur coloris colore kleur cor farg farve farge vari kolor barva szin цвет カラー 色 颜色 顏色 색상")                                                      //nolint:misspell // British, French
	// What a value says that says nothing.
	noValue = set("default|title|default title|one size|onesize|os|o/s|einheitsgrosse|taille unique|talla unica|taglia unica|n/a|none|-")
)

func set(names string) map[string]bool {
	cut := " "
	if strings.Contains(names, "|") {
		cut = "|"
	}
	out := map[string]bool{}
	for n := range strings.SplitSeq(names, cut) {
		out[fold(n)] = true
	}
	return out
}

func optionKind(o book.Option) optionOf {
	if noValue[fold(o.Value)] {
		return otherOption
	}
	name := fold(Clip(o.Name))
	words := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) })
	if len(words) == 0 {
		return otherOption
	}
	switch last := words[len(words)-1]; {
	case sizeNames[last]:
		return sizeOption
	case colorNames[last]:
		return colorOption
	}
	return otherOption
}

// maxText is the longest name or value of the shop that a profile repeats, in
// characters.
const maxText = 80

// Clip is a text of the shop in one line of printable characters, at most maxText of
// them.
func Clip(text string) string {
	if len(text) > 16*maxText {
		text = text[:16*maxText]
	}
	var b strings.Builder
	n, space := 0, false
	for _, r := range text {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			space = n > 0
			continue
		case r == unicode.ReplacementChar, unicode.Is(unicode.Cf, r):
			continue
		}
		if n >= maxText-1 || space && n >= maxText-2 {
			b.WriteRune('…')
			break
		}
		if space {
			b.WriteByte(' ')
			n, space = n+1, false
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

// fold is what equal values have in common: case, the accents of European scripts and
// width aside.
func fold(text string) string {
	text = strings.ReplaceAll(strings.ToLower(norm.NFKD.String(text)), "ß", "ss")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r >= 0x300 && r <= 0x36f {
			return -1
		}
		return r
	}, text))
}
