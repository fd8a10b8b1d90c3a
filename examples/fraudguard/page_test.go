package main

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/internal/testbrowser"
)

// busyDay leaves flags in all states: released, refused, waiting, marked.
func busyDay(t *testing.T) *path {
	t.Helper()
	p := newPath(t)
	for at := time.Now(); at.In(p.shop.zone).Day() != at.Add(3*time.Minute).In(p.shop.zone).Day(); at = time.Now() {
		time.Sleep(time.Second) // the page shows what was flagged since midnight
	}
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

	var scores []int
	for _, m := range regexp.MustCompile(`Score <b>(\d+)</b>`).FindAllStringSubmatch(body, -1) {
		score, err := strconv.Atoi(m[1])
		require.NoError(t, err)
		scores = append(scores, score)
	}
	require.Len(t, scores, 5)
	assert.True(t, slices.IsSortedFunc(scores, func(a, b int) int { return b - a }), "the highest score first: %v", scores)

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
			assert.GreaterOrEqual(t, testbrowser.Contrast(t, colors[pair[0]], colors[pair[1]]), 4.5, "%v of block %d", pair, i)
		}
		assert.GreaterOrEqual(t, testbrowser.Contrast(t, colors["bar"], colors["track"]), 3.0, "the score's bar")
	}
}

// TestBrowser looks at the page as a manager does. With POSAI_SHOTS=folder it
// leaves pictures there.
func TestBrowser(t *testing.T) {
	p := busyDay(t)
	link, err := p.SignInLink("")
	require.NoError(t, err)
	page := testbrowser.Open(t, link)
	page.Click("#sign-in")
	page.Wait(`document.body && document.body.innerText.includes("Nothing happens until somebody decides")`, "signed in")
	page.Do(chromedp.Navigate(p.URL + "/flags"))
	page.Wait(`document.body.innerText.includes("Today’s flags")`, "the flags")
	assert.NotContains(t, testbrowser.Eval[string](page, `document.body.innerText`), "Policy: ask", "the trail is folded")
	page.Click(".flag summary")
	assert.Contains(t, testbrowser.Eval[string](page, `document.body.innerText`), "Review asked for", "and opens without a script")
	assert.Equal(t, "rgb(179, 38, 30)", testbrowser.Eval[string](page, `getComputedStyle(document.querySelector(".reasons li")).borderLeftColor`), "the style is applied")

	// By the keyboard alone: the first stop skips to the content.
	page.Do(chromedp.Navigate(p.URL+"/flags"), chromedp.WaitReady(chromedp.CSS("#main")), chromedp.KeyEvent("\t"))
	assert.Equal(t, "Skip to the content", testbrowser.Eval[string](page, `document.activeElement.innerText`))
	assert.Equal(t, 1, testbrowser.Eval[int](page, `document.querySelectorAll("h1").length`))
	assert.Equal(t, 0, testbrowser.Eval[int](page, `[...document.querySelectorAll("progress, ul.reasons")].filter(e => !e.getAttribute("aria-label")).length`))

	for _, width := range []int64{360, 1024} {
		page.Do(chromedp.EmulateViewport(width, 740))
		small := testbrowser.Eval[int](page, `[...document.querySelectorAll("a:not(.skip), summary")].filter(e => e.getBoundingClientRect().height < 44).length`)
		assert.Zero(t, small, "what is tapped is large enough at %d", width)
	}
	page.Looks("flags", "", 360, 1024)
	page.Do(chromedp.Navigate(p.URL + "/flags"))
	page.Click("a.open")
	page.Wait(`location.pathname.includes("/approvals/requests/")`, "the request stands at the console")
}
