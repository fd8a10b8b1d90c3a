package store

import "time"

// SetNow puts the store's clock.
func (s *Store) SetNow(now func() time.Time) { s.now = now }
