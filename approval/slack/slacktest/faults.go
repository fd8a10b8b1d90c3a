package slacktest

import (
	"net/http"
	"strconv"
	"time"
)

// Fault is one answer of a method that is not a success. The zero Fault answers
// normally, which lets a call in between succeed.
type Fault struct {
	// Error answers "ok": false with this code, such as "channel_not_found".
	Error string

	// Status answers with this HTTP status, RetryAfter seconds in the header of
	// that name if it is not zero.
	Status     int
	RetryAfter int

	// Delay waits before anything else.
	Delay time.Duration

	// Lost lets the method have its effect, and then breaks the connection
	// instead of answering.
	Lost bool

	// Channel restricts the fault to calls about a channel. Others pass it by.
	Channel string
}

// Fail makes the next calls of a method, such as "chat.postMessage", fail, each
// with one of the faults.
func (s *Server) Fail(method string, faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[method] = append(s.faults[method], faults...)
}

// fault takes the next fault for a call.
func (s *Server) fault(method, channel string) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults[method] {
		if f.Channel == "" || f.Channel == channel {
			s.faults[method] = append(s.faults[method][:i:i], s.faults[method][i+1:]...)
			return f, true
		}
	}
	return Fault{}, false
}

// Limit lets a method be called n times in each period, by workspace, and
// chat.postMessage by channel. What is more is answered with 429 and
// Retry-After.
// https://docs.slack.dev/apis/web-api/rate-limits
func (s *Server) Limit(method string, n int, period time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits[method] = &limit{n: n, period: period, recent: make(map[string][]time.Time)}
}

// limit is a sliding window for each key.
type limit struct {
	n      int
	period time.Duration
	recent map[string][]time.Time
	hits   int
}

// Limited returns how many calls of a method were answered with 429 because of
// [Server.Limit].
func (s *Server) Limited(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.limits[method]; l != nil {
		return l.hits
	}
	return 0
}

// throttled returns how long a caller has to wait, zero if it does not.
func (s *Server) throttled(method, team, channel string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.limits[method]
	if l == nil {
		return 0
	}
	key := team
	if method == "chat.postMessage" {
		key += "/" + channel
	}
	now := time.Now()
	list := l.recent[key]
	for len(list) > 0 && now.Sub(list[0]) >= l.period {
		list = list[1:]
	}
	if len(list) >= l.n {
		l.recent[key] = list
		l.hits++
		return l.period - now.Sub(list[0])
	}
	l.recent[key] = append(list, now)
	return 0
}

func refuseStatus(w http.ResponseWriter, status int, retryAfter time.Duration) {
	if retryAfter > 0 {
		seconds := max(1, int((retryAfter+time.Second-1)/time.Second))
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	w.WriteHeader(status)
}
