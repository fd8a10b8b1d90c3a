package slack

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/internal/memdocs"
)

// Channel is the name under which decisions taken in Slack are recorded.
const Channel = "slack"

// Credentials are those of the Slack app. They print as nothing.
type Credentials struct {
	// BotToken is the bot user's OAuth token, xoxb-…, with the scope
	// chat:write. With channels:history (or groups:history for a private
	// channel) a card that was being posted during a crash is found again
	// instead of posted twice. Required.
	BotToken string

	// SigningSecret signs what Slack sends to the app over HTTP. Without it
	// nothing is taken over HTTP.
	SigningSecret string

	// AppToken is the app-level token, xapp-…, with the scope
	// connections:write. With it what people do in Slack comes over a WebSocket
	// that the app opens (socket mode), so that no address of the app needs to
	// be reachable.
	AppToken string
}

// Format prints "[credentials]".
func (Credentials) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[credentials]")) }

// LogValue returns "[credentials]".
func (Credentials) LogValue() slog.Value { return slog.StringValue("[credentials]") }

// User is somebody in Slack, as Slack itself says in a signed callback.
type User struct {
	TeamID string // workspace
	ID     string // U…
}

// ErrUnknownUser says that somebody in Slack is nobody whom the queue knows.
var ErrUnknownUser = errors.New("slack: user is not known")

// People says who somebody in Slack is.
type People interface {
	// Principal returns the person behind a Slack user, with the roles and
	// locations that hold now, and the same ID as on every other channel. It
	// returns an error that matches [ErrUnknownUser] for a user without one;
	// any other error asks the user to try again later. It is called
	// concurrently. A modal opens only within three seconds of the click, so it
	// should take less.
	Principal(ctx context.Context, u User) (approval.Principal, error)
}

// PeopleFunc is a function as [People].
type PeopleFunc func(ctx context.Context, u User) (approval.Principal, error)

// Principal calls f.
func (f PeopleFunc) Principal(ctx context.Context, u User) (approval.Principal, error) {
	return f(ctx, u)
}

// Options are the optional settings of [New].
type Options struct {
	// Places returns where a request is asked: in none, one or several
	// channels. It is asked again whenever the request changes, and a place that
	// is new then, say because an escalation leads there, gets a card too. If
	// nil, every request is asked in the channel given to [New]. [Routes] makes
	// one from shops, locations and kinds.
	Places func(*approval.Request) []Place

	// Workspaces are further workspaces in which the app is installed, for
	// Places to name. TeamID is required with them.
	Workspaces []Workspace

	// TeamID is the workspace of the [Credentials]. Callbacks of workspaces that
	// are not known are refused. If empty, every callback with the app's
	// signature is taken, and [People] tell workspaces apart.
	TeamID string

	// Mentions returns the Slack IDs of those who are mentioned when a request
	// is escalated to the people of need, and when an approved one failed or is
	// uncertain: users (U…, W…) and user groups (S…). IDs of other shapes are
	// left out. If nil, nobody is mentioned. [MentionRoles] makes one from
	// roles. It must not block for long.
	Mentions func(ctx context.Context, r *approval.Request, need approval.Need) []string

	// Reasons are offered when somebody rejects, at most 100, beside a text of
	// one's own. If empty, the text is required.
	Reasons []string

	// Store remembers which messages show which requests, which callbacks were
	// received, and changes between the form and their confirmation. The
	// queue's own store does: then all processes post each card once, and a
	// restart forgets nothing. If nil, they are remembered in memory: after a
	// restart, requests that still wait are posted again.
	Store approval.DocumentStore

	// LocationName returns what people call the location with a GID, "" if it
	// has no name. If nil, "Location" and the number in the GID.
	LocationName func(gid string) string

	// ConsoleURL is where people reach the web console, such as
	// "https://pos.example.com/approvals/". If set, cards have a button that
	// opens the request there, to see everything.
	ConsoleURL string

	// APIURL is where Slack's Web API is. If empty, "https://slack.com/api/".
	APIURL string

	// HTTPClient calls Slack. If nil, [http.DefaultClient]. Socket mode uses the
	// proxy and TLS settings of its transport, if that is an [http.Transport].
	HTTPClient *http.Client

	// CallTimeout bounds each call to Slack. It is also how long another process
	// leaves a card alone that somebody else has begun to post. If zero, 15
	// seconds.
	CallTimeout time.Duration

	// RetryMin and RetryMax bound the wait after a call to Slack failed, which
	// doubles each time. If zero, 1 second and 5 minutes. What Slack itself
	// asks for, by Retry-After, is always waited.
	RetryMin, RetryMax time.Duration

	// GiveUpAfter is how long a card is tried to be brought up to date once its
	// request is settled, in a channel that takes nothing: archived, deleted, or
	// without the app. If zero, 24 hours.
	GiveUpAfter time.Duration

	// Logger gets what goes wrong, without tokens and without any content of
	// requests. If nil, nothing is logged.
	Logger *slog.Logger
}

// Slack asks in Slack and takes the answers. It is an [http.Handler] for the
// app's interactivity request URL. It is safe for concurrent use.
type Slack struct {
	queue  *approval.Queue
	people People
	opts   Options
	creds  Credentials
	verify *verifier
	seal   sealer
	teams  map[string]*team
	gate   *gate
	holder string // names this process in records
	ack    time.Duration
	most   time.Duration // that what follows from one interaction may take
	settle func(ctx context.Context, view string)

	flights flights
	slots   chan struct{} // bounds what is handled at once

	mu      sync.Mutex
	base    context.Context // of everything that a callback begins
	abandon context.CancelFunc
	cancel  context.CancelFunc // of what Start began
	stopped bool
	work    sync.WaitGroup // what Start began
	after   sync.WaitGroup // what callbacks began
}

// team is one workspace.
type team struct {
	id      string
	api     *slackapi.Client
	clicked chan target
}

// Format tells nothing: s holds tokens.
func (*Slack) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[slack]")) }

// New returns a channel of q that asks in the Slack channel with the given ID,
// C… or G…, which the app must be a member of; with [Options].Places it may be
// empty. It calls nobody before [Slack.Start].
func New(q *approval.Queue, creds Credentials, channel string, people People, opts *Options) (*Slack, error) {
	if q == nil || people == nil {
		return nil, errors.New("slack: a queue and people are needed")
	}
	if creds.BotToken == "" || creds.SigningSecret == "" && creds.AppToken == "" {
		return nil, errors.New("slack: a bot token and a signing secret, or an app token for socket mode, are needed")
	}
	s := &Slack{queue: q, people: people, creds: creds, teams: make(map[string]*team), gate: newGate(), holder: rand.Text(), slots: make(chan struct{}, 64)}
	s.ack, s.most, s.settle = ackTime, decideTime, settle
	if opts != nil {
		s.opts = *opts
	}
	if err := s.opts.complete(channel); err != nil {
		return nil, err
	}
	s.verify = newVerifier(creds.SigningSecret, s.opts.Store)
	if s.opts.Store == nil {
		s.opts.Store = memdocs.New()
	}
	s.seal = newSealer(creds)
	for _, w := range append([]Workspace{{TeamID: s.opts.TeamID, BotToken: creds.BotToken}}, s.opts.Workspaces...) {
		if s.teams[w.TeamID] != nil || w.BotToken == "" {
			return nil, errors.New("slack: each workspace needs a team ID of its own and a bot token")
		}
		s.teams[w.TeamID] = &team{id: w.TeamID, api: s.client(w.BotToken), clicked: make(chan target, 64)}
	}
	s.base, s.abandon = context.WithCancel(context.Background())
	return s, nil
}

// complete fills in the defaults and refuses what makes no sense.
func (o *Options) complete(channel string) error {
	if o.Places == nil {
		if channel == "" {
			return errors.New("slack: a channel is needed")
		}
		o.Places = func(*approval.Request) []Place { return []Place{{Channel: channel}} }
	}
	if len(o.Workspaces) > 0 && o.TeamID == "" {
		return errors.New("slack: with several workspaces, the team ID of the first one is needed")
	}
	if len(o.Reasons) > maxOptions || slices.Contains(o.Reasons, "") {
		return fmt.Errorf("slack: at most %d reasons, none of them empty", maxOptions)
	}
	o.Reasons = slices.Clone(o.Reasons)
	if o.RetryMin < 0 || o.RetryMax < 0 || o.CallTimeout < 0 || o.GiveUpAfter < 0 {
		return errors.New("slack: a time cannot be negative")
	}
	if o.CallTimeout == 0 {
		o.CallTimeout = 15 * time.Second
	}
	if o.GiveUpAfter == 0 {
		o.GiveUpAfter = 24 * time.Hour
	}
	if o.RetryMin == 0 {
		o.RetryMin = time.Second
	}
	if o.RetryMax == 0 {
		o.RetryMax = 5 * time.Minute
	}
	o.RetryMax = max(o.RetryMax, o.RetryMin)
	if o.HTTPClient == nil {
		o.HTTPClient = http.DefaultClient
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	for _, u := range []*string{&o.ConsoleURL, &o.APIURL} {
		if *u == "" {
			continue
		}
		parsed, err := url.Parse(*u)
		if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" || len(*u) > 1000 {
			return errors.New("slack: ConsoleURL and APIURL must be absolute, http or https")
		}
		*u = strings.TrimSuffix(*u, "/") + "/"
	}
	return nil
}

func (s *Slack) client(token string) *slackapi.Client {
	settings := []slackapi.Option{slackapi.OptionHTTPClient(s.opts.HTTPClient), slackapi.OptionAppLevelToken(s.creds.AppToken)}
	if s.opts.APIURL != "" {
		settings = append(settings, slackapi.OptionAPIURL(s.opts.APIURL))
	}
	return slackapi.New(token, settings...)
}

// Start posts a card for every request that waits and has none, brings the
// cards of the others up to date, and does so from then on with every change,
// until [Slack.Stop]. What Slack does not take is tried again; nothing that
// waits is given up. With an app token it also opens the WebSocket of socket
// mode. ctx bounds the start alone.
func (s *Slack) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil || s.stopped {
		return errors.New("slack: started already")
	}
	if _, err := s.opts.Store.Documents(ctx, postPrefix, "", 1); err != nil {
		return fmt.Errorf("slack: read the posted messages: %w", err)
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	for _, t := range s.teams {
		w := newWorker(s, t)
		s.work.Go(func() { w.run(running) })
	}
	if s.creds.AppToken != "" {
		s.work.Go(func() { s.listen(running) })
	}
	return nil
}

// Stop ends the posting and the WebSocket and waits for decisions and answers
// that are under way; once ctx ends, these are given up. Nothing of it goes on
// after Stop has returned. Cards that could not be posted are posted after the
// next start.
func (s *Slack) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.stopped = true
	if s.cancel != nil {
		s.cancel()
	}
	s.mu.Unlock()
	abandon := context.AfterFunc(ctx, s.abandon)
	s.work.Wait()
	s.after.Wait()
	inTime := abandon()
	s.abandon()
	if !inTime {
		return fmt.Errorf("slack: stop: %w", context.Cause(ctx))
	}
	return nil
}

// begin runs f in the background, with a context that ends with Stop's and after
// s.most. It returns false if nothing more is begun: after Stop, and where
// too much is under way already.
func (s *Slack) begin(f func(ctx context.Context)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	select {
	case s.slots <- struct{}{}:
	default:
		s.opts.Logger.Warn("slack: too much under way")
		return false
	}
	s.after.Go(func() {
		defer func() { <-s.slots }()
		ctx, cancel := context.WithTimeout(s.base, s.most)
		defer cancel()
		f(ctx)
	})
	return true
}
