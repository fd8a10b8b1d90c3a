package shopifytest_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

const (
	productDetail = `product { id title handle status vendor descriptionHtml tags options { name optionValues { name } } collections(first: 5) { nodes { id } }
		variants(first: 50) { nodes { id title sku barcode price compareAtPrice position inventoryPolicy taxable inventoryQuantity selectedOptions { name value } inventoryItem { tracked requiresShipping unitCost { amount } } } } }`
	createProduct  = `mutation($in: ProductCreateInput!) { productCreate(product: $in) { ` + productDetail + ` shop { id } userErrors { field message } } }`
	setProduct     = `mutation($in: ProductSetInput!, $by: ProductSetIdentifiers) { productSet(input: $in, identifier: $by, synchronous: true) { ` + productDetail + ` userErrors { field message code } } }`
	removeProduct  = `mutation($id: ID!) { productDelete(input: {id: $id}) { deletedProductId shop { id } userErrors { field message } } }`
	createVariants = `mutation($id: ID!, $v: [ProductVariantsBulkInput!]!, $s: ProductVariantsBulkCreateStrategy) { productVariantsBulkCreate(productId: $id, variants: $v, strategy: $s) { ` + productDetail + ` productVariants { id title } userErrors { field message code } } }`
	updateVariants = `mutation($id: ID!, $v: [ProductVariantsBulkInput!]!, $p: Boolean) { productVariantsBulkUpdate(productId: $id, variants: $v, allowPartialUpdates: $p) { ` + productDetail + ` productVariants { id } userErrors { field message code } } }`
	deleteVariants = `mutation($id: ID!, $v: [ID!]!) { productVariantsBulkDelete(productId: $id, variantsIds: $v) { ` + productDetail + ` userErrors { field message code } } }`
)

func option(name string, values ...string) map[string]any {
	list := []any{}
	for _, v := range values {
		list = append(list, map[string]any{"name": v})
	}
	return map[string]any{"name": name, "values": list}
}

// of are the values of a variant, "Ink=Blue".
func of(pairs ...string) []any {
	out := []any{}
	for _, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		out = append(out, map[string]any{"optionName": name, "name": value})
	}
	return out
}

// variantIn is the input of a variant with those values.
func variantIn(more map[string]any, pairs ...string) map[string]any {
	in := map[string]any{"optionValues": of(pairs...)}
	maps.Copy(in, more)
	return in
}

func TestProductCreateAndDelete(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	hooks := watch(t, s, "PRODUCTS_CREATE", "PRODUCTS_UPDATE", "PRODUCTS_DELETE")
	create := func(in map[string]any) any {
		return at(data(t, s, createProduct, map[string]any{"in": in}), "productCreate")
	}
	for name, tt := range map[string]struct {
		in   map[string]any
		want string
	}{
		"no title":        {map[string]any{"title": ""}, "title Title can't be blank"},
		"taken":           {map[string]any{"title": "Pen", "handle": "pen"}, "handle Handle has already been taken"},
		"four options":    {map[string]any{"title": "X", "productOptions": []any{option("A", "1"), option("B", "1"), option("C", "1"), option("D", "1")}}, "productOptions Can only specify a maximum of 3 options"},
		"no such group":   {map[string]any{"title": "X", "collectionsToJoin": []any{"gid://shopify/Collection/1"}}, "collectionsToJoin.0 Collection does not exist"},
		"value twice":     {map[string]any{"title": "X", "productOptions": []any{option("A", "1", "1")}}, "productOptions.0.values.1 Duplicated option value"},
		"option twice":    {map[string]any{"title": "X", "productOptions": []any{option("A", "1"), option("a", "1")}}, "productOptions.1 Duplicated option name"},
		"without values":  {map[string]any{"title": "X", "productOptions": []any{option("A")}}, "productOptions.0.values Option values can't be blank"},
		"a bad metafield": {map[string]any{"title": "X", "metafields": []any{map[string]any{"namespace": "a", "key": "bb", "type": "boolean", "value": "true"}}}, "metafields.0.namespace Namespace is too short (minimum is 3 characters)"},
	} {
		out := create(tt.in)
		assert.Equal(t, tt.want, refusal(out), name)
		assert.Nil(t, at(out, "product"), name)
		assert.NotNil(t, at(out, "shop", "id"), name)
	}
	assert.Empty(t, hooks())
	out := create(map[string]any{"title": "Pen", "descriptionHtml": "<p>Fine</p>", "tags": []any{"b", "a"}, "status": "DRAFT", "productOptions": []any{option("Tip", "Fine", "Broad"), option("Ink", "Blue")}})
	require.Empty(t, at(out, "userErrors"))
	assert.Equal(t, "pen-1", at(out, "product", "handle"), "the handle is unique")
	assert.Equal(t, "Corner", at(out, "product", "vendor"))
	assert.Equal(t, "Fine / Blue", at(out, "product", "variants", "nodes", 0, "title"), "one variant, of the first values")
	assert.Equal(t, "0.00", at(out, "product", "variants", "nodes", 0, "price"))
	plainOne := create(map[string]any{"title": "Ruler"})
	assert.Equal(t, "Default Title", at(plainOne, "product", "variants", "nodes", 0, "title"))

	// What was sold stays on the order.
	pen := s.Products()[0].ID
	remove := func(id string) any {
		return at(data(t, s, removeProduct, map[string]any{"id": id}), "productDelete")
	}
	assert.Equal(t, "id Product does not exist", refusal(remove("gid://shopify/Product/1")))
	assert.Equal(t, pen, at(remove(pen), "deletedProductId"))
	read := data(t, s, `{ order(id: "gid://shopify/Order/11") { lineItems(first: 5) { nodes { title sku variant { id } product { id } } } } productVariants(first: 5, query: "sku:P-B") { nodes { id } } }`, nil)
	assert.Equal(t, map[string]any{"title": "Pen", "sku": "P-B", "variant": nil, "product": nil}, at(read, "order", "lineItems", "nodes", 0))
	assert.Empty(t, at(read, "productVariants", "nodes"))
	got := hooks()
	require.Equal(t, []string{"products/create", "products/create", "products/delete"}, topicsOf(got))
	assert.Equal(t, "draft", got[0].body["status"])
	assert.Equal(t, pen, got[2].body["admin_graphql_api_id"])
	_, err := s.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{SKU: "P-B"}}})
	assert.ErrorIs(t, err, shopifytest.ErrSale)
}

func TestVariantsInBulk(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	pen, place := s.Products()[0], s.Locations()[0].ID
	create := func(id, strategy string, v ...any) any {
		return at(data(t, s, createVariants, map[string]any{"id": id, "v": v, "s": strategy}), "productVariantsBulkCreate")
	}
	for name, tt := range map[string]struct {
		id   string
		in   map[string]any
		want string
	}{
		"no product":     {"gid://shopify/Product/1", variantIn(nil, "Ink=Green"), "productId PRODUCT_DOES_NOT_EXIST"},
		"no values":      {pen.ID, variantIn(nil), "variants.0.optionValues NEED_TO_ADD_OPTION_VALUES"},
		"no such option": {pen.ID, variantIn(nil, "Size=M"), "variants.0.optionValues.0.optionName INVALID_INPUT"},
		"there already":  {pen.ID, variantIn(nil, "Ink=Blue"), "variants.0 VARIANT_ALREADY_EXISTS"},
		"price":          {pen.ID, variantIn(map[string]any{"price": "-1"}, "Ink=Green"), "variants.0.price GREATER_THAN_OR_EQUAL_TO"},
		"cost":           {pen.ID, variantIn(map[string]any{"inventoryItem": map[string]any{"cost": "-1"}}, "Ink=Green"), "variants.0.inventoryItem.cost GREATER_THAN_OR_EQUAL_TO"},
		"with an id":     {pen.ID, variantIn(map[string]any{"id": pen.Variants[0].ID}, "Ink=Green"), "variants.0.id NO_KEY_ON_CREATE"},
		"nowhere":        {pen.ID, variantIn(map[string]any{"inventoryQuantities": []any{map[string]any{"availableQuantity": 1, "locationId": "gid://shopify/Location/1"}}}, "Ink=Green"), "variants.0.inventoryQuantities.0.locationId TRACKED_VARIANT_LOCATION_NOT_FOUND"},
	} {
		assert.Equal(t, tt.want, refusal(create(tt.id, "DEFAULT", tt.in)), name)
	}
	assert.Equal(t, "variants.1 VARIANT_ALREADY_EXISTS", refusal(create(pen.ID, "DEFAULT", variantIn(nil, "Ink=Green"), variantIn(nil, "Ink=Green"))))
	hooks := watch(t, s, "PRODUCTS_UPDATE")
	out := create(pen.ID, "DEFAULT", variantIn(map[string]any{
		"price": "12", "compareAtPrice": "15.5", "barcode": "123", "inventoryPolicy": "CONTINUE", "taxable": false,
		"inventoryItem":       map[string]any{"sku": "P-G", "cost": "4", "tracked": true, "requiresShipping": false},
		"inventoryQuantities": []any{map[string]any{"availableQuantity": 7, "locationId": place}},
	}, "Ink=Green"))
	require.Empty(t, at(out, "userErrors"))
	got := at(out, "product", "variants", "nodes", 2)
	for key, want := range map[string]any{"title": "Green", "sku": "P-G", "barcode": "123", "price": "12.00", "compareAtPrice": "15.50", "position": 3.0, "inventoryPolicy": "CONTINUE", "taxable": false, "inventoryQuantity": 7.0} {
		assert.Equal(t, want, at(got, key), key)
	}
	assert.Equal(t, "4.0", at(got, "inventoryItem", "unitCost", "amount"))
	green := at(got, "id").(string)
	_, err := s.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{SKU: "P-G"}}})
	require.NoError(t, err, "it can be sold")

	update := func(partial bool, v ...any) any {
		return at(data(t, s, updateVariants, map[string]any{"id": pen.ID, "v": v, "p": partial}), "productVariantsBulkUpdate")
	}
	for name, tt := range map[string]struct {
		in   map[string]any
		want string
	}{
		"no id":         {map[string]any{"price": "1"}, "variants.0.id PRODUCT_VARIANT_ID_MISSING"},
		"no variant":    {map[string]any{"id": "gid://shopify/ProductVariant/1"}, "variants.0.id PRODUCT_VARIANT_DOES_NOT_EXIST"},
		"stock":         {map[string]any{"id": green, "inventoryQuantities": []any{map[string]any{"availableQuantity": 1, "locationId": place}}}, "variants.0.inventoryQuantities NO_INVENTORY_QUANTITIES_ON_VARIANTS_UPDATE"},
		"there already": {variantIn(map[string]any{"id": green}, "Ink=Blue"), "variants.0 VARIANT_ALREADY_EXISTS"},
		"no option":     {variantIn(map[string]any{"id": green}, "Size=M"), "variants.0.optionValues.0.optionName OPTION_DOES_NOT_EXIST"},
	} {
		assert.Equal(t, tt.want, refusal(update(false, tt.in)), name)
	}
	// The digits are the currency's.
	start := tiny()
	start.Shop.Currency = "JPY"
	yen := newShop(t, &shopifytest.Options{Data: start})
	in := []any{map[string]any{"id": yen.Products()[0].Variants[0].ID, "price": "12", "compareAtPrice": "15"}}
	read := data(t, yen, `mutation($p: ID!, $v: [ProductVariantsBulkInput!]!) { productVariantsBulkUpdate(productId: $p, variants: $v) { productVariants { price compareAtPrice } userErrors { message } } }`,
		map[string]any{"p": yen.Products()[0].ID, "v": in})
	assert.Equal(t, map[string]any{"price": "12", "compareAtPrice": "15"}, at(read, "productVariantsBulkUpdate", "productVariants", 0))
	mixed := []any{map[string]any{"id": green, "price": "13", "compareAtPrice": nil}, map[string]any{"id": "gid://shopify/ProductVariant/1"}}
	assert.Nil(t, at(update(false, mixed...), "productVariants"))
	out = update(true, mixed...)
	assert.Equal(t, "variants.1.id PRODUCT_VARIANT_DOES_NOT_EXIST", refusal(out))
	assert.Len(t, at(out, "productVariants"), 1)
	assert.Equal(t, "13.00", at(out, "product", "variants", "nodes", 2, "price"))
	assert.Nil(t, at(out, "product", "variants", "nodes", 2, "compareAtPrice"))
	require.Empty(t, at(update(false, variantIn(map[string]any{"id": green, "inventoryItem": map[string]any{"sku": "P-T"}}, "Ink=Teal")), "userErrors"))
	assert.Equal(t, "Teal", s.Products()[0].Variants[2].Title)

	drop := func(ids ...any) any {
		return at(data(t, s, deleteVariants, map[string]any{"id": pen.ID, "v": ids}), "productVariantsBulkDelete")
	}
	assert.Equal(t, "variantsIds.0 AT_LEAST_ONE_VARIANT_DOES_NOT_BELONG_TO_THE_PRODUCT", refusal(drop("gid://shopify/ProductVariant/1")))
	assert.Equal(t, "variantsIds CANNOT_DELETE_LAST_VARIANT", refusal(drop(pen.Variants[0].ID, pen.Variants[1].ID, green)))
	out = drop(pen.Variants[0].ID)
	require.Empty(t, at(out, "userErrors"))
	assert.InDelta(t, 1, at(out, "product", "variants", "nodes", 0, "position"), 0)
	assert.Len(t, hooks(), 4)

	// The variant that stands alone goes when others come, unless it is to stay.
	for strategy, want := range map[string]int{"DEFAULT": 1, "REMOVE_STANDALONE_VARIANT": 1, "PRESERVE_STANDALONE_VARIANT": 2} {
		id := at(data(t, s, createProduct, map[string]any{"in": map[string]any{"title": strategy}}), "productCreate", "product", "id").(string)
		out := create(id, strategy, variantIn(nil, "Title=Large"))
		require.Empty(t, at(out, "userErrors"))
		assert.Len(t, at(out, "product", "variants", "nodes"), want, strategy)
	}
}

func TestProductSet(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	hooks := watch(t, s, "PRODUCTS_CREATE", "PRODUCTS_UPDATE")
	set := func(by, in map[string]any) any {
		variables := map[string]any{"in": in}
		if by != nil {
			variables["by"] = by
		}
		return at(data(t, s, setProduct, variables), "productSet")
	}
	tee := func(change map[string]any) map[string]any {
		in := map[string]any{
			"title": "Tee", "productOptions": []any{option("Size", "S", "M")},
			"variants": []any{variantIn(map[string]any{"sku": "T-S", "price": "20"}, "Size=S"), variantIn(map[string]any{"sku": "T-M", "price": "22"}, "Size=M")},
		}
		maps.Copy(in, change)
		return in
	}
	byHandle := map[string]any{"handle": "tee"}
	for name, tt := range map[string]struct {
		by, in map[string]any
		want   string
	}{
		"no product":     {map[string]any{"id": "gid://shopify/Product/1"}, tee(nil), "input PRODUCT_DOES_NOT_EXIST"},
		"no title":       {nil, map[string]any{"vendor": "x"}, "input.title INVALID_PRODUCT"},
		"another handle": {byHandle, tee(map[string]any{"handle": "shirt"}), "input.handle INPUT_MISMATCH"},
		"taken":          {nil, tee(map[string]any{"handle": "pen"}), "input.handle HANDLE_NOT_UNIQUE"},
		"no options":     {nil, tee(map[string]any{"productOptions": nil}), "input.productOptions PRODUCT_OPTIONS_INPUT_MISSING"},
		"no variants":    {nil, tee(map[string]any{"variants": nil}), "input.variants VARIANTS_INPUT_MISSING"},
		"none":           {nil, tee(map[string]any{"variants": []any{}}), "input.variants VARIANTS_INPUT_MISSING"},
		"no such value":  {nil, tee(map[string]any{"variants": []any{variantIn(nil, "Size=L")}}), "input.variants.0.optionValues OPTION_VALUE_DOES_NOT_EXIST"},
		"no such option": {nil, tee(map[string]any{"variants": []any{variantIn(nil, "Color=L")}}), "input.variants.0.optionValues.0.optionName OPTION_DOES_NOT_EXIST"},
		"twice":          {nil, tee(map[string]any{"variants": []any{variantIn(nil, "Size=S"), variantIn(nil, "Size=S")}}), "input.variants.1 INVALID_VARIANT"},
		"no such id":     {nil, tee(map[string]any{"variants": []any{variantIn(map[string]any{"id": "gid://shopify/ProductVariant/1"}, "Size=S")}}), "input.variants.0.id PRODUCT_VARIANT_DOES_NOT_EXIST"},
		"no collection":  {nil, tee(map[string]any{"collections": []any{"gid://shopify/Collection/1"}}), "input.collections.0 INVALID_INPUT"},
		"values twice":   {nil, tee(map[string]any{"productOptions": []any{option("Size", "S", "S")}}), "input.productOptions.0.values.1 DUPLICATED_OPTION_VALUE"},
	} {
		assert.Equal(t, tt.want, refusal(set(tt.by, tt.in)), name)
	}
	assert.Empty(t, hooks())
	out := set(byHandle, tee(nil))
	require.Empty(t, at(out, "userErrors"))
	id := at(out, "product", "id").(string)
	assert.Equal(t, "tee", at(out, "product", "handle"))
	small, medium := at(out, "product", "variants", "nodes", 0, "id"), at(out, "product", "variants", "nodes", 1, "id")

	// Set again: S stays the same variant, M goes, L comes.
	out = set(byHandle, tee(map[string]any{"title": "T-Shirt", "productOptions": []any{option("Size", "L", "S")}, "variants": []any{
		variantIn(map[string]any{"sku": "T-L", "price": "24", "inventoryQuantities": []any{map[string]any{"locationId": s.Locations()[0].ID, "name": "available", "quantity": 3}}}, "Size=L"),
		variantIn(map[string]any{"sku": "T-S", "price": "21"}, "Size=S"),
	}}))
	require.Empty(t, at(out, "userErrors"))
	assert.Equal(t, id, at(out, "product", "id"))
	assert.Equal(t, "T-Shirt", at(out, "product", "title"))
	assert.Len(t, at(out, "product", "variants", "nodes"), 2)
	assert.InDelta(t, 3, at(out, "product", "variants", "nodes", 0, "inventoryQuantity"), 0)
	assert.Equal(t, small, at(out, "product", "variants", "nodes", 1, "id"))
	assert.Nil(t, at(data(t, s, `query($id: ID!) { productVariant(id: $id) { id } }`, map[string]any{"id": medium}), "productVariant"), "M is gone")
	assert.Equal(t, "21.00", at(out, "product", "variants", "nodes", 1, "price"))
	require.Empty(t, at(set(map[string]any{"id": id}, map[string]any{"vendor": "Mill"}), "userErrors"))
	assert.Len(t, s.Products()[1].Variants, 2, "what was not sent stays")
	single := set(nil, map[string]any{"title": "Ruler", "productOptions": []any{option("Title", "Default Title")}, "variants": []any{variantIn(map[string]any{"price": "3"}, "Title=Default Title")}})
	require.Empty(t, at(single, "userErrors"))
	assert.Equal(t, "Default Title", at(single, "product", "variants", "nodes", 0, "title"))
	assert.Equal(t, []string{"products/create", "products/update", "products/update", "products/create"}, topicsOf(hooks()))
}

// TestProductSetClaimsVariantsOnce names a variant by its id where another input has its options.
func TestProductSetClaimsVariantsOnce(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	set := func(sizes []string, variants ...any) any {
		return at(data(t, s, setProduct, map[string]any{"by": map[string]any{"handle": "tee"}, "in": map[string]any{"title": "Tee", "productOptions": []any{option("Size", sizes...)}, "variants": variants}}), "productSet")
	}
	out := set([]string{"S"}, variantIn(map[string]any{"sku": "T-S"}, "Size=S"))
	require.Empty(t, at(out, "userErrors"))
	small := at(out, "product", "variants", "nodes", 0, "id")
	assert.Equal(t, "input.variants.1.id DUPLICATED_VALUE", refusal(set([]string{"S", "M"}, variantIn(map[string]any{"id": small}, "Size=S"), variantIn(map[string]any{"id": small}, "Size=M"))))
	for _, order := range [][]int{{0, 1}, {1, 0}} {
		sizes := []string{"S", "M"}
		inputs := []any{variantIn(map[string]any{"id": small}, "Size=M"), variantIn(nil, "Size=S")}
		out = set(sizes, inputs[order[0]], inputs[order[1]])
		require.Empty(t, at(out, "userErrors"))
		got := map[any]any{}
		for _, v := range at(out, "product", "variants", "nodes").([]any) {
			got[at(v, "title")] = at(v, "id")
		}
		require.Len(t, got, 2)
		assert.Equal(t, small, got["M"], "it is the same variant, of another size")
		assert.NotEqual(t, small, got["S"])
	}
	assert.Len(t, s.Products()[1].Variants, 2)
}

func TestInventoryItems(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	item := s.Products()[0].Variants[0].InventoryItemID
	hooks := watch(t, s, "INVENTORY_ITEMS_UPDATE", "PRODUCTS_UPDATE")
	update := func(id string, in map[string]any) any {
		return at(data(t, s, `mutation($id: ID!, $in: InventoryItemInput!) { inventoryItemUpdate(id: $id, input: $in) { inventoryItem { sku tracked unitCost { amount } } userErrors { field message } } }`, map[string]any{"id": id, "in": in}), "inventoryItemUpdate")
	}
	assert.Equal(t, "id The product couldn't be updated because it does not exist.", refusal(update("gid://shopify/InventoryItem/1", map[string]any{})))
	assert.Equal(t, "input.cost Cost must be greater than or equal to 0", refusal(update(item, map[string]any{"cost": "-1"})))
	out := update(item, map[string]any{"cost": "4.5", "sku": "P-BLUE", "tracked": false})
	require.Empty(t, at(out, "userErrors"))
	assert.Equal(t, map[string]any{"sku": "P-BLUE", "tracked": false, "unitCost": map[string]any{"amount": "4.5"}}, at(out, "inventoryItem"))
	got := hooks()
	require.Equal(t, []string{"inventory_items/update", "products/update"}, topicsOf(got))
	assert.Equal(t, "4.50", got[0].body["cost"])

	activate := func(item, location string, available any) any {
		return at(data(t, s, `mutation($i: ID!, $l: ID!, $n: Int) { inventoryActivate(inventoryItemId: $i, locationId: $l, available: $n) @idempotent(key: "`+fmt.Sprint(item, location, available)+`") { inventoryLevel { id } userErrors { field message } } }`,
			map[string]any{"i": item, "l": location, "n": available}), "inventoryActivate")
	}
	place := s.Locations()[0].ID
	assert.NotNil(t, at(activate(item, place, nil), "inventoryLevel", "id"))
	assert.Contains(t, refusal(activate(item, place, 3)), "available Not allowed to set available quantity")
	assert.Contains(t, refusal(activate(item, "gid://shopify/Location/1", nil)), "locationId")
	assert.Contains(t, refusal(activate("gid://shopify/InventoryItem/1", place, nil)), "inventoryItemId")
}
