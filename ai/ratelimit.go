package ai

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// RateLimitOptions are the options of [NewRateLimiter]. One of the two limits at
// least must be given; one that is zero does not limit.
type RateLimitOptions struct {
	// RequestsPerMinute and TokensPerMinute are what the provider allows, or the
	// share of it that this process may take. Input and output tokens count
	// together. As many as a minute's may go at once.
	RequestsPerMinute, TokensPerMinute int

	// MaxWait is the longest that a call waits for its turn. If zero, 30 s; if
	// negative, a call never waits.
	MaxWait time.Duration

	// Estimate returns the tokens that a call will use. When it has ended, what the
	// provider reports counts instead. If nil, a quarter of [InputBound], and the
	// request's MaxOutputTokens or else 1,000.
	Estimate func(*Request) int64
}

// A RateLimiter keeps the calls of a process below a provider's limits. When the
// provider itself says that it is rate limiting and for how long, all calls wait
// that long. It is safe for concurrent use; share one among all models that have
// one limit.
type RateLimiter struct {
	opts             RateLimitOptions
	requests, tokens *rate.Limiter // nil: no such limit

	mu        sync.Mutex
	notBefore time.Time
}

// NewRateLimiter returns a limiter.
func NewRateLimiter(opts RateLimitOptions) (*RateLimiter, error) {
	if opts.RequestsPerMinute < 0 || opts.TokensPerMinute < 0 || opts.RequestsPerMinute+opts.TokensPerMinute == 0 {
		return nil, errors.New("ai: a rate limiter needs a limit of requests or tokens")
	}
	if opts.MaxWait == 0 {
		opts.MaxWait = 30 * time.Second
	}
	if opts.Estimate == nil {
		opts.Estimate = estimateTokens
	}
	l := &RateLimiter{opts: opts}
	if n := opts.RequestsPerMinute; n > 0 {
		l.requests = rate.NewLimiter(rate.Limit(float64(n)/60), n)
	}
	if n := opts.TokensPerMinute; n > 0 {
		l.tokens = rate.NewLimiter(rate.Limit(float64(n)/60), n)
	}
	return l, nil
}

func estimateTokens(r *Request) int64 {
	input, _ := InputBound(r)
	output := int64(r.MaxOutputTokens)
	if output == 0 {
		output = 1000
	}
	return input/4 + output
}

// Middleware puts the limiter in front of a model. It belongs inside of [Retry],
// so that each attempt waits for its turn. A call that would have to wait too long,
// or beyond its context's deadline, fails at once with [ErrRateLimited], and
// RetryAfter says how long.
func (l *RateLimiter) Middleware(m Model) Model { return &rateLimited{Model: m, limiter: l} }

type rateLimited struct {
	Model
	limiter *RateLimiter
}

// wait waits for the turn of a call and returns the tokens that it counts.
func (m *rateLimited) wait(ctx context.Context, req *Request) (tokens int, err error) {
	if err := req.Validate(); err != nil {
		return 0, err
	}
	l := m.limiter
	now := time.Now()
	var requests, ofTokens *rate.Reservation
	l.mu.Lock()
	delay := l.notBefore.Sub(now)
	l.mu.Unlock()
	if l.tokens != nil {
		// A call larger than a minute's tokens goes when all of them are free.
		tokens = int(min(max(l.opts.Estimate(req), 1), int64(l.tokens.Burst())))
	}
	if delay <= 0 && l.atOnce(now, tokens) {
		return tokens, nil
	}
	if l.requests != nil {
		requests = l.requests.ReserveN(now, 1)
		delay = max(delay, requests.DelayFrom(now))
	}
	if l.tokens != nil {
		ofTokens = l.tokens.ReserveN(now, tokens)
		delay = max(delay, ofTokens.DelayFrom(now))
	}
	if delay <= 0 {
		return tokens, nil
	}
	giveBack := func() {
		for _, r := range []*rate.Reservation{requests, ofTokens} {
			if r != nil {
				r.Cancel()
			}
		}
	}
	deadline, limited := ctx.Deadline()
	if delay > l.opts.MaxWait || limited && deadline.Sub(now) <= delay {
		giveBack()
		return 0, &Error{Class: ErrRateLimited, Provider: m.Info().Provider, RetryAfter: delay, Detail: "by this program's own limiter"}
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return tokens, nil
	case <-ctx.Done():
		giveBack()
		return 0, ContextError(m.Info().Provider, ctx.Err())
	}
}

// atOnce lets a call through if it need not wait at all.
func (l *RateLimiter) atOnce(now time.Time, tokens int) bool {
	if l.requests != nil && !l.requests.AllowN(now, 1) {
		return false
	}
	if l.tokens != nil && !l.tokens.AllowN(now, tokens) {
		if l.requests != nil {
			l.requests.ReserveN(now, -1) // a negative number gives back
		}
		return false
	}
	return true
}

// settle counts what a call has really used instead of the estimate.
func (l *RateLimiter) settle(tokens int, u Usage) {
	if l.tokens == nil || u.Missing {
		return
	}
	now := time.Now()
	more := int(min(u.Total(), int64(l.tokens.Burst()))) - tokens
	if more != 0 && !l.tokens.AllowN(now, more) {
		l.tokens.ReserveN(now, more) // a debt
	}
}

// heed makes all calls wait as long as the provider asks.
func (l *RateLimiter) heed(err error) {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.RetryAfter <= 0 || !errors.Is(err, ErrRateLimited) && !errors.Is(err, ErrOverloaded) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := time.Now().Add(e.RetryAfter); at.After(l.notBefore) {
		l.notBefore = at
	}
}

// Generate implements [Model].
func (m *rateLimited) Generate(ctx context.Context, req *Request) (*Response, error) {
	tokens, err := m.wait(ctx, req)
	if err != nil {
		return nil, err
	}
	resp, err := m.Model.Generate(ctx, req)
	if err != nil {
		m.limiter.heed(err)
		return nil, err
	}
	m.limiter.settle(tokens, resp.Usage)
	return resp, nil
}

// Stream implements [Model].
func (m *rateLimited) Stream(ctx context.Context, req *Request) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		tokens, err := m.wait(ctx, req)
		if err != nil {
			yield(nil, err)
			return
		}
		for ev, err := range m.Model.Stream(ctx, req) {
			if err != nil {
				m.limiter.heed(err)
			}
			if done, ok := ev.(Done); ok {
				m.limiter.settle(tokens, done.Response.Usage)
			}
			if !yield(ev, err) || err != nil {
				return
			}
		}
	}
}
