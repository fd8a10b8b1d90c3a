package main

import (
	"context"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
			assert.GreaterOrEqual(t, contrast(t, colors[pair[0]], colors[pair[1]]), 4.5, "%v of block %d", pair, i)
		}
		for _, bar := range []string{"bar", "rest"} {
			assert.GreaterOrEqual(t, contrast(t, colors[bar], colors["track"]), 3.0, bar)
		}
	}
}

// contrast is https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	luminance := func(hex string) float64 {
		if len(hex) == 3 {
			hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
		}
		sum := 0.0
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
			require.NoError(t, err)
			c := float64(n) / 255
			if c <= 0.04045 {
				c /= 12.92
			} else {
				c = math.Pow((c+0.055)/1.055, 2.4)
			}
			sum += weight * c
		}
		return sum
	}
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// browserPath returns a Chromium on this machine. Without one the test is skipped, or
// fails where nothing may be skipped.
func browserPath(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "headless-shell"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("POSAI_NO_SKIP") == "1" {
		t.Fatal("no Chromium on this machine, and POSAI_NO_SKIP=1")
	}
	t.Skip("no Chromium on this machine: the page is not looked at in a browser")
	return ""
}

// TestBrowser looks at the page as a manager does. With POSAI_PICTURES=DIR it leaves
// pictures there.
func TestBrowser(t *testing.T) {
	flags := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(browserPath(t)), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true),
	)
	p := busyStore(t)
	allocator, cancel := chromedp.NewExecAllocator(t.Context(), flags...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx)
		cancel()
	})
	require.NoError(t, chromedp.Do(ctx))
	var complaints []string
	var listening sync.WaitGroup
	messages := chromedp.Console(ctx)
	listening.Go(func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			complaints = append(complaints, m.String())
		}
	})
	timed, stop := context.WithTimeout(ctx, 2*time.Minute)
	defer stop()
	do := func(actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		require.NoError(t, chromedp.Do(timed, actions...))
	}
	link, err := p.SignInLink("")
	require.NoError(t, err)
	do(chromedp.EmulateViewport(1024, 768), chromedp.Navigate(link), chromedp.Click(chromedp.CSS("#sign-in"), chromedp.NodeVisible))
	require.Eventually(t, func() bool {
		body, err := chromedp.Run(timed, chromedp.Evaluate[string](`document.body ? document.body.innerText : ""`))
		return err == nil && strings.Contains(body, "Nothing happens until somebody decides")
	}, 60*time.Second, 20*time.Millisecond, "signed in")
	do(chromedp.Navigate(p.URL+"/upsell"), chromedp.WaitReady(chromedp.CSS("#main")))
	text := ""
	require.Eventually(t, func() bool {
		text = eval[string](timed, t, `document.body.innerText`)
		return strings.Contains(text, "What the suggestions are worth")
	}, 60*time.Second, 20*time.Millisecond)
	for _, want := range []string{"With suggestions", "Held out", "Mean basket", "customers or carts", "40 % of customers and carts are held out", "nothing, for comparison", "1 suggested bought", "no order yet"} {
		assert.Contains(t, text, want)
	}
	assert.Equal(t, 1, eval[int](timed, t, `document.querySelectorAll("h1").length`))
	assert.Equal(t, 0, eval[int](timed, t, `[...document.querySelectorAll("progress")].filter(e => !e.getAttribute("aria-label")).length`))
	do(chromedp.KeyEvent("\t"))
	assert.Equal(t, "Skip to the content", eval[string](timed, t, `document.activeElement.innerText`))
	for _, width := range []int64{360, 1024} {
		do(chromedp.EmulateViewport(width, 740))
		assert.LessOrEqual(t, eval[int64](timed, t, `document.documentElement.scrollWidth`), width, "nothing sticks out at %d", width)
		pictures(timed, t, width)
	}
	do(chromedp.Navigate(p.URL+"/upsell"), chromedp.Click(chromedp.CSS("header a"), chromedp.NodeVisible), chromedp.WaitReady(chromedp.CSS("#main")))
	require.Eventually(t, func() bool {
		return strings.Contains(eval[string](timed, t, `document.body.innerText`), "checkout-upsell")
	}, 60*time.Second, 20*time.Millisecond, "the plan stands at the console")
	cancel()
	listening.Wait()
	assert.Empty(t, complaints, "what the browser complains about")
}

func eval[T any](ctx context.Context, t *testing.T, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	require.NoError(t, err)
	return v
}

// pictures saves what the page looks like, light and dark, if somebody wants to see it.
func pictures(ctx context.Context, t *testing.T, width int64) {
	dir := os.Getenv("POSAI_PICTURES")
	if dir == "" {
		return
	}
	for _, scheme := range []string{"light", "dark", ""} {
		features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
		_, err := chromedp.Run(ctx, func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
			_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
			return chromedp.Void{}, err
		})
		require.NoError(t, err)
		if scheme == "" {
			return
		}
		png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "upsell-"+strconv.FormatInt(width, 10)+"-"+scheme+".png"), png, 0o600))
	}
}
