//go:build unix

package main

import (
	"context"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/examples/internal/demo/demotest"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// TestKilledAtAnyMoment asks for a discount on each of 24 carts, 200 with POSAI_FULL=1,
// every other one for more than the register may give, while the service is killed
// (SIGKILL) again and again and a manager approves, then counts the codes in the shop.
func TestKilledAtAnyMoment(t *testing.T) {
	carts, kills := 24, 4
	if os.Getenv("POSAI_FULL") == "1" {
		carts, kills = 200, 20
	}
	sim := shopifytest.NewShop(t, &shopifytest.Options{
		Data: smallShop(), Plan: shopifytest.Enterprise,
		RetrySchedule: demo.RetrySoon(),
	})
	service := demotest.NewVictim(t, sim, "-client-id", simulatedClient, "-begin", "-holdout", "0", "-discounts-per-hour", "1000", "-off-per-hour", "100000")
	service.Start()
	locations := map[string]string{}
	for _, l := range sim.Locations() {
		locations[l.ID] = l.Name
	}
	register := func(seed uint64) *till {
		return &till{
			url: service.URL(), clientID: simulatedClient, secret: sim.Secret(), shop: sim.Domain(), currency: "USD", location: firstOf(locations), sim: sim,
			client: &http.Client{Timeout: 30 * time.Second}, random: rand.New(rand.NewPCG(seed, 1)),
		}
	}
	managing, stopManaging := context.WithCancel(t.Context())
	defer stopManaging()
	approved := make(chan int, 1)
	go func() { approved <- demotest.Manage(managing, t, service) }()

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
	defer cancel()
	codes := make([]string, carts)
	var selling sync.WaitGroup
	for w := range 4 {
		selling.Go(func() {
			r := register(uint64(w))
			for i := w; i < carts; i += 4 {
				codes[i] = r.untilCode(ctx, 5+15*(i/4%2))
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	random := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	for range kills {
		time.Sleep(300*time.Millisecond + time.Duration(random.Int64N(int64(900*time.Millisecond))))
		service.Kill()
		service.Start()
	}
	selling.Wait()
	stopManaging()
	byHand := <-approved
	service.Stop()

	made := map[string]bool{}
	for _, c := range sim.DiscountCodes() {
		require.False(t, made[c.Code])
		made[c.Code] = true
	}
	for i, c := range codes {
		assert.True(t, made[c], "cart %d has its code", i)
	}
	assert.Len(t, made, carts, "one code for each cart, and no other")
	effects := 0
	log := demotest.OpenAudit(t, service.Dir)
	for r, err := range log.Trail(t.Context(), audit.Query{Kind: audit.KindEffect, Action: kindDiscount}) {
		require.NoError(t, err)
		assert.Equal(t, kindDiscount, r.Entry.Action)
		effects++
	}
	assert.Equal(t, carts, effects)
	report, err := log.Verify(t.Context())
	require.NoError(t, err)
	t.Logf("%d carts, %d codes, %d approvals acknowledged, %d kills, %d audit entries verified", carts, len(made), byHand, service.Kills, report.Entries)
}

// untilCode asks about a cart and for a discount until there is a code, whatever happens
// to the service meanwhile.
func (t *till) untilCode(ctx context.Context, percent int) string {
	q := t.question(t.newCart(), t.variant("Suede Chelsea Boot"))
	for ; ctx.Err() == nil; time.Sleep(30 * time.Millisecond) {
		a, _, err := t.ask(ctx, q)
		if err != nil || !a.Show {
			continue // it is dead, has not learned yet, or was late
		}
		if d := a.Discount; d != nil {
			if d.State == discountReady {
				return d.Code
			}
			continue
		}
		s, err := addon(a)
		if err != nil {
			return ""
		}
		_, _ = t.discount(ctx, a.Offer, wish{VariantID: s.VariantID, Percent: percent})
	}
	return ""
}
