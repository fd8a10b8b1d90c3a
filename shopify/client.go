package shopify

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Khan/genqlient/graphql"
)

// Version is the API version that this module is made for.
// Source: https://shopify.dev/docs/api/usage/versioning
const Version = "2026-10"

// Options are the optional settings of a [Client]. Zero fields are the
// defaults.
type Options struct {
	// Version is the API version to ask for, "2026-10" or "unstable".
	// If empty, [Version].
	Version string
	// API is the GraphQL API to call. If zero, the Admin API. Package
	// shopify/storefront makes clients of the Storefront API.
	API API
	// BaseURL is where the API is, without a path: a simulated shop's URL in
	// tests. If empty, https:// and the shop's domain. The access token is
	// sent there.
	BaseURL string
	// HTTPClient sends the requests. The client uses a copy that follows no
	// redirects. If nil, one with a timeout of 30 s per attempt.
	HTTPClient *http.Client
	// Limiter holds the query-cost points of shops. Shopify gives an app one
	// bucket per shop, however many clients draw on it, so give all clients of
	// the process the same one, whatever their shop or token. If nil, the client
	// has one of its own, which only it and those derived from it by
	// [Client.With] go by: right for a program that has no other client of the
	// shop.
	Limiter *Limiter
	// Lane says who waits first for query-cost points. If zero, [Interactive].
	Lane Lane
	// MaxWait is the longest that one call waits for query-cost points. If
	// zero, 30 s; if negative, a call never waits and fails with
	// [ErrThrottled] at once.
	MaxWait time.Duration
	// MaxRetries is how many times a request is sent again. If zero, 4; if
	// negative, never.
	MaxRetries int
	// MinBackoff and MaxBackoff bound the pause before a request is sent again,
	// which doubles each time and is shortened at random by up to half. A
	// longer Retry-After of the answer is obeyed. If zero, 250 ms and 10 s.
	MinBackoff, MaxBackoff time.Duration
	// MaxResponse is the longest answer that is read, in bytes. If zero, 32 MiB.
	MaxResponse int64
	// AllowUserErrors leaves a mutation's userErrors to the caller: they are
	// in the response and make no error.
	AllowUserErrors bool
	// AllowSearchWarnings leaves it at a warning in the log when Shopify does
	// not understand a search filter.
	AllowSearchWarnings bool
	// Hooks are called as the client works, for traces, metrics and access
	// logs: in this order when a call begins, in the opposite one when it ends.
	Hooks []Hooks
	// Logger gets warnings (another API version answered, something deprecated
	// was used, once per operation and reason, a search filter was not
	// understood) and, at debug level, one line per answer. If nil, nothing is
	// logged.
	Logger *slog.Logger
}

// API is where one of Shopify's GraphQL APIs is and how it wants to be called.
type API struct {
	// Path comes before the version: "api" of /api/2026-10/graphql.json.
	Path string
	// TokenHeader carries the access token. If empty, none is sent.
	TokenHeader string
	// Uncounted says that requests cost no points: none are waited for.
	Uncounted bool
	// Safety has the mutations of the API that may be sent again after a lost
	// answer. All others are [SafetyUnsafe].
	Safety map[string]Safety
}

// adminAPI is the zero [API].
var adminAPI = API{Path: "admin/api", TokenHeader: "X-Shopify-Access-Token"}

// Client calls the Admin API of one shop. It is a genqlient graphql.Client.
// Safe for concurrent use.
type Client struct {
	shared *shared
	// What a derived client may have differently.
	lane    Lane
	key     string
	version string
	url     string
	header  http.Header
	info    *Info
	err     error // of the options of a derived client
}

// shared is what a client and those derived from it have in common.
type shared struct {
	shop       Domain
	tokens     TokenSource
	opts       Options // with defaults
	base       *url.URL
	http       *http.Client
	bucket     *bucket
	operations operationCache
	// answered is the version that answered last, to warn once per change.
	answered     atomic.Pointer[string]
	deprecations deprecations
}

// deprecations remembers what was warned of.
type deprecations struct {
	mu   sync.Mutex
	seen map[[2]string]struct{}
}

// maxDeprecations bounds how many warnings are given.
const maxDeprecations = 256

// first reports whether an operation was not warned of for this reason before.
func (d *deprecations) first(operation, reason string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := [2]string{operation, reason}
	if _, ok := d.seen[key]; ok || len(d.seen) >= maxDeprecations {
		return false
	}
	if d.seen == nil {
		d.seen = make(map[[2]string]struct{})
	}
	d.seen[key] = struct{}{}
	return true
}

var _ graphql.Client = (*Client)(nil)

var versionRE = regexp.MustCompile(`^(20[0-9]{2}-(01|04|07|10)|unstable)$`)

// NewClient returns a client of one shop. It sends nothing yet. The error
// matches [ErrInvalid].
//
// A program that makes more than one client, for other shops, or for the same
// shop with another token, makes one [Limiter] first and gives it to all of them:
// clients that do not know of one another overdraw the shop's points and are
// throttled. There is no limiter behind the scenes. For another lane, version or
// header no second client is needed: see [Client.With].
//
//	limiter := shopify.NewLimiter(nil) // once per process
//	…
//	client, err := shopify.NewClient(shop, tokens, &shopify.Options{Limiter: limiter})
func NewClient(shop Domain, tokens TokenSource, opts *Options) (*Client, error) {
	checked, err := ParseDomain(string(shop))
	if err != nil {
		return nil, err
	}
	if tokens == nil && (opts == nil || opts.API.Path == "" || opts.API.TokenHeader != "") {
		return nil, fmt.Errorf("shopify: %w: no token source", ErrInvalid)
	}
	s := &shared{shop: checked, tokens: tokens}
	if opts != nil {
		s.opts = *opts
		s.opts.Hooks = slices.Clone(opts.Hooks)
	}
	o := &s.opts
	o.setDefaults()
	if !versionRE.MatchString(o.Version) {
		return nil, fmt.Errorf("shopify: %w: not an API version", ErrInvalid)
	}
	base := o.BaseURL
	if base == "" {
		base = "https://" + string(checked)
	}
	s.base, err = url.Parse(base)
	if u := s.base; err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("shopify: %w: BaseURL", ErrInvalid)
	}
	s.http = apiClient(o.HTTPClient)
	s.bucket = o.Limiter.bucket(checked)
	if o.API.Path != adminAPI.Path {
		s.operations.safety = o.API.Safety
		if s.operations.safety == nil {
			s.operations.safety = map[string]Safety{}
		}
	}
	return &Client{shared: s, lane: o.Lane, version: o.Version, url: s.endpoint(o.Version)}, nil
}

// endpoint returns the URL of an API version.
func (s *shared) endpoint(version string) string {
	return s.base.JoinPath(s.opts.API.Path, version, "graphql.json").String()
}

func (o *Options) setDefaults() {
	if o.Version == "" {
		o.Version = Version
	}
	if o.API.Path == "" {
		o.API = adminAPI
	}
	if o.Limiter == nil {
		o.Limiter = NewLimiter(nil)
	}
	if o.Lane == 0 {
		o.Lane = Interactive
	}
	if o.MaxWait == 0 {
		o.MaxWait = 30 * time.Second
	}
	if o.MaxRetries == 0 {
		o.MaxRetries = 4
	}
	o.MaxRetries = max(0, o.MaxRetries)
	if o.MinBackoff <= 0 {
		o.MinBackoff = 250 * time.Millisecond
	}
	if o.MaxBackoff <= 0 {
		o.MaxBackoff = 10 * time.Second
	}
	o.MaxBackoff = max(o.MaxBackoff, o.MinBackoff)
	if o.MaxResponse <= 0 {
		o.MaxResponse = 32 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// apiClient copies the caller's HTTP client. A redirect would carry the access
// token to another host: net/http keeps unknown headers.
func apiClient(given *http.Client) *http.Client {
	c := &http.Client{Timeout: 30 * time.Second}
	if given != nil {
		*c = *given
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	next := c.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	c.Transport = roundTripper(next.RoundTrip)
	return c
}

// roundTripper hides the transport's CloseIdleConnections, which the retry
// library calls after every failure: the transport is not ours alone.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Shop returns the shop's domain.
func (c *Client) Shop() Domain { return c.shared.shop }

// BaseURL returns where the API is, "https://example.myshopify.com" unless
// [Options.BaseURL] says otherwise.
func (c *Client) BaseURL() string { return c.shared.base.String() }

// MakeRequest runs one operation: generated functions call it. It fills
// resp.Data, resp.Errors and resp.Extensions with what came, on errors too.
func (c *Client) MakeRequest(ctx context.Context, req *graphql.Request, resp *graphql.Response) error {
	call, err := c.newCall(req, resp.Data)
	if err != nil {
		if c.info != nil {
			*c.info = Info{Operation: c.shared.operations.get(req.Query, req.OpName).op}
		}
		return err
	}
	ctx = call.started(ctx)
	if err = call.run(ctx); err == nil {
		err = call.deliver(ctx, resp)
	}
	if c.info != nil {
		*c.info = call.info
	}
	call.ended(ctx, err)
	return err
}

// operationCache remembers what [ParseOperation] found.
type operationCache struct {
	safety map[string]Safety // of mutations of another API than the Admin API

	mu    sync.RWMutex
	known map[documentKey]*parsedDocument
}

type documentKey struct{ document, name string }

// maxOperations bounds the cache: a program that builds documents on the fly
// must not fill the memory.
const maxOperations = 1024

func (c *operationCache) get(document, name string) *parsedDocument {
	key := documentKey{document, name}
	c.mu.RLock()
	d, ok := c.known[key]
	c.mu.RUnlock()
	if ok {
		return d
	}
	d, err := parseDocument(document, name)
	if err == nil && c.safety != nil {
		d.judge(c.safety)
	}
	if err != nil {
		// The server will say what is wrong with it. Until then it is taken
		// for the worst.
		d = &parsedDocument{op: Operation{Name: name, Kind: Mutation, Safety: SafetyUnsafe}}
	}
	d.head = bodyHead(document, name)
	d.costs = costName(d.op.Name, document)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = make(map[documentKey]*parsedDocument)
	}
	if len(c.known) < maxOperations {
		c.known[key] = d
	}
	return d
}
