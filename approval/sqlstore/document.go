package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/internal/sqldb"
)

// Document implements [approval.Store].
func (s *Store) Document(ctx context.Context, name string) (approval.Document, error) {
	d := approval.Document{Name: name}
	var data []byte
	err := s.reader().QueryRowContext(ctx, s.db.Rebind(`SELECT version, data FROM posai_approval_document WHERE name = ?`), name).Scan(&d.Version, &data)
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
	done, err := s.writer().ExecContext(ctx, s.db.Rebind(query), args...)
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

// byName compares names by their bytes, whatever the database was set up to.
const (
	byNameSQLite     = `name COLLATE BINARY`
	byNamePostgreSQL = `name COLLATE "C"`
)

func (s *Store) byName() string {
	if s.db.Dialect == sqldb.PostgreSQL {
		return byNamePostgreSQL
	}
	return byNameSQLite
}

// Documents implements [approval.DocumentStore].
func (s *Store) Documents(ctx context.Context, prefix, after string, limit int) (list []approval.Document, err error) {
	if prefix == "" || limit < 1 {
		return nil, errors.New("sqlstore: documents: a prefix and a limit are needed")
	}
	last := len(prefix) - 1
	end := prefix[:last] + string(rune(prefix[last]+1))
	by := s.byName()
	rows, err := s.reader().QueryContext(ctx, s.db.Rebind(`SELECT name, version, data FROM posai_approval_document
		WHERE `+by+` >= ? AND `+by+` < ? AND `+by+` > ? ORDER BY `+by+` LIMIT ?`), prefix, end, after, limit)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: documents: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var d approval.Document
		var data []byte
		if err := rows.Scan(&d.Name, &d.Version, &data); err != nil {
			return nil, fmt.Errorf("sqlstore: documents: %w", err)
		}
		d.Data = data
		list = append(list, d)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("sqlstore: documents: %w", err)
	}
	return list, nil
}

// DropDocument implements [approval.DocumentStore].
func (s *Store) DropDocument(ctx context.Context, name string, version int64) error {
	done, err := s.writer().ExecContext(ctx, s.db.Rebind(`DELETE FROM posai_approval_document WHERE name = ? AND version = ?`), name, version)
	if err != nil {
		return fmt.Errorf("sqlstore: drop document: %w", err)
	}
	n, err := done.RowsAffected()
	if err != nil {
		return fmt.Errorf("sqlstore: drop document: %w", err)
	}
	if n == 0 {
		return approval.ErrConflict
	}
	return nil
}

// DropDocuments implements [approval.DocumentStore].
func (s *Store) DropDocuments(ctx context.Context, from, to string) error {
	by := s.byName()
	if _, err := s.writer().ExecContext(ctx, s.db.Rebind(`DELETE FROM posai_approval_document WHERE `+by+` >= ? AND `+by+` < ?`), from, to); err != nil {
		return fmt.Errorf("sqlstore: drop documents: %w", err)
	}
	return nil
}
