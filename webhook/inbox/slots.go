package inbox

import (
	"context"
	"sync"
)

// slots bound how many deliveries are worked on at once. Alarms may ring for
// more, which wait here.
type slots struct {
	free chan struct{}

	mu      sync.Mutex
	stopped chan struct{} // closed by stop
}

func newSlots(n int) *slots {
	return &slots{free: make(chan struct{}, n), stopped: make(chan struct{})}
}

// acquire waits for a slot; release gives it back and may be called twice. It
// reports false when ctx ends or the slots are stopped.
func (s *slots) acquire(ctx context.Context) (release func(), ok bool) {
	s.mu.Lock()
	stopped := s.stopped
	s.mu.Unlock()
	select {
	case <-stopped: // even if there is a slot
		return nil, false
	default:
	}
	select {
	case s.free <- struct{}{}:
	case <-stopped:
		return nil, false
	case <-ctx.Done():
		return nil, false
	}
	select {
	case <-stopped: // between the two, and where both were ready
		<-s.free
		return nil, false
	default:
		return sync.OnceFunc(func() { <-s.free }), true
	}
}

// stop makes those who wait leave.
func (s *slots) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.stopped)
}

// restart undoes stop.
func (s *slots) restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = make(chan struct{})
}
