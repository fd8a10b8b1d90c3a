package main

import (
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

func TestPayloadFromAFile(t *testing.T) {
	// An order of a shop that the simulated one has never seen.
	const body = `{"id": 4500123456789, "admin_graphql_api_id": "gid://shopify/Order/4500123456789", "name": "#77",
		"source_name": "pos", "created_at": "2026-05-04T10:00:00Z", "currency": "USD", "total_price": "36.00", "location_id": 655441491,
		"customer": {"id": 5500111, "first_name": "Ines", "last_name": "Varga", "email_marketing_consent": {"state": "subscribed"}},
		"line_items": [{"id": 1, "title": "Soy Candle", "sku": "AW-CAN-CEDA", "quantity": 1, "price": "36.00"},
			{"id": 2, "title": "Tin Lantern", "product_id": 88, "variant_id": 99, "quantity": 1, "price": "12.00"}]}`
	file := filepath.Join(t.TempDir(), "order.json")
	require.NoError(t, os.WriteFile(file, []byte(body), 0o600))
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer func() { require.NoError(t, out.Close()) }()
	null, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer func() { require.NoError(t, null.Close()) }()

	none := func(string) string { return "" }
	require.NoError(t, run(t.Context(), []string{"-payload", file}, none, null, out, out))
	text, err := os.ReadFile(out.Name())
	require.NoError(t, err)
	assert.Contains(t, string(text), "1 × Tin Lantern", "the order was read back")
	assert.Contains(t, string(text), "Ines")
	assert.NotContains(t, string(text), "Varga")
	assert.Contains(t, string(text), "Trail of gid://shopify/Order/4500123456789")
	assert.Contains(t, string(text), "verified")

	for name, bad := range map[string]string{
		"not JSON":      `{"id":`,
		"no order":      `{"id": 0}`,
		"wrong shape":   `[1, 2]`,
		"online":        `{"id": 5, "source_name": "web", "line_items": [{"id": 1, "title": "A", "quantity": 1, "price": "1.00"}]}`,
		"too long":      strings.Repeat(" ", maxPayload) + "{}",
		"no line items": `{"id": 5, "source_name": "pos"}`,
	} {
		require.NoError(t, os.WriteFile(file, []byte(bad), 0o600))
		require.Error(t, run(t.Context(), []string{"-payload", file}, none, null, out, out), name)
	}
}

func TestServeSimulated(t *testing.T) {
	p := demotest.Run(t, run, "-serve", "-simulate", "-addr", "127.0.0.1:0", "-data", t.TempDir())
	curl := regexp.MustCompile(`-X POST (\S+) -d '([^']+)'`)
	health := regexp.MustCompile(`health +(\S+)`)
	require.Eventually(t, func() bool { return curl.MatchString(p.Output()) }, 2*time.Minute, 20*time.Millisecond, "the command to ring up a sale")

	sale := curl.FindStringSubmatch(p.Output())
	resp, err := http.Post(sale[1], "application/json", strings.NewReader(sale[2]))
	require.NoError(t, err)
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Less(t, resp.StatusCode, 300, "%s", answer)
	entries := regexp.MustCompile(`"audit_entries":([0-9]+)`)
	require.Eventually(t, func() bool {
		resp, err := http.Get(health.FindStringSubmatch(p.Output())[1])
		require.NoError(t, err)
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		m := entries.FindSubmatch(text)
		return m != nil && string(m[1]) == "6"
	}, 2*time.Minute, 50*time.Millisecond, "received, read, proposed, ruled, started, effect")
	require.NoError(t, p.End())
}
