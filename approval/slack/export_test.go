package slack

import (
	"context"
	"time"

	slackapi "github.com/slack-go/slack"
)

// SetAck sets how long an answer is waited for, since on a busy machine every
// answer is a slow one.
func SetAck(s *Slack, d time.Duration) { s.ack = d }

// SetMost sets how long what follows from one interaction may take.
func SetMost(s *Slack, d time.Duration) { s.most = d }

// SetSettle sets what waits until Slack has put up a dialog that came as an
// answer.
func SetSettle(s *Slack, f func(ctx context.Context, view string)) { s.settle = f }

// Gate spreads the calls that post in one channel.
type Gate struct{ gate *gate }

// NewGate returns a gate that nobody has passed.
func NewGate() Gate { return Gate{newGate()} }

var inOneChannel = lane{method: postMethod, channel: "C1"}

// Book returns when a call may be made.
func (g Gate) Book() time.Time { return g.gate.book(inOneChannel) }

// Limited says that Slack answered a call with 429 and Retry-After.
func (g Gate) Limited(after time.Duration) {
	g.gate.learn(inOneChannel, &slackapi.RateLimitedError{RetryAfter: after})
}

// Opens returns until when Slack wants no call.
func (g Gate) Opens() time.Time { return g.gate.opens(inOneChannel) }

// HandleEnvelope handles what came over a WebSocket and returns the
// acknowledgement, nil if there is none.
func HandleEnvelope(s *Slack, data []byte) ([]byte, error) {
	e, err := parseEnvelope(data)
	if err != nil || e.EnvelopeID == "" || e.Type == "disconnect" {
		return nil, err
	}
	return s.handle(e)
}

// ShownAt is shownAt.
var ShownAt = shownAt
