package slack

import (
	"errors"
	"sync"
	"time"

	slackapi "github.com/slack-go/slack"
	"golang.org/x/time/rate"
)

// The methods that are called, with the rates that Slack documents for them, in
// calls a second, and how many may come at once.
// https://docs.slack.dev/apis/web-api/rate-limits
var (
	postMethod      = method{"chat.postMessage", 1, 3} // in each channel
	updateMethod    = method{"chat.update", 50. / 60, 20}
	ephemeralMethod = method{"chat.postEphemeral", 100. / 60, 20}
	viewMethod      = method{"views", 100. / 60, 20}
	historyMethod   = method{"conversations.history", 50. / 60, 10}
)

type method struct {
	name      string
	perSecond rate.Limit
	burst     int
}

// lane is what Slack counts together: a method in a workspace, and in a channel
// for posting.
type lane struct {
	method        method
	team, channel string
}

// gate spreads calls so that Slack need not refuse them, and holds those back
// that it did.
type gate struct {
	mu    sync.Mutex
	lanes map[lane]*passage
}

type passage struct {
	limiter *rate.Limiter
	closed  time.Time // until then, by Retry-After
}

func newGate() *gate { return &gate{lanes: make(map[lane]*passage)} }

func (g *gate) passage(l lane) *passage {
	p := g.lanes[l]
	if p == nil {
		p = &passage{limiter: rate.NewLimiter(l.method.perSecond, l.method.burst)}
		g.lanes[l] = p
	}
	return p
}

// book returns when a call may be made. Who gets a time in the future comes back
// then.
func (g *gate) book(l lane) time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	return now.Add(g.passage(l).limiter.ReserveN(now, 1).DelayFrom(now))
}

// opens returns until when a lane is closed because Slack said so, which is in
// the past if it is not.
func (g *gate) opens(l lane) time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.passage(l).closed
}

// learn looks at what a call came back with. It returns when it may be tried
// again if Slack asked to wait, and the zero time otherwise.
func (g *gate) learn(l lane, err error) time.Time {
	limited, ok := errors.AsType[*slackapi.RateLimitedError](err)
	if !ok {
		return time.Time{}
	}
	until := time.Now().Add(max(limited.RetryAfter, time.Second))
	g.mu.Lock()
	defer g.mu.Unlock()
	if p := g.passage(l); until.After(p.closed) {
		p.closed = until
	}
	return until
}
