package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/console"
	"github.com/posai-go/posai/approval/internal/testqueue"
)

var keyField = regexp.MustCompile(`name="key" value="([^"]+)"`)

// keyOf is the key of the rule that the form on a page makes.
func keyOf(t *testing.T, page string) string {
	t.Helper()
	m := keyField.FindStringSubmatch(page)
	require.NotNil(t, m)
	return m[1]
}

func TestAlwaysAllowThis(t *testing.T) {
	s := newSite(t, &console.Options{LocationName: func(string) string { return "Main Street" }})
	r := s.Propose(t, "612.50", testqueue.Thanks("1043"))
	maria := s.visit(t, testqueue.Maria)
	body, form := maria.page("requests/" + r.ID)
	assert.Contains(t, body, "Always allow this")
	assert.Contains(t, body, "<legend>Message</legend>")
	day := time.Now().AddDate(0, 0, 7).Format(time.DateOnly)
	form = with(form, "key", keyOf(t, body), "digest", r.Digest, "location", testqueue.MainStreet, "cap", "2", "until", day, "max", "1000.00", "reason", "regulars <b>", "confirm", "yes")
	// The members in the order of their names: gift, order, text, tone.
	form = with(form, "how.0", "exact", "how.1", "range", "min.1", "1000", "max.1", "1050", "how.2", "any", "how.3", "exact")

	for name, test := range map[string]struct {
		form   url.Values
		status int
		says   string
	}{
		"not confirmed":       {with(form, "confirm", ""), http.StatusUnprocessableEntity, "Please tick"},
		"no reason":           {with(form, "reason", " "), http.StatusUnprocessableEntity, "Please say why"},
		"no condition":        {with(form, "how.0", "any", "how.1", "any", "how.3", "any"), http.StatusUnprocessableEntity, "At least one condition"},
		"bounds of words":     {with(form, "min.1", "a few"), http.StatusUnprocessableEntity, "needs bounds"},
		"no number of times":  {with(form, "cap", "many"), http.StatusUnprocessableEntity, "How often"},
		"too often":           {with(form, "cap", "10001"), http.StatusUnprocessableEntity, "must be from 1 to 10000"},
		"no day":              {with(form, "until", "soon"), http.StatusUnprocessableEntity, "not a day"},
		"a day that is past":  {with(form, "until", "2020-01-01"), http.StatusUnprocessableEntity, "within the next 366 days"},
		"another place":       {with(form, "location", "gid://shopify/Location/9"), http.StatusUnprocessableEntity, "not one of the choices"},
		"no token":            {with(form, "csrf", ""), http.StatusForbidden, "form"},
		"of another revision": {with(form, "digest", "sha256:0"), http.StatusConflict, "has changed"},
	} {
		res, body := maria.post("requests/"+r.ID+"/grant", test.form, "text/html")
		assert.Equal(t, test.status, res.StatusCode, name)
		assert.Contains(t, body, test.says, name)
	}
	settings, err := s.Controls(t.Context())
	require.NoError(t, err)
	require.Empty(t, settings.Standing, "nothing was set")

	// Taps that race make one rule, with its cap once.
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			res, body := maria.post("requests/"+r.ID+"/grant", form, "text/html")
			assert.Equal(t, http.StatusSeeOther, res.StatusCode, body)
			assert.Equal(t, "../../controls?done=grant", res.Header.Get("Location"))
		})
	}
	wg.Wait()
	res, body := maria.post("requests/"+r.ID+"/grant", with(form, "cap", "3"), "text/html")
	assert.Equal(t, http.StatusUnprocessableEntity, res.StatusCode, "a page from before, with other terms")
	assert.Contains(t, body, "another rule")
	body, _ = maria.page("requests/" + r.ID)
	assert.NotEqual(t, form.Get("key"), keyOf(t, body), "each page that is shown makes a rule of its own")
	body, _ = maria.page("controls?done=grant")
	assert.Contains(t, body, "Approved in advance.")
	assert.Contains(t, body, "order from 1000 to 1050")
	assert.Contains(t, body, "regulars &lt;b&gt;")
	settings, err = s.Controls(t.Context())
	require.NoError(t, err)
	require.Len(t, settings.Standing, 1)
	rule := settings.Standing[0]
	assert.Equal(t, approval.Scope{Shop: "example.myshopify.com", Location: testqueue.MainStreet, Kind: "test.message"}, rule.Scope)
	assert.Len(t, rule.Match, 3)

	allowed := s.Propose(t, "900.00", testqueue.Message{Text: "Dear Jo", Tone: "warm", Order: "1050"})
	assert.Equal(t, approval.Executed, s.ended(t, allowed.ID).State)
	for name, r := range map[string]*approval.Request{
		"a larger amount": s.Propose(t, "1000.01", testqueue.Message{Text: "Dear Jo", Tone: "warm", Order: "1050"}),
		"out of bounds":   s.Propose(t, "900.00", testqueue.Message{Text: "Dear Jo", Tone: "warm", Order: "1051"}),
		"another value":   s.Propose(t, "900.00", testqueue.Message{Text: "Dear Jo", Tone: "brief", Order: "1050"}),
	} {
		assert.Equal(t, approval.Pending, r.State, name)
	}
}

func TestAllowingInAdvanceIsForThoseWhoMay(t *testing.T) {
	s := newSite(t, nil)
	one, two := s.Propose(t, "612.50", testqueue.Thanks("1043")), s.Propose(t, "7000.00", testqueue.Thanks("1044"))
	carla, maria := s.visit(t, testqueue.Carla), s.visit(t, testqueue.Maria)
	body, form := carla.page("requests/" + one.ID)
	assert.NotContains(t, body, "Always allow this")
	full := func(form url.Values, r *approval.Request) url.Values {
		return with(form, "digest", r.Digest, "location", "", "cap", "2", "until", time.Now().AddDate(0, 0, 7).Format(time.DateOnly), "reason", "x", "confirm", "yes")
	}
	res, _ := carla.post("requests/"+one.ID+"/grant", full(form, one), "text/html")
	assert.Equal(t, http.StatusForbidden, res.StatusCode)
	body, form = maria.page("requests/" + two.ID)
	assert.NotContains(t, body, "Always allow this", "what takes two is not for one to allow")
	res, _ = maria.post("requests/"+two.ID+"/grant", full(form, two), "text/html")
	assert.Equal(t, http.StatusForbidden, res.StatusCode)
	settings, err := s.Controls(t.Context())
	require.NoError(t, err)
	assert.Empty(t, settings.Standing)
}

func TestStoppingOneModelForAWhile(t *testing.T) {
	s := newSite(t, &console.Options{TimeZone: time.UTC})
	maria := s.visit(t, testqueue.Maria)
	_, form := maria.page("controls")
	until := time.Now().UTC().Add(3 * time.Hour).Truncate(time.Minute)
	form = with(form, "mode", "kill", "reason", "odd words", "shop", "example.myshopify.com", "model", "sample-model", "actor", "assistant")
	res, body := maria.post("controls/halt", with(form, "until", "tomorrow"), "text/html")
	assert.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	assert.Contains(t, body, "is not a time")
	res, body = maria.post("controls/halt", with(form, "until", until.Format("2006-01-02T15:04")), "text/html")
	require.Equal(t, http.StatusSeeOther, res.StatusCode, body)
	settings, err := s.Controls(t.Context())
	require.NoError(t, err)
	require.Len(t, settings.Switches, 1)
	assert.Equal(t, approval.Scope{Shop: "example.myshopify.com", Model: "sample-model", Actor: "assistant"}, settings.Switches[0].Scope)
	assert.True(t, until.Equal(settings.Switches[0].Until))
	assert.Equal(t, approval.Denied, s.Propose(t, "612.50", testqueue.Thanks("1")).State)
}
