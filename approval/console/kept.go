package console

import (
	"context"
	"sync"
	"time"
)

const (
	// keptFor is how long what is dear to compute is shown.
	keptFor = time.Minute

	// maxKept bounds how many results are kept, such as one for each person.
	maxKept = 256

	// computeTime bounds one computation.
	computeTime = 2 * time.Minute
)

// kept are results that are dear to compute, by key. One computation runs at a
// time; who comes meanwhile waits for it, and shares its result if it is theirs
// too.
type kept[T any] struct {
	busy chan struct{} // holds one while something is computed

	mu      sync.Mutex
	results map[string]result[T]
}

type result[T any] struct {
	value T
	err   error
	at    time.Time
}

func newKept[T any]() *kept[T] {
	return &kept[T]{busy: make(chan struct{}, 1), results: make(map[string]result[T])}
}

// get returns what is kept under the key, or computes it. The computation goes
// on when whoever asked first goes away, so that asking and leaving again and
// again costs one computation.
func (k *kept[T]) get(ctx context.Context, key string, compute func(context.Context) (T, error)) (T, error) {
	if r, ok := k.look(key); ok {
		return r.value, r.err
	}
	select {
	case k.busy <- struct{}{}:
		defer func() { <-k.busy }()
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
	if r, ok := k.look(key); ok { // somebody else computed it meanwhile
		return r.value, r.err
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), computeTime)
	defer cancel()
	var r result[T]
	r.value, r.err = compute(bounded)
	r.at = time.Now()
	k.put(key, r)
	return r.value, r.err
}

func (k *kept[T]) look(key string) (result[T], bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r, ok := k.results[key]
	return r, ok && time.Since(r.at) < keptFor
}

func (k *kept[T]) put(key string, r result[T]) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for old, other := range k.results {
		if time.Since(other.at) >= keptFor || len(k.results) >= maxKept {
			delete(k.results, old)
		}
	}
	k.results[key] = r
}
