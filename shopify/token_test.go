package shopify_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/posai-go/posai/shopify"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rotating is a source whose token is replaced when it is refused.
type rotating struct {
	fresh   string
	err     error
	asked   atomic.Int32
	refused string
}

func (r *rotating) Token(context.Context) (string, error) { return "old", nil }

func (r *rotating) FreshToken(_ context.Context, refused string) (string, error) {
	r.asked.Add(1)
	r.refused = refused
	return r.fresh, r.err
}

var unauthorized = reply{status: 401, body: `{"errors":"[API] Invalid API key or access token (unrecognized login or wrong password)"}`}

func (s *server) rotatingClient(t *testing.T, source shopify.TokenSource) *shopify.Client {
	t.Helper()
	c, err := shopify.NewClient(testShop, source, &shopify.Options{BaseURL: s.URL, MinBackoff: 1, MaxBackoff: 1, MaxRetries: 2})
	require.NoError(t, err)
	return c
}

func TestFreshToken(t *testing.T) {
	for name, document := range map[string]string{"read": readShop, "unsafe write": createDraft} {
		t.Run(name, func(t *testing.T) {
			ok := reply{body: okShop}
			if document == createDraft {
				ok.body = okDraft
			}
			s := newServer(t, unauthorized, ok)
			source := &rotating{fresh: "new"}
			var info shopify.Info
			_, _, err := do(t.Context(), s.rotatingClient(t, source).With(shopify.CallOptions{Info: &info}), document, nil)
			require.NoError(t, err)
			assert.Equal(t, "old", source.refused)
			assert.Equal(t, 2, info.Attempts)
			seen := s.seen()
			require.Len(t, seen, 2)
			assert.Equal(t, "old", seen[0].header.Get("X-Shopify-Access-Token"))
			assert.Equal(t, "new", seen[1].header.Get("X-Shopify-Access-Token"))
		})
	}
	t.Run("stays for the attempts that follow", func(t *testing.T) {
		s := newServer(t, unauthorized, reply{status: 503}, reply{body: okShop})
		_, _, err := do(t.Context(), s.rotatingClient(t, &rotating{fresh: "new"}), readShop, nil)
		require.NoError(t, err)
		assert.Equal(t, "new", s.seen()[2].header.Get("X-Shopify-Access-Token"))
	})
}

func TestFreshTokenOnce(t *testing.T) {
	s := newServer(t, unauthorized)
	source := &rotating{fresh: "new"}
	_, _, err := do(t.Context(), s.rotatingClient(t, source), readShop, nil)
	require.ErrorIs(t, err, shopify.ErrUnauthorized)
	assert.EqualValues(t, 1, source.asked.Load())
	assert.Len(t, s.seen(), 2)
}

func TestNoFreshToken(t *testing.T) {
	gone := errors.New("the shop uninstalled the app")
	for name, source := range map[string]*rotating{"fails": {err: gone}, "the same": {fresh: "old"}, "none": {}} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, unauthorized)
			_, _, err := do(t.Context(), s.rotatingClient(t, source), createDraft, nil)
			require.ErrorIs(t, err, shopify.ErrUnauthorized)
			assert.NotErrorIs(t, err, shopify.ErrOutcomeUnknown)
			if source.err != nil {
				require.ErrorIs(t, err, gone)
			}
			assert.Len(t, s.seen(), 1)
		})
	}
}

// An unsafe mutation that may have arrived is not sent again, whatever the token
// source could do.
func TestFreshTokenNeverRepeatsWhatMayHaveRun(t *testing.T) {
	s := newServer(t, reply{cut: true}, unauthorized)
	source := &rotating{fresh: "new"}
	_, _, err := do(t.Context(), s.rotatingClient(t, source), createDraft, nil)
	require.ErrorIs(t, err, shopify.ErrOutcomeUnknown)
	assert.Len(t, s.seen(), 1)
	assert.Zero(t, source.asked.Load())

	// Nor is it forgotten that an idempotent one may have.
	s = newServer(t, reply{cut: true}, unauthorized)
	_, _, err = do(t.Context(), s.rotatingClient(t, &rotating{err: errors.New("gone")}), addTags, nil)
	require.ErrorIs(t, err, shopify.ErrOutcomeUnknown)
	require.ErrorIs(t, err, shopify.ErrUnauthorized)
}

func TestStaticTokenPrintsNothing(t *testing.T) {
	source := shopify.StaticToken(testToken)
	for _, s := range []string{fmt.Sprint(source), fmt.Sprintf("%#v", source), slog.AnyValue(source).Resolve().String()} {
		assert.NotContains(t, s, testToken)
	}
}
