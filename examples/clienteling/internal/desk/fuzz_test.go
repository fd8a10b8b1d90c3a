package desk_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/desk"
	"github.com/posai-go/posai/shopify/auth"
)

// FuzzNotes sends anything as a note, as JSON and as a form: what is written keeps the
// book's bounds, and everything else is refused.
func FuzzNotes(f *testing.F) {
	f.Add("7001", `{"key":"device-1-note-1","kind":"promise","text":"Keep it.","due":"2026-12-24"}`, "key=page-key-1&kind=service&text=x%0D%0Ay&settles=n1")
	f.Add("gid://shopify/Customer/7001", `{"key":"device-1-note-1","kind":"service","text":"\ud800\u202e\u0000"}`, "%zz")
	f.Add("7001", `{"key":1}`, "text="+strings.Repeat("%C3%A4", 1001))
	app, err := auth.New(clientID, auth.Secrets{Current: secret}, nil)
	require.NoError(f, err)
	m := newMemory(maren())
	d := desk.New(m, &desk.Options{Authenticate: signedIn, App: app, Shop: shop, Now: func() time.Time { return now }})
	f.Fuzz(func(t *testing.T, id, body, form string) {
		m.mu.Lock()
		m.entries[customer(7001)].Notes = nil
		m.mu.Unlock()
		send := func(path, body, contentType string) {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
			req.Header.Set("Authorization", "Bearer "+token(nil, secret))
			req.Header.Set("Cookie", "who=ines")
			req.Header.Set("Content-Type", contentType)
			w := httptest.NewRecorder()
			d.ServeHTTP(w, req)
			require.Contains(t, []int{201, 301, 303, 307, 400, 404, 405, 413, 422}, w.Code)
		}
		send("/pos/customers/"+url.PathEscape(id)+"/notes", body, "application/json")
		send("/clients/"+url.PathEscape(id)+"/notes", form, "application/x-www-form-urlencoded")
		for _, n := range m.notesOf(customer(7001)) {
			require.True(t, utf8.ValidString(n.Text) && n.Text != "" && len(n.Text) <= 2000)
			require.False(t, strings.ContainsFunc(n.Text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' || r == 0x202e }))
			require.Contains(t, []book.NoteKind{book.Preference, book.Service, book.Occasion, book.Promise}, n.Kind)
			require.Len(t, n.ID, 24)
			require.Equal(t, now, n.At)
			require.NotEmpty(t, n.By)
		}
	})
}
