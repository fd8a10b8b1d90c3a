package main

import (
	"io"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/internal/testbrowser"
)

// busyStore has orders in both arms, with and without something suggested.
func busyStore(t *testing.T) *path {
	t.Helper()
	p := begun(t, "-holdout", "0.4")
	last := ""
	for i := range 24 {
		q := p.till.question(p.till.newCart(), p.till.anyCart()...)
		a := p.ask(q)
		var added []int64
		if a.Show && len(a.Suggestions) > 0 && i%2 == 0 {
			added = []int64{a.Suggestions[0].VariantID}
		}
		if i == 23 {
			break // a cart without an order
		}
		_, err := p.till.ringUp(q, a.Offer, added, nil)
		require.NoError(t, err)
		last = q.Cart
	}
	p.outcome(last)
	require.NoError(t, p.sim.WaitIdle(t.Context()))
	require.Eventually(t, func() bool { // and the others' orders
		stats, err := p.Inbox.Stats(t.Context())
		return err == nil && stats.Depth() == 0
	}, long, 10*time.Millisecond)
	return p
}

func TestFiguresPageIsForManagers(t *testing.T) {
	p := begun(t)
	resp, err := http.Get(p.URL + "/upsell")
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	assert.Contains(t, string(body), "Sign in first")
	assert.NotContains(t, string(body), "Mean basket")
	policy := resp.Header.Get("Content-Security-Policy")
	assert.Contains(t, policy, "default-src 'none'")
	assert.NotContains(t, policy, "unsafe")
	assert.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
	resp, err = http.Post(p.URL+"/upsell", "text/plain", nil)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode)
}

// The colors of text and what it stands on reach WCAG AA, in light and dark.
func TestContrast(t *testing.T) {
	blocks := regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllStringSubmatch(pageHTML, -1)
	require.Len(t, blocks, 2)
	for i, b := range blocks {
		colors := map[string]string{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{3,6});`).FindAllStringSubmatch(b[1], -1) {
			colors[m[1]] = m[2]
		}
		for _, pair := range [][2]string{{"ink", "bg"}, {"ink", "surface"}, {"muted", "bg"}, {"muted", "surface"}, {"link", "surface"}, {"good-ink", "good-bg"}, {"bad-ink", "bad-bg"}, {"calm-ink", "calm-bg"}} {
			assert.GreaterOrEqual(t, testbrowser.Contrast(t, colors[pair[0]], colors[pair[1]]), 4.5, "%v of block %d", pair, i)
		}
		for _, bar := range []string{"bar", "rest"} {
			assert.GreaterOrEqual(t, testbrowser.Contrast(t, colors[bar], colors["track"]), 3.0, bar)
		}
	}
}

// TestBrowser looks at the page as a manager does. With POSAI_SHOTS=folder it
// leaves pictures there.
func TestBrowser(t *testing.T) {
	p := busyStore(t)
	link, err := p.SignInLink("")
	require.NoError(t, err)
	page := testbrowser.Open(t, link)
	page.Click("#sign-in")
	page.Wait(`document.body && document.body.innerText.includes("Nothing happens until somebody decides")`, "signed in")
	page.Do(chromedp.Navigate(p.URL + "/upsell"))
	page.Wait(`document.body.innerText.includes("What the suggestions are worth")`, "the figures")
	text := testbrowser.Eval[string](page, `document.body.innerText`)
	for _, want := range []string{"With suggestions", "Held out", "Mean basket", "customers or carts", "40 % of customers and carts are held out", "nothing, for comparison", "1 suggested bought", "no order yet"} {
		assert.Contains(t, text, want)
	}
	assert.Equal(t, 1, testbrowser.Eval[int](page, `document.querySelectorAll("h1").length`))
	assert.Equal(t, 0, testbrowser.Eval[int](page, `[...document.querySelectorAll("progress")].filter(e => !e.getAttribute("aria-label")).length`))
	page.Do(chromedp.KeyEvent("\t"))
	assert.Equal(t, "Skip to the content", testbrowser.Eval[string](page, `document.activeElement.innerText`))
	page.Looks("upsell", "", 360, 1024)
	page.Do(chromedp.Navigate(p.URL + "/upsell"))
	page.Click("header a")
	page.Wait(`location.pathname.startsWith("/approvals") && document.body.innerText.includes("checkout-upsell")`, "the plan stands at the console")
}
