package admin_test

import (
	"testing"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// makeCollection makes a collection of the products.
func makeCollection(t *testing.T, c *shopify.Client, products ...shopify.GID) shopify.GID {
	t.Helper()
	made, err := admin.CollectionCreate(t.Context(), c, admin.CollectionCreateInput{Title: "Window"})
	require.NoError(t, err)
	id := made.CollectionCreate.Collection.ID
	require.NoError(t, second(admin.CollectionAddProductsV2(t.Context(), c, id, products)))
	return id
}

func TestProductsAreWritten(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: small})
	c, ctx := connect(t, shop, shopify.Options{}), t.Context()
	options := shopify.Some([]admin.OptionCreateInput{{Name: shopify.Some("Size"), Values: shopify.Some([]admin.OptionValueCreateInput{{Name: shopify.Some("S")}, {Name: shopify.Some("M")}})}})
	made, err := admin.ProductCreate(ctx, c, shopify.Some(admin.ProductCreateInput{Title: shopify.Some("Tee"), ProductOptions: options}))
	require.NoError(t, err)
	product := made.ProductCreate.Product
	assert.Equal(t, "tee", product.Handle)
	require.Len(t, product.Variants.Nodes, 1)
	_, err = admin.ProductCreate(ctx, c, shopify.Some(admin.ProductCreateInput{Title: shopify.Some("")}))
	requireRefused(t, err, "", "title")

	variant := admin.ProductVariantsBulkInput{ID: shopify.Some(product.Variants.Nodes[0].ID), Price: shopify.Some(shopify.NewDecimal(decimal.RequireFromString("19.90")))}
	none := admin.ProductVariantsBulkInput{ID: shopify.Some(shopify.GID("gid://shopify/ProductVariant/1"))}
	updated, err := admin.ProductVariantsBulkUpdate(ctx, c, product.ID, []admin.ProductVariantsBulkInput{variant}, shopify.Some(false))
	require.NoError(t, err)
	assert.Equal(t, "19.9", updated.ProductVariantsBulkUpdate.ProductVariants[0].Price.String())
	_, err = admin.ProductVariantsBulkUpdate(ctx, c, product.ID, []admin.ProductVariantsBulkInput{variant, none}, shopify.Some(true))
	requireRefused(t, err, "PRODUCT_VARIANT_DOES_NOT_EXIST", "variants", "1", "id")

	value := func(name string) []admin.VariantOptionValueInput {
		return []admin.VariantOptionValueInput{{OptionName: shopify.Some("Size"), Name: shopify.Some(name)}}
	}
	set := admin.ProductSetInput{
		Title:          shopify.Some("T-Shirt"),
		ProductOptions: shopify.Some([]admin.OptionSetInput{{Name: shopify.Some("Size"), Values: shopify.Some([]admin.OptionValueSetInput{{Name: shopify.Some("S")}, {Name: shopify.Some("L")}})}}),
		Variants:       shopify.Some([]admin.ProductVariantSetInput{{OptionValues: value("S")}, {OptionValues: value("L"), SKU: shopify.Some("T-L")}}),
	}
	by := shopify.Some(admin.ProductSetIdentifiers{ID: shopify.Some(product.ID)})
	whole, err := admin.ProductSet(ctx, c, set, by)
	require.NoError(t, err)
	assert.Equal(t, product.ID, whole.ProductSet.Product.ID)
	require.Len(t, whole.ProductSet.Product.Variants.Nodes, 2)
	assert.Equal(t, product.Variants.Nodes[0].ID, whole.ProductSet.Product.Variants.Nodes[0].ID)
	_, err = admin.ProductSet(ctx, c, set, shopify.Some(admin.ProductSetIdentifiers{ID: shopify.Some(shopify.GID("gid://shopify/Product/1"))}))
	requireRefused(t, err, "PRODUCT_DOES_NOT_EXIST", "input")

	large, err := admin.GetVariant(ctx, c, whole.ProductSet.Product.Variants.Nodes[1].ID)
	require.NoError(t, err)
	item := large.ProductVariant.InventoryItem.ID
	require.NoError(t, second(admin.InventoryItemUpdate(ctx, c, item, admin.InventoryItemInput{Tracked: shopify.Some(true), Cost: shopify.Some(shopify.NewDecimal(decimal.NewFromInt(7)))})))
	requireRefused(t, second(admin.InventoryItemUpdate(ctx, c, "gid://shopify/InventoryItem/1", admin.InventoryItemInput{})), "", "id")
	place := shopify.GID(shop.Locations()[0].ID)
	require.NoError(t, second(admin.InventoryActivate(ctx, c, item, place, shopify.Optional[int]{}, "activate-1")))
	requireRefused(t, second(admin.InventoryActivate(ctx, c, item, place, shopify.Some(3), "activate-2")), "", "available")

	collection := makeCollection(t, c, product.ID)
	found, err := admin.GetCollection(ctx, c, collection)
	require.NoError(t, err)
	assert.Equal(t, 1, found.Collection.ProductsCount.Count)
	n, err := count(admin.CollectionProducts(ctx, c, collection))()
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	byHandle, err := admin.FindCollection(ctx, c, admin.CollectionIdentifierInput{Handle: shopify.Some("window")})
	require.NoError(t, err)
	assert.Equal(t, collection, byHandle.CollectionByIdentifier.ID)
}

func TestVariantsAndProductsAreAddedAndDeleted(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: small})
	c, ctx := connect(t, shop, shopify.Options{}), t.Context()
	made, err := admin.ProductCreate(ctx, c, shopify.Some(admin.ProductCreateInput{
		Title: shopify.Some("Cap"), ProductOptions: shopify.Some([]admin.OptionCreateInput{{Name: shopify.Some("Size"), Values: shopify.Some([]admin.OptionValueCreateInput{{Name: shopify.Some("S")}})}}),
	}))
	require.NoError(t, err)
	product := made.ProductCreate.Product.ID
	large := []admin.ProductVariantsBulkInput{{
		OptionValues: shopify.Some([]admin.VariantOptionValueInput{{OptionName: shopify.Some("Size"), Name: shopify.Some("L")}}), Price: shopify.Some(shopify.NewDecimal(decimal.NewFromInt(25))),
	}}
	var usual shopify.Optional[admin.ProductVariantsBulkCreateStrategy]
	added, err := admin.ProductVariantsBulkCreate(ctx, c, product, large, usual)
	require.NoError(t, err)
	require.Len(t, added.ProductVariantsBulkCreate.ProductVariants, 1)
	variant := added.ProductVariantsBulkCreate.ProductVariants[0].ID
	var refused *shopify.UserErrors
	require.ErrorAs(t, second(admin.ProductVariantsBulkCreate(ctx, c, product, large, usual)), &refused)
	assert.True(t, refused.Has("VARIANT_ALREADY_EXISTS"), "%v", refused)

	require.NoError(t, second(admin.ProductVariantsBulkDelete(ctx, c, product, []shopify.GID{variant})))
	require.ErrorAs(t, second(admin.ProductVariantsBulkDelete(ctx, c, product, []shopify.GID{variant})), &refused)
	read, err := admin.GetProduct(ctx, c, product)
	require.NoError(t, err)
	assert.Len(t, read.Product.Variants.Nodes, 1)

	deleted, err := admin.ProductDelete(ctx, c, admin.ProductDeleteInput{ID: product})
	require.NoError(t, err)
	assert.Equal(t, product, deleted.ProductDelete.DeletedProductID)
	requireRefused(t, second(admin.ProductDelete(ctx, c, admin.ProductDeleteInput{ID: product})), "", "id")
	read, err = admin.GetProduct(ctx, c, product)
	require.NoError(t, err)
	assert.Nil(t, read.Product)
}

func TestCollectionsAreWritten(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: small})
	c, ctx := connect(t, shop, shopify.Options{}), t.Context()
	products := []shopify.GID{shopify.GID(shop.Products()[0].ID), shopify.GID(shop.Products()[1].ID)}
	id := makeCollection(t, c, products...)
	held := func() int {
		t.Helper()
		n, err := count(admin.CollectionProducts(ctx, c, id))()
		require.NoError(t, err)
		return n
	}
	assert.Equal(t, 2, held())
	removed, err := admin.CollectionRemoveProducts(ctx, c, id, products[:1])
	require.NoError(t, err)
	assert.NotEmpty(t, removed.CollectionRemoveProducts.Job.ID)
	assert.Equal(t, 1, held())
	require.Error(t, second(admin.CollectionAddProductsV2(ctx, c, "gid://shopify/Collection/1", products)))
	require.Error(t, second(admin.CollectionRemoveProducts(ctx, c, "gid://shopify/Collection/1", products)))

	changed, err := admin.CollectionUpdate(ctx, c, admin.CollectionUpdateInput{ID: shopify.Some(id), Title: shopify.Some("Door")})
	require.NoError(t, err)
	assert.Equal(t, "Door", changed.CollectionUpdate.Collection.Title)
	assert.Equal(t, "window", changed.CollectionUpdate.Collection.Handle, "what is not set stays")
	requireRefused(t, second(admin.CollectionCreate(ctx, c, admin.CollectionCreateInput{})), "", "title")

	deleted, err := admin.CollectionDelete(ctx, c, admin.CollectionDeleteInput{ID: id})
	require.NoError(t, err)
	assert.Equal(t, id, deleted.CollectionDelete.DeletedCollectionID)
	requireRefused(t, second(admin.CollectionDelete(ctx, c, admin.CollectionDeleteInput{ID: id})), "", "id")
}
