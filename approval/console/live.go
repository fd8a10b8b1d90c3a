package console

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/posai-go/posai/approval"
)

// streamLife bounds one live stream. The browser connects again by itself, and
// who it is gets checked again.
const streamLife = 5 * time.Minute

// keepAlive is how often an idle stream says that it is there, so that proxies
// keep it and a browser that went away is noticed.
const keepAlive = 20 * time.Second

// streams are the open live streams, by person: nobody takes them all.
type streams struct {
	most, each int

	mu   sync.Mutex
	open int
	of   map[string]int
}

func newStreams(most int) *streams {
	return &streams{most: most, each: max(4, most/8), of: make(map[string]int)}
}

func (s *streams) enter(person string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open >= s.most || s.of[person] >= s.each {
		return false
	}
	s.open++
	s.of[person]++
	return true
}

func (s *streams) leave(person string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	if s.of[person]--; s.of[person] == 0 {
		delete(s.of, person)
	}
}

// live sends an event for every change that concerns the page: of any request,
// or of the one named by ?request=. It tells that something changed, not what:
// the page loads itself again, through all checks.
// https://html.spec.whatwg.org/multipage/server-sent-events.html
func (c *Console) live(w http.ResponseWriter, r *http.Request, me approval.Principal) {
	if !c.streams.enter(me.ID) {
		http.Error(w, "too many open pages", http.StatusServiceUnavailable)
		return
	}
	defer c.streams.leave(me.ID)
	only := r.URL.Query().Get("request")
	changes := c.queue.Subscribe(r.Context())

	out := http.NewResponseController(w)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	send := func(text string) bool {
		// The server's write timeout is meant for pages.
		_ = out.SetWriteDeadline(time.Now().Add(keepAlive))
		_, err := fmt.Fprint(w, text)
		return err == nil && out.Flush() == nil
	}
	if !send("retry: 2000\n\n") {
		return
	}
	end := time.NewTimer(streamLife)
	defer end.Stop()
	beat := time.NewTicker(keepAlive)
	defer beat.Stop()
	for {
		select {
		case change, ok := <-changes:
			if !ok {
				return
			}
			if only != "" && change.ID != only && change.ID != "" && !change.Missed {
				continue
			}
			if !send("event: change\ndata: {}\n\n") {
				return
			}
		case <-beat.C:
			if !send(": still here\n\n") {
				return
			}
		case <-end.C:
			return
		case <-r.Context().Done():
			return
		case <-c.closed:
			return
		}
	}
}
