package main

import (
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseConfig(t *testing.T) {
	env := func(pairs ...string) func(string) string {
		return func(name string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == name {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	c, err := parseConfig(nil, env(), io.Discard)
	require.NoError(t, err)
	assert.Equal(t, "500", c.limit.String())
	assert.False(t, c.Serve)

	real := env("POSAI_SHOP", "a.myshopify.com", "POSAI_TOKEN", "t", "POSAI_SECRET", "s", "POSAI_SERVE", "true")
	c, err = parseConfig([]string{"-shop", "b.myshopify.com"}, real, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, "b.myshopify.com", c.Shop, "the flag wins over the variable")
	assert.Equal(t, "t", c.Token)
	assert.True(t, c.Serve)

	tests := []struct {
		name string
		args []string
		env  []string
		want string
	}{
		{"argument", []string{"x"}, nil, "unexpected argument"},
		{"shop alone", []string{"-shop", "a.myshopify.com"}, nil, "-shop needs -token and -secret"},
		{"service for nobody", []string{"-serve"}, nil, "-serve needs -shop, or -simulate"},
		{"both shops", []string{"-serve", "-simulate"}, []string{"POSAI_SHOP", "a", "POSAI_TOKEN", "b", "POSAI_SECRET", "c"}, "exclude each other"},
		{"invented sales in a real shop", []string{"-shop", "a", "-token", "b", "-secret", "c"}, nil, "made up"},
		{"limit", []string{"-limit", "much"}, nil, "-limit must be an amount"},
		{"negative limit", []string{"-limit", "-1"}, nil, "-limit must be an amount"},
		{"half of Slack", []string{"-slack-token", "x"}, nil, "go together"},
		{"Slack users", []string{"-slack-users", "U1"}, nil, "USERID=role"},
		{"plain http", []string{"-public-url", "http://example.com"}, nil, "https"},
		{"unknown provider", []string{"-model", "acme:x"}, nil, "PROVIDER:NAME"},
		{"model without key", []string{"-model", "openai:x"}, nil, "-model-key"},
		{"bad variable", nil, []string{"POSAI_EXPIRY", "secret-value"}, "POSAI_EXPIRY"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseConfig(tt.args, env(tt.env...), io.Discard)
			require.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), "secret-value", "a value may be a secret")
		})
	}
	_, err = parseConfig([]string{"-model", "openai:gpt-5"}, env("OPENAI_API_KEY", "k"), io.Discard)
	require.NoError(t, err)
}
