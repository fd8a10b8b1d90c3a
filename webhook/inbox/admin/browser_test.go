package admin_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/webhook/inbox"
)

// browserPath returns a Chromium on this machine. Without one the test is
// skipped, or fails where nothing may be skipped.
func browserPath(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("POSAI_NO_SKIP") == "1" {
		t.Fatal("no Chromium on this machine, and POSAI_NO_SKIP=1")
	}
	t.Skip("no Chromium on this machine: the page is not driven by a browser")
	return ""
}

// In a real browser: the policy lets the style through, the forms work, and
// nothing of a body is executed.
func TestInABrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for n := range 12 {
		s.accept("orders/updated", n+1)
	}
	for n := range 3 {
		s.accept("refunds/create", n+1)
	}
	s.wait(func(stats inbox.Stats) bool { return stats.Dead == 3 && stats.Processed == 12 })
	flags := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(browserPath(t)), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("hide-scrollbars", true))
	timed, stop := context.WithTimeout(t.Context(), 2*soon)
	defer stop()
	ctx, cancel := chromedp.NewExecAllocator(timed, flags...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	defer func() { _ = chromedp.Cancel(ctx) }()

	b := &browser{t, ctx}
	require.NoError(t, chromedp.Do(ctx), "start the browser")
	b.do(chromedp.Navigate(s.server.URL+"/inbox/"), chromedp.WaitVisible(chromedp.CSS("table")))
	assert.NotEqual(t, "rgba(0, 0, 0, 0)", run(b, chromedp.Evaluate[string](`getComputedStyle(document.querySelector(".state.dead")).backgroundColor`)), "the style was not applied")
	b.shoot("list", 1400)
	b.do(chromedp.Click(chromedp.CSS("tbody tr:first-child a")), chromedp.WaitVisible(chromedp.CSS("h2")))
	assert.Equal(t, "Webhook inbox", run(b, chromedp.Evaluate[string](`document.title`)))
	assert.Contains(t, run(b, chromedp.Text(chromedp.CSS("pre:not(.error)"))), "<script>alert(1)</script>")
	b.shoot("detail", 1400)
	s.broken.Store(false)
	b.do(chromedp.Click(chromedp.CSS(".acts form:first-child button")), chromedp.WaitVisible(chromedp.CSS(".message")))
	assert.Equal(t, "One delivery was replayed.", run(b, chromedp.Text(chromedp.CSS(".message"))))
	b.do(
		chromedp.SetValue(chromedp.CSS("select[name=state]"), "dead"),
		chromedp.Click(chromedp.CSS(".filter button")), chromedp.WaitVisible(chromedp.CSS(".filter a")),
		chromedp.Click(chromedp.CSS("form.act button")), chromedp.WaitVisible(chromedp.CSS(".message")))
	assert.Equal(t, "2 deliveries were replayed.", run(b, chromedp.Text(chromedp.CSS(".message"))))
	b.shoot("narrow", 420)
	s.wait(func(stats inbox.Stats) bool { return stats.Processed == 15 })
}

type browser struct {
	t   *testing.T
	ctx context.Context //nolint:containedctx // the browser's
}

func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, actions...))
}

func run[T any](b *browser, action chromedp.Action[T]) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, action)
	require.NoError(b.t, err)
	return v
}

// shoot saves a picture of the page, for a person to look at, into the folder
// that POSAI_PICTURES names.
func (b *browser) shoot(name string, width int64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, 900))
	png := run(b, chromedp.FullScreenshot(100))
	if folder := os.Getenv("POSAI_PICTURES"); folder != "" {
		require.NoError(b.t, os.WriteFile(filepath.Join(folder, name+".png"), png, 0o600))
	}
}
