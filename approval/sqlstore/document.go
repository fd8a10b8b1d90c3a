package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/posai-go/posai/approval"
)

// Document implements [approval.Store].
func (s *Store) Document(ctx context.Context, name string) (approval.Document, error) {
	d := approval.Document{Name: name}
	var data []byte
	err := s.conn().QueryRowContext(ctx, s.db.Rebind(`SELECT version, data FROM posai_approval_document WHERE name = ?`), name).Scan(&d.Version, &data)
	if errors.Is(err, sql.ErrNoRows) {
		return d, nil
	}
	if err != nil {
		return d, fmt.Errorf("sqlstore: document: %w", err)
	}
	d.Data = data
	return d, nil
}

// SetDocument implements [approval.Store].
func (s *Store) SetDocument(ctx context.Context, d approval.Document) (approval.Document, error) {
	query, args := `UPDATE posai_approval_document SET version = version + 1, data = ? WHERE name = ? AND version = ?`, []any{string(d.Data), d.Name, d.Version}
	if d.Version == 0 {
		query, args = `INSERT INTO posai_approval_document (data, name, version) VALUES (?, ?, 1) ON CONFLICT (name) DO NOTHING`, args[:2]
	}
	done, err := s.conn().ExecContext(ctx, s.db.Rebind(query), args...)
	if err != nil {
		return approval.Document{}, fmt.Errorf("sqlstore: document: %w", err)
	}
	n, err := done.RowsAffected()
	if err != nil {
		return approval.Document{}, fmt.Errorf("sqlstore: document: %w", err)
	}
	if n == 0 {
		return approval.Document{}, approval.ErrConflict
	}
	d.Version++
	return d, nil
}
