package webhook_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/webhooktest"
)

// inboxFunc is an inbox of one function.
type inboxFunc func(context.Context, webhook.Delivery) (bool, error)

func (f inboxFunc) Accept(ctx context.Context, d webhook.Delivery) (bool, error) { return f(ctx, d) }

// An inbox that never returns, whatever its context says: the sender is
// answered in time, and what hangs is bounded.
func TestHandlerInboxHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var calls int
		hangs := inboxFunc(func(context.Context, webhook.Delivery) (bool, error) {
			calls++
			<-release
			return false, nil
		})
		handler, err := webhook.NewHandler(hangs, webhook.Secrets{Current: secret}, &webhook.Options{MaxPending: 2})
		require.NoError(t, err)
		transport := webhooktest.InProcess(handler)
		post := func(n int) (status int, took time.Duration) {
			d := sale()
			d.WebhookID = strconv.Itoa(n)
			r, err := webhooktest.NewRequest(t.Context(), "http://example.com/", d, secret)
			require.NoError(t, err)
			began := time.Now()
			resp, err := transport.RoundTrip(r)
			require.NoError(t, err)
			assert.NotEmpty(t, resp.Header.Get("Retry-After"))
			return resp.StatusCode, time.Since(began)
		}
		for n := range 2 {
			status, took := post(n)
			assert.Equal(t, http.StatusServiceUnavailable, status)
			assert.Equal(t, 3100*time.Millisecond, took, "well within the 5 s of Shopify")
		}
		status, took := post(3)
		assert.Equal(t, http.StatusServiceUnavailable, status)
		assert.Zero(t, took, "at once: there is no place left")
		assert.Equal(t, 2, calls)
		close(release)
		synctest.Wait()
		r, err := webhooktest.NewRequest(t.Context(), "http://example.com/", sale(), secret)
		require.NoError(t, err)
		resp, err := transport.RoundTrip(r)
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, resp.StatusCode, "the places are free again")
	})
}

// slow keeps a delivery only if it has the time.
type slow struct{}

func (slow) Accept(ctx context.Context, _ webhook.Delivery) (bool, error) {
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-time.After(time.Minute):
		return false, nil
	}
}

// An inbox that ends with its context says so itself.
func TestHandlerInboxHeedsItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		handler, err := webhook.NewHandler(slow{}, webhook.Secrets{Current: secret}, &webhook.Options{Timeout: time.Second, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		require.NoError(t, err)
		r, err := webhooktest.NewRequest(t.Context(), "http://example.com/", sale(), secret)
		require.NoError(t, err)
		began := time.Now()
		resp, err := webhooktest.InProcess(handler).RoundTrip(r)
		require.NoError(t, err)
		assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
		assert.Equal(t, time.Second, time.Since(began))
		assert.Contains(t, log.String(), `error="context deadline exceeded"`)
	})
}

// What arrived is kept although the sender has gone.
func TestHandlerSenderHangsUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	box := new(memory)
	handler, err := webhook.NewHandler(inboxFunc(func(inner context.Context, d webhook.Delivery) (bool, error) {
		cancel()
		assert.NoError(t, inner.Err())
		return box.Accept(inner, d)
	}), webhook.Secrets{Current: secret}, nil)
	require.NoError(t, err)
	r, err := webhooktest.NewRequest(ctx, "http://example.com/", sale(), secret)
	require.NoError(t, err)
	resp, err := webhooktest.InProcess(handler).RoundTrip(r)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Len(t, box.got, 1)
}

func TestHandlerInboxPanics(t *testing.T) {
	url := serve(t, inboxFunc(func(context.Context, webhook.Delivery) (bool, error) { panic("no such table") }), webhook.Secrets{Current: secret}, nil)
	status, header, text := send(t, request(t, url, sale()))
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.NotEmpty(t, header.Get("Retry-After"))
	assert.NotContains(t, text, "table")
}
