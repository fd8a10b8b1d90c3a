package console

import (
	"fmt"
	"net/http"
	"time"
)

// streamLife bounds one live stream. The browser connects again by itself, and
// who it is gets checked again.
const streamLife = 5 * time.Minute

// keepAlive is how often an idle stream says that it is there, so that proxies
// keep it and a browser that went away is noticed.
const keepAlive = 20 * time.Second

// live sends an event for every change that concerns the page: of any request,
// or of the one named by ?request=. It tells that something changed, not what:
// the page loads itself again, through all checks.
// https://html.spec.whatwg.org/multipage/server-sent-events.html
func (c *Console) live(w http.ResponseWriter, r *http.Request) {
	select {
	case c.streams <- struct{}{}:
		defer func() { <-c.streams }()
	default:
		http.Error(w, "too many open pages", http.StatusServiceUnavailable)
		return
	}
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
