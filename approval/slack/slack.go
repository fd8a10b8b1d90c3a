package slack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/posai-go/posai/approval"
)

// Channel is the name under which decisions taken in Slack are recorded.
const Channel = "slack"

// Credentials are those of the Slack app. They print as nothing.
type Credentials struct {
	// BotToken is the bot user's OAuth token, xoxb-…, with the scope
	// chat:write. With channels:history (or groups:history for a private
	// channel) a card that was being posted during a crash is found again
	// instead of posted twice.
	BotToken string
	// SigningSecret signs what Slack sends to the app.
	SigningSecret string
}

// String returns "[credentials]".
func (Credentials) String() string { return "[credentials]" }

// GoString returns "[credentials]".
func (Credentials) GoString() string { return "[credentials]" }

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
	// concurrently.
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
	// Route returns the ID of the Slack channel in which a request is asked,
	// "" for none. If nil, every request is asked in the channel given to
	// [New]. It must return the same for the same request.
	Route func(*approval.Request) string

	// Messages remembers the posted messages across restarts, as
	// [OpenFileMessages] does. If nil, they are remembered in memory: after a
	// restart, requests that still wait are posted again.
	Messages Messages

	// LocationName returns what people call the location with a GID, "" if it
	// has no name. If nil, "Location" and the number in the GID.
	LocationName func(gid string) string

	// ConsoleURL is where people reach the web console, such as
	// "https://pos.example.com/approvals/". If set, cards have a button that
	// opens the request there, to see everything and to edit.
	ConsoleURL string

	// TeamID is the workspace whose callbacks are taken. If empty, those of
	// every workspace with the app's signature, told apart by [People].
	TeamID string

	// APIURL is where Slack's Web API is. If empty, "https://slack.com/api/".
	APIURL string

	// HTTPClient calls Slack. If nil, one with a timeout of 15 seconds.
	HTTPClient *http.Client

	// RetryMin and RetryMax bound the wait after a call to Slack failed, which
	// doubles each time. If zero, 1 second and 5 minutes. What Slack itself
	// asks for, by Retry-After, is always waited.
	RetryMin, RetryMax time.Duration

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
	api    *slackapi.Client
	verify *verifier

	mu      sync.Mutex
	cancel  context.CancelFunc // of the running worker
	stopped bool
	work    sync.WaitGroup // the worker
	after   sync.WaitGroup // what follows a callback
	slots   chan struct{}  // bounds after
	clicked chan target
}

// New returns a channel of q that asks in the Slack channel with the given ID,
// C… or G…, which the app must be a member of. It calls nobody before
// [Slack.Start].
func New(q *approval.Queue, creds Credentials, channel string, people People, opts *Options) (*Slack, error) {
	switch {
	case q == nil || people == nil:
		return nil, errors.New("slack: a queue and people are needed")
	case creds.BotToken == "" || creds.SigningSecret == "":
		return nil, errors.New("slack: a bot token and a signing secret are needed")
	}
	s := &Slack{queue: q, people: people, verify: newVerifier(creds.SigningSecret), slots: make(chan struct{}, 16), clicked: make(chan target, 64)}
	if opts != nil {
		s.opts = *opts
	}
	o := &s.opts
	if o.Route == nil {
		if channel == "" {
			return nil, errors.New("slack: a channel is needed")
		}
		o.Route = func(*approval.Request) string { return channel }
	}
	if o.Messages == nil {
		o.Messages = newMemory()
	}
	if o.HTTPClient == nil {
		o.HTTPClient = &http.Client{Timeout: 15 * time.Second}
	}
	if o.RetryMin < 0 || o.RetryMax < 0 {
		return nil, errors.New("slack: a wait cannot be negative")
	}
	if o.RetryMin == 0 {
		o.RetryMin = time.Second
	}
	if o.RetryMax == 0 {
		o.RetryMax = 5 * time.Minute
	}
	o.RetryMax = max(o.RetryMax, o.RetryMin)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	for _, u := range []*string{&o.ConsoleURL, &o.APIURL} {
		if *u == "" {
			continue
		}
		parsed, err := url.Parse(*u)
		if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
			return nil, errors.New("slack: ConsoleURL and APIURL must be absolute, http or https")
		}
		*u = strings.TrimSuffix(*u, "/") + "/"
	}
	settings := []slackapi.Option{slackapi.OptionHTTPClient(o.HTTPClient)}
	if o.APIURL != "" {
		settings = append(settings, slackapi.OptionAPIURL(o.APIURL))
	}
	s.api = slackapi.New(creds.BotToken, settings...)
	return s, nil
}

// Start posts a card for every request that waits and has none, brings the
// cards of the others up to date, and does so from then on with every change,
// until [Slack.Stop]. What Slack does not take is tried again; nothing that
// waits is given up.
func (s *Slack) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil || s.stopped {
		return errors.New("slack: started already")
	}
	messages, err := s.opts.Messages.List(ctx)
	if err != nil {
		return fmt.Errorf("slack: read the posted messages: %w", err)
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	w := newWorker(s, messages)
	s.work.Go(func() { w.run(running) })
	return nil
}

// Stop ends the posting and waits for what is under way, at most until ctx
// ends. Cards that could not be posted are posted after the next start.
func (s *Slack) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.stopped = true
	if s.cancel != nil {
		s.cancel()
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.work.Wait()
		s.after.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("slack: stop: %w", context.Cause(ctx))
	}
}
