package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/posai-go/posai/shopify"
)

// call is one request on its way, through all its attempts.
type call struct {
	client            *Client
	method, path, url string
	body              []byte
	into              any

	token   string
	renewed bool          // token is one in place of a refused one
	arrived bool          // an attempt may have taken effect, and no answer told
	waited  time.Duration // so far
	first   time.Time     // when it was sent for the first time
	last    time.Time
	sent    int
}

// lost is an attempt that may have taken effect.
type lost struct{ err error }

func (e *lost) Error() string { return e.err.Error() }
func (e *lost) Unwrap() error { return e.err }

func (k *call) run(ctx context.Context) (*Response, error) {
	for retries := 0; ; retries++ {
		resp, pause, err := k.attempt(ctx)
		if err == nil {
			return resp, nil
		}
		again := k.again(resp, err)
		if again && pause == 0 {
			pause = k.backoff(retries)
		}
		if !again || retries >= k.client.opts.MaxRetries || k.waited+pause > k.client.opts.MaxWait || tooLate(ctx, pause) {
			return resp, k.verdict(resp, err)
		}
		if err := sleep(ctx, pause); err != nil {
			return resp, k.verdict(resp, err)
		}
		k.waited += pause
	}
}

// again reports whether an attempt that failed may be repeated.
func (k *call) again(resp *Response, err error) bool {
	if _, ok := errors.AsType[*lost](err); ok {
		k.arrived = true
		return k.method != http.MethodPost
	}
	if resp == nil {
		_, transport := errors.AsType[*transportError](err)
		return transport // nothing was sent
	}
	return resp.Status == http.StatusTooManyRequests
}

// verdict makes the error that the caller sees.
func (k *call) verdict(resp *Response, err error) error {
	if l, ok := err.(*lost); ok { //nolint:errorlint // it is ours, unwrapped
		err = l.err
	}
	switch {
	case k.method == http.MethodDelete && k.arrived && errors.Is(err, shopify.ErrNotFound):
		return nil // an earlier attempt deleted it
	case k.method == http.MethodGet || !k.arrived:
		return err
	}
	ou := &shopify.OutcomeUnknownError{
		Operation: k.method + " " + k.path, Safety: shopify.SafetyIdempotent, Variables: k.body, Attempts: k.sent, FirstSent: k.first, LastSent: k.last, Err: err,
	}
	if k.method == http.MethodPost {
		ou.Safety = shopify.SafetyUnsafe
	}
	if resp != nil {
		ou.RequestID = resp.RequestID
	}
	return ou
}

// attempt sends the request once; pause is what the answer asks to wait before the next.
func (k *call) attempt(ctx context.Context) (resp *Response, pause time.Duration, err error) {
	if err := k.takeToken(ctx); err != nil {
		return nil, 0, err
	}
	var asked, connected atomic.Bool // for a connection
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { asked.Store(true) }, GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	req, err := http.NewRequestWithContext(traced, k.method, k.url, bytes.NewReader(k.body))
	if err != nil {
		return nil, 0, fmt.Errorf("rest: %w: request", shopify.ErrInvalid)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "posai-go")
	req.Header.Set("X-Shopify-Access-Token", k.token)
	if k.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	start := time.Now()
	place, err := k.client.bucket.take(ctx, k.client.opts.MaxWait-k.waited)
	k.waited += time.Since(start)
	if err != nil {
		return nil, 0, fmt.Errorf("rest: %s %s: %w", k.method, k.path, err)
	}
	k.last = time.Now()
	if k.first.IsZero() {
		k.first = k.last
	}
	k.sent++
	answer, err := k.client.http.Do(req)
	if err != nil {
		err = &transportError{k.method + " " + k.path, withoutURL(err)}
		// A transport that tells of no connection may be one of another kind.
		if connected.Load() || !asked.Load() && !dialing(err) {
			place.lost()
			return nil, 0, &lost{err}
		}
		place.giveBack()
		return nil, 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	resp = k.client.read(ctx, answer)
	place.answered(resp.Status, resp.CallLimit)
	limit := k.client.opts.MaxResponse
	body, err := io.ReadAll(io.LimitReader(answer.Body, limit+1))
	switch {
	case err != nil:
		return resp, retryAfter(answer.Header.Get("Retry-After")), &lost{&transportError{k.method + " " + k.path, err}}
	case int64(len(body)) > limit:
		k.arrived = true
		return resp, 0, fmt.Errorf("rest: %s %s: %w", k.method, k.path, shopify.ErrTooLarge)
	}
	return k.judge(ctx, resp, answer.Header.Get("Retry-After"), body)
}

// judge sorts an answer.
func (k *call) judge(ctx context.Context, resp *Response, after string, body []byte) (*Response, time.Duration, error) {
	if resp.Status >= 200 && resp.Status < 300 {
		if k.into == nil || len(body) == 0 {
			return resp, 0, nil
		}
		if json.Unmarshal(body, k.into) == nil {
			return resp, 0, nil
		}
		if !json.Valid(body) {
			return resp, 0, &lost{fmt.Errorf("rest: %s %s: the answer is not JSON", k.method, k.path)}
		}
		k.arrived = false // it arrived and is answered for
		return resp, 0, fmt.Errorf("rest: %s %s: the answer does not fit %T", k.method, k.path, k.into)
	}
	err := newError(k.method, k.path, resp, body)
	switch {
	case resp.Status == http.StatusUnauthorized && k.renew(ctx):
		return k.attempt(ctx)
	case resp.Status >= 500, resp.Status == http.StatusRequestTimeout:
		return resp, retryAfter(after), &lost{err}
	}
	return resp, retryAfter(after), err
}

func (k *call) takeToken(ctx context.Context) error {
	if k.renewed {
		return nil
	}
	var err error
	if k.token, err = k.client.tokens.Token(ctx); err != nil {
		return fmt.Errorf("rest: access token: %w", err)
	}
	if k.token == "" {
		return fmt.Errorf("rest: %w: the token source gave an empty token", shopify.ErrUnauthorized)
	}
	return nil
}

// renew gets another token in place of the refused one, once. The request did not run.
func (k *call) renew(ctx context.Context) bool {
	source, ok := k.client.tokens.(shopify.FreshTokenSource)
	if !ok || k.renewed {
		return false
	}
	k.renewed = true
	token, err := source.FreshToken(ctx, k.token)
	if err != nil || token == "" || token == k.token {
		return false
	}
	k.token = token
	return true
}

// read reads an answer's headers.
func (c *Client) read(ctx context.Context, answer *http.Response) *Response {
	h := answer.Header
	r := &Response{
		Status: answer.StatusCode, RequestID: h.Get("X-Request-Id"), APIVersion: h.Get("X-Shopify-API-Version"), DeprecatedReason: h.Get("X-Shopify-API-Deprecated-Reason"),
	}
	r.CallLimit, _ = ParseCallLimit(h.Get("X-Shopify-Shop-Api-Call-Limit"))
	r.Next, r.Previous = ParseLink(h.Values("Link"))
	if r.DeprecatedReason != "" {
		c.opts.Logger.LogAttrs(ctx, slog.LevelWarn, "rest: deprecated use", slog.String("reason", r.DeprecatedReason))
	}
	if r.APIVersion != "" && r.APIVersion != c.opts.Version {
		c.opts.Logger.LogAttrs(ctx, slog.LevelWarn, "rest: another API version answers than was asked for", slog.String("asked", c.opts.Version), slog.String("answered", r.APIVersion))
	}
	return r
}

// transportError is a request that failed below HTTP.
type transportError struct {
	what string
	err  error
}

func (e *transportError) Error() string { return "rest: " + e.what + ": " + e.err.Error() }
func (e *transportError) Unwrap() error { return e.err }

func withoutURL(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		return ue.Err
	}
	return err
}

// dialing reports whether a request failed before there was a connection.
func dialing(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	_, dns := errors.AsType[*net.DNSError](err)
	return dns
}

func (k *call) backoff(n int) time.Duration {
	o := &k.client.opts
	pause := min(o.MaxBackoff, o.MinBackoff<<min(n, 16))
	return pause/2 + rand.N(pause/2+1)
}

func tooLate(ctx context.Context, pause time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && time.Now().Add(pause).After(deadline)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// retryAfter reads the header Retry-After, which is in seconds, with a fraction.
func retryAfter(header string) time.Duration {
	s, err := strconv.ParseFloat(header, 64)
	if err != nil || !(s > 0) || math.IsInf(s, 0) {
		return 0
	}
	return time.Duration(min(s, 24*60*60) * float64(time.Second))
}
