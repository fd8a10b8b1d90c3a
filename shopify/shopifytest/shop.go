package shopifytest

import (
	"context"
	"errors"
	"net/http"
	"testing"
)

var errUnfinished = errors.New("shopifytest: under construction")

// Shop is a simulated shop. It is safe for concurrent use.
type Shop struct{}

// NewShop starts a shop for a test and closes it when the test ends. Nil options are the defaults.
func NewShop(t testing.TB, opts *Options) *Shop {
	t.Helper()
	s, err := Start(opts)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// Start starts a shop. The caller closes it. Nil options are the defaults.
func Start(opts *Options) (*Shop, error) { return nil, errUnfinished }

// Close ends the shop: it stops listening and delivering and returns when nothing runs any more.
func (s *Shop) Close() error { return nil }

// URL is where the shop listens, such as "http://127.0.0.1:41873", without a slash at the end.
func (s *Shop) URL() string { return "" }

// Domain is the shop's domain, something.myshopify.com.
func (s *Shop) Domain() string { return "" }

// Token is the Admin API access token that the shop accepts.
func (s *Shop) Token() string { return "" }

// Secret is the client secret that signs the webhooks.
func (s *Shop) Secret() string { return "" }

// Transport reaches the shop without a socket, whatever the request's host.
func (s *Shop) Transport() http.RoundTripper { return nil }

// RingUp makes a sale at the register: the order is paid and taken along, stock goes down and webhooks go out.
func (s *Shop) RingUp(sale Sale) (Order, error) { return Order{}, errUnfinished }

// Deliveries is the log of all webhook deliveries, oldest first.
func (s *Shop) Deliveries() []Delivery { return nil }

// WaitIdle waits until no delivery is pending, or until ctx ends.
func (s *Shop) WaitIdle(ctx context.Context) error { return errUnfinished }

// Redeliver sends the webhook once more: same id, same body, as Shopify may.
func (s *Shop) Redeliver(webhookID string) error { return errUnfinished }

// Order returns the order by GID, numeric id or name.
func (s *Shop) Order(id string) (Order, bool) { return Order{}, false }

// Orders returns all orders, oldest first.
func (s *Shop) Orders() []Order { return nil }

// DraftOrders returns all draft orders, oldest first.
func (s *Shop) DraftOrders() []DraftOrder { return nil }

// Metafields returns the metafields of the owner (a GID), oldest first.
func (s *Shop) Metafields(ownerID string) []Metafield { return nil }

// Customers returns all customers.
func (s *Shop) Customers() []Customer { return nil }

// Products returns all products.
func (s *Shop) Products() []Product { return nil }

// Locations returns all locations.
func (s *Shop) Locations() []Location { return nil }

// Subscriptions returns all webhook subscriptions.
func (s *Shop) Subscriptions() []Subscription { return nil }
