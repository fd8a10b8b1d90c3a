package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/internal/alarm"
	"github.com/posai-go/posai/internal/sqldb"
)

// task is the only task of the alarms: look at a request.
const task = "look"

// lastRetry is the wait after the failure that would otherwise be the last.
const lastRetry = 10 * time.Minute

// ring is called for each alarm.
func (s *Store) ring(ctx context.Context, call alarm.Call) error {
	hooks := s.hooks.Load()
	if hooks == nil {
		return alarm.Later(time.Second) // stopping
	}
	again, err := hooks.Wake(ctx, approval.Wake{RequestID: call.Ref, Worker: call.Worker})
	switch {
	case err == nil && again > 0:
		return alarm.Later(again)
	case err != nil && call.Last:
		return alarm.Later(lastRetry) // an approved request is never forgotten
	}
	return err
}

// Wake implements [approval.Waker].
func (s *Store) Wake(ctx context.Context, ids []string) error {
	calls := make([]alarm.Call, len(ids))
	for i, id := range ids {
		calls[i] = alarm.Call{Task: task, Ref: id}
	}
	set := func(tx *sql.Tx) error { return s.clock.SetAllTx(ctx, tx, calls, time.Time{}) }
	var err error
	if s.tx != nil {
		err = set(s.tx)
	} else {
		err = s.db.Tx(ctx, set)
	}
	if err != nil {
		return fmt.Errorf("sqlstore: wake: %w", err)
	}
	return nil
}

// Alive implements [approval.Store].
func (s *Store) Alive(ctx context.Context, worker string) (alive bool, err error) {
	err = s.db.Tx(ctx, func(tx *sql.Tx) (err error) {
		alive, err = s.clock.Alive(ctx, tx, worker)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("sqlstore: %w", err)
	}
	return alive, nil
}

// Start implements [approval.Store].
func (s *Store) Start(ctx context.Context, h approval.Hooks) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started {
		return errors.New("sqlstore: the store is started")
	}
	s.hooks.Store(&h)
	watches := s.db.Dialect == sqldb.PostgreSQL && h.Changed != nil
	var since string // what is changed after the start is told of, however late watch begins
	if watches {
		var err error
		if since, err = s.horizon(ctx); err != nil {
			return fmt.Errorf("sqlstore: start: %w", err)
		}
	}
	if err := s.clock.Start(ctx); err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	s.started = true
	background, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	if watches {
		wg.Go(func() { s.watch(background, since, h.Changed) })
	}
	if s.keep > 0 {
		wg.Go(func() { s.purging(background, s.keep) })
	}
	s.stop = func() {
		cancel()
		wg.Wait()
	}
	return nil
}

// Stop implements [approval.Store].
func (s *Store) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started {
		return nil
	}
	s.started = false
	s.stop()
	if err := s.clock.Stop(ctx); err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	return nil
}

// maxChanges is how many changed requests are named one by one.
const maxChanges = 100

// watch tells of the changes of all processes, from a horizon on, until ctx ends.
func (s *Store) watch(ctx context.Context, since string, changed func(id string)) {
	missed := false
	tick := time.NewTicker(s.poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		next, ids, err := s.changes(ctx, since)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.log.WarnContext(ctx, "sqlstore: cannot watch for changes", "type", fmt.Sprintf("%T", err))
			missed = true
			continue
		case missed || len(ids) > maxChanges:
			changed("")
		default:
			for _, id := range ids {
				changed(id)
			}
		}
		since, missed = next, false
	}
}

// horizon is the oldest transaction that has not ended: all older ones can be
// seen.
func (s *Store) horizon(ctx context.Context) (xid string, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT pg_snapshot_xmin(pg_current_snapshot())::text`).Scan(&xid)
	return xid, err
}

// changes returns the requests changed by transactions that were not seen at
// the given horizon, and the horizon of now.
func (s *Store) changes(ctx context.Context, since string) (next string, ids []string, err error) {
	if next, err = s.horizon(ctx); err != nil {
		return "", nil, err
	}
	// A change that is above the new horizon already is told of twice.
	rows, err := s.db.QueryContext(ctx, `SELECT id FROM posai_approval_request WHERE changed_by >= $1::text::xid8 LIMIT $2`, since, maxChanges+1)
	if err != nil {
		return "", nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return "", nil, err
		}
		ids = append(ids, id)
	}
	return next, ids, rows.Err()
}
