package sqlstore

import (
	"context"
	"database/sql"
	"strings"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/internal/sqldb"
)

// Explain returns how the database reads a list, the search for its words
// included.
func (s *Store) Explain(ctx context.Context, f approval.Filter) (string, error) {
	query, args, err := s.listQuery(ctx, f)
	if err != nil {
		return "", err
	}
	plan, err := s.explain(ctx, query, args...)
	if words := f.Words(); err == nil && len(words) > 0 && trigrams(words) != "" {
		var more string
		query, args := s.probeQuery(words)
		more, err = s.explain(ctx, query, args...)
		plan += "words:\n" + more
	}
	return plan, err
}

// ExplainPurge returns how the database finds what is to be deleted.
func (s *Store) ExplainPurge(ctx context.Context, before int64) (string, error) {
	query, args := s.purgeQuery(before)
	return s.explain(ctx, query, args...)
}

func (s *Store) explain(ctx context.Context, query string, args ...any) (string, error) {
	prefix := `EXPLAIN QUERY PLAN `
	if s.db.Dialect == sqldb.PostgreSQL {
		prefix = `EXPLAIN `
	}
	var b strings.Builder
	err := each(ctx, s.reader(), prefix+query, args, func(rows *sql.Rows) error {
		columns, err := rows.Columns()
		if err != nil {
			return err
		}
		values := make([]any, len(columns))
		var line string
		for i := range values {
			values[i] = new(any)
		}
		values[len(values)-1] = &line
		err = rows.Scan(values...)
		b.WriteString(line + "\n")
		return err
	})
	return b.String(), err
}
