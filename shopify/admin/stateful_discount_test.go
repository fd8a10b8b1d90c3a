package admin_test

import (
	"context"
	"testing"
	"time"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var everybody = shopify.Some(admin.DiscountContextInput{All: shopify.Some(admin.DiscountBuyerSelectionAll)})

// spring is a fifth off everything, with the code SPRING.
func spring(shop *shopifytest.Shop) admin.DiscountCodeBasicInput {
	return admin.DiscountCodeBasicInput{
		Code: shopify.Some("SPRING"), Title: shopify.Some("Spring"), Context: everybody, StartsAt: shopify.Some(shop.Now().Add(-time.Hour)),
		CustomerGets: shopify.Some(admin.DiscountCustomerGetsInput{
			Value: shopify.Some(admin.DiscountCustomerGetsValueInput{Percentage: shopify.Some(0.2)}),
			Items: shopify.Some(admin.DiscountItemsInput{All: shopify.Some(true)}),
		}),
	}
}

func TestDiscountsAreWritten(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: small})
	c, ctx := connect(t, shop, shopify.Options{}), t.Context()
	status := func(id shopify.GID) admin.DiscountStatus {
		t.Helper()
		number, err := id.Number()
		require.NoError(t, err)
		read, err := admin.GetDiscount(ctx, c, shopify.NewGID("DiscountNode", number))
		require.NoError(t, err)
		require.NotNil(t, read.DiscountNode)
		switch d := read.DiscountNode.Discount.(type) {
		case *admin.DiscountTermsDiscountCodeBasic:
			return d.Status
		case *admin.DiscountTermsDiscountCodeBxgy:
			return d.Status
		case *admin.DiscountTermsDiscountCodeFreeShipping:
			return d.Status
		case *admin.DiscountTermsDiscountAutomaticBasic:
			return d.Status
		case *admin.DiscountTermsDiscountAutomaticBxgy:
			return d.Status
		case *admin.DiscountTermsDiscountAutomaticFreeShipping:
			return d.Status
		}
		t.Fatalf("%T", read.DiscountNode.Discount)
		return ""
	}
	start := shopify.Some(shop.Now().Add(-time.Hour))
	items := shopify.Some(admin.DiscountItemsInput{Products: shopify.Some(admin.DiscountProductsInput{ProductsToAdd: shopify.Some([]shopify.GID{shopify.GID(shop.Products()[0].ID)})})})
	buys := shopify.Some(admin.DiscountCustomerBuysInput{Items: items, Value: shopify.Some(admin.DiscountCustomerBuysValueInput{Quantity: shopify.Some(shopify.Uint64(2))})})
	gets := shopify.Some(admin.DiscountCustomerGetsInput{Items: items, Value: shopify.Some(admin.DiscountCustomerGetsValueInput{
		DiscountOnQuantity: shopify.Some(admin.DiscountOnQuantityInput{Quantity: shopify.Some(shopify.Uint64(1)), Effect: shopify.Some(admin.DiscountEffectInput{Percentage: shopify.Some(1.0)})}),
	})})
	everywhere := shopify.Some(admin.DiscountShippingDestinationSelectionInput{All: shopify.Some(true)})
	bxgy := admin.DiscountCodeBxgyInput{Code: shopify.Some("B"), Title: shopify.Some("B"), Context: everybody, StartsAt: start, CustomerBuys: buys, CustomerGets: gets}
	free := admin.DiscountCodeFreeShippingInput{Code: shopify.Some("F"), Title: shopify.Some("F"), Context: everybody, StartsAt: start, Destination: everywhere}

	made, err := admin.DiscountCodeBasicCreate(ctx, c, spring(shop))
	require.NoError(t, err)
	basic := made.DiscountCodeBasicCreate.CodeDiscountNode.ID
	_, err = admin.DiscountCodeBasicCreate(ctx, c, spring(shop))
	requireRefused(t, err, "TAKEN", "basicCodeDiscount", "code")
	madeBxgy, err := admin.DiscountCodeBxgyCreate(ctx, c, bxgy)
	require.NoError(t, err)
	_, err = admin.DiscountCodeBxgyCreate(ctx, c, bxgy)
	requireRefused(t, err, "TAKEN", "bxgyCodeDiscount", "code")
	madeFree, err := admin.DiscountCodeFreeShippingCreate(ctx, c, free)
	require.NoError(t, err)
	_, err = admin.DiscountCodeFreeShippingCreate(ctx, c, free)
	requireRefused(t, err, "TAKEN", "freeShippingCodeDiscount", "code")

	for _, update := range []struct {
		arg string
		run func(id shopify.GID, title string) error
		id  shopify.GID
	}{
		{"basicCodeDiscount", func(id shopify.GID, title string) error {
			return second(admin.DiscountCodeBasicUpdate(ctx, c, id, admin.DiscountCodeBasicInput{Title: shopify.Some(title)}))
		}, basic},
		{"bxgyCodeDiscount", func(id shopify.GID, title string) error {
			return second(admin.DiscountCodeBxgyUpdate(ctx, c, id, admin.DiscountCodeBxgyInput{Title: shopify.Some(title)}))
		}, madeBxgy.DiscountCodeBxgyCreate.CodeDiscountNode.ID},
		{"freeShippingCodeDiscount", func(id shopify.GID, title string) error {
			return second(admin.DiscountCodeFreeShippingUpdate(ctx, c, id, admin.DiscountCodeFreeShippingInput{Title: shopify.Some(title)}))
		}, madeFree.DiscountCodeFreeShippingCreate.CodeDiscountNode.ID},
	} {
		require.NoError(t, update.run(update.id, "Changed"))
		requireRefused(t, update.run(update.id, ""), "BLANK", update.arg, "title")
		requireRefused(t, update.run("gid://shopify/DiscountCodeNode/1", "Changed"), "INVALID", "id")
		assert.Equal(t, admin.DiscountStatusActive, status(update.id))
	}
	for _, code := range shop.DiscountCodes() {
		assert.Equal(t, "Changed", code.Title)
	}

	basicGets := spring(shop).CustomerGets
	automatic := map[string]func(shopify.Optional[string]) (shopify.GID, error){
		"automaticBasicDiscount": func(title shopify.Optional[string]) (shopify.GID, error) {
			resp, err := admin.DiscountAutomaticBasicCreate(ctx, c, admin.DiscountAutomaticBasicInput{Title: title, StartsAt: start, CustomerGets: basicGets})
			if err != nil {
				return "", err
			}
			return resp.DiscountAutomaticBasicCreate.AutomaticDiscountNode.ID, nil
		},
		"automaticBxgyDiscount": func(title shopify.Optional[string]) (shopify.GID, error) {
			resp, err := admin.DiscountAutomaticBxgyCreate(ctx, c, admin.DiscountAutomaticBxgyInput{Title: title, StartsAt: start, CustomerBuys: buys, CustomerGets: gets})
			if err != nil {
				return "", err
			}
			return resp.DiscountAutomaticBxgyCreate.AutomaticDiscountNode.ID, nil
		},
		"freeShippingAutomaticDiscount": func(title shopify.Optional[string]) (shopify.GID, error) {
			resp, err := admin.DiscountAutomaticFreeShippingCreate(ctx, c, admin.DiscountAutomaticFreeShippingInput{Title: title, StartsAt: start, Destination: everywhere})
			if err != nil {
				return "", err
			}
			return resp.DiscountAutomaticFreeShippingCreate.AutomaticDiscountNode.ID, nil
		},
	}
	updates := map[string]func(id shopify.GID, title string) error{
		"automaticBasicDiscount": func(id shopify.GID, title string) error {
			return second(admin.DiscountAutomaticBasicUpdate(ctx, c, id, admin.DiscountAutomaticBasicInput{Title: shopify.Some(title)}))
		},
		"automaticBxgyDiscount": func(id shopify.GID, title string) error {
			return second(admin.DiscountAutomaticBxgyUpdate(ctx, c, id, admin.DiscountAutomaticBxgyInput{Title: shopify.Some(title)}))
		},
		"freeShippingAutomaticDiscount": func(id shopify.GID, title string) error {
			return second(admin.DiscountAutomaticFreeShippingUpdate(ctx, c, id, admin.DiscountAutomaticFreeShippingInput{Title: shopify.Some(title)}))
		},
	}
	ids := []shopify.GID{}
	for arg, create := range automatic {
		id, err := create(shopify.Some(arg))
		require.NoError(t, err)
		_, err = create(shopify.Some(arg))
		requireRefused(t, err, "TAKEN", arg, "title")
		require.NoError(t, updates[arg](id, "New "+arg))
		requireRefused(t, updates[arg](id, ""), "BLANK", arg, "title")
		requireRefused(t, updates[arg]("gid://shopify/DiscountAutomaticNode/1", "x"), "INVALID", "id")
		n, err := count(admin.Discounts(ctx, c, &admin.ListOptions{Query: `title:"New ` + arg + `"`}))()
		require.NoError(t, err)
		assert.Equal(t, 1, n)
		ids = append(ids, id)
	}

	type step = func(context.Context, *shopify.Client, shopify.GID) error
	for _, tt := range []struct {
		ids                            []shopify.GID
		activate, deactivate, deleteIt step
	}{
		{
			[]shopify.GID{basic},
			func(ctx context.Context, c *shopify.Client, id shopify.GID) error {
				return second(admin.DiscountCodeActivate(ctx, c, id))
			},
			func(ctx context.Context, c *shopify.Client, id shopify.GID) error {
				return second(admin.DiscountCodeDeactivate(ctx, c, id))
			},
			func(ctx context.Context, c *shopify.Client, id shopify.GID) error {
				return second(admin.DiscountCodeDelete(ctx, c, id))
			},
		},
		{
			ids,
			func(ctx context.Context, c *shopify.Client, id shopify.GID) error {
				return second(admin.DiscountAutomaticActivate(ctx, c, id))
			},
			func(ctx context.Context, c *shopify.Client, id shopify.GID) error {
				return second(admin.DiscountAutomaticDeactivate(ctx, c, id))
			},
			func(ctx context.Context, c *shopify.Client, id shopify.GID) error {
				return second(admin.DiscountAutomaticDelete(ctx, c, id))
			},
		},
	} {
		for _, id := range tt.ids {
			require.NoError(t, tt.deactivate(ctx, c, id))
			assert.Equal(t, admin.DiscountStatusExpired, status(id))
			require.NoError(t, tt.activate(ctx, c, id))
			assert.Equal(t, admin.DiscountStatusActive, status(id))
			require.NoError(t, tt.deleteIt(ctx, c, id))
			for _, again := range []step{tt.activate, tt.deactivate, tt.deleteIt} {
				requireRefused(t, again(ctx, c, id), "INVALID", "id")
			}
		}
	}
	left, err := count(admin.Discounts(ctx, c, &admin.ListOptions{Query: "method:code"}))()
	require.NoError(t, err)
	assert.Equal(t, 2, left)
	found, err := admin.FindDiscountByCode(ctx, c, "SPRING")
	require.NoError(t, err)
	assert.Nil(t, found.CodeDiscountNodeByCode)

	// What a sale takes off with a code is counted.
	_, err = shop.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{
		Variant: shop.Products()[0].Variants[0].ID, Discount: &shopifytest.Discount{Code: "F", Percent: decimal.NewFromInt(10)},
	}}})
	require.NoError(t, err)
	assert.Equal(t, 1, shop.DiscountCodes()[1].Used)
}
