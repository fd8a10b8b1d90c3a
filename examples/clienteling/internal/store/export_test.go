package store

import (
	"context"
	"time"
)

// SetNow puts the store's clock.
func (s *Store) SetNow(now func() time.Time) { s.now = now }

// Exec changes the tables behind the store's back.
func (s *Store) Exec(ctx context.Context, query string) error {
	_, err := s.db.ExecContext(ctx, query)
	return err
}
