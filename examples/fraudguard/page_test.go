package main

import (
	"context"
	"html"
	"io"
	"math"
	"net/http"
	"net/http/cookiejar"
	"net/url"
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

	"github.com/posai-go/posai/approval"
)

// busyDay leaves flags in all states: released, refused, waiting, marked.
func busyDay(t *testing.T) *path {
	t.Helper()
	p := newPath(t)
	p.ordinary(500)
	released, refused := p.people.giftCards(), p.people.noReceipt()
	require.Equal(t, decisionManager, p.scored(released).Decision)
	p.decide(p.reviewed(kindRelease, "ask/"+released.ID, approval.Pending), approval.Approve, nil)
	p.reviewed(kindRelease, "ask/"+released.ID, approval.Executed)
	require.Equal(t, decisionManager, p.scored(refused).Decision)
	p.decide(p.reviewed(kindRelease, "ask/"+refused.ID, approval.Pending), approval.Reject, nil)
	order := p.sell(plain)
	p.judged("order/" + strconv.FormatInt(order.LegacyID, 10))
	p.takeBack(order.ID)
	p.reviewed(kindMark, "return of "+order.ID, approval.Pending)
	q := p.people.override()
	q.Tenders = []string{"cash", "cash", `"><i`, "gift_card"} // a tender that is markup
	require.Equal(t, decisionApprove, p.scored(q).Decision, "flagged, but small")
	p.reviewed(kindRelease, "ask/"+q.ID, approval.Executed)
	p.scored(p.people.giftCards())
	p.scored(p.people.giftCards()) // waits
	return p
}

// manager is a browser without scripts in which a manager is signed in.
func (p *path) manager() *http.Client {
	p.t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(p.t, err)
	client := &http.Client{Jar: jar}
	link, err := p.SignInLink("")
	require.NoError(p.t, err)
	resp, err := client.Get(link)
	require.NoError(p.t, err)
	require.NoError(p.t, resp.Body.Close())
	u, err := url.Parse(link)
	require.NoError(p.t, err)
	form, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.URL+"/approvals/sign-in", strings.NewReader(url.Values{"token": u.Query()["token"]}.Encode()))
	require.NoError(p.t, err)
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	form.Header.Set("Origin", p.URL)
	resp, err = client.Do(form)
	require.NoError(p.t, err)
	require.NoError(p.t, resp.Body.Close())
	require.Equal(p.t, http.StatusOK, resp.StatusCode)
	return client
}

func get(t *testing.T, client *http.Client, url string) (*http.Response, string) {
	t.Helper()
	resp, err := client.Get(url)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp, string(body)
}

func TestFlagsPage(t *testing.T) {
	p := busyDay(t)
	resp, body := get(t, http.DefaultClient, p.URL+"/flags")
	assert.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	assert.Contains(t, body, "Sign in first")
	assert.NotContains(t, body, "750.00", "nothing is shown to strangers")

	client := p.manager()
	resp, body = get(t, client, p.URL+"/flags")
	body = html.UnescapeString(body)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	for _, text := range []string{
		"Gift cards worth 750.00", "released", "refused", "waits for a manager", "RETURN_SAME_ASSOCIATE", "Return without a receipt", "/approvals/requests/",
		"Told by the shop: refunds/create", "Judged: score", "Decision: approve", "Decision: reject", p.cfg.policy.Name(),
	} {
		assert.Contains(t, body, text)
	}
	assert.Equal(t, 5, strings.Count(body, `<li class="flag"`))

	scores := regexp.MustCompile(`Score <b>(\d+)</b>`).FindAllStringSubmatch(body, -1)
	assert.True(t, slices.IsSortedFunc(scores, func(a, b []string) int { return strings.Compare(b[1], a[1]) }), "the highest score first: %v", scores)

	policy := resp.Header.Get("Content-Security-Policy")
	nonce := regexp.MustCompile(`'nonce-([A-Z0-9]+)'`).FindStringSubmatch(policy)
	require.NotNil(t, nonce)
	assert.Contains(t, body, `nonce="`+nonce[1]+`"`)
	assert.Contains(t, policy, "default-src 'none'")
	assert.NotContains(t, policy, "unsafe")
	assert.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
	_, again := get(t, client, p.URL+"/flags")
	assert.NotContains(t, again, nonce[1], "a nonce is used once")
	assert.NotRegexp(t, `(?i)<script|src=|style="|\son[a-z]+=|url\(|@import|http:`, body, "nothing from elsewhere, nothing inline")

	resp, err := client.Post(p.URL+"/flags", "text/plain", nil)
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
		for _, pair := range [][2]string{
			{"ink", "bg"},
			{"ink", "surface"},
			{"ink", "sunken"},
			{"muted", "bg"},
			{"muted", "surface"},
			{"muted", "sunken"},
			{"link", "surface"},
			{"ink", "calm-bg"},
			{"wait-ink", "wait-bg"},
			{"good-ink", "good-bg"},
			{"bad-ink", "bad-bg"},
			{"calm-ink", "calm-bg"},
		} {
			assert.GreaterOrEqual(t, contrast(t, colors[pair[0]], colors[pair[1]]), 4.5, "%v of block %d", pair, i)
		}
		assert.GreaterOrEqual(t, contrast(t, colors["bar"], colors["track"]), 3.0, "the score's bar")
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
	t.Skip("no Chromium on this machine: the page is not looked at in a browser")
	return ""
}

// TestBrowser looks at the page as a manager does. With POSAI_PICTURES=DIR it
// leaves pictures there.
func TestBrowser(t *testing.T) {
	flags := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(browserPath(t)), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true),
	)
	p := busyDay(t)
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
	}, 30*time.Second, 20*time.Millisecond, "signed in")
	do(chromedp.Navigate(p.URL+"/flags"), chromedp.WaitReady(chromedp.CSS("#main")))

	text := ""
	require.Eventually(t, func() bool {
		text = eval[string](timed, t, `document.body.innerText`)
		return strings.Contains(text, "Today’s flags")
	}, 30*time.Second, 20*time.Millisecond)
	assert.NotContains(t, text, "Policy: ask", "the trail is folded")
	do(chromedp.Click(chromedp.CSS(".flag summary"), chromedp.NodeVisible))
	assert.Contains(t, eval[string](timed, t, `document.body.innerText`), "Review asked for", "and opens without a script")
	assert.Equal(t, "rgb(179, 38, 30)", eval[string](timed, t, `getComputedStyle(document.querySelector(".reasons li")).borderLeftColor`), "the style is applied")

	// By the keyboard alone: the first stop skips to the content.
	do(chromedp.Navigate(p.URL+"/flags"), chromedp.WaitReady(chromedp.CSS("#main")), chromedp.KeyEvent("\t"))
	assert.Equal(t, "Skip to the content", eval[string](timed, t, `document.activeElement.innerText`))
	assert.Equal(t, 1, eval[int](timed, t, `document.querySelectorAll("h1").length`))
	assert.Equal(t, 0, eval[int](timed, t, `[...document.querySelectorAll("progress, ul.reasons")].filter(e => !e.getAttribute("aria-label")).length`))

	for _, width := range []int64{360, 1024} {
		do(chromedp.EmulateViewport(width, 740))
		assert.LessOrEqual(t, eval[int64](timed, t, `document.documentElement.scrollWidth`), width, "nothing sticks out at %d", width)
		small := eval[int](timed, t, `[...document.querySelectorAll("a:not(.skip), summary")].filter(e => e.getBoundingClientRect().height < 44).length`)
		assert.Zero(t, small, "what is tapped is large enough at %d", width)
		pictures(timed, t, width)
	}
	do(chromedp.Navigate(p.URL+"/flags"), chromedp.Click(chromedp.CSS("a.open"), chromedp.NodeVisible), chromedp.WaitReady(chromedp.CSS("#main")))
	require.Eventually(t, func() bool {
		return strings.Contains(eval[string](timed, t, `location.pathname`), "/approvals/requests/")
	}, 30*time.Second, 20*time.Millisecond)
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

// pictures saves what the page looks like, light and dark, if somebody wants to
// see it.
func pictures(ctx context.Context, t *testing.T, width int64) {
	dir := os.Getenv("POSAI_PICTURES")
	if dir == "" {
		return
	}
	for _, scheme := range []string{"light", "dark"} {
		_, err := chromedp.Run(ctx, func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
			_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
			})
			return chromedp.Void{}, err
		})
		require.NoError(t, err)
		png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "flags-"+strconv.FormatInt(width, 10)+"-"+scheme+".png"), png, 0o600))
	}
	_, err := chromedp.Run(ctx, func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{})
		return chromedp.Void{}, err
	})
	require.NoError(t, err)
}
