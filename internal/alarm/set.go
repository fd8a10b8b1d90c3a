package alarm

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/posai-go/posai/internal/sqldb"
)

// SetTx sets an alarm as part of tx: it rings at the given time, or soon after
// the commit if that time is zero or past.
func (c *Clock) SetTx(ctx context.Context, tx *sql.Tx, call Call, at time.Time) error {
	return c.SetAllTx(ctx, tx, []Call{call}, at)
}

// SetAllTx sets several alarms for one time, in one statement.
func (c *Clock) SetAllTx(ctx context.Context, tx *sql.Tx, calls []Call, at time.Time) error {
	if len(calls) == 0 {
		return nil
	}
	type row struct {
		Task string `json:"task"`
		Ref  string `json:"ref"`
	}
	rows := make([]row, len(calls))
	for i, call := range calls {
		rows[i] = row{call.Task, call.Ref}
	}
	list, err := json.Marshal(rows)
	if err != nil {
		return errors.New("alarm: set: a call cannot be written as JSON")
	}
	if _, err := tx.ExecContext(ctx, c.setAll, string(list), Due(at)); err != nil {
		return fmt.Errorf("alarm: set: %w", err)
	}
	if !at.IsZero() && at.After(time.Now()) {
		return nil
	}
	return c.RingTx(ctx, tx)
}

// Due returns at as [Clock.SetSQL] takes it.
func Due(at time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: at.UnixMicro(), Valid: !at.IsZero()}
}

// SetSQL returns a statement that sets an alarm for each row of source, a
// SELECT of two texts and a bigint: task, ref and the time, see [Due]. It lets
// a room write its rows and set their alarms in one statement. [Clock.Ring] has
// to follow the commit.
func (c *Clock) SetSQL(source string) string {
	// As River's own insert does. What is not named here has a default.
	insert := `INSERT INTO river_job (args, kind, max_attempts, queue, created_at, scheduled_at, state) `
	kind := fmt.Sprintf(`'%s', %d, '%s', `, args{}.Kind(), c.opts.MaxAttempts, c.queue)
	if c.db.Dialect == sqldb.SQLite {
		// Text in milliseconds, rounded up so that nothing rings too early.
		return insert + `SELECT jsonb_object('task', task, 'ref', ref), ` + kind + `datetime('now', 'subsec'), at,
			CASE WHEN at > datetime('now', 'subsec') THEN 'scheduled' ELSE 'available' END
			FROM (SELECT task, ref, CASE WHEN due IS NULL THEN datetime('now', 'subsec') ELSE datetime((due + 999) / 1000 / 1000.0, 'unixepoch', 'subsec') END AS at
				FROM (SELECT NULL AS task, NULL AS ref, NULL AS due WHERE FALSE UNION ALL ` + source + `))`
	}
	return insert + `SELECT jsonb_build_object('task', task, 'ref', ref), ` + kind + `now(), COALESCE(to_timestamp(due / 1e6), now()),
		(CASE WHEN to_timestamp(due / 1e6) > now() THEN 'scheduled' ELSE 'available' END)::river_job_state
		FROM (` + source + `) AS alarm (task, ref, due)`
}

// setAllSQL is the statement of SetAllTx.
func (c *Clock) setAllSQL() string {
	if c.db.Dialect == sqldb.SQLite {
		return c.SetSQL(`SELECT value ->> 'task', value ->> 'ref', ?2 FROM json_each(?1)`)
	}
	return c.SetSQL(`SELECT value ->> 'task', value ->> 'ref', $2::bigint FROM jsonb_array_elements($1::jsonb)`)
}

// Ring makes the clocks of the room look for alarms now, in this process and,
// on PostgreSQL, in others. It has to follow the commit of alarms that
// [Clock.SetSQL] set.
func (c *Clock) Ring() {
	c.ring()
	if c.db.Dialect == sqldb.PostgreSQL {
		c.tell()
	}
}

// RingTx arranges for [Clock.Ring] after the commit of tx.
func (c *Clock) RingTx(ctx context.Context, tx *sql.Tx) error {
	if !c.db.AfterCommit(tx, c.Ring) && c.db.Dialect == sqldb.PostgreSQL {
		// A transaction of the caller's own: nobody tells us of its commit, but
		// the database tells everybody.
		return c.notify(ctx, tx)
	}
	return nil
}

// ring makes the clocks of this process look for alarms now.
func (c *Clock) ring() {
	select {
	case c.wake <- struct{}{}:
	default: // it will look anyway
	}
}

const (
	// tellTime bounds a notification. One that is lost costs the others a
	// poll interval, no more.
	tellTime = 2 * time.Second

	// maxTold is how many notifications one caller sends for others.
	maxTold = 100
)

// tell notifies the clocks of other processes. It does so after the commit,
// not within: PostgreSQL lets one transaction at a time commit that notifies,
// wait for the disk included. Who comes while a notification is on its way
// leaves the next one to its sender.
func (c *Clock) tell() {
	c.telling.Lock()
	defer c.telling.Unlock()
	if c.telling.busy {
		c.telling.again = true
		return
	}
	c.telling.busy = true
	for n := 0; n == 0 || c.telling.again && n < maxTold; n++ {
		c.telling.again = false
		c.telling.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), tellTime)
		err := c.notify(ctx, c.db)
		cancel()
		if err != nil {
			c.opts.Logger.DebugContext(ctx, "alarm: cannot notify other processes", "queue", c.queue, "type", fmt.Sprintf("%T", err))
		}
		c.telling.Lock()
	}
	c.telling.busy = false
}

// notify sends what River's listeners wait for.
func (c *Clock) notify(ctx context.Context, ex executor) error {
	_, err := ex.ExecContext(ctx, `SELECT pg_notify(concat(current_schema(), '.', $1::text), $2)`, topicInsert, c.note())
	if err != nil {
		return fmt.Errorf("alarm: notify: %w", err)
	}
	return nil
}

// note is the payload of a notification about alarms of this room.
func (c *Clock) note() string { return fmt.Sprintf(`{"queue":%q}`, c.queue) }
