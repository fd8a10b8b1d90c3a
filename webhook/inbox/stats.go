package inbox

import (
	"context"
	"fmt"
	"time"
)

// Stats are numbers of an inbox, over all processes that share it.
type Stats struct {
	// How many deliveries are in each state. Processed ones are counted until
	// they are deleted.
	Pending, Processing, Processed, Dead int

	// Lag is the age of the oldest delivery that is pending or processing,
	// since it arrived; zero if there is none.
	Lag time.Duration
}

// Depth is how many deliveries are yet to be processed.
func (s Stats) Depth() int { return s.Pending + s.Processing }

// Stats counts the deliveries.
func (b *Inbox) Stats(ctx context.Context) (Stats, error) {
	var s Stats
	var oldest int64
	// The counts come from the index on the states; only what is yet to be
	// processed is looked at itself.
	err := b.db.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM posai_delivery WHERE state = 'pending'),
		(SELECT count(*) FROM posai_delivery WHERE state = 'processing'),
		(SELECT count(*) FROM posai_delivery WHERE state = 'processed'),
		(SELECT count(*) FROM posai_delivery WHERE state = 'dead'),
		(SELECT COALESCE(min(received_at), 0) FROM posai_delivery WHERE state IN ('pending', 'processing'))`,
	).Scan(&s.Pending, &s.Processing, &s.Processed, &s.Dead, &oldest)
	if err != nil {
		return Stats{}, fmt.Errorf("inbox: stats: %w", err)
	}
	if oldest != 0 {
		s.Lag = max(time.Since(fromMicros(oldest)), 0)
	}
	return s, nil
}
