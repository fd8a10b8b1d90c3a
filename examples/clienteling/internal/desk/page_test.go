package desk_test

import (
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/desk"
	"github.com/posai-go/posai/internal/testbrowser"
	"github.com/posai-go/posai/shopify"
)

func (s *stand) page(who, path string) (*http.Response, string) {
	s.t.Helper()
	resp, body := s.pos("GET", path, "", nil, "Cookie", "who="+who)
	return resp, html.UnescapeString(body)
}

// form posts a form as a browser does.
func (s *stand) form(who, path string, values url.Values, header ...string) (*http.Response, string) {
	s.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.URL+path, strings.NewReader(values.Encode()))
	require.NoError(s.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Cookie", "who="+who)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	require.NoError(s.t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	require.NoError(s.t, resp.Body.Close())
	return resp, string(body)
}

func TestPageHeaders(t *testing.T) {
	s := newStand(t, nil)
	resp, body := s.page("ines", "/clients/7001")
	require.Equal(t, http.StatusOK, resp.StatusCode)
	policy := resp.Header.Get("Content-Security-Policy")
	nonce := regexp.MustCompile(`style-src 'nonce-([A-Z0-9]+)'`).FindStringSubmatch(policy)
	require.NotNil(t, nonce)
	assert.Contains(t, body, `nonce="`+nonce[1]+`"`)
	for _, want := range []string{"default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"} {
		assert.Contains(t, policy, want)
	}
	assert.NotContains(t, policy, "unsafe")
	assert.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
	assert.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
	_, again := s.page("ines", "/clients/7001")
	assert.NotContains(t, again, nonce[1], "a nonce is used once")
	assert.NotRegexp(t, `(?i)src=|style="|\son[a-z]+=|url\(|@import|https?:`, body, "nothing from elsewhere, nothing inline")
}

func TestSignedOut(t *testing.T) {
	s := newStand(t, nil)
	for _, path := range []string{"/clients", "/clients/7001", "/clients/7001/points", "/clients?q=maren"} {
		resp, body := s.pos("GET", path, "", nil)
		assert.Equal(t, http.StatusUnauthorized, resp.StatusCode)
		assert.NotContains(t, body, "Maren")
		resp, body = s.page("directory-away", path)
		assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
		assert.NotContains(t, body, "directory")
	}
	s = newStand(t, func(o *desk.Options) { o.SignIn = "/approvals/" })
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/clients/7001", nil)
	require.NoError(t, err)
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusSeeOther, resp.StatusCode)
	assert.Equal(t, "/approvals/", resp.Header.Get("Location"))
}

// Who may see what.
func TestPermission(t *testing.T) {
	s := newStand(t, nil)
	_, manager := s.page("ines", "/clients/7001")
	_, associate := s.page("tomas", "/clients/7001")
	for _, both := range []string{"Maren Holt", "m…@e…com", "No marketing e-mail", "Outerwear", "Chelsea boots", "17 of 17 visits", "Field Coat"} {
		assert.Contains(t, manager, both)
		assert.Contains(t, associate, both)
	}
	for _, money := range []string{"12,432.00 USD", "lifetime value", "average order", "What they pay", "Show contact data", "338.00 USD", "At risk"} {
		assert.Contains(t, manager, money)
		assert.NotContains(t, associate, money)
	}
	for _, page := range []string{manager, associate} {
		assert.NotContains(t, page, "maren.holt@example.com")
		assert.NotContains(t, page, "5550147")
	}
	resp, body := s.form("tomas", "/clients/7001/contact", nil)
	assert.Equal(t, http.StatusForbidden, resp.StatusCode)
	assert.NotContains(t, body, "example.com")
	s.seen()
	resp, body = s.form("ines", "/clients/7001/contact", nil)
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Contains(t, body, "maren.holt@example.com")
	assert.Contains(t, html.UnescapeString(body), "+12075550147")
	looks := s.seen()
	require.Len(t, looks, 1)
	assert.Equal(t, desk.Contact, looks[0].What)
	assert.Equal(t, "staff:1", looks[0].Who.ID)
	assert.Equal(t, "web", looks[0].Who.Channel)
	resp, _ = s.page("ines", "/clients/7001/contact")
	assert.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode, "a link cannot uncover it")
}

func TestForms(t *testing.T) {
	s := newStand(t, nil)
	note := url.Values{"key": {"page-key-1"}, "kind": {"promise"}, "text": {"Line one\r\nline two"}, "due": {"2026-12-01"}}
	for name, header := range map[string][]string{
		"another site":   {"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example.com"},
		"an old browser": {"Sec-Fetch-Site", "", "Origin", "https://evil.example.com"},
	} {
		for _, path := range []string{"/clients/7001/notes", "/clients/7001/contact"} {
			resp, body := s.form("ines", path, note, header...)
			assert.Equal(t, http.StatusForbidden, resp.StatusCode, name)
			assert.NotContains(t, body, "Maren", name)
		}
	}
	require.Len(t, s.memory.notesOf(customer(7001)), 4)
	resp, _ := s.form("ines", "/clients/7001/notes", note)
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	assert.Regexp(t, `^/clients/7001\?saved#note-[0-9a-f]{24}$`, resp.Header.Get("Location"))
	_, _ = s.form("ines", "/clients/7001/notes", note)
	notes := s.memory.notesOf(customer(7001))
	require.Len(t, notes, 5, "a form that is sent twice is one note")
	assert.Equal(t, "Line one\nline two", notes[0].Text)
	assert.Equal(t, "Ines", notes[0].By)

	// A promise is kept.
	_, body := s.page("ines", "/clients/7001")
	assert.Equal(t, 2, strings.Count(body, ">Promise, open<")+strings.Count(body, ">Promise, overdue<"))
	_, _ = s.form("ines", "/clients/7001/notes", url.Values{"key": {"page-key-2"}, "kind": {"service"}, "text": {"Done."}, "settles": {"n4"}})
	_, body = s.page("ines", "/clients/7001")
	assert.NotContains(t, body, "Promise, overdue")
	assert.Contains(t, body, "Promise, done")

	// What is wrong comes back with what was typed.
	resp, body = s.form("ines", "/clients/7001/notes", url.Values{"key": {"page-key-3"}, "kind": {"promise"}, "text": {"Keep <it>"}, "due": {"soon"}})
	assert.Equal(t, http.StatusUnprocessableEntity, resp.StatusCode)
	assert.Contains(t, body, "due must be a day")
	assert.Contains(t, body, ">Keep &lt;it&gt;</textarea>")
	resp, _ = s.form("ines", "/clients/7001/notes", url.Values{"text": {strings.Repeat("a", 40<<10)}})
	assert.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode)
	resp, _ = s.form("ines", "/clients/7003/notes", note)
	assert.Equal(t, http.StatusGone, resp.StatusCode)
}

// Markup in every field of the shop, of notes and of searches is text.
func TestMarkupIsText(t *testing.T) {
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(2)>{{.Shop}}'` + "`" + `javascript:alert(3)` + "\u202e\x00\x1b"
	l := book.Line{Title: evil, Category: evil, Vendor: evil, Options: []book.Option{{Name: "Size", Value: evil}, {Name: "Color", Value: evil}}, Quantity: 3, Paid: shopify.Money{Amount: money(30).Amount, CurrencyCode: "USD"}}
	e := book.Entry{Customer: book.Customer{
		ID: customer(7100), FirstName: evil, LastName: evil, Email: evil + "@" + evil, Phone: evil, City: evil, RFMGroup: evil, Note: evil, Locale: evil, Tags: []string{evil}, EmailConsent: book.Consent{State: evil},
	}}
	for i := range 6 {
		e.Orders = append(e.Orders, book.Order{
			ID: shopify.NewGID("Order", int64(1+i)), Name: evil, At: now.AddDate(0, -i-1, 0), Channel: book.Channel([]string{"register", evil, "online"}[i%3]), Location: evil, Note: evil, Lines: []book.Line{l},
			Total: shopify.Money{Amount: money(30).Amount, CurrencyCode: []string{"USD", "USD", evil}[i%3]},
		})
	}
	e.Notes = []book.Note{{ID: evil, At: now, By: evil, Kind: book.NoteKind(evil), Text: evil}, {ID: evil + "2", At: now, By: evil, Kind: book.Promise, Text: evil}}
	s := newStand(t, nil)
	s.memory.entries[e.Customer.ID] = &e
	for _, who := range []string{"ines", "tomas"} {
		for _, path := range []string{"/clients/7100", "/clients?q=" + url.QueryEscape(evil), "/clients?q=alert", "/clients/7100?page=" + url.QueryEscape(evil), "/clients/" + url.PathEscape(evil)} {
			_, body := s.pos("GET", path, "", nil, "Cookie", "who="+who)
			for _, bad := range []string{"<script>alert", "<img", "\u202e", "\x00", "\x1b", `href="javascript`} {
				assert.False(t, strings.Contains(body, bad), "%s %s: %q", who, path, bad)
			}
		}
	}
	_, body := s.form("ines", "/clients/7100/contact", nil)
	assert.False(t, strings.Contains(body, "<script>alert") || strings.Contains(body, "<img"))
	resp, body := s.pos("GET", "/pos/customers/7100", token(nil, secret), nil)
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.False(t, strings.Contains(body, "<script>") || strings.Contains(body, "\u202e"), "JSON escapes it too")
}

func TestBusyCustomer(t *testing.T) {
	s := newStand(t, nil)
	seen := map[string]bool{}
	for _, page := range []string{"", "?page=2", "?page=34", "?page=999999", "?page=-7", "?page=x"} {
		resp, body := s.page("ines", "/clients/7005"+page)
		require.Equal(t, http.StatusOK, resp.StatusCode)
		assert.Less(t, len(body), 60<<10)
		for _, name := range regexp.MustCompile(`#5\d\d\d`).FindAllString(body, -1) {
			seen[name] = true
		}
	}
	assert.Len(t, seen, 15+15+5)
	_, body := s.page("ines", "/clients?q=visitor")
	assert.Contains(t, body, "25 clients")
	assert.Contains(t, body, "There may be more")
	for _, q := range []string{"a", "", strings.Repeat("a", 101), "\xff"} {
		s.seen()
		resp, body := s.page("ines", "/clients?q="+url.QueryEscape(q))
		assert.Equal(t, http.StatusOK, resp.StatusCode)
		assert.NotContains(t, body, "Visitor")
		assert.Empty(t, s.seen())
	}
}

// The colors of text and what it stands on reach WCAG AA, in light and dark.
func TestContrast(t *testing.T) {
	page, err := os.ReadFile("page.html")
	require.NoError(t, err)
	blocks := regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllStringSubmatch(string(page), -1)
	require.Len(t, blocks, 2)
	for i, b := range blocks {
		colors := map[string]string{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{3,6});`).FindAllStringSubmatch(b[1], -1) {
			colors[m[1]] = m[2]
		}
		for _, pair := range [][2]string{
			{"ink", "bg"},
			{"ink", "surface"},
			{"muted", "bg"},
			{"muted", "surface"},
			{"link", "surface"},
			{"link", "bg"},
			{"link", "wait-bg"},
			{"on-button", "button"},
			{"good-ink", "good-bg"},
			{"bad-ink", "bad-bg"},
			{"wait-ink", "wait-bg"},
			{"calm-ink", "calm-bg"},
		} {
			assert.GreaterOrEqual(t, testbrowser.Contrast(t, colors[pair[0]], colors[pair[1]]), 4.5, "%v of block %d", pair, i)
		}
		for _, pair := range [][2]string{{"bar", "track"}, {"strong", "surface"}, {"strong", "bg"}, {"online", "surface"}, {"register", "surface"}, {"focus", "bg"}, {"focus", "surface"}} {
			assert.GreaterOrEqual(t, testbrowser.Contrast(t, colors[pair[0]], colors[pair[1]]), 3.0, "%v of block %d", pair, i)
		}
	}
}
