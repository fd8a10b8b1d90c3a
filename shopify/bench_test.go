package shopify_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Khan/genqlient/graphql"
	"github.com/posai-go/posai/shopify"
	"github.com/stretchr/testify/require"
)

// benchServer makes the test binary a server of its own, so that what it
// allocates is not the client's.
const benchServer = "POSAI_SHOPIFY_BENCH_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(benchServer) == "" {
		os.Exit(m.Run())
	}
	body := benchAnswer()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Shopify-API-Version", shopify.Version)
		w.Header().Set("X-Request-Id", "8a2fcbd1-7d4e-4bb4-b9b8-0c5b4b0a1f6e")
		_, _ = io.WriteString(w, body)
	}))
	fmt.Println(server.URL)
	_, _ = io.Copy(io.Discard, os.Stdin) // until the benchmark ends
	server.Close()
}

type benchOrder struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	CreatedAt string `json:"createdAt"`
	Note      string `json:"note"`
	Lines     struct {
		Nodes []struct {
			ID       string `json:"id"`
			Title    string `json:"title"`
			Quantity int    `json:"quantity"`
			SKU      string `json:"sku"`
		} `json:"nodes"`
	} `json:"lineItems"`
}

const benchQuery = `query Order($id: ID!) { order(id: $id) { id name createdAt note lineItems(first: 20) { nodes { id title quantity sku } } } }`

// benchAnswer is an order with twenty lines, about 2.5 kB.
func benchAnswer() string {
	var lines []string
	for i := range 20 {
		lines = append(lines, fmt.Sprintf(`{"id":"gid://shopify/LineItem/%d","title":"Linen shirt, washed, size %d","quantity":%d,"sku":"AW-LIN-%04d"}`, 14300000000000+i, i, i%3+1, i))
	}
	return `{"data":{"order":{"id":"gid://shopify/Order/820982911946154508","name":"#1042","createdAt":"2026-11-01T10:00:00Z","note":"gift wrap","lineItems":{"nodes":[` +
		strings.Join(lines, ",") + `]}}},` + costExtension + `}`
}

// authorized is what a program with genqlient and net/http alone needs.
type authorized struct{ next http.RoundTripper }

func (a authorized) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Shopify-Access-Token", testToken)
	return a.next.RoundTrip(r)
}

// BenchmarkOverheadOverGenqlient calls a server in another process through
// loopback, in turns with this client and with genqlient's own over net/http.
// The ratios are medians over batches.
func BenchmarkOverheadOverGenqlient(b *testing.B) {
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), benchServer+"=1")
	stdin, err := cmd.StdinPipe()
	require.NoError(b, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	defer func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	}()
	url, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(b, err)
	url = strings.TrimSpace(url)

	ours, err := shopify.NewClient(testShop, shopify.StaticToken(testToken), &shopify.Options{BaseURL: url})
	require.NoError(b, err)
	plain := graphql.NewClient(url+"/admin/api/2026-10/graphql.json", &http.Client{Transport: authorized{http.DefaultTransport}})
	call := func(c graphql.Client) {
		var data struct{ Order benchOrder }
		req := &graphql.Request{Query: benchQuery, OpName: "Order", Variables: struct {
			ID string `json:"id"`
		}{"gid://shopify/Order/820982911946154508"}}
		require.NoError(b, c.MakeRequest(context.Background(), req, &graphql.Response{Data: &data}))
		require.Len(b, data.Order.Lines.Nodes, 20)
	}
	const batch = 100
	measure := func(c graphql.Client) (took time.Duration, allocs, bytes float64) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		for range batch {
			call(c)
		}
		took = time.Since(start)
		runtime.ReadMemStats(&after)
		return took, float64(after.Mallocs - before.Mallocs), float64(after.TotalAlloc - before.TotalAlloc)
	}
	measure(ours)
	measure(plain)
	var times, allocs, sizes []float64
	var total time.Duration
	for b.Loop() {
		ourTime, ourAllocs, ourBytes := measure(ours)
		plainTime, plainAllocs, plainBytes := measure(plain)
		times, allocs, sizes = append(times, float64(ourTime)/float64(plainTime)), append(allocs, ourAllocs/plainAllocs), append(sizes, ourBytes/plainBytes)
		total += ourTime
	}
	b.ReportMetric(median(times), "time/genqlient")
	b.ReportMetric(median(allocs), "allocs/genqlient")
	b.ReportMetric(median(sizes), "bytes/genqlient")
	b.ReportMetric(float64(total.Microseconds())/float64(len(times)*batch), "µs/call")
	b.ReportMetric(0, "ns/op")
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
