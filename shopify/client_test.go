package shopify_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Khan/genqlient/graphql"
	"github.com/posai-go/posai/shopify"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRequestOnTheWire(t *testing.T) {
	s := newServer(t, reply{body: okShop})
	data, resp, err := do(t.Context(), s.client(t, shopify.Options{}), readShop, map[string]any{"id": "gid://shopify/Shop/1"})
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"shop": map[string]any{"name": "Acme"}}, data)
	assert.Contains(t, resp.Extensions, "cost")
	seen := s.seen()
	require.Len(t, seen, 1)
	assert.Equal(t, "/admin/api/2026-10/graphql.json", seen[0].path)
	assert.Equal(t, testToken, seen[0].header.Get("X-Shopify-Access-Token"))
	assert.Equal(t, "application/json", seen[0].header.Get("Content-Type"))
	assert.Equal(t, readShop, seen[0].body.Query)
	assert.Equal(t, "ReadShop", seen[0].body.OperationName)
	assert.JSONEq(t, `{"id":"gid://shopify/Shop/1"}`, string(seen[0].body.Variables))
}

func TestNewClientChecks(t *testing.T) {
	token := shopify.StaticToken(testToken)
	tests := []struct {
		name   string
		shop   shopify.Domain
		tokens shopify.TokenSource
		opts   *shopify.Options
		ok     bool
	}{
		{"defaults", testShop, token, nil, true},
		{"older version", testShop, token, &shopify.Options{Version: "2026-07"}, true},
		{"unstable", testShop, token, &shopify.Options{Version: "unstable"}, true},
		{"base with a path", testShop, token, &shopify.Options{BaseURL: "http://127.0.0.1:1/shops/acme"}, true},
		{"no shop", "", token, nil, false},
		{"not a shop", "evil.example.com", token, nil, false},
		{"shop with a path", "acme.myshopify.com/x", token, nil, false},
		{"no token source", testShop, nil, nil, false},
		{"latest", testShop, token, &shopify.Options{Version: "latest"}, false},
		{"version with a path", testShop, token, &shopify.Options{Version: "2026-10/../x"}, false},
		{"base without a scheme", testShop, token, &shopify.Options{BaseURL: "127.0.0.1:80"}, false},
		{"base with a password", testShop, token, &shopify.Options{BaseURL: "https://a:b@example.com"}, false},
		{"base with a query", testShop, token, &shopify.Options{BaseURL: "https://example.com?x"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := shopify.NewClient(tt.shop, tt.tokens, tt.opts)
			if tt.ok {
				require.NoError(t, err)
				assert.Equal(t, tt.shop, c.Shop())
			} else {
				assert.ErrorIs(t, err, shopify.ErrInvalid)
			}
		})
	}
}

func TestOptionsAreCopied(t *testing.T) {
	s := newServer(t, reply{body: okShop})
	hc := &http.Client{Timeout: time.Minute}
	opts := &shopify.Options{BaseURL: s.URL, HTTPClient: hc}
	c, err := shopify.NewClient(testShop, shopify.StaticToken(testToken), opts)
	require.NoError(t, err)
	assert.Equal(t, &shopify.Options{BaseURL: s.URL, HTTPClient: hc}, opts)
	assert.Nil(t, hc.Transport)
	assert.Nil(t, hc.CheckRedirect)
	opts.BaseURL = "http://127.0.0.1:1"
	_, _, err = do(t.Context(), c, readShop, nil)
	assert.NoError(t, err)
}

func TestAnotherVersionAnswers(t *testing.T) {
	header := func(v string) map[string]string {
		return map[string]string{"X-Shopify-API-Version": v, "X-Shopify-API-Deprecated-Reason": "https://shopify.dev/why"}
	}
	s := newServer(t, reply{body: okShop, header: header("2026-10")}, reply{body: okShop, header: header("2027-01")}, reply{body: okShop, header: header("2027-01")})
	var log bytes.Buffer
	c := s.client(t, shopify.Options{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	for i, want := range []string{"2026-10", "2027-01", "2027-01"} {
		var info shopify.Info
		_, _, err := do(t.Context(), c.With(shopify.CallOptions{Info: &info}), readShop, nil)
		require.NoError(t, err)
		assert.Equal(t, want, info.APIVersion)
		assert.Equal(t, "https://shopify.dev/why", info.DeprecatedReason)
		assert.Equal(t, 200, info.Status)
		assert.Equal(t, shopify.SafetyRead, info.Operation.Safety)
		assert.InDelta(t, 1990, info.Cost.Throttle.CurrentlyAvailable, 0)
		assert.Equal(t, min(i, 1), strings.Count(log.String(), "asked=2026-10 answered=2027-01"), "warned once")
	}
	assert.Equal(t, 1, strings.Count(log.String(), "deprecated use"), "warned once")
	_, _, err := do(t.Context(), c, `query Other { shop { id } }`, nil)
	require.NoError(t, err)
	assert.Equal(t, 2, strings.Count(log.String(), "deprecated use"), "once for each operation")
}

// TestInfoOfACallThatWasNotSent must not be that of the call before.
func TestInfoOfACallThatWasNotSent(t *testing.T) {
	s := newServer(t, reply{body: okShop})
	var info shopify.Info
	c := s.client(t, shopify.Options{}).With(shopify.CallOptions{Info: &info})
	for name, call := range map[string]func() error{
		"wrong option": func() error {
			_, _, err := do(t.Context(), c.With(shopify.CallOptions{Version: "latest"}), addTags, nil)
			return err
		},
		"key for a read": func() error {
			_, _, err := do(t.Context(), c.With(shopify.CallOptions{IdempotencyKey: "k-1"}), `query AddTags { shop { id } }`, nil)
			return err
		},
		"variables": func() error { _, _, err := do(t.Context(), c, addTags, func() {}); return err },
		"canceled": func() error {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, _, err := do(ctx, c, addTags, nil)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := do(t.Context(), c, readShop, nil)
			require.NoError(t, err)
			require.Equal(t, "ReadShop", info.Operation.Name)
			require.Equal(t, 200, info.Status)
			require.Error(t, call())
			assert.Equal(t, "AddTags", info.Operation.Name)
			assert.Zero(t, info.Status)
			assert.Empty(t, info.RequestID)
			assert.Zero(t, info.Cost)
		})
	}
}

func TestNothingSecretIsLogged(t *testing.T) {
	body := `{"data":{"draftOrderCreate":{"draftOrder":null,"userErrors":[{"field":["input","email"],"message":"jo@example.com is taken"}]}},` + costExtension + `}`
	s := newServer(t, reply{status: 429, header: map[string]string{"Retry-After": "0.001"}}, reply{body: body, header: map[string]string{"X-Shopify-API-Version": "2025-01"}})
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	_, _, err := do(t.Context(), s.client(t, shopify.Options{Logger: logger}), createDraft, map[string]any{"input": map[string]any{"email": "jo@example.com"}})
	require.Error(t, err)
	logger.Info("what a program may log", "error", err, "tokens", shopify.StaticToken(testToken))
	text := log.String()
	assert.Equal(t, 2, strings.Count(text, "shopify: answer"))
	assert.Contains(t, text, "operation=CreateDraft")
	assert.Contains(t, text, "request_id=req-2")
	for _, secret := range []string{testToken, "jo@example.com", "userErrors", "mutation CreateDraft"} {
		assert.NotContains(t, text, secret)
	}
}

func TestTokenIsNotSentElsewhere(t *testing.T) {
	elsewhere := newServer(t, reply{body: okShop})
	s := newServer(t, reply{status: http.StatusTemporaryRedirect, header: map[string]string{"Location": elsewhere.URL}})
	_, _, err := do(t.Context(), s.client(t, shopify.Options{}), readShop, nil)
	require.Error(t, err)
	assert.Empty(t, elsewhere.seen())
}

type tokens func(context.Context) (string, error)

func (f tokens) Token(ctx context.Context) (string, error) { return f(ctx) }

func TestTokenSource(t *testing.T) {
	s := newServer(t, reply{status: 500}, reply{body: okShop})
	n := 0
	source := tokens(func(context.Context) (string, error) {
		n++
		return strings.Repeat("t", n), nil
	})
	c, err := shopify.NewClient(testShop, source, &shopify.Options{BaseURL: s.URL, MinBackoff: time.Millisecond})
	require.NoError(t, err)
	_, _, err = do(t.Context(), c, readShop, nil)
	require.NoError(t, err)
	assert.Equal(t, "tt", s.seen()[1].header.Get("X-Shopify-Access-Token"), "asked for every attempt")

	failure := errors.New("vault is sealed")
	for name, source := range map[string]tokens{
		"fails": func(context.Context) (string, error) { return "", failure },
		"empty": func(context.Context) (string, error) { return "", nil },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, reply{body: okShop})
			c, err := shopify.NewClient(testShop, source, &shopify.Options{BaseURL: s.URL})
			require.NoError(t, err)
			_, _, err = do(t.Context(), c, createDraft, nil)
			require.Error(t, err)
			assert.NotErrorIs(t, err, shopify.ErrOutcomeUnknown)
			assert.Equal(t, name == "fails", errors.Is(err, failure))
			assert.Empty(t, s.seen())
		})
	}
}

func TestSubscriptionsAreRefused(t *testing.T) {
	s := newServer(t, reply{body: okShop})
	_, _, err := do(t.Context(), s.client(t, shopify.Options{}), `subscription S { orderCreated { id } }`, nil)
	assert.ErrorIs(t, err, shopify.ErrInvalid)
	assert.Empty(t, s.seen())
}

func TestDocumentThatIsNotUnderstood(t *testing.T) {
	// It is sent, for the server to say what is wrong, but never twice.
	s := newServer(t, reply{cut: true})
	c := s.client(t, shopify.Options{})
	err := c.MakeRequest(t.Context(), &graphql.Request{Query: "query {"}, &graphql.Response{})
	assert.ErrorIs(t, err, shopify.ErrOutcomeUnknown)
	assert.Len(t, s.seen(), 1)
}

func TestDataThatDoesNotFit(t *testing.T) {
	s := newServer(t, reply{body: `{"data":{"shop":{"name":{"secret":"jo@example.com"}}}}`})
	var data struct{ Shop struct{ Name string } }
	err := s.client(t, shopify.Options{}).MakeRequest(t.Context(), &graphql.Request{Query: readShop, OpName: "ReadShop"}, &graphql.Response{Data: &data})
	require.Error(t, err)
	assert.Contains(t, err.Error(), "ReadShop: decoding the data")
	assert.NotContains(t, err.Error(), "jo@example.com")
}

func TestVariablesThatCannotBeSent(t *testing.T) {
	s := newServer(t, reply{body: okShop})
	_, _, err := do(t.Context(), s.client(t, shopify.Options{}), readShop, map[string]any{"id": func() {}})
	require.Error(t, err)
	assert.Empty(t, s.seen())
}
