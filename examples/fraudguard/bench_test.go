package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// BenchmarkAsk is what a register waits for: a question over HTTP with its session
// token, judged by rules and forest, on record (fsync) before it is answered. Some
// of the questions are flagged, and their review is in the answer.
//
// "p99-ms" is to be at most 150, at one register and at sixteen that ask at the
// same time without a pause. "x-append" is the median as a multiple of that of a
// bare handler which does nothing but put an entry of the same size into a log of
// its own, asked in the same way in the same run: what the judging adds.
func BenchmarkAsk(b *testing.B) {
	cfg, err := parseConfig(nil, func(string) string { return "" }, io.Discard)
	require.NoError(b, err)
	sim, err := shopifytest.Start(&shopifytest.Options{Data: simulatedShop(1), Plan: shopifytest.Enterprise})
	require.NoError(b, err)
	defer func() { require.NoError(b, sim.Close()) }()
	cfg.use(sim)
	logger := slog.New(slog.DiscardHandler)
	sh, err := openShop(b.Context(), cfg, logger)
	require.NoError(b, err)
	s, err := startService(b.Context(), cfg, sh, b.TempDir(), "127.0.0.1:0", logger, nil)
	require.NoError(b, err)
	defer func() { require.NoError(b, s.stopWithin(context.WithoutCancel(b.Context()), time.Minute)) }()
	require.NoError(b, s.ready(b.Context()))
	register := &till{
		url: s.URL, clientID: cfg.clientID, secret: cfg.Secret, shop: cfg.Shop, currency: sh.currency,
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}},
	}
	people := newCustomers(sim, 1)
	bare := bareAppend(b)

	b.Run("one register", func(b *testing.B) {
		var took, appended []time.Duration
		for b.Loop() {
			_, d, err := register.ask(b.Context(), next(people))
			require.NoError(b, err)
			took = append(took, d)
			b.StopTimer()
			appended = append(appended, bare())
			b.StartTimer()
		}
		report(b, took, appended)
	})
	b.Run("sixteen registers", func(b *testing.B) {
		var mu sync.Mutex
		var took, appended []time.Duration
		b.SetParallelism(8) // times the processors
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				mu.Lock()
				q := next(people)
				mu.Unlock()
				_, d, err := register.ask(b.Context(), q)
				if err != nil {
					b.Error(err)
					return
				}
				a := bare()
				mu.Lock()
				took, appended = append(took, d), append(appended, a)
				mu.Unlock()
			}
		})
		report(b, took, appended)
	})
	if n := s.guard.unscored.get(); n > 0 {
		b.Logf("%d questions were answered by the amount alone", n)
	}
}

// next is an ordinary question, and now and then an odd one.
func next(c *customers) question {
	if c.asked%50 == 49 {
		return c.giftCards()
	}
	return c.ordinary()
}

func report(b *testing.B, took, appended []time.Duration) {
	slices.Sort(took)
	slices.Sort(appended)
	b.ReportMetric(ms(took[len(took)/2]), "p50-ms")
	b.ReportMetric(ms(took[len(took)*99/100]), "p99-ms")
	b.ReportMetric(float64(took[len(took)/2])/float64(appended[len(appended)/2]), "x-append")
}

// bareAppend returns a function that asks a handler which appends one entry.
func bareAppend(b *testing.B) func() time.Duration {
	store, err := filestore.Open(filepath.Join(b.TempDir(), "audit"), nil)
	require.NoError(b, err)
	log, err := audit.Open(b.Context(), store, nil)
	require.NoError(b, err)
	entry := audit.Entry{
		Kind: kindAssessed, Actor: audit.Actor{Type: audit.System, ID: "bench"}, Action: actionTransaction,
		Subjects:   []audit.Subject{{Type: "transaction", ID: "ask/q-1-00000000"}, {Type: "customer", ID: "gid://shopify/Customer/9007300000000001"}},
		Attributes: map[string]string{"key": "ask/q-1-00000000", "amount": "120.00", "forest": "sha256:8b7b66508dae9f080534a3ba035fbfdf1edc1d9813de1ab2ec9cdf66c41e9052"},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := log.Append(r.Context(), entry); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	b.Cleanup(func() {
		server.Close()
		require.NoError(b, log.Close())
		require.NoError(b, store.Close())
	})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	return func() time.Duration {
		started := time.Now()
		resp, err := client.Post(server.URL, "application/json", nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			b.Error("the bare handler failed")
			return 0
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return time.Since(started)
	}
}
