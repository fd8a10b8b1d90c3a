package alarm

import (
	"context"
	"time"
)

// SetDatabaseClock sets the database's time, as this clock sees it, by d.
func (c *Clock) SetDatabaseClock(d time.Duration) { c.skew.Store(d.Milliseconds()) }

// Sweep takes over from those who are gone.
func (c *Clock) Sweep(ctx context.Context) error { return c.sweep(ctx) }
