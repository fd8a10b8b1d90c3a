// Package alarm wakes a room's work: it calls a handler once a transaction is
// committed, at a set time, again after a failure, and again when the process
// that was at it died. It is River (https://riverqueue.com) used as an alarm
// clock and as nothing else.
//
//	clock, err := alarm.New(db, "inbox", handle, nil)
//	err = clock.Migrate(ctx)
//	err = clock.Start(ctx)
//	err = db.Tx(ctx, func(tx *sql.Tx) error {
//		// write what there is to do, and in the same transaction:
//		return clock.SetTx(ctx, tx, alarm.Call{Task: "process", Ref: id}, time.Time{})
//	})
//	err = clock.Stop(ctx)
//
// An alarm rings at least once. That its work is done once is for the room to
// decide, in its own tables: [Clock.Alive] and [Call.Worker] help it to tell a
// live worker's claim from a dead one's.
//
// # When an alarm rings
//
// Set for now and committed through [sqldb.DB.Tx], it rings within
// milliseconds in this process; in other processes on PostgreSQL by
// LISTEN/NOTIFY after the commit, and at the latest at the next poll. Set for a later time, it
// rings up to [Options.PollInterval] late.
//
// # When a worker dies
//
// On SQLite one process owns the file, so whatever was running when it died is
// taken over when a clock of the room starts. On PostgreSQL every clock beats
// in the database; when the beat of one stops for [Options.DeadAfter], others
// take over its work, by default within half a minute.
//
// # Errors
//
// What a handler returns is never stored and never logged here, since it may
// quote a customer's data; rooms keep it where it belongs.
package alarm

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"

	"github.com/posai-go/posai/internal/sqldb"
)

// Call is what a room asked to be reminded of. Task and Ref are stored as
// they are: names and ids, never a customer's data.
type Call struct {
	// Task says what is to be done, such as "process"; Ref says to what.
	Task, Ref string

	// Attempt counts the calls from 1. Those that ended with [Later], and
	// those that a Stop interrupted, do not count. Ignored by SetTx.
	Attempt int

	// Last says that the alarm will not ring again if this call fails.
	// Ignored by SetTx.
	Last bool

	// Worker names the clock that makes the call, see [Clock.Alive]. Ignored
	// by SetTx.
	Worker string
}

// Handler does what an alarm reminds of. Its ctx ends after
// [Options.JobTimeout], when a Stop runs out of patience, and when the clock
// can no longer be sure that others do not take its work over. A panic counts
// as an error.
type Handler func(context.Context, Call) error

// Options are the settings of a [Clock]. Nil means the defaults.
type Options struct {
	// Workers is how many handlers run at once. If zero, 8.
	Workers int

	// MaxAttempts is how often a failing call is made. If zero, 25, which
	// with the default backoff is about three hours.
	MaxAttempts int

	// Backoff returns the wait after a failed attempt, counted from 1. If
	// nil, 1 s doubled with each attempt up to 10 min, ± 20 %.
	Backoff func(attempt int) time.Duration

	// JobTimeout is how long one call may take, at most 24 h. If zero,
	// 10 min.
	JobTimeout time.Duration

	// PollInterval is how often the database is asked for alarms whose time
	// has come or whose notification was missed. If zero, 1 s.
	PollInterval time.Duration

	// Heartbeat is how often the clock shows on PostgreSQL that it is alive.
	// If zero, 5 s.
	Heartbeat time.Duration

	// DeadAfter is how long a clock on PostgreSQL may fail to do so before
	// its work is taken over. All clocks of a room should agree on it. If
	// zero, 20 s.
	DeadAfter time.Duration

	// KeepFinished is how long River keeps its rows of finished alarms. If
	// zero, 1 h.
	KeepFinished time.Duration

	// Logger gets River's log. If nil, nothing is logged.
	Logger *slog.Logger
}

func (o *Options) withDefaults() Options {
	var v Options
	if o != nil {
		v = *o
	}
	setDefault(&v.Workers, 8)
	setDefault(&v.MaxAttempts, 25)
	setDefault(&v.JobTimeout, 10*time.Minute)
	setDefault(&v.PollInterval, time.Second)
	setDefault(&v.Heartbeat, 5*time.Second)
	setDefault(&v.DeadAfter, 20*time.Second)
	setDefault(&v.KeepFinished, time.Hour)
	if v.Backoff == nil {
		v.Backoff = backoff
	}
	if v.Logger == nil {
		v.Logger = slog.New(slog.DiscardHandler)
	}
	return v
}

func setDefault[T int | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}

var roomName = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// maxJobTimeout keeps every call shorter than River's own rescue of stuck
// jobs, which we leave as a last net: it belongs to whichever client leads and
// must therefore be the same for all rooms.
const maxJobTimeout = 24 * time.Hour

func (o Options) check() error {
	switch {
	case o.Workers < 0 || o.Workers > river.QueueNumWorkersMax:
		return errors.New("alarm: Options.Workers is out of range")
	case o.MaxAttempts < 0 || o.MaxAttempts > 10_000:
		return errors.New("alarm: Options.MaxAttempts is out of range")
	case o.JobTimeout < 0 || o.JobTimeout > maxJobTimeout:
		return errors.New("alarm: Options.JobTimeout is out of range")
	case o.PollInterval < 0, o.Heartbeat < 0, o.KeepFinished < 0:
		return errors.New("alarm: an interval in Options is negative")
	case o.DeadAfter < 2*o.Heartbeat:
		return errors.New("alarm: Options.DeadAfter must be at least twice Options.Heartbeat")
	}
	return nil
}

// Clock sets and rings the alarms of one room. Several clocks, of one room or
// of several, in one process or in several, may share a database. It is safe
// for concurrent use.
type Clock struct {
	db     *sqldb.DB
	queue  string
	handle Handler
	opts   Options
	id     string
	client *river.Client[*sql.Tx]
	wake   chan struct{} // tells the listener that an alarm was committed here
	setAll string        // the statement of SetAllTx

	telling struct {
		sync.Mutex
		busy  bool // a notification is on its way
		again bool // another one is due after it
	}

	mu     sync.Mutex // guards start and stop
	pulse  *pulse     // nil when stopped
	health health

	steps steps
	skew  atomic.Int64 // milliseconds that a test sets the database's clock by
}

// New returns a clock that calls handle for the alarms of room: lower-case
// letters and digits, with single underscores between them. It does nothing before Start, but alarms
// may be set, once the tables are there.
func New(db *sqldb.DB, room string, handle Handler, opts *Options) (*Clock, error) {
	o := opts.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	if !roomName.MatchString(room) || len(room) > 40 || handle == nil {
		return nil, errors.New("alarm: a clock needs a room's name and a handler")
	}
	c := &Clock{
		db: db, queue: "posai_" + room, handle: handle, opts: o,
		id:   "posai_" + room + "_" + rand.Text(),
		wake: make(chan struct{}, 1),
	}
	c.setAll = c.setAllSQL()
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &worker{clock: c}); err != nil {
		return nil, fmt.Errorf("alarm: %w", err)
	}
	client, err := river.NewClient(c.driver(), &river.Config{
		ID:                          c.id,
		Workers:                     workers,
		Queues:                      map[string]river.QueueConfig{c.queue: {MaxWorkers: o.Workers}},
		Logger:                      o.Logger,
		FetchCooldown:               c.fetchCooldown(),
		FetchPollInterval:           o.PollInterval,
		MaxAttempts:                 o.MaxAttempts,
		JobTimeout:                  o.JobTimeout,
		RescueStuckJobsAfter:        maxJobTimeout + time.Hour,
		CompletedJobRetentionPeriod: o.KeepFinished,
		CancelledJobRetentionPeriod: o.KeepFinished,
		DiscardedJobRetentionPeriod: o.KeepFinished,
	})
	if err != nil {
		return nil, fmt.Errorf("alarm: %w", err)
	}
	c.client = client
	return c, nil
}

// fetchCooldown is the least distance between fetches in a burst; the first
// alarm after a pause is fetched at once. On SQLite each fetch is a commit, and
// should take many alarms.
func (c *Clock) fetchCooldown() time.Duration {
	if c.db.Dialect == sqldb.SQLite {
		return 10 * time.Millisecond
	}
	return time.Millisecond
}

// Start begins to ring. ctx bounds the start alone; Stop ends the rest.
func (c *Clock) Start(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pulse != nil {
		return errors.New("alarm: the clock is running")
	}
	// Before the first call, so that nobody takes this clock for dead.
	if err := c.announce(ctx); err != nil {
		return err
	}
	c.health.recover()
	if err := c.client.Start(context.WithoutCancel(ctx)); err != nil {
		return errors.Join(fmt.Errorf("alarm: start: %w", err), c.withdraw(ctx))
	}
	c.pulse = c.startPulse()
	return nil
}

// Stop ends what Start began: no further handler is called, and Stop returns
// when those that run have returned. When ctx ends first, their contexts are
// canceled, their calls will be made again, and Stop still waits for them; it
// then returns an error that matches ctx's. Stopping a clock that is not
// running does nothing.
func (c *Clock) Stop(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pulse == nil {
		return nil
	}
	patient := context.WithoutCancel(ctx)
	err := c.client.Stop(ctx)
	if err != nil {
		err = fmt.Errorf("alarm: stopped before all handlers were done: %w", err)
		if hard := c.client.StopAndCancel(patient); hard != nil {
			err = errors.Join(err, hard)
		}
	}
	c.pulse.stop()
	c.pulse = nil
	return errors.Join(err, c.withdraw(patient))
}
