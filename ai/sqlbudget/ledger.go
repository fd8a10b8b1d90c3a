package sqlbudget

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/internal/sqldb"
)

// room is the name of the tables' schema version in the database.
const room = "ai_budget"

// pageSize is how many open entries are read at once.
const pageSize = 200

// Options are the options of [Open]. The zero value is the default.
type Options struct {
	// Timeout is the longest that one transaction may take, beside the context's
	// deadline. If zero, 10 s.
	Timeout time.Duration
}

// A Ledger is an [ai.Ledger] in a database. It is safe for concurrent use.
type Ledger struct {
	db      *sqldb.DB
	timeout time.Duration
}

var _ ai.Ledger = (*Ledger)(nil)

// Open opens the database at url and creates the tables if they are missing:
//
//   - sqlite:///abs/path.db or sqlite:rel/path.db is a SQLite file, owned by one
//     process, whose folder must exist.
//   - postgres://… is a PostgreSQL server.
//
// Nil options are the defaults. Close the ledger when it is no longer used.
func Open(ctx context.Context, url string, opts *Options) (*Ledger, error) {
	l := &Ledger{timeout: 10 * time.Second}
	if opts != nil && opts.Timeout > 0 {
		l.timeout = opts.Timeout
	}
	var err error
	if l.db, err = sqldb.Open(ctx, url); err != nil {
		return nil, fmt.Errorf("sqlbudget: %w", err)
	}
	if err := l.db.Migrate(ctx, room, migrations); err != nil {
		_ = l.db.Close()
		return nil, fmt.Errorf("sqlbudget: %w", err)
	}
	return l, nil
}

// Close closes the database.
func (l *Ledger) Close() error { return l.db.Close() }

var migrations = []sqldb.Migration{{
	Name: "accounts, entries and the accounts of each entry",
	SQL: `
CREATE TABLE ai_budget_accounts (
	account TEXT PRIMARY KEY,
	spent BIGINT NOT NULL,
	held BIGINT NOT NULL,
	input_tokens BIGINT NOT NULL DEFAULT 0,
	cache_read_tokens BIGINT NOT NULL DEFAULT 0,
	cache_write_tokens BIGINT NOT NULL DEFAULT 0,
	output_tokens BIGINT NOT NULL DEFAULT 0,
	reasoning_tokens BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE ai_budget_entries (
	id TEXT PRIMARY KEY,
	began_us BIGINT NOT NULL,
	shop TEXT NOT NULL,
	staff TEXT NOT NULL,
	role TEXT NOT NULL,
	feature TEXT NOT NULL,
	provider TEXT NOT NULL,
	model TEXT NOT NULL,
	state TEXT NOT NULL CHECK (state IN ('reserved', 'held', 'exact')),
	amount BIGINT NOT NULL,
	response_id TEXT NOT NULL DEFAULT '',
	input_tokens BIGINT NOT NULL DEFAULT 0,
	cache_read_tokens BIGINT NOT NULL DEFAULT 0,
	cache_write_tokens BIGINT NOT NULL DEFAULT 0,
	output_tokens BIGINT NOT NULL DEFAULT 0,
	reasoning_tokens BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX ai_budget_open ON ai_budget_entries (began_us, id) WHERE state <> 'exact';
CREATE TABLE ai_budget_lines (
	entry TEXT NOT NULL REFERENCES ai_budget_entries (id),
	account TEXT NOT NULL REFERENCES ai_budget_accounts (account),
	PRIMARY KEY (entry, account)
);
`,
}}

// tx runs fn in a transaction within the time limit.
func (l *Ledger) tx(ctx context.Context, fn func(context.Context, *sql.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	err := l.db.Tx(ctx, func(tx *sql.Tx) error { return fn(ctx, tx) })
	if err != nil && !errors.Is(err, ai.ErrBudget) && !errors.Is(err, ai.ErrNoEntry) {
		return fmt.Errorf("sqlbudget: %w", err)
	}
	return err
}

// Reserve implements [ai.Ledger].
func (l *Ledger) Reserve(ctx context.Context, r ai.Reservation) error {
	// In one order for everybody, or two transactions could wait for each other.
	accounts := slices.SortedFunc(slices.Values(r.Accounts), func(a, b ai.Account) int { return strings.Compare(a.Name, b.Name) })
	return l.tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, l.db.Rebind(
			`INSERT INTO ai_budget_entries (id, began_us, shop, staff, role, feature, provider, model, state, amount)
			 VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'reserved', ?)`),
			r.ID, r.Time.UnixMicro(), r.Caller.Shop, r.Caller.Staff, r.Caller.Role, r.Caller.Feature, r.Provider, r.Model, int64(r.Amount),
		); err != nil {
			return err
		}
		for _, a := range accounts {
			if err := l.hold(ctx, tx, r, a); err != nil {
				return err
			}
		}
		return nil
	})
}

// hold counts the entry on one account, if its limit allows.
func (l *Ledger) hold(ctx context.Context, tx *sql.Tx, r ai.Reservation, a ai.Account) error {
	if _, err := tx.ExecContext(ctx, l.db.Rebind(
		`INSERT INTO ai_budget_accounts (account, spent, held) VALUES (?, 0, 0) ON CONFLICT DO NOTHING`), a.Name,
	); err != nil {
		return err
	}
	// Subtracting from the limit cannot overflow where adding to it could. The row
	// stays locked until the transaction ends.
	res, err := tx.ExecContext(ctx, l.db.Rebind(
		`UPDATE ai_budget_accounts SET held = held + ? WHERE account = ? AND spent <= ? - held AND spent + held <= ?`),
		int64(r.Amount), a.Name, int64(a.Limit), int64(a.Limit-r.Amount))
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		if err != nil {
			return err
		}
		var b ai.Balance
		if err := tx.QueryRowContext(ctx, l.db.Rebind(`SELECT spent, held FROM ai_budget_accounts WHERE account = ?`), a.Name).
			Scan(&b.Spent, &b.Held); err != nil {
			return err
		}
		return &ai.BudgetError{Account: a.Name, Limit: a.Limit, Left: max(a.Limit-b.Spent-b.Held, 0), Needed: r.Amount}
	}
	_, err = tx.ExecContext(ctx, l.db.Rebind(`INSERT INTO ai_budget_lines (entry, account) VALUES (?, ?)`), r.ID, a.Name)
	return err
}

// Settle implements [ai.Ledger].
func (l *Ledger) Settle(ctx context.Context, s ai.Settlement) error {
	state := "held"
	if s.Exact {
		state = "exact"
	}
	u := s.Usage
	return l.tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		// The lock on the entry's row makes two settlements take turns.
		lock := ""
		if l.db.Dialect == sqldb.PostgreSQL {
			lock = " FOR UPDATE"
		}
		var before int64
		err := tx.QueryRowContext(ctx, l.db.Rebind(
			`SELECT amount FROM ai_budget_entries WHERE id = ? AND state <> 'exact'`+lock), s.ID).Scan(&before)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return ai.ErrNoEntry
		case err != nil:
			return err
		}
		if _, err := tx.ExecContext(ctx, l.db.Rebind(
			`UPDATE ai_budget_entries SET state = ?, amount = ?, input_tokens = ?, cache_read_tokens = ?, cache_write_tokens = ?,
			 output_tokens = ?, reasoning_tokens = ?, response_id = CASE WHEN ? = '' THEN response_id ELSE ? END WHERE id = ?`),
			state, int64(s.Amount), u.InputTokens, u.CacheReadTokens, u.CacheWriteTokens, u.OutputTokens, u.ReasoningTokens,
			s.ResponseID, s.ResponseID, s.ID,
		); err != nil {
			return err
		}
		names, err := l.lines(ctx, tx, s.ID)
		if err != nil {
			return err
		}
		for _, name := range names {
			if s.Exact {
				_, err = tx.ExecContext(ctx, l.db.Rebind(
					`UPDATE ai_budget_accounts SET held = held - ?, spent = spent + ?, input_tokens = input_tokens + ?,
					 cache_read_tokens = cache_read_tokens + ?, cache_write_tokens = cache_write_tokens + ?,
					 output_tokens = output_tokens + ?, reasoning_tokens = reasoning_tokens + ? WHERE account = ?`),
					before, int64(s.Amount), u.InputTokens, u.CacheReadTokens, u.CacheWriteTokens, u.OutputTokens, u.ReasoningTokens, name)
			} else {
				_, err = tx.ExecContext(ctx, l.db.Rebind(
					`UPDATE ai_budget_accounts SET held = held - ? + ? WHERE account = ?`), before, int64(s.Amount), name)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// lines returns the accounts of an entry, in the order in which they are locked.
func (l *Ledger) lines(ctx context.Context, tx *sql.Tx, entry string) ([]string, error) {
	rows, err := tx.QueryContext(ctx, l.db.Rebind(`SELECT account FROM ai_budget_lines WHERE entry = ?`), entry)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	slices.Sort(names) // not by the database, whose collation may differ
	return names, rows.Err()
}

// Balance implements [ai.Ledger].
func (l *Ledger) Balance(ctx context.Context, account string) (ai.Balance, error) {
	var b ai.Balance
	u := &b.Usage
	err := l.tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, l.db.Rebind(
			`SELECT spent, held, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens
			 FROM ai_budget_accounts WHERE account = ?`), account).
			Scan(&b.Spent, &b.Held, &u.InputTokens, &u.CacheReadTokens, &u.CacheWriteTokens, &u.OutputTokens, &u.ReasoningTokens)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return b, err
}

// Open implements [ai.Ledger]. It reads page by page, so that no transaction stays
// open while the caller works.
func (l *Ledger) Open(ctx context.Context) iter.Seq2[ai.Entry, error] {
	return func(yield func(ai.Entry, error) bool) {
		var after int64
		var afterID string
		for {
			page, err := l.page(ctx, after, afterID)
			if err != nil {
				yield(ai.Entry{}, err)
				return
			}
			for _, e := range page {
				if !yield(e, nil) {
					return
				}
			}
			if len(page) < pageSize {
				return
			}
			last := page[len(page)-1]
			after, afterID = last.Time.UnixMicro(), last.ID
		}
	}
}

func (l *Ledger) page(ctx context.Context, after int64, afterID string) ([]ai.Entry, error) {
	var page []ai.Entry
	err := l.tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, l.db.Rebind(
			`SELECT id, began_us, shop, staff, role, feature, provider, model, state, amount, response_id FROM ai_budget_entries
			 WHERE state <> 'exact' AND (began_us > ? OR began_us = ? AND id > ?) ORDER BY began_us, id LIMIT ?`),
			after, after, afterID, pageSize)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var e ai.Entry
			var began int64
			var state string
			c := &e.Caller
			if err := rows.Scan(&e.ID, &began, &c.Shop, &c.Staff, &c.Role, &c.Feature, &e.Provider, &e.Model, &state, &e.Amount, &e.ResponseID); err != nil {
				return err
			}
			e.Time, e.Held = time.UnixMicro(began).UTC(), state == "held"
			page = append(page, e)
		}
		return rows.Err()
	})
	return page, err
}
