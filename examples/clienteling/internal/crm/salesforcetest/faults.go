package salesforcetest

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// Kind is how a request fails.
type Kind string

// The kinds of faults.
const (
	Unavailable Kind = "unavailable" // 503 SERVER_UNAVAILABLE
	Page        Kind = "page"        // 503 with a page for people
	OKPage      Kind = "ok page"     // 200 with a page for people
	Expired     Kind = "expired"     // 401 INVALID_SESSION_ID
	DropRequest Kind = "drop"        // the connection ends before anything is done
	LoseAnswer  Kind = "lose answer" // the connection ends after it is done
	HalfAnswer  Kind = "half answer" // … in the middle of the answer
	Hang        Kind = "hang"        // no answer until the client gives up
	Redirect    Kind = "redirect"    // 302 to Fault.To
	Busy        Kind = "busy"        // 403 REQUEST_LIMIT_EXCEEDED, ConcurrentRequests
)

// Fault is one that an org makes.
type Fault struct {
	Kind   Kind
	Method string // of requests that it is about; empty means any
	Path   string // part of their path; empty means any
	Times  int    // how often it happens; 0 is once
	After  int    // how many such requests pass before
	To     string // of a redirect
	Header http.Header
}

// Fail has the org make faults, each as often as it says.
func (o *Org) Fail(faults ...Fault) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, f := range faults {
		f.Times = max(f.Times, 1)
		o.faults = append(o.faults, &f)
	}
}

type chaos struct {
	rng   *rand.Rand
	share float64
}

// Chaos has this share of all requests fail, in any of the ways that pass, and as many
// rows be locked. A share of 0 ends it.
func (o *Org) Chaos(seed uint64, share float64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.chaos = nil
	if share > 0 {
		o.chaos = &chaos{rng: rand.New(rand.NewPCG(seed, 1)), share: share}
	}
}

var passingKinds = []Kind{Unavailable, Page, OKPage, Expired, DropRequest, LoseAnswer, HalfAnswer}

// fault picks what happens to a request.
func (o *Org) fault(r *http.Request) *Fault {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, f := range o.faults {
		if f.Times == 0 || f.Method != "" && f.Method != r.Method || !strings.Contains(r.URL.Path, f.Path) {
			continue
		}
		if f.After > 0 {
			f.After--
			continue
		}
		f.Times--
		return f
	}
	if o.chaos != nil && o.chaos.rng.Float64() < o.chaos.share {
		if o.chaos.rng.IntN(4) == 0 {
			o.locked++
			return nil
		}
		return &Fault{Kind: passingKinds[o.chaos.rng.IntN(len(passingKinds))]}
	}
	return nil
}

var page = []byte("<html><head><title>We are down for maintenance.</title></head><body>Sorry</body></html>")

// instead answers requests that are not worked on. It returns nil for others, and for
// those whose connection it has ended.
func (f *Fault) instead(w http.ResponseWriter, r *http.Request) *answer {
	var a answer
	switch f.Kind {
	case Unavailable:
		a = errorAnswer(http.StatusServiceUnavailable, "SERVER_UNAVAILABLE", "The REST API is unavailable")
	case Page:
		a = answer{status: http.StatusServiceUnavailable, body: page, html: true}
	case OKPage:
		a = answer{status: http.StatusOK, body: page, html: true}
	case Expired:
		if r.URL.Path == "/services/oauth2/token" {
			return nil
		}
		a = errorAnswer(http.StatusUnauthorized, "INVALID_SESSION_ID", "Session expired or invalid")
	case Redirect:
		a = answer{status: http.StatusFound, header: http.Header{"Location": {f.To}}}
	case Busy:
		a = errorAnswer(http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.")
	case DropRequest:
		hangUp(w)
		return nil
	case Hang:
		select {
		case <-r.Context().Done():
		case <-time.After(time.Minute):
		}
		hangUp(w)
		return nil
	default:
		return nil
	}
	if a.header == nil {
		a.header = f.Header
	}
	return &a
}
