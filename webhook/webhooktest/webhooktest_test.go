package webhooktest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/webhooktest"
)

func TestSignIsWhatVerifyAccepts(t *testing.T) {
	body := []byte(`{"id":1}`)
	require.NoError(t, webhook.Verify(body, webhooktest.Sign(body, "secret"), "secret"))
}

func TestPostRetries(t *testing.T) {
	for name, test := range map[string]struct {
		statuses []int // of one answer after the other; then 200
		attempts int
		ok       bool
	}{
		"at once":       {nil, 1, true},
		"other 2xx":     {[]int{204}, 1, true},
		"failed twice":  {[]int{503, 500}, 3, true},
		"a redirect":    {[]int{302}, 2, true},
		"refused":       {[]int{401, 401, 401, 401}, 3, false},
		"succeeds late": {[]int{500, 500, 500}, 3, false},
	} {
		t.Run(name, func(t *testing.T) {
			var n atomic.Int64
			var ids []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ids = append(ids, r.Header.Get("X-Shopify-Webhook-Id"))
				if i := int(n.Add(1)); i <= len(test.statuses) {
					w.Header().Set("Location", "/elsewhere")
					w.WriteHeader(test.statuses[i-1])
				}
			}))
			defer server.Close()
			sender := &webhooktest.Sender{Secret: "secret", Schedule: []time.Duration{time.Millisecond, time.Millisecond}, Transport: patient{}}
			attempts, err := sender.Post(t.Context(), server.URL, webhook.Delivery{Topic: "orders/create"})
			assert.Equal(t, test.attempts, attempts)
			if test.ok {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, webhooktest.ErrUndelivered)
			}
			for _, id := range ids {
				assert.Equal(t, ids[0], id, "the same delivery each time")
			}
		})
	}
}

func TestPostEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer server.Close()
	sender := &webhooktest.Sender{Secret: "secret", Schedule: webhooktest.Schedule(4 * time.Hour)}
	_, err := sender.Post(ctx, server.URL, webhook.Delivery{Topic: "orders/create"})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, webhooktest.ErrUndelivered)
}

func TestSchedule(t *testing.T) {
	waits := webhooktest.Schedule(4 * time.Hour)
	require.Len(t, waits, 8)
	var sum time.Duration
	for i, w := range waits {
		sum += w
		if i > 0 {
			assert.Greater(t, w, waits[i-1])
		}
	}
	assert.InDelta(t, float64(4*time.Hour), float64(sum), float64(time.Millisecond))
}

func ExampleSender() {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Header.Get("X-Shopify-Topic"), r.Header.Get("X-Shopify-Shop-Domain"))
	}))
	defer server.Close()
	sender := &webhooktest.Sender{Secret: "the client secret", Schedule: webhooktest.Schedule(time.Second)}
	attempts, err := sender.Post(context.Background(), server.URL, webhook.Delivery{Topic: "orders/create", Body: []byte(`{"id":1}`)})
	fmt.Println(attempts, err)
	// Output:
	// orders/create example.myshopify.com
	// 1 <nil>
}
