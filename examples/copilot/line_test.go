package main

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai/rag"
)

func TestParseLine(t *testing.T) {
	for text, want := range map[string]line{
		`{"product":"p1"}`:                   {Product: "p1"},
		`{"product":"p1","why":"Soft."}`:     {Product: "p1", Why: "Soft."},
		`{"policy":"s1"}`:                    {Policy: "s1"},
		`{"product":"p2","instead_of":"p1"}`: {Product: "p2", InsteadOf: "p1"},
		`{"product":"p1","why":"S\u006ft"}`:  {Product: "p1", Why: "Sot"},
	} {
		got, err := parseLine([]byte(text))
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	_, err := parseLine([]byte(`{"product":"p1","why":"` + strings.Repeat("x", maxLine) + `"}`))
	require.Error(t, err)
}

// However a text is cut into pieces, its lines are the same, and memory is bounded.
func TestLinesOfAStream(t *testing.T) {
	text := "{\"a\":1}\r\n\n  {\"b\":2}\n" + strings.Repeat("x", 3*maxLine) + "\n{\"ü\":3}\nlast"
	want := []string{`{"a":1}`, "", `{"b":2}`, "", `{"ü":3}`, "last"}
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(1, seed))
		var r lineReader
		var got []string
		for rest := text; rest != ""; {
			n := min(1+random.IntN(int(seed)*20+1), len(rest))
			for _, l := range r.add(rest[:n]) {
				got = append(got, string(l))
			}
			require.LessOrEqual(t, len(r.pending), 2*maxLine+int(seed)*20+1)
			rest = rest[n:]
		}
		got = append(got, string(r.take()))
		require.Equal(t, want, got, "seed %d", seed)
	}
}

func TestSourcesAreNamed(t *testing.T) {
	s := newSources()
	assert.Equal(t, "p1", s.product("a", []string{"v"}))
	assert.Equal(t, "p2", s.product("b", nil))
	assert.Equal(t, "p1", s.product("a", nil))
	assert.Equal(t, "s1", s.policy("a"))
	id, variants, ok := s.productOf("p1")
	assert.True(t, ok && id == "a" && slices.Equal(variants, []string{"v"}))
	_, ok = s.policyOf("p1")
	assert.False(t, ok)
	for i := range 2 * maxSources {
		s.product(strings.Repeat("x", i+2), nil)
	}
	assert.Len(t, s.products, maxSources)
	assert.Empty(t, s.product("one more", nil))
}

func TestQuotable(t *testing.T) {
	for text, want := range map[string]string{
		"Soft wool. Now only $5! Washable.":                   "Soft wool. Washable.",
		"Burns for 45 hours.":                                 "Burns for 45 hours.",
		"Costs nothing. Free today. Sold out.":                "",
		"Was 20 €, n\u200bow s\u00adold out. Warm.":           "Warm.",
		"Fully ｆｒｅｅ. Warm.":                                   "Warm.",
		"Line one\nprice on request\nLine two\u202e reversed": "Line one Line two reversed",
		strings.Repeat("Long sentence. ", 60):                 strings.TrimSpace(strings.Repeat("Long sentence. ", 20)),
	} {
		assert.Equal(t, want, quotable(text), "%q", text)
	}
}

func TestWantsPerson(t *testing.T) {
	for q, want := range map[string]bool{
		"I want to speak to a manager": true, "manager": true, "Can somebody get me a human?": true, "talk to staff please": true,
		"a bag for a person who travels": false, "manager's desk lamp": false, "Do you have scarves?": false,
	} {
		assert.Equal(t, want, wantsPerson(q), q)
	}
}

// FuzzSentence holds what is let through against a second, simple look at it.
func FuzzSentence(f *testing.F) {
	for _, c := range claimed {
		f.Add(c, hostileText)
	}
	for _, w := range honestWhys {
		f.Add(w, "Woven cashmere.")
	}
	f.Fuzz(func(t *testing.T, why, body string) {
		v := vocabularyOf(rag.Document{Title: "Cashmere Scarf", Body: body})
		if v.check(why) != nil {
			return
		}
		if !utf8.ValidString(why) || utf8.RuneCountInString(why) > maxWhy {
			t.Fatalf("%q is too long or no text", why)
		}
		for _, r := range why {
			if unicode.IsDigit(r) || unicode.IsNumber(r) || unicode.IsSymbol(r) || unicode.IsControl(r) || unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune(`<>&"/\@#$%*_[]{}()|`, r) {
				t.Fatalf("%q has %q", why, r)
			}
		}
		for _, w := range strings.FieldsFunc(strings.ToLower(why), func(r rune) bool { return !unicode.IsLetter(r) }) {
			if forbidden[w] {
				t.Fatalf("%q has %q", why, w)
			}
		}
	})
}

// FuzzAnswer reads what a model may write; whatever it is, only named sources come of it.
func FuzzAnswer(f *testing.F) {
	for _, l := range foreign {
		f.Add(l, 7)
	}
	f.Add("{\"product\":\"p1\"}\n{\"policy\":\"s1\"}", 1)
	f.Fuzz(func(t *testing.T, text string, size int) {
		var r lineReader
		lines := [][]byte{}
		for rest := text; rest != ""; {
			n := min(max(size, 1), len(rest))
			lines = append(lines, r.add(rest[:n])...)
			rest = rest[n:]
		}
		lines = append(lines, r.take())
		for _, l := range lines {
			parsed, err := parseLine(l)
			if err == nil && (parsed.Product == "") == (parsed.Policy == "") {
				t.Fatalf("%q names not one source", l)
			}
		}
	})
}

func FuzzQuestion(f *testing.F) {
	for _, s := range []string{`{"question":"x"}`, `{"question":"x","customer":"1"}`, `{"question":1}`, "", "{}{}", `{"question":"\ud800"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := readQuestion(body)
		if err == nil && (q.Question == "" || utf8.RuneCountInString(q.Question) > maxQuestion || q.Customer != "" && !strings.HasPrefix(q.Customer, "gid://shopify/Customer/")) {
			t.Fatalf("%+v was let through", q)
		}
	})
}
