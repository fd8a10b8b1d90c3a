package approval

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/posai-go/posai/audit"
)

// Options are the optional settings of a [Queue].
type Options struct {
	// DefaultNeed is who is asked when the policy fails, panics, says nothing
	// or asks nobody in particular. If zero, Role("manager").
	DefaultNeed Need

	// ControlNeed is who may change [Controls]. If zero, DefaultNeed.
	ControlNeed Need

	// Lookup returns the person with an ID as they are now: type, roles and
	// locations. It is asked when somebody sets a [Delegation] for somebody
	// else, whose powers the caller could otherwise make up. If nil, nobody can
	// delegate for others more than they have themselves.
	Lookup func(ctx context.Context, id string) (Principal, error)

	// DefaultExpiry is how long a request waits for people where the ruling
	// does not say. If zero, 24 h.
	DefaultExpiry time.Duration

	// MaxAttempts is how often an action is tried, and how often its read-back
	// is, before the queue gives up. If zero, 5.
	MaxAttempts int

	// Backoff returns the wait after a failed attempt or read-back, counted
	// from 1. If nil, 1 s doubled each time, up to 1 min.
	Backoff func(attempt int) time.Duration

	// ExecutionTimeout bounds each call to an executor. If zero, 1 min.
	ExecutionTimeout time.Duration

	// Fuses bound what is allowed without a person.
	Fuses []Fuse

	// Shadow is a candidate policy that rules on everything too, without any
	// effect. What it says is stored with each request, see [Request].Shadow
	// and [Queue.Compare].
	Shadow Policy

	// Observer is told what happens, for metrics: see approval/otelapproval.
	Observer Observer

	// Logger gets what goes wrong inside: kinds, IDs and classes of errors,
	// nothing of the content of requests. If nil, nothing is logged.
	Logger *slog.Logger
}

func (o *Options) withDefaults() (Options, error) {
	var v Options
	if o != nil {
		v = *o
	}
	if v.DefaultNeed.IsZero() {
		v.DefaultNeed = Role("manager")
	}
	if v.ControlNeed.IsZero() {
		v.ControlNeed = v.DefaultNeed
	}
	if v.DefaultExpiry == 0 {
		v.DefaultExpiry = 24 * time.Hour
	}
	if v.MaxAttempts == 0 {
		v.MaxAttempts = 5
	}
	if v.Backoff == nil {
		v.Backoff = func(attempt int) time.Duration {
			return min(time.Second<<min(max(attempt-1, 0), 6), time.Minute)
		}
	}
	if v.ExecutionTimeout == 0 {
		v.ExecutionTimeout = time.Minute
	}
	if v.Logger == nil {
		v.Logger = slog.New(slog.DiscardHandler)
	}
	names := make(map[string]bool)
	for _, f := range v.Fuses {
		if err := f.validate(); err != nil {
			return v, err
		}
		if names[f.Name] {
			return v, errors.New("approval: two fuses have the same name")
		}
		names[f.Name] = true
	}
	v.Fuses = slices.Clone(v.Fuses)
	if v.DefaultExpiry < 0 || v.MaxAttempts < 0 || v.ExecutionTimeout < 0 {
		return v, errors.New("approval: a setting in Options is negative")
	}
	return v, firstError(v.DefaultNeed.Validate(), v.ControlNeed.Validate())
}

// Queue takes proposals, asks the policy and people, and executes what they
// approved, once. It is safe for concurrent use. Several queues, in one process
// or in several, may share a store that allows it.
type Queue struct {
	store  Store
	log    *audit.Log
	policy Policy
	opts   Options
	within bool // a transaction of the caller's, see ProposeTx

	mu    sync.RWMutex
	kinds map[string]*kind

	running  running
	deciding turns
	waits    waits
	changes  hub
	controls recent
}

// NewQueue returns a queue over store that records every step in log. It does
// nothing by itself before [Queue.Start], but requests can be proposed and
// decided.
func NewQueue(store Store, log *audit.Log, policy Policy, opts *Options) (*Queue, error) {
	if store == nil || log == nil || policy == nil {
		return nil, errors.New("approval: a queue needs a store, a log and a policy")
	}
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Queue{store: store, log: log, policy: policy, opts: o, kinds: make(map[string]*kind)}, nil
}

// Start begins to execute what is approved and to let expire what nobody
// decided. Register the actions before. ctx bounds the start alone; Stop ends
// the rest.
func (q *Queue) Start(ctx context.Context) error {
	return q.store.Start(ctx, Hooks{Wake: q.look, Changed: q.changedElsewhere})
}

// Stop ends what Start began and waits for executions that are under way. When
// ctx ends first, their contexts are canceled, and Stop still waits until what
// became of them is stored.
func (q *Queue) Stop(ctx context.Context) error { return q.store.Stop(ctx) }

// Get returns the request with the ID, or [ErrNotFound].
func (q *Queue) Get(ctx context.Context, id string) (*Request, error) {
	rec, err := q.get(ctx, id)
	if err != nil {
		return nil, err
	}
	return &rec.Request, nil
}

// get returns a record that channels may see.
func (q *Queue) get(ctx context.Context, id string) (*Record, error) {
	if id == "" || len(id) > maxID {
		return nil, ErrNotFound
	}
	rec, err := q.store.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if rec.Request.State == Recording {
		return nil, ErrNotFound
	}
	return rec, nil
}

// List yields the requests that f selects, page by page. An error is yielded
// once and ends the list.
func (q *Queue) List(ctx context.Context, f Filter) iter.Seq2[*Request, error] {
	const page = 100
	return func(yield func(*Request, error) bool) {
		f := f
		left := f.Limit
		for {
			f.Limit = page
			if left > 0 {
				f.Limit = min(left, page)
			}
			list, err := q.store.List(ctx, f)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, rec := range list {
				if !yield(&rec.Request, nil) {
					return
				}
			}
			if left -= len(list); len(list) < f.Limit || left == 0 {
				return
			}
			f.After = list[len(list)-1].Request.ID
		}
	}
}

// Wait returns the request when its state is final, see [State.Final]. One
// that is [Uncertain] waits for a person, so bound ctx. When ctx ends first, Wait
// returns the request as it was last seen, with the cause.
func (q *Queue) Wait(ctx context.Context, id string) (*Request, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changes := q.Subscribe(ctx)
	// Other processes' changes may not be announced.
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var last *Request
	for {
		r, err := q.Get(ctx, id)
		if err != nil && last != nil && ctx.Err() != nil {
			return last, context.Cause(ctx) // it ended while this looked
		}
		if err != nil || r.State.Final() {
			return r, err
		}
		last = r
		for looked := false; !looked; {
			select {
			case c, open := <-changes:
				if !open {
					changes = nil // ctx has ended
				}
				looked = open && (c.ID == id || c.ID == "" || c.Missed)
			case <-tick.C:
				looked = true
			case <-ctx.Done():
				return r, context.Cause(ctx)
			}
		}
	}
}

// Trail yields the audit entries of a request, oldest first.
func (q *Queue) Trail(ctx context.Context, id string) iter.Seq2[audit.Record, error] {
	return q.log.Trail(ctx, audit.Query{Subject: audit.Subject{Type: subjectType, ID: id}})
}
