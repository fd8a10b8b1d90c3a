package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
)

// maxTogether bounds how many writes share a transaction.
const maxTogether = 64

// Together is [DB.Tx] for short writes of many goroutines. On SQLite, where one
// writes at a time and each waits for the disk, those that wait at the same
// time are committed together, so that they share that wait. One that fails
// takes nothing with it. On PostgreSQL it is Tx: the server does the like.
//
// fn must use the context that it is given, which never ends on SQLite: a
// statement that is interrupted there takes the whole transaction with it. ctx
// ends the wait for a turn; once fn has begun, Together returns what became of
// it. fn may run on another goroutine.
func (db *DB) Together(ctx context.Context, fn func(context.Context, *sql.Tx) error) error {
	if db.Dialect == PostgreSQL {
		return db.Tx(ctx, func(tx *sql.Tx) error { return fn(ctx, tx) })
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	g := &db.core.group
	m := &member{fn: fn, lead: make(chan struct{}), done: make(chan struct{})}
	if !g.join(m) {
		select {
		case <-m.done:
			return m.outcome()
		case <-m.lead:
		case <-ctx.Done():
			if g.leave(m) {
				return ctx.Err()
			}
			select { // it has begun, or is to lead at this moment
			case <-m.done:
				return m.outcome()
			case <-m.lead:
			}
		}
	}
	// Those that come while this one waits for the connection go along.
	conn, err := db.Conn(ctx)
	if err != nil {
		g.resign(m)
		return fmt.Errorf("sqldb: begin: %w", err)
	}
	defer func() { _ = conn.Close() }()
	defer g.pass()
	batch := g.take()
	db.core.commit(context.WithoutCancel(ctx), conn, batch)
	for _, other := range batch {
		close(other.done)
	}
	return m.outcome()
}

// member is one write of a group.
type member struct {
	fn   func(context.Context, *sql.Tx) error
	lead chan struct{} // closed when it is to lead
	done chan struct{} // closed when what follows is final

	err      error
	panicked any // what fn panicked with; it is for who called Together
}

func (m *member) outcome() error {
	if m.panicked != nil {
		panic(m.panicked)
	}
	return m.err
}

// run calls fn.
func (m *member) run(ctx context.Context, tx *sql.Tx) (err error) {
	defer func() {
		if v := recover(); v != nil {
			m.panicked = v
			err = fmt.Errorf("sqldb: panicked with a %T", v)
		}
	}()
	return m.fn(ctx, tx)
}

// group is the writes that wait. The first of them leads: it commits itself and
// those behind it, and then passes the lead on.
type group struct {
	mu      sync.Mutex
	leading bool
	waiting []*member
}

// join adds m, and reports whether it is to lead.
func (g *group) join(m *member) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, m)
	if g.leading {
		return false
	}
	g.leading = true
	return true
}

// leave removes m, and reports whether it still waited without a lead.
func (g *group) leave(m *member) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-m.lead:
		return false
	default:
	}
	return g.remove(m)
}

func (g *group) remove(m *member) bool {
	for i, other := range g.waiting {
		if other == m {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// resign removes m, which leads, and passes the lead on.
func (g *group) resign(m *member) {
	g.mu.Lock()
	g.remove(m)
	g.mu.Unlock()
	g.pass()
}

// pass makes the first that waits the leader.
func (g *group) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.waiting, g.leading = nil, false
		return
	}
	close(g.waiting[0].lead)
}

// take returns those whose turn it is, the leader first.
func (g *group) take() []*member {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.waiting), maxTogether)
	batch := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	return batch
}

// commit runs the batch in one transaction and says of each what became of it.
func (c *core) commit(ctx context.Context, conn *sql.Conn, batch []*member) {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		failAll(batch, fmt.Errorf("sqldb: begin: %w", err))
		return
	}
	c.open(tx)
	defer c.forget(tx)
	defer func() { _ = tx.Rollback() }() // no effect after a commit
	for _, m := range batch {
		if err := c.within(ctx, tx, m, len(batch) > 1); err != nil {
			failAll(batch, fmt.Errorf("sqldb: rolled back: %w", err))
			return
		}
	}
	if len(batch) == 1 && batch[0].err != nil {
		return
	}
	if err := tx.Commit(); err != nil {
		failAll(batch, fmt.Errorf("sqldb: commit: %w", err))
		return
	}
	for _, hook := range c.take(tx) {
		hook()
	}
}

// within runs one of the batch so that its failure undoes nothing but itself.
// The error is one of the transaction.
func (c *core) within(ctx context.Context, tx *sql.Tx, m *member, shared bool) error {
	if !shared {
		m.err = m.run(ctx, tx)
		return nil
	}
	if _, err := tx.ExecContext(ctx, `SAVEPOINT posai_member`); err != nil {
		return err
	}
	hooks := len(c.take(tx))
	if m.err = m.run(ctx, tx); m.err != nil {
		c.truncate(tx, hooks)
		if _, err := tx.ExecContext(ctx, `ROLLBACK TO posai_member`); err != nil {
			return m.err // SQLite has ended the transaction, because of that
		}
	}
	_, err := tx.ExecContext(ctx, `RELEASE posai_member`)
	return err
}

// failAll gives err to those that have no error of their own.
func failAll(batch []*member, err error) {
	for _, m := range batch {
		if m.err == nil {
			m.err = err
		}
	}
}
