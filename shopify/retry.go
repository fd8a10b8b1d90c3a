package shopify

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// lostError is an attempt that may have taken effect: its answer did not come,
// or says that Shopify failed on the way.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// throttledAnswer is an attempt that did not run for lack of points.
type throttledAnswer struct{ err *ResponseError }

func (e *throttledAnswer) Error() string { return e.err.Error() }
func (e *throttledAnswer) Unwrap() error { return e.err }

// refusedToken is an attempt whose access token Shopify does not know: it did
// not run.
type refusedToken struct{ err *ResponseError }

func (e *refusedToken) Error() string { return e.err.Error() }
func (e *refusedToken) Unwrap() error { return e.err }

// busyKeyError is a keyed mutation that another request with the same key is
// running.
type busyKeyError struct{}

func (*busyKeyError) Error() string {
	return "another request with the same idempotency key is running"
}

// failedError is an attempt whose failure stands.
type failedError struct {
	err        error
	mayHaveRun bool
}

func (e *failedError) Error() string { return e.err.Error() }
func (e *failedError) Unwrap() error { return e.err }

// judge sorts an answer: nil if it is to be delivered.
func (k *call) judge(status int, a *answer) error {
	if status == http.StatusOK && len(a.errors) == 0 {
		if k.op.Safety == SafetyKeyed && a.keyBusy() {
			return &busyKeyError{}
		}
		return nil
	}
	err := k.responseError(a)
	switch {
	case err.Is(ErrThrottled):
		return &throttledAnswer{err}
	case status >= 500, status == http.StatusRequestTimeout:
		return &lostError{err}
	case status == http.StatusUnauthorized && k.freshSource() != nil:
		return &refusedToken{err}
	case status != http.StatusOK:
		return &failedError{err: err}
	case a.brokeDown(k.op):
		return &lostError{err}
	}
	return nil
}

// decide is the policy: whether to send again after err.
func (k *call) decide(ctx context.Context, _ *http.Response, err error) (bool, error) {
	if err == nil {
		if k.answer != nil { // else receive looks at it next
			k.attempted(ctx, nil, false)
		}
		return false, nil
	}
	again, failure := k.decideFailed(ctx, err)
	k.attempted(ctx, cmp.Or(failure, err), again)
	return again, failure
}

func (k *call) decideFailed(ctx context.Context, err error) (bool, error) {
	// An answer with a cost has settled itself.
	k.settle(ctx, PointUse{Unused: k.unused(err)})
	again := false
	switch e := err.(type) { //nolint:errorlint // these are ours, unwrapped
	case *failedError:
		k.arrived = k.arrived || e.mayHaveRun
	case *throttledAnswer:
		return k.decideThrottled(ctx, e)
	case *refusedToken:
		return k.decideRefused(ctx, e)
	case *busyKeyError:
		again = true
	case *lostError:
		k.arrived = true
		again = k.op.Safety.Repeatable()
	default: // of the transport
		sent := k.sent(err)
		k.arrived = k.arrived || sent
		again = !sent || k.op.Safety.Repeatable()
		err = &transportError{k.op.Name, withoutURL(err)}
	}
	if !again || ctx.Err() != nil || k.retries >= k.client.shared.opts.MaxRetries {
		return false, err
	}
	k.retries++
	if k.pause == 0 {
		k.pause = k.backoff(k.retries)
	}
	// A server that asks for a longer pause than a call may wait is not asked
	// again.
	if k.pause > max(k.client.shared.opts.MaxWait, k.client.shared.opts.MaxBackoff) || tooLate(ctx, k.pause) {
		return false, err
	}
	k.spread(ctx)
	k.info.Waited += k.pause
	return true, nil
}

// maxSpread is the longest by which a pause that Shopify asked for is prolonged.
const maxSpread = 2 * time.Second

// spread prolongs a pause that Shopify asked for, by up to a fifth, if the
// context leaves the time: all that wait were told the same, and would come back
// in one moment.
func (k *call) spread(ctx context.Context) {
	if !k.told {
		return
	}
	more := min(k.pause/5, maxSpread)
	if deadline, ok := ctx.Deadline(); ok {
		more = min(more, time.Until(deadline)-k.pause)
	}
	if more > 0 {
		k.pause += rand.N(more)
	}
}

// unused reports whether a failed attempt surely took no points: it never left,
// or was refused before it ran. What Shopify throttled took none either, but the
// bucket holds less than was believed: where the answer does not say how much,
// what was to be taken counts as taken.
func (k *call) unused(err error) bool {
	switch e := err.(type) { //nolint:errorlint // these are ours, unwrapped
	case *failedError:
		return !e.mayHaveRun
	case *refusedToken:
		return true
	case *throttledAnswer, *busyKeyError, *lostError:
		return false
	}
	return !k.sent(err)
}

// freshSource returns the token source if it may be asked for another token than
// that of the attempt under way.
func (k *call) freshSource() FreshTokenSource {
	if k.renewed {
		return nil
	}
	source, _ := k.client.shared.tokens.(FreshTokenSource)
	return source
}

// decideRefused sends again with another token, once per call. It is no retry in
// the sense of MaxRetries: nothing failed but the token.
func (k *call) decideRefused(ctx context.Context, e *refusedToken) (bool, error) {
	source := k.freshSource()
	k.renewed = true
	token, err := source.FreshToken(ctx, k.token)
	if err != nil {
		return false, &freshTokenError{k.op.Name, e.err, err}
	}
	if token == "" || token == k.token {
		return false, e.err
	}
	k.token, k.pause = token, 0
	return true, nil
}

// maxThrottles bounds how many times one call is throttled; MaxWait ends it
// long before.
const maxThrottles = 100

// decideThrottled sends again as long as the waits stay within MaxWait. The
// wait itself is prepare's, in the queue of the bucket; only if the bucket
// knows no better there is a pause.
func (k *call) decideThrottled(ctx context.Context, e *throttledAnswer) (bool, error) {
	k.throttles++
	k.info.Throttled++
	known := k.info.Cost.Throttle.RestoreRate > 0 && k.info.Cost.Throttle.CurrentlyAvailable < k.info.Cost.Requested
	least := time.Duration(0) // that it takes, pause and queue together
	switch {
	case k.pause > 0:
	case !known:
		k.pause = k.backoff(k.throttles)
	default:
		// Somebody else draws on the bucket too, and was told the same: who
		// comes back at the same time is refused again.
		refill := k.info.Cost.Requested / k.info.Cost.Throttle.RestoreRate
		k.pause = time.Duration(rand.Float64() * float64(min(k.throttles, 4)) * refill * float64(time.Second))
		lacking := k.info.Cost.Requested - k.info.Cost.Throttle.CurrentlyAvailable
		least = time.Duration(lacking / k.info.Cost.Throttle.RestoreRate * float64(time.Second))
	}
	least = max(least, k.pause)
	fail := &ThrottledError{Operation: k.op.Name, Wait: least, Cost: k.info.Cost.Requested, cause: e.err}
	if k.throttles > maxThrottles || k.wait+least > k.client.shared.opts.MaxWait {
		return false, fail
	}
	if tooLate(ctx, least) {
		fail.cause = errors.Join(context.DeadlineExceeded, e.err)
		return false, fail
	}
	k.spread(ctx)
	k.wait += k.pause
	return true, nil
}

// freshTokenError is a refused token and why there is no other. It matches what
// both do.
type freshTokenError struct {
	operation      string
	refused, fresh error
}

func (e *freshTokenError) Error() string {
	return "shopify: " + e.operation + ": access token: " + e.fresh.Error() + ", and Shopify refused the old one"
}

func (e *freshTokenError) Unwrap() []error { return []error{e.refused, e.fresh} }

// verdict makes the error that the caller sees.
func (k *call) verdict(err error) error {
	if err == nil {
		return nil
	}
	switch e := err.(type) { //nolint:errorlint // these are ours, unwrapped
	case *failedError:
		err = e.err
	case *lostError:
		err = e.err
	case *busyKeyError:
		return nil // the answer stands: its userErrors tell
	}
	if k.arrived && k.op.Kind == Mutation {
		return k.outcomeUnknown(err)
	}
	return err
}

func (k *call) outcomeUnknown(err error) error {
	return &OutcomeUnknownError{
		Operation: k.op.Name, Mutations: slices.Clone(k.op.Fields), Safety: k.op.Safety, Key: k.key,
		IDs: findGIDs(k.variables), Variables: k.variables, Attempts: k.info.Attempts, FirstSent: k.firstSent, LastSent: k.lastSent,
		RequestID: k.answered, Err: err,
	}
}

// findGIDs returns the GIDs in the variables, each once, in their order.
func findGIDs(variables json.RawMessage) []GID {
	var out []GID
	dec := json.NewDecoder(bytes.NewReader(variables))
	for {
		token, err := dec.Token()
		if err != nil {
			return out
		}
		if s, ok := token.(string); ok {
			if g, err := ParseGID(s); err == nil && !slices.Contains(out, g) && len(out) < maxSecrets {
				out = append(out, g)
			}
		}
	}
}

// sent reports whether a request that failed in the transport may have reached
// Shopify. Only a request that got no connection surely has not.
func (k *call) sent(err error) bool {
	if k.trace.asked.Load() {
		return k.trace.got.Load()
	}
	// A transport that does not trace.
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return false
	}
	_, dns := errors.AsType[*net.DNSError](err)
	return !dns
}

// backoff returns the pause before the n-th repetition, from 1.
func (k *call) backoff(n int) time.Duration {
	o := &k.client.shared.opts
	pause := o.MaxBackoff
	if n < 16 {
		pause = min(o.MaxBackoff, o.MinBackoff<<(n-1))
	}
	return pause/2 + rand.N(pause/2+1)
}

// tooLate reports whether the context's deadline comes before the pause ends.
func tooLate(ctx context.Context, pause time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Now().Add(pause).After(deadline)
}

// retryAfter reads the header Retry-After: seconds, at Shopify with a fraction,
// or a date.
func retryAfter(header string) (time.Duration, bool) {
	if header == "" {
		return 0, false
	}
	if s, err := strconv.ParseFloat(header, 64); err == nil {
		if s < 0 || math.IsNaN(s) {
			return 0, false
		}
		return time.Duration(min(s, 24*60*60) * float64(time.Second)), true
	}
	if t, err := http.ParseTime(header); err == nil {
		return max(0, time.Until(t)), true
	}
	return 0, false
}

// withoutURL unwraps net/http's error, whose text holds the URL.
func withoutURL(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		return ue.Err
	}
	return err
}
