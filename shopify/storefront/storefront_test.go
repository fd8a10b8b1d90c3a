package storefront_test

import (
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/posai-go/posai/shopify/storefront"
)

func newClient(t *testing.T, shop *shopifytest.Shop, access storefront.Access, opts *shopify.Options) *shopify.Client {
	t.Helper()
	var o shopify.Options
	if opts != nil {
		o = *opts
	}
	o.BaseURL, o.MinBackoff = shop.URL(), time.Millisecond
	client, err := storefront.NewClient(shopify.Domain(shop.Domain()), access, &o)
	require.NoError(t, err)
	return client
}

func start(t *testing.T) (*shopifytest.Shop, *shopify.Client) {
	t.Helper()
	shop := shopifytest.NewShop(t, nil)
	return shop, newClient(t, shop, storefront.Private(shopify.StaticToken(shop.StorefrontToken())), nil)
}

func TestProducts(t *testing.T) {
	shop, client := start(t)
	seen := map[shopify.GID]bool{}
	for p, err := range storefront.Products(t.Context(), client, &storefront.ProductOptions{PageSize: 10, SortKey: storefront.ProductSortKeysTitle}) {
		require.NoError(t, err)
		seen[p.ID] = true
		assert.Equal(t, "USD", p.PriceRange.MinVariantPrice.CurrencyCode)
	}
	assert.Len(t, seen, len(shop.Products()))

	byHandle, err := storefront.GetProduct(t.Context(), client, shopify.Optional[shopify.GID]{}, shopify.Some("soy-candle"))
	require.NoError(t, err)
	require.NotNil(t, byHandle.Product)
	byID, err := storefront.GetProduct(t.Context(), client, shopify.Some(byHandle.Product.ID), shopify.Optional[string]{})
	require.NoError(t, err)
	assert.Equal(t, byHandle.Product, byID.Product)
	assert.NotEmpty(t, byID.Product.Variants.Nodes)
	none, err := storefront.GetProduct(t.Context(), client, shopify.Optional[shopify.GID]{}, shopify.Some("no-such-thing"))
	require.NoError(t, err)
	assert.Nil(t, none.Product)
}

func TestSearch(t *testing.T) {
	_, client := start(t)
	var titles []string
	for p, err := range storefront.Search(t.Context(), client, "candle", &storefront.SearchOptions{PageSize: 1}) {
		require.NoError(t, err)
		titles = append(titles, p.Title)
	}
	assert.Contains(t, titles, "Soy Candle")
	for p, err := range storefront.Search(t.Context(), client, "candle", &storefront.SearchOptions{
		Filters: []storefront.ProductFilter{{Price: shopify.Some(storefront.PriceRangeFilter{Min: shopify.Some(100_000.0)})}},
	}) {
		require.NoError(t, err)
		t.Errorf("%s does not cost that much", p.Title)
	}
	predicted, err := storefront.PredictSearch(t.Context(), client, "soy can", shopify.Some(3))
	require.NoError(t, err)
	require.NotNil(t, predicted.PredictiveSearch)
	require.NotEmpty(t, predicted.PredictiveSearch.Products)
	assert.Equal(t, "Soy Candle", predicted.PredictiveSearch.Products[0].Title)
	assert.NotEmpty(t, predicted.PredictiveSearch.Queries)
}

// inStock returns variants of which there are at least n.
func inStock(t *testing.T, shop *shopifytest.Shop, n int) []shopifytest.Variant {
	t.Helper()
	var out []shopifytest.Variant
	for _, p := range shop.Products() {
		for _, v := range p.Variants {
			sum := 0
			for _, available := range v.Available {
				sum += available
			}
			if sum >= n {
				out = append(out, v)
			}
		}
	}
	require.Greater(t, len(out), 3)
	return out
}

func TestCart(t *testing.T) {
	shop, client := start(t)
	stock := inStock(t, shop, 5)
	a, b := shopify.GID(stock[0].ID), shopify.GID(stock[1].ID)
	made, err := storefront.CartCreate(t.Context(), client, storefront.CartInput{
		Lines: shopify.Some([]storefront.CartLineInput{{MerchandiseID: a, Quantity: shopify.Some(2)}}),
		Note:  shopify.Some("A present"),
	})
	require.NoError(t, err)
	cart := made.CartCreate.Cart
	require.NotNil(t, cart)
	require.Len(t, cart.Lines.Nodes, 1)
	assert.Equal(t, stock[0].SKU, cart.Lines.Nodes[0].Variant().SKU)
	assert.Equal(t, stock[0].Price.Mul(decimal.NewFromInt(2)).String(), cart.Cost.TotalAmount.Amount.String())

	added, err := storefront.CartLinesAdd(t.Context(), client, cart.ID, []storefront.CartLineInput{
		{MerchandiseID: a}, {MerchandiseID: b, Attributes: shopify.Some([]storefront.AttributeInput{{Key: "_offer", Value: "1"}})},
	})
	require.NoError(t, err)
	cart = added.CartLinesAdd.Cart
	require.Len(t, cart.Lines.Nodes, 2, "the same variant becomes one line")
	assert.Equal(t, 4, cart.TotalQuantity)
	assert.Equal(t, []storefront.LineAttribute{{Key: "_offer", Value: "1"}}, cart.Lines.Nodes[1].Attributes)

	updated, err := storefront.CartLinesUpdate(t.Context(), client, cart.ID, []storefront.CartLineUpdateInput{
		{ID: shopify.Some(cart.Lines.Nodes[0].ID), Quantity: shopify.Some(0)},
	})
	require.NoError(t, err)
	require.Len(t, updated.CartLinesUpdate.Cart.Lines.Nodes, 1)
	_, err = storefront.CartAttributesUpdate(t.Context(), client, cart.ID, []storefront.AttributeInput{{Key: "register", Value: "2"}})
	require.NoError(t, err)
	_, err = storefront.CartNoteUpdate(t.Context(), client, cart.ID, "No bag")
	require.NoError(t, err)
	removed, err := storefront.CartLinesRemove(t.Context(), client, cart.ID, []shopify.GID{updated.CartLinesUpdate.Cart.Lines.Nodes[0].ID})
	require.NoError(t, err)
	assert.Empty(t, removed.CartLinesRemove.Cart.Lines.Nodes)

	got, err := storefront.GetCart(t.Context(), client, cart.ID)
	require.NoError(t, err)
	assert.Equal(t, "No bag", got.Cart.Note)
	assert.Equal(t, []storefront.Attribute{{Key: "register", Value: "2"}}, got.Cart.Attributes)
}

func TestCartSaysWhatIsWrong(t *testing.T) {
	shop, client := start(t)
	few := inStock(t, shop, 1)[0]
	made, err := storefront.CartCreate(t.Context(), client, storefront.CartInput{
		Lines: shopify.Some([]storefront.CartLineInput{{MerchandiseID: shopify.GID(few.ID), Quantity: shopify.Some(100_000)}}),
	})
	require.NoError(t, err)
	require.Len(t, made.CartCreate.Warnings, 1)
	assert.Equal(t, storefront.CartWarningCodeMerchandiseNotEnoughStock, made.CartCreate.Warnings[0].Code)
	assert.Less(t, made.CartCreate.Cart.TotalQuantity, 100_000)

	_, err = storefront.CartCreate(t.Context(), client, storefront.CartInput{
		Lines: shopify.Some([]storefront.CartLineInput{{MerchandiseID: "gid://shopify/ProductVariant/1"}}),
	})
	var refused *shopify.UserErrors
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, []string{"input", "lines", "0", "merchandiseId"}, refused.List[0].Field)
	_, err = storefront.CartNoteUpdate(t.Context(), client, "gid://shopify/Cart/x?key=y", "")
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, "INVALID", refused.List[0].Code)
}

func TestAccess(t *testing.T) {
	shop, _ := start(t)
	token := shopify.StaticToken(shop.StorefrontToken())
	for name, tt := range map[string]struct {
		access storefront.Access
		header string
	}{
		"private":   {storefront.Private(token), "Shopify-Storefront-Private-Token"},
		"public":    {storefront.Public(token), "X-Shopify-Storefront-Access-Token"},
		"tokenless": {storefront.Tokenless(), ""},
	} {
		t.Run(name, func(t *testing.T) {
			var sent http.Header
			client := newClient(t, shop, tt.access, &shopify.Options{HTTPClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				sent = r.Header
				return http.DefaultTransport.RoundTrip(r)
			})}})
			found, err := storefront.SearchProducts(t.Context(), storefront.ForBuyer(client, netip.MustParseAddr("::ffff:192.0.2.7")), "candle", 1,
				shopify.Optional[string]{}, shopify.Optional[storefront.SearchPrefixQueryType]{}, shopify.Optional[storefront.SearchUnavailableProductsType]{}, shopify.Optional[[]storefront.ProductFilter]{})
			require.NoError(t, err)
			assert.Len(t, found.Search.Nodes, 1)
			assert.Equal(t, "192.0.2.7", sent.Get("Shopify-Storefront-Buyer-IP"))
			for _, h := range []string{"Shopify-Storefront-Private-Token", "X-Shopify-Storefront-Access-Token", "X-Shopify-Access-Token"} {
				want := ""
				if h == tt.header {
					want = shop.StorefrontToken()
				}
				assert.Equal(t, want, sent.Get(h), h)
			}
		})
	}
	_, err := storefront.GetCart(t.Context(), newClient(t, shop, storefront.Public(shopify.StaticToken("wrong")), nil), "gid://shopify/Cart/1")
	require.ErrorIs(t, err, shopify.ErrUnauthorized)
	_, err = storefront.NewClient("harbor.myshopify.com", storefront.Private(nil), nil)
	require.ErrorIs(t, err, shopify.ErrInvalid)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestFaults(t *testing.T) {
	shop, client := start(t)
	shop.Inject(shopifytest.Fault{Operation: "CartCreate", LoseResponse: true})
	_, err := storefront.CartCreate(t.Context(), client, storefront.CartInput{})
	require.ErrorIs(t, err, shopify.ErrOutcomeUnknown, "two carts may come of it")

	made, err := storefront.CartCreate(t.Context(), client, storefront.CartInput{})
	require.NoError(t, err)
	shop.Inject(shopifytest.Fault{Operation: "CartNoteUpdate", LoseResponse: true})
	_, err = storefront.CartNoteUpdate(t.Context(), client, made.CartCreate.Cart.ID, "twice the same")
	require.NoError(t, err, "a note is set, so it is sent again")
	for _, e := range shop.Journal() {
		assert.Equal(t, "storefront", e.API)
	}

	shop.Inject(shopifytest.Fault{Operation: "GetCart", Status: 430})
	_, err = storefront.GetCart(t.Context(), client, made.CartCreate.Cart.ID)
	require.ErrorIs(t, err, shopify.ErrRejected)
	shop.Inject(shopifytest.Fault{Operation: "GetCart", Status: 503})
	_, err = storefront.GetCart(t.Context(), client, made.CartCreate.Cart.ID)
	require.NoError(t, err)
}
