package approval

import (
	"context"
	"sync"
)

// turns lets the people who decide the same request through this queue go one
// after the other. Who is first settles it; those who waited meanwhile learn
// from the one before them what became of it, instead of all trying and asking
// the database again. Nothing depends on it: against other processes, and for
// certain, the store's compare-and-set decides. Its zero value is ready.
type turns struct {
	mu   sync.Mutex
	byID map[string]*turn
}

// turn is of one request, as long as anybody decides it.
type turn struct {
	id   string
	here int           // who has or awaits the turn; guarded by turns.mu
	free chan struct{} // holds one thing while nobody has the turn

	// settled is set once the request takes no more decisions, which is for
	// good. Who has the turn may use it.
	settled *DecidedError
}

// take waits for the turn at a request. The caller gives it back by leave.
func (t *turns) take(ctx context.Context, id string) (*turn, error) {
	t.mu.Lock()
	one := t.byID[id]
	if one == nil {
		one = &turn{id: id, free: make(chan struct{}, 1)}
		one.free <- struct{}{}
		if t.byID == nil {
			t.byID = make(map[string]*turn)
		}
		t.byID[id] = one
	}
	one.here++
	t.mu.Unlock()
	select {
	case <-one.free:
		return one, nil
	case <-ctx.Done():
		t.gone(one)
		return nil, ctx.Err()
	}
}

func (t *turns) leave(one *turn) {
	one.free <- struct{}{}
	t.gone(one)
}

func (t *turns) gone(one *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if one.here--; one.here == 0 {
		delete(t.byID, one.id)
	}
}
