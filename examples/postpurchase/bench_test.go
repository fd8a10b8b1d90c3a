package main

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/examples/internal/demo/demotest"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// BenchmarkSale is the whole path of one sale without model time: signed
// delivery over HTTP, inbox, order and history and stock read back, baseline,
// policy, the audit entries, execution, effect. One
// sale at a time, on SQLite with synchronous=FULL.
//
// "x-api" is the time as a multiple of what the path's own calls to the shop
// take by themselves, in the same run: what the library adds to a sale.
func BenchmarkSale(b *testing.B) {
	cfg, err := parseConfig(nil, func(string) string { return "" }, io.Discard)
	require.NoError(b, err)
	// The largest plan, so that query-cost points are not what is measured.
	sim, err := shopifytest.Start(&shopifytest.Options{Data: demotest.SmallShop(), Plan: shopifytest.Enterprise})
	require.NoError(b, err)
	defer func() { require.NoError(b, sim.Close()) }()
	cfg.Use(sim)
	cfg.limit = cfg.limit.Mul(cfg.limit) // everything is allowed
	logger := slog.New(slog.DiscardHandler)
	sh, err := openShop(b.Context(), cfg, logger)
	require.NoError(b, err)
	s, err := startService(b.Context(), cfg, sh, b.TempDir(), "127.0.0.1:0", logger, nil)
	require.NoError(b, err)
	defer func() { require.NoError(b, s.Stop(context.WithoutCancel(b.Context()))) }()
	require.NoError(b, s.subscribe(b.Context()))
	_, err = sh.index(b.Context()) // once a day, not per sale
	require.NoError(b, err)
	scenes, err := pickSales(sim)
	require.NoError(b, err)

	var whole, calls time.Duration
	for b.Loop() {
		started := time.Now()
		order, err := sim.RingUp(scenes[0].Sale)
		require.NoError(b, err)
		r := executed(b, s, order.ID)
		whole += time.Since(started)

		b.StopTimer()
		started = time.Now()
		callsOfOneSale(b, sh, r)
		calls += time.Since(started)
		b.StartTimer()
	}
	b.ReportMetric(float64(whole)/float64(calls), "x-api")
	b.ReportMetric(float64(whole.Microseconds())/float64(b.N)/1000, "ms/sale")
}

// executed waits for the follow-up of an order.
func executed(b *testing.B, s *service, order string) *approval.Request {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		r, err := s.follower.request(b.Context(), string(s.shop.client.Shop()), order)
		require.NoError(b, err)
		if r == nil {
			continue
		}
		r, err = s.Queue.Wait(b.Context(), r.ID)
		require.NoError(b, err)
		require.Equal(b, approval.Executed, r.State)
		return r
	}
	require.FailNow(b, "no follow-up within 30 s")
	return nil
}

// callsOfOneSale makes the same calls to the shop that the path makes, and
// nothing else. What it writes is there already.
func callsOfOneSale(b *testing.B, sh *shop, r *approval.Request) {
	f, ok := approval.ActionOf[FollowUp](r)
	require.True(b, ok)
	sale, err := sh.sale(b.Context(), f.OrderID)
	require.NoError(b, err)
	_, err = sh.candidates(b.Context(), sale)
	require.NoError(b, err)
	_, err = sh.write(b.Context(), approval.Execution{IdempotencyKey: r.Execution.IdempotencyKey, Attempt: 1}, f)
	require.NoError(b, err)
}
