package inbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/posai-go/posai/internal/alarm"
	"github.com/posai-go/posai/internal/sqldb"
	"github.com/posai-go/posai/webhook"
)

// ErrLocked reports that another process has the SQLite file open.
var ErrLocked = sqldb.ErrLocked

// ErrClosed reports an inbox that was closed.
var ErrClosed = errors.New("inbox: closed")

// Process does what a delivery asks for; [webhook.Mux.Process] is one. What it
// returns decides what happens next: nil, [webhook.RetryLater],
// [webhook.GiveUp], or any other error, after which it is retried. A panic
// counts as an error.
type Process func(context.Context, webhook.Delivery) error

// Options are the settings of an [Inbox]. Nil means the defaults.
type Options struct {
	// Workers is how many deliveries this process works on at once. If zero,
	// 8. At most 10,000. On PostgreSQL each of them also waits for two commits
	// per delivery, so more workers get more done where a commit is slow.
	Workers int

	// MaxAttempts is how often a delivery is tried before it is dead. If
	// zero, 25, which with the default backoff is about three hours.
	MaxAttempts int

	// Backoff returns the wait after a failed attempt, counted from 1. If
	// nil, 1 s doubled with each attempt up to 10 min, ± 20 %.
	Backoff func(attempt int) time.Duration

	// Timeout is how long one attempt may take, at most 24 h. If zero,
	// 10 min.
	Timeout time.Duration

	// KeepProcessed is how long processed deliveries are kept, and with them
	// the memory by which repetitions are known: Shopify repeats for hours,
	// and may be a day late. If zero, 7 days.
	KeepProcessed time.Duration

	// KeepDead is how long dead letters are kept. If zero, for ever: until
	// [Inbox.Replay] or [Inbox.Delete].
	KeepDead time.Duration

	// DeadAfter is how long a process on PostgreSQL may be silent before it
	// counts as dead, at least 1 s. Its deliveries are taken over by others
	// within one and a half times that. All processes should agree on it. If
	// zero, 20 s: takeover within 30 s.
	DeadAfter time.Duration

	// Resource reads what a delivery is about, for Order, Stale and queries.
	// It sees bodies from outside and must bear anything. If nil,
	// [ResourceOf].
	Resource func(webhook.Delivery) Resource

	// Order says whether deliveries about the same thing may be processed side
	// by side. If zero, [AnyOrder]. All processes should agree on it.
	Order Order

	// Stale says what becomes of a delivery when a later state of its resource
	// was processed under the same topic before. If zero, [ProcessStale].
	Stale Stale

	// Observe is told what happens to deliveries, for metrics. It is called
	// after the fact and may miss some when the process dies: what must not
	// be missed, the processing function does itself. It must be quick and
	// safe for concurrent use. If nil, nobody is told.
	Observe func(Event)

	// Logger gets what goes wrong, without bodies and error texts. If nil,
	// nothing is logged.
	Logger *slog.Logger
}

// Order says what may be processed side by side.
type Order int

const (
	// AnyOrder processes whatever comes, side by side.
	AnyOrder Order = iota

	// OneByOne processes deliveries of one shop with the same
	// [Resource.Ordering] one after the other, in the order of their arrival,
	// across all processes. One that is to be retried holds up those behind it
	// until it is processed or dead.
	OneByOne
)

// Stale says what becomes of stale deliveries.
type Stale int

const (
	// ProcessStale processes them; [Attempt.Stale] tells.
	ProcessStale Stale = iota

	// SkipStale marks them processed without calling the function. A
	// delivery that [Inbox.Replay] asked for is not skipped.
	SkipStale
)

// EventKind is what happened to a delivery.
type EventKind string

// The kinds of events.
const (
	Received  EventKind = "received"  // it is durable now
	Duplicate EventKind = "duplicate" // it was durable before
	Processed EventKind = "processed"
	Skipped   EventKind = "skipped" // marked processed without a call, see [Record.Skipped]
	Retried   EventKind = "retried" // an attempt failed, or asked for a later one
	Died      EventKind = "died"    // it is a dead letter now
)

// Event is something that happened to a delivery.
type Event struct {
	Kind     EventKind
	Delivery webhook.Delivery
	Elapsed  time.Duration // of the attempt; since the receipt for Received
	Err      error         // of the attempt
}

const (
	maxWorkers = 10_000
	maxTimeout = 24 * time.Hour
)

func (o *Options) withDefaults() (Options, error) {
	var v Options
	if o != nil {
		v = *o
	}
	if v.Workers < 0 || v.MaxAttempts < 0 || v.Timeout < 0 || v.KeepProcessed < 0 || v.KeepDead < 0 || v.DeadAfter < 0 {
		return v, errors.New("inbox: a number in Options is negative")
	}
	if v.DeadAfter != 0 && v.DeadAfter < time.Second {
		return v, errors.New("inbox: Options.DeadAfter is less than 1 s")
	}
	if v.Order < AnyOrder || v.Order > OneByOne || v.Stale < ProcessStale || v.Stale > SkipStale {
		return v, errors.New("inbox: Options.Order or Options.Stale is unknown")
	}
	if v.Resource == nil {
		v.Resource = ResourceOf
	}
	if v.Workers > maxWorkers || v.Timeout > maxTimeout {
		return v, errors.New("inbox: Options.Workers or Options.Timeout is too large")
	}
	if v.Workers == 0 {
		v.Workers = 8
	}
	if v.MaxAttempts == 0 {
		v.MaxAttempts = 25
	}
	if v.Timeout == 0 {
		v.Timeout = 10 * time.Minute
	}
	if v.KeepProcessed == 0 {
		v.KeepProcessed = 7 * 24 * time.Hour
	}
	if v.Observe == nil {
		v.Observe = func(Event) {}
	}
	if v.Logger == nil {
		v.Logger = slog.New(slog.DiscardHandler)
	}
	return v, nil
}

// Inbox keeps and processes deliveries. It is a [webhook.Inbox], safe for
// concurrent use.
type Inbox struct {
	db       *sqldb.DB
	clock    *alarm.Clock
	process  Process
	opts     Options
	arrivals batcher[arrival, bool]
	inserts  inserts
	steps    batcher[step, struct{}]
	slots    *slots
	active   active
	metrics  metrics

	mu      sync.Mutex // guards what follows
	closed  bool
	cleaner *cleaner // nil when stopped
}

// room is the name that the inbox goes by in the database.
const room = "inbox"

// Open opens the inbox in the database at databaseURL, which other packages of
// this module may share, and creates its tables if they are missing:
// "sqlite:///abs/path.db" or "postgres://…". It accepts deliveries at once and
// processes them, by process, from Start on. Close it in the end.
func Open(ctx context.Context, databaseURL string, process Process, opts *Options) (*Inbox, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	if process == nil {
		return nil, errors.New("inbox: there is no function to process deliveries")
	}
	db, err := sqldb.Open(ctx, databaseURL)
	if err != nil {
		return nil, fmt.Errorf("inbox: %w", err)
	}
	b := &Inbox{db: db, process: process, opts: o}
	b.arrivals.commit, b.arrivals.size = b.insertAll, func(a arrival) int { return len(a.Body) }
	b.steps.commit = b.runSteps
	heartbeat := o.DeadAfter / 4
	b.slots = newSlots(o.Workers)
	ringing := o.Workers
	if db.Dialect == sqldb.SQLite {
		// One process has all the work, so it may fetch ahead: the commit that a
		// fetch takes is shared by more. Elsewhere others would go without.
		ringing = max(ringing, maxBatch)
	}
	b.clock, err = alarm.New(db, room, b.work, &alarm.Options{
		Workers: ringing,
		// The inbox counts itself, over replays; the alarm is not to end
		// before it does.
		MaxAttempts: 10_000,
		Backoff:     o.Backoff,
		JobTimeout:  maxTimeout, // it counts the wait for a slot; attempts have their own
		Heartbeat:   heartbeat,
		DeadAfter:   o.DeadAfter,
		Logger:      o.Logger,
	})
	if err == nil {
		err = b.clock.Migrate(ctx)
	}
	if err == nil {
		err = db.Migrate(ctx, room, migrations)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("inbox: %w", err), db.Close())
	}
	return b, nil
}

// Start begins to process. ctx bounds the start alone; Stop ends the rest.
func (b *Inbox) Start(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return ErrClosed
	}
	if b.cleaner != nil {
		return errors.New("inbox: started already")
	}
	b.slots.restart()
	if err := b.clock.Start(ctx); err != nil {
		return fmt.Errorf("inbox: %w", err)
	}
	b.cleaner = startCleaner(b)
	return nil
}

// Stop ends the processing: it begins no further delivery and returns when
// those at work are done. When ctx ends first, their contexts are canceled,
// they will be processed again, and Stop still waits for them; it then returns
// an error that matches ctx's. Accept goes on to work. Stopping an inbox that
// is not started does nothing.
func (b *Inbox) Stop(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stop(ctx)
}

func (b *Inbox) stop(ctx context.Context) error {
	if b.cleaner == nil {
		return nil
	}
	b.cleaner.stop()
	b.cleaner = nil
	b.slots.stop()
	if err := b.clock.Stop(ctx); err != nil {
		return fmt.Errorf("inbox: %w", err)
	}
	return nil
}

// Close stops the inbox, without patience for what is at work, and closes the
// database. To give deliveries at work the time to finish, call Stop before.
// Only the first call has an effect.
func (b *Inbox) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	impatient, cancel := context.WithCancel(context.Background())
	cancel()
	err := b.stop(impatient)
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	b.arrivals.close()
	b.steps.close()
	return errors.Join(err, b.db.Close())
}

// observe tells everybody what happened.
func (b *Inbox) observe(ev Event) {
	b.metrics.observe(ev)
	b.opts.Observe(ev)
}
