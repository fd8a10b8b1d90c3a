package console_test

import (
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/internal/testbrowser"
)

// tab is a browser window of one person, with cookies of its own. Whatever the
// browser complains about fails the test.
type tab struct {
	*testbrowser.Page
	t    *testing.T
	x, y float64 // of the pointer
}

func newTab(t *testing.T, browser *testbrowser.Browser) *tab {
	t.Helper()
	b := &tab{t: t, Page: browser.NewPage(t, func(m chromedp.ConsoleMessage) bool {
		// A page that refuses has the status of a refusal; the browser
		// reports that as a resource that failed.
		return m.Source == "network" && strings.HasSuffix(m.URL, "/decision")
	})}
	b.Do(chromedp.EmulateViewport(1024, 768))
	return b
}

// open loads a page and waits until it is there.
func (b *tab) open(url string) {
	b.t.Helper()
	b.Do(chromedp.Navigate(url), chromedp.WaitReady(chromedp.CSS("#main")))
}

// text returns the visible text of the page, once all of it is there.
func (b *tab) text() string {
	b.t.Helper()
	// Between two pages there is no document to ask.
	text, err := chromedp.Run(b.Ctx, chromedp.Evaluate[string](`document.readyState === "complete" ? document.body.innerText : ""`))
	if err != nil {
		return ""
	}
	return text
}

// sees waits until the page says all of the texts.
func (b *tab) sees(texts ...string) {
	b.t.Helper()
	ok := assert.Eventually(b.t, func() bool {
		text := b.text()
		return !slices.ContainsFunc(texts, func(s string) bool { return !strings.Contains(text, s) })
	}, patience, 20*time.Millisecond, "the page does not say %q", texts)
	if !ok {
		b.t.Fatalf("it says:\n%s", b.text())
	}
}

// press puts the pointer down on an element, and release takes it up there.
func (b *tab) press(selector string) {
	b.t.Helper()
	b.Do(chromedp.WaitVisible(chromedp.CSS(selector)))
	at, err := chromedp.Run(b.Ctx, chromedp.Evaluate[[]float64](
		`(r => [r.x + r.width / 2, r.y + r.height / 2])(document.querySelector(`+strconv.Quote(selector)+`).getBoundingClientRect())`))
	require.NoError(b.t, err)
	b.x, b.y = at[0], at[1]
	b.pointer(input.DispatchMouseEventTypeMousePressed)
}

func (b *tab) release() {
	b.t.Helper()
	b.pointer(input.DispatchMouseEventTypeMouseReleased)
}

func (b *tab) pointer(event input.DispatchMouseEventType) {
	b.t.Helper()
	_, err := chromedp.Run(b.Ctx, chromedp.MouseEvent(event, b.x, b.y, chromedp.ButtonLeft, chromedp.ClickCount(1)))
	require.NoError(b.t, err)
}

// keys presses keys, as somebody without a mouse does.
func (b *tab) keys(keys string) {
	b.t.Helper()
	b.Do(chromedp.KeyEvent(keys))
}

// tabTo moves the focus forward by the tabulator until it is on the element
// with the ID.
func (b *tab) tabTo(id string) {
	b.t.Helper()
	var at string
	for range 60 {
		b.keys("\t")
		at = eval[string](b, `document.activeElement?.id || document.activeElement?.parentElement?.id || ""`)
		if at == id {
			return
		}
	}
	b.t.Fatalf("the tabulator never reaches #%s; last it was at #%s", id, at)
}

// withoutScript turns scripts off for the pages that are opened from now on.
func (b *tab) withoutScript() {
	b.t.Helper()
	_, err := chromedp.Run(b.Ctx, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
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
	b.Scheme(scheme)
	b.Do(chromedp.EmulateViewport(width, height))
	for name, picture := range map[string]chromedp.Action[[]byte]{"": chromedp.CaptureScreenshot(), "-whole": chromedp.FullScreenshot(100)} {
		png, err := chromedp.Run(b.Ctx, picture)
		require.NoError(b.t, err)
		require.NoError(b.t, os.WriteFile(path+"-"+scheme+name+".png", png, 0o600))
	}
}

// eval returns the value of an expression in the page.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	return testbrowser.Eval[T](b.Page, expression)
}
