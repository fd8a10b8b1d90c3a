package slack

import "time"

// SetAck sets how long an answer is waited for, since on a busy machine every
// answer is a slow one.
func SetAck(s *Slack, d time.Duration) { s.ack = d }

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
