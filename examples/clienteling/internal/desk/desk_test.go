package desk_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/desk"
	"github.com/posai-go/posai/examples/clienteling/internal/talk"
	"github.com/posai-go/posai/shopify/auth"
	"github.com/posai-go/posai/shopify/shopifytest"
)

const (
	shop     = "alder-and-wren.myshopify.com"
	clientID = "client-of-the-tests"
	secret   = "secret-of-the-tests"
)

// stand is a desk over real HTTP.
type stand struct {
	*httptest.Server
	t      *testing.T
	memory *memory

	mu    sync.Mutex
	looks []desk.Look
	deny  error // of Seen
}

// who a request's cookie says: "ines" has the permission, "tomas" has not.
func signedIn(r *http.Request) (desk.Who, error) {
	c, err := r.Cookie("who")
	if err != nil {
		return desk.Who{}, desk.ErrSignedOut
	}
	switch c.Value {
	case "ines":
		return desk.Who{ID: "staff:1", Name: "Ines", Role: "manager", Location: "Market Square", Clienteling: true}, nil
	case "tomas":
		return desk.Who{ID: "staff:2", Name: "Tomas", Role: "associate", Location: "Market Square"}, nil
	}
	return desk.Who{}, errors.New("the directory is away")
}

func newStand(t *testing.T, change func(*desk.Options)) *stand {
	t.Helper()
	app, err := auth.New(clientID, auth.Secrets{Current: secret}, nil)
	require.NoError(t, err)
	s := &stand{t: t, memory: theShop()}
	opts := &desk.Options{
		Title: "Alder & Wren", Authenticate: signedIn, App: app, Shop: shop, Now: func() time.Time { return now },
		Seen: func(_ context.Context, l desk.Look) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.looks = append(s.looks, l)
			return s.deny
		},
		Arrivals: func(context.Context, desk.Who) ([]talk.Article, error) {
			return []talk.Article{{Title: "Storm Parka", Category: "Outerwear", Sizes: []string{"S", "M"}, Since: now.AddDate(0, 0, -3)}}, nil
		},
	}
	if change != nil {
		change(opts)
	}
	mux := http.NewServeMux()
	mux.Handle("/", desk.New(s.memory, opts))
	mux.HandleFunc("GET /sign-in", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "who", Value: r.URL.Query().Get("as"), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
		http.Redirect(w, r, "/clients", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /found/", func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(found{w}, &http.Request{Method: r.Method, URL: &url.URL{Path: strings.TrimPrefix(r.URL.Path, "/found"), RawQuery: r.URL.RawQuery}, Header: r.Header})
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		s.Close()
		require.NoError(t, app.Close())
	})
	return s
}

// found answers 200, whatever the page is.
type found struct{ http.ResponseWriter }

func (f found) WriteHeader(int) { f.ResponseWriter.WriteHeader(http.StatusOK) }

func (s *stand) seen() []desk.Look {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.looks
	s.looks = nil
	return out
}

func token(change func(*shopifytest.SessionClaims), with string) string {
	c := shopifytest.SessionClaims{Shop: shop, ClientID: clientID, Account: "42", Issued: time.Now()}
	if change != nil {
		change(&c)
	}
	return shopifytest.SignSessionToken(with, c)
}
