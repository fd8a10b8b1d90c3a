package main

import (
	"strconv"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/internal/testbrowser"
)

// TestSidesInABrowser goes from what waits to both sides and on to the answer. With
// POSAI_SHOTS=folder it leaves pictures there.
func TestSidesInABrowser(t *testing.T) {
	t.Parallel()
	r, who, _ := ofOld(t)
	req, err := r.question(t.Context())
	require.NoError(t, err)
	link, err := r.SignInLink("")
	require.NoError(t, err)
	page := testbrowser.Open(t, link)
	page.Click("#sign-in")
	page.Wait(`document.body.innerText.includes("Nothing happens until somebody decides")`, "signed in")

	page.Do(chromedp.Navigate(r.URL + "/sync"))
	page.Wait(`document.querySelector("h2 + ul")`, "who is asked about")
	page.Looks("sync", "", 360, 1024)
	page.Click(`a[href="/matches/` + strconv.FormatInt(numberOf(t, who.ID), 10) + `"]`)
	page.Wait(`document.body.innerText.includes("Of old")`, "the CRM's side")
	assert.Contains(t, testbrowser.Eval[string](page, `document.body.innerText`), who.LastName)
	page.Looks("matches", "", 360, 1024)
	page.Click(`a[href^="/approvals/"]`)
	page.Wait(`location.pathname.endsWith("/requests/`+req.ID+`")`, "the question at the console")
}
