package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/returnreasons/weekly"
)

// browserPath returns a Chromium on this machine. Without one the test is
// skipped, or fails where nothing may be skipped.
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
	t.Skip("no Chromium on this machine: the page is not looked at by a browser")
	return ""
}

// openPage opens an address in a browser that ends with the test. Whatever the
// browser complains about, such as a resource that the policy of the page forbids,
// fails the test.
func openPage(t *testing.T, url string) context.Context {
	t.Helper()
	flags := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(browserPath(t)), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true),
	)
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), flags...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for the process, so that its directory can go
		cancel()
	})
	require.NoError(t, chromedp.Do(ctx), "start the browser")
	page, closePage := chromedp.NewContext(ctx)
	require.NoError(t, chromedp.Do(page), "open a tab")
	var complaints []string
	var listening sync.WaitGroup
	messages := chromedp.Console(page)
	listening.Go(func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			complaints = append(complaints, m.String()+" "+m.URL)
		}
	})
	t.Cleanup(func() {
		closePage()
		listening.Wait()
		assert.Empty(t, complaints, "what the browser complains about")
	})
	timed, stop := context.WithTimeout(page, 3*time.Minute)
	t.Cleanup(stop)
	require.NoError(t, chromedp.Do(timed, chromedp.EmulateViewport(1100, 900), chromedp.Navigate(url), chromedp.WaitReady(chromedp.CSS("main"))))
	return timed
}

func inPage[T any](ctx context.Context, t *testing.T, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	require.NoError(t, err)
	return v
}

func colorScheme(ctx context.Context, t *testing.T, scheme string) {
	t.Helper()
	_, err := chromedp.Run(ctx, func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return chromedp.Void{}, err
	})
	require.NoError(t, err)
}

// contrast computes, as WCAG 2 does, the smallest contrast of text and of what the
// charts draw against what is behind it.
const contrast = `(() => {
	const channel = v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 };
	const luminance = c => { const [r, g, b] = c.match(/[\d.]+/g).map(Number); return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b) };
	const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (c && !/, 0\)$|transparent/.test(c)) return c } return "rgb(255,255,255)" };
	const ratio = (a, b) => { const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05) };
	let text = 99, shapes = 99;
	for (const e of document.querySelectorAll("h1,h2,h3,p,dt,dd,th,td,caption,blockquote,summary,small")) if (e.innerText.trim()) text = Math.min(text, ratio(getComputedStyle(e).color, behind(e)));
	for (const e of document.querySelectorAll("svg text")) text = Math.min(text, ratio(getComputedStyle(e).fill, behind(e.closest("svg"))));
	for (const e of document.querySelectorAll("svg .bar,svg .point")) shapes = Math.min(shapes, ratio(getComputedStyle(e).fill, behind(e.closest("svg"))));
	for (const e of document.querySelectorAll("svg .line")) shapes = Math.min(shapes, ratio(getComputedStyle(e).stroke, behind(e.closest("svg"))));
	return [text, shapes];
})()`

// TestDashboardInABrowser looks at the page as people do: light and dark, wide and
// narrow, by eye and by what a screen reader is told. With POSAI_SHOTS=folder it
// leaves pictures there.
func TestDashboardInABrowser(t *testing.T) {
	browserPath(t)
	data, err := simulatedShop(1, time.Now())
	require.NoError(t, err)
	p := newPathOf(t, data)
	summary, err := p.reporter.summary(t.Context(), time.Time{})
	require.NoError(t, err)
	var page bytes.Buffer
	require.NoError(t, summary.WriteHTML(&page))
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/page" {
			if r.URL.Path != "/favicon.ico" {
				requests++
			}
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", weekly.ContentSecurityPolicy)
		_, _ = w.Write(page.Bytes())
	}))
	defer server.Close()
	ctx := openPage(t, server.URL+"/page")

	text := inPage[string](ctx, t, `document.body.innerText`)
	for _, want := range []string{"Returns of " + summary.Week, "Soy Candle", "Why things came back", "In store", "Online", "All returns", "not shown", "In their words"} {
		assert.Contains(t, text, want)
	}
	assert.NotContains(t, text, "NaN")
	assert.Zero(t, requests, "nothing is fetched")
	assert.Zero(t, inPage[int](ctx, t, `document.querySelectorAll("script,link,img,iframe").length`))

	// Both charts are drawn, inside their frames, with a name; the figures are in tables.
	assert.Equal(t, 2, inPage[int](ctx, t, `[...document.querySelectorAll("svg[role=img]")].filter(s => s.querySelector("title").textContent && document.getElementById(s.getAttribute("aria-labelledby").split(" ")[1])).length`))
	assert.Positive(t, inPage[int](ctx, t, `document.querySelectorAll("svg .bar").length`))
	assert.GreaterOrEqual(t, inPage[int](ctx, t, `document.querySelectorAll("svg .point").length`), 8)
	assert.Empty(t, inPage[[]string](ctx, t, `[...document.querySelectorAll("svg text, svg rect, svg circle")].filter(e => { const a = e.getBoundingClientRect(), b = e.closest("svg").getBoundingClientRect(); return a.left < b.left - 1 || a.right > b.right + 1 || a.top < b.top - 1 || a.bottom > b.bottom + 1 }).map(e => e.outerHTML)`), "drawn outside of the frame")
	assert.Equal(t, len(reasons)+1, inPage[int](ctx, t, `document.querySelectorAll("#reasons ~ .scroll tbody tr, #reasons ~ .scroll tfoot tr").length`))
	assert.Zero(t, inPage[int](ctx, t, `[...document.querySelectorAll("table")].filter(t => !t.caption || !t.querySelector("th[scope=col]") || !t.querySelector("th[scope=row]")).length`))
	assert.Equal(t, "en", inPage[string](ctx, t, `document.documentElement.lang`))
	levels := inPage[[]int](ctx, t, `[...document.querySelectorAll("h1,h2,h3")].map(h => +h.tagName[1])`)
	assert.Equal(t, 1, levels[0])
	for i := 1; i < len(levels); i++ {
		assert.LessOrEqual(t, levels[i], levels[i-1]+1, "headings skip no level")
	}

	for _, scheme := range []string{"light", "dark"} {
		colorScheme(ctx, t, scheme)
		for _, width := range []int64{1100, 390} {
			require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(width, 900)))
			name := fmt.Sprintf("%s-%d", scheme, width)
			assert.LessOrEqual(t, inPage[float64](ctx, t, `document.documentElement.scrollWidth - innerWidth`), 0.0, "%s: the page itself never scrolls sideways", name)
			ratios := inPage[[]float64](ctx, t, contrast)
			assert.GreaterOrEqual(t, ratios[0], 4.5, "%s: contrast of text (WCAG 1.4.3)", name)
			assert.GreaterOrEqual(t, ratios[1], 3.0, "%s: contrast of what is drawn (WCAG 1.4.11)", name)
			if folder := os.Getenv("POSAI_SHOTS"); folder != "" {
				png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(filepath.Join(folder, name+".png"), png, 0o600))
			}
		}
	}
}
