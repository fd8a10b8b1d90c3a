package text_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/posai-go/posai/ai/rag/internal/text"
)

func terms(lang, s string) string {
	var a text.Analyzer
	var list []string
	a.Terms(lang, s, func(t text.Term) bool {
		list = append(list, t.Term)
		return true
	})
	return strings.Join(list, " ")
}

func TestTerms(t *testing.T) {
	for _, c := range []struct{ lang, text, want string }{
		{"en", "Running Shoes", "en:run en:shoe"},
		{"de", "Schuhe, Gürtel", "de:schuh de:gurtel"},
		{"de", "Guertel", "de:gurtel"},
		{"fr", "l'écharpe légère", "fr:echarp fr:leger"},
		{"es", "camiones", "es:camion"},
		{"ru", "красные рубашки", "ru:красн ru:рубашк"},
		{"", "Shoes", ":shoes"},
		{"xx", "Shoes", "xx:shoes"},
		{"en", "T-shirt", "en:tshirt en:shirt"},
		{"en", "women's don't O'Neill", "en:women en:don en:neill"},
		{"en", "500 ml", ":500ml"},
		{"en", "500ml", ":500ml"},
		{"en", "0.5 l", ":500ml"},
		{"de", "0,5 Liter", ":500ml"},
		{"en", "50cl", ":500ml"},
		{"en", "1.5 kg", ":1500000mg"},
		{"en", "1,000 g", ":1000000mg"},
		{"de", "1.000 g", ":1000000mg"},
		{"en", "1.000 g", ":1000mg"},
		{"en", `27" wheel`, ":27inch en:wheel"},
		{"en", "size 42", "en:size :42"},
		{"en", "42 43", ":42 :43"},
		{"en", "Model X200", "en:model :x200"},
		{"en", "1.2.3", ":1.2.3"},
		{"ja", "保温水筒", ":保温 :温水 :水筒"},
		{"ja", "茶", ":茶"},
		{"ja", "Tシャツ", "ja:t :シャ :ャツ"},
		{"ko", "운동화", ":운동 :동화"},
		{"en", "ＦＵＬＬ　ｗｉｄｔｈ", "en:full en:width"},
		{"en", "straße Łódź smørrebrød", "en:strass en:lodz en:smorrebrod"},
	} {
		assert.Equal(t, c.want, terms(c.lang, c.text), c.text)
	}
	assert.Equal(t, "pt", text.Base("pt-BR"))
	assert.Equal(t, "zh", text.Base("ZH_Hant"))
	assert.Empty(t, text.Base("123"))
}

func FuzzTerms(f *testing.F) {
	for _, lang := range []string{"en", "de", "fr", "ru", "tr", "ja", ""} {
		f.Add(lang, "L'été d'un T-shirt à 0,5 l — 保温水筒 ＦＵＬＬ İstanbul 1.2.3")
	}
	f.Fuzz(func(t *testing.T, lang, s string) {
		var a text.Analyzer
		n := 0
		a.Terms(text.Base(lang), s, func(term text.Term) bool {
			n++
			if utf8.ValidString(s) && !utf8.ValidString(term.Term) || len(term.Term) > 512 {
				t.Fatalf("term %q", term.Term)
			}
			return true
		})
		if n > 4*len(s)+4 {
			t.Fatalf("%d terms of %d bytes", n, len(s))
		}
	})
}
