package inbox

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// bounds of the histograms, in seconds.
var bounds = [...]float64{0.005, 0.025, 0.1, 0.5, 1, 5, 30, 60, 300, 1800, 7200, 86400}

// histogram counts durations.
type histogram struct {
	counts [len(bounds) + 1]uint64 // by bound, not summed up; the last is for those above all
	sum    float64
	n      uint64
}

func (h *histogram) add(d time.Duration) {
	s := max(d.Seconds(), 0)
	i := 0
	for i < len(bounds) && s > bounds[i] {
		i++
	}
	h.counts[i]++
	h.sum += s
	h.n++
}

// metrics count what this process did. The zero value is ready.
type metrics struct {
	mu      sync.Mutex
	events  map[EventKind]uint64
	accept  histogram // how long Accept took
	attempt histogram // how long attempts took
	lag     histogram // from arrival to the end of processing
	age     histogram // from Shopify's trigger to arrival
}

func (m *metrics) observe(ev Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.events == nil {
		m.events = make(map[EventKind]uint64)
	}
	m.events[ev.Kind]++
	switch ev.Kind {
	case Received, Duplicate:
		m.accept.add(ev.Elapsed)
		if ev.Kind == Received && !ev.Delivery.TriggeredAt.IsZero() {
			m.age.add(ev.Delivery.ReceivedAt.Sub(ev.Delivery.TriggeredAt))
		}
	case Processed:
		m.lag.add(time.Since(ev.Delivery.ReceivedAt))
		m.attempt.add(ev.Elapsed)
	case Retried, Died:
		m.attempt.add(ev.Elapsed)
	case Skipped:
	}
}

// Metrics returns a handler that serves the inbox's metrics in the text format
// of Prometheus:
//
//   - posai_inbox_deliveries{state}: rows by state, over all processes
//   - posai_inbox_lag_seconds: age of the oldest row that is yet to be processed
//   - posai_inbox_events_total{kind}: what this process did
//   - posai_inbox_accept_seconds, …_attempt_seconds: histograms of how long Accept and attempts took here
//   - posai_inbox_processing_lag_seconds: histogram from arrival to processed
//   - posai_inbox_arrival_age_seconds: histogram from Shopify's trigger to arrival
//
// They carry no shop and no topic. If the database does not answer, it serves
// status 503.
//
// https://prometheus.io/docs/instrumenting/exposition_formats/
func (b *Inbox) Metrics() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stats, err := b.Stats(r.Context())
		if err != nil {
			http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = w.Write([]byte(b.metrics.text(stats)))
	})
}

func (m *metrics) text(stats Stats) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var b strings.Builder
	b.WriteString("# TYPE posai_inbox_deliveries gauge\n")
	for _, s := range [...]struct {
		state State
		n     int
	}{{Pending, stats.Pending}, {Processing, stats.Processing}, {Done, stats.Processed}, {Dead, stats.Dead}} {
		fmt.Fprintf(&b, "posai_inbox_deliveries{state=%q} %d\n", s.state, s.n)
	}
	fmt.Fprintf(&b, "# TYPE posai_inbox_lag_seconds gauge\nposai_inbox_lag_seconds %g\n", stats.Lag.Seconds())
	b.WriteString("# TYPE posai_inbox_events_total counter\n")
	for _, kind := range [...]EventKind{Received, Duplicate, Processed, Skipped, Retried, Died} {
		fmt.Fprintf(&b, "posai_inbox_events_total{kind=%q} %d\n", kind, m.events[kind])
	}
	for _, h := range [...]struct {
		name string
		*histogram
	}{{"accept", &m.accept}, {"attempt", &m.attempt}, {"processing_lag", &m.lag}, {"arrival_age", &m.age}} {
		name := "posai_inbox_" + h.name + "_seconds"
		fmt.Fprintf(&b, "# TYPE %s histogram\n", name)
		var sum uint64
		for i, bound := range bounds {
			sum += h.counts[i]
			fmt.Fprintf(&b, "%s_bucket{le=\"%g\"} %d\n", name, bound, sum)
		}
		fmt.Fprintf(&b, "%s_bucket{le=\"+Inf\"} %d\n%s_sum %g\n%s_count %d\n", name, h.n, name, h.sum, name, h.n)
	}
	return b.String()
}
