package desk_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/desk"
	"github.com/posai-go/posai/examples/clienteling/internal/talk"
	"github.com/posai-go/posai/internal/testbrowser"
)

func text(p *testbrowser.Page, selector string) string {
	return testbrowser.Eval[string](p, fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, selector))
}

func focused(p *testbrowser.Page) string {
	return testbrowser.Eval[string](p, `document.activeElement.name || document.activeElement.innerText`)
}

// tabTo presses Tab until the focus is where it should be, and sees that one can see it.
func tabTo(t *testing.T, p *testbrowser.Page, what string) {
	t.Helper()
	for range 80 {
		p.Do(chromedp.KeyEvent(kb.Tab))
		if strings.HasPrefix(focused(p), what) {
			assert.NotEqual(t, "none", testbrowser.Eval[string](p, `getComputedStyle(document.activeElement).outlineStyle`), "one sees where the focus is: %s", what)
			return
		}
	}
	require.Fail(t, "the focus never comes to "+what)
}

// TestBrowser uses the pages as somebody does who has a keyboard and nothing else: from
// the search to a note. With POSAI_SHOTS=folder it leaves pictures there.
func TestBrowser(t *testing.T) {
	testbrowser.Path(t)
	reply := aitest.JSON(map[string]any{"points": []any{
		map[string]any{"facts": []string{"f2"}, "say": "Ask about the scarf for the occasion on 5 December."},
		map[string]any{"facts": []string{"f1"}, "say": "The promise about the Chelsea boots is overdue since 25 November."},
		map[string]any{"facts": []string{"f1"}, "say": "They are pregnant <img src=x onerror=alert(1)>."},
	}})
	model := aitest.NewModel(t, reply, aitest.Error(&ai.Error{Class: ai.ErrOverloaded}), reply) // of three pages
	s := newStand(t, func(o *desk.Options) { o.Talk = talk.New(model, nil) })
	page := testbrowser.Open(t, s.URL+"/sign-in?as=ines")
	assert.Equal(t, "q", testbrowser.Eval[string](page, `document.activeElement.name`), "who comes can type at once")
	page.Looks("search-empty", "", 390)
	page.Do(chromedp.EmulateViewport(820, 1180), chromedp.KeyEvent("maren"+kb.Enter))
	page.Wait(`document.querySelectorAll(".found a").length === 1`, "found")
	assert.Contains(t, text(page, ".found"), "m…@e…com")
	assert.NotContains(t, text(page, "main"), "maren.holt@example.com")
	page.Looks("search", "", 390, 820)
	page.Do(chromedp.EmulateViewport(820, 1180))
	tabTo(t, page, "Maren Holt")
	page.Do(chromedp.KeyEvent(kb.Enter))
	page.Wait(`document.querySelector("h1")?.innerText === "Maren Holt"`, "the customer's page")
	page.Wait(`document.querySelector(".by").innerText.includes("Suggested by aitest scripted")`, "the model's points come")
	points := text(page, ".points")
	assert.Contains(t, points, "The promise about the Chelsea boots is overdue since 25 November.")
	assert.NotContains(t, points, "pregnant")
	assert.Less(t, strings.Index(points, "promise"), strings.Index(points, "scarf"), "promises come first")
	assert.Zero(t, testbrowser.Eval[int](page, `document.querySelectorAll("main img, main script").length`))
	for _, want := range []string{"No marketing e-mail", "Marketing SMS allowed", "lifetime value", "Outerwear", "Market Square", "Promise, overdue", "m…@e…com"} {
		assert.Contains(t, text(page, "main"), want)
	}
	page.Looks("customer", "", 390, 820, 1280)
	page.Do(chromedp.EmulateViewport(820, 1180))

	// What a screen reader is told, and what fingers find.
	assert.Zero(t, testbrowser.Eval[int](page, `[...document.querySelectorAll("input:not([type=hidden]),select,textarea,button")].filter(e => !(e.labels?.length || e.innerText || e.getAttribute("aria-label"))).length`), "everything that is used has a name")
	assert.Zero(t, testbrowser.Eval[int](page, `[...document.querySelectorAll("[aria-labelledby]")].filter(e => !document.getElementById(e.getAttribute("aria-labelledby"))?.textContent).length`))
	levels := testbrowser.Eval[[]int](page, `[...document.querySelectorAll("h1,h2,h3")].map(h => +h.tagName[1])`)
	for i := 1; i < len(levels); i++ {
		assert.LessOrEqual(t, levels[i], levels[i-1]+1, "headings skip no level")
	}
	assert.GreaterOrEqual(t, testbrowser.Eval[float64](page, `Math.min(...[...document.querySelectorAll("button,input:not([type=hidden]),select,textarea,.pages a")].map(e => e.getBoundingClientRect().height))`), 44.0, "fingers find it")

	// A note, by keys alone.
	tabTo(t, page, "text")
	page.Do(chromedp.KeyEvent("Likes the window seat."))
	tabTo(t, page, "kind")
	for range 10 { // letters would be taken apart where a second passes between two of them
		if testbrowser.Eval[string](page, `document.activeElement.value`) == "promise" {
			break
		}
		page.Do(chromedp.KeyEvent(kb.ArrowDown))
	}
	assert.Equal(t, "promise", testbrowser.Eval[string](page, `document.activeElement.value`))
	tabTo(t, page, "Save note")
	page.Do(chromedp.KeyEvent(kb.Enter))
	page.Wait(`document.querySelector(".notice")?.innerText === "The note is saved."`, "it is saved")
	page.Wait(`document.querySelector(".notes > li:target")?.innerText.includes("Likes the window seat.")`, "and stands out")
	notes := s.memory.notesOf(customer(7001))
	require.Len(t, notes, 5)
	assert.Equal(t, book.Promise, notes[0].Kind)
	assert.Equal(t, "Ines", notes[0].By)
	page.Wait(`document.querySelector(".by").innerText.includes("the model could not be reached")`, "a model that failed")
	assert.Contains(t, text(page, ".by"), "Suggested by the baseline, without AI.")
	page.Looks("saved", "", 820)

	// And contact data, which is looked at on purpose.
	page.Do(chromedp.Click(chromedp.CSS(".contact button")))
	page.Wait(`document.querySelector(".contact")?.innerText.includes("maren.holt@example.com")`, "the addresses")
	assert.Contains(t, text(page, "main"), "No marketing e-mail", "right beside what they may not be sent")
	page.Wait(`document.querySelector(".by").innerText.includes("Suggested by aitest scripted")`, "points for this page too")
	found := map[desk.What]int{}
	for _, l := range s.seen() {
		found[l.What]++
	}
	assert.Equal(t, 1, found[desk.Searched])
	assert.Equal(t, 1, found[desk.Contact])
	assert.GreaterOrEqual(t, found[desk.Profile], 2)
	assert.Equal(t, 3, found[desk.Advised])
}

// The states that are not the ordinary one.
func TestStatesInABrowser(t *testing.T) {
	s := newStand(t, nil)
	page := testbrowser.Open(t, s.URL+"/sign-in?as=tomas")
	for _, c := range []struct{ name, path, want string }{
		{"erased", "/clients/7003", "erased"},
		{"nobody", "/clients/1", "No such client"},
		{"opted-out", "/clients/7002", "Opted out of data sharing"},
		{"no-orders", "/clients/7006", "No orders yet"},
		{"long-name", "/clients/7004", "Maximiliane"},
		{"busy", "/clients/7005?page=20", "Page 20 of 34"},
		{"associate", "/clients/7001", "Maren Holt"},
	} {
		// As a browser complains of pages that are not there, they come with another status.
		page.Do(chromedp.Navigate(s.URL+"/found"+c.path), chromedp.WaitReady(chromedp.CSS("main")))
		page.Wait(`document.readyState === "complete"`, c.name)
		assert.Contains(t, text(page, "body"), c.want, c.name)
		page.Looks("state-"+c.name, "", 390, 1024)
	}
	assert.NotContains(t, text(page, "main"), "lifetime value")
	assert.NotContains(t, text(page, "main"), "USD")
	page.Do(chromedp.Navigate(s.URL+"/clients?q=nobody-at-all"), chromedp.WaitReady(chromedp.CSS(".empty")))
	page.Looks("state-none-found", "", 390)
}
