package shopifytest

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"
)

// ErrNotFound is what asking for something that is not there matches.
var ErrNotFound = errors.New("shopifytest: not found")

// Shop is a simulated shop: an HTTP server, the data behind it and the webhooks that it sends. It is
// safe for concurrent use. Make one with [NewShop] in a test or with [Start] elsewhere.
type Shop struct {
	token, secret string

	storefrontToken string
	complianceURI   string

	clock      *clock
	state      *state
	sender     *sender
	admin      *adminAPI
	storefront *adminAPI
	oauth      *oauthAPI
	bulk       *bulkWork
	storage    *storage
	handler    http.Handler
	server     *http.Server // nil: socketless
	url        string
	served     chan struct{} // closed when the server has ended
}

// NewShop starts a shop for a test and closes it when the test ends. Nil options are the defaults.
func NewShop(t testing.TB, opts *Options) *Shop {
	t.Helper()
	s, err := Start(opts)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("%v", err)
		}
	})
	return s
}

// Start starts a shop; it listens when Start returns. The caller closes it. Nil
// options are the defaults. Errors of [Options.Data] match [ErrData].
func Start(opts *Options) (*Shop, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if err := o.complete(); err != nil {
		return nil, err
	}
	now := newClock(o.Now)
	o.Now = now.now
	engine, err := adminEngine()
	if err != nil {
		return nil, err
	}
	st := newState(o.Now, o.Seed)
	if err := st.load(o.Data); err != nil {
		return nil, err
	}
	st.app.installation.scopes = o.Scopes
	st.improvise = o.Improvise
	s := &Shop{token: o.Token, storefrontToken: o.StorefrontToken, complianceURI: o.ComplianceURI, secret: o.Secret, state: st, clock: now}
	st.events = s
	s.oauth = newOAuthAPI(&o, st.shop.data.Domain)
	s.oauth.granted, s.oauth.user = s.grantedScopes, s.loggedIn
	s.admin = newAdminAPI(adminConfig{
		engine: engine, resolver: st, plan: o.Plan, now: o.Now, logger: o.Logger, lock: s.lock,
		auth: func(h http.Header) ([]string, *badRequest) {
			return s.oauth.authenticate(h.Get("X-Shopify-Access-Token"))
		},
		online: func(h http.Header) bool { return s.oauth.online(h.Get("X-Shopify-Access-Token")) },
	})
	if s.storefront, err = newStorefrontAPI(&o, s); err != nil {
		return nil, err
	}
	s.storage = newStorage(o.Now, o.Secret, s.URL)
	s.bulk = newBulkWork(s, o.BulkLimit, o.BulkDelay)
	st.work = s.bulk
	s.handler = s.routes(&o)
	s.sender = newSender(senderConfig{
		transport: o.WebhookTransport, timeout: o.WebhookTimeout, schedule: o.RetrySchedule, domain: st.shop.data.Domain, secret: o.Secret,
		clock: now, log: o.Logger, unsubscribe: s.deleteSubscription,
	})
	if o.Socketless {
		s.url = "https://" + st.shop.data.Domain
		return s, nil
	}
	if err := s.listen(o.Addr, o.Logger); err != nil {
		s.sender.close()
		return nil, err
	}
	return s, nil
}

func (s *Shop) listen(addr string, log *slog.Logger) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("shopifytest: listen: %w", err)
	}
	s.url = "http://" + listener.Addr().String()
	s.served = make(chan struct{})
	s.server = &http.Server{
		// A client that reuses a connection just as the server ends it gets an error for a request that nobody saw. Go's
		// default client ends idle ones after 90 s: the shop waits longer, so that it is not the one.
		Handler: s.handler, ReadHeaderTimeout: 5 * time.Minute, ReadTimeout: 10 * time.Minute, IdleTimeout: 5 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go func() {
		defer close(s.served)
		_ = s.server.Serve(listener) // ends with ErrServerClosed
	}()
	return nil
}

// complete puts the defaults in and checks the rest.
func (o *Options) complete() error {
	o.Addr = cmp.Or(o.Addr, "127.0.0.1:0")
	o.Seed = cmp.Or(o.Seed, 1)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Token == "" {
		o.Token = "shpat_" + randomHex(16)
	}
	if o.StorefrontToken == "" {
		o.StorefrontToken = randomHex(16)
	}
	if o.Secret == "" {
		o.Secret = "shpss_" + randomHex(16)
	}
	o.OAuth.complete()
	if o.RetrySchedule == nil {
		o.RetrySchedule = defaultSchedule
	}
	if len(o.RetrySchedule) > 100 || slices.ContainsFunc(o.RetrySchedule, func(d time.Duration) bool { return d < 0 }) {
		return errors.New("shopifytest: RetrySchedule must have at most 100 elements, none negative")
	}
	if o.WebhookTimeout < 0 {
		return errors.New("shopifytest: WebhookTimeout must not be negative")
	}
	if problem := checkTarget(o.ComplianceURI); o.ComplianceURI != "" && problem != "" {
		return errors.New("shopifytest: ComplianceURI: " + problem)
	}
	o.RetrySchedule = slices.Clone(o.RetrySchedule)
	o.Scopes = slices.Clone(o.Scopes)
	if o.Data != nil {
		return o.Data.Validate()
	}
	if o.Today.IsZero() {
		o.Today = o.Now()
	}
	o.Data = GenerateData(o.Seed, o.Today)
	return nil
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// lock is taken around each operation of the API.
func (s *Shop) lock(mutation bool) (unlock func()) {
	if mutation {
		s.state.mu.Lock()
		return s.state.mu.Unlock
	}
	s.state.mu.RLock()
	return s.state.mu.RUnlock
}

func (s *Shop) routes(o *Options) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(adminPath, s.admin)
	mux.Handle(storefrontPath, s.storefront)
	s.oauth.routes(mux)
	requests := o.Requests
	if requests == (Plan{}) {
		requests = o.Plan.requests()
	}
	(&restAPI{shop: s, bucket: newBucket(requests, o.Now)}).routes(mux)
	mux.Handle(storagePath, s.storage)
	if o.Control {
		mux.Handle(controlPath, s.control())
	}
	return mux
}

// Close ends the shop: it stops listening, breaks off what runs and returns when nothing of
// it runs any more. What was not delivered stays undelivered. Closing again does nothing.
func (s *Shop) Close() error {
	var err error
	if s.server != nil {
		err = s.server.Close()
		<-s.served
	}
	s.bulk.close()
	s.sender.close()
	if err != nil {
		return fmt.Errorf("shopifytest: close: %w", err)
	}
	return nil
}

// URL is where the shop listens, such as "http://127.0.0.1:41873", without a slash at the end. Of
// a socketless shop it is "https://" and the domain.
func (s *Shop) URL() string { return s.url }

// Domain is the shop's domain, something.myshopify.com.
func (s *Shop) Domain() string { return s.state.shop.data.Domain }

// Token is the Admin API access token that the shop accepts.
func (s *Shop) Token() string { return s.token }

// StorefrontToken is the Storefront API access token that the shop accepts, as a public and as a private one.
func (s *Shop) StorefrontToken() string { return s.storefrontToken }

// Secret is the client secret that signs the webhooks.
func (s *Shop) Secret() string { return s.secret }

// Inject arms a fault of the GraphQL APIs or, with [Fault.Grant], of the token
// endpoint. The function returned disarms it.
func (s *Shop) Inject(f Fault) (remove func()) {
	_, remove = s.inject(f)
	return remove
}

func (s *Shop) inject(f Fault) (id string, remove func()) {
	if f.Grant == "" {
		return s.admin.faults.add(f)
	}
	f.Operation, f.Field = f.Grant, ""
	if f.Grant == "*" {
		f.Operation = ""
	}
	return s.oauth.faults.add(f)
}

// grantedScopes keeps what the installation was granted.
func (s *Shop) grantedScopes(scopes []string) {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	s.state.app.installation.scopes = scopes
}

// loggedIn is the member of staff whose account has this number, or somebody made up.
func (s *Shop) loggedIn(account int64) StaffData {
	s.state.mu.RLock()
	defer s.state.mu.RUnlock()
	for _, m := range s.state.staff {
		if m.id == account {
			return m.data
		}
	}
	return StaffData{FirstName: "Alex", LastName: "Example", Email: "alex@example.com"}
}

// Journal returns what the GraphQL APIs were asked, oldest first.
func (s *Shop) Journal() []JournalEntry { return s.admin.journal.all() }

// ResetJournal forgets what the GraphQL APIs were asked.
func (s *Shop) ResetJournal() { s.admin.journal.reset() }

// Deliveries returns the log of webhook deliveries, oldest first: the latest 20,000 and all that are pending.
func (s *Shop) Deliveries() []Delivery { return s.sender.all() }

// WaitIdle waits until no delivery is pending; with the default [Options.RetrySchedule] a subscriber
// that fails keeps one pending for hours. It returns ctx's error if ctx ends first.
func (s *Shop) WaitIdle(ctx context.Context) error { return s.sender.wait(ctx) }

// Redeliver sends a webhook once more, with the same id and body, as Shopify does now and then. It
// is a new entry in the log. The error matches [ErrNotFound] if the log has no such webhook.
func (s *Shop) Redeliver(webhookID string) error { return s.sender.again(webhookID) }

// Transport reaches the shop without a socket, whatever host a request names. The
// answer is complete before the round trip ends.
func (s *Shop) Transport() http.RoundTripper { return roundTripper{s.handler} }

type roundTripper struct{ handler http.Handler }

func (rt roundTripper) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	if req.Body != nil {
		defer func() { _ = req.Body.Close() }()
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	defer func() {
		// The handler breaks connections as net/http wants it.
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			resp, err = nil, io.ErrUnexpectedEOF
		default:
			panic(p)
		}
	}()
	w := newRecorder()
	in := req.Clone(req.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	in.RequestURI, in.RemoteAddr = req.URL.RequestURI(), "127.0.0.1:0"
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	rt.handler.ServeHTTP(w, in)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	return w.response(req), nil
}
