package approval

import (
	"sync"
	"time"
)

// waits measures by this process's own clock, which nobody sets, how long ago
// something was first seen of a request. The store's clock may be set forward
// or back by an hour. Its zero value is ready.
type waits struct {
	mu    sync.Mutex
	first map[waitKey]time.Time
}

type waitKey struct {
	id   string
	what time.Time // in the store's time; tells one wait of a request from the next
}

// maxWaits bounds what is remembered; what is forgotten is waited for anew.
const maxWaits = 10_000

// left returns what is left of a wait that began when this process first saw
// it: not longer ago than it really began.
func (w *waits) left(id string, what time.Time, wait time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := waitKey{id, what.UTC()}
	first, ok := w.first[key]
	if !ok {
		if wait <= 0 {
			return 0
		}
		if w.first == nil || len(w.first) >= maxWaits {
			w.first = make(map[waitKey]time.Time)
		}
		w.first[key] = time.Now()
		return wait // all of it, also where this process is held up here
	}
	left := wait - time.Since(first)
	if left <= 0 {
		delete(w.first, key)
		return 0
	}
	return left
}
