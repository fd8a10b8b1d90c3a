package alarm

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/posai-go/posai/internal/sqldb"
)

// topicInsert is River's notification topic for new jobs; its payload names
// the queue.
const topicInsert = "river_insert"

// driver returns River's driver with a listener that also hears what this
// process itself commits. River alone polls SQLite every 50 ms, and on
// PostgreSQL it holds back all but the first of notifications that follow
// close upon one another, so that the others' jobs wait for the next poll.
func (c *Clock) driver() riverdriver.Driver[*sql.Tx] {
	local := local{wake: c.wake, note: riverdriver.Notification{Topic: topicInsert, Payload: c.note()}}
	if c.db.Dialect == sqldb.PostgreSQL {
		return &postgresDriver{riverdatabasesql.NewWithPgxListener(c.db.DB, c.db.Pool), local}
	}
	return &sqliteDriver{riversqlite.New(c.db.DB), local}
}

// Migrate creates or updates the tables of River and of this package.
// Processes that start at once wait for one another.
func (c *Clock) Migrate(ctx context.Context) error {
	err := c.db.Exclusively(ctx, func(ctx context.Context) error {
		migrator, err := rivermigrate.New(c.driver(), &rivermigrate.Config{Logger: c.opts.Logger})
		if err != nil {
			return err
		}
		_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
		return err
	})
	if err != nil {
		return fmt.Errorf("alarm: migrate: %w", err)
	}
	return c.db.Migrate(ctx, "alarm", migrations)
}

// local hears the commits of this process.
type local struct {
	wake chan struct{}
	note riverdriver.Notification
}

type sqliteDriver struct {
	*riversqlite.Driver
	local local
}

// SupportsListenNotify keeps River from writing notifications into a table
// that nobody reads.
func (d *sqliteDriver) SupportsListenNotify() bool { return false }

// GetListener returns the listener of this process, which owns the file: there
// is no other to hear from.
func (d *sqliteDriver) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return &sqliteListener{d.local}
}

type sqliteListener struct{ local }

func (*sqliteListener) Close(context.Context) error            { return nil }
func (*sqliteListener) Connect(context.Context) error          { return nil }
func (*sqliteListener) Listen(context.Context, string) error   { return nil }
func (*sqliteListener) Unlisten(context.Context, string) error { return nil }
func (*sqliteListener) Ping(context.Context) error             { return nil }
func (*sqliteListener) Schema() string                         { return "" }
func (*sqliteListener) SetAfterConnectExec(string)             {}

// WaitForNotification waits for the next commit.
func (l *sqliteListener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	select {
	case <-l.wake:
		return &l.note, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type postgresDriver struct {
	*riverdatabasesql.Driver
	local local
}

// GetListener returns River's listener, joined by this process's own commits.
func (d *postgresDriver) GetListener(params *riverdriver.GetListenenerParams) riverdriver.Listener {
	return &postgresListener{d.Driver.GetListener(params), d.local}
}

type postgresListener struct {
	riverdriver.Listener
	local
}

// WaitForNotification waits for the next commit here or notification from
// elsewhere.
func (l *postgresListener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	woken := make(chan bool, 1)
	go func() {
		select {
		case <-l.wake:
			cancel()
			woken <- true
		case <-waiting.Done():
			woken <- false
		}
	}()
	n, err := l.Listener.WaitForNotification(waiting)
	cancel()
	switch here := <-woken; {
	case here && err != nil && ctx.Err() == nil:
		return &l.note, nil
	case here: // both at once: keep ours for the next wait
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	return n, err
}
