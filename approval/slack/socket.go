package slack

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	slackapi "github.com/slack-go/slack"
)

// Socket mode: the app asks Slack for the address of a WebSocket and gets what
// people do over it, in envelopes that it acknowledges.
// https://docs.slack.dev/apis/events-api/using-socket-mode
//
// The client of slack-go is not used for it, see docs/design.md.

const (
	// silence is how long a connection may say nothing. Slack sends pings much
	// more often, and answers ours.
	silence = 45 * time.Second

	// shortLived is a connection after which the next one waits a little, so
	// that a Slack which sends us away at once is not called in a loop.
	shortLived = 10 * time.Second

	// farewell is how long a connection that Slack has told to go may still
	// deliver and take acknowledgements.
	farewell = 15 * time.Second

	// maxSockets bounds the connections that are still saying farewell.
	maxSockets = 4

	// maxEnvelopes bounds what a connection handles at once.
	maxEnvelopes = 128

	writeTime = 10 * time.Second
)

// listen keeps a WebSocket open until ctx ends.
func (s *Slack) listen(ctx context.Context) {
	var open sync.WaitGroup
	defer open.Wait()
	leaving := make(chan struct{}, maxSockets)
	failures := 0
	for ctx.Err() == nil {
		c, err := s.dial(ctx)
		if err != nil {
			s.rest(ctx, &failures, err)
			continue
		}
		s.opts.Logger.InfoContext(ctx, "slack: socket connected")
		begun := time.Now()
		select {
		case leaving <- struct{}{}:
		case <-ctx.Done():
			_ = c.conn.Close()
			return
		}
		open.Go(func() {
			c.serve(ctx)
			<-leaving
		})
		// The next one is opened as soon as Slack says that this one will go, so
		// that one is there at any time.
		var why string
		select {
		case why = <-c.leave:
		case <-ctx.Done():
			return
		}
		s.opts.Logger.InfoContext(ctx, "slack: socket goes", "reason", why)
		if lasting := time.Since(begun) >= shortLived; lasting && why != "link_disabled" && why != "too_many_websockets" {
			failures = 0
			continue
		}
		s.rest(ctx, &failures, nil)
	}
}

// rest waits before the next connection.
func (s *Slack) rest(ctx context.Context, failures *int, err error) {
	wait := s.opts.RetryMax
	if *failures < 16 {
		wait = min(wait, s.opts.RetryMin<<*failures)
	}
	*failures++
	if limited, ok := errors.AsType[*slackapi.RateLimitedError](err); ok {
		wait = max(wait, limited.RetryAfter)
	}
	if err != nil && ctx.Err() == nil {
		s.opts.Logger.WarnContext(ctx, "slack: socket not connected", "failures", *failures, "error", code(err))
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

var errSocket = errors.New("socket refused")

// dial opens a WebSocket. The address that Slack gives is a secret and good for
// one connection.
func (s *Slack) dial(ctx context.Context) (*socket, error) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.CallTimeout)
	defer cancel()
	_, address, err := s.teams[s.opts.TeamID].api.StartSocketModeContext(ctx)
	if err != nil {
		return nil, err
	}
	dialer := &websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: s.opts.CallTimeout}
	if t, ok := s.opts.HTTPClient.Transport.(*http.Transport); ok {
		dialer.Proxy, dialer.NetDialContext = t.Proxy, t.DialContext
		if t.TLSClientConfig != nil {
			dialer.TLSClientConfig = t.TLSClientConfig.Clone()
		}
	}
	if s.opts.APIURL == "" && !strings.HasPrefix(address, "wss://") {
		return nil, errSocket // Slack itself never gives one without TLS
	}
	conn, res, err := dialer.DialContext(ctx, address, nil)
	if res != nil && res.Body != nil {
		_ = res.Body.Close()
	}
	if err != nil {
		return nil, errSocket // its text may hold the address
	}
	conn.SetReadLimit(maxBody)
	return &socket{slack: s, conn: conn, leave: make(chan string, 1)}, nil
}

// socket is one connection.
type socket struct {
	slack *Slack
	conn  *websocket.Conn
	leave chan string // why the next connection is needed; written once

	write sync.Mutex
	gone  sync.Once

	deadline sync.Mutex
	ending   bool
	end      time.Time
}

// going says that another connection is needed.
func (c *socket) going(why string) { c.gone.Do(func() { c.leave <- why }) }

// serve reads envelopes until the connection ends, Slack has told it to go and
// farewell is over, or ctx ends; then it waits until what was read is
// acknowledged.
func (c *socket) serve(ctx context.Context) {
	var handling sync.WaitGroup
	defer func() { _ = c.conn.Close() }()
	defer handling.Wait()
	defer c.going("closed")

	c.alive()
	ping := c.conn.PingHandler()
	c.conn.SetPingHandler(func(data string) error {
		c.alive()
		return ping(data)
	})
	c.conn.SetPongHandler(func(string) error {
		c.alive()
		return nil
	})
	stop := context.AfterFunc(ctx, func() { c.ends(time.Now()) })
	defer stop()
	room := make(chan struct{}, maxEnvelopes)
	pings := make(chan struct{})
	defer close(pings)
	handling.Go(func() { c.ping(pings) })

	for ctx.Err() == nil {
		_, data, err := c.conn.ReadMessage()
		if err != nil {
			return
		}
		c.alive()
		if ctx.Err() != nil {
			return // what comes now is delivered to another connection
		}
		e, err := parseEnvelope(data)
		if err != nil {
			c.slack.opts.Logger.WarnContext(ctx, "slack: envelope cannot be read")
			continue
		}
		if e.Type == "disconnect" {
			c.going(e.Reason)
			c.ends(time.Now().Add(farewell))
			continue
		}
		if e.EnvelopeID == "" {
			continue // hello, and what Slack may add
		}
		room <- struct{}{}
		handling.Go(func() {
			c.acknowledge(e)
			<-room
		})
	}
}

// alive notes a sign of life.
func (c *socket) alive() {
	c.deadline.Lock()
	defer c.deadline.Unlock()
	if !c.ending {
		_ = c.conn.SetReadDeadline(time.Now().Add(silence))
	}
}

// ends has the reading end at a time, whatever comes until then. Once set, it
// only becomes earlier.
func (c *socket) ends(at time.Time) {
	c.deadline.Lock()
	defer c.deadline.Unlock()
	if !c.ending || at.Before(c.end) {
		c.ending, c.end = true, at
		_ = c.conn.SetReadDeadline(at)
	}
}

// ping asks for a sign of life until done is closed.
func (c *socket) ping(done <-chan struct{}) {
	tick := time.NewTicker(silence / 3)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			_ = c.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTime))
		}
	}
}

// acknowledge handles what is in an envelope and answers it. An envelope that
// cannot be handled now is left to be delivered again.
func (c *socket) acknowledge(e *envelope) {
	ack, err := c.slack.handle(e)
	if err != nil {
		return
	}
	c.write.Lock()
	defer c.write.Unlock()
	_ = c.conn.SetWriteDeadline(time.Now().Add(writeTime))
	// If this fails, Slack delivers it again, and gets the same answer.
	_ = c.conn.WriteMessage(websocket.TextMessage, ack)
}

// envelope is what comes over a WebSocket.
type envelope struct {
	Type       string          `json:"type"`
	EnvelopeID string          `json:"envelope_id"`
	Payload    json.RawMessage `json:"payload"`
	Reason     string          `json:"reason"` // of a disconnect
}

func parseEnvelope(data []byte) (*envelope, error) {
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil || len(e.EnvelopeID) > 200 {
		return nil, errPayload
	}
	return &e, nil
}

// acknowledgement is the answer to an envelope.
type acknowledgement struct {
	EnvelopeID string          `json:"envelope_id"`
	Payload    json.RawMessage `json:"payload,omitempty"`
}

// handle handles what is in an envelope and returns the acknowledgement. What is
// none of ours is acknowledged too, or it would come again.
func (s *Slack) handle(e *envelope) ([]byte, error) {
	ack := acknowledgement{EnvelopeID: e.EnvelopeID}
	if e.Type == "interactive" {
		if i, err := parsePayload(e.Payload); err == nil {
			answer, err := s.answer(i, maxAck-512)
			if errors.Is(err, errBusy) {
				return nil, err
			}
			ack.Payload = answer
		}
	}
	return encode(ack)
}
