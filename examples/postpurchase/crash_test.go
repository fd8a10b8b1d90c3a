//go:build unix

package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/internal/demo/demotest"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// TestKilledAtAnyMoment delivers 200 sales to the service while it is killed
// (SIGKILL) again and again and a manager approves every other one, then counts
// what became of each sale.
func TestKilledAtAnyMoment(t *testing.T) {
	const sales = 200
	sim := shopifytest.NewShop(t, &shopifytest.Options{
		// Two hundred sales in seconds need more points than the smallest plan has.
		Data: demotest.SmallShop(), Plan: shopifytest.Enterprise,
		// Shopify's eight retries, in seconds instead of hours, and more: a restart does
		// not shrink along, and on a slow machine the starts take longer than the eight.
		RetrySchedule: append([]time.Duration{
			300 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second, 5 * time.Second, 6 * time.Second,
		}, slices.Repeat([]time.Duration{6 * time.Second}, 40)...),
	})
	service := demotest.NewVictim(t, sim)
	service.Start()
	// It answers before it has subscribed; a sale before that is delivered to nobody.
	require.Eventually(t, func() bool { return len(sim.Subscriptions()) > 0 }, 2*time.Minute, 10*time.Millisecond)

	scenes, err := pickSales(sim)
	require.NoError(t, err)
	var orders []string
	var ringing sync.WaitGroup
	ringing.Go(func() {
		for i := range sales {
			sale := scenes[i%3].Sale
			sale.Lines = scenes[i%2].Lines // above the limit every other time
			sale.Attributes = nil
			if i%5 == 0 {
				sale.Attributes = []shopifytest.Attribute{{Key: bundleAttribute, Value: "yes"}}
			}
			order, err := sim.RingUp(sale)
			if !assert.NoError(t, err) {
				return
			}
			orders = append(orders, order.ID)
			time.Sleep(40 * time.Millisecond)
		}
	})
	managing, stopManaging := context.WithCancel(t.Context())
	defer stopManaging()
	approved := make(chan int, 1)
	go func() { approved <- demotest.Manage(managing, t, service) }()

	random := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	for range 12 {
		time.Sleep(100*time.Millisecond + time.Duration(random.Int64N(int64(900*time.Millisecond))))
		service.Kill()
		service.Start()
	}
	ringing.Wait()

	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	require.NoError(t, sim.WaitIdle(ctx), "deliveries that no answer came for")
	require.Len(t, sim.Deliveries(), sales, "each sale was delivered")
	// The last step of each is on record, and so all before it is done.
	demotest.AwaitEffects(t, service.Dir, sales)
	stopManaging()
	byHand := <-approved
	service.Stop()

	log := demotest.OpenAudit(t, service.Dir)
	drafts := map[string]int{}
	for _, d := range sim.DraftOrders() {
		for _, a := range d.Attributes {
			if a.Key == "follow_up_of" {
				drafts[a.Value]++
			}
		}
	}
	for i, id := range orders {
		order, ok := sim.Order(id)
		require.True(t, ok)
		keys := map[string]int{}
		for _, m := range order.Metafields {
			keys[m.Key]++
		}
		assert.Equal(t, 1, keys[keyMessage], "messages of %s", id)
		assert.Equal(t, 1, keys[keyForCustomer]+keys[keyForAssociate], "sets of recommendations of %s", id)
		assert.Equal(t, []string{tagFollowUp}, order.Tags)
		want := 0
		if i%5 == 0 {
			want = 1
		}
		assert.Equal(t, want, drafts[id], "draft orders of %s", id)

		// A started entry for each attempt, every other step once.
		steps := map[audit.Kind]int{}
		for r, err := range log.Trail(t.Context(), audit.Query{Subject: audit.Subject{Type: "order", ID: id}}) {
			require.NoError(t, err)
			steps[r.Entry.Kind]++
		}
		for _, kind := range []audit.Kind{audit.KindReceived, audit.KindRead, audit.KindRuled, audit.KindEffect} {
			assert.Equal(t, 1, steps[kind], "%s entries of %s: %v", kind, id, steps)
		}
		assert.Positive(t, steps[audit.KindProposed], "proposed entries of %s", id)
		assert.Positive(t, steps[audit.KindStarted], "started entries of %s", id)
		assert.Equal(t, i%2, steps[audit.KindDecided], "decided entries of %s: %v", id, steps)
	}
	report, err := log.Verify(t.Context())
	require.NoError(t, err)
	t.Logf("%d sales, %d approvals acknowledged, %d kills, %d draft orders, %d audit entries verified", len(orders), byHand, service.Kills, len(sim.DraftOrders()), report.Entries)
}
