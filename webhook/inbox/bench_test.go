package inbox_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/internal/sqldb"
	"github.com/posai-go/posai/internal/testpg"
	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/inbox"
	"github.com/posai-go/posai/webhook/webhooktest"
)

const benchConns = 64

// BenchmarkAcknowledge compares the endpoint that acknowledges deliveries
// (signature, deduplication, the row and its alarm durable) with a bare handler
// that reads the body and inserts the same row into a database of the same
// kind. Both are called over 64 connections, in turns. x-bare is the median
// ratio of their throughputs; the rest is about the inbox's endpoint. In
// "working" the inbox processes what it accepted at the same time, and its
// turn ends when all is processed.
func BenchmarkAcknowledge(b *testing.B) {
	for _, name := range benchDatabases {
		for _, working := range []bool{false, true} {
			mode := map[bool]string{false: "accepting", true: "working"}[working]
			b.Run(name+"/"+mode, func(b *testing.B) {
				newURL := benchURLs(b, name)
				benchmarkAcknowledge(b, newURL(), newURL(), working)
			})
		}
	}
}

var benchDatabases = []string{"SQLite", "PostgreSQL"}

// benchURLs returns a function that makes fresh databases of a kind, all on one
// server. They wait for the disk at each commit.
func benchURLs(b *testing.B, kind string) func() string {
	if kind == "SQLite" {
		return func() string { return fileURL(b) }
	}
	server := testpg.NewServer(b)
	return func() string { return server.URL(b) }
}

func benchmarkAcknowledge(b *testing.B, bareURL, boxURL string, working bool) {
	bare := httptest.NewServer(bareHandler(b, bareURL))
	defer bare.Close()
	var processed atomic.Int64
	box := open(b, boxURL, func(context.Context, webhook.Delivery) error {
		processed.Add(1)
		return nil
	}, nil)
	if working {
		require.NoError(b, box.Start(b.Context()))
	}
	handler, err := webhook.NewHandler(box, webhook.Secrets{Current: secret}, nil)
	require.NoError(b, err)
	server := httptest.NewServer(handler)
	defer server.Close()

	const perConn = 10
	var ratios []float64
	var latencies []time.Duration
	var took time.Duration
	round, sent := 0, int64(0)
	run := func(url string) (time.Duration, []time.Duration) {
		round++
		return benchClient(b, url, round, perConn)
	}
	run(bare.URL) // connections, tables, statements
	run(server.URL)
	sent += benchConns * perConn
	for b.Loop() {
		bareTook, _ := run(bare.URL)
		ours, each := run(server.URL)
		sent += benchConns * perConn
		ratios = append(ratios, bareTook.Seconds()/ours.Seconds())
		latencies = append(latencies, each...)
		took += ours
		if working {
			began := time.Now()
			for processed.Load() < sent {
				time.Sleep(time.Millisecond)
			}
			took += time.Since(began)
		}
	}
	slices.Sort(ratios)
	slices.Sort(latencies)
	b.ReportMetric(ratios[len(ratios)/2], "x-bare")
	b.ReportMetric(float64(len(latencies))/took.Seconds(), "deliveries/s")
	b.ReportMetric(latencies[len(latencies)/2].Seconds()*1e3, "p50-ms")
	b.ReportMetric(latencies[len(latencies)*99/100].Seconds()*1e3, "p99-ms")
	b.ReportMetric(0, "ns/op")
}

// bareHandler inserts a row for each request and does nothing else.
func bareHandler(b *testing.B, url string) http.Handler {
	// The inbox's own tables are what the same row means.
	box, err := inbox.Open(b.Context(), url, ignore, nil)
	require.NoError(b, err)
	require.NoError(b, box.Close())
	db, err := sqldb.Open(b.Context(), url)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, db.Close()) })
	query := db.Rebind(`INSERT INTO posai_delivery (shop, dedupe, topic, webhook_id, event_id, api_version, name, triggered_at, received_at, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			h := r.Header
			id := h.Get("X-Shopify-Webhook-Id")
			_, err = db.ExecContext(r.Context(), query, h.Get("X-Shopify-Shop-Domain"), id, h.Get("X-Shopify-Topic"), id, h.Get("X-Shopify-Event-Id"),
				h.Get("X-Shopify-Api-Version"), "", 0, time.Now().UnixMicro(), body)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
}

// benchClient sends perConn deliveries over each of 64 connections and returns
// how long all took and how long each did.
func benchClient(b *testing.B, url string, round, perConn int) (time.Duration, []time.Duration) {
	transport := &http.Transport{MaxIdleConnsPerHost: benchConns}
	defer transport.CloseIdleConnections()
	requests := make([][]*http.Request, benchConns)
	for c := range requests {
		for i := range perConn {
			r, err := webhooktest.NewRequest(b.Context(), url, webhooktest.Fill(webhook.Delivery{
				Topic: "orders/create", WebhookID: fmt.Sprintf("webhook-%d-%d-%d", round, c, i), Body: sizedOrder(int64(round*1e6+c*1000+i), 10<<10),
			}), secret)
			require.NoError(b, err)
			requests[c] = append(requests[c], r)
		}
	}
	each := make([]time.Duration, benchConns*perConn)
	var wg sync.WaitGroup
	began := time.Now()
	for c := range requests {
		wg.Go(func() {
			for i, r := range requests[c] {
				start := time.Now()
				resp, err := transport.RoundTrip(r)
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					b.Error(resp.Status)
				}
				each[c*perConn+i] = time.Since(start)
			}
		})
	}
	wg.Wait()
	return time.Since(began), each
}

// sizedOrder is the body of an order of about size bytes.
func sizedOrder(id int64, size int) []byte {
	var buf bytes.Buffer
	fmt.Fprintf(&buf, `{"id":%d,"admin_graphql_api_id":"gid://shopify/Order/%d","email":"alice@example.com","line_items":[`, id, id)
	for i := 0; buf.Len() < size-300; i++ {
		if i > 0 {
			buf.WriteByte(',')
		}
		fmt.Fprintf(&buf, `{"id":%d,"title":"Soy candle \"cedar\"","quantity":%d,"price":"18.99","properties":[{"name":"engraving","value":%q}]}`,
			rand.Int64(), 1+i%5, strings.Repeat("Ünïque ", i%9))
	}
	fmt.Fprintf(&buf, `],"total_price":"129.90","currency":"EUR","updated_at":%q}`, time.Now().Format(time.RFC3339))
	return buf.Bytes()
}

// BenchmarkProcess measures how fast accepted deliveries are processed by a
// function that does nothing. x-bare compares it with marking the same rows
// processed one commit each, which is the least that a worker without batches
// and without claims would do.
func BenchmarkProcess(b *testing.B) {
	for _, name := range benchDatabases {
		b.Run(name, func(b *testing.B) {
			const n = 1000
			newURL := benchURLs(b, name)
			var ratios []float64
			var took time.Duration
			for b.Loop() {
				url := newURL()
				left := make(chan struct{}, n)
				box := open(b, url, func(context.Context, webhook.Delivery) error { return nil }, &inbox.Options{
					Observe: func(ev inbox.Event) {
						if ev.Kind == inbox.Processed {
							left <- struct{}{}
						}
					},
				})
				var wg sync.WaitGroup
				for i := range n {
					wg.Go(func() {
						_, err := box.Accept(b.Context(), order(i))
						if err != nil {
							b.Error(err)
						}
					})
				}
				wg.Wait()
				began := time.Now()
				require.NoError(b, box.Start(b.Context()))
				for range n {
					<-left
				}
				ours := time.Since(began)
				require.NoError(b, box.Close())
				took += ours
				ratios = append(ratios, bareMarks(b, url, n).Seconds()/ours.Seconds())
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "x-bare")
			b.ReportMetric(n*float64(len(ratios))/took.Seconds(), "deliveries/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// bareMarks returns how long it takes to mark n rows, one commit each, by as
// many workers as an inbox has.
func bareMarks(b *testing.B, url string, n int) time.Duration {
	db, err := sqldb.Open(b.Context(), url)
	require.NoError(b, err)
	defer func() { require.NoError(b, db.Close()) }()
	query := db.Rebind(`UPDATE posai_delivery SET state = 'processed', finished_at = ?, worker = '' WHERE id = ?`)
	ids := make(chan int)
	var wg sync.WaitGroup
	began := time.Now()
	for range 8 {
		wg.Go(func() {
			for id := range ids {
				if _, err := db.ExecContext(b.Context(), query, time.Now().UnixMicro(), id); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for id := range n {
		ids <- id + 1
	}
	close(ids)
	wg.Wait()
	return time.Since(began)
}
