package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/internal/demo/demotest"
)

func TestQuickStart(t *testing.T) {
	p := demotest.Run(t, run, "-data", t.TempDir())
	require.NoError(t, p.Wait())
	out := p.Output()
	for _, want := range []string{
		"none: answers are search results", "Cashmere Scarf", "AW-CSC-CAME    145.00 USD", "Oxford Dress Shirt", "Sale items: “Goods that were reduced",
		"the last of AW-CBE-CAME is sold", "inventory_levels/update", "Harbor Street: 0 in stock", "instead of Cashmere Beanie", "by search, without AI",
		"A customer at the kiosk in Harbor Street asks for a person", "approve by Store manager through the console", "every leaf and the signed checkpoint verified",
	} {
		assert.Contains(t, out, want)
	}
	assert.Empty(t, p.Warnings())
}

func TestServeSimulated(t *testing.T) {
	p := demotest.Run(t, run, "-serve", "-simulate", "-addr", "127.0.0.1:0", "-data", t.TempDir())
	command := regexp.MustCompile(`-X POST (\S+) -H 'Authorization: (Bearer \S+)' -d '([^']+)'`)
	require.Eventually(t, func() bool { return command.MatchString(p.Output()) }, 2*time.Minute, 20*time.Millisecond)
	m := command.FindStringSubmatch(p.Output())
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, m[1], strings.NewReader(m[3]))
	require.NoError(t, err)
	r.Header.Set("Authorization", m[2])
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	var a answered
	require.NoError(t, json.Unmarshal(body, &a), "%s", body)
	assert.Equal(t, "Cashmere Scarf", a.Blocks[0].Card.Title)
	require.NoError(t, p.End())
}

func TestParseConfig(t *testing.T) {
	none := func(string) string { return "" }
	_, err := parseConfig(nil, none, io.Discard)
	require.NoError(t, err)
	real := []string{"-serve", "-shop", "a.myshopify.com", "-token", "t", "-secret", "s"}
	prices := filepath.Join(t.TempDir(), "prices.json")
	require.NoError(t, os.WriteFile(prices, []byte(`{"currency":"USD","prices":[{"provider":"openai","model":"*","from":"2026-01-01","input":"1","cache_read":"1","cache_write":"1","output":"2"}]}`), 0o600))
	_, err = parseConfig(append([]string{"-client-id", "c", "-model", "openai:some", "-model-key", "k", "-prices", prices}, real...), none, io.Discard)
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"a real shop, no purpose": {real[1:], "-shop needs -serve"},
		"no client":               {real, "-client-id"},
		"no prices":               {[]string{"-model", "openai:some", "-model-key", "k"}, "-model needs -prices"},
		"prices that are none":    {[]string{"-model", "openai:some", "-model-key", "k", "-prices", os.DevNull}, os.DevNull},
		"budget":                  {[]string{"-budget", "1e9"}, "-budget"},
		"staff budget":            {[]string{"-staff-budget", "0"}, "-staff-budget"},
		"cosine":                  {[]string{"-min-cosine", "NaN"}, "-min-cosine"},
		"no time":                 {[]string{"-answer-in", "1ms"}, "-answer-in"},
	} {
		_, err := parseConfig(tt.args, none, io.Discard)
		require.ErrorContains(t, err, tt.want, name)
	}
}
