package console_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/console"
	"github.com/posai-go/posai/approval/internal/testqueue"
	"github.com/posai-go/posai/internal/testbrowser"
)

// TestBrowser drives the console with a real browser.
func TestBrowser(t *testing.T) {
	browser := testbrowser.Start(t)
	enter := func(t *testing.T, s *site, who approval.Principal) *tab {
		t.Helper()
		b := newTab(t, browser)
		link, err := s.links.Link(s.url, who, "")
		require.NoError(t, err)
		b.open(link)
		b.sees(who.Name, "Only continue if this is you")
		b.Click("#sign-in")
		b.sees("Nothing happens until somebody decides")
		return b
	}
	names := &console.Options{LocationName: func(string) string { return "Main Street" }}

	t.Run("approve", func(t *testing.T) {
		s := newSite(t, names)
		r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
		b := enter(t, s, testqueue.Maria)
		b.sees("1 request for you", "Thank the customer of order 1043", "612.50", "Main Street", "Follow-up assistant")
		b.Click("#r-" + r.ID)
		b.sees("What will happen", "Dear Ana", "What the AI saw", "7 orders in two years", "The sale is above 500.00 EUR", "Shown to Maria Lopez")
		b.Click("#approve")
		b.sees("You approved this")
		assert.Equal(t, approval.Executed, s.ended(t, r.ID).State)
		b.sees("approved and done", "Done") // by itself
		assert.Equal(t, int64(1), s.Effects.Load())
	})

	t.Run("reject", func(t *testing.T) {
		s := newSite(t, nil)
		r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
		b := enter(t, s, testqueue.Maria)
		b.open(s.url + "requests/" + r.ID)
		b.Click("#reject > summary")
		b.Click("#do-reject")
		b.sees("Please say why")
		b.Click(`#reject input[value="Too expensive"]`)
		b.Do(chromedp.SendKeys(chromedp.CSS("#reason"), "not for a vase"))
		b.Click("#do-reject")
		b.sees("You rejected this")
		now := s.ended(t, r.ID)
		assert.Equal(t, approval.Rejected, now.State)
		assert.Equal(t, "Too expensive: not for a vase", now.Decisions[0].Reason)
	})

	t.Run("edit", func(t *testing.T) {
		s := newSite(t, nil)
		r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
		b := enter(t, s, testqueue.Maria)
		b.open(s.url + "requests/" + r.ID)
		b.Click("#edit > summary")
		assert.False(t, eval[bool](b, `document.querySelector("#approve").checkVisibility()`), "what was typed is not lost by approving as shown")
		b.Do(chromedp.SetValue(chromedp.CSS("#f-text"), "A discount for Ana"))
		b.Click("#save")
		b.sees("must not promise a discount")
		assert.Equal(t, "A discount for Ana", eval[string](b, `document.querySelector("#f-text").value`))
		b.Do(chromedp.SetValue(chromedp.CSS("#f-text"), "Dear Ana,\nsee you soon."))
		b.Click(`#edit input[type="checkbox"]`)
		b.Do(chromedp.SetValue(chromedp.CSS("#f-tone"), "brief"))
		b.Click("#save")
		b.sees("You approved this", "Maria Lopez edited it and approved it")
		assert.Equal(t, approval.Executed, s.ended(t, r.ID).State)
		assert.Equal(t, testqueue.Message{Text: "Dear Ana,\nsee you soon.", Gift: true, Tone: "brief", Order: "1043"}, *s.Last.Load())
	})

	t.Run("double click", func(t *testing.T) {
		s := newSite(t, nil)
		r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
		b := enter(t, s, testqueue.Maria)
		b.open(s.url + "requests/" + r.ID)
		b.Do(chromedp.DoubleClick(chromedp.CSS("#approve")))
		b.sees("You approved this")
		now := s.ended(t, r.ID)
		assert.Len(t, now.Decisions, 1)
		assert.Equal(t, int64(1), s.Effects.Load())
	})

	t.Run("late click", func(t *testing.T) {
		s := newSite(t, nil)
		r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
		b := enter(t, s, testqueue.Boris)
		b.withoutScript() // as if the tablet had slept
		b.open(s.url + "requests/" + r.ID)
		maria := s.visit(t, testqueue.Maria)
		_, form := maria.look(r.ID)
		maria.decide(r.ID, with(form, "verdict", "approve"))
		b.Click("#approve")
		b.sees("Already approved", "Maria Lopez approved it just now", "in the console", "Your click came later")
		s.ended(t, r.ID)
		assert.Equal(t, int64(1), s.Effects.Load())
	})

	t.Run("stale page", func(t *testing.T) {
		s := newSite(t, nil)
		r := s.Propose(t, "7000.00", testqueue.Thanks("1043"))
		b := enter(t, s, testqueue.Boris)
		b.withoutScript()
		b.open(s.url + "requests/" + r.ID)
		b.sees("thank you for your visit")
		edit(t, s, r.ID)
		b.Click("#approve")
		b.sees("This request has changed", "thank you for your visit", "see you soon")
		assert.Equal(t, int64(0), s.Effects.Load())
		b.Click(".acts a.yes")
		b.sees("approved so far by Maria Lopez", "What people changed", "Maria Lopez in the console", "thank you for your visit", "see you soon")
		b.Click("#approve")
		b.sees("You approved this")
		assert.Equal(t, approval.Executed, s.ended(t, r.ID).State)
		assert.Equal(t, "Dear Ana, see you soon.", s.Last.Load().Text)
	})

	t.Run("an open page", func(t *testing.T) {
		s := newSite(t, nil)
		b := enter(t, s, testqueue.Boris)
		b.sees("All done")
		r := s.Propose(t, "7000.00", testqueue.Thanks("1043"))
		b.sees("1 request for you", "order 1043") // by itself
		b.Click("#r-" + r.ID)
		b.sees("thank you for your visit")
		edit(t, s, r.ID)
		b.sees("This request has changed", "Load it again", "thank you for your visit") // nothing slides under a finger
		b.Click("#changed a")
		b.sees("see you soon")
	})

	t.Run("a page that changes under a finger", func(t *testing.T) {
		s := newSite(t, nil)
		r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
		b := enter(t, s, testqueue.Maria)
		b.press("#r-" + r.ID)
		s.Propose(t, "700.00", testqueue.Thanks("1044"))
		now := eval[float64](b, `performance.now()`)
		s.Propose(t, "700.00", testqueue.Thanks("1045")) // what is loaded from now on has the first at least
		b.Wait(fmt.Sprintf(`performance.getEntriesByType("resource").some(e => e.initiatorType === "fetch" && e.startTime > %f)`, now), "the page is loaded again")
		time.Sleep(200 * time.Millisecond) // for the page to be replaced, if it is
		b.release()
		b.sees("What will happen")
	})

	t.Run("keyboard alone", func(t *testing.T) {
		s := newSite(t, nil)
		r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
		other := s.Propose(t, "700.00", testqueue.Thanks("1044"))
		b := enter(t, s, testqueue.Maria)
		b.tabTo("r-" + r.ID)
		b.keys("\r")
		b.sees("What will happen")
		b.tabTo("approve")
		assert.NotEqual(t, "none", eval[string](b, `getComputedStyle(document.activeElement).outlineStyle`), "the focus is visible")
		b.keys("\r")
		b.sees("You approved this")
		assert.Equal(t, approval.Executed, s.ended(t, r.ID).State)

		b.open(s.url + "requests/" + other.ID)
		b.tabTo("reject")
		b.keys("\r")
		b.tabTo("reason")
		b.keys("Not today")
		b.tabTo("do-reject")
		b.keys("\r")
		b.sees("You rejected this")
		assert.Equal(t, approval.Rejected, s.ended(t, other.ID).State)
	})

	t.Run("allow in advance", func(t *testing.T) {
		s := newSite(t, names)
		r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
		b := enter(t, s, testqueue.Maria)
		b.open(s.url + "requests/" + r.ID)
		b.tabTo("grant")
		b.keys("\r")
		b.sees("Nobody is to be asked about these any more")
		assert.False(t, eval[bool](b, `document.querySelector(".bounds").checkVisibility()`), "bounds are asked for where they count")
		b.Click(`#grant input[name="how.2"][value="any"]`)
		b.Click(`#grant input[name="how.1"][value="range"]`)
		assert.True(t, eval[bool](b, `document.querySelector(".bounds").checkVisibility()`))
		b.Do(chromedp.SetValue(chromedp.CSS(`#grant [name="max.1"]`), "1050"), chromedp.SendKeys(chromedp.CSS("#grant-reason"), "regulars"))
		b.Click("#do-grant") // the browser asks for the tick
		b.sees("Nobody is to be asked about these any more")
		b.Click("#grant-confirm")
		b.Click("#do-grant")
		b.sees("Approved in advance.", "order from 1043 to 1050", "0 of 10 used")
		assert.Equal(t, approval.Executed, s.ended(t, s.Propose(t, "600.00", testqueue.Message{Text: "Dear Jo", Tone: "warm", Order: "1050"}).ID).State)
	})

	t.Run("charts say what they show", func(t *testing.T) {
		s := newSite(t, nil)
		s.ended(t, s.Propose(t, "10.00", testqueue.Thanks("1")).ID)
		b := enter(t, s, testqueue.Maria)
		b.open(s.url + "figures")
		assert.Equal(t, 3, eval[int](b, `[...document.querySelectorAll("svg[role=img]")].filter(s => s.getAttribute("aria-labelledby").split(" ").every(id => document.getElementById(id).textContent)).length`))
		assert.Equal(t, 3, eval[int](b, `document.querySelectorAll("table").length`), "and each has its numbers")
	})

	t.Run("without the role", func(t *testing.T) {
		s := newSite(t, nil)
		r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
		b := enter(t, s, testqueue.Carla)
		b.sees("Waiting for somebody else")
		b.Click("#r-" + r.ID)
		b.sees("This waits for somebody else", "somebody with the role manager")
		assert.Zero(t, eval[int](b, `document.querySelectorAll("[name=verdict]").length`))
	})

	t.Run("together", func(t *testing.T) {
		s := newSite(t, nil)
		first := s.Propose(t, "612.50", testqueue.Thanks("1043"))
		second := s.Propose(t, "700.00", testqueue.Thanks("1044"))
		third := s.Propose(t, "800.00", testqueue.Thanks("1045"))
		b := enter(t, s, testqueue.Maria)
		b.Click("#p-" + first.ID)
		b.Click("#p-" + third.ID)
		s.Propose(t, "900.00", testqueue.Thanks("1046")) // nothing moves under the ticks
		b.Click("#review")
		b.sees("2 requests together", "order 1043", "order 1045")
		b.Click("#approve-all")
		b.sees("2 requests approved")
		assert.Equal(t, approval.Executed, s.ended(t, first.ID).State)
		assert.Equal(t, approval.Executed, s.ended(t, third.ID).State)
		now, err := s.Get(t.Context(), second.ID)
		require.NoError(t, err)
		assert.Equal(t, approval.Pending, now.State)
	})

	t.Run("stop and run", func(t *testing.T) {
		s := newSite(t, nil)
		r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
		b := enter(t, s, testqueue.Maria)
		b.open(s.url + "controls")
		b.sees("Nothing is stopped")
		b.Click("#halt > summary")
		b.Do(chromedp.SendKeys(chromedp.CSS("#halt-reason"), "stocktaking"))
		b.Click("#do-halt")
		b.sees("Stopped.", "paused", "stocktaking")
		b.open(s.url + "requests/" + r.ID)
		b.Click("#approve")
		b.sees("You approved this")
		b.open(s.url + "controls")
		b.Click(".row-fold > summary")
		b.Do(chromedp.SendKeys(chromedp.CSS(".row-fold textarea"), "done"))
		b.Click(".row-fold button")
		b.sees("Running again.", "Nothing is stopped")
		assert.Equal(t, approval.Executed, s.ended(t, r.ID).State)
	})

	// The pages as pictures, to look at: POSAI_SHOTS names the directory.
	if dir := os.Getenv("POSAI_SHOTS"); dir != "" {
		t.Run("pictures", func(t *testing.T) { pictures(t, newSite(t, names), enter, dir) })
	}
}

// pictures saves the pages in the sizes and colors that people have.
func pictures(t *testing.T, s *site, enter func(*testing.T, *site, approval.Principal) *tab, dir string) {
	first := s.Propose(t, "1240.00", testqueue.Thanks("1043"))
	second := s.Propose(t, "615.50", testqueue.Message{Text: "Dear Jonas, enjoy your new reading lamp!", Tone: "brief", Gift: true, Order: "1044"})
	two := s.Propose(t, "7450.00", testqueue.Thanks("1039"))
	maria := s.visit(t, testqueue.Maria)
	for order, verdict := range map[string]string{"1036": "approve", "1037": "reject"} {
		r := s.Propose(t, "905.00", testqueue.Thanks(order))
		_, form := maria.look(r.ID)
		maria.decide(r.ID, with(form, "verdict", verdict, "reason", "Not right for this customer"))
		s.ended(t, r.ID)
	}
	edit(t, s, two.ID)
	b, other := enter(t, s, testqueue.Maria), enter(t, s, testqueue.Boris)
	sizes := []struct {
		name          string
		width, height int64
	}{{"tablet", 1024, 768}, {"phone", 390, 844}}
	for _, dark := range []bool{false, true} {
		for _, size := range sizes {
			shoot := func(page string) {
				b.shoot(filepath.Join(dir, page+"-"+size.name), size.width, size.height, dark)
			}
			b.open(s.url)
			shoot("list")
			b.open(s.url + "figures")
			shoot("figures")
			eval[bool](b, `document.querySelectorAll("details").forEach(d => d.open = true) || true`)
			shoot("figures-numbers")
			b.open(s.url + "controls")
			b.Click("#halt > summary")
			b.Click("#halt .narrow-more > summary")
			shoot("controls")
			b.open(s.url + "candidate")
			shoot("candidate")
			b.open(s.url + "?state=rejected")
			shoot("narrowed")
			b.open(s.url + "batch?pick=" + first.ID + "&pick=" + second.ID)
			shoot("batch")
			b.open(s.url + "requests/" + first.ID)
			shoot("detail")
			b.Click("#edit > summary")
			shoot("edit")
			b.open(s.url + "requests/" + first.ID)
			b.Click("#reject > summary")
			shoot("reject")
			b.open(s.url + "requests/" + first.ID)
			b.Click("#grant > summary")
			b.Click(".rules > summary")
			shoot("grant")
			b.open(s.url + "requests/" + two.ID)
			shoot("waiting")
			other.open(s.url + "requests/" + two.ID)
			other.shoot(filepath.Join(dir, "changed-"+size.name), size.width, size.height, dark)
			other.open(s.url + "batch?pick=" + first.ID + "&pick=" + two.ID)
			other.shoot(filepath.Join(dir, "changed-batch-"+size.name), size.width, size.height, dark)
		}
	}
	b.withoutScript()
	b.open(s.url + "requests/" + second.ID)
	boris := s.visit(t, testqueue.Boris)
	_, form := boris.look(second.ID)
	boris.decide(second.ID, with(form, "verdict", "reject", "reason", "Handled in another way"))
	b.Click("#approve")
	b.sees("Already rejected")
	b.shoot(filepath.Join(dir, "late-tablet"), 1024, 768, false)
	b.open(s.url + "requests/" + first.ID)
	b.Click("#approve")
	b.sees("You approved this")
	s.ended(t, first.ID)
	b.open(s.url + "requests/" + first.ID)
	b.shoot(filepath.Join(dir, "done-tablet"), 1024, 768, false)
}

// edit has Maria change a request that takes two, so that it waits as another
// one.
func edit(t *testing.T, s *site, id string) {
	t.Helper()
	maria := s.visit(t, testqueue.Maria)
	_, form := maria.look(id)
	status, a := maria.decide(id, with(form, "verdict", "edit", "field.text", "Dear Ana, see you soon."))
	require.Equal(t, 200, status, a.Detail)
	require.Equal(t, "pending", a.Request.State)
}
