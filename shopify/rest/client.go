package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/posai-go/posai/shopify"
)

// Options are the optional settings of a [Client]. Zero fields are the defaults.
type Options struct {
	// Version is the API version to ask for, such as "2026-10". If empty,
	// [shopify.Version].
	Version string
	// BaseURL is where the API is, without a path: a simulated shop's URL in tests. If
	// empty, https:// and the shop's domain. The access token is sent there.
	BaseURL string
	// HTTPClient sends the requests. The client uses a copy that follows no redirects.
	// If nil, one with a timeout of 30 s per attempt.
	HTTPClient *http.Client
	// Limiter keeps requests within the shop's bucket. Give the same one to all clients
	// of a process. If nil, the client has one of its own.
	Limiter *Limiter
	// MaxWait is the longest that one call waits for its turn or before it is sent
	// again. If zero, 30 s.
	MaxWait time.Duration
	// MaxRetries is how many times a request is sent again. If zero, 4; if negative,
	// never.
	MaxRetries int
	// MinBackoff and MaxBackoff bound the pause before a request is sent again, which
	// doubles each time and is shortened at random by up to half. If zero, 250 ms and
	// 10 s.
	MinBackoff, MaxBackoff time.Duration
	// MaxResponse is the longest answer that is read, in bytes. If zero, 32 MiB.
	MaxResponse int64
	// Logger gets warnings: another API version answered, something deprecated was
	// used. If nil, nothing is logged.
	Logger *slog.Logger
}

// Client calls the REST Admin API of one shop. Safe for concurrent use. Clients that
// share a [Limiter] keep the shop's limit together.
type Client struct {
	shop   shopify.Domain
	tokens shopify.TokenSource
	opts   Options // with defaults
	base   *url.URL
	http   *http.Client
	bucket *bucket
}

var versionRE = regexp.MustCompile(`^(20[0-9]{2}-(01|04|07|10)|unstable)$`)

// NewClient returns a client of one shop. It sends nothing yet. The error matches
// [shopify.ErrInvalid].
func NewClient(shop shopify.Domain, tokens shopify.TokenSource, opts *Options) (*Client, error) {
	checked, err := shopify.ParseDomain(string(shop))
	if err != nil {
		return nil, err
	}
	if tokens == nil {
		return nil, fmt.Errorf("rest: %w: no token source", shopify.ErrInvalid)
	}
	c := &Client{shop: checked, tokens: tokens}
	if opts != nil {
		c.opts = *opts
	}
	o := &c.opts
	o.setDefaults()
	if !versionRE.MatchString(o.Version) {
		return nil, fmt.Errorf("rest: %w: not an API version", shopify.ErrInvalid)
	}
	base := o.BaseURL
	if base == "" {
		base = "https://" + string(checked)
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("rest: %w: BaseURL", shopify.ErrInvalid)
	}
	c.base = u.JoinPath("admin/api", o.Version)
	c.http = &http.Client{Timeout: 30 * time.Second}
	if o.HTTPClient != nil {
		*c.http = *o.HTTPClient
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if o.Limiter == nil {
		o.Limiter = NewLimiter()
	}
	c.bucket = o.Limiter.bucket(checked)
	return c, nil
}

func (o *Options) setDefaults() {
	if o.Version == "" {
		o.Version = shopify.Version
	}
	if o.MaxWait == 0 {
		o.MaxWait = 30 * time.Second
	}
	if o.MaxRetries == 0 {
		o.MaxRetries = 4
	}
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

// Response is what an answer says besides its body.
type Response struct {
	Status int
	// RequestID is what Shopify's support asks for (X-Request-Id).
	RequestID string
	// APIVersion is the version that answered.
	APIVersion string
	// DeprecatedReason says what of the request is deprecated (a URL), or is empty.
	DeprecatedReason string
	// CallLimit is the state of the shop's bucket; zero if the answer did not tell.
	CallLimit CallLimit
	// Next and Previous are the queries of the neighboring pages, nil if there are none.
	// Call Get with the same path.
	Next, Previous url.Values
}

// Get reads a resource. path is what follows the version in Shopify's documentation:
// "orders.json", "orders/450789469.json". The answer's JSON goes into into, which may
// be nil. The Response is not nil if an answer came, also with an error.
func (c *Client) Get(ctx context.Context, path string, query url.Values, into any) (*Response, error) {
	return c.do(ctx, http.MethodGet, path, query, nil, into)
}

// Post creates a resource. body is encoded to JSON: {"customer": {…}}. It is not sent
// again once it may have arrived: the error then matches [shopify.ErrOutcomeUnknown].
func (c *Client) Post(ctx context.Context, path string, body, into any) (*Response, error) {
	return c.do(ctx, http.MethodPost, path, nil, body, into)
}

// Put changes a resource. It is sent again after a lost answer.
func (c *Client) Put(ctx context.Context, path string, body, into any) (*Response, error) {
	return c.do(ctx, http.MethodPut, path, nil, body, into)
}

// Delete deletes a resource. It is sent again after a lost answer; that the resource is
// gone by then is no error.
func (c *Client) Delete(ctx context.Context, path string) (*Response, error) {
	return c.do(ctx, http.MethodDelete, path, nil, nil, nil)
}

var pathRE = regexp.MustCompile(`^[a-z0-9_-]+(/[a-z0-9_-]+)*\.json$`)

func (c *Client) do(ctx context.Context, method, path string, query url.Values, body, into any) (*Response, error) {
	if !pathRE.MatchString(path) {
		return nil, fmt.Errorf("rest: %w: path", shopify.ErrInvalid)
	}
	k := &call{client: c, method: method, path: path, into: into}
	u := c.base.JoinPath(strings.Split(path, "/")...)
	u.RawQuery = query.Encode()
	k.url = u.String()
	if body != nil {
		var err error
		if k.body, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("rest: %s %s: encoding the body: %w", method, path, err)
		}
	}
	return k.run(ctx)
}
