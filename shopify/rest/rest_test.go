package rest_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/auth"
	"github.com/posai-go/posai/shopify/rest"
	"github.com/posai-go/posai/shopify/shopifytest"
)

var today = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func newShop(t testing.TB, opts *shopifytest.Options) *shopifytest.Shop {
	t.Helper()
	if opts == nil {
		opts = &shopifytest.Options{}
	}
	opts.Today = today
	return shopifytest.NewShop(t, opts)
}

func client(t testing.TB, s *shopifytest.Shop, tokens shopify.TokenSource, opts rest.Options) *rest.Client {
	t.Helper()
	if tokens == nil {
		tokens = shopify.StaticToken(s.Token())
	}
	opts.BaseURL = s.URL()
	if opts.MinBackoff == 0 {
		opts.MinBackoff, opts.MaxBackoff = time.Millisecond, 4*time.Millisecond
	}
	c, err := rest.NewClient(shopify.Domain(s.Domain()), tokens, &opts)
	require.NoError(t, err)
	return c
}

type order struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	Note string `json:"note"`
	Tags string `json:"tags"`
}

type webhook struct {
	ID      int64  `json:"id,omitempty"`
	Topic   string `json:"topic,omitempty"`
	Address string `json:"address,omitempty"`
}

func TestVerbs(t *testing.T) {
	s := newShop(t, nil)
	c := client(t, s, nil, rest.Options{})
	var out struct {
		Webhook webhook `json:"webhook"`
	}
	resp, err := c.Post(t.Context(), "webhooks.json", map[string]any{"webhook": webhook{Topic: "orders/create", Address: "https://app.example.com/a"}}, &out)
	require.NoError(t, err)
	assert.Equal(t, http.StatusCreated, resp.Status)
	assert.NotEmpty(t, resp.RequestID)
	assert.Equal(t, rest.CallLimit{Used: 1, Max: 40}, resp.CallLimit)
	path := fmt.Sprintf("webhooks/%d.json", out.Webhook.ID)
	_, err = c.Put(t.Context(), path, map[string]any{"webhook": webhook{Address: "https://app.example.com/b"}}, &out)
	require.NoError(t, err)
	_, err = c.Get(t.Context(), path, nil, &out)
	require.NoError(t, err)
	assert.Equal(t, webhook{out.Webhook.ID, "orders/create", "https://app.example.com/b"}, out.Webhook)
	assert.Len(t, s.Subscriptions(), 1, "the same as those of GraphQL")
	_, err = c.Delete(t.Context(), path)
	require.NoError(t, err)
	resp, err = c.Delete(t.Context(), path)
	require.ErrorIs(t, err, shopify.ErrNotFound)
	assert.Equal(t, http.StatusNotFound, resp.Status)

	_, err = c.Post(t.Context(), "webhooks.json", map[string]any{"webhook": webhook{Topic: "orders/created", Address: "https://app.example.com/a"}}, nil)
	require.ErrorIs(t, err, shopify.ErrBadRequest)
	re, ok := errors.AsType[*rest.Error](err)
	require.True(t, ok)
	assert.Equal(t, map[string][]string{"topic": {"Invalid topic specified"}}, re.Fields)
	assert.Contains(t, err.Error(), "wrong: topic")
}

func TestPages(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Plan: shopifytest.Enterprise}) // whose bucket is large
	c := client(t, s, nil, rest.Options{})
	var count struct{ Count int }
	_, err := c.Get(t.Context(), "products/../shop.json", nil, nil)
	require.ErrorIs(t, err, shopify.ErrInvalid)
	_, err = c.Get(t.Context(), "orders/count.json", nil, &count)
	require.NoError(t, err)

	products := s.Products()
	counts := map[string]int{}
	for _, resource := range []string{"products", "customers", "webhooks"} {
		count.Count = -1
		_, err = c.Get(t.Context(), resource+"/count.json", nil, &count)
		require.NoError(t, err)
		counts[resource] = count.Count
		_, err = c.Get(t.Context(), resource+"/count.json", url.Values{"created_at_min": {"2026-01-01"}}, nil)
		require.ErrorIs(t, err, shopify.ErrBadRequest, "it does not pretend to filter")
	}
	assert.Equal(t, len(products), counts["products"])
	assert.Positive(t, counts["customers"])
	assert.Zero(t, counts["webhooks"])
	var some struct{ Products []order }
	_, err = c.Get(t.Context(), "products.json", url.Values{"since_id": {"0"}, "limit": {"3"}, "fields": {"id"}}, &some)
	require.NoError(t, err)
	require.Len(t, some.Products, 3)
	assert.True(t, slices.IsSortedFunc(some.Products, func(a, b order) int { return cmp.Compare(a.ID, b.ID) }))
	since, want := some.Products[1].ID, some.Products[2].ID
	_, err = c.Get(t.Context(), "products.json", url.Values{"since_id": {strconv.FormatInt(since, 10)}, "limit": {"1"}, "fields": {"id"}}, &some)
	require.NoError(t, err)
	require.Len(t, some.Products, 1)
	assert.Equal(t, want, some.Products[0].ID)
	_, err = c.Get(t.Context(), "products.json", url.Values{"since_id": {"first"}}, nil)
	require.ErrorIs(t, err, shopify.ErrBadRequest)
	_, err = c.Get(t.Context(), "products.json", url.Values{"topic": {"x"}}, nil)
	require.ErrorIs(t, err, shopify.ErrBadRequest)

	seen := map[int64]bool{}
	for p, err := range rest.Pages[order](t.Context(), c, "products.json", url.Values{"limit": {"7"}, "fields": {"id"}}, "products") {
		require.NoError(t, err)
		assert.False(t, seen[p.ID])
		seen[p.ID] = true
	}
	assert.Len(t, seen, len(products))
	before := len(s.Journal())
	n := 0
	for _, err := range rest.Pages[order](t.Context(), c, "orders.json", url.Values{"limit": {"5"}, "status": {"any"}}, "orders") {
		require.NoError(t, err)
		if n++; n == 12 {
			break
		}
	}
	assert.Len(t, s.Journal(), before+3, "what nobody wants is not asked for")

	var page struct{ Orders []order }
	first, err := c.Get(t.Context(), "orders.json", url.Values{"limit": {"5"}}, &page)
	require.NoError(t, err)
	assert.Nil(t, first.Previous)
	names := page.Orders
	second, err := c.Get(t.Context(), "orders.json", first.Next, &page)
	require.NoError(t, err)
	_, err = c.Get(t.Context(), "orders.json", second.Previous, &page)
	require.NoError(t, err)
	assert.Equal(t, names, page.Orders)

	failed := 0
	for _, err := range rest.Pages[order](t.Context(), c, "orders.json", nil, "products") {
		require.Error(t, err)
		failed++
	}
	assert.Equal(t, 1, failed)
}

func TestRetries(t *testing.T) {
	s := newShop(t, nil)
	c := client(t, s, nil, rest.Options{})
	var list struct{ Orders []order }
	_, err := c.Get(t.Context(), "orders.json", url.Values{"limit": {"1"}}, &list)
	require.NoError(t, err)
	path := fmt.Sprintf("orders/%d.json", list.Orders[0].ID)
	note := map[string]any{"order": map[string]any{"note": "gift"}}
	hook := map[string]any{"webhook": webhook{Topic: "orders/create", Address: "https://app.example.com/a"}}
	for name, fault := range map[string]shopifytest.Fault{
		"cut": {Cut: true}, "lost": {LoseResponse: true}, "503": {Status: 503, RetryAfter: "0.005"}, "429": {Status: 429, RetryAfter: "0.005"},
	} {
		s.Inject(fault)
		_, err := c.Get(t.Context(), path, nil, nil)
		require.NoError(t, err, name)
		s.Inject(fault)
		_, err = c.Put(t.Context(), path, note, nil)
		require.NoError(t, err, name)
	}
	var out struct{ Webhook webhook }
	s.Inject(shopifytest.Fault{Status: 429, RetryAfter: "0.005"})
	_, err = c.Post(t.Context(), "webhooks.json", hook, &out)
	require.NoError(t, err, "it did not run")
	s.Inject(shopifytest.Fault{LoseResponse: true})
	_, err = c.Delete(t.Context(), fmt.Sprintf("webhooks/%d.json", out.Webhook.ID))
	require.NoError(t, err, "the second attempt finds it gone")
	assert.Empty(t, s.Subscriptions())

	for name, fault := range map[string]shopifytest.Fault{"lost": {LoseResponse: true}, "500": {Status: 500}} {
		s.Inject(fault)
		before := len(s.Journal())
		_, err = c.Post(t.Context(), "webhooks.json", hook, nil)
		ou, ok := errors.AsType[*shopify.OutcomeUnknownError](err)
		require.True(t, ok, "%s: %v", name, err)
		assert.False(t, ou.Safety.Repeatable())
		assert.Contains(t, string(ou.Variables), "app.example.com")
		assert.NotContains(t, err.Error(), "app.example.com")
		assert.Len(t, s.Journal(), before+1, "once")
	}
	remove := s.Inject(shopifytest.Fault{Status: 500, Times: -1})
	_, err = c.Put(t.Context(), path, note, nil)
	require.ErrorIs(t, err, shopify.ErrOutcomeUnknown)
	require.ErrorIs(t, err, shopify.ErrServer)
	_, err = c.Get(t.Context(), path, nil, nil)
	require.NotErrorIs(t, err, shopify.ErrOutcomeUnknown)
	remove()
}

func TestErrors(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Scopes: []string{"read_products"}})
	c := client(t, s, nil, rest.Options{MaxRetries: -1})
	_, err := c.Get(t.Context(), "orders.json", nil, nil)
	require.ErrorIs(t, err, shopify.ErrAccessDenied)
	_, err = client(t, s, shopify.StaticToken("guess"), rest.Options{}).Get(t.Context(), "shop.json", nil, nil)
	require.ErrorIs(t, err, shopify.ErrUnauthorized)
	for status, want := range map[int]error{
		402: shopify.ErrShopFrozen, 404: shopify.ErrNotFound, 406: shopify.ErrBadRequest, 423: shopify.ErrShopLocked, 429: shopify.ErrThrottled, 430: shopify.ErrRejected,
		500: shopify.ErrServer, 502: shopify.ErrServer, 504: shopify.ErrServer,
	} {
		s.Inject(shopifytest.Fault{Status: status})
		_, err := c.Get(t.Context(), "shop.json", nil, nil)
		require.ErrorIs(t, err, want)
	}
	for _, path := range []string{"", "shop", "/shop.json", "../shop.json", "shop.json?x=1", "https://evil.example.com/shop.json", "orders/%2e.json"} {
		_, err := c.Get(t.Context(), path, nil, nil)
		require.ErrorIs(t, err, shopify.ErrInvalid, path)
	}
	for _, opts := range []rest.Options{{Version: "latest"}, {BaseURL: "shop"}, {BaseURL: "ftp://x"}} {
		_, err := rest.NewClient("acme.myshopify.com", shopify.StaticToken("t"), &opts)
		require.ErrorIs(t, err, shopify.ErrInvalid)
	}
	_, err = rest.NewClient("evil.example.com", shopify.StaticToken("t"), nil)
	require.ErrorIs(t, err, shopify.ErrInvalid)
	_, err = rest.NewClient("acme.myshopify.com", nil, nil)
	require.ErrorIs(t, err, shopify.ErrInvalid)
}

// A link to another host gets neither a request nor the token.
func TestForeignLink(t *testing.T) {
	var stolen atomic.Int32
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen.Add(1) }))
	defer evil.Close()
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Query().Get("page_info"))
		w.Header().Set("Link", fmt.Sprintf(`<%s/admin/api/2026-10/orders.json?page_info=%d>; rel="next"`, evil.URL, len(asked)))
		if len(asked) == 3 {
			w.Header().Del("Link")
		}
		fmt.Fprint(w, `{"orders":[{"id":1}]}`)
	}))
	defer server.Close()
	c, err := rest.NewClient("acme.myshopify.com", shopify.StaticToken("t"), &rest.Options{BaseURL: server.URL})
	require.NoError(t, err)
	for _, err := range rest.Pages[order](t.Context(), c, "orders.json", nil, "orders") {
		require.NoError(t, err)
	}
	assert.Equal(t, []string{"", "1", "2"}, asked)
	assert.Zero(t, stolen.Load())
}

func TestFreshToken(t *testing.T) {
	s := newShop(t, nil)
	app, err := auth.New(s.ClientID(), auth.Secrets{Current: s.Secret()}, &auth.Options{BaseURL: s.URL()})
	require.NoError(t, err)
	c := client(t, s, app.ClientCredentials(shopify.Domain(s.Domain())), rest.Options{})
	for range 2 {
		_, err = c.Post(t.Context(), "webhooks.json", map[string]any{"webhook": webhook{Topic: "orders/create", Address: "https://app.example.com/" + strconv.Itoa(len(s.Subscriptions()))}}, nil)
		require.NoError(t, err)
		s.ExpireTokens()
	}
	assert.Len(t, s.Subscriptions(), 2)
}

// The client keeps within the bucket: what is beyond it waits its turn, and nothing is
// refused.
func TestCallLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := shopifytest.NewShop(t, &shopifytest.Options{Socketless: true, Data: shopifytest.GenerateData(1, today)})
		c := client(t, s, nil, rest.Options{HTTPClient: &http.Client{Transport: s.Transport()}, MaxWait: time.Hour})
		start := time.Now()
		for range 100 {
			_, err := c.Get(t.Context(), "shop.json", nil, nil)
			require.NoError(t, err)
		}
		assert.InDelta(t, 30, time.Since(start).Seconds(), 2, "60 requests beyond the bucket of 40, 2 a second")
		for _, e := range s.Journal() {
			require.Equal(t, http.StatusOK, e.Status)
		}
		short := client(t, s, nil, rest.Options{HTTPClient: &http.Client{Transport: s.Transport()}, MaxWait: time.Second, MaxRetries: -1})
		var err error
		for range 20 {
			if _, err = short.Get(t.Context(), "shop.json", nil, nil); err != nil {
				break
			}
		}
		require.ErrorIs(t, err, shopify.ErrThrottled)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err = c.Get(ctx, "shop.json", nil, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestParseCallLimit(t *testing.T) {
	l, ok := rest.ParseCallLimit("32/40")
	assert.True(t, ok)
	assert.Equal(t, rest.CallLimit{Used: 32, Max: 40}, l)
	for _, wrong := range []string{"", "32", "/40", "32/", "a/b", "-1/40", "1/0", "1/9999999999999999999"} {
		_, ok := rest.ParseCallLimit(wrong)
		assert.False(t, ok, wrong)
	}
}

func TestParseLink(t *testing.T) {
	const page = `<https://acme.myshopify.com/admin/api/2026-10/orders.json?limit=2&page_info=%s>; rel="%s"`
	for name, tt := range map[string]struct {
		header         []string
		next, previous string
	}{
		"both":              {[]string{fmt.Sprintf(page, "a", "previous") + ", " + fmt.Sprintf(page, "b", "next")}, "b", "a"},
		"two headers":       {[]string{fmt.Sprintf(page, "a", "next"), fmt.Sprintf(page, "b", "previous")}, "a", "b"},
		"no quotes":         {[]string{`<https://x/y?page_info=a>;rel=next`}, "a", ""},
		"other parameters":  {[]string{`<https://x/y?page_info=a>; title="a;b"; REL="Next prev"`}, "a", ""},
		"comma in the link": {[]string{`<https://x/y?fields=id,name&page_info=a>; rel="next"`}, "a", ""},
		"the first counts":  {[]string{fmt.Sprintf(page, "a", "next") + "," + fmt.Sprintf(page, "b", "next")}, "a", ""},
		"no page":           {[]string{`<https://x/y>; rel="next"`}, "", ""},
		"not closed":        {[]string{`<https://x/y?page_info=a; rel="next"`}, "", ""},
		"nothing":           {nil, "", ""},
		"enormous":          {[]string{strings.Repeat("x", 20<<10) + fmt.Sprintf(page, "a", "next")}, "", ""},
	} {
		next, previous := rest.ParseLink(tt.header)
		assert.Equal(t, tt.next, next.Get("page_info"), name)
		assert.Equal(t, tt.previous, previous.Get("page_info"), name)
	}
}

func FuzzParseCallLimit(f *testing.F) {
	f.Add("32/40")
	f.Add("-1/40")
	f.Add("1/99999999999999999999")
	f.Fuzz(func(t *testing.T, header string) {
		switch l, ok := rest.ParseCallLimit(header); {
		case ok && (l.Used < 0 || l.Max < 1):
			t.Fatalf("%+v of %q", l, header)
		case !ok && l != (rest.CallLimit{}):
			t.Fatalf("%+v of %q, which is wrong", l, header)
		}
	})
}

func FuzzParseLink(f *testing.F) {
	f.Add(`<https://acme.myshopify.com/admin/api/2026-10/orders.json?limit=2&page_info=abc>; rel="next", <https://x/y?page_info=d>; rel=previous`)
	f.Add("<<>>;;,,rel==")
	f.Fuzz(func(t *testing.T, header string) {
		next, previous := rest.ParseLink([]string{header})
		for _, q := range []url.Values{next, previous} {
			if q != nil && q.Get("page_info") == "" {
				t.Fatalf("a page without page_info in %q", header)
			}
		}
	})
}
