package sqlstore

import (
	"context"
	"database/sql"
	"strings"

	"github.com/posai-go/posai/approval"
)

// insertSubjects makes a new request findable by what it is about. Subjects
// never change.
func (s *Store) insertSubjects(ctx context.Context, tx *sql.Tx, r *approval.Request) error {
	if len(r.Subjects) == 0 {
		return nil
	}
	var rows []string
	var args []any
	for _, subject := range r.Subjects {
		rows = append(rows, `(?, ?, ?, ?)`)
		args = append(args, subject.Type, subject.ID, r.CreatedAt.UnixMicro(), r.ID)
	}
	_, err := tx.ExecContext(ctx, s.db.Rebind(`INSERT INTO posai_approval_subject (type, id, created_at, request_id) VALUES `+
		strings.Join(rows, `, `)+` ON CONFLICT DO NOTHING`), args...)
	return err
}
