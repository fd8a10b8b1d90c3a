package admin_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/schema"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// connect returns a client of a simulated shop.
func connect(t testing.TB, shop *shopifytest.Shop, opts shopify.Options) *shopify.Client {
	t.Helper()
	opts.BaseURL = shop.URL()
	opts.MinBackoff, opts.MaxBackoff = time.Millisecond, 5*time.Millisecond
	c, err := shopify.NewClient(shopify.Domain(shop.Domain()), shopify.StaticToken(shop.Token()), &opts)
	require.NoError(t, err)
	return c
}

// sell rings up a sale to a customer and returns the order's id.
func sell(t testing.TB, shop *shopifytest.Shop) shopify.GID {
	t.Helper()
	order, err := shop.RingUp(shopifytest.Sale{
		Customer: shop.Customers()[0].ID,
		Lines:    []shopifytest.SaleLine{{Variant: shop.Products()[0].Variants[0].ID, Quantity: 1}},
	})
	require.NoError(t, err)
	return shopify.GID(order.ID)
}

// giveBack rings up a sale and takes it back.
func giveBack(shop *shopifytest.Shop) (shopifytest.Return, error) {
	order, err := shop.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{Variant: shop.Products()[0].Variants[0].ID}}})
	if err != nil {
		return shopifytest.Return{}, err
	}
	_, err = shop.TakeBack(shopifytest.TakeBack{Order: order.ID, Note: "Seam open at the cuff.", Lines: []shopifytest.TakeBackLine{{Reason: "loose-seams"}}})
	if err != nil {
		return shopifytest.Return{}, err
	}
	return shop.Returns(order.ID)[0], nil
}

// calls are all operations of the package, each with input that works.
func calls(shop *shopifytest.Shop, order shopify.GID) map[string]func(context.Context, *shopify.Client) error {
	variant := shopify.GID(shop.Products()[0].Variants[0].ID)
	var none shopify.Optional[string]
	draft := admin.DraftOrderInput{
		Tags:      shopify.Some([]string{"bundle"}),
		LineItems: shopify.Some([]admin.DraftOrderLineItemInput{{VariantID: shopify.Some(variant), Quantity: 1}}),
	}
	createDraft := func(ctx context.Context, c *shopify.Client) (shopify.GID, error) {
		resp, err := admin.DraftOrderCreate(ctx, c, draft)
		if err != nil {
			return "", err
		}
		return resp.DraftOrderCreate.DraftOrder.ID, nil
	}
	subscribe := func(ctx context.Context, c *shopify.Client, uri string) (shopify.GID, error) {
		resp, err := admin.WebhookSubscriptionCreate(ctx, c, admin.WebhookSubscriptionTopicOrdersCreate, admin.WebhookSubscriptionInput{URI: shopify.Some(uri)})
		if err != nil {
			return "", err
		}
		return resp.WebhookSubscriptionCreate.WebhookSubscription.ID, nil
	}
	return map[string]func(context.Context, *shopify.Client) error{
		"GetShop": func(ctx context.Context, c *shopify.Client) error { return second(admin.GetShop(ctx, c)) },
		"GetOrder": func(ctx context.Context, c *shopify.Client) error {
			return second(admin.GetOrder(ctx, c, order))
		},
		"OrderMetafields": func(ctx context.Context, c *shopify.Client) error {
			return second(admin.OrderMetafields(ctx, c, order, "$app"))
		},
		"CustomerHistory": func(ctx context.Context, c *shopify.Client) error {
			return second(admin.CustomerHistory(ctx, c, shopify.GID(shop.Customers()[0].ID), 50, none))
		},
		"OrderRisk": func(ctx context.Context, c *shopify.Client) error {
			return second(admin.OrderRisk(ctx, c, order))
		},
		"OrderRiskAssessmentCreate": func(ctx context.Context, c *shopify.Client) error {
			sent, err := shop.RingUp(shopifytest.Sale{SendLater: true, Lines: []shopifytest.SaleLine{{Variant: shop.Products()[0].Variants[0].ID}}})
			if err != nil {
				return err
			}
			return second(admin.OrderRiskAssessmentCreate(ctx, c, admin.OrderRiskAssessmentCreateInput{
				OrderID: shopify.GID(sent.ID), RiskLevel: admin.RiskAssessmentResultHigh,
				Facts: []admin.OrderRiskAssessmentFactInput{{Description: "Three returns within a day", Sentiment: admin.RiskFactSentimentNegative}},
			}))
		},
		"SalesAndReturns": func(ctx context.Context, c *shopify.Client) error {
			return second(admin.SalesAndReturns(ctx, c, 15, none, none, shopify.Optional[admin.OrderSortKeys]{}, shopify.Optional[bool]{}))
		},
		"GetReturn": func(ctx context.Context, c *shopify.Client) error {
			ret, err := giveBack(shop)
			if err != nil {
				return err
			}
			return second(admin.GetReturn(ctx, c, shopify.GID(ret.ID)))
		},
		"GetRefund": func(ctx context.Context, c *shopify.Client) error {
			return second(admin.GetRefund(ctx, c, "gid://shopify/Refund/1"))
		},
		"ListReturnReasonDefinitions": func(ctx context.Context, c *shopify.Client) error {
			return second(admin.ListReturnReasonDefinitions(ctx, c, 250, none))
		},
		"ListReturnedGoods": func(ctx context.Context, c *shopify.Client) error {
			return second(admin.ListReturnedGoods(ctx, c, 6, none, none, "$app"))
		},
		"ListOrders": func(ctx context.Context, c *shopify.Client) error {
			return second(admin.ListOrders(ctx, c, 250, none, none, shopify.Optional[admin.OrderSortKeys]{}, shopify.Optional[bool]{}))
		},
		"ListProducts": func(ctx context.Context, c *shopify.Client) error {
			return second(admin.ListProducts(ctx, c, 100, none, none, shopify.GID(shop.Locations()[0].ID)))
		},
		"ListLocations": func(ctx context.Context, c *shopify.Client) error {
			return second(admin.ListLocations(ctx, c, 100, none))
		},
		"ListDraftOrders": func(ctx context.Context, c *shopify.Client) error {
			return second(admin.ListDraftOrders(ctx, c, 100, none, none))
		},
		"ListWebhookSubscriptions": func(ctx context.Context, c *shopify.Client) error {
			return second(admin.ListWebhookSubscriptions(ctx, c, 100, none, shopify.Optional[[]admin.WebhookSubscriptionTopic]{}))
		},
		"MetafieldsSet": func(ctx context.Context, c *shopify.Client) error {
			return second(admin.MetafieldsSet(ctx, c, []admin.MetafieldsSetInput{{OwnerID: order, Namespace: shopify.Some("$app"), Key: "message", Type: shopify.Some("single_line_text_field"), Value: "Thank you"}}))
		},
		"TagsAdd": func(ctx context.Context, c *shopify.Client) error {
			return second(admin.TagsAdd(ctx, c, order, []string{"followed-up"}))
		},
		"OrderUpdate": func(ctx context.Context, c *shopify.Client) error {
			return second(admin.OrderUpdate(ctx, c, admin.OrderInput{ID: order, Note: shopify.Some("x")}))
		},
		"DraftOrderCreate": func(ctx context.Context, c *shopify.Client) error { return second(createDraft(ctx, c)) },
		"DraftOrderUpdate": func(ctx context.Context, c *shopify.Client) error {
			id, err := createDraft(ctx, c)
			if err != nil {
				return err
			}
			return second(admin.DraftOrderUpdate(ctx, c, id, admin.DraftOrderInput{Note: shopify.Some("x")}))
		},
		"WebhookSubscriptionCreate": func(ctx context.Context, c *shopify.Client) error {
			return second(subscribe(ctx, c, "https://example.com/a"))
		},
		"WebhookSubscriptionUpdate": func(ctx context.Context, c *shopify.Client) error {
			id, err := subscribe(ctx, c, "https://example.com/b")
			if err != nil {
				return err
			}
			return second(admin.WebhookSubscriptionUpdate(ctx, c, id, admin.WebhookSubscriptionInput{URI: shopify.Some("https://example.com/c")}))
		},
		"WebhookSubscriptionDelete": func(ctx context.Context, c *shopify.Client) error {
			id, err := subscribe(ctx, c, "https://example.com/d")
			if err != nil {
				return err
			}
			return second(admin.WebhookSubscriptionDelete(ctx, c, id))
		},
	}
}

func second[T any](_ T, err error) error { return err }

// TestEveryOperationOnAShop runs them all against the simulated shop: the
// documents are valid, the answers fit the Go types, and the dearest costs less
// than half of what Shopify allows for one operation.
func TestEveryOperationOnAShop(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: year})
	c := connect(t, shop, shopify.Options{})
	all := calls(shop, sell(t, shop))
	for _, op := range admin.Operations() {
		t.Run(op.Name, func(t *testing.T) {
			call, ok := all[op.Name]
			if !ok {
				require.Contains(t, functions, op.Name, "every operation is tested")
				return
			}
			var info shopify.Info
			require.NoError(t, call(t.Context(), c.With(shopify.CallOptions{Info: &info})))
			assert.Equal(t, op.Operation, info.Operation, "the client sees what the table says")
			assert.Equal(t, shopify.Version, info.APIVersion)
			assert.Positive(t, info.Cost.Requested)
			assert.LessOrEqual(t, info.Cost.Requested, 500.0)
		})
	}
}

// TestScopesAreEnough gives a token the scopes that the table states for an
// operation and no other.
func TestScopesAreEnough(t *testing.T) {
	docs := documents(t)
	for _, op := range admin.Operations() {
		t.Run(op.Name, func(t *testing.T) {
			t.Parallel()
			scopes := []string{}
			for _, list := range op.Scopes {
				scopes = append(scopes, list[0])
			}
			if len(op.Also) > 0 && len(op.Scopes) == 0 || op.Name == "TagsAdd" {
				scopes = append(scopes, "write_orders") // of the owner: prose
			}
			_, least := functions[op.Name]
			data := year
			if least {
				data = small
			}
			shop := shopifytest.NewShop(t, &shopifytest.Options{Data: data, Scopes: scopes, Improvise: least})
			c := connect(t, shop, shopify.Options{AllowUserErrors: least})
			if least {
				_, err := invoke(t, c, docs, op.Name)
				require.NoError(t, err)
				return
			}
			require.NoError(t, calls(shop, sell(t, shop))[op.Name](t.Context(), c))
		})
	}
}

func TestScopesAreNeeded(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: year, Scopes: []string{"read_orders", "read_locations", "read_products"}})
	resp, err := admin.GetOrder(t.Context(), connect(t, shop, shopify.Options{}), sell(t, shop))
	require.ErrorIs(t, err, shopify.ErrAccessDenied)
	require.NotNil(t, resp.Order, "the rest of the data is kept")
	assert.Nil(t, resp.Order.Customer)
	assert.NotEmpty(t, resp.Order.LineItems.Nodes)
}

func TestEffectsOnAShop(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: year})
	c := connect(t, shop, shopify.Options{})
	id := sell(t, shop)

	order, err := admin.GetOrder(t.Context(), c, id)
	require.NoError(t, err)
	require.NotNil(t, order.Order)
	assert.Equal(t, "pos", order.Order.SourceName)
	assert.Equal(t, shop.Locations()[0].ID, order.Order.RetailLocation.ID.String())
	assert.Equal(t, shop.Customers()[0].FirstName, order.Order.Customer.FirstName)
	assert.True(t, order.Order.TotalPriceSet.ShopMoney.Amount.IsPositive())

	// Setting one field leaves the others.
	_, err = admin.OrderUpdate(t.Context(), c, admin.OrderInput{ID: id, Note: shopify.Some("gift wrap"), PoNumber: shopify.Some("PO-1")})
	require.NoError(t, err)
	_, err = admin.OrderUpdate(t.Context(), c, admin.OrderInput{ID: id, PoNumber: shopify.Some("PO-2")})
	require.NoError(t, err)
	order, err = admin.GetOrder(t.Context(), c, id)
	require.NoError(t, err)
	assert.Equal(t, "gift wrap", order.Order.Note)
	_, err = admin.OrderUpdate(t.Context(), c, admin.OrderInput{ID: id, Note: shopify.Null[string]()})
	require.NoError(t, err)
	order, err = admin.GetOrder(t.Context(), c, id)
	require.NoError(t, err)
	assert.Empty(t, order.Order.Note, "null clears")

	_, err = admin.MetafieldsSet(t.Context(), c, []admin.MetafieldsSetInput{{OwnerID: id, Namespace: shopify.Some("$app"), Key: "message", Type: shopify.Some("single_line_text_field"), Value: "Thank you"}})
	require.NoError(t, err)
	_, err = admin.TagsAdd(t.Context(), c, id, []string{"followed-up"})
	require.NoError(t, err)
	traces, err := admin.OrderMetafields(t.Context(), c, id, "$app")
	require.NoError(t, err)
	require.Len(t, traces.Order.Metafields.Nodes, 1)
	assert.Equal(t, "Thank you", traces.Order.Metafields.Nodes[0].Value)
	assert.Contains(t, traces.Order.Tags, "followed-up")

	bought := 0
	for o, err := range admin.CustomerOrders(t.Context(), c, order.Order.Customer.ID) {
		require.NoError(t, err)
		bought += len(o.LineItems.Nodes)
	}
	assert.Positive(t, bought)
}

func TestPagersOnAShop(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: year})
	c := connect(t, shop, shopify.Options{})
	var ids []shopify.GID
	for o, err := range admin.Orders(t.Context(), c, nil) {
		require.NoError(t, err)
		ids = append(ids, o.ID)
	}
	assert.Len(t, ids, len(shop.Orders()), "a year of orders, page by page")
	slices.Sort(ids)
	assert.Len(t, slices.Compact(ids), len(shop.Orders()), "each once")

	stock := 0
	for p, err := range admin.Products(t.Context(), c, shopify.GID(shop.Locations()[0].ID), &admin.ListOptions{PageSize: 7}) {
		require.NoError(t, err)
		for _, v := range p.Variants.Nodes {
			if l := v.InventoryItem.InventoryLevel; l != nil {
				stock += l.Quantities[0].Quantity
			}
		}
	}
	assert.Positive(t, stock)

	locations := 0
	for l, err := range admin.Locations(t.Context(), c) {
		require.NoError(t, err)
		assert.NotEmpty(t, l.Name)
		locations++
	}
	assert.Equal(t, len(shop.Locations()), locations)

	for _, err := range admin.DraftOrders(t.Context(), c, &admin.ListOptions{Query: "nonsense_field:1"}) {
		se, ok := errors.AsType[*shopify.SearchError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, "draftOrders", se.Warnings[0].Path)
	}
}

// TestLostAnswers loses the answer of each mutation once, after its effect, and
// looks at what the client makes of it and what the shop did.
func TestLostAnswers(t *testing.T) {
	docs := documents(t)
	// With points for all: an answer that is lost must not be one that tells of too few.
	improvising := shopifytest.NewShop(t, &shopifytest.Options{Data: small, Improvise: true, Plan: shopifytest.Plus})
	for _, op := range admin.Operations() {
		if op.Kind != shopify.Mutation || op.Name == "WebhookSubscriptionDelete" {
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			t.Parallel()
			shop := improvising
			_, least := functions[op.Name]
			if !least {
				shop = shopifytest.NewShop(t, &shopifytest.Options{Data: year})
			}
			c := connect(t, shop, shopify.Options{AllowUserErrors: least})
			call := func(context.Context, *shopify.Client) error {
				_, err := invoke(t, c, docs, op.Name)
				return err
			}
			if !least {
				call = calls(shop, sell(t, shop))[op.Name]
			}
			shop.Inject(shopifytest.Fault{Operation: op.Name, LoseResponse: true})
			err := call(t.Context(), c)
			effects := 0
			for _, e := range shop.Journal() {
				if e.Operation == op.Name && e.Effect {
					effects++
				}
			}
			switch {
			case op.Safety == shopify.SafetyKeyed:
				require.NoError(t, err)
				assert.Equal(t, 1, effects, "sent again with its key")
				return
			case op.Safety.Repeatable():
				require.NoError(t, err)
				assert.Equal(t, 2, effects, "sent again, to the same effect")
				return
			}
			assert.ErrorIs(t, err, shopify.ErrOutcomeUnknown)
			assert.Equal(t, 1, effects, "not sent again")
		})
	}
}

// year is the data of a shop, which the tests share.
var year = shopifytest.GenerateData(2, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))

// small is a shop where little happened yet.
var small = func() *shopifytest.Data {
	d := *year
	d.Orders = nil
	return &d
}()

func TestIdempotencyKeyOnAShop(t *testing.T) {
	// An operation of a user's own, with a key: the shop applies it once though
	// it is sent twice.
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: year})
	c := connect(t, shop, shopify.Options{})
	product := shop.Products()[0]
	item, location := inventory(t, c, product.ID, shop.Locations()[0].ID)
	before := available(t, c, product.ID, location)
	shop.Inject(shopifytest.Fault{Field: "inventoryAdjustQuantities", LoseResponse: true})
	adjust(t, c, item, location, before, -3)
	assert.Equal(t, before-3, available(t, c, product.ID, location), "once")
	var sent, effects int
	for _, e := range shop.Journal() {
		if slices.Contains(e.RootFields, "inventoryAdjustQuantities") {
			sent++
			if e.Effect {
				effects++
			}
		}
	}
	assert.Equal(t, 2, sent)
	assert.Equal(t, 1, effects)
	assert.Contains(t, schema.Admin().IdempotentMutations(), "inventoryAdjustQuantities")
}
