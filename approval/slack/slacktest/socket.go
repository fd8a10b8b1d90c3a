package slacktest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// maxEnvelopes is how often an envelope is sent before Slack gives up.
const maxEnvelopes = 300

// maxAck is what Slack takes as an acknowledgement, in bytes.
const maxAck = 20 << 10

// socketHub is the socket mode side of a [Server].
type socketHub struct {
	mu      sync.Mutex
	closed  bool
	tickets map[string]bool
	conns   map[*socket]bool
	opened  int
	waiting map[string]chan json.RawMessage // by envelope
	joined  chan struct{}                   // closed and replaced when one connects
	serving sync.WaitGroup
}

// socket is one connection.
type socket struct {
	conn    *websocket.Conn
	write   sync.Mutex
	leaving bool // takes no new envelopes
}

func (h *socketHub) init() {
	h.tickets, h.conns, h.waiting = make(map[string]bool), make(map[*socket]bool), make(map[string]chan json.RawMessage)
	h.joined = make(chan struct{})
}

func (h *socketHub) close() {
	h.mu.Lock()
	h.closed = true
	for c := range h.conns {
		_ = c.conn.Close()
	}
	h.mu.Unlock()
	h.serving.Wait()
}

// openConnection is apps.connections.open.
// https://docs.slack.dev/reference/methods/apps.connections.open
func (s *Server) openConnection(w http.ResponseWriter, token string) {
	if token != AppToken {
		writeJSON(w, refuse("invalid_auth"))
		return
	}
	s.mu.Lock()
	ticket := s.id("ticket")
	s.mu.Unlock()
	s.sockets.mu.Lock()
	s.sockets.tickets[ticket] = true
	s.sockets.mu.Unlock()
	writeJSON(w, result{"ok": true, "url": "ws" + strings.TrimPrefix(s.http.URL, "http") + "/link/?ticket=" + ticket + "&app_id=A0SAMPLE"})
}

// acceptSocket serves one WebSocket. A ticket is good for one.
func (s *Server) acceptSocket(w http.ResponseWriter, r *http.Request) {
	h := &s.sockets
	ticket := r.URL.Query().Get("ticket")
	h.mu.Lock()
	ok := h.tickets[ticket] && !h.closed
	delete(h.tickets, ticket)
	if ok {
		h.serving.Add(1)
	}
	h.mu.Unlock()
	if !ok {
		http.Error(w, "ticket", http.StatusForbidden)
		return
	}
	defer h.serving.Done()
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	c := &socket{conn: conn}
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return
	}
	n := len(h.conns) + 1
	h.mu.Unlock()
	_ = c.send(map[string]any{"type": "hello", "num_connections": n, "connection_info": map[string]any{"app_id": "A0SAMPLE"}, "debug_info": map[string]any{"host": "sample", "approximate_connection_time": 18060}})
	h.mu.Lock()
	h.conns[c] = true
	h.opened++
	close(h.joined)
	h.joined = make(chan struct{})
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.conns, c)
		h.mu.Unlock()
	}()
	s.readAcks(c)
}

func (s *Server) readAcks(c *socket) {
	for {
		_, data, err := c.conn.ReadMessage()
		if err != nil {
			return
		}
		var ack struct {
			EnvelopeID string          `json:"envelope_id"`
			Payload    json.RawMessage `json:"payload"`
		}
		h := &s.sockets
		h.mu.Lock()
		problem := ""
		var to chan json.RawMessage
		switch {
		case json.Unmarshal(data, &ack) != nil || ack.EnvelopeID == "":
			problem = "an acknowledgement that cannot be read"
		case len(data) >= maxAck:
			problem = "an acknowledgement of 20 KB or more, which Slack drops"
		default:
			to = h.waiting[ack.EnvelopeID] // nil for one that was acknowledged before
		}
		h.mu.Unlock()
		if problem != "" {
			s.mu.Lock()
			s.problem(problem)
			s.mu.Unlock()
		}
		if to != nil {
			select {
			case to <- ack.Payload:
			default:
			}
		}
	}
}

func (c *socket) send(v any) error {
	c.write.Lock()
	defer c.write.Unlock()
	return c.conn.WriteJSON(v)
}

// leave has a connection take no more envelopes.
func (h *socketHub) leave(c *socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.leaving = true
}

// live returns a connection that takes envelopes, or what is closed when there
// may be one.
func (h *socketHub) live() (*socket, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.conns {
		if !c.leaving {
			return c, nil
		}
	}
	return nil, h.joined
}

// deliverSocket sends an envelope until it is acknowledged.
func (s *Server) deliverSocket(ctx context.Context, d *Delivery) error {
	s.mu.Lock()
	id := s.id("envelope-")
	s.mu.Unlock()
	acks := make(chan json.RawMessage, 1)
	h := &s.sockets
	h.mu.Lock()
	h.waiting[id] = acks
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.waiting, id)
		h.mu.Unlock()
	}()
	for len(d.Attempts) < maxEnvelopes {
		c, joined := h.live()
		for c == nil {
			select {
			case <-joined:
			case <-ctx.Done():
				return errors.New("slacktest: no connection takes envelopes")
			}
			c, joined = h.live()
		}
		envelope := map[string]any{"envelope_id": id, "type": "interactive", "accepts_response_payload": true, "payload": d.Payload}
		if again := len(d.Attempts); again > 0 {
			envelope["retry_attempt"], envelope["retry_reason"] = again, "timeout"
		}
		start := time.Now()
		if c.send(envelope) != nil {
			h.leave(c) // it broke, and nobody has the envelope
			continue
		}
		s.mu.Lock()
		s.sent++
		s.mu.Unlock()
		wait := time.NewTimer(s.opts.AckTimeout)
		select {
		case body := <-acks:
			wait.Stop()
			d.Attempts = append(d.Attempts, Attempt{Status: http.StatusOK, Body: body, Took: time.Since(start)})
			return nil
		case <-wait.C:
			d.Attempts = append(d.Attempts, Attempt{Took: time.Since(start)})
		case <-ctx.Done():
			wait.Stop()
			return ctx.Err()
		}
	}
	return nil
}

// Connections returns how many WebSockets are open, and how many were opened so
// far.
func (s *Server) Connections() (open, total int) {
	s.sockets.mu.Lock()
	defer s.sockets.mu.Unlock()
	return len(s.sockets.conns), s.sockets.opened
}

// Disconnect tells all connections to go, as Slack does every few hours: with
// the reason "warning" they live on for [Options].WarningTime without getting
// envelopes, with "refresh_requested", "link_disabled" or "too_many_websockets"
// they are closed at once.
// https://docs.slack.dev/apis/events-api/using-socket-mode#disconnect
func (s *Server) Disconnect(reason string) {
	for _, c := range s.sockets.all() {
		s.sockets.leave(c)
		_ = c.send(map[string]any{"type": "disconnect", "reason": reason, "debug_info": map[string]any{"host": "sample"}})
		if reason == "warning" {
			time.AfterFunc(s.opts.WarningTime, func() { _ = c.conn.Close() })
			continue
		}
		c.write.Lock()
		_ = c.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
		c.write.Unlock()
		_ = c.conn.Close()
	}
}

// Drop breaks all connections without a word.
func (s *Server) Drop() {
	for _, c := range s.sockets.all() {
		s.sockets.leave(c)
		_ = c.conn.UnderlyingConn().Close()
	}
}

// SendRaw sends text to all connections as it is.
func (s *Server) SendRaw(text string) {
	for _, c := range s.sockets.all() {
		c.write.Lock()
		_ = c.conn.WriteMessage(websocket.TextMessage, []byte(text))
		c.write.Unlock()
	}
}

func (h *socketHub) all() []*socket {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]*socket, 0, len(h.conns))
	for c := range h.conns {
		list = append(list, c)
	}
	return list
}
