package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
)

// asking is discounts of 5 % that are asked for at once, each for a cart of its own.
func (p *path) asking(location string, carts int) (ready, pending []*approval.Request) {
	p.t.Helper()
	var offers [500]string
	var asking sync.WaitGroup
	for w := range 4 {
		asking.Go(func() {
			for i := w; i < carts; i += 4 {
				q := question{Cart: fmt.Sprintf("made-up-%d-%d", number(location), i), LocationID: number(location), Currency: p.till.currency}
				q.Lines = []questionLine{{VariantID: number(p.till.variant("Suede Chelsea Boot")), Quantity: 1}}
				a := p.ask(q)
				s, err := addon(a)
				if !assert.NoError(p.t, err) {
					return
				}
				_, err = p.till.discount(p.t.Context(), a.Offer, wish{VariantID: s.VariantID, Percent: 5})
				assert.NoError(p.t, err)
				offers[i] = q.Cart
			}
		})
	}
	asking.Wait()
	for _, cart := range offers[:carts] {
		for _, r := range p.requests(cart) {
			if r.State == approval.Pending {
				pending = append(pending, r)
			} else {
				ready = append(ready, r)
			}
		}
	}
	return ready, pending
}

// TestMadeUpCarts: a device that makes up cart after cart gets no more without a person
// than the fuses of its location let pass: 120 of them, and 500 with POSAI_FULL=1.
func TestMadeUpCarts(t *testing.T) {
	carts := 120
	if os.Getenv("POSAI_FULL") == "1" {
		carts = 500
	}
	p := begun(t, "-discounts-per-hour", "12")
	ready, pending := p.asking(p.till.location, carts)
	assert.Len(t, ready, 12)
	require.Len(t, pending, carts-12)
	assert.Contains(t, pending[0].Ruling.Reason, "discounts at location")
	for _, r := range ready {
		done, err := p.Queue.Wait(t.Context(), r.ID)
		require.NoError(t, err)
		assert.Equal(t, approval.Executed, done.State)
	}
	assert.Len(t, p.sim.DiscountCodes(), 12)
	p.decide(pending[0], approval.Approve, nil)
	done, err := p.Queue.Wait(t.Context(), pending[0].ID)
	require.NoError(t, err)
	assert.Equal(t, approval.Executed, done.State, "a manager may")
}

// TestLimitsByLocation: by amount, and each location has its own; one that is not the
// shop's has none.
func TestLimitsByLocation(t *testing.T) {
	p := begun(t, "-off-per-hour", "10.00")
	p.begin() // goes on to all stores
	before := p.till.location
	ready, pending := p.asking(before, 20)
	require.NotEmpty(t, pending)
	require.NotEmpty(t, ready)
	off := decimal.Zero
	for _, r := range ready {
		off = off.Add(decimal.RequireFromString(r.Amount.Amount))
	}
	assert.LessOrEqual(t, off.InexactFloat64(), 10.0)
	next := off.Add(decimal.RequireFromString(pending[0].Amount.Amount))
	assert.Greater(t, next.InexactFloat64(), 10.0, "no earlier than needed")
	for gid := range p.shop.locations {
		if gid != before {
			ready, _ = p.asking(gid, 1)
			assert.Len(t, ready, 1)
		}
	}
	d := Discount{Offer: "cart-12345678.0123456789ab", Cart: "cart-12345678", Location: "gid://shopify/Location/999", Variant: "gid://shopify/ProductVariant/1", Price: "20", Cost: "5", Currency: "USD", InStock: true, Percent: 5, Minutes: 10}
	r, err := p.Queue.Propose(t.Context(), d, approval.Proposal{Key: "elsewhere", Location: d.Location, Proposer: approval.Principal{ID: "a", Type: approval.Human}})
	require.NoError(t, err)
	assert.Equal(t, approval.Pending, r.State)
	assert.Equal(t, "elsewhere", r.Ruling.Rule)
}

func TestLimitsRefused(t *testing.T) {
	for _, args := range [][]string{{"-discounts-per-hour", "0"}, {"-off-per-hour", "0"}, {"-off-per-hour", "-1"}, {"-off-per-hour", "1e30"}, {"-off-per-hour", "1.234"}, {"-staff", "1=a,1=b"}, {"-staff", "x=a"}, {"-staff", "5"}, {"-staff", "0=a"}} {
		_, err := parseConfig(args, func(string) string { return "" }, io.Discard)
		assert.Error(t, err, args)
	}
	cfg, err := parseConfig([]string{"-staff", "12=staff:b, 3=staff:a"}, func(string) string { return "" }, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, "3=staff:a,12=staff:b", cfg.staff.String())
}
