package shopify

import (
	"context"
	"slices"
	"time"
)

// Hooks are functions that a client calls as it works: for traces, metrics and
// access logs. All are optional. They get neither tokens nor bodies nor query
// texts. They run in the goroutine of the call, which waits for them, and may
// be called from many goroutines at once.
type Hooks struct {
	// Start is called when a call begins. It returns the context for the rest
	// of the call, which the other hooks and the HTTP client see too; nil is
	// the same as ctx.
	Start func(ctx context.Context, start CallStart) context.Context
	// Attempt is called after each attempt, with what is to happen next.
	Attempt func(ctx context.Context, attempt Attempt)
	// End is called once per call, after Protected, with what the caller gets.
	End func(ctx context.Context, end CallEnd)
	// Protected is called before the caller gets a response that carries
	// customers' personal data: with the fields, not the values. If it fails,
	// the caller does not get the data but an error that matches
	// [ErrWithheld], so that no access goes unlogged; what a mutation did is
	// done. See [Protected] for what is known.
	Protected func(ctx context.Context, access ProtectedAccess) error
}

// CallStart is a call that begins.
type CallStart struct {
	Shop      Domain
	Operation Operation
	Lane      Lane
	// ExpectedCost is what the call will probably cost, in points.
	ExpectedCost float64
}

// Attempt is one request of a call, and what came of it.
type Attempt struct {
	Shop      Domain
	Operation Operation
	// Number counts from 1.
	Number int
	// Status is the HTTP status; 0 if no answer came.
	Status    int
	RequestID string
	// Cost is the answer's; its numbers are 0 if it held none.
	Cost Cost
	// Waited is the time that the attempt waited for query-cost points.
	Waited time.Duration
	// Duration is the time from sending to the end of the answer.
	Duration time.Duration
	// Err is why the attempt failed, or nil.
	Err error
	// Again says that the request will be sent again, after Pause and after a
	// wait for points.
	Again bool
	Pause time.Duration
}

// CallEnd is a call that ends.
type CallEnd struct {
	Shop Domain
	Lane Lane
	// Info is what the answer says, and what the call took: operation, status,
	// cost, attempts, waits.
	Info Info
	// Duration is the time of the whole call, waits included.
	Duration time.Duration
	// Err is what the caller gets, or nil.
	Err error
}

// started tells the hooks that the call begins.
func (k *call) started(ctx context.Context) context.Context {
	start := CallStart{Shop: k.client.shared.shop, Operation: k.op, Lane: k.lane}
	for i, h := range k.client.shared.opts.Hooks {
		if h.Start == nil {
			continue
		}
		if i == 0 || start.ExpectedCost == 0 {
			start.ExpectedCost = k.client.shared.bucket.expect(k.costKey)
		}
		if c := h.Start(ctx, start); c != nil {
			ctx = c
		}
	}
	return ctx
}

// attempted tells the hooks what came of an attempt.
func (k *call) attempted(ctx context.Context, err error, again bool) {
	if k.sentAt.IsZero() { // it was never sent
		return
	}
	hooks := k.client.shared.opts.Hooks
	if len(hooks) == 0 {
		return
	}
	a := Attempt{
		Shop: k.client.shared.shop, Operation: k.op, Number: k.info.Attempts, Status: k.info.Status, RequestID: k.info.RequestID,
		Cost: k.info.Cost, Waited: k.queued, Duration: time.Since(k.sentAt), Err: err, Again: again,
	}
	if again {
		a.Pause = k.pause
	}
	for _, h := range hooks {
		if h.Attempt != nil {
			h.Attempt(ctx, a)
		}
	}
}

// ended tells the hooks that the call ends, the last one first.
func (k *call) ended(ctx context.Context, err error) {
	hooks := k.client.shared.opts.Hooks
	if len(hooks) == 0 {
		return
	}
	end := CallEnd{Shop: k.client.shared.shop, Lane: k.lane, Info: k.info, Duration: time.Since(k.start), Err: err}
	for _, h := range slices.Backward(hooks) {
		if h.End != nil {
			h.End(ctx, end)
		}
	}
}
