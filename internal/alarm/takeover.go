package alarm

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/posai-go/posai/internal/sqldb"
)

// The table of clocks that run: who they are, from which opening of the
// database, and when they last beat, in milliseconds of the database's time.
var migrations = []sqldb.Migration{{
	Name: "clocks that run",
	SQL:  `CREATE TABLE posai_alarm_worker (id text PRIMARY KEY, boot text NOT NULL, seen bigint NOT NULL)`,
}}

// errLost is the cause with which handlers are canceled when the clock could
// not beat for so long that others may soon take its work over.
var errLost = errors.New("alarm: the database was out of reach for too long")

// now is the database's time in milliseconds, as SQL.
func (c *Clock) now() string {
	if c.db.Dialect == sqldb.SQLite {
		return `CAST(unixepoch('subsec') * 1000 AS integer)`
	}
	return fmt.Sprintf(`(CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint) + %d)`, c.skew.Load())
}

// alive is the SQL condition under which the row w of posai_alarm_worker is a
// clock that runs. On SQLite a row is enough: the clocks of processes that are
// gone are removed when a clock starts.
func (c *Clock) alive() string {
	if c.db.Dialect == sqldb.SQLite {
		return `1 = 1`
	}
	// One who was last seen in the future died before the database's clock was
	// set back.
	window := c.opts.DeadAfter.Milliseconds()
	return fmt.Sprintf(`w.seen BETWEEN %s - %d AND %s + %d`, c.now(), window, c.now(), window)
}

// Alive reports whether the clock that [Call.Worker] named still runs, so that
// what it claimed is not up for taking.
func (c *Clock) Alive(ctx context.Context, tx *sql.Tx, worker string) (bool, error) {
	var alive bool
	var now int64
	query := c.db.Rebind(`SELECT EXISTS (SELECT 1 FROM posai_alarm_worker w WHERE w.id = ? AND ` + c.alive() + `), ` + c.now())
	if err := tx.QueryRowContext(ctx, query, worker).Scan(&alive, &now); err != nil {
		return false, fmt.Errorf("alarm: alive: %w", err)
	}
	return alive || c.steps.unsteady(now, c.opts.DeadAfter), nil
}

// steps notices that the database's clock was set: until everybody had the time
// to beat by the new time, nobody can be told dead. Its zero value is ready.
type steps struct {
	mu     sync.Mutex
	db     int64     // the database's time at the last beat, 0 before the first
	here   time.Time // this process's own
	jumped time.Time // when a step was noticed last
}

// beat notes the time of a beat, and reports whether the clock was set since
// the one before.
func (s *steps) beat(now int64, deadAfter time.Duration) (jumped bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if jumped = s.off(now, deadAfter); jumped {
		s.jumped = time.Now()
	}
	s.db, s.here = now, time.Now()
	return jumped
}

// unsteady reports whether the clock was set a moment ago.
func (s *steps) unsteady(now int64, deadAfter time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.off(now, deadAfter) || !s.jumped.IsZero() && time.Since(s.jumped) < deadAfter
}

func (s *steps) off(now int64, deadAfter time.Duration) bool {
	if s.db == 0 {
		return false
	}
	off := time.Duration(now-s.db)*time.Millisecond - time.Since(s.here)
	return off.Abs() > deadAfter/2
}

// announce puts this clock among those that run, and makes what it was at when it
// ran before, and could not give back, available again. On SQLite it clears up
// after processes that are gone.
func (c *Clock) announce(ctx context.Context) error {
	err := c.db.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := c.beat(ctx, tx); err != nil {
			return err
		}
		if c.db.Dialect == sqldb.PostgreSQL {
			return c.takeOver(ctx, tx, c.lastWorker()+` = ?`, c.id)
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM posai_alarm_worker WHERE boot <> ?`, c.db.Boot()); err != nil {
			return err
		}
		// A leader that is gone would hold back alarms set for later until its
		// term ends.
		_, err := tx.ExecContext(ctx, `DELETE FROM river_leader WHERE leader_id NOT IN (SELECT id FROM posai_alarm_worker)`)
		if err != nil {
			return err
		}
		return c.takeOver(ctx, tx, c.lastWorker()+` = ? OR `+c.isGone(), c.id)
	})
	if err != nil {
		return fmt.Errorf("alarm: start: %w", err)
	}
	return nil
}

// executor is a *sql.DB or *sql.Tx.
type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// beat shows that this clock runs, and reports whether the database's clock was
// set since the beat before.
func (c *Clock) beat(ctx context.Context, db interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
},
) (jumped bool, err error) {
	var now int64
	err = db.QueryRowContext(ctx, c.db.Rebind(`INSERT INTO posai_alarm_worker (id, boot, seen) VALUES (?, ?, `+c.now()+`)
		ON CONFLICT (id) DO UPDATE SET seen = excluded.seen RETURNING seen`), c.id, c.db.Boot()).Scan(&now)
	return err == nil && c.steps.beat(now, c.opts.DeadAfter), err
}

// withdrawTime bounds the last word of a clock: by then the others take it for
// dead anyway.
const withdrawTime = 20 * time.Second

func (c *Clock) withdraw(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, withdrawTime)
	defer cancel()
	if _, err := c.db.ExecContext(ctx, c.db.Rebind(`DELETE FROM posai_alarm_worker WHERE id = ?`), c.id); err != nil {
		return fmt.Errorf("alarm: stop: %w", err)
	}
	return nil
}

// lastWorker is who a River job was given to last, as SQL.
func (c *Clock) lastWorker() string {
	if c.db.Dialect == sqldb.SQLite {
		return `json_extract(attempted_by, '$[#-1]')`
	}
	return `attempted_by[array_upper(attempted_by, 1)]`
}

// isGone is the SQL condition under which that one does not run any more.
func (c *Clock) isGone() string {
	return `NOT EXISTS (SELECT 1 FROM posai_alarm_worker w WHERE w.id = ` + c.lastWorker() + ` AND ` + c.alive() + `)`
}

// takeOver makes the calls under way of which a condition holds available again. A
// call that was the last one gets one more, so that the room learns of it.
func (c *Clock) takeOver(ctx context.Context, ex executor, which string, args ...any) error {
	most := `greatest`
	if c.db.Dialect == sqldb.SQLite {
		most = `max`
	}
	_, err := ex.ExecContext(ctx, c.db.Rebind(`UPDATE river_job
		SET state = 'available', max_attempts = `+most+`(max_attempts, attempt + 1)
		WHERE state = 'running' AND queue = ? AND (`+which+`)`), append([]any{c.queue}, args...)...)
	return err
}

// pulse is the goroutines that ring what is due and, on PostgreSQL, beat.
type pulse struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

func (p *pulse) stop() {
	p.cancel()
	p.wg.Wait()
}

func (c *Clock) startPulse() *pulse {
	ctx, cancel := context.WithCancel(context.Background())
	p := &pulse{cancel: cancel}
	p.wg.Go(func() { c.ringDue(ctx) })
	if c.db.Dialect == sqldb.PostgreSQL {
		p.wg.Go(func() { c.pulsate(ctx) })
	}
	return p
}

// ringDue makes alarms available when their time has come. River does that
// only every five seconds, and only where its leader runs.
func (c *Clock) ringDue(ctx context.Context) {
	now := `now()`
	if c.db.Dialect == sqldb.SQLite {
		now = `datetime('now', 'subsec')`
	}
	query := c.db.Rebind(`UPDATE river_job SET state = 'available' WHERE state IN ('scheduled', 'retryable') AND queue = ? AND scheduled_at <= ` + now)
	tick := time.NewTicker(c.opts.PollInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		asking, cancel := context.WithTimeout(ctx, 10*time.Second)
		res, err := c.db.ExecContext(asking, query, c.queue)
		cancel()
		if err != nil {
			continue // the next one will do, and River does it too
		}
		if n, err := res.RowsAffected(); err == nil && n > 0 {
			c.ring()
		}
	}
}

// pulsate beats, takes over the work of those who do not, and gives up its own
// when it could not beat itself.
func (c *Clock) pulsate(ctx context.Context) {
	started := time.Now()
	lastBeat, healthySince := started, started
	tick := time.NewTicker(c.opts.Heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		sent := time.Now()
		// A database that hangs is as bad as one that is gone.
		beatCtx, cancel := context.WithTimeout(ctx, c.opts.Heartbeat)
		jumped, err := c.beat(beatCtx, c.db)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			healthySince = time.Time{}
			if time.Since(lastBeat) >= c.opts.DeadAfter/2 {
				c.opts.Logger.WarnContext(ctx, "alarm: the database is out of reach", "queue", c.queue)
				c.health.lose()
			}
			continue
		}
		lastBeat = sent
		c.health.recover()
		if healthySince.IsZero() || jumped {
			healthySince = sent
		}
		// Right after an outage of the database, or after its clock was set,
		// everybody's beat is old. Judge only when everybody had the time to
		// show up.
		if time.Since(healthySince) < c.opts.DeadAfter {
			continue
		}
		if err := c.sweep(ctx); err != nil && ctx.Err() == nil {
			c.opts.Logger.WarnContext(ctx, "alarm: taking over failed", "queue", c.queue, "type", fmt.Sprintf("%T", err))
		}
	}
}

func (c *Clock) sweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	// Whatever it looks like from the database, this one runs: its beat may have got
	// old while this process or the statement was held up.
	if err := c.takeOver(ctx, c.db, c.lastWorker()+` <> ? AND `+c.isGone(), c.id); err != nil {
		return err
	}
	c.ring()
	// A day is long enough to be of no use to anybody.
	_, err := c.db.ExecContext(ctx, `DELETE FROM posai_alarm_worker WHERE seen < `+c.now()+` - 86400000`)
	return err
}

// health is a context for handlers that ends when the clock loses touch with
// the database, and begins anew when it is found again.
type health struct {
	mu   sync.Mutex
	ctx  context.Context
	lost context.CancelCauseFunc
}

func (h *health) recover() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx == nil || h.ctx.Err() != nil {
		h.ctx, h.lost = context.WithCancelCause(context.Background())
	}
}

func (h *health) lose() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lost(errLost)
}

// bind returns ctx, ending also when the clock loses touch.
func (h *health) bind(ctx context.Context) (context.Context, func()) {
	h.mu.Lock()
	healthy := h.ctx
	h.mu.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(healthy, func() { cancel(errLost) })
	return ctx, func() { stop(); cancel(nil) }
}
