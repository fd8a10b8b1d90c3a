package inbox

import (
	"context"
	"fmt"
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

// Clean deletes the deliveries that were kept long enough after they were
// processed ([Options.KeepProcessed]) or died ([Options.KeepDead]), and returns
// how many. A started inbox does so every ten minutes.
func (b *Inbox) Clean(ctx context.Context) (int, error) {
	n, err := b.clean(ctx, Done, b.opts.KeepProcessed)
	if err == nil && b.opts.KeepDead != 0 {
		var dead int
		dead, err = b.clean(ctx, Dead, b.opts.KeepDead)
		n += dead
	}
	if err != nil {
		return n, fmt.Errorf("inbox: clean: %w", err)
	}
	return n, nil
}

func (b *Inbox) clean(ctx context.Context, state State, keep time.Duration) (int, error) {
	before, total := micros(time.Now().Add(-keep)), 0
	// The state is part of the text so that the partial indexes apply.
	query := b.db.Rebind(`DELETE FROM posai_delivery WHERE id IN (
		SELECT id FROM posai_delivery WHERE state = '` + string(state) + `' AND finished_at < ? ORDER BY finished_at LIMIT ?)`)
	for {
		res, err := b.db.ExecContext(ctx, query, before, cleanBatch)
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
