package approval

import (
	"context"
	"sync"
)

// Change says that a request changed.
type Change struct {
	// ID is that of the request. It is empty where it is only known that
	// something changed elsewhere.
	ID       string
	State    State // empty where ID is
	Revision int

	// Missed says that changes before this one were dropped, because the
	// subscriber was slow: look at everything again.
	Missed bool
}

// changeBuffer is how many changes wait for a slow subscriber.
const changeBuffer = 64

// Subscribe returns a channel of the changes of all requests: proposals,
// decisions, edits, executions, expiry. The channel is closed when ctx ends. A
// subscriber that falls behind loses the oldest changes and is told so by
// [Change].Missed.
//
// It tells of changes made through this queue, and of those made elsewhere as
// far as the store does.
func (q *Queue) Subscribe(ctx context.Context) <-chan Change { return q.changes.subscribe(ctx) }

// hub hands changes to subscribers. Its zero value is ready.
type hub struct {
	mu   sync.Mutex
	subs map[chan Change]struct{}
}

func (h *hub) subscribe(ctx context.Context) <-chan Change {
	ch := make(chan Change, changeBuffer)
	h.mu.Lock()
	if h.subs == nil {
		h.subs = make(map[chan Change]struct{})
	}
	h.subs[ch] = struct{}{}
	h.mu.Unlock()
	context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.subs, ch)
		close(ch)
	})
	return ch
}

func (h *hub) publish(c Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for ch := range h.subs {
		select {
		case ch <- c:
			continue
		default:
		}
		// Full. Only this method sends, and it holds the lock, so after taking
		// one out there is room. What is taken out may itself have been marked.
		select {
		case <-ch:
		default:
		}
		marked := c
		marked.Missed = true
		ch <- marked
	}
}

func (q *Queue) changed(r *Request) {
	q.changes.publish(Change{ID: r.ID, State: r.State, Revision: r.Revision})
}

func (q *Queue) changedElsewhere(id string) { q.changes.publish(Change{ID: id}) }
