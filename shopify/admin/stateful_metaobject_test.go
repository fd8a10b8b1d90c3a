package admin_test

import (
	"testing"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	// message is a metafield of an order, of at most five letters.
	message = admin.MetafieldDefinitionInput{
		OwnerType: admin.MetafieldOwnerTypeOrder, Namespace: shopify.Some("gift"), Key: "message", Name: "Message", Type: "single_line_text_field",
		Validations: shopify.Some([]admin.MetafieldDefinitionValidationInput{{Name: "max", Value: "5"}}),
	}

	sizeChart = admin.MetaobjectDefinitionCreateInput{
		Type: "size_chart", DisplayNameKey: shopify.Some("title"),
		FieldDefinitions: shopify.Some([]admin.MetaobjectFieldDefinitionCreateInput{
			{Key: "title", Type: "single_line_text_field"},
			{Key: "waist", Type: "number_integer", Required: shopify.Some(false), Validations: shopify.Some([]admin.MetafieldDefinitionValidationInput{{Name: "min", Value: "50"}})},
		}),
	}
)

func TestMetaobjectsAreWritten(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: small})
	c, ctx := connect(t, shop, shopify.Options{}), t.Context()
	defined, err := admin.MetaobjectDefinitionCreate(ctx, c, sizeChart)
	require.NoError(t, err)
	assert.Equal(t, "Size chart", defined.MetaobjectDefinitionCreate.MetaobjectDefinition.Name)
	_, err = admin.MetaobjectDefinitionCreate(ctx, c, sizeChart)
	requireRefused(t, err, "TAKEN", "definition", "type")

	at := admin.MetaobjectHandleInput{Type: "size_chart", Handle: "coats"}
	fields := func(key, value string) shopify.Optional[[]admin.MetaobjectFieldInput] {
		return shopify.Some([]admin.MetaobjectFieldInput{{Key: key, Value: value}})
	}
	made, err := admin.MetaobjectUpsert(ctx, c, at, admin.MetaobjectUpsertInput{Fields: fields("title", "Coats")})
	require.NoError(t, err)
	again, err := admin.MetaobjectUpsert(ctx, c, at, admin.MetaobjectUpsertInput{Fields: fields("waist", "60")})
	require.NoError(t, err)
	assert.Equal(t, made.MetaobjectUpsert.Metaobject.ID, again.MetaobjectUpsert.Metaobject.ID)
	_, err = admin.MetaobjectUpsert(ctx, c, at, admin.MetaobjectUpsertInput{Fields: fields("waist", "40")})
	requireRefused(t, err, "INVALID_VALUE", "metaobject", "fields", "0")
	_, err = admin.MetaobjectUpsert(ctx, c, admin.MetaobjectHandleInput{Type: "none", Handle: "x"}, admin.MetaobjectUpsertInput{})
	requireRefused(t, err, "UNDEFINED_OBJECT_TYPE", "handle", "type")

	id := made.MetaobjectUpsert.Metaobject.ID
	changed, err := admin.MetaobjectUpdate(ctx, c, id, admin.MetaobjectUpdateInput{Fields: fields("title", "Winter coats")})
	require.NoError(t, err)
	assert.Equal(t, "Winter coats", changed.MetaobjectUpdate.Metaobject.DisplayName)
	_, err = admin.MetaobjectUpdate(ctx, c, id, admin.MetaobjectUpdateInput{Fields: fields("none", "x")})
	requireRefused(t, err, "UNDEFINED_OBJECT_FIELD", "metaobject", "fields", "0")
	found, err := admin.FindMetaobject(ctx, c, at)
	require.NoError(t, err)
	require.NotNil(t, found.MetaobjectByHandle)
	assert.Equal(t, "60", found.MetaobjectByHandle.Fields[1].Value)
	n, err := count(admin.Metaobjects(ctx, c, "size_chart", &admin.ListOptions{Query: "fields.waist:60"}))()
	require.NoError(t, err)
	assert.Equal(t, 1, n)

	require.NoError(t, second(admin.MetaobjectDelete(ctx, c, id)))
	requireRefused(t, second(admin.MetaobjectDelete(ctx, c, id)), "RECORD_NOT_FOUND", "id")
	gone, err := admin.GetMetaobject(ctx, c, id)
	require.NoError(t, err)
	assert.Nil(t, gone.Metaobject)
}

func TestMetaobjectDefinitionsAreWritten(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: small})
	c, ctx := connect(t, shop, shopify.Options{}), t.Context()
	defined, err := admin.MetaobjectDefinitionCreate(ctx, c, sizeChart)
	require.NoError(t, err)
	id := defined.MetaobjectDefinitionCreate.MetaobjectDefinition.ID
	made, err := admin.MetaobjectCreate(ctx, c, admin.MetaobjectCreateInput{Type: "size_chart", Handle: shopify.Some("hats"), Fields: shopify.Some([]admin.MetaobjectFieldInput{{Key: "title", Value: "Hats"}})})
	require.NoError(t, err)
	assert.Equal(t, "Hats", made.MetaobjectCreate.Metaobject.DisplayName)
	requireRefused(t, second(admin.MetaobjectCreate(ctx, c, admin.MetaobjectCreateInput{Type: "none"})), "UNDEFINED_OBJECT_TYPE", "metaobject", "type")

	add := shopify.Some([]admin.MetaobjectFieldDefinitionOperationInput{{Create: shopify.Some(admin.MetaobjectFieldDefinitionCreateInput{Key: "hips", Type: "number_integer"})}})
	changed, err := admin.MetaobjectDefinitionUpdate(ctx, c, id, admin.MetaobjectDefinitionUpdateInput{Name: shopify.Some("Sizes"), FieldDefinitions: add})
	require.NoError(t, err)
	assert.Len(t, changed.MetaobjectDefinitionUpdate.MetaobjectDefinition.FieldDefinitions, 3)
	requireRefused(t, second(admin.MetaobjectDefinitionUpdate(ctx, c, "gid://shopify/MetaobjectDefinition/1", admin.MetaobjectDefinitionUpdateInput{})), "RECORD_NOT_FOUND", "id")

	found, err := admin.FindMetaobjectDefinition(ctx, c, "size_chart")
	require.NoError(t, err)
	require.NotNil(t, found.MetaobjectDefinitionByType)
	assert.Equal(t, id, found.MetaobjectDefinitionByType.ID)
	assert.Equal(t, "Sizes", found.MetaobjectDefinitionByType.Name)
	assert.Equal(t, 1, found.MetaobjectDefinitionByType.MetaobjectsCount)
	assert.Equal(t, "number_integer", found.MetaobjectDefinitionByType.FieldDefinitions[2].Type.Name)
	n, err := count(admin.MetaobjectDefinitions(ctx, c))()
	require.NoError(t, err)
	assert.Equal(t, 1, n)

	require.NoError(t, second(admin.MetaobjectDefinitionDelete(ctx, c, id)))
	requireRefused(t, second(admin.MetaobjectDefinitionDelete(ctx, c, id)), "RECORD_NOT_FOUND", "id")
	gone, err := admin.GetMetaobjectDefinition(ctx, c, id)
	require.NoError(t, err)
	assert.Nil(t, gone.MetaobjectDefinition)
	left, err := admin.GetMetaobject(ctx, c, made.MetaobjectCreate.Metaobject.ID)
	require.NoError(t, err)
	assert.Nil(t, left.Metaobject, "they go with their definition")
}

func TestMetafieldDefinitionsAreWritten(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: small})
	c, ctx := connect(t, shop, shopify.Options{}), t.Context()
	order := sell(t, shop)
	made, err := admin.MetafieldDefinitionCreate(ctx, c, message)
	require.NoError(t, err)
	_, err = admin.MetafieldDefinitionCreate(ctx, c, message)
	requireRefused(t, err, "TAKEN", "definition", "key")

	set := func(value string) error {
		return second(admin.MetafieldsSet(ctx, c, []admin.MetafieldsSetInput{{OwnerID: order, Namespace: shopify.Some("gift"), Key: "message", Value: value}}))
	}
	require.NoError(t, set("Hello"))
	requireRefused(t, set("Hello, Ada"), "INVALID_VALUE", "metafields", "0", "value")

	update := admin.MetafieldDefinitionUpdateInput{OwnerType: admin.MetafieldOwnerTypeOrder, Namespace: shopify.Some("gift"), Key: "message", Name: shopify.Some("Card")}
	changed, err := admin.MetafieldDefinitionUpdate(ctx, c, update)
	require.NoError(t, err)
	assert.Equal(t, "Card", changed.MetafieldDefinitionUpdate.UpdatedDefinition.Name)
	assert.Equal(t, 1, changed.MetafieldDefinitionUpdate.UpdatedDefinition.MetafieldsCount)
	update.Key = "none"
	_, err = admin.MetafieldDefinitionUpdate(ctx, c, update)
	requireRefused(t, err, "NOT_FOUND", "definition")

	id := made.MetafieldDefinitionCreate.CreatedDefinition.ID
	require.NoError(t, second(admin.MetafieldDefinitionDelete(ctx, c, id, shopify.Some(true))))
	requireRefused(t, second(admin.MetafieldDefinitionDelete(ctx, c, id, shopify.Some(true))), "NOT_FOUND", "id")
	assert.Empty(t, shop.Metafields(string(order)))
}
