package goclients_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	goshopify "github.com/bold-commerce/go-shopify/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

func newShop(t *testing.T, opts *shopifytest.Options) *shopifytest.Shop {
	t.Helper()
	if opts == nil {
		opts = &shopifytest.Options{}
	}
	opts.Today = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	return shopifytest.NewShop(t, opts)
}

// toShop sends what is for https://{shop} to the simulated one, by HTTP. The client has
// no other way to be told where a shop is.
type toShop struct {
	shop *shopifytest.Shop
	base *url.URL
}

func (rt toShop) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != rt.shop.Domain() || req.URL.Scheme != "https" {
		return nil, errors.New("a request to " + req.URL.Host)
	}
	out := req.Clone(req.Context())
	out.URL.Scheme, out.URL.Host = rt.base.Scheme, rt.base.Host
	return http.DefaultTransport.RoundTrip(out)
}

func app(s *shopifytest.Shop) goshopify.App {
	return goshopify.App{
		ApiKey: s.ClientID(), ApiSecret: s.Secret(), RedirectUrl: "https://app.example.com/callback", Scope: "read_products,write_orders",
	}
}

func client(t *testing.T, s *shopifytest.Shop, token string, opts ...goshopify.Option) *goshopify.Client {
	t.Helper()
	base, err := url.Parse(s.URL())
	require.NoError(t, err)
	opts = append([]goshopify.Option{
		goshopify.WithVersion("2026-10"), goshopify.WithHTTPClient(&http.Client{Transport: toShop{s, base}, Timeout: time.Minute}),
	}, opts...)
	c, err := goshopify.NewClient(app(s), s.Domain(), token, opts...)
	require.NoError(t, err)
	return c
}

// TestInstall: authorization code grant, with the signature of the callback checked by
// the client.
func TestInstall(t *testing.T) {
	s := newShop(t, nil)
	a := app(s)
	ask, err := a.AuthorizeUrl(s.Domain(), "state-of-ours")
	require.NoError(t, err)
	a.Client = client(t, s, "")
	browser := *a.Client.Client
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, ask, nil)
	require.NoError(t, err)
	resp, err := browser.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	back, err := resp.Location()
	require.NoError(t, err)
	assert.Equal(t, "app.example.com", back.Host)
	assert.Equal(t, "state-of-ours", back.Query().Get("state"))
	ok, err := a.VerifyAuthorizationURL(back)
	require.NoError(t, err)
	assert.True(t, ok)
	q := back.Query()
	q.Set("shop", "other.myshopify.com")
	ok, err = a.VerifyAuthorizationURL(&url.URL{RawQuery: q.Encode()})
	require.NoError(t, err)
	assert.False(t, ok)

	token, err := a.GetAccessToken(t.Context(), s.Domain(), back.Query().Get("code"))
	require.NoError(t, err)
	shop, err := client(t, s, token).Shop.Get(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, s.Domain(), shop.MyshopifyDomain)
	_, err = a.GetAccessToken(t.Context(), s.Domain(), back.Query().Get("code"))
	require.Error(t, err, "a code is good once")
}

// webhooks is a receiver that lets the client check the signatures.
func webhooks(t *testing.T, a goshopify.App) (address string, verified <-chan error) {
	t.Helper()
	got := make(chan error, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ok, err := a.VerifyWebhookRequestVerbose(r)
		if err == nil && (!ok || !a.VerifyWebhookRequest(r)) {
			err = errors.New("not verified")
		}
		got <- err
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

func TestWebhooks(t *testing.T) {
	s := newShop(t, nil)
	c := client(t, s, s.Token())
	address, verified := webhooks(t, app(s))
	made, err := c.Webhook.Create(t.Context(), goshopify.Webhook{Topic: "orders/create", Address: address})
	require.NoError(t, err)
	assert.NotZero(t, made.Id)
	assert.Equal(t, "json", made.Format)
	count, err := c.Webhook.Count(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, 1, count)
	of := func(topic string) []goshopify.Webhook {
		list, err := c.Webhook.List(t.Context(), goshopify.WebhookOptions{Topic: topic})
		require.NoError(t, err)
		return list
	}
	assert.Len(t, of("orders/create"), 1)
	assert.Empty(t, of("orders/updated"))

	_, err = s.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{SKU: s.Products()[0].Variants[0].SKU}}})
	require.NoError(t, err)
	select {
	case err := <-verified:
		require.NoError(t, err)
	case <-time.After(time.Minute):
		t.Fatal("no delivery")
	}

	made.Fields = []string{"id", "note"}
	changed, err := c.Webhook.Update(t.Context(), *made)
	require.NoError(t, err)
	assert.Equal(t, []string{"id", "note"}, changed.Fields)
	require.NoError(t, c.Webhook.Delete(t.Context(), made.Id))
	_, err = c.Webhook.Get(t.Context(), made.Id, nil)
	var re goshopify.ResponseError
	require.ErrorAs(t, err, &re)
	assert.Equal(t, http.StatusNotFound, re.Status)
	_, err = c.Webhook.Create(t.Context(), goshopify.Webhook{Topic: "orders/nonsense", Address: address})
	require.ErrorAs(t, err, &re)
	assert.Equal(t, http.StatusUnprocessableEntity, re.Status)
	assert.Equal(t, []string{"topic: Invalid topic specified"}, re.Errors)
}

func TestREST(t *testing.T) {
	s := newShop(t, nil)
	c := client(t, s, s.Token())
	ctx := t.Context()
	products, err := c.Product.ListAll(ctx, goshopify.ListOptions{Limit: 20})
	require.NoError(t, err)
	assert.Len(t, products, len(s.Products()))
	assert.NotEmpty(t, products[0].Variants)
	assert.False(t, products[0].Variants[0].Price.IsZero())
	count, err := c.Product.Count(ctx, nil)
	require.NoError(t, err)
	assert.Equal(t, len(products), count)
	product, err := c.Product.Get(ctx, products[1].Id, nil)
	require.NoError(t, err)
	assert.Equal(t, products[1].Title, product.Title)
	some, err := c.Product.List(ctx, goshopify.ListOptions{Ids: []uint64{products[3].Id, products[1].Id}})
	require.NoError(t, err)
	assert.Len(t, some, 2)

	orders, page, err := c.Order.ListWithPagination(ctx, goshopify.OrderListOptions{ListOptions: goshopify.ListOptions{Limit: 5}, Status: "any"})
	require.NoError(t, err)
	require.Len(t, orders, 5)
	assert.NotEmpty(t, orders[0].LineItems)
	require.NotNil(t, page.NextPageOptions)
	assert.Nil(t, page.PreviousPageOptions)
	next, _, err := c.Order.ListWithPagination(ctx, page.NextPageOptions)
	require.NoError(t, err)
	assert.NotEqual(t, orders[0].Id, next[0].Id)
	order, err := c.Order.Get(ctx, orders[0].Id, nil)
	require.NoError(t, err)
	assert.Equal(t, orders[0].Name, order.Name)
	changed, err := c.Order.Update(ctx, goshopify.Order{Id: order.Id, Note: "gift", Tags: "blue, green"})
	require.NoError(t, err)
	assert.Equal(t, "gift", changed.Note)
	assert.Equal(t, "blue, green", changed.Tags)

	customers, err := c.Customer.List(ctx, goshopify.ListOptions{Limit: 3})
	require.NoError(t, err)
	require.Len(t, customers, 3)
	n, err := c.Customer.Count(ctx, nil)
	require.NoError(t, err)
	assert.Greater(t, n, 3)
	customer, err := c.Customer.Get(ctx, customers[0].Id, nil)
	require.NoError(t, err)
	assert.Equal(t, customers[0].Email, customer.Email)

	assert.Equal(t, 40, c.RateLimits.BucketSize)
	assert.Positive(t, c.RateLimits.RequestCount)
}

func TestErrors(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Scopes: []string{"read_products"}})
	status := func(err error) int {
		var re goshopify.ResponseError
		if errors.As(err, &re) {
			return re.Status
		}
		return 0
	}
	_, err := client(t, s, "guess").Shop.Get(t.Context(), nil)
	assert.Equal(t, http.StatusUnauthorized, status(err))
	_, err = client(t, s, s.Token()).Order.List(t.Context(), nil)
	assert.Equal(t, http.StatusForbidden, status(err))

	s.Inject(shopifytest.Fault{Status: 429, RetryAfter: "1.0"})
	s.Inject(shopifytest.Fault{Status: 503})
	c := client(t, s, s.Token(), goshopify.WithRetry(3))
	_, err = c.Shop.Get(t.Context(), nil)
	require.NoError(t, err, "after a second, and again")
	assert.Len(t, s.Journal(), 5)
	s.Inject(shopifytest.Fault{Status: 429, RetryAfter: "2.0"})
	_, err = client(t, s, s.Token()).Shop.Get(t.Context(), nil)
	var limited goshopify.RateLimitError
	require.ErrorAs(t, err, &limited)
	assert.Equal(t, 2, limited.RetryAfter)
}

func TestGraphQL(t *testing.T) {
	s := newShop(t, nil)
	c := client(t, s, s.Token(), goshopify.WithRetry(2))
	var out struct {
		Shop     struct{ Name string }
		Products struct{ Nodes []struct{ Title string } }
	}
	const query = `query Names($n: Int!) { shop { name } products(first: $n) { nodes { title } } }`
	ask := func(ctx context.Context) error { return c.GraphQL.Query(ctx, query, map[string]any{"n": 2}, &out) }
	require.NoError(t, ask(t.Context()))
	assert.NotEmpty(t, out.Shop.Name)
	assert.Len(t, out.Products.Nodes, 2)
	require.NotNil(t, c.RateLimits.GraphQLCost)
	assert.InDelta(t, 2000, c.RateLimits.GraphQLCost.ThrottleStatus.MaximumAvailable, 0)

	s.Inject(shopifytest.Fault{Operation: "Names", Throttle: true})
	require.NoError(t, ask(t.Context()), "it sends a throttled query again")
	err := c.GraphQL.Query(t.Context(), `{ shop { nonsense } }`, nil, &out)
	require.ErrorContains(t, err, "nonsense")
}
