// Package sdkbench times the model adapters beside the official SDKs that they
// stand on.
package sdkbench

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"
)

// Fixed answers every request with the same body, without a connection.
type Fixed struct {
	ContentType string
	Body        []byte
}

// RoundTrip implements [http.RoundTripper].
func (f Fixed) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	_ = r.Body.Close()
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {f.ContentType}},
		Body: io.NopCloser(bytes.NewReader(f.Body)), Request: r,
	}, nil
}

// Compare times a call through the adapter and the same call through the bare
// SDK, in turn, and reports the medians and how many times longer the adapter
// takes.
func Compare(b *testing.B, adapter, sdk func() error) {
	b.Helper()
	b.ReportAllocs()
	var ours, bare []time.Duration
	for b.Loop() {
		began := time.Now()
		if err := adapter(); err != nil {
			b.Fatal(err)
		}
		between := time.Now()
		if err := sdk(); err != nil {
			b.Fatal(err)
		}
		ours = append(ours, between.Sub(began))
		bare = append(bare, time.Since(between))
	}
	a, s := Median(ours), Median(bare)
	b.ReportMetric(a, "ours-µs/op")
	b.ReportMetric(s, "sdk-µs/op")
	b.ReportMetric(a/s, "ratio")
}

// Median returns the median in microseconds: on a busy machine, a mean is that of
// other people's work. It sorts the times.
func Median(times []time.Duration) float64 {
	slices.Sort(times)
	return float64(times[len(times)/2].Nanoseconds()) / 1000
}
