package demo_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
)

func parse(args []string, env map[string]string) (*demo.Config, error) {
	c := &demo.Config{Name: "sample"}
	fs := c.NewFlagSet("A sample.", io.Discard)
	if err := c.Parse(fs, args, func(name string) string { return env[name] }); err != nil {
		return c, err
	}
	return c, c.Check()
}

func TestFlagsWinOverTheEnvironment(t *testing.T) {
	env := map[string]string{"POSAI_SHOP": "a.myshopify.com", "POSAI_TOKEN": "t", "POSAI_SECRET": "s", "POSAI_SERVE": "true", "OPENAI_API_KEY": "k"}
	c, err := parse([]string{"-shop", "b.myshopify.com", "-model", "openai:some"}, env)
	require.NoError(t, err)
	assert.Equal(t, "b.myshopify.com", c.Shop)
	assert.Equal(t, "t", c.Token)
	assert.True(t, c.Serve)
	assert.Equal(t, "k", c.ModelKey)
	assert.Equal(t, "sample-data", c.ServeDir())
	m, err := c.OpenModel()
	require.NoError(t, err)
	assert.Equal(t, "some", m.Info().Model)
}

func TestFlagsThatDoNotFit(t *testing.T) {
	real := []string{"-shop", "a.myshopify.com", "-token", "t", "-secret", "s"}
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no token":            {[]string{"-shop", "a.myshopify.com", "-secret", "s"}, "-shop needs"},
		"two shops":           {append([]string{"-serve", "-simulate"}, real...), "exclude each other"},
		"simulated in vain":   {[]string{"-simulate"}, "goes with -serve"},
		"nothing to wait":     {[]string{"-expiry", "0s"}, "above zero"},
		"address without TLS": {[]string{"-public-url", "http://pos.example.com"}, "https"},
		"Slack in half":       {[]string{"-slack-channel", "C1"}, "go together"},
	} {
		_, err := parse(tt.args, nil)
		require.ErrorContains(t, err, tt.want, name)
	}
}

// The access token goes over plain http to this machine only.
func TestClientOfAPlainURL(t *testing.T) {
	for url, good := range map[string]bool{"http://127.0.0.1:1": true, "http://[::1]:1": true, "https://shop.example.com": true, "http://shop.example.com": false, "http://127.0.0.1.example.com": false} {
		c := &demo.Config{Shop: "a.myshopify.com", Token: "t", ShopURL: url}
		_, err := c.OpenClient(slog.New(slog.DiscardHandler))
		assert.Equal(t, good, err == nil, "%s: %v", url, err)
	}
}

func TestSameMetafield(t *testing.T) {
	want := admin.MetafieldsSetInput{Key: "k", Type: shopify.Some("json"), Value: `{"a":1,"b":[2,"x"]}`}
	for value, same := range map[string]bool{`{"a":1,"b":[2,"x"]}`: true, `{ "b": [2, "x"], "a": 1.0 }`: true, `{"a":1}`: false, `{"a":"1","b":[2,"x"]}`: false, `nonsense`: false} {
		assert.Equal(t, same, demo.SameMetafield(want, admin.Metafield{Key: "k", Value: value}), "%s (%v)", value, json.Valid([]byte(value)))
	}
	assert.False(t, demo.SameMetafield(want, admin.Metafield{Key: "other", Value: want.Value}))
}

// Each process would make a key of its own, and none could read what another sealed.
func TestSeveralProcessesNeedOneMasterKey(t *testing.T) {
	_, err := demo.Open(t.Context(), &demo.Config{Name: "sample", Database: "postgres://nobody@127.0.0.1:1/none"}, &demo.Parts{Dir: t.TempDir(), Personal: []string{"customer"}})
	require.ErrorContains(t, err, "needs -master-key")
}
