package inbox

import (
	"context"
	"sync"
	"time"
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
type batcher[T, R any] struct {
	// commit commits what take returns, and gives a result for each. It calls
	// take once, when it has the transaction: what arrives while it waits for
	// that goes along. take returns nothing if all have left.
	commit func(ctx context.Context, take func() []T) ([]R, error)
	size   func(T) int // bytes; nil if it does not matter

	mu      sync.Mutex
	waiting []*item[T, R]
	running bool
	closed  bool
	wg      sync.WaitGroup
}

type item[T, R any] struct {
	value  T
	done   chan struct{} // closed when what follows is set
	result R
	err    error
}

// add returns when v is committed, or failed to be, or ctx has ended. If it
// leaves while v is being committed, nobody knows what becomes of it.
func (b *batcher[T, R]) add(ctx context.Context, v T) (R, error) {
	it, err := b.enqueue(ctx, v)
	if err != nil {
		var none R
		return none, err
	}
	select {
	case <-it.done:
		return it.result, it.err
	case <-ctx.Done():
		b.leave(it)
		var none R
		return none, ctx.Err()
	}
}

// addFirmly is add that leaves only what is not being committed yet, so that
// the caller knows: an error means that it did not happen, unless the commit
// itself failed.
func (b *batcher[T, R]) addFirmly(ctx context.Context, v T) (R, error) {
	it, err := b.enqueue(ctx, v)
	if err != nil {
		var none R
		return none, err
	}
	select {
	case <-it.done:
	case <-ctx.Done():
		if b.leave(it) {
			var none R
			return none, ctx.Err()
		}
		<-it.done
	}
	return it.result, it.err
}

func (b *batcher[T, R]) enqueue(ctx context.Context, v T) (*item[T, R], error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	it := &item[T, R]{value: v, done: make(chan struct{})}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, ErrClosed
	}
	b.waiting = append(b.waiting, it)
	if !b.running {
		b.running = true
		b.wg.Go(b.run)
	}
	return it, nil
}

// leave removes an item that is not being committed yet, and reports whether
// it did.
func (b *batcher[T, R]) leave(it *item[T, R]) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, other := range b.waiting {
		if other == it {
			b.waiting = append(b.waiting[:i], b.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// run commits batches until nobody waits.
func (b *batcher[T, R]) run() {
	for b.more() {
		ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
		b.flush(ctx)
		cancel()
	}
}

// more reports whether anybody waits, else the run is over.
func (b *batcher[T, R]) more() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) == 0 {
		b.waiting, b.running = nil, false
	}
	return b.running
}

// next takes a batch of those who wait.
func (b *batcher[T, R]) next() []*item[T, R] {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, bytes := 0, 0
	for n < len(b.waiting) && n < maxBatch {
		if b.size != nil {
			bytes += b.size(b.waiting[n].value)
		}
		if n > 0 && bytes > maxBatchBytes {
			break
		}
		n++
	}
	batch := b.waiting[:n:n]
	b.waiting = b.waiting[n:]
	return batch
}

func (b *batcher[T, R]) flush(ctx context.Context) {
	var batch []*item[T, R]
	results, err := b.commit(ctx, func() []T {
		batch = b.next()
		return values(batch)
	})
	if err != nil && batch == nil {
		batch = b.next() // there was no transaction to take them into
	}
	if err == nil || len(batch) < 2 || ctx.Err() != nil {
		finish(batch, results, err)
		return
	}
	// One that the database refuses must not take the others with it.
	for i := range batch {
		one := batch[i : i+1]
		results, err := b.commit(ctx, func() []T { return values(one) })
		finish(one, results, err)
	}
}

func values[T, R any](batch []*item[T, R]) []T {
	vs := make([]T, len(batch))
	for i, it := range batch {
		vs[i] = it.value
	}
	return vs
}

func finish[T, R any](batch []*item[T, R], results []R, err error) {
	for i, it := range batch {
		if it.err = err; err == nil {
			it.result = results[i]
		}
		close(it.done)
	}
}

// close refuses what comes from now on and waits for the rest.
func (b *batcher[T, R]) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.wg.Wait()
}
