package inbox

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"time"

	"github.com/posai-go/posai/internal/alarm"
	"github.com/posai-go/posai/internal/sqldb"
)

const (
	// occupied is the wait before looking again at a delivery that another
	// worker has.
	occupied = 5 * time.Second

	// overdue is how long after its time is up a claim is void even if its
	// worker lives: the end of the attempt could then not be written.
	overdue = 5 * time.Minute
)

// errWorkerDied is kept as the error of an attempt whose process ended in the
// middle.
var errWorkerDied = errors.New("the process ended during the attempt")

// claim is the right to work on a delivery.
type claim struct {
	record  record // its Attempts counts the present one
	number  int64
	newest  time.Time // version of the latest that was processed; zero if it is older
	covered bool      // by one that the reconciler found, or that it is the double of
}

// answer is what became of the wish for a claim. Without a claim there is
// nothing to do but to return next to the alarm.
type answer struct {
	claim *claim
	next  error
	died  *record // it used up its attempts by killing its workers
}

// claimColumns are read with each claim: beside the row itself, what was
// processed for the same topic and resource with the same or a later version.
const claimColumns = recordColumns + `, claim,
	(SELECT COALESCE(max(n.version), 0) FROM posai_delivery n WHERE n.resource = posai_delivery.resource AND n.resource <> '' AND n.shop = posai_delivery.shop
		AND n.topic = posai_delivery.topic AND n.version > posai_delivery.version AND n.state = 'processed'),
	(SELECT COUNT(*) FROM posai_delivery n WHERE n.resource = posai_delivery.resource AND n.resource <> '' AND n.shop = posai_delivery.shop
		AND n.topic = posai_delivery.topic AND n.version >= posai_delivery.version AND n.state = 'processed' AND n.reconciled <> posai_delivery.reconciled)`

// A delivery that nobody had before is claimed by one statement.
const claimFresh = `UPDATE posai_delivery SET state = 'processing', attempts = attempts + 1, claim = claim + 1, worker = ?, claimed_at = ?
	WHERE id = ? AND state = 'pending' AND attempts < ? AND ordering = '' RETURNING ` + claimColumns

func (c *claim) scan(row scanner, more ...any) error {
	var newest int64
	var doubles int
	if err := c.record.scan(row, append([]any{&c.number, &newest, &doubles}, more...)...); err != nil {
		return err
	}
	c.newest, c.covered = fromMicros(newest), doubles > 0
	return nil
}

// claim takes the row with this id for this worker.
func (b *Inbox) claim(ctx context.Context, id int64, worker string) (answer, error) {
	if b.db.Dialect == sqldb.PostgreSQL {
		var c claim
		err := c.scan(b.db.QueryRowContext(ctx, b.db.Rebind(claimFresh), worker, micros(time.Now()), id, b.opts.MaxAttempts))
		if err == nil || !errors.Is(err, sql.ErrNoRows) {
			return answer{claim: &c}, err
		}
	}
	var a answer
	err := b.step(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		a, err = b.claimTx(ctx, tx, id, worker)
		return err
	})
	return a, err
}

func (b *Inbox) claimTx(ctx context.Context, tx *sql.Tx, id int64, worker string) (answer, error) {
	if b.db.Dialect == sqldb.SQLite {
		var c claim
		err := c.scan(tx.QueryRowContext(ctx, claimFresh, worker, micros(time.Now()), id, b.opts.MaxAttempts))
		if err == nil || !errors.Is(err, sql.ErrNoRows) {
			return answer{claim: &c}, err
		}
	}
	ordering, err := b.lockOrdering(ctx, tx, id)
	if err != nil {
		return answer{}, err
	}
	query := `SELECT ` + claimColumns + `, worker, claimed_at FROM posai_delivery WHERE id = ?`
	if b.db.Dialect == sqldb.PostgreSQL {
		query += ` FOR UPDATE`
	}
	c := &claim{}
	var holder string
	var since int64
	err = c.scan(tx.QueryRowContext(ctx, b.db.Rebind(query), id), &holder, &since)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return answer{}, nil
	case err != nil:
		return answer{}, err
	case c.record.State == Done || c.record.State == Dead:
		return answer{}, nil
	}
	if c.record.State == Processing && holder != worker {
		alive, err := b.clock.Alive(ctx, tx, holder)
		if err != nil {
			return answer{}, err
		}
		if alive && time.Since(fromMicros(since)) < b.opts.Timeout+overdue {
			return answer{next: alarm.Later(occupied)}, nil
		}
	}
	if c.record.Attempts >= b.opts.MaxAttempts {
		// Only a dying process leaves a row like this.
		err := b.update(ctx, tx, `UPDATE posai_delivery SET state = 'dead', finished_at = ?, last_error = ? WHERE id = ?`,
			micros(time.Now()), errWorkerDied.Error(), id)
		if err != nil {
			return answer{}, err
		}
		return answer{died: &c.record}, b.wakeNext(ctx, tx, c.record.Shop, ordering, id)
	}
	if ordering != "" {
		blocked, err := b.blocked(ctx, tx, c.record.Shop, ordering, id)
		if err != nil || blocked {
			return answer{}, err // whoever is before wakes us
		}
	}
	c.number++
	c.record.Attempts++
	return answer{claim: c}, b.update(ctx, tx, `UPDATE posai_delivery SET state = 'processing', attempts = attempts + 1, claim = ?, worker = ?, claimed_at = ? WHERE id = ?`,
		c.number, worker, micros(time.Now()), id)
}

// lockOrdering returns the row's ordering key. If it has one, nobody else
// claims or settles a delivery with that key until the transaction ends.
func (b *Inbox) lockOrdering(ctx context.Context, tx *sql.Tx, id int64) (ordering string, err error) {
	err = tx.QueryRowContext(ctx, b.db.Rebind(`SELECT ordering FROM posai_delivery WHERE id = ?`), id).Scan(&ordering)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil || ordering == "" || b.db.Dialect == sqldb.SQLite {
		return ordering, err
	}
	_, err = tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended(shop || ' ' || ordering, 0)) FROM posai_delivery WHERE id = $1`, id)
	return ordering, err
}

// blocked reports whether a delivery with the same ordering key is at work or
// comes before this one.
func (b *Inbox) blocked(ctx context.Context, tx *sql.Tx, shop, ordering string, id int64) (blocked bool, err error) {
	// PostgreSQL gives ids before it commits: one with a lower id may show up
	// when one with a higher id is at work already.
	err = tx.QueryRowContext(ctx, b.db.Rebind(`SELECT EXISTS (SELECT 1 FROM posai_delivery WHERE ordering = ? AND ordering <> '' AND shop = ?
		AND id <> ? AND state IN ('pending', 'processing') AND (state = 'processing' OR id < ?))`), ordering, shop, id, id).Scan(&blocked)
	return blocked, err
}

// wakeNext sets an alarm for the first pending delivery with the ordering key,
// unless that is id itself, which has one. The lock must be held.
func (b *Inbox) wakeNext(ctx context.Context, tx *sql.Tx, shop, ordering string, id int64) error {
	if ordering == "" {
		return nil
	}
	var next sql.NullInt64
	err := tx.QueryRowContext(ctx, b.db.Rebind(`SELECT min(id) FROM posai_delivery WHERE ordering = ? AND ordering <> '' AND shop = ?
		AND state IN ('pending', 'processing') AND state = 'pending'`), ordering, shop).Scan(&next)
	if err != nil || !next.Valid || next.Int64 == id {
		return err
	}
	return b.clock.SetTx(ctx, tx, callFor(next.Int64), time.Time{})
}

// work is called by the alarm for a row.
func (b *Inbox) work(ctx context.Context, call alarm.Call) error {
	id, err := strconv.ParseInt(call.Ref, 10, 64)
	if err != nil {
		return alarm.GiveUp(err)
	}
	release, ok := b.slots.acquire(ctx)
	if !ok {
		return alarm.Later(0)
	}
	defer release()
	if !b.active.enter(id) {
		// The row had two alarms: its own and that of the delivery before it.
		// The other one is at it, and rings again if need be.
		return nil
	}
	err = b.workOn(ctx, id, call, release)
	if b.active.leave(id) && err == nil {
		// This one may have found the delivery before it at work just before that
		// one's end, whose alarm is gone now.
		return alarm.Later(0)
	}
	return err
}

func (b *Inbox) workOn(ctx context.Context, id int64, call alarm.Call, release func()) error {
	a, err := b.claim(ctx, id, call.Worker)
	switch {
	case err != nil:
		b.opts.Logger.ErrorContext(ctx, "inbox: claim failed", "id", id, "error", err.Error())
		return err
	case a.died != nil:
		b.observe(Event{Kind: Died, Delivery: a.died.Delivery, Err: errWorkerDied})
		return nil
	case a.claim == nil:
		return a.next
	}
	v := b.attempt(ctx, a.claim)
	release() // another one may begin while this one is written
	return b.settle(ctx, a.claim, v)
}
