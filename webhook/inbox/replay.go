package inbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/posai-go/posai/internal/alarm"
)

// Replay processes a dead or processed delivery anew, as if it had just
// arrived. Otherwise it fails with [ErrActive] or [ErrNotFound].
func (b *Inbox) Replay(ctx context.Context, id int64) error {
	return b.finished(ctx, "replay", id, func(tx *sql.Tx) error {
		err := b.update(ctx, tx, `UPDATE posai_delivery SET `+asNew+` WHERE id = ?`, id)
		if err != nil {
			return err
		}
		return b.clock.SetTx(ctx, tx, callFor(id), time.Time{})
	})
}

// asNew makes a row as if its delivery had just arrived.
const asNew = `state = 'pending', attempts = 0, finished_at = 0, last_error = '', skipped = '', replays = replays + 1`

// replayBatch is how many deliveries one transaction replays.
const replayBatch = 500

// ReplayAll replays the dead and processed deliveries that q means, and
// returns how many, in the order of their arrival. Those that are yet to be
// processed, and those that arrive meanwhile, are left alone. When it fails in
// the middle, those counted are replayed. q.Reverse and
// q.WithoutBodies are not used.
func (b *Inbox) ReplayAll(ctx context.Context, q Query) (int, error) {
	q.Reverse = false
	total := 0
	var last int64
	err := b.db.QueryRowContext(ctx, `SELECT COALESCE(max(id), 0) FROM posai_delivery`).Scan(&last)
	for err == nil {
		var ids []int64
		ids, err = b.replaySome(ctx, q, last)
		if err == nil && len(ids) == 0 {
			return total, nil
		}
		total += len(ids)
		if len(ids) > 0 {
			q.After = slices.Max(ids)
		}
	}
	return total, fmt.Errorf("inbox: replay: %w", err)
}

func (b *Inbox) replaySome(ctx context.Context, q Query, last int64) (ids []int64, err error) {
	condition, args := q.where()
	err = b.db.Tx(ctx, func(tx *sql.Tx) error {
		ids = nil
		rows, err := tx.QueryContext(ctx, b.db.Rebind(`UPDATE posai_delivery SET `+asNew+` WHERE state IN ('processed', 'dead') AND id IN (
			SELECT id FROM posai_delivery WHERE `+condition+` AND id <= ? AND state IN ('processed', 'dead') ORDER BY id LIMIT ?) RETURNING id`),
			append(args, last, replayBatch)...)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				return err
			}
			ids = append(ids, id)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		slices.Sort(ids)
		calls := make([]alarm.Call, len(ids))
		for i, id := range ids {
			calls[i] = callFor(id)
		}
		return b.clock.SetAllTx(ctx, tx, calls, time.Time{})
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// Delete removes a dead or processed delivery, body and all. Otherwise it
// fails with [ErrActive] or [ErrNotFound].
func (b *Inbox) Delete(ctx context.Context, id int64) error {
	return b.finished(ctx, "delete", id, func(tx *sql.Tx) error {
		return b.update(ctx, tx, `DELETE FROM posai_delivery WHERE id = ?`, id)
	})
}

// finished runs fn in a transaction in which the delivery is dead or
// processed.
func (b *Inbox) finished(ctx context.Context, what string, id int64, fn func(*sql.Tx) error) error {
	err := b.db.Tx(ctx, func(tx *sql.Tx) error {
		// An update that changes nothing locks the row on both dialects.
		res, err := tx.ExecContext(ctx, b.db.Rebind(`UPDATE posai_delivery SET state = state WHERE id = ? AND state IN ('processed', 'dead')`), id)
		if err != nil {
			return err
		}
		switch n, err := res.RowsAffected(); {
		case err != nil:
			return err
		case n == 1:
			return fn(tx)
		}
		var exists bool
		if err := tx.QueryRowContext(ctx, b.db.Rebind(`SELECT EXISTS (SELECT 1 FROM posai_delivery WHERE id = ?)`), id).Scan(&exists); err != nil {
			return err
		}
		if exists {
			return ErrActive
		}
		return ErrNotFound
	})
	if err != nil && !errors.Is(err, ErrActive) && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("inbox: %s: %w", what, err)
	}
	return err
}
