package webhooktest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/webhooktest"
)

// recorder notes in which order deliveries arrive, by their body, and fails
// every n-th delivery when it comes first.
type recorder struct {
	fail int

	mu     sync.Mutex
	bodies []string
	ids    []string
	seen   map[string]bool
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, _ := io.ReadAll(req.Body)
	id := req.Header.Get("X-Shopify-Webhook-Id")
	if r.seen == nil {
		r.seen = make(map[string]bool)
	}
	if r.bodies = append(r.bodies, string(body)); r.fail > 0 && !r.seen[id] && len(r.seen)%r.fail == 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	r.seen[id] = true
	r.ids = append(r.ids, id)
}

// patient sends and waits for the answer for as long as it takes, so that only
// what is refused is sent again.
type patient struct{}

func (patient) RoundTrip(r *http.Request) (*http.Response, error) {
	return http.DefaultTransport.RoundTrip(r.WithContext(context.WithoutCancel(r.Context())))
}

func numbered(n int) []webhook.Delivery {
	ds := make([]webhook.Delivery, n)
	for i := range ds {
		ds[i] = webhook.Delivery{Topic: "orders/create", Body: []byte(strconv.Itoa(i))}
	}
	return ds
}

func TestPostAllInOrder(t *testing.T) {
	r := new(recorder)
	sender := &webhooktest.Sender{Secret: "secret", Transport: webhooktest.InProcess(r)}
	report := sender.PostAll(t.Context(), "http://example.com/", numbered(20), nil)
	assert.Equal(t, 20, report.Acknowledged)
	assert.Equal(t, 20, report.Attempts)
	assert.Zero(t, report.Duplicates)
	assert.Empty(t, report.Undelivered)
	for i, body := range r.bodies {
		assert.Equal(t, strconv.Itoa(i), body)
	}
}

func TestPostAllWithEverythingGoingWrong(t *testing.T) {
	burst := &webhooktest.Burst{Connections: 8, Duplicates: 0.25, Disorder: 10, Seed: 7}
	r := &recorder{fail: 5}
	server := httptest.NewServer(r)
	defer server.Close()
	sender := &webhooktest.Sender{Secret: "secret", Schedule: []time.Duration{time.Millisecond, time.Millisecond, time.Millisecond}, Transport: patient{}}
	report := sender.PostAll(t.Context(), server.URL, numbered(200), burst)
	assert.Equal(t, 200, report.Acknowledged)
	assert.Empty(t, report.Undelivered)
	assert.InDelta(t, 50, report.Duplicates, 25)
	assert.Equal(t, 240+report.Duplicates, report.Attempts, "one in five was retried")
	assert.Len(t, r.ids, report.Attempts)
	slices.Sort(r.ids)
	assert.Len(t, slices.Compact(r.ids), 200, "a repetition has the same id")
}

func TestBurstIsRepeatable(t *testing.T) {
	arrivals := func(b *webhooktest.Burst) []string {
		r := new(recorder)
		sender := &webhooktest.Sender{Secret: "secret", Transport: webhooktest.InProcess(r)}
		sender.PostAll(t.Context(), "http://example.com/", numbered(50), b)
		return r.bodies
	}
	a := arrivals(&webhooktest.Burst{Duplicates: 0.5, Disorder: 5, Seed: 1})
	assert.Equal(t, a, arrivals(&webhooktest.Burst{Duplicates: 0.5, Disorder: 5, Seed: 1}))
	assert.NotEqual(t, a, arrivals(&webhooktest.Burst{Duplicates: 0.5, Disorder: 5, Seed: 2}))
	late, last := 0, 0
	for _, body := range a {
		n, err := strconv.Atoi(body)
		require.NoError(t, err)
		if n < last {
			late++
		}
		last = n
		assert.Less(t, n, 50)
	}
	assert.NotZero(t, late, "out of order")
	assert.Len(t, arrivals(&webhooktest.Burst{Duplicates: 1}), 100, "each twice")
}

func TestPostAllReportsWhatWasNotDelivered(t *testing.T) {
	sender := &webhooktest.Sender{Secret: "secret", Transport: webhooktest.InProcess(http.NotFoundHandler())}
	report := sender.PostAll(t.Context(), "http://example.com/", numbered(3), nil)
	assert.Zero(t, report.Acknowledged)
	require.Len(t, report.Undelivered, 3)
	require.ErrorIs(t, report.Undelivered[0], webhooktest.ErrUndelivered)
}

// Four hours of retries pass at once, by the fake clock of synctest.
func TestScheduleInSynctest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		began := time.Now()
		down := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			at = append(at, time.Since(began))
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		sender := &webhooktest.Sender{Secret: "secret", Schedule: webhooktest.Schedule(4 * time.Hour), Transport: webhooktest.InProcess(down)}
		attempts, err := sender.Post(t.Context(), "http://example.com/", webhook.Delivery{Topic: "orders/create"})
		require.ErrorIs(t, err, webhooktest.ErrUndelivered)
		assert.Equal(t, 9, attempts)
		assert.InDelta(t, (4 * time.Hour).Seconds(), at[8].Seconds(), 1)
	})
}

func TestClock(t *testing.T) {
	start := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	clock := webhooktest.NewClock(start)
	var times []time.Time
	first := true
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at, err := time.Parse(time.RFC3339, r.Header.Get("X-Shopify-Triggered-At"))
		assert.NoError(t, err)
		times = append(times, clock.Now(), at)
		if first {
			w.WriteHeader(http.StatusInternalServerError)
		}
		first = false
	})
	sender := &webhooktest.Sender{Secret: "secret", Schedule: webhooktest.Schedule(4 * time.Hour), Transport: webhooktest.InProcess(handler), Clock: clock}
	done := make(chan error)
	go func() {
		_, err := sender.Post(t.Context(), "http://example.com/", webhook.Delivery{Topic: "orders/create"})
		done <- err
	}()
	require.NoError(t, clock.Await(t.Context(), 1))
	clock.Advance(30 * time.Second) // the first retry is after 56 s
	require.NoError(t, clock.Await(t.Context(), 1))
	clock.Advance(30 * time.Second)
	require.NoError(t, <-done)
	assert.Equal(t, []time.Time{start, start, start.Add(time.Minute), start}, times, "the same delivery, later")
}

func TestClockEndsWithContext(t *testing.T) {
	clock := webhooktest.NewClock(time.Now())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- clock.Sleep(ctx, time.Hour) }()
	require.NoError(t, clock.Await(t.Context(), 1))
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	require.ErrorIs(t, clock.Await(ctx, 1), context.Canceled, "nobody waits any more")
	require.NoError(t, clock.Sleep(t.Context(), 0))
}

func TestFamilies(t *testing.T) {
	for family, want := range map[webhooktest.Family][2]string{
		webhooktest.Long: {"orders/create", ""}, webhooktest.Short: {"", "orders/create"}, webhooktest.Both: {"orders/create", "orders/create"},
	} {
		sender := &webhooktest.Sender{Secret: "secret", Family: family, Transport: webhooktest.InProcess(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			assert.Equal(t, want, [2]string{r.Header.Get("X-Shopify-Topic"), r.Header.Get("Shopify-Topic")})
		}))}
		_, err := sender.Post(t.Context(), "http://example.com/", webhook.Delivery{Topic: "orders/create"})
		require.NoError(t, err)
	}
}

func TestSamples(t *testing.T) {
	n := 0
	for topic, body := range webhooktest.Samples() {
		same, ok := webhooktest.Sample(topic)
		assert.True(t, ok)
		assert.Equal(t, same, body)
		n++
	}
	assert.Greater(t, n, 90)
	_, ok := webhooktest.Sample("themes/publish")
	assert.False(t, ok)
	for range webhooktest.Samples() {
		break // ends early
	}
}

func ExampleSender_PostAll() {
	body, _ := webhooktest.Sample("orders/create")
	received := 0
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { received++ })
	sender := &webhooktest.Sender{Secret: "the client secret", Transport: webhooktest.InProcess(handler)}
	report := sender.PostAll(context.Background(), "http://example.com/webhooks", []webhook.Delivery{
		{Topic: "orders/create", Body: body},
		{Topic: "orders/updated", Body: body},
	}, &webhooktest.Burst{Duplicates: 1, Disorder: 3, Seed: 42})
	fmt.Println(report.Acknowledged, "acknowledged,", report.Duplicates, "repeated,", received, "received")
	// Output:
	// 2 acknowledged, 2 repeated, 4 received
}
