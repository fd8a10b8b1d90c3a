package aitest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// maxServerRequest is the largest request that a fake server reads, in bytes.
const maxServerRequest = 32 << 20

// A Server is an HTTP server on the loopback interface that speaks the API of a
// provider and gives scripted replies in order. It checks what the real one
// checks: the API key's presence, the required fields, the order of messages, and
// that a schema which must be enforced keeps the provider's rules. It is safe for
// concurrent use.
type Server struct {
	t       testing.TB
	server  *httptest.Server
	dialect dialect

	mu       sync.Mutex
	replies  []Reply
	next     int
	requests []ServerRequest
}

// A ServerRequest is what a fake server was sent.
type ServerRequest struct {
	Path   string
	Header http.Header
	Body   json.RawMessage
}

// A dialect is the API of one provider.
type dialect interface {
	// base is the path under which the API is.
	base() string

	// check returns what was asked, or how the real server would refuse it.
	check(r *http.Request, body []byte) (question, *refusal)

	// requestID is the header with the name of the request.
	requestID() string

	// writeError answers with an error.
	writeError(w http.ResponseWriter, f refusal)
}

// A question is what a dialect understood of a request.
type question struct {
	model  string
	stream bool
	format wireFormat
}

// A refusal is an error of a server.
type refusal struct {
	status      int
	code, param string
}

// NewOpenAIServer starts a server that speaks OpenAI's Chat Completions, Responses
// and Embeddings and gives the replies in order. When it is asked once more, it
// fails the test and answers with status 500. With t, it is closed at the end of
// the test; t may be nil outside of tests, then call [Server.Close].
func NewOpenAIServer(t testing.TB, replies ...Reply) *Server {
	return newServer(t, openAIDialect{}, replies)
}

// NewAnthropicServer does the same for Anthropic's Messages API.
func NewAnthropicServer(t testing.TB, replies ...Reply) *Server {
	return newServer(t, anthropicDialect{}, replies)
}

func newServer(t testing.TB, d dialect, replies []Reply) *Server {
	s := &Server{t: t, dialect: d, replies: slices.Clone(replies)}
	s.server = httptest.NewServer(http.HandlerFunc(s.serve))
	if t != nil {
		t.Cleanup(s.Close)
	}
	return s
}

// BaseURL returns the URL under which the API is, as the adapter's option wants
// it.
func (s *Server) BaseURL() string { return s.server.URL + s.dialect.base() }

// Client returns an HTTP client for the server whose idle connections Close ends.
func (s *Server) Client() *http.Client { return s.server.Client() }

// Close stops the server. It may be called more than once.
func (s *Server) Close() { s.server.Close() }

// Add appends replies to the script.
func (s *Server) Add(replies ...Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replies = append(s.replies, replies...)
}

// Requests returns what the server was sent so far, in order.
func (s *Server) Requests() []ServerRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// take records a request and returns the next reply and its number;
// false, and how many there were, when the script has ended.
func (s *Server) take(r ServerRequest) (Reply, int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
	if s.next == len(s.replies) {
		return Reply{}, s.next, false
	}
	s.next++
	return s.replies[s.next-1], s.next, true
}

// A wireFormat puts replies into the JSON of one API.
type wireFormat interface {
	whole(r Reply, id, model string) any
	events(r Reply, id, model string) []wireEvent
	errorEvent(code string) wireEvent
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxServerRequest))
	if err != nil {
		s.dialect.writeError(w, refusal{status: http.StatusBadRequest, code: "invalid_request_error"})
		return
	}
	asked, refused := s.dialect.check(r, body)
	if refused != nil && refused.status == http.StatusNotFound {
		s.dialect.writeError(w, *refused)
		return
	}
	reply, number, ok := s.take(ServerRequest{Path: r.URL.Path, Header: r.Header.Clone(), Body: body})
	if !ok {
		if s.t != nil {
			s.t.Errorf("aitest: a request to the server, but the %d replies of its script are used up", number)
		}
		s.dialect.writeError(w, refusal{status: http.StatusInternalServerError, code: "script_ended"})
		return
	}
	if refused != nil {
		s.dialect.writeError(w, *refused)
		return
	}
	if !pause(r, reply.Delay) {
		return
	}
	w.Header().Set(s.dialect.requestID(), "req-"+strconv.Itoa(number))
	if reply.Wire.Status != 0 {
		reply.Wire.write(w, s.dialect)
		return
	}
	id := reply.ID
	if id == "" {
		id = "reply-" + strconv.Itoa(number)
	}
	model := reply.Model
	if model == "" {
		model = asked.model
	}
	if asked.stream {
		s.stream(w, r, reply, asked.format, asked.format.events(reply, id, model))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(asked.format.whole(reply, id, model)) // the client may be gone
}

// pause waits for d. It returns false if the client goes away first.
func pause(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// write answers with the scripted status.
func (f Wire) write(w http.ResponseWriter, d dialect) {
	for name, values := range f.Header {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	if f.Body == "" {
		d.writeError(w, refusal{status: f.Status, code: f.Code})
		return
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(f.Status)
	_, _ = io.WriteString(w, f.Body)
}

// A wireEvent is one server-sent event.
type wireEvent struct {
	name    string // empty: no event line
	data    string
	content bool // a piece of text, which CutAfter counts
}

// stream writes the events as the reply says.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, reply Reply, format wireFormat, events []wireEvent) {
	w.Header().Set("Content-Type", "text/event-stream")
	out := &pieceWriter{w: w, size: reply.Wire.WriteBytes}
	if reply.Wire.Noise {
		out.write("\ufeff: a comment\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n")
	}
	cut := reply.CutAfter != 0 || reply.Wire.ErrorEvent != ""
	sent := 0
	for _, ev := range events {
		if ev.content {
			if cut && sent >= reply.CutAfter {
				s.breakOff(out, reply, format)
				return
			}
			if sent > 0 && !pause(r, reply.ChunkDelay) {
				return
			}
			sent++
		}
		out.write(ev.encode(reply.Wire))
	}
	if cut {
		s.breakOff(out, reply, format)
	}
}

// breakOff ends a stream by an error event or, without one, by cutting the
// connection.
func (s *Server) breakOff(out *pieceWriter, reply Reply, format wireFormat) {
	if reply.Wire.ErrorEvent != "" {
		out.write(format.errorEvent(reply.Wire.ErrorEvent).encode(reply.Wire))
		return
	}
	panic(http.ErrAbortHandler)
}

// encode writes an event in the form of
// https://html.spec.whatwg.org/multipage/server-sent-events.html
func (e wireEvent) encode(f Wire) string {
	var b strings.Builder
	if e.name != "" {
		b.WriteString("event: " + e.name + "\n")
	}
	data := e.data
	if f.Noise && strings.HasPrefix(data, "{") {
		data = "{\n" + data[1:] // the same JSON on two lines
	}
	for line := range strings.SplitSeq(data, "\n") {
		b.WriteString("data: " + line + "\n")
	}
	b.WriteString("\n")
	if f.Noise {
		b.WriteString(": keep-alive\n\n")
	}
	if f.CRLF {
		return strings.ReplaceAll(b.String(), "\n", "\r\n")
	}
	return b.String()
}

// A pieceWriter writes to the connection in pieces of size bytes.
type pieceWriter struct {
	w    http.ResponseWriter
	size int
}

func (p *pieceWriter) write(s string) {
	flusher, _ := p.w.(http.Flusher)
	for s != "" {
		n := len(s)
		if p.size > 0 {
			n = min(n, p.size)
		}
		if _, err := io.WriteString(p.w, s[:n]); err != nil {
			return // the client is gone
		}
		if flusher != nil {
			flusher.Flush()
		}
		s = s[n:]
	}
}
