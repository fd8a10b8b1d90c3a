package aitest

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
)

// secret is in the error bodies with which the suite answers. It must come out
// of no adapter.
const secret = "sk-test-SECRET-of-the-server"

// faultChecks are about calls that fail.
var faultChecks = []check{
	{
		name: "errors by status",
		rule: "each kind of failure has its class and says status and request ID, but nothing of the body",
		wire: true,
		run: func(t *testing.T, s Suite) {
			for _, c := range []struct {
				status int
				want   error
				retry  bool
			}{
				{http.StatusBadRequest, ai.ErrInvalidRequest, false},
				{http.StatusUnauthorized, ai.ErrAuth, false},
				{http.StatusPaymentRequired, ai.ErrQuota, false},
				{http.StatusForbidden, ai.ErrPermission, false},
				{http.StatusNotFound, ai.ErrNotFound, false},
				{http.StatusRequestTimeout, ai.ErrTimeout, true},
				{http.StatusUnprocessableEntity, ai.ErrInvalidRequest, false},
				{http.StatusTooManyRequests, ai.ErrRateLimited, true},
				{http.StatusInternalServerError, ai.ErrUnavailable, true},
				{http.StatusBadGateway, ai.ErrUnavailable, true},
				{http.StatusServiceUnavailable, ai.ErrOverloaded, true},
				{http.StatusGatewayTimeout, ai.ErrUnavailable, true},
				{529, ai.ErrOverloaded, true},
			} {
				for _, body := range []string{
					`{"error":{"message":"` + secret + `","type":"some_error","code":null}}`,
					"<!DOCTYPE html><title>" + secret + "</title>",
					"",
				} {
					reply := Reply{Wire: Wire{Status: c.status, Body: body}}
					if body == "" {
						reply.Wire.Code = "some_error"
					}
					checkFailure(t, s, reply, func(t *testing.T, err error) {
						require.ErrorIs(t, err, c.want, "status %d", c.status)
						assert.Equal(t, c.retry, ai.Retryable(err), "Retryable for status %d", c.status)
						e, ok := errors.AsType[*ai.Error](err)
						require.True(t, ok, "%T", err)
						assert.Equal(t, c.status, e.Status)
						assert.Equal(t, "req-1", e.RequestID)
						assert.NotEmpty(t, e.Provider)
					})
				}
			}
		},
	},
	{
		name: "retry after",
		rule: "the wait that the provider asks for is told, whatever the format",
		wire: true,
		run: func(t *testing.T, s Suite) {
			for _, c := range []struct {
				name, value string
				least, most time.Duration
			}{
				{"Retry-After-Ms", "1500", 1500 * time.Millisecond, 1500 * time.Millisecond},
				{"Retry-After", "2", 2 * time.Second, 2 * time.Second},
				{"Retry-After", "0.5", 500 * time.Millisecond, 500 * time.Millisecond},
				{"Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), 50 * time.Minute, time.Hour},
				{"Retry-After", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat), 0, 0},
				{"Retry-After", "soon", 0, 0},
				{"Retry-After", "-3", 0, 0},
				{"Retry-After", "NaN", 0, 0},
				{"Retry-After", "1e300", time.Hour, 1 << 62},
			} {
				reply := Reply{Wire: Wire{Status: http.StatusTooManyRequests, Header: http.Header{c.name: {c.value}}}}
				checkFailure(t, s, reply, func(t *testing.T, err error) {
					e, ok := errors.AsType[*ai.Error](err)
					require.True(t, ok, "%T", err)
					assert.GreaterOrEqual(t, e.RetryAfter, c.least, "%s: %s", c.name, c.value)
					assert.LessOrEqual(t, e.RetryAfter, c.most, "%s: %s", c.name, c.value)
				})
			}
		},
	},
	{
		name: "page instead of reply",
		rule: "a success that is a page of some gateway is a malformed reply",
		wire: true,
		run: func(t *testing.T, s Suite) {
			for _, contentType := range []string{"text/html; charset=utf-8", "application/json", "text/event-stream", "text/plain"} {
				reply := Reply{Wire: Wire{
					Status: http.StatusOK, Body: "<html><body>" + secret + "</body></html>",
					Header: http.Header{"Content-Type": {contentType}},
				}}
				checkFailure(t, s, reply, func(t *testing.T, err error) {
					// A stream without a single event may as well have ended too early.
					assert.True(t, errors.Is(err, ai.ErrMalformedReply) || errors.Is(err, ai.ErrTransport), "%s: %v", contentType, err)
				})
			}
		},
	},
	{
		name: "cut before the first event",
		rule: "a connection that breaks before anything was delivered is a transport error to be retried",
		run: func(t *testing.T, s Suite) {
			text, resp, err := drain(t, s.New(t, Reply{Text: "never seen", CutAfter: -1}))
			assert.Empty(t, text)
			assert.Nil(t, resp)
			require.ErrorIs(t, err, ai.ErrTransport)
			assert.True(t, ai.Retryable(err))
		},
	},
	{
		name: "cut after an event",
		rule: "a stream that breaks later is a PartialError with what came, never a reply, and not to be retried",
		run: func(t *testing.T, s Suite) {
			text, resp, err := drain(t, s.New(t, Reply{Text: "one two three four", CutAfter: 2}))
			assert.Equal(t, "one two ", text)
			assert.Nil(t, resp, "a cut stream must not be a reply")
			require.ErrorIs(t, err, ai.ErrTransport)
			partial, ok := errors.AsType[*ai.PartialError](err)
			require.True(t, ok, "%T", err)
			assert.Equal(t, text, partial.Response.Text())
			assert.False(t, ai.Retryable(err))
			assert.NotContains(t, err.Error(), "one two") // "two" alone is in "network"
		},
	},
	{
		name: "error event",
		rule: "an error inside of a stream has its class, before and after the first event",
		wire: true,
		run: func(t *testing.T, s Suite) {
			for _, c := range []struct {
				code  string
				after int
				want  error
			}{
				{"server_error", 0, ai.ErrUnavailable},
				{"server_error", 2, ai.ErrUnavailable},
				{"rate_limit_exceeded", 2, ai.ErrRateLimited},
				{"insufficient_quota", 0, ai.ErrQuota},
			} {
				_, resp, err := drain(t, s.New(t, Reply{Text: "one two three", CutAfter: c.after, Wire: Wire{ErrorEvent: c.code}}))
				assert.Nil(t, resp)
				require.ErrorIs(t, err, c.want, "%s after %d", c.code, c.after)
			}
		},
	},
	{
		name: "unreadable event",
		rule: "an event that is not JSON is a malformed reply whose text is not told",
		wire: true,
		run: func(t *testing.T, s Suite) {
			reply := Reply{Wire: Wire{
				Status: http.StatusOK, Body: "event: response.created\ndata: {\"choices\":[{ " + secret + "\n\n",
				Header: http.Header{"Content-Type": {"text/event-stream"}},
			}}
			_, resp, err := drain(t, s.New(t, reply))
			assert.Nil(t, resp)
			require.ErrorIs(t, err, ai.ErrMalformedReply)
			assert.NotContains(t, err.Error(), secret)
		},
	},
}

// checkFailure makes a call that must fail, generated and streamed.
func checkFailure(t *testing.T, s Suite, reply Reply, check func(*testing.T, error)) {
	t.Helper()
	resp, err := s.New(t, reply).Generate(limit(t), ask())
	require.Error(t, err)
	assert.Nil(t, resp)
	assert.NotContains(t, err.Error(), secret)
	check(t, err)

	_, resp, err = drain(t, s.New(t, reply))
	require.Error(t, err)
	assert.Nil(t, resp)
	assert.NotContains(t, err.Error(), secret)
	check(t, err)
}
