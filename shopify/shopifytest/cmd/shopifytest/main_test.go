package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

// start runs the command until the test ends and returns the lines that it printed, by their label.
func start(t *testing.T, args ...string) map[string]string {
	t.Helper()
	return startLogging(t, io.Discard, args...)
}

func startLogging(t *testing.T, stderr io.Writer, args ...string) map[string]string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, args, w, stderr)
		_ = w.Close()
	}()
	t.Cleanup(func() {
		cancel()
		go func() { _, _ = io.Copy(io.Discard, r) }()
		assert.Zero(t, <-ended, "exit status after the signal")
	})
	out := map[string]string{}
	for scan := bufio.NewScanner(r); scan.Scan(); {
		if strings.HasPrefix(scan.Text(), "Stop with") {
			return out
		}
		out[strings.TrimSpace(scan.Text()[:15])] = scan.Text()[15:]
	}
	t.Fatal("the command ended early")
	return nil
}

// eventually waits for what the command does meanwhile. It asks in the test's own goroutine, where the condition may
// fail the test, and no faster than the query cost of a standard plan comes back.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !condition(); time.Sleep(20 * time.Millisecond) {
		require.True(t, time.Now().Before(end), "it did not come to that within two minutes")
	}
}

func do(t *testing.T, method, url, body string, header ...string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, b
}

func TestRun(t *testing.T) {
	lines := start(t, "-seed", "2", "-today", "2026-11-20", "-token", "given", "-retry-schedule", "1ms, 2ms")
	assert.NotContains(t, lines, "Access token", "a token that was given is not shown")
	assert.NotEmpty(t, lines["Client secret"], "a secret that was made up is shown")
	api, control := lines["Admin API"], lines["Control"]

	status, body := do(t, http.MethodPost, api, `{"query":"{ shop { name } }"}`, "Content-Type", "application/json", "X-Shopify-Access-Token", "given")
	require.Equal(t, http.StatusOK, status)
	assert.Contains(t, string(body), `"name":"Alder`)

	status, body = do(t, http.MethodPost, control+"sales", `{"location":"Market Square","lines":[{"sku":"AW-MTC","quantity":2}]}`)
	require.Equal(t, http.StatusCreated, status, string(body))
	var sold, read shopifytest.Order
	require.NoError(t, json.Unmarshal(body, &sold))
	status, body = do(t, http.MethodGet, control+"orders/"+sold.ID[strings.LastIndexByte(sold.ID, '/')+1:], "")
	require.Equal(t, http.StatusOK, status)
	require.NoError(t, json.Unmarshal(body, &read))
	assert.Equal(t, sold, read)
	assert.Equal(t, "25.44", read.Total.StringFixed(2), "two at 12.00 with 6 %% tax")
}

func TestControlRefuses(t *testing.T) {
	control := start(t, "-today", "2026-11-20")["Control"]
	for name, c := range map[string]struct {
		method, path, body string
		header             []string
		want               int
	}{
		"unknown order":   {http.MethodGet, "orders/12", "", nil, http.StatusNotFound},
		"unknown webhook": {http.MethodPost, "deliveries/x/redeliver", "", nil, http.StatusNotFound},
		"no such SKU":     {http.MethodPost, "sales", `{"lines":[{"sku":"X"}]}`, nil, http.StatusUnprocessableEntity},
		"not JSON":        {http.MethodPost, "sales", `{"lines":`, nil, http.StatusBadRequest},
		"unknown field":   {http.MethodPost, "sales", `{"items":[]}`, nil, http.StatusBadRequest},
		"too large":       {http.MethodPost, "sales", `{"note":"` + strings.Repeat("x", 2<<20) + `"}`, nil, http.StatusRequestEntityTooLarge},
		"senseless fault": {http.MethodPost, "faults", `{"status":200}`, nil, http.StatusUnprocessableEntity},
		"from a page":     {http.MethodPost, "sales", `{}`, []string{"Origin", "https://evil.example.com"}, http.StatusForbidden},
		"wrong method":    {http.MethodDelete, "sales", "", nil, http.StatusMethodNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			status, _ := do(t, c.method, control+c.path, c.body, c.header...)
			assert.Equal(t, c.want, status)
		})
	}
	t.Run("under a name of its own", func(t *testing.T) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, control+"orders", nil)
		require.NoError(t, err)
		req.Host = "rebound.example.com"
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		assert.Equal(t, http.StatusForbidden, resp.StatusCode)
	})
}

func TestFault(t *testing.T) {
	lines := start(t, "-today", "2026-11-20", "-token", "T")
	status, _ := do(t, http.MethodPost, lines["Control"]+"faults", `{"status":503,"retry_after":"1.5"}`)
	require.Equal(t, http.StatusCreated, status)
	query := func() int {
		status, _ := do(t, http.MethodPost, lines["Admin API"], `{"query":"query Q { shop { id } }"}`, "Content-Type", "application/json", "X-Shopify-Access-Token", "T")
		return status
	}
	assert.Equal(t, http.StatusServiceUnavailable, query())
	assert.Equal(t, http.StatusOK, query(), "one fault hits once")
	_, journal := do(t, http.MethodGet, lines["Control"]+"journal", "")
	var entries []map[string]any
	require.NoError(t, json.Unmarshal(journal, &entries))
	assert.Len(t, entries, 2)
}

func TestClockAndPlan(t *testing.T) {
	lines := start(t, "-today", "2026-11-20", "-token", "T", "-storefront-token", "S", "-plan", "advanced", "-retry-schedule", "1h")
	_, body := do(t, http.MethodPost, lines["Admin API"], `{"query":"{ shop { id } }"}`, "Content-Type", "application/json", "X-Shopify-Access-Token", "T")
	assert.Contains(t, string(body), `"maximumAvailable":4000`)
	status, body := do(t, http.MethodPost, lines["Storefront API"], `{"query":"{ shop { name } }"}`, "Content-Type", "application/json", "X-Shopify-Storefront-Access-Token", "S")
	require.Equal(t, http.StatusOK, status)
	assert.Contains(t, string(body), `"name":"`)

	var before, after struct{ Now time.Time }
	_, body = do(t, http.MethodGet, lines["Control"]+"clock", "")
	require.NoError(t, json.Unmarshal(body, &before))
	_, body = do(t, http.MethodPost, lines["Control"]+"clock", `{"advance_ms":7200000}`)
	require.NoError(t, json.Unmarshal(body, &after))
	assert.GreaterOrEqual(t, after.Now.Sub(before.Now), 2*time.Hour)
	status, _ = do(t, http.MethodPost, lines["Control"]+"clock", `{"advance_ms":-1}`)
	assert.Equal(t, http.StatusUnprocessableEntity, status)
	assert.Equal(t, 2, run(t.Context(), []string{"-plan", "huge"}, io.Discard, io.Discard))
}

func TestExportAndData(t *testing.T) {
	var first, second bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"-export", "-today", "2026-11-20", "-seed", "3"}, &first, io.Discard))
	name := filepath.Join(t.TempDir(), "shop.json")
	require.NoError(t, os.WriteFile(name, first.Bytes(), 0o600))
	require.Zero(t, run(t.Context(), []string{"-export", "-data", name}, &second, io.Discard))
	assert.Equal(t, first.String(), second.String())
}

func TestWrongUse(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.json")
	require.NoError(t, os.WriteFile(broken, []byte(`{"version":1,"extra":true}`), 0o600))
	for name, c := range map[string]struct {
		args []string
		want int
		says string
	}{
		"unknown flag":   {[]string{"-x"}, 2, "-x"},
		"argument":       {[]string{"more"}, 2, "more"},
		"schedule":       {[]string{"-retry-schedule", "soon"}, 2, "retry-schedule"},
		"bulk delay":     {[]string{"-bulk-delay", "-1s"}, 2, "bulk-delay"},
		"webhooks":       {[]string{"-webhook-timeout", "-1s"}, 2, "webhook-timeout"},
		"bulk limit":     {[]string{"-bulk-limit", "-1"}, 2, "bulk-limit"},
		"oauth":          {[]string{"-oauth", `{"lifetime":"1h"}`}, 2, "oauth"},
		"oauth lifetime": {[]string{"-oauth", `{"access_lifetime":"soon"}`}, 2, "oauth"},
		"oauth more":     {[]string{"-oauth", `{}{}`}, 2, "oauth"},
		"day":            {[]string{"-today", "tomorrow"}, 2, "today"},
		"no such file":   {[]string{"-data", broken + "x"}, 1, "no such file"},
		"broken data":    {[]string{"-data", broken}, 1, "unknown field"},
		"address in use": {[]string{"-addr", "127.0.0.1:-1", "-today", "2026-11-20"}, 1, "listen"},
		"help":           {[]string{"-h"}, 0, "-addr"},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			assert.Equal(t, c.want, run(ctx, c.args, io.Discard, &stderr))
			assert.Contains(t, stderr.String(), c.says)
		})
	}
}
