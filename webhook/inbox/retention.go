package inbox

import (
	"context"
	"sync"
	"time"
)

const (
	cleanEvery = 10 * time.Minute
	cleanBatch = 500 // rows in one transaction, so that others get their turn
)

// cleaner is the goroutine that deletes what was kept long enough.
type cleaner struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

func startCleaner(b *Inbox) *cleaner {
	ctx, cancel := context.WithCancel(context.Background())
	c := &cleaner{cancel: cancel}
	c.wg.Go(func() {
		tick := time.NewTicker(cleanEvery)
		defer tick.Stop()
		for {
			if _, err := b.Clean(ctx); err != nil && ctx.Err() == nil {
				b.opts.Logger.WarnContext(ctx, "inbox: cleaning failed", "error", err.Error())
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return c
}

func (c *cleaner) stop() {
	c.cancel()
	c.wg.Wait()
}

// Clean deletes the processed deliveries that were kept for
// [Options.KeepProcessed], and returns how many. A started inbox does so every
// ten minutes.
func (b *Inbox) Clean(ctx context.Context) (int, error) {
	before, total := micros(time.Now().Add(-b.opts.KeepProcessed)), 0
	for {
		res, err := b.db.ExecContext(ctx, b.db.Rebind(`DELETE FROM posai_delivery WHERE id IN (
			SELECT id FROM posai_delivery WHERE state = 'processed' AND finished_at < ? ORDER BY finished_at LIMIT ?)`), before, cleanBatch)
		if err != nil {
			return total, err
		}
		n, err := res.RowsAffected()
		total += int(n)
		if err != nil || n < cleanBatch {
			return total, err
		}
	}
}
