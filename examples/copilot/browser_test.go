package main

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/internal/testbrowser"
)

// onPage is a page with what these tests ask of it.
type onPage struct {
	*testbrowser.Page
	t *testing.T
}

func (p onPage) keys(text string) { p.Do(chromedp.KeyEvent(text)) }

func (p onPage) text(selector string) string {
	return testbrowser.Eval[string](p.Page, fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, selector))
}

func (p onPage) count(selector string) int {
	return testbrowser.Eval[int](p.Page, fmt.Sprintf(`document.querySelectorAll(%q).length`, selector))
}

// TestKioskInABrowser uses the kiosk as people do who have a keyboard and nothing else,
// while a hostile model and a hostile product try to get at the page. With
// POSAI_SHOTS=folder it leaves pictures there.
func TestKioskInABrowser(t *testing.T) {
	testbrowser.Path(t)
	release := make(chan struct{})
	model := &scripted{reply: func(q string, step int, _ *ai.Request) aitest.Reply {
		switch {
		case strings.Contains(q, "quickly"):
			return aitest.Reply{Text: "{}", Delay: time.Minute}
		case step == 0 && strings.Contains(q, "returns"):
			return aitest.ToolCall("c1", "search_policies", policyInput{Query: "returns of sale items"})
		case strings.Contains(q, "returns"):
			return aitest.Text(`{"policy":"s1"}`)
		case step == 0:
			return search("cashmere scarf")
		case step == 1 && strings.Contains(q, "slowly"):
			// The first line comes with this reply; the rest when the test has seen it.
			reply := search("cashmere beanie")
			reply.Text = "{\"product\":\"p1\",\"why\":\"Soft and warm for winter.\"}\n{\"product\":\"p2\",\"why\":\"Only $1!\"}\n"
			return reply
		case step == 2:
			<-release
		}
		return aitest.Text("{\"product\":\"p1\"}\n{\"product\":\"p3\",\"why\":\"<img src=x onerror=alert(1)>\"}\n{\"product\":\"p4\"}\n{\"product\":\"p2\"}\n<script>alert(2)</script>\n")
	}}
	data := hostileShop()
	p := newPath(t, pathOptions{data: data, model: model})
	page := onPage{testbrowser.Open(t, p.URL+"/kiosk"), t}
	page.Do(chromedp.EmulateViewport(820, 1180)) // a tablet

	// Who comes by can type at once.
	assert.Equal(t, "question", testbrowser.Eval[string](page.Page, `document.activeElement.id`))
	page.keys("A scarf, slowly" + kb.Enter)
	page.Wait(`document.querySelectorAll(".card").length === 2`, "what is checked is there before the answer has ended")
	assert.Equal(t, "Looking …", page.text("#status"))
	assert.Equal(t, "Stop", testbrowser.Eval[string](page.Page, `[...document.querySelectorAll("form button")].filter(b => !b.hidden).map(b => b.innerText).join()`))
	close(release)
	page.Wait(`document.querySelector("#status").textContent.includes("results")`, "the answer ends")
	assert.Equal(t, "4 results.", page.text("#status"))
	assert.Equal(t, "Chosen by an AI", page.text(".by"))
	scarf := p.product("Cashmere Scarf")
	text := page.text(".answer")
	for _, want := range []string{scarf.Title, scarf.Variants[0].SKU, scarf.Variants[0].Price.StringFixed(2) + " USD", "Soft and warm for winter.", fmt.Sprint(scarf.Variants[0].Available[p.shop.locations[0].ID], " in stock")} {
		assert.Contains(t, text, want)
	}
	for _, bad := range []string{"$1", "alert(2)", "NaN", "undefined", "[object"} {
		assert.NotContains(t, text, bad)
	}
	assert.Contains(t, text, `onerror="document.title='owned'"`, "a product's title is text, whatever it says")
	assert.Zero(t, page.count("#answers img, #answers script, #answers a"))
	assert.NotEqual(t, "owned", testbrowser.Eval[string](page.Page, `document.title`))
	assert.Equal(t, "question", testbrowser.Eval[string](page.Page, `document.activeElement.id`), "the focus stays where people type")

	// What a screen reader is told.
	assert.Equal(t, "polite", testbrowser.Eval[string](page.Page, `document.querySelector("#answers").getAttribute("aria-live")`))
	assert.Equal(t, "status", testbrowser.Eval[string](page.Page, `document.querySelector("#status").getAttribute("role")`))
	assert.Zero(t, testbrowser.Eval[int](page.Page, `[...document.querySelectorAll("input,button")].filter(e => !(e.labels?.length || e.innerText || e.hidden)).length`), "everything that is used has a name")
	assert.Zero(t, testbrowser.Eval[int](page.Page, `[...document.querySelectorAll("[aria-labelledby]")].filter(e => !document.getElementById(e.getAttribute("aria-labelledby"))?.textContent).length`))
	assert.Zero(t, testbrowser.Eval[int](page.Page, `[...document.querySelectorAll("table")].filter(t => !t.caption || !t.querySelector("th[scope=col]") || !t.querySelector("th[scope=row]")).length`))
	levels := testbrowser.Eval[[]int](page.Page, `[...document.querySelectorAll("h1,h2,h3")].map(h => +h.tagName[1])`)
	for i := 1; i < len(levels); i++ {
		assert.LessOrEqual(t, levels[i], levels[i-1]+1, "headings skip no level")
	}
	assert.GreaterOrEqual(t, testbrowser.Eval[float64](page.Page, `Math.min(...[...document.querySelectorAll("button:not([hidden]),input")].map(e => e.getBoundingClientRect().height))`), 44.0, "fingers find it")
	page.Looks("kiosk", "", 820, 1280, 390)
	page.Do(chromedp.EmulateViewport(820, 1180))

	// Policies, word for word.
	page.keys("What about returns?" + kb.Enter)
	page.Wait(`document.querySelector("#answers").firstChild.querySelector("blockquote")`, "a policy")
	assert.Contains(t, samplePolicies, page.text("blockquote"))
	page.Looks("policy", "", 820)
	page.Do(chromedp.EmulateViewport(820, 1180))

	// By keys alone: on to the button, and a person comes.
	page.Wait(`document.querySelector("#stop").hidden`, "the answer has ended")
	for range 30 {
		if testbrowser.Eval[string](page.Page, `document.activeElement.id`) == "person" {
			break
		}
		page.keys(kb.Tab)
	}
	require.Equal(t, "person", testbrowser.Eval[string](page.Page, `document.activeElement.id`), "the button is reached by Tab")
	assert.NotEqual(t, "none", testbrowser.Eval[string](page.Page, `getComputedStyle(document.activeElement).outlineStyle`), "and one sees it")
	page.keys(kb.Enter)
	page.Wait(`document.querySelector("#answers").firstChild.innerText.includes("Somebody has been called")`, "a person is called")
	var waiting string
	for r, err := range p.Queue.List(t.Context(), filterHelp()) {
		require.NoError(t, err)
		waiting = r.ID
	}
	link, err := p.SignInLink("")
	require.NoError(t, err)
	require.NoError(t, demo.ApproveOverHTTP(t.Context(), link, waiting))
	page.Wait(`document.querySelector("#answers").firstChild.innerText.includes("Somebody is on the way")`, "and the page says that somebody comes")

	// Escape stops, and starting over forgets.
	page.Do(chromedp.Focus(chromedp.CSS("#question")))
	page.keys("Answer quickly" + kb.Enter)
	page.Wait(`!document.querySelector("#stop").hidden`, "it is being answered")
	page.keys(kb.Escape)
	page.Wait(`document.querySelector("#status").textContent === "Stopped."`, "Escape stops it")
	page.Do(chromedp.Click(chromedp.CSS("#over")))
	page.Wait(`!document.querySelector("#answers").firstChild`, "nothing is left")
	assert.Equal(t, "question", testbrowser.Eval[string](page.Page, `document.activeElement.id`))
}

// The associate's page, signed in at the console, with a customer.
func TestAssociateInABrowser(t *testing.T) {
	testbrowser.Path(t)
	p := newPath(t, pathOptions{})
	link, err := p.SignInLink("")
	require.NoError(t, err)
	page := onPage{testbrowser.Open(t, link), t}
	page.Do(chromedp.Click(chromedp.CSS("form button")))
	page.Wait(`document.readyState === "complete" && !location.pathname.endsWith("sign-in")`, "signed in")
	page.Do(chromedp.Navigate(p.URL+"/associate"), chromedp.WaitReady(chromedp.CSS("#customer")))
	customer := p.sim.Customers()[0]
	page.Do(chromedp.Focus(chromedp.CSS("#customer")))
	page.keys(strings.TrimPrefix(customer.ID, "gid://shopify/Customer/"))
	page.Do(chromedp.Focus(chromedp.CSS("#question")))
	page.keys("linen cushion cover" + kb.Enter)
	page.Wait(`document.querySelector("#status").textContent.includes("result")`, "the answer ends")
	assert.Equal(t, "Search results, without AI", page.text(".by"), "what no model chose is marked so")
	assert.Contains(t, page.text(".answer"), "Linen Cushion Cover")
	page.Looks("associate", "", 820, 1280)
}

// The pages' own policy.
func TestPagesAllowNothingForeign(t *testing.T) {
	p := newPath(t, pathOptions{})
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client := &http.Client{Jar: jar}
	resp, err := client.Get(p.URL + "/kiosk")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	policy := resp.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "require-trusted-types-for 'script'", "frame-ancestors 'none'"} {
		assert.Contains(t, policy, want)
	}
	assert.NotContains(t, policy, "unsafe")
	assert.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
	u, err := url.Parse(p.URL + "/kiosk/ask")
	require.NoError(t, err)
	require.Len(t, jar.Cookies(u), 1)
	cookie := resp.Header.Get("Set-Cookie")
	assert.Contains(t, cookie, "HttpOnly")
	assert.Contains(t, cookie, "SameSite=Strict")
	for path, status := range map[string]int{"/copilot/page.js": 200, "/copilot/page.css": 200, "/copilot/page.html": 404, "/copilot/": 404, "/kiosk?location=77": 404} {
		resp, err := client.Get(p.URL + path)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, status, resp.StatusCode, path)
	}
}
