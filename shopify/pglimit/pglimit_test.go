package pglimit_test

import (
	"database/sql"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/posai-go/posai/internal/testpg"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/pglimit"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func open(t testing.TB, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", url)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	return db
}

func newStore(t testing.TB, db *sql.DB, opts *pglimit.Options) *pglimit.Store {
	t.Helper()
	s, err := pglimit.New(db, opts)
	require.NoError(t, err)
	require.NoError(t, s.Migrate(t.Context()))
	require.NoError(t, s.Migrate(t.Context()), "again")
	return s
}

func TestStore(t *testing.T) {
	shopifytest.TestPointStore(t, func(t *testing.T) shopify.PointStore {
		return newStore(t, open(t, testpg.URL(t)), nil)
	})
}

func TestAppsHavePointsOfTheirOwn(t *testing.T) {
	db := open(t, testpg.URL(t))
	const shop = shopify.Domain("acme.myshopify.com")
	one, other := newStore(t, db, &pglimit.Options{App: "one"}), newStore(t, db, &pglimit.Options{App: "other"})
	low := shopify.PointUse{Cost: shopify.Cost{Throttle: shopify.Throttle{MaximumAvailable: 1000, CurrentlyAvailable: 5, RestoreRate: 0.1}}}
	require.NoError(t, one.Settle(t.Context(), shop, shopify.PointGrant{OK: true}, low))
	g, err := one.Take(t.Context(), shop, shopify.PointRequest{Cost: 100})
	require.NoError(t, err)
	assert.False(t, g.OK)
	assert.LessOrEqual(t, g.Wait, 950*time.Second, "for 95 points, a tenth of one a second")
	assert.Greater(t, g.Wait, 800*time.Second)
	g, err = other.Take(t.Context(), shop, shopify.PointRequest{Cost: 100})
	require.NoError(t, err)
	assert.True(t, g.OK)
}

// TestPointsOfTheDeadFade takes points in a process that dies: an answer much
// later is believed again.
func TestPointsOfTheDeadFade(t *testing.T) {
	now := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	s := newStore(t, open(t, testpg.URL(t)), &pglimit.Options{Now: func() time.Time { return now }, Table: "public.other_points"})
	const shop = shopify.Domain("acme.myshopify.com")
	says := func(available float64) shopify.PointUse {
		return shopify.PointUse{Cost: shopify.Cost{Requested: 1, Actual: 1, Throttle: shopify.Throttle{MaximumAvailable: 1000, CurrentlyAvailable: available, RestoreRate: 0.001}}}
	}
	take := func(cost float64) shopify.PointGrant {
		g, err := s.Take(t.Context(), shop, shopify.PointRequest{Cost: cost})
		require.NoError(t, err)
		return g
	}
	require.NoError(t, s.Settle(t.Context(), shop, shopify.PointGrant{OK: true}, says(1000)))
	require.True(t, take(900).OK) // and is never settled
	require.NoError(t, s.Settle(t.Context(), shop, take(1), says(1000)))
	require.False(t, take(500).OK, "the answer may be older than what is under way")
	now = now.Add(5 * time.Minute)
	require.NoError(t, s.Settle(t.Context(), shop, take(1), says(1000)))
	assert.True(t, take(900).OK)
}

func TestNewChecks(t *testing.T) {
	db := open(t, "postgres://nobody@127.0.0.1:1/nothing")
	for name, f := range map[string]func() error{
		"no database": func() error { _, err := pglimit.New(nil, nil); return err },
		"table":       func() error { _, err := pglimit.New(db, &pglimit.Options{Table: "a; DROP TABLE b"}); return err },
		"long table":  func() error { _, err := pglimit.New(db, &pglimit.Options{Table: "a.b.c"}); return err },
	} {
		t.Run(name, func(t *testing.T) { assert.ErrorIs(t, f(), shopify.ErrInvalid) })
	}
}
