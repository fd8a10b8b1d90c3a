package main

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/internal/demo/demotest"
)

func TestQuickStart(t *testing.T) {
	p := demotest.Run(t, run)
	require.NoError(t, p.Wait(), p.Output())
	for _, want := range []string{
		"decision  approve by Store manager", "the same question has the same answer", "policy    ask: The discount is above", "policy    refused: The discount is beyond",
		"has 1 more code: it was looked for, not made again", "arm       held out", "the next stage has to wait", "Trail of the first cart", "verified",
	} {
		assert.Contains(t, p.Output(), want)
	}
	assert.NotRegexp(t, `POS-[0-9A-V]{12}`, p.Output(), "a code is money")
}

func TestServeSimulated(t *testing.T) {
	p := demotest.Run(t, run, "-serve", "-simulate", "-begin", "-addr", "127.0.0.1:0", "-data", t.TempDir())
	curl := regexp.MustCompile(`-X POST (\S+) -H 'Authorization: (Bearer \S+)' -d '([^']+)'`)
	require.Eventually(t, func() bool { return curl.MatchString(p.Output()) }, long, 20*time.Millisecond, "the command to ask")
	m := curl.FindStringSubmatch(p.Output())
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, m[1], strings.NewReader(m[3]))
	require.NoError(t, err)
	r.Header.Set("Authorization", m[2])
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	require.NoError(t, p.End())
}
