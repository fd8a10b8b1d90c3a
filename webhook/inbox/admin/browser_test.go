package admin_test

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"

	"github.com/posai-go/posai/internal/testbrowser"
	"github.com/posai-go/posai/webhook/inbox"
)

// In a real browser: the policy lets the style through, the forms work, and
// nothing of a body is executed. With POSAI_SHOTS=folder it leaves pictures there.
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

	page := testbrowser.Open(t, s.server.URL+"/inbox/")
	text := func(selector string) string {
		return testbrowser.Eval[string](page, `document.querySelector("`+selector+`").innerText`)
	}
	assert.NotEqual(t, "rgba(0, 0, 0, 0)", testbrowser.Eval[string](page, `getComputedStyle(document.querySelector(".state.dead")).backgroundColor`), "the style was not applied")
	page.Looks("inbox-list", "", 420, 1400)
	click := func(selector, shows string) {
		page.Click(selector)
		page.Wait(`document.querySelector("`+shows+`")`, "what "+selector+" leads to")
	}
	click("tbody tr:first-child a", "h2")
	assert.Equal(t, "Webhook inbox", testbrowser.Eval[string](page, `document.title`))
	assert.Contains(t, text("pre:not(.error)"), "<script>alert(1)</script>")
	page.Looks("inbox-delivery", "", 420, 1400)
	s.broken.Store(false)
	click(".acts form:first-child button", ".message")
	assert.Equal(t, "One delivery was replayed.", text(".message"))
	page.Do(chromedp.SetValue(chromedp.CSS("select[name=state]"), "dead"))
	click(".filter button", ".filter a")
	click("form.act button", ".message")
	assert.Equal(t, "2 deliveries were replayed.", text(".message"))
	s.wait(func(stats inbox.Stats) bool { return stats.Processed == 15 })
}
