package inbox

import (
	"context"
	"sync"
	"time"

	"github.com/posai-go/posai/webhook"
)

const (
	// maxBatch bounds a transaction by rows and by bytes of bodies.
	maxBatch      = 64
	maxBatchBytes = 8 << 20

	// commitTimeout ends a commit whose database does not answer. Those who
	// wait for it may have left long before.
	commitTimeout = 10 * time.Second
)

// batcher commits together what arrives together: while one batch is being
// committed the next gathers. So the price of a durable commit, a wait for the
// disk, is shared by all that wait.
type batcher struct {
	commit func(context.Context, []webhook.Delivery) ([]bool, error)

	mu      sync.Mutex
	waiting []*item
	running bool
	closed  bool
	wg      sync.WaitGroup
}

type item struct {
	delivery  webhook.Delivery
	done      chan struct{} // closed when what follows is set
	duplicate bool
	err       error
}

func newBatcher(commit func(context.Context, []webhook.Delivery) ([]bool, error)) *batcher {
	return &batcher{commit: commit}
}

// add returns when d is committed, or failed to be, or ctx has ended.
func (b *batcher) add(ctx context.Context, d webhook.Delivery) (duplicate bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	it := &item{delivery: d, done: make(chan struct{})}
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return false, ErrClosed
	}
	b.waiting = append(b.waiting, it)
	if !b.running {
		b.running = true
		b.wg.Go(b.run)
	}
	b.mu.Unlock()

	select {
	case <-it.done:
		return it.duplicate, it.err
	case <-ctx.Done():
		b.leave(it)
		return false, ctx.Err()
	}
}

// leave removes an item that is not being committed yet.
func (b *batcher) leave(it *item) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, other := range b.waiting {
		if other == it {
			b.waiting = append(b.waiting[:i], b.waiting[i+1:]...)
			return
		}
	}
}

// run commits batches until nobody waits.
func (b *batcher) run() {
	for batch := b.next(); len(batch) > 0; batch = b.next() {
		ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
		b.flush(ctx, batch)
		cancel()
	}
}

func (b *batcher) next() []*item {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, bytes := 0, 0
	for n < len(b.waiting) && n < maxBatch {
		bytes += len(b.waiting[n].delivery.Body)
		if n > 0 && bytes > maxBatchBytes {
			break
		}
		n++
	}
	batch := b.waiting[:n:n]
	b.waiting = b.waiting[n:]
	if n == 0 {
		b.waiting, b.running = nil, false
	}
	return batch
}

func (b *batcher) flush(ctx context.Context, batch []*item) {
	deliveries := make([]webhook.Delivery, len(batch))
	for i, it := range batch {
		deliveries[i] = it.delivery
	}
	duplicate, err := b.commit(ctx, deliveries)
	if err != nil && len(batch) > 1 && ctx.Err() == nil {
		// One that the database refuses must not take the others with it.
		for i := range batch {
			b.flush(ctx, batch[i:i+1])
		}
		return
	}
	for i, it := range batch {
		if it.err = err; err == nil {
			it.duplicate = duplicate[i]
		}
		close(it.done)
	}
}

// close refuses what comes from now on and waits for the rest.
func (b *batcher) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.wg.Wait()
}
