// Package pglimit shares the query-cost points of shops among processes,
// through PostgreSQL.
//
// Shopify gives an app one bucket of points per shop, however many processes
// draw on it. Processes that do not know of one another overdraw it and are
// throttled. With a [Store] the first call in each process's queue takes its
// points in one row per shop, and every answer sets the row right:
//
//	store, err := pglimit.New(db, nil)
//	…
//	if err := store.Migrate(ctx); err != nil {
//		return err
//	}
//	limiter := shopify.NewLimiter(&shopify.LimiterOptions{Points: store})
//
// That costs each call two statements on a row, of well under a millisecond
// each. A call whose process dies between them leaves points counted as under
// way; they fade within a few minutes. While the database is away each process
// goes by what Shopify's answers say, see [shopify.LimiterOptions.Points].
//
// Order is kept within a process. Among processes interactive calls go before
// background ones, and the call that was refused first holds a place, so that
// cheap calls of others do not starve it.
//
// It uses database/sql and brings no driver; open the database with pgx's
// stdlib package, for instance. It needs PostgreSQL 13 or later.
package pglimit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"regexp"
	"time"

	"github.com/posai-go/posai/shopify"
)

// Options are the optional settings of a [Store]. Zero fields are the defaults.
type Options struct {
	// App tells apps apart that share the table: each has its own points at a
	// shop. If empty, all are one.
	App string
	// Table is the table's name, "name" or "schema.name" in lower-case letters,
	// digits and underscores. If empty, "posai_query_points".
	Table string
	// Now tells the time. If nil, the database does, so that the clocks of
	// processes need not agree.
	Now func() time.Time
}

// Store keeps points in PostgreSQL. It is a [shopify.PointStore]. Safe for
// concurrent use.
type Store struct {
	db                           *sql.DB
	app, table                   string
	now                          func() time.Time
	takeSQL, settleSQL, learnSQL string
}

var _ shopify.PointStore = (*Store)(nil)

var tableRE = regexp.MustCompile(`^([a-z_][a-z0-9_]{0,62}\.)?[a-z_][a-z0-9_]{0,62}$`)

// New returns a store in the database, which the caller closes. It does not use
// it yet. The error matches [shopify.ErrInvalid].
func New(db *sql.DB, opts *Options) (*Store, error) {
	if db == nil {
		return nil, fmt.Errorf("pglimit: %w: no database", shopify.ErrInvalid)
	}
	s := &Store{db: db, table: "posai_query_points"}
	if opts != nil {
		s.app, s.now = opts.App, opts.Now
		if opts.Table != "" {
			s.table = opts.Table
		}
	}
	if !tableRE.MatchString(s.table) {
		return nil, fmt.Errorf("pglimit: %w: table name", shopify.ErrInvalid)
	}
	s.takeSQL, s.settleSQL, s.learnSQL = fmt.Sprintf(takeSQL, s.table), fmt.Sprintf(settleSQL, s.table), fmt.Sprintf(learnSQL, s.table)
	return s, nil
}

// Migrate creates the table if it is not there.
func (s *Store) Migrate(ctx context.Context) error {
	if _, err := s.db.ExecContext(ctx, fmt.Sprintf(createSQL, s.table)); err != nil {
		return fmt.Errorf("pglimit: migrate: %w", err)
	}
	return nil
}

// Take implements [shopify.PointStore].
func (s *Store) Take(ctx context.Context, shop shopify.Domain, want shopify.PointRequest) (shopify.PointGrant, error) {
	var g shopify.PointGrant
	var wait float64
	err := s.db.QueryRowContext(ctx, s.takeSQL, s.app, string(shop), s.clock(), want.Cost, want.Spare, want.Urgent, want.Ticket).
		Scan(&g.OK, &g.At, &g.Settled, &wait)
	if errors.Is(err, sql.ErrNoRows) {
		return shopify.PointGrant{OK: true, Cost: want.Cost}, nil // nothing is known of the shop
	}
	if err != nil {
		return shopify.PointGrant{}, fmt.Errorf("pglimit: take: %w", err)
	}
	g.Cost = want.Cost
	g.Wait = time.Duration(min(wait, 3600) * float64(time.Second))
	return g, nil
}

// Settle implements [shopify.PointStore].
func (s *Store) Settle(ctx context.Context, shop shopify.Domain, grant shopify.PointGrant, use shopify.PointUse) error {
	answer := use.Cost
	t := answer.Throttle
	known := t.MaximumAvailable >= 1 && t.RestoreRate > 0 && t.CurrentlyAvailable <= t.MaximumAvailable &&
		t.MaximumAvailable < 1e9 && t.RestoreRate < 1e9 && !math.IsNaN(t.CurrentlyAvailable)
	if grant.At != 0 {
		actual := max(0, min(answer.Actual, 1e9))
		_, err := s.db.ExecContext(ctx, s.settleSQL, s.app, string(shop), s.clock(), grant.Cost, grant.At, grant.Settled,
			known, actual, t.CurrentlyAvailable, t.MaximumAvailable, t.RestoreRate, use.Unused)
		if err != nil {
			return fmt.Errorf("pglimit: settle: %w", err)
		}
		return nil
	}
	if !known {
		return nil
	}
	if _, err := s.db.ExecContext(ctx, s.learnSQL, s.app, string(shop), s.clock(), max(0, t.CurrentlyAvailable), t.MaximumAvailable, t.RestoreRate); err != nil {
		return fmt.Errorf("pglimit: settle: %w", err)
	}
	return nil
}

// clock is the statement's idea of the time: null for the database's own.
func (s *Store) clock() any {
	if s.now == nil {
		return nil
	}
	return float64(s.now().UnixNano()) / 1e9
}
