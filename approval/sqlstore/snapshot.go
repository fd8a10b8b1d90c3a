package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/internal/sqldb"
)

var _ approval.Snapshotter = (*Store)(nil)

// clockSQL is the database's time in microseconds of the Unix epoch.
func (s *Store) clockSQL() string {
	if s.db.Dialect == sqldb.SQLite {
		return `CAST(unixepoch('subsec') * 1000000 AS integer)`
	}
	return `CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)`
}

// Snapshot implements [approval.Snapshotter].
func (s *Store) Snapshot(ctx context.Context, id, document string) (approval.Snapshot, error) {
	var record, data []byte
	var version sql.NullInt64
	var now int64
	err := s.reader().QueryRowContext(ctx, s.db.Rebind(`SELECT r.data, d.version, d.data, `+s.clockSQL()+`
		FROM posai_approval_request r LEFT JOIN posai_approval_document d ON d.name = ? WHERE r.id = ?`), document, id).
		Scan(&record, &version, &data, &now)
	if errors.Is(err, sql.ErrNoRows) {
		return approval.Snapshot{}, approval.ErrNotFound
	}
	if err != nil {
		return approval.Snapshot{}, fmt.Errorf("sqlstore: snapshot: %w", err)
	}
	snap := approval.Snapshot{Document: approval.Document{Name: document, Version: version.Int64}, Now: time.UnixMicro(now).UTC()}
	if version.Valid {
		snap.Document.Data = data
	}
	snap.Record, err = approval.DecodeRecord(record)
	return snap, err
}
