package shopifytest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/posai-go/posai/shopify"
)

// TestPointStore checks what [shopify.PointStore] promises. newStore returns an
// empty store each time it is called.
func TestPointStore(t *testing.T, newStore func(t *testing.T) shopify.PointStore) {
	const shop = shopify.Domain("points.myshopify.com")
	// A bucket that restores next to nothing while a test runs.
	answer := func(requested, actual, available float64) shopify.Cost {
		return shopify.Cost{Requested: requested, Actual: actual, Throttle: shopify.Throttle{MaximumAvailable: 1000, CurrentlyAvailable: available, RestoreRate: 0.001}}
	}
	take := func(t *testing.T, s shopify.PointStore, want shopify.PointRequest) shopify.PointGrant {
		t.Helper()
		g, err := s.Take(t.Context(), shop, want)
		if err != nil {
			t.Fatalf("Take: %v", err)
		}
		if g.OK && g.Cost != want.Cost {
			t.Errorf("a grant says what it took: %g, want %g", g.Cost, want.Cost)
		}
		return g
	}
	settle := func(t *testing.T, s shopify.PointStore, g shopify.PointGrant, a shopify.Cost) {
		t.Helper()
		if err := s.Settle(t.Context(), shop, g, shopify.PointUse{Cost: a}); err != nil {
			t.Fatalf("Settle: %v", err)
		}
	}
	// filled returns a store that knows of so many points.
	filled := func(t *testing.T, available float64) shopify.PointStore {
		t.Helper()
		s := newStore(t)
		settle(t, s, take(t, s, shopify.PointRequest{Cost: 10}), answer(10, 10, available))
		return s
	}
	granted := func(t *testing.T, rule string, want bool, g shopify.PointGrant) shopify.PointGrant {
		t.Helper()
		if g.OK != want {
			t.Errorf("%s: granted %v, want %v", rule, g.OK, want)
		}
		if !g.OK && g.Wait <= 0 {
			t.Errorf("%s: a refusal says how long to wait", rule)
		}
		return g
	}

	t.Run("unknown shop", func(t *testing.T) {
		s := newStore(t)
		if g := granted(t, "what is unknown is granted", true, take(t, s, shopify.PointRequest{Cost: 1e6})); g.At != 0 {
			t.Error("the grant of an unknown shop has a zero At")
		}
		settle(t, s, shopify.PointGrant{OK: true, Cost: 10}, shopify.Cost{})
		granted(t, "an answer without a cost teaches nothing", true, take(t, s, shopify.PointRequest{Cost: 1e6}))
	})
	t.Run("points are taken", func(t *testing.T) {
		s := filled(t, 100)
		if g := granted(t, "there are enough", true, take(t, s, shopify.PointRequest{Cost: 60})); g.At == 0 {
			t.Error("the grant of a known shop has its time")
		}
		granted(t, "60 of 100 are taken", false, take(t, s, shopify.PointRequest{Cost: 60}))
		granted(t, "40 are left", true, take(t, s, shopify.PointRequest{Cost: 40}))
	})
	t.Run("spare points are left", func(t *testing.T) {
		s := filled(t, 100)
		granted(t, "50 and 60 to spare", false, take(t, s, shopify.PointRequest{Cost: 50, Spare: 60}))
		granted(t, "50 and 50 to spare", true, take(t, s, shopify.PointRequest{Cost: 50, Spare: 50}))
	})
	t.Run("what was not used comes back", func(t *testing.T) {
		s := filled(t, 100)
		g := take(t, s, shopify.PointRequest{Cost: 90})
		settle(t, s, g, answer(90, 10, 90))
		granted(t, "10 of 100 were used", true, take(t, s, shopify.PointRequest{Cost: 85}))
	})
	t.Run("an answer sets the level right", func(t *testing.T) {
		s := filled(t, 900)
		g := take(t, s, shopify.PointRequest{Cost: 10})
		settle(t, s, g, answer(10, 10, 50)) // somebody else draws on the bucket
		granted(t, "50 are left", false, take(t, s, shopify.PointRequest{Cost: 60}))
		granted(t, "50 are left", true, take(t, s, shopify.PointRequest{Cost: 50}))
	})
	t.Run("answers overtake each other", func(t *testing.T) {
		s := filled(t, 300)
		first := take(t, s, shopify.PointRequest{Cost: 100})
		second := take(t, s, shopify.PointRequest{Cost: 100})
		settle(t, s, second, answer(100, 100, 100))
		settle(t, s, first, answer(100, 100, 200)) // was true before the second ran
		granted(t, "100 are left", false, take(t, s, shopify.PointRequest{Cost: 150}))
		granted(t, "100 are left", true, take(t, s, shopify.PointRequest{Cost: 100}))
	})
	t.Run("a lost answer", func(t *testing.T) {
		s := filled(t, 100)
		settle(t, s, take(t, s, shopify.PointRequest{Cost: 60}), shopify.Cost{})
		granted(t, "what was sent counts as used", false, take(t, s, shopify.PointRequest{Cost: 60}))
	})
	t.Run("a request that never left", func(t *testing.T) {
		s := filled(t, 100)
		for range 3 {
			g := granted(t, "all is there again", true, take(t, s, shopify.PointRequest{Cost: 60}))
			if err := s.Settle(t.Context(), shop, g, shopify.PointUse{Unused: true}); err != nil {
				t.Fatalf("Settle: %v", err)
			}
		}
		granted(t, "and no more than that", false, take(t, s, shopify.PointRequest{Cost: 105}))
	})
	t.Run("a throttled request", func(t *testing.T) {
		s := filled(t, 100)
		settle(t, s, take(t, s, shopify.PointRequest{Cost: 60}), answer(60, 0, 100))
		granted(t, "it did not use its points", true, take(t, s, shopify.PointRequest{Cost: 90}))
	})
	t.Run("who was refused first holds a place", func(t *testing.T) {
		s := filled(t, 100)
		big := take(t, s, shopify.PointRequest{Cost: 20})
		dear := shopify.PointRequest{Cost: 120, Ticket: "dear"}
		granted(t, "more than there is", false, take(t, s, dear))
		granted(t, "a cheap one behind it", false, take(t, s, shopify.PointRequest{Cost: 50, Ticket: "cheap"}))
		settle(t, s, big, answer(20, 20, 130))
		granted(t, "a cheap one behind it, again", false, take(t, s, shopify.PointRequest{Cost: 50, Ticket: "cheap"}))
		granted(t, "what the dear one does not need", true, take(t, s, shopify.PointRequest{Cost: 8, Ticket: "cheaper"}))
		granted(t, "the dear one", true, take(t, s, dear))
		settle(t, s, take(t, s, shopify.PointRequest{Cost: 1, Ticket: "x"}), answer(1, 1, 200))
		granted(t, "its place is free", true, take(t, s, shopify.PointRequest{Cost: 50, Ticket: "cheap"}))
	})
	t.Run("urgent requests go first", func(t *testing.T) {
		s := filled(t, 100)
		granted(t, "more than there is", false, take(t, s, shopify.PointRequest{Cost: 120, Ticket: "background"}))
		granted(t, "an urgent one does not wait for it", true, take(t, s, shopify.PointRequest{Cost: 20, Urgent: true, Ticket: "cashier"}))
		granted(t, "an urgent one that is too dear", false, take(t, s, shopify.PointRequest{Cost: 110, Urgent: true, Ticket: "dear cashier"}))
		granted(t, "it holds the place now", false, take(t, s, shopify.PointRequest{Cost: 10, Ticket: "background"}))
		granted(t, "also before other urgent ones", false, take(t, s, shopify.PointRequest{Cost: 10, Urgent: true, Ticket: "cashier"}))
	})
	t.Run("implausible answers", func(t *testing.T) {
		s := filled(t, 100)
		for _, a := range []shopify.Throttle{{MaximumAvailable: -1, CurrentlyAvailable: 5, RestoreRate: 5}, {MaximumAvailable: 1000, CurrentlyAvailable: 5}, {MaximumAvailable: 10, CurrentlyAvailable: 5000, RestoreRate: 1}} {
			settle(t, s, take(t, s, shopify.PointRequest{Cost: 1}), shopify.Cost{Requested: 1, Actual: 1, Throttle: a})
		}
		granted(t, "they change nothing", true, take(t, s, shopify.PointRequest{Cost: 97}))
	})
	t.Run("shops have points of their own", func(t *testing.T) {
		s := filled(t, 10)
		g, err := s.Take(t.Context(), "other.myshopify.com", shopify.PointRequest{Cost: 500})
		if err != nil || !g.OK {
			t.Errorf("another shop: %v, %v", g, err)
		}
	})
	t.Run("many at once", func(t *testing.T) {
		s := filled(t, 1000)
		var wg sync.WaitGroup
		var points atomic.Int64
		for range 20 {
			wg.Go(func() {
				for range 20 {
					g, err := s.Take(t.Context(), shop, shopify.PointRequest{Cost: 7})
					if err != nil {
						t.Errorf("Take: %v", err)
						return
					}
					if g.OK {
						points.Add(7)
					}
				}
			})
		}
		wg.Wait()
		if got := points.Load(); got != 994 {
			t.Errorf("of 1000 points %d were given out by sevens, want 994", got)
		}
	})
	t.Run("a canceled context", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		cancel()
		if _, err := newStore(t).Take(ctx, shop, shopify.PointRequest{Cost: 1}); err == nil {
			t.Error("Take succeeded")
		}
	})
}
