package console_test

import (
	"context"
	"os"
	"os/exec"
	"slices"
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
	t.Skip("no Chromium on this machine: the console is not driven by a browser")
	return ""
}

// newBrowser starts an empty browser that ends with the test.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	flags := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(browserPath(t)),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("hide-scrollbars", true),
	)
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), flags...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for the process, so that its directory can go
		cancel()
	})
	require.NoError(t, chromedp.Do(ctx), "start the browser")
	return ctx
}

// tab is a browser window of one person, with cookies of its own. Whatever the
// browser complains about fails the test.
type tab struct {
	t   *testing.T
	ctx context.Context
}

func newTab(browser context.Context, t *testing.T) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	require.NoError(t, chromedp.Do(ctx), "open a tab")
	var complaints []string
	var listening sync.WaitGroup
	messages := chromedp.Console(ctx)
	listening.Go(func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			// A page that refuses has the status of a refusal; the browser
			// reports that as a resource that failed.
			if m.Source == "network" && strings.HasSuffix(m.URL, "/decision") {
				continue
			}
			complaints = append(complaints, m.String()+" "+m.URL)
		}
	})
	t.Cleanup(func() {
		cancel()
		listening.Wait()
		assert.Empty(t, complaints, "what the browser complains about")
	})
	timed, stop := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(stop)
	b := &tab{t: t, ctx: timed}
	b.do(chromedp.EmulateViewport(1024, 768))
	return b
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, actions...))
}

// open loads a page and waits until it is there.
func (b *tab) open(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url), chromedp.WaitReady(chromedp.CSS("#main")))
}

// click clicks what is visible there.
func (b *tab) click(selector string) {
	b.t.Helper()
	// An open page may replace what is clicked at this very moment.
	require.Eventually(b.t, func() bool {
		return chromedp.Do(b.ctx, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible)) == nil
	}, 30*time.Second, 20*time.Millisecond, "%s cannot be clicked", selector)
}

// text returns the visible text of the page.
func (b *tab) text() string {
	b.t.Helper()
	// Between two pages there is no document to ask.
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body ? document.body.innerText : ""`))
	if err != nil {
		return ""
	}
	return text
}

// sees waits until the page says all of the texts.
func (b *tab) sees(texts ...string) {
	b.t.Helper()
	var last string
	ok := assert.Eventually(b.t, func() bool {
		last = b.text()
		return !slices.ContainsFunc(texts, func(s string) bool { return !strings.Contains(last, s) })
	}, 30*time.Second, 20*time.Millisecond, "the page does not say %q", texts)
	if !ok {
		b.t.Fatalf("it says:\n%s", last)
	}
}

// keys presses keys, as somebody without a mouse does.
func (b *tab) keys(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// tabTo moves the focus forward by the tabulator until it is on the element
// with the ID.
func (b *tab) tabTo(id string) {
	b.t.Helper()
	var at string
	for range 60 {
		b.keys("\t")
		at = eval[string](b, `document.activeElement.id || document.activeElement.parentElement.id || ""`)
		if at == id {
			return
		}
	}
	b.t.Fatalf("the tabulator never reaches #%s; last it was at #%s", id, at)
}

// withoutScript turns scripts off for the pages that are opened from now on.
func (b *tab) withoutScript() {
	b.t.Helper()
	_, err := chromedp.Run(b.ctx, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return chromedp.Void{}, err
	})
	require.NoError(b.t, err)
}

// shoot saves a picture of what is to be seen of the page, and of all of it.
func (b *tab) shoot(path string, width, height int64, dark bool) {
	b.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	_, err := chromedp.Run(b.ctx, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return chromedp.Void{}, err
	})
	require.NoError(b.t, err)
	b.do(chromedp.EmulateViewport(width, height))
	for name, picture := range map[string]chromedp.Action[[]byte]{"": chromedp.CaptureScreenshot(), "-whole": chromedp.FullScreenshot(100)} {
		png, err := chromedp.Run(b.ctx, picture)
		require.NoError(b.t, err)
		require.NoError(b.t, os.WriteFile(path+"-"+scheme+name+".png", png, 0o600))
	}
}

// eval returns the value of an expression in the page.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	require.NoError(b.t, err)
	return v
}
