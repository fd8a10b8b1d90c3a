package alarm

import "time"

// SetDatabaseClock sets the database's time, as this clock sees it, by d.
func (c *Clock) SetDatabaseClock(d time.Duration) { c.skew.Store(d.Milliseconds()) }
