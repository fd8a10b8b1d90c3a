package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/returnreasons/weekly"
	"github.com/posai-go/posai/internal/testbrowser"
)

// TestDashboardInABrowser looks at the page as people do: light and dark, wide and
// narrow, by eye and by what a screen reader is told. With POSAI_SHOTS=folder it
// leaves pictures there.
func TestDashboardInABrowser(t *testing.T) {
	testbrowser.Path(t)
	data, err := simulatedShop(1, time.Now())
	require.NoError(t, err)
	p := newPathOf(t, data)
	summary, err := p.reporter.summary(t.Context(), time.Time{})
	require.NoError(t, err)
	var page bytes.Buffer
	require.NoError(t, summary.WriteHTML(&page))
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/page" {
			if r.URL.Path != "/favicon.ico" {
				requests.Add(1)
			}
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", weekly.ContentSecurityPolicy)
		_, _ = w.Write(page.Bytes())
	}))
	defer server.Close()
	shown := testbrowser.Open(t, server.URL+"/page")

	text := testbrowser.Eval[string](shown, `document.body.innerText`)
	for _, want := range []string{"Returns of " + summary.Week, "Soy Candle", "Why things came back", "In store", "Online", "All returns", "not shown", "In their words"} {
		assert.Contains(t, text, want)
	}
	assert.NotContains(t, text, "NaN")
	assert.Zero(t, requests.Load(), "nothing is fetched")
	assert.Zero(t, testbrowser.Eval[int](shown, `document.querySelectorAll("script,link,img,iframe").length`))

	// Both charts are drawn, inside their frames, with a name; the figures are in tables.
	assert.Equal(t, 2, testbrowser.Eval[int](shown, `[...document.querySelectorAll("svg[role=img]")].filter(s => s.querySelector("title").textContent && document.getElementById(s.getAttribute("aria-labelledby").split(" ")[1])).length`))
	assert.Positive(t, testbrowser.Eval[int](shown, `document.querySelectorAll("svg .bar").length`))
	assert.GreaterOrEqual(t, testbrowser.Eval[int](shown, `document.querySelectorAll("svg .point").length`), 8)
	assert.Empty(t, testbrowser.Eval[[]string](shown, `[...document.querySelectorAll("svg text, svg rect, svg circle")].filter(e => { const a = e.getBoundingClientRect(), b = e.closest("svg").getBoundingClientRect(); return a.left < b.left - 1 || a.right > b.right + 1 || a.top < b.top - 1 || a.bottom > b.bottom + 1 }).map(e => e.outerHTML)`), "drawn outside of the frame")
	assert.Equal(t, len(reasons)+1, testbrowser.Eval[int](shown, `document.querySelectorAll("#reasons ~ .scroll tbody tr, #reasons ~ .scroll tfoot tr").length`))
	assert.Zero(t, testbrowser.Eval[int](shown, `[...document.querySelectorAll("table")].filter(t => !t.caption || !t.querySelector("th[scope=col]") || !t.querySelector("th[scope=row]")).length`))
	assert.Equal(t, "en", testbrowser.Eval[string](shown, `document.documentElement.lang`))
	levels := testbrowser.Eval[[]int](shown, `[...document.querySelectorAll("h1,h2,h3")].map(h => +h.tagName[1])`)
	assert.Equal(t, 1, levels[0])
	for i := 1; i < len(levels); i++ {
		assert.LessOrEqual(t, levels[i], levels[i-1]+1, "headings skip no level")
	}

	shown.Looks("summary", "svg .bar,svg .point,svg .line", 1100, 390)
}
