package crm_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"":                       "",
		" a\r\nb\rc\n":           "a\nb\nc",
		"a\x00b\x1b[31mc\u0085d": "ab[31mcd",
		"a\xffb":                 "a\uFFFDb",
		"a\tb":                   "a\tb",
		"👩🏽\u200d🚀 שלום":         "👩🏽\u200d🚀 שלום",
	} {
		assert.Equal(t, want, crm.Text(in), "%q", in)
	}
	assert.Equal(t, "a b c  d", crm.OneLine("\ta\r\n\nb\tc  d\n"))
}

func TestCheckKey(t *testing.T) {
	for _, good := range []string{"alder-and-wren.myshopify.com/7001", "a", strings.Repeat("k", crm.MaxKey)} {
		assert.NoError(t, crm.CheckKey(good))
	}
	for _, bad := range []string{"", "a b", "a\n", "=a", "+1", "-a", "@a", "a\x00", "a\xff", "\u2003a", strings.Repeat("k", crm.MaxKey+1)} {
		require.Error(t, crm.CheckKey(bad), "%q", bad)
		if len(bad) > 2 {
			assert.NotContains(t, crm.CheckKey(bad).Error(), bad)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("a\r\nb\x00c\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := crm.Text(s)
		require.True(t, utf8.ValidString(got))
		require.Equal(t, got, crm.Text(got), "once is enough")
		require.False(t, strings.ContainsFunc(got, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }))
		line := crm.OneLine(s)
		require.False(t, strings.ContainsFunc(line, unicode.IsControl))
		require.Equal(t, line, crm.OneLine(line))
	})
}
