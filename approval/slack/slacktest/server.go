package slacktest

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"
)

// The identity of a [Server] whose [Options] say nothing else.
const (
	Team          = "T0SAMPLE"
	Channel       = "C0SAMPLE"
	BotToken      = "xoxb-sample-bot-token"
	AppToken      = "xapp-sample-app-token"
	SigningSecret = "sample-signing-secret"
)

// Workspace is one workspace in which the app is installed.
type Workspace struct {
	TeamID   string
	BotToken string
	Channels []string // IDs of those that the app is a member of
}

// Options are the optional settings of [NewServer].
type Options struct {
	// Workspaces are those in which the app is installed. If nil, one: [Team],
	// with [BotToken] and [Channel].
	Workspaces []Workspace

	// InteractionURL is where interactions are posted. It can be set later, by
	// [Server.SetInteractionURL].
	InteractionURL string

	// SocketMode delivers interactions over WebSockets instead.
	SocketMode bool

	// AckTimeout is how long an app may take to answer an interaction. If zero,
	// 3 seconds, like Slack.
	AckTimeout time.Duration

	// Retries is how often an interaction that was not acknowledged is
	// delivered again over HTTP, with the header X-Slack-Retry-Num. If zero,
	// not at all. In socket mode an envelope comes again until it is
	// acknowledged, up to 300 times.
	Retries int

	// TriggerLifetime is how long after an interaction a modal can be opened. If
	// zero, 3 seconds, like Slack.
	TriggerLifetime time.Duration

	// WarningTime is how long a connection lives after a disconnect with the
	// reason "warning". If zero, half a second; Slack gives about ten.
	WarningTime time.Duration
}

// Server is a simulated Slack. It is safe for concurrent use.
type Server struct {
	opts Options
	http *httptest.Server

	mu         sync.Mutex
	closed     bool
	workspaces []Workspace
	channels   map[string]*channel // by ID
	messages   []*Message
	ephemerals []Ephemeral
	views      []*View
	triggers   map[string]*trigger
	faults     map[string][]Fault
	limits     map[string]*limit
	calls      map[string]int
	sent       int // interactions, those that were delivered again included
	problems   []string
	serial     int

	sockets socketHub
}

type channel struct {
	team     string
	archived bool
	left     bool
}

// trigger is the right to open one modal.
type trigger struct {
	team, user string
	until      time.Time
	used       bool
}

// NewServer returns a running server, to be closed with [Server.Close].
func NewServer(opts *Options) *Server {
	s := &Server{
		channels: make(map[string]*channel), triggers: make(map[string]*trigger), faults: make(map[string][]Fault),
		limits: make(map[string]*limit), calls: make(map[string]int),
	}
	if opts != nil {
		s.opts = *opts
	}
	o := &s.opts
	if o.Workspaces == nil {
		o.Workspaces = []Workspace{{TeamID: Team, BotToken: BotToken, Channels: []string{Channel}}}
	}
	if o.AckTimeout == 0 {
		o.AckTimeout = 3 * time.Second
	}
	if o.TriggerLifetime == 0 {
		o.TriggerLifetime = 3 * time.Second
	}
	if o.WarningTime == 0 {
		o.WarningTime = 500 * time.Millisecond
	}
	s.workspaces = slices.Clone(o.Workspaces)
	for _, w := range s.workspaces {
		for _, id := range w.Channels {
			s.channels[id] = &channel{team: w.TeamID}
		}
	}
	s.sockets.init()
	s.http = httptest.NewServer(http.HandlerFunc(s.serve))
	return s
}

// Close ends all connections and releases the server.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.sockets.close()
	s.http.Close()
}

// APIURL is where the Web API is, with a slash at the end.
func (s *Server) APIURL() string { return s.http.URL + "/api/" }

// SetInteractionURL sets where interactions are posted.
func (s *Server) SetInteractionURL(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opts.InteractionURL = url
}

// Archive makes a channel an archived one.
func (s *Server) Archive(channel string) { s.setChannel(channel, true, false) }

// Leave takes the app out of a channel.
func (s *Server) Leave(channel string) { s.setChannel(channel, false, true) }

// Rejoin makes a channel take messages of the app again.
func (s *Server) Rejoin(channel string) { s.setChannel(channel, false, false) }

func (s *Server) setChannel(id string, archived, left bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.channels[id]; c != nil {
		c.archived, c.left = archived, left
	}
}

// Messages returns what stands in a channel, oldest first, threads included.
func (s *Server) Messages(channel string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Message
	for _, m := range s.messages {
		if m.Channel == channel {
			list = append(list, m.copy())
		}
	}
	return list
}

// Delete removes a message, as an administrator can.
func (s *Server) Delete(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = slices.DeleteFunc(s.messages, func(o *Message) bool { return o.Channel == m.Channel && o.TS == m.TS })
}

// Ephemerals returns what only one person was shown, oldest first.
func (s *Server) Ephemerals() []Ephemeral {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ephemerals)
}

// Views returns all modals that were opened, oldest first, also the closed ones.
func (s *Server) Views() []View {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]View, len(s.views))
	for i, v := range s.views {
		list[i] = v.copy()
	}
	return list
}

// View returns the modal with the ID, or false.
func (s *Server) View(id string) (View, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.view(id, ""); v != nil {
		return v.copy(), true
	}
	return View{}, false
}

// Calls returns how often a method was called, refused calls included.
func (s *Server) Calls(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

// Sent returns how often interactions were handed to the app so far, each time
// that one was delivered again included.
func (s *Server) Sent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent
}

// Problems returns what the app sent although Slack would refuse or ignore it.
func (s *Server) Problems() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.problems)
}

// problem notes one. The lock is held.
func (s *Server) problem(text string) { s.problems = append(s.problems, text) }

// id returns a new identifier. The lock is held.
func (s *Server) id(prefix string) string {
	s.serial++
	return prefix + strings.ToUpper(base36(s.serial))
}

// timestamp returns the ID of a new message, which is also its time. The lock is
// held.
func (s *Server) timestamp() string {
	s.serial++
	return formatTS(time.Now(), s.serial)
}

// Await calls ok until it returns true or ctx ends, and reports which. It is for
// waiting on what an app does on its own account.
func Await(ctx context.Context, ok func() bool) bool {
	for !ok() {
		select {
		case <-ctx.Done():
			return ok()
		case <-time.After(2 * time.Millisecond):
		}
	}
	return true
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(v)
}
