package desk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/desk"
	"github.com/posai-go/posai/examples/clienteling/internal/talk"
	"github.com/posai-go/posai/shopify/auth"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// pos sends a register's request.
func (s *stand) pos(method, path, token string, body any, header ...string) (*http.Response, string) {
	s.t.Helper()
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		require.NoError(s.t, err)
		in = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+path, in)
	require.NoError(s.t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("Origin", "https://extensions.shopifycdn.com")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(s.t, err)
	out, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	require.NoError(s.t, resp.Body.Close())
	return resp, string(out)
}

func TestRegister(t *testing.T) {
	s := newStand(t, nil)
	gid := url.PathEscape("gid://shopify/Customer/7001")
	resp, body := s.pos("GET", "/pos/customers/7001", token(nil, secret), nil)
	require.Equal(t, http.StatusOK, resp.StatusCode, body)
	assert.Equal(t, "*", resp.Header.Get("Access-Control-Allow-Origin"))
	assert.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
	_, same := s.pos("GET", "/pos/customers/"+gid, token(nil, secret), nil)
	assert.JSONEq(t, body, same, "a GID is as good as a number")
	var c desk.Customer
	require.NoError(t, json.Unmarshal([]byte(body), &c))
	assert.Equal(t, "gid://shopify/Customer/7001", c.ID)
	assert.Equal(t, "Maren Holt", c.Name)
	assert.Equal(t, desk.Marketing{SMS: true}, c.Marketing)
	assert.Len(t, c.Visits, 5)
	assert.Equal(t, 22, c.VisitsInAll)
	assert.True(t, c.Notes[0].Overdue)
	assert.Equal(t, "2026-11-25", c.Notes[0].Due)
	assert.Contains(t, c.Preferences, desk.Preference{Kind: "size", Category: "Shoes", Value: "42", Percent: 100, Rests: 15})
	assert.Equal(t, "baseline", c.Points.By)
	assert.False(t, c.Points.AI)
	assert.Equal(t, "A promise of 18 November is overdue since 25 November: see the note.", c.Points.Points[0].Text)
	assert.Nil(t, c.Worth, "an account of a register may not see it")
	assert.Nil(t, c.Visits[0].Value)
	for _, secret := range []string{"maren.holt", "example.com", "5550147", "USD"} {
		assert.NotContains(t, body, secret)
	}
	looks := s.seen()
	require.Len(t, looks, 2)
	assert.Equal(t, desk.Look{Who: desk.Who{ID: "account 42", Name: "Register", Role: "register", Channel: "pos"}, Customer: customer(7001), What: desk.Profile}, looks[0])

	resp, body = s.pos("GET", "/pos/customers/7003", token(nil, secret), nil)
	assert.Equal(t, http.StatusGone, resp.StatusCode)
	assert.JSONEq(t, `{"error":"the customer's data was erased"}`, body)
	resp, body = s.pos("GET", "/pos/customers/7006", token(nil, secret), nil)
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	for _, list := range []string{"visits", "preferences", "notes"} {
		assert.Contains(t, body, `"`+list+`":[]`)
	}
	_, body = s.pos("GET", "/pos/customers/7005", token(nil, secret), nil)
	assert.Less(t, len(body), 30<<10, "500 orders are bounded")
}

// A program may tell accounts apart.
func TestRegisterOfAManager(t *testing.T) {
	model := aitest.NewModel(t, aitest.JSON(map[string]any{"points": []any{map[string]any{"facts": []string{"f1"}, "say": "The promise about the boots is overdue."}}}))
	s := newStand(t, func(o *desk.Options) {
		o.Talk = talk.New(model, nil)
		o.Register = func(_ context.Context, s *auth.Session) (desk.Who, error) {
			if s.Account == "13" {
				return desk.Who{}, errors.New("left the company")
			}
			return desk.Who{ID: "account " + s.Account, Name: "Ines", Clienteling: true}, nil
		}
	})
	_, body := s.pos("GET", "/pos/customers/7001", token(nil, secret), nil)
	var c desk.Customer
	require.NoError(t, json.Unmarshal([]byte(body), &c))
	require.NotNil(t, c.Worth)
	assert.Equal(t, desk.Money{Amount: "12432.00", Currency: "USD"}, c.Worth.Lifetime)
	assert.Equal(t, "store", c.Worth.SegmentFrom)
	assert.Equal(t, 5, c.Worth.Monetary)
	assert.Equal(t, &desk.Money{Amount: "338.00", Currency: "USD"}, c.Visits[0].Value)
	assert.NotContains(t, body, "example.com", "addresses never go to a register")
	assert.True(t, c.Points.MayAsk)
	resp, body := s.pos("GET", "/pos/customers/7001/points", token(nil, secret), nil)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	assert.JSONEq(t, `{"ai":true,"by":"aitest scripted","may_ask":true,"points":[{"ai":true,"kind":"promise","note":"n4","text":"The promise about the boots is overdue."}],"why":""}`, body)
	_, body = s.pos("GET", "/pos/customers/7002/points", token(nil, secret), nil)
	assert.Contains(t, body, `"why":"the customer opted out of data sharing"`)
	resp, _ = s.pos("GET", "/pos/customers/7001", token(func(c *shopifytest.SessionClaims) { c.Account = "13" }, secret), nil)
	assert.Equal(t, http.StatusForbidden, resp.StatusCode)
}

func TestRegisterRefuses(t *testing.T) {
	s := newStand(t, nil)
	for name, bad := range map[string]string{
		"no token":      "",
		"nonsense":      "a.b.c",
		"wrong secret":  token(nil, "another"),
		"another shop":  token(func(c *shopifytest.SessionClaims) { c.Shop = "other.myshopify.com" }, secret),
		"another app":   token(func(c *shopifytest.SessionClaims) { c.ClientID = "other" }, secret),
		"an hour old":   token(func(c *shopifytest.SessionClaims) { c.Issued = time.Now().Add(-time.Hour) }, secret),
		"from tomorrow": token(func(c *shopifytest.SessionClaims) { c.Issued = time.Now().Add(24 * time.Hour) }, secret),
	} {
		for _, path := range []string{"/pos/customers/7001", "/pos/customers/7001/points"} {
			resp, body := s.pos("GET", path, bad, nil)
			assert.Equal(t, http.StatusUnauthorized, resp.StatusCode, name)
			assert.NotContains(t, body, "Maren", name)
		}
		resp, _ := s.pos("POST", "/pos/customers/7001/notes", bad, desk.NewNote{Key: "12345678", Kind: "service", Text: "x"})
		assert.Equal(t, http.StatusUnauthorized, resp.StatusCode, name)
	}
	assert.Empty(t, s.seen(), "nobody looked at anybody")
	assert.Len(t, s.memory.notesOf(customer(7001)), 4)
	resp, _ := s.pos("OPTIONS", "/pos/customers/7001/notes", "", nil, "Access-Control-Request-Method", "POST")
	assert.Equal(t, http.StatusNoContent, resp.StatusCode)
	assert.Equal(t, "*", resp.Header.Get("Access-Control-Allow-Origin"))
	assert.Contains(t, resp.Header.Get("Access-Control-Allow-Headers"), "Authorization")
	assert.Empty(t, resp.Header.Get("Access-Control-Allow-Credentials"), "cookies are for pages alone")

	// A cookie is nothing at /pos/, a token nothing at /clients.
	resp, _ = s.pos("GET", "/pos/customers/7001", "", nil, "Cookie", "who=ines")
	assert.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	resp, _ = s.pos("GET", "/clients/7001", token(nil, secret), nil)
	assert.Equal(t, http.StatusUnauthorized, resp.StatusCode)
}

func TestHostileIDs(t *testing.T) {
	s := newStand(t, nil)
	for _, id := range []string{
		"0", "-1", "07001", "7001x", "7e3", "99999999999999999999", "gid://shopify/Order/7001", "gid://shopify/Customer/", "gid://evil/Customer/7001",
		"7001/../7002", "..", "7001\x00", "' OR 1=1 --", "<script>", "gid://shopify/Customer/7001?x=1", "%37%30%30%31%", strings.Repeat("7", 5000), "７００１", " 7001", "7001\n",
	} {
		for _, prefix := range []string{"/pos/customers/", "/clients/"} {
			resp, body := s.pos("GET", prefix+url.PathEscape(id), token(nil, secret), nil, "Cookie", "who=ines")
			assert.Contains(t, []int{http.StatusNotFound, http.StatusMovedPermanently, http.StatusTemporaryRedirect}, resp.StatusCode, "%s%q", prefix, id)
			assert.NotContains(t, body, "Maren", id)
			assert.NotContains(t, body, "<script>"+"</", id)
		}
	}
	assert.Empty(t, s.seen())
}

func TestRegisterNotes(t *testing.T) {
	s := newStand(t, nil)
	n := desk.NewNote{Key: "device-1-note-1", Kind: "promise", Text: "  Keep the parka in M until Saturday.\n", Due: "2026-11-28"}
	resp, body := s.pos("POST", "/pos/customers/7001/notes", token(nil, secret), n)
	require.Equal(t, http.StatusCreated, resp.StatusCode, body)
	var made desk.Note
	require.NoError(t, json.Unmarshal([]byte(body), &made))
	assert.True(t, made.Open)
	_, again := s.pos("POST", "/pos/customers/7001/notes", token(nil, secret), n)
	assert.JSONEq(t, body, again)
	notes := s.memory.notesOf(customer(7001))
	require.Len(t, notes, 5, "the same key is the same note")
	assert.Equal(t, book.Note{ID: made.ID, Customer: customer(7001), At: now, By: "Register", Kind: book.Promise, Text: "Keep the parka in M until Saturday.", Due: time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)}, notes[0])
	looks := s.seen()
	require.Len(t, looks, 2)
	assert.Equal(t, desk.Noted, looks[0].What, "who wrote is on record")
	_, other := s.pos("POST", "/pos/customers/7001/notes", token(func(c *shopifytest.SessionClaims) { c.Account = "43" }, secret), n)
	assert.NotContains(t, other, made.ID, "another account's key is another note")

	// What was changed before it was sent again is kept: nobody is told that a text is there
	// which is not.
	changes := map[string]func(*desk.NewNote){
		"text": func(n *desk.NewNote) { n.Text = "Keep the parka in L until Saturday." },
		"kind": func(n *desk.NewNote) { n.Kind = "occasion" },
		"due":  func(n *desk.NewNote) { n.Due = "2026-11-29" },
		"done": func(n *desk.NewNote) { n.Settles = made.ID },
	}
	for name, change := range changes {
		edited := n
		change(&edited)
		resp, body := s.pos("POST", "/pos/customers/7001/notes", token(nil, secret), edited)
		require.Equal(t, http.StatusCreated, resp.StatusCode, "%s: %s", name, body)
		var told desk.Note
		require.NoError(t, json.Unmarshal([]byte(body), &told))
		assert.True(t, slices.ContainsFunc(s.memory.notesOf(customer(7001)), func(n book.Note) bool {
			return n.ID == told.ID && n.Text == told.Text && string(n.Kind) == told.Kind && n.Due.Format("2006-01-02") == told.Due && n.Settles == edited.Settles
		}), name)
	}
	require.Len(t, s.memory.notesOf(customer(7001)), 6+len(changes))

	for name, c := range map[string]struct {
		body   any
		status int
	}{
		"no JSON":          {"{", 422},
		"a list":           {"[]", 422},
		"no text":          {desk.NewNote{Key: "12345678", Kind: "service", Text: " \n\x00 "}, 422},
		"too long":         {desk.NewNote{Key: "12345678", Kind: "service", Text: strings.Repeat("ä", 1001)}, 422},
		"far too long":     {desk.NewNote{Key: "12345678", Kind: "service", Text: strings.Repeat("a", 20<<10)}, 413},
		"no key":           {desk.NewNote{Kind: "service", Text: "x"}, 422},
		"a key with signs": {desk.NewNote{Key: "12345678\n", Kind: "service", Text: "x"}, 422},
		"another kind":     {desk.NewNote{Key: "12345678", Kind: "gossip", Text: "x"}, 422},
		"no day":           {desk.NewNote{Key: "12345678", Kind: "promise", Text: "x", Due: "tomorrow"}, 422},
		"a day long ago":   {desk.NewNote{Key: "12345678", Kind: "promise", Text: "x", Due: "0001-01-01"}, 422},
		"settles nothing":  {desk.NewNote{Key: "12345678", Kind: "service", Text: "x", Settles: "a b"}, 422},
	} {
		resp, body := s.pos("POST", "/pos/customers/7001/notes", token(nil, secret), c.body)
		assert.Equal(t, c.status, resp.StatusCode, "%s: %s", name, body)
		assert.Contains(t, body, `{"error":"`, name)
	}
	assert.Len(t, s.memory.notesOf(customer(7001)), 6+len(changes), "what was refused is not there")
	for id, status := range map[string]int{"7003": 410, "1": 404} {
		resp, _ := s.pos("POST", "/pos/customers/"+id+"/notes", token(nil, secret), n)
		assert.Equal(t, status, resp.StatusCode)
	}
	s.memory.err = fmt.Errorf("the disk of %s is full", "maren.holt@example.com")
	resp, body = s.pos("POST", "/pos/customers/7001/notes", token(nil, secret), n)
	assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	assert.NotContains(t, body, "maren")
}

var update = flag.Bool("update", false, "write testdata anew")

// The JSON's shape is a promise to extensions that are installed already.
func TestStableJSON(t *testing.T) {
	s := newStand(t, func(o *desk.Options) {
		o.Register = func(context.Context, *auth.Session) (desk.Who, error) {
			return desk.Who{ID: "account 42", Clienteling: true}, nil
		}
	})
	_, body := s.pos("GET", "/pos/customers/7001", token(nil, secret), nil)
	var indented bytes.Buffer
	require.NoError(t, json.Indent(&indented, []byte(body), "", "  "))
	const name = "testdata/customer.json"
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o750))
		require.NoError(t, os.WriteFile(name, indented.Bytes(), 0o600))
	}
	want, err := os.ReadFile(name)
	require.NoError(t, err)
	assert.Equal(t, string(want), indented.String())
}

// What cannot be recorded as seen is not shown.
func TestNothingIsShownUnseen(t *testing.T) {
	s := newStand(t, nil)
	s.deny = errors.New("the log is away")
	resp, _ := s.pos("POST", "/pos/customers/7001/notes", token(nil, secret), desk.NewNote{Key: "12345678", Kind: "service", Text: "x"})
	assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	assert.Len(t, s.memory.notesOf(customer(7001)), 4)
	for _, path := range []string{"/pos/customers/7001", "/pos/customers/7001/points", "/clients/7001", "/clients/7001/points", "/clients?q=maren"} {
		resp, body := s.pos("GET", path, token(nil, secret), nil, "Cookie", "who=ines")
		assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode, path)
		assert.NotContains(t, body, "Maren", path)
		assert.NotContains(t, body, "log is away", path)
	}
}
