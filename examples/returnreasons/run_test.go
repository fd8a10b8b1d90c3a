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

func TestQuickStart(t *testing.T) {
	dir := t.TempDir()
	p := demotest.Run(t, run, "-data", dir)
	require.NoError(t, p.Wait())
	out := p.Output()
	for _, want := range []string{
		"judgment  by " + baselineName + ": defective", "allow: The reason is at least 0.75 certain.",
		"size or fit, and also changed mind", "approve by Store manager through the console",
		"known, answered 200, nothing to do", "metafield return_reason_", "Returns of 20", "stands out         Soy Candle: defective", "every leaf and the signed checkpoint verified",
	} {
		assert.Contains(t, out, want)
	}
	assert.Empty(t, p.Warnings())
	page, err := os.ReadFile(filepath.Join(dir, "summary.html"))
	require.NoError(t, err)
	assert.Contains(t, string(page), "Soy Candle")
}

func TestServeSimulated(t *testing.T) {
	dir := t.TempDir()
	p := demotest.Run(t, run, "-serve", "-simulate", "-addr", "127.0.0.1:0", "-data", dir)
	curl := regexp.MustCompile(`-X POST (\S+) -d '([^']+)'`)
	health := regexp.MustCompile(`health +(\S+)`)
	require.Eventually(t, func() bool { return curl.MatchString(p.Output()) }, 2*time.Minute, 20*time.Millisecond, "the command to take something back")
	command := curl.FindStringSubmatch(p.Output())
	resp, err := http.Post(command[1], "application/json", strings.NewReader(command[2]))
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
		return m != nil && string(m[1]) == "8"
	}, 2*time.Minute, 50*time.Millisecond, "received three times, read, proposed, ruled, started, effect")
	require.Eventually(t, func() bool {
		files, err := filepath.Glob(filepath.Join(dir, "summary-*.html"))
		require.NoError(t, err)
		return len(files) == 1
	}, 2*time.Minute, 50*time.Millisecond, "the last week's summary")
	require.NoError(t, p.End())
}

func TestReportOfAShop(t *testing.T) {
	data, err := simulatedShop(1, time.Now())
	require.NoError(t, err)
	p := newPathOf(t, data)
	file := filepath.Join(t.TempDir(), "week.html")
	args := []string{"-shop", p.sim.Domain(), "-shop-url", p.sim.URL(), "-token", p.sim.Token(), "-secret", "unused", "-report", file}
	program := demotest.Run(t, run, args...)
	require.NoError(t, program.Wait())
	assert.Contains(t, program.Output(), "stands out         Soy Candle: defective")
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.EqualValues(t, 0o600, info.Mode().Perm())
	require.Error(t, demotest.Run(t, run, append(args, "-week", "2026-W77")...).Wait())
}

func TestEvalCommand(t *testing.T) {
	p := demotest.Run(t, run, "-eval")
	require.NoError(t, p.Wait())
	assert.Contains(t, p.Output(), "macro-F1")
	assert.Contains(t, p.Output(), "name one with -model")
}

func TestParseConfig(t *testing.T) {
	none := func(string) string { return "" }
	c, err := parseConfig(nil, none, io.Discard)
	require.NoError(t, err)
	assert.InDelta(t, 0.75, c.confidence, 0)
	assert.Equal(t, 5, c.minCount)
	real := []string{"-shop", "a.myshopify.com", "-token", "t", "-secret", "s"}
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"argument":                {[]string{"x"}, "unexpected argument"},
		"a real shop, no purpose": {real, "-serve or -report"},
		"confidence":              {[]string{"-confidence", "2"}, "from 0 to 1"},
		"not a confidence":        {[]string{"-confidence", "NaN"}, "from 0 to 1"},
		"one order":               {[]string{"-min-count", "1"}, "at least 2"},
		"eval and serve":          {append([]string{"-eval", "-serve"}, real...), "neither"},
		"serve and report":        {append([]string{"-serve", "-report", "x"}, real...), "without it"},
	} {
		_, err := parseConfig(tt.args, none, io.Discard)
		require.ErrorContains(t, err, tt.want, name)
	}
}
