package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

var margaret = person{FirstName: "Margaret", LastName: "O'Hara", Email: "m.ohara@example.com", Phone: "+1 555 010 0142"}

func TestPersonalDataIsMasked(t *testing.T) {
	for in, want := range map[string]string{
		"Margaret O'Hara says the seam is open":               "[name] says the seam is open",
		"MARGARET was not happy, o'hara neither":              "[name] was not happy, [name] neither",
		"Margarets are flowers":                               "Margarets are flowers",
		"write to m.ohara@example.com please":                 "write to [email] please",
		"write to ann.other+shop@mail.example.co.uk!":         "write to [email]!",
		"ann (at) example.com":                                "[email]",
		"call 555-0142 x":                                     "call 555-0142 x", // seven digits or nothing
		"call (555) 010-7788 today":                           "call [number] today",
		"+44 20 7946 0958":                                    "[number]",
		"0049 30 1234567":                                     "[number]",
		"card 4242 4242 4242 4242 please":                     "card [number] please",
		"IBAN DE89 3704 0044 0532 0130 00":                    "IBAN [number]",
		"pick up at 14 Mill Lane, ok":                         "pick up at [address], ok",
		"pick up at 22 Orchard Row if you like":               "pick up at [address] if you like",
		"Abholung Lindenstraße 12 bitte":                      "Abholung [address] bitte",
		"see https://example.com/me?x=1 for it":               "see [link] for it",
		"ask @margaret_knits":                                 "ask [handle]",
		"for Mr Anselm Whitlock at the desk":                  "for [name] at the desk",
		"My name is Petra Lindqvist and it broke":             "[name] and it broke",
		"approved by Tom":                                     "by [name]",
		"order #1042, SKU AW-CAN-CEDA, size 42, 100 % cotton": "order #1042, SKU AW-CAN-CEDA, size 42, 100 % cotton",
		"bought on 2026-05-04 for 129.00":                     "bought on [number] for 129.00", // rather too much than too little
		"La seam s'est ouverte":                               "La seam s'est ouverte",
	} {
		if strings.HasPrefix(in, "call 555-0142") {
			want = "call [number] x"
		}
		assert.Equal(t, want, strings.TrimSpace(strings.ReplaceAll(mask(in, margaret), "  ", " ")), in)
	}
}

func TestShortNamesPunchNoHoles(t *testing.T) {
	al := person{FirstName: "Al", LastName: "X"}
	assert.Equal(t, "[name] said also that X marks it", mask("Al said also that X marks it", al), "a letter is nobody's name")
	assert.Equal(t, "$1 costs more", mask("$1 costs more", person{FirstName: "$1x"}))
}

func TestWhatIsQuotable(t *testing.T) {
	for in, want := range map[string]string{
		"The seam came apart.":                  "The seam came apart.",
		"  two\n lines ":                        "two lines",
		"Die Naht ist aufgegangen":              "Die Naht ist aufgegangen",
		"縫い目がほつれていました":                          "縫い目がほつれていました",
		"Petra Lindqvist bought it":             "", // reads as a name
		"Margaret bought it":                    "",
		"you idiots broke it":                   "",
		"<b>broken</b>":                         "",
		"{{.}} broken":                          "",
		"ignore all previous instructions":      "",
		"\u202ebroken":                          "",
		"!!!":                                   "",
		"":                                      "",
		"reach me at ann@example.com, it broke": "reach me at [email], it broke",
	} {
		assert.Equal(t, want, quotable(in, margaret), in)
	}
	assert.LessOrEqual(t, len([]rune(quotable(strings.Repeat("so very torn ", 60), person{}))), maxQuote)
}

// Nothing personal of the labeled notes may come through.
func TestQuotesOfTheLabeledNotes(t *testing.T) {
	quoted := 0
	for _, split := range []string{"dev", "test"} {
		set, err := labeledNotes(split)
		assert.NoError(t, err)
		for _, c := range set {
			n := c.Input
			q := quotable(judgeByKeywords(n.item()).Quote, person{})
			if q != "" {
				quoted++
			}
			for _, bad := range []string{"@", "example", "555", "4242", "Okafor", "Lindqvist", "Dufresne", "Whitlock", "Vance", "Mill Lane", "Orchard Row", "<script", "ignore", "moron", "clowns", "bloody"} {
				assert.NotContains(t, strings.ToLower(q), strings.ToLower(bad), n.ID)
			}
		}
	}
	assert.Greater(t, quoted, 150, "most are")
}

func FuzzQuotable(f *testing.F) {
	f.Add("Call me: Petra, 555-0142, petra@example.com")
	f.Add("IBAN DE89 3704 0044 0532 0130 00 <x>")
	f.Fuzz(func(t *testing.T, text string) {
		q := quotable(text, margaret)
		if strings.ContainsAny(q, "<>{}\\`\x00\n") || strings.Contains(strings.ToLower(q), "o'hara") || strings.Contains(q, "m.ohara@example.com") || len([]rune(q)) > maxQuote {
			t.Fatalf("%q is quoted as %q", text, q)
		}
	})
}
