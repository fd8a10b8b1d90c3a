package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/posai-go/posai/internal/sqldb"
)

const (
	purgeEvery = time.Hour
	purgeBatch = 500 // rows of one transaction, so that nobody waits long for it

	// forgetEvery is how long words of deleted requests may stay in SQLite's
	// index, out of which they are not taken one by one.
	forgetEvery = 24 * time.Hour
	forgetPages = 500 // of the index, in one transaction
)

// Purge deletes requests that are final and were created before the given time,
// and returns how many. Those whose last audit entries are not in the log yet
// stay. [Options].KeepFinal does it by itself.
func (s *Store) Purge(ctx context.Context, before time.Time) (int, error) {
	n, err := s.purge(ctx, before)
	if n > 0 && err == nil {
		err = s.forgetWords(ctx)
	}
	return n, err
}

func (s *Store) purge(ctx context.Context, before time.Time) (int, error) {
	query, args := s.purgeQuery(before.UnixMicro())
	total := 0
	for {
		done, err := s.writer().ExecContext(ctx, `DELETE FROM posai_approval_request WHERE id IN (`+query+`)`, args...)
		if err != nil {
			return total, fmt.Errorf("sqlstore: purge: %w", err)
		}
		n, err := done.RowsAffected()
		if err != nil {
			return total, fmt.Errorf("sqlstore: purge: %w", err)
		}
		total += int(n)
		if n < purgeBatch {
			return total, nil
		}
	}
}

// purgeQuery is the requests of one batch, the oldest first: since they are
// deleted, the next batch begins where this one ends.
func (s *Store) purgeQuery(before int64) (query string, args []any) {
	b := &builder{Store: s, from: byTime}
	b.states(finalStates)
	b.and(`r.created_at < ?`, before)
	b.and(b.column("unrecorded", false) + ` = 0`)
	return s.db.Rebind(`SELECT r.id FROM posai_approval_request r WHERE ` + strings.Join(b.where, ` AND `) +
		` ORDER BY r.created_at, r.id LIMIT ` + strconv.Itoa(purgeBatch)), b.args
}

// forgetWords rewrites SQLite's index of words without those of deleted
// requests, in short steps (https://www.sqlite.org/fts5.html#the_merge_command).
// PostgreSQL's autovacuum does so by itself.
func (s *Store) forgetWords(ctx context.Context) error {
	if s.db.Dialect == sqldb.PostgreSQL {
		return nil
	}
	for pages := -forgetPages; ; pages = forgetPages { // the first begins a merge of all
		var before, after int
		err := s.db.Tx(ctx, func(tx *sql.Tx) error {
			if err := tx.QueryRowContext(ctx, `SELECT total_changes()`).Scan(&before); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO posai_approval_trigram (posai_approval_trigram, rank) VALUES ('merge', ?)`, pages); err != nil {
				return err
			}
			return tx.QueryRowContext(ctx, `SELECT total_changes()`).Scan(&after)
		})
		if err != nil {
			return fmt.Errorf("sqlstore: purge: %w", err)
		}
		if after-before < 2 {
			return nil
		}
	}
}

// purging deletes old requests until ctx ends.
func (s *Store) purging(ctx context.Context, keep time.Duration) {
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	var since time.Time // of the first words that may be left in the index
	for {
		n := 0
		now, err := s.Now(ctx)
		if err == nil {
			n, err = s.purge(ctx, now.Add(-keep))
		}
		if n > 0 && since.IsZero() {
			since = time.Now()
		}
		if err == nil && !since.IsZero() && time.Since(since) >= forgetEvery {
			if err = s.forgetWords(ctx); err == nil {
				since = time.Time{}
			}
		}
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "sqlstore: cannot delete old requests", "type", fmt.Sprintf("%T", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
