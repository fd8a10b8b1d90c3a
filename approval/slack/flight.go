package slack

import (
	"sync"
	"time"
)

// flights knows the interactions of the last minutes, so that one that Slack
// delivers again, since an answer was slow or a connection broke, is answered
// like the first time and not handled again. Its zero value is ready.
type flights struct {
	mu   sync.Mutex
	list map[string]*flight
}

// flight is one interaction being handled.
type flight struct {
	begun time.Time
	done  chan struct{} // closed when reply is there

	mu    sync.Mutex
	slow  bool // somebody was told to wait
	reply *reply
}

// reply is the answer to an interaction: of a dialog, what becomes of it.
type reply struct {
	view any // *slackapi.ViewSubmissionResponse, or nil for an empty answer
}

const (
	flightLife = 2 * time.Minute
	maxFlights = 500
)

// join returns the flight of an interaction, and whether it is new. A key that is
// empty names nothing.
func (f *flights) join(key string) (*flight, bool) {
	fresh := &flight{begun: time.Now(), done: make(chan struct{})}
	if key == "" {
		return fresh, true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if old := f.list[key]; old != nil {
		return old, false
	}
	if f.list == nil {
		f.list = make(map[string]*flight)
	}
	if len(f.list) >= maxFlights {
		f.clean()
	}
	f.list[key] = fresh
	return fresh, true
}

// leave forgets a flight that was not begun after all.
func (f *flights) leave(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.list, key)
}

// clean makes room: old ones go, and the oldest if there are none.
func (f *flights) clean() {
	oldest := ""
	for key, e := range f.list {
		if time.Since(e.begun) > flightLife {
			delete(f.list, key)
		} else if oldest == "" || e.begun.Before(f.list[oldest].begun) {
			oldest = key
		}
	}
	if len(f.list) >= maxFlights {
		delete(f.list, oldest)
	}
}

// finish sets the reply and reports whether somebody was told to wait for it.
func (e *flight) finish(r *reply) (slow bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.reply = r
	close(e.done)
	return e.slow
}

// wait returns the reply if it comes within the time; otherwise nil, and whoever
// finishes will know that it was late.
func (e *flight) wait(patience time.Duration) *reply {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-e.done:
	case <-timer.C:
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.reply == nil {
		e.slow = true
	}
	return e.reply
}
