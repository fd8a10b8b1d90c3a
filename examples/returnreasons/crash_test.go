//go:build unix

package main

import (
	"context"
	"math/rand/v2"
	"os"
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

// TestKilledAtAnyMoment takes things back while the service is killed (SIGKILL)
// again and again, then counts what became of each return: three deliveries, one
// proposal, one metafield, written by one execution.
func TestKilledAtAnyMoment(t *testing.T) {
	returns, kills := 40, 5
	if os.Getenv("POSAI_FULL") == "1" {
		returns, kills = 300, 20
	}
	sim := shopifytest.NewShop(t, &shopifytest.Options{
		Data: demotest.SmallShop(), Plan: shopifytest.Enterprise,
		// Shopify's eight retries, in seconds instead of hours, and more: a restart does
		// not shrink along, and on a slow machine the starts take longer than the eight.
		RetrySchedule: append([]time.Duration{
			300 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second, 5 * time.Second, 6 * time.Second,
		}, slices.Repeat([]time.Duration{6 * time.Second}, 40)...),
	})
	service := demotest.NewVictim(t, sim)
	service.Start()
	require.Eventually(t, func() bool { return len(sim.Subscriptions()) == len(topics) }, 2*time.Minute, 10*time.Millisecond)

	sku := sim.Products()[0].Variants[0].SKU
	var back []shopifytest.Return
	var counter sync.WaitGroup
	counter.Go(func() {
		for range returns {
			order, err := sim.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{SKU: sku}}})
			if !assert.NoError(t, err) {
				return
			}
			_, err = sim.TakeBack(shopifytest.TakeBack{Order: order.ID, Note: "The seam came apart.", Lines: []shopifytest.TakeBackLine{{Reason: "loose-seams"}}})
			if !assert.NoError(t, err) {
				return
			}
			back = append(back, sim.Returns(order.ID)...)
			time.Sleep(40 * time.Millisecond)
		}
	})
	random := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	for range kills {
		time.Sleep(100*time.Millisecond + time.Duration(random.Int64N(int64(700*time.Millisecond))))
		service.Kill()
		service.Start()
	}
	counter.Wait()

	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	require.NoError(t, sim.WaitIdle(ctx), "deliveries that no answer came for")
	demotest.AwaitEffects(t, service.Dir, returns)
	service.Stop()

	log := demotest.OpenAudit(t, service.Dir)
	for _, ret := range back {
		fields := sim.Metafields(ret.OrderID)
		require.Len(t, fields, 1, "metafields of %s", ret.OrderID)
		assert.Equal(t, metafieldKey(ret.ID), fields[0].Key)
		steps := map[audit.Kind]int{}
		for r, err := range log.Trail(t.Context(), audit.Query{Subject: audit.Subject{Type: "return", ID: ret.ID}}) {
			require.NoError(t, err)
			steps[r.Entry.Kind]++
		}
		assert.Equal(t, 3, steps[audit.KindReceived], "%v", steps)
		for _, kind := range []audit.Kind{audit.KindRead, audit.KindRuled, audit.KindEffect} {
			assert.Equal(t, 1, steps[kind], "%s entries of %s: %v", kind, ret.ID, steps)
		}
	}
	report, err := log.Verify(t.Context())
	require.NoError(t, err)
	t.Logf("%d returns, %d deliveries, %d kills, %d audit entries verified", returns, len(sim.Deliveries()), service.Kills, report.Entries)
}
