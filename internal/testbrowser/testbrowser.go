// Package testbrowser opens pages in a real browser for tests: a Chromium of this
// machine, driven by chromedp.
package testbrowser

import (
	"context"
	"fmt"
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
)

// Path returns a Chromium on this machine. Without one the test is skipped, or fails
// where nothing may be skipped.
func Path(t *testing.T) string {
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

// A machine that is busy with other tests is slow. These limits are for one that hangs.
const (
	startTime = 3 * time.Minute // of a browser
	pageTime  = 6 * time.Minute // of all that is done in a tab
	patience  = 90 * time.Second
)

// A Browser is a process without a window.
type Browser struct {
	ctx context.Context //nolint:containedctx // of the process
}

// Start starts a browser that ends with the test.
func Start(t *testing.T) *Browser {
	t.Helper()
	flags := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(Path(t)), chromedp.UserDataDir(profile(t)), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WSURLReadTimeout(startTime),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true),
	)
	// The browser ends in order, after its tabs: not with the test's own context.
	ctx, cancel := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), flags...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for the process
		cancel()
	})
	require.NoError(t, chromedp.Do(ctx), "start the browser")
	return &Browser{ctx: ctx}
}

// profile returns a folder that goes when the last of the browser's processes, which
// outlive the first by a moment, leaves nothing there any more.
func profile(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "testbrowser")
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.Eventually(t, func() bool { return os.RemoveAll(dir) == nil }, patience, 20*time.Millisecond, "remove the browser's folder")
	})
	return dir
}

// A Page is a browser's tab. Whatever the browser complains about, such as a resource
// that the page's own policy forbids, fails the test.
type Page struct {
	t *testing.T

	// Ctx is what chromedp's actions run in.
	Ctx context.Context //nolint:containedctx // of the test's own browser
}

// Open opens an address in a browser that ends with the test, and waits for an element
// main.
func Open(t *testing.T, url string) *Page {
	t.Helper()
	p := Start(t).NewPage(t, nil)
	p.Do(chromedp.EmulateViewport(1100, 900), chromedp.Navigate(url), chromedp.WaitReady(chromedp.CSS("main")))
	return p
}

// NewPage opens an empty tab, with cookies of its own, that ends with the test.
// Complaints that meant says are meant do not fail it; nil is for none.
func (b *Browser) NewPage(t *testing.T, meant func(chromedp.ConsoleMessage) bool) *Page {
	t.Helper()
	tab, closeTab := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	require.NoError(t, chromedp.Do(tab), "open a tab")
	var complaints []string
	var listening sync.WaitGroup
	messages := chromedp.Console(tab)
	listening.Go(func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if meant == nil || !meant(m) {
				complaints = append(complaints, m.String()+" "+m.URL)
			}
		}
	})
	t.Cleanup(func() {
		closeTab()
		listening.Wait()
		assert.Empty(t, complaints, "what the browser complains about")
	})
	timed, stop := context.WithTimeout(tab, pageTime)
	t.Cleanup(stop)
	return &Page{t: t, Ctx: timed}
}

// Do runs actions.
func (p *Page) Do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	require.NoError(p.t, chromedp.Do(p.Ctx, actions...))
}

// Eval returns the value of an expression in the page.
func Eval[T any](p *Page, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.Ctx, chromedp.Evaluate[T](expression))
	require.NoError(p.t, err)
	return v
}

// Wait polls until an expression is true in a page all of which is there.
func (p *Page) Wait(expression, what string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool {
		ok, err := chromedp.Run(p.Ctx, chromedp.Evaluate[bool](`document.readyState === "complete" && !!(`+expression+")"))
		return err == nil && ok // an error is a page that is being left
	}, patience, 20*time.Millisecond, what)
}

// Click clicks what is visible there. A page that keeps itself current may replace it
// at this very moment: then its successor is clicked.
func (p *Page) Click(selector string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool {
		return chromedp.Do(p.Ctx, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible)) == nil
	}, patience, 20*time.Millisecond, "%s cannot be clicked", selector)
}

// Scheme makes the page light or dark.
func (p *Page) Scheme(scheme string) {
	p.t.Helper()
	_, err := chromedp.Run(p.Ctx, func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return chromedp.Void{}, err
	})
	require.NoError(p.t, err)
}

// Looks shows the page light and dark, at each width in pixels, and checks that it
// never scrolls sideways and that text (WCAG 2, 1.4.3) and what is drawn (1.4.11; a
// CSS selector, "" for nothing) stand out from what is behind them. With
// POSAI_SHOTS=folder it leaves pictures there, named so.
func (p *Page) Looks(name, drawn string, widths ...int64) {
	p.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		p.Scheme(scheme)
		for _, width := range widths {
			p.Do(chromedp.EmulateViewport(width, 900))
			look := fmt.Sprintf("%s-%s-%d", name, scheme, width)
			assert.LessOrEqual(p.t, Eval[float64](p, `document.documentElement.scrollWidth - innerWidth`), 0.0, "%s: the page itself never scrolls sideways", look)
			ratios := Eval[[]float64](p, fmt.Sprintf(contrast, drawn))
			assert.GreaterOrEqual(p.t, ratios[0], 4.5, "%s: contrast of text (WCAG 1.4.3)", look)
			assert.GreaterOrEqual(p.t, ratios[1], 3.0, "%s: contrast of what is drawn (WCAG 1.4.11)", look)
			if folder := os.Getenv("POSAI_SHOTS"); folder != "" {
				png, err := chromedp.Run(p.Ctx, chromedp.FullScreenshot(100))
				require.NoError(p.t, err)
				require.NoError(p.t, os.WriteFile(filepath.Join(folder, look+".png"), png, 0o600))
			}
		}
	}
}

// contrast computes, as WCAG 2 does, the smallest contrast of text and of what is drawn
// against what is behind it.
const contrast = `(() => {
	const drawn = %q;
	const channel = v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 };
	const luminance = c => { const [r, g, b] = c.match(/[\d.]+/g).map(Number); return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b) };
	const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (c && !/, 0\)$|transparent/.test(c)) return c } return "rgb(255,255,255)" };
	const ratio = (a, b) => { const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05) };
	let text = 99, shapes = 99;
	for (const e of document.querySelectorAll("h1,h2,h3,p,dt,dd,th,td,li,label,button,caption,blockquote,summary,small")) if (e.innerText.trim() && !e.disabled) text = Math.min(text, ratio(getComputedStyle(e).color, behind(e)));
	for (const e of document.querySelectorAll("svg text")) text = Math.min(text, ratio(getComputedStyle(e).fill, behind(e.closest("svg"))));
	if (drawn) for (const e of document.querySelectorAll(drawn)) { const s = getComputedStyle(e); shapes = Math.min(shapes, ratio(s.stroke === "none" ? s.fill : s.stroke, behind(e.closest("svg")))) }
	return [text, shapes];
})()`
