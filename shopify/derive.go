package shopify

import (
	"fmt"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
)

// CallOptions are what a derived client does differently. Zero fields leave it
// as it is. See [Client.With].
type CallOptions struct {
	// Lane says who waits first for query-cost points.
	Lane Lane
	// IdempotencyKey is the key of one mutation: the client writes it into the
	// @idempotent directive, and into the variable that the directive names if
	// that is empty. Calls of anything but one mutation that takes a key fail
	// with [ErrInvalid]. Make keys with [NewIdempotencyKey]. At most 255 bytes.
	IdempotencyKey string
	// Version is the API version to ask for.
	Version string
	// Header is added to the requests, in place of what the client had under
	// the same names. The client's own headers (the access token, the content
	// type, …) cannot be set.
	Header http.Header
	// Info is filled by each call, whether it succeeds or not; where nothing was
	// sent it holds no more than the operation. Use one for one call at a time,
	// and read it when the call has returned.
	Info *Info
}

// With returns a client that differs from c in these options and shares
// everything else with it, the query-cost points above all. It is cheap: make
// one per call, in place.
//
//	admin.GetOrder(ctx, client.With(shopify.CallOptions{Lane: shopify.Background}), id)
//
// Wrong options are reported by the calls, with an error that matches
// [ErrInvalid].
func (c *Client) With(o CallOptions) *Client {
	d := *c
	if o.Lane != 0 {
		d.lane = o.Lane
		if o.Lane != Interactive && o.Lane != Background {
			d.fail("no such lane")
		}
	}
	if o.IdempotencyKey != "" {
		d.key = o.IdempotencyKey
		if !validKey(d.key) {
			d.fail("idempotency key")
		}
	}
	if o.Version != "" {
		d.version, d.url = o.Version, c.shared.endpoint(o.Version)
		if !versionRE.MatchString(o.Version) {
			d.fail("not an API version")
		}
	}
	if len(o.Header) > 0 {
		d.header = maps.Clone(c.header)
		if d.header == nil {
			d.header = make(http.Header, len(o.Header))
		}
		for name, values := range o.Header {
			name = textproto.CanonicalMIMEHeaderKey(name)
			if slices.Contains(ownHeaders, name) || name == textproto.CanonicalMIMEHeaderKey(c.shared.opts.API.TokenHeader) {
				d.fail("header " + name + " is the client's own")
			}
			d.header[name] = slices.Clone(values)
		}
	}
	if o.Info != nil {
		d.info = o.Info
	}
	return &d
}

// ownHeaders are the headers that only the client sets.
var ownHeaders = []string{"Accept", "Accept-Encoding", "Authorization", "Connection", "Content-Length", "Content-Type", "Host", "Transfer-Encoding", "X-Shopify-Access-Token", "X-Shopify-Storefront-Access-Token", "Shopify-Storefront-Private-Token"}

func (c *Client) fail(what string) {
	if c.err == nil {
		c.err = fmt.Errorf("shopify: %w: %s", ErrInvalid, what)
	}
}
