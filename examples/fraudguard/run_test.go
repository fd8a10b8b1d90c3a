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
	data := t.TempDir()
	p := demotest.Run(t, run, "-data", data)
	require.NoError(t, p.Wait(), "%s", p.Output())
	out := p.Output()
	for _, text := range []string{
		"learned   from the latest", "ordinary sales and returns, over HTTP", "GIFT_CARD_VELOCITY", "a scripted manager signs in there and approves", "asks again: approve",
		"so it is judged already and not counted again", "known, answered 200, nothing to do", "RETURN_SAME_ASSOCIATE", "the order is fulfilled and takes no risk assessment",
		"DISCOUNT_OVERRIDE", "written   the risk assessment", "shows the order with risk high", "one more would be more than one in 100", "/flags",
		"Trail of the gift cards", "every leaf and the signed checkpoint verified", "posaudit verify",
	} {
		assert.Contains(t, out, text)
	}
	assert.Empty(t, p.Warnings())
	log := demotest.OpenAudit(t, data)
	_, err := log.Verify(t.Context())
	require.NoError(t, err)
}

func TestServeSimulated(t *testing.T) {
	p := demotest.Run(t, run, "-serve", "-simulate", "-addr", "127.0.0.1:0", "-data", t.TempDir())
	curl := regexp.MustCompile(`-X POST (\S+) -H 'Authorization: (Bearer \S+)' -d '([^']+)'`)
	require.Eventually(t, func() bool { return curl.MatchString(p.Output()) }, long, 20*time.Millisecond, "the command to ask")
	m := curl.FindStringSubmatch(p.Output())
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, m[1], strings.NewReader(m[3]))
	require.NoError(t, err)
	r.Header.Set("Authorization", m[2])
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s", text)
	var a answer
	require.NoError(t, json.Unmarshal(text, &a))
	assert.Equal(t, "first-question", a.ID)
	require.NoError(t, p.End())
}

func TestEvaluationCommand(t *testing.T) {
	sample := filepath.Join("internal", "evaluate", "testdata", "invoices.csv")
	text, err := os.ReadFile(sample)
	require.NoError(t, err)
	// Five weeks of it, so that there is a past and a part that counts.
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	many := lines[:1]
	for day := range 35 {
		for n := range 8 {
			for _, l := range lines[1:] {
				l = strings.NewReplacer("2026-03-02", date(day), "2026-03-04", date(day+1), "2026-03-05", date(day+1), "2026-03-06", date(day), "7000", "7"+string(rune('a'+n))+date(day)).Replace(l)
				many = append(many, l)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "retail.csv")
	require.NoError(t, os.WriteFile(file, []byte(strings.Join(many, "\n")), 0o600))
	p := demotest.Run(t, run, "-eval", file, "-seeds", "1")
	require.NoError(t, p.Wait(), "%s", p.Output())
	for _, part := range []string{"Simulated chain of three stores", "Online Retail, 1400 invoices, 560 of them returns", "recall", "precision", "flag rate", "value only, in hindsight", "periods over the cap: 0"} {
		assert.Contains(t, p.Output(), part)
	}
}

func date(day int) string {
	return time.Date(2026, 3, 2+day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
}

func TestConfig(t *testing.T) {
	none := func(string) string { return "" }
	bad := filepath.Join(t.TempDir(), "policy.json")
	require.NoError(t, os.WriteFile(bad, []byte("{}"), 0o600))
	for name, args := range map[string][]string{
		"a shop without -serve":      {"-shop", "a.myshopify.com", "-token", "t", "-secret", "s", "-client-id", "c"},
		"a shop without client ID":   {"-serve", "-shop", "a.myshopify.com", "-token", "t", "-secret", "s"},
		"a shop without secret":      {"-serve", "-shop", "a.myshopify.com", "-token", "t", "-client-id", "c"},
		"two things at once":         {"-serve", "-simulate", "-eval", "x"},
		"no seeds":                   {"-eval", "simulated", "-seeds", "0"},
		"a policy that is not one":   {"-policy", bad},
		"a policy that is not there": {"-policy", bad + "x"},
		"an argument":                {"x"},
	} {
		_, err := parseConfig(args, none, io.Discard)
		assert.Error(t, err, name)
	}
	env := func(name string) string {
		return map[string]string{"POSAI_SHOP": "a.myshopify.com", "POSAI_TOKEN": "t", "POSAI_SECRET": "s", "POSAI_CLIENT_ID": "c"}[name]
	}
	cfg, err := parseConfig([]string{"-serve"}, env, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, "c", cfg.clientID)
	assert.NotEmpty(t, cfg.policy.Digest())
}
