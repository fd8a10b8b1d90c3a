package main

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkAsk asks about new carts over HTTP, each answered from Shopify and put on
// record before, and reports how long registers wait: in milliseconds, and as a share of
// the 300 ms that 95 in 100 may take without a model.
func BenchmarkAsk(b *testing.B) {
	p := newPathWith(b, smallShop()).begin()
	var took []time.Duration
	for b.Loop() {
		q := p.till.question(p.till.newCart(), p.till.anyCart()...)
		_, t, err := p.till.ask(b.Context(), q)
		require.NoError(b, err)
		took = append(took, t)
	}
	slices.Sort(took)
	p95 := took[len(took)*95/100]
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(p95.Microseconds())/1000, "p95-ms")
	b.ReportMetric(float64(p95)/float64(300*time.Millisecond), "p95/300ms")
}
