package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/examples/clienteling/internal/profile"
	"github.com/posai-go/posai/examples/clienteling/internal/store"
)

const (
	// batch is how many customers are saved at once: what a composite request of
	// Salesforce takes.
	batch = 200
	// bulkFrom is how many there are to send, as at the first synchronization, for Load to
	// be the way.
	bulkFrom = 1000
	// leaseTime is how long others wait before they take over from a process that died.
	leaseTime = 3 * time.Minute
	// saveTime is the longest that a call to the CRM takes: less than the lease, so that
	// it has ended before another process begins.
	saveTime = 2 * time.Minute
	// refusedFor is how long nothing is tried after the CRM refused.
	refusedFor = 5 * time.Minute
	// lookEvery is how often it is seen whether questions are still open.
	lookEvery = 5 * time.Second
	leaseName = "crm"
)

// ErrNotYet is what [Options].Erased returns while something has to end before.
var ErrNotYet = errors.New("outbox: not yet")

// Options are what an outbox needs.
type Options struct {
	Store *store.Store
	Sink  crm.Sink

	// Profile makes the profile of an entry.
	Profile func(e *book.Entry) profile.Profile

	// Ask asks a person which of the candidates a customer is, and returns the ID of the
	// request. The same key is the same question.
	Ask func(ctx context.Context, customer int64, key string, candidates []crm.Candidate) (string, error)

	// Answered tells what became of a request: whether it still waits, and whether
	// somebody refused to choose.
	Answered func(ctx context.Context, request string) (waiting, refused bool, err error)

	// Erased reports that a customer, or the shop, is erased everywhere. It is called again
	// after an error; [ErrNotYet] is one that is no news.
	Erased func(ctx context.Context, e store.Erasure) error

	// Logger gets what goes wrong, without customers' data.
	Logger *slog.Logger

	// Every is how often it looks for what is due without being woken. If zero, 1 s.
	Every time.Duration
	// Backoff is the wait after a failure, counted from 1. If nil, 1 s doubled each time
	// up to 1 min.
	Backoff func(attempt int) time.Duration
}

// Outbox drains a store's changes into a CRM. Of several processes one does, the others
// take over when it dies.
type Outbox struct {
	Options
	wake   chan struct{}
	looked time.Time // at questions

	mu     sync.Mutex
	status Status
}

// Status is how it goes.
type Status struct {
	Holding bool // this process is the one that drains
	// Refused is set while the CRM refuses, for people to see what to set up.
	Refused string
	// Failing is the last failure that kept everything from being tried.
	Failing string
	Paused  time.Time // until when nothing is tried
	Saved   int       // outcomes, by this process
}

// New returns an outbox. Run runs it.
func New(opts Options) *Outbox {
	if opts.Every == 0 {
		opts.Every = time.Second
	}
	if opts.Backoff == nil {
		opts.Backoff = func(attempt int) time.Duration {
			return min(time.Second<<min(attempt-1, 6), time.Minute)
		}
	}
	return &Outbox{Options: opts, wake: make(chan struct{}, 1)}
}

// Wake says that something may be due.
func (o *Outbox) Wake() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// Status returns how it goes.
func (o *Outbox) Status() Status {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.status
}

func (o *Outbox) set(fn func(*Status)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	fn(&o.status)
}

// Run drains until ctx ends.
func (o *Outbox) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := o.hold(ctx); err != nil && ctx.Err() == nil {
			o.Logger.Warn("the way to the CRM is interrupted", "error", err)
		}
		o.set(func(s *Status) { s.Holding = false })
		o.sleep(ctx, o.Every)
	}
}

// hold drains as long as this process has the lease.
func (o *Outbox) hold(ctx context.Context) (err error) {
	lease, ok, err := o.Store.Acquire(ctx, leaseName, leaseTime)
	if err != nil || !ok {
		return err
	}
	o.set(func(s *Status) { s.Holding = true })
	ctx, cancel := context.WithCancelCause(ctx)
	var keeping sync.WaitGroup
	defer func() {
		cancel(nil)
		keeping.Wait()
		err = errors.Join(err, o.Store.Release(context.WithoutCancel(ctx), lease))
	}()
	keeping.Go(func() {
		for ctx.Err() == nil {
			o.sleepQuietly(ctx, leaseTime/6)
			// Who cannot prolong it in time stops before others begin.
			renew, done := context.WithTimeout(ctx, leaseTime/6)
			if err := o.Store.Renew(renew, lease, leaseTime); err != nil && ctx.Err() == nil {
				cancel(err)
			}
			done()
		}
	})
	failures := 0
	for {
		more, err := o.round(ctx, lease)
		if cause := context.Cause(ctx); ctx.Err() != nil {
			if errors.Is(cause, context.Canceled) {
				return nil
			}
			return cause
		}
		switch {
		case errors.Is(err, store.ErrLeaseLost):
			return err
		case err != nil:
			failures++
			o.pause(err, failures)
		default:
			failures = 0
			o.set(func(s *Status) { s.Refused, s.Failing, s.Paused = "", "", time.Time{} })
		}
		switch {
		case failures > 0:
			o.sleepQuietly(ctx, time.Until(o.Status().Paused))
		case !more:
			o.sleep(ctx, o.Every)
		}
	}
}

// pause decides when to try again after a failure of everything.
func (o *Outbox) pause(err error, failures int) {
	d := o.Backoff(failures)
	text := "the CRM does not answer"
	limit, isLimit := errors.AsType[*crm.LimitError](err)
	switch {
	case errors.Is(err, crm.ErrRefused):
		d, text = refusedFor, "the CRM refuses: "+err.Error()
	case isLimit:
		d, text = max(limit.RetryAfter, d), "an allowance of the CRM is used up: "+limit.Limit
	case errors.Is(err, crm.ErrLimit):
		d, text = max(time.Minute, d), "an allowance of the CRM is used up"
	case !errors.Is(err, crm.ErrUnavailable):
		text = err.Error()
	}
	o.Logger.Warn("nothing reaches the CRM", "sink", o.Sink.Name(), "why", text, "again_in", d)
	o.set(func(s *Status) {
		s.Paused, s.Failing, s.Refused = time.Now().Add(d), text, ""
		if errors.Is(err, crm.ErrRefused) {
			s.Refused = text
		}
	})
}

// round does what is due once, and reports whether there may be more.
func (o *Outbox) round(ctx context.Context, lease *store.Lease) (more bool, err error) {
	forgotten, err := o.forget(ctx, lease)
	if err != nil {
		return false, err
	}
	saving, err := o.save(ctx, lease)
	if err != nil {
		return false, err
	}
	if err := o.ask(ctx); err != nil {
		return false, err
	}
	return forgotten == batch || saving, nil
}

// forget has the CRM forget who is gone, and reports those whose erasure was asked for.
func (o *Outbox) forget(ctx context.Context, lease *store.Lease) (int, error) {
	due, err := o.Store.Forgets(ctx, batch)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	keys := make([]string, len(due))
	for i, f := range due {
		keys[i] = f.Key
	}
	outcomes, failed := o.call(ctx, len(keys), func(ctx context.Context) ([]crm.Outcome, error) { return o.Sink.Forget(ctx, keys) })
	for i, f := range due {
		out := outcomes[i]
		if out.State == crm.Deleted {
			if err := o.reported(ctx, lease, f); err != nil {
				return 0, errors.Join(failed, err)
			}
			continue
		}
		if failed != nil && out.State == crm.Retry {
			continue // it was not tried
		}
		if err := o.Store.ForgetLater(ctx, lease, f, reason(out), time.Now().Add(o.Backoff(f.Attempts+1))); err != nil {
			return 0, errors.Join(failed, err)
		}
	}
	return len(due), failed
}

// reported tells who waits for it that a customer is forgotten. If that fails, the CRM
// is asked to forget them again, which does nothing.
func (o *Outbox) reported(ctx context.Context, lease *store.Lease, f store.Forget) error {
	if f.Erasure != nil {
		if err := o.Erased(ctx, *f.Erasure); err != nil {
			if !errors.Is(err, ErrNotYet) {
				o.Logger.Warn("an erasure could not be reported", "error", err)
			}
			return o.Store.ForgetLater(ctx, lease, f, "not reported yet", time.Now().Add(o.Backoff(f.Attempts+1)))
		}
	}
	return o.Store.Forgotten(ctx, lease, f)
}

// call calls the CRM within its time. What it must keep it keeps: an outcome for each.
func (o *Outbox) call(ctx context.Context, n int, fn func(context.Context) ([]crm.Outcome, error)) ([]crm.Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, saveTime)
	defer cancel()
	outcomes, err := fn(ctx)
	if err == nil && len(outcomes) != n {
		err = fmt.Errorf("outbox: %s answered about %d of %d", o.Sink.Name(), len(outcomes), n)
	}
	for len(outcomes) < n {
		outcomes = append(outcomes, crm.Outcome{State: crm.Retry})
	}
	return outcomes, err
}

// reason is why something did not work, in codes.
func reason(out crm.Outcome) string {
	if out.Err == nil {
		return string(out.State)
	}
	return clip(out.Err.Error(), 300)
}

// sleep waits, or until it is woken.
func (o *Outbox) sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-o.wake:
	case <-ctx.Done():
	}
}

// sleepQuietly waits whether or not it is woken.
func (o *Outbox) sleepQuietly(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
