package auth

import (
	"cmp"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/posai-go/posai/shopify"
)

// Secrets are the app's client secrets.
type Secrets struct {
	// Current is the app's client secret. It is sent to Shopify's token endpoint.
	Current string

	// Previous is the secret before the last rotation: Shopify may go on signing with
	// it for a while. Optional.
	Previous string

	// PreviousUntil is when Previous stops to be accepted. Required if there is one.
	PreviousUntil time.Time
}

func (s Secrets) check() error {
	switch {
	case s.Current == "":
		return fmt.Errorf("auth: %w: Secrets.Current is empty", shopify.ErrInvalid)
	case s.Previous != "" && s.PreviousUntil.IsZero():
		return fmt.Errorf("auth: %w: Secrets.Previous without PreviousUntil would be accepted for ever", shopify.ErrInvalid)
	}
	return nil
}

// valid returns the secrets that may sign now.
func (s Secrets) valid() []string {
	if s.Previous == "" || !time.Now().Before(s.PreviousUntil) {
		return []string{s.Current}
	}
	return []string{s.Current, s.Previous}
}

// Format does not tell the secrets.
func (Secrets) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[redacted]")) }

// LogValue does not tell the secrets.
func (Secrets) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// Options are the optional settings of an [App]. Zero fields are the defaults.
type Options struct {
	// Scopes are the access scopes that the app asks for and cannot do without, such as
	// "read_orders"; a write scope includes the read scope. Leave it empty if
	// Shopify manages the installation by the app's configuration file.
	Scopes []string

	// Store keeps the tokens. If nil, a [MemoryStore]: they are gone when the process
	// ends. Package sqlstore keeps them in SQLite or PostgreSQL, encrypted.
	Store Store

	// BaseURL is where the shops are, without a path: a simulated shop's URL in tests. If
	// empty, https:// and the shop's domain. The client secret is sent there.
	BaseURL string

	// HTTPClient sends the requests to the token endpoint. The app uses a copy that
	// follows no redirects. If nil, one with a timeout of 10 s per attempt.
	HTTPClient *http.Client

	// RefreshBefore is how long before its expiry a token is replaced, at most a
	// quarter of its lifetime. If zero, 5 min.
	RefreshBefore time.Duration

	// MaxAttempts is how often the token endpoint is asked when it fails or does not
	// answer. If zero, 4. An authorization code is tried once: it can be used once.
	MaxAttempts int

	// MinBackoff is the pause before it is asked again, which doubles each time and is
	// shortened at random by up to half. If zero, 250 ms.
	MinBackoff time.Duration

	// Timeout is the longest that getting a new token takes, with all attempts and the
	// wait for other processes. If zero, 1 min. A caller whose context ends before
	// waits no longer; the token is fetched all the same.
	Timeout time.Duration

	// Logger hears of tokens that could not be refreshed. If nil, nothing is logged.
	Logger *slog.Logger
}

// App is an app's identity at Shopify: it gets the tokens of all shops that
// installed it, keeps them, and verifies who calls it. Make one per process. Safe for
// concurrent use.
type App struct {
	clientID string
	secrets  *Secrets // by pointer, which fmt does not follow in a field of a field
	opts     Options  // with defaults
	base     *url.URL
	http     *http.Client
	cache    cache

	mu     sync.Mutex
	closed bool
	flying sync.WaitGroup
}

// New returns an app. It sends nothing yet. The error matches [shopify.ErrInvalid].
func New(clientID string, secrets Secrets, opts *Options) (*App, error) {
	if clientID == "" {
		return nil, fmt.Errorf("auth: %w: no client ID", shopify.ErrInvalid)
	}
	if err := secrets.check(); err != nil {
		return nil, err
	}
	a := &App{clientID: clientID, secrets: &secrets}
	if opts != nil {
		a.opts = *opts
	}
	o := &a.opts
	o.Scopes = slices.Clone(o.Scopes)
	if o.Store == nil {
		o.Store = NewMemoryStore()
	}
	o.RefreshBefore = cmp.Or(o.RefreshBefore, 5*time.Minute)
	o.MaxAttempts = cmp.Or(o.MaxAttempts, 4)
	o.MinBackoff = cmp.Or(o.MinBackoff, 250*time.Millisecond)
	o.Timeout = cmp.Or(o.Timeout, time.Minute)
	if o.RefreshBefore < 0 || o.MaxAttempts < 0 || o.MinBackoff < 0 || o.Timeout < 0 {
		return nil, fmt.Errorf("auth: %w: a negative option", shopify.ErrInvalid)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.BaseURL != "" {
		u, err := url.Parse(o.BaseURL)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("auth: %w: BaseURL", shopify.ErrInvalid)
		}
		a.base = u
	}
	a.http = &http.Client{Timeout: 10 * time.Second}
	if o.HTTPClient != nil {
		*a.http = *o.HTTPClient
	}
	a.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return a, nil
}

// Format prints the app's client ID alone.
func (a *App) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("app " + a.clientID)) }

// LogValue is the app's client ID alone.
func (a *App) LogValue() slog.Value { return slog.StringValue("app " + a.clientID) }

// ClientID returns the app's client ID.
func (a *App) ClientID() string { return a.clientID }

// Close waits until no token is being fetched, and ends the app: sources fail from
// now on. A program that ends without it loses no more than an answer, which the
// next refresh makes up for.
func (a *App) Close() error {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.flying.Wait()
	return nil
}

// fly runs fn in a goroutine that [App.Close] waits for.
func (a *App) fly(fn func()) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return errors.New("auth: the app is closed")
	}
	a.flying.Go(fn)
	return nil
}

// shopURL is where a shop is.
func (a *App) shopURL(shop shopify.Domain) *url.URL {
	if a.base != nil {
		return a.base
	}
	return &url.URL{Scheme: "https", Host: string(shop)}
}

// derive makes a key of the app's own from the client secret. What is signed with the
// secret itself could be taken for Shopify's signature.
func derive(secret, purpose string) []byte {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "posai shopify/auth "+purpose, sha256.Size)
	if err != nil {
		panic("auth: " + err.Error()) // only for lengths beyond HKDF's
	}
	return key
}
