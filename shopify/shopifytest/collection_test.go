package shopifytest_test

import (
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

func TestCollections(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	pen := s.Products()[0].ID
	create := func(in map[string]any) any {
		return at(data(t, s, `mutation($in: CollectionInput!) { collectionCreate(input: $in) { collection { id handle sortOrder productsCount { count } } userErrors { field message } } }`, map[string]any{"in": in}), "collectionCreate")
	}
	rules := func(column, relation, condition string) map[string]any {
		return map[string]any{"appliedDisjunctively": false, "rules": []any{map[string]any{"column": column, "relation": relation, "condition": condition}}}
	}
	for name, tt := range map[string]struct {
		in   map[string]any
		want string
	}{
		"no title":   {map[string]any{"title": ""}, "title Title can't be blank"},
		"no product": {map[string]any{"title": "X", "products": []any{"gid://shopify/Product/1"}}, "products.0 Product does not exist"},
		"no rules":   {map[string]any{"title": "X", "ruleSet": map[string]any{"appliedDisjunctively": true, "rules": []any{}}}, "ruleSet.rules Rules can't be blank"},
		"empty rule": {map[string]any{"title": "X", "ruleSet": rules("TAG", "EQUALS", "")}, "ruleSet.rules.0.condition Condition can't be blank"},
	} {
		out := create(tt.in)
		assert.Equal(t, tt.want, refusal(out), name)
		assert.Nil(t, at(out, "collection"), name)
	}
	weight := call(t, s, `mutation($in: CollectionInput!) { collectionCreate(input: $in) { userErrors { message } } }`, map[string]any{"in": map[string]any{"title": "X", "ruleSet": rules("VARIANT_WEIGHT", "EQUALS", "1")}})
	assert.Equal(t, "NOT_SIMULATED", at(weight, "errors", 0, "extensions", "code"))

	hooks := watch(t, s, "COLLECTIONS_CREATE", "COLLECTIONS_UPDATE", "COLLECTIONS_DELETE")
	made := create(map[string]any{"title": "Desk things", "descriptionHtml": "<b>All</b> for the desk"})
	require.Empty(t, at(made, "userErrors"))
	id := at(made, "collection", "id").(string)
	assert.Equal(t, "desk-things", at(made, "collection", "handle"))
	assert.Equal(t, "handle Handle has already been taken", refusal(create(map[string]any{"title": "X", "handle": "desk-things"})))
	second := at(data(t, s, `mutation { collectionCreate(collection: {title: "Desk things"}) { collection { handle } userErrors { message } } }`, nil), "collectionCreate")
	assert.Equal(t, "desk-things-1", at(second, "collection", "handle"))

	add := func(mutation, payload, id string, products ...any) any {
		return at(data(t, s, "mutation($id: ID!, $p: [ID!]!) { "+mutation+"(id: $id, productIds: $p) { "+payload+" } }", map[string]any{"id": id, "p": products}), mutation)
	}
	const plainPayload, jobPayload = "collection { productsCount { count } } userErrors { field message }", "job { done } userErrors { field message }"
	assert.InDelta(t, 1, at(add("collectionAddProducts", plainPayload, id, pen), "collection", "productsCount", "count"), 0)
	assert.Equal(t, "productIds.0 Product is already in the collection", refusal(add("collectionAddProducts", plainPayload, id, pen)))
	assert.Equal(t, "id Collection does not exist", refusal(add("collectionAddProducts", plainPayload, "gid://shopify/Collection/1", pen)))
	assert.Equal(t, "id COLLECTION_DOES_NOT_EXIST", refusal(add("collectionAddProductsV2", "job { done } userErrors { field message code }", "gid://shopify/Collection/1", pen)))
	assert.Equal(t, true, at(add("collectionAddProductsV2", jobPayload, id, pen), "job", "done"), "it is there already")
	read := data(t, s, `query($id: ID!, $pen: ID!) { collection(id: $id) { title description products(first: 5) { nodes { id } } hasProduct(id: $pen) ruleSet { appliedDisjunctively } } collectionByIdentifier(identifier: {handle: "desk-things"}) { id }
		product(id: $pen) { collections(first: 5) { nodes { id } } inCollection(id: $id) } collections(first: 5, query: "title:desk", sortKey: TITLE) { nodes { handle } } collectionsCount { count } }`, map[string]any{"id": id, "pen": pen})
	assert.Equal(t, pen, at(read, "collection", "products", "nodes", 0, "id"))
	assert.Equal(t, true, at(read, "collection", "hasProduct"))
	assert.Nil(t, at(read, "collection", "ruleSet"))
	assert.Equal(t, id, at(read, "collectionByIdentifier", "id"))
	assert.Equal(t, id, at(read, "product", "collections", "nodes", 0, "id"))
	assert.Equal(t, true, at(read, "product", "inCollection"))
	assert.Len(t, at(read, "collections", "nodes"), 2)
	assert.InDelta(t, 2, at(read, "collectionsCount", "count"), 0)
	assert.Equal(t, true, at(add("collectionRemoveProducts", jobPayload, id, pen), "job", "done"))
	assert.Equal(t, false, at(data(t, s, `query($id: ID!, $pen: ID!) { collection(id: $id) { hasProduct(id: $pen) } }`, map[string]any{"id": id, "pen": pen}), "collection", "hasProduct"))

	update := func(in map[string]any) any {
		return at(data(t, s, `mutation($in: CollectionInput!) { collectionUpdate(input: $in) { collection { title sortOrder } userErrors { field message } } }`, map[string]any{"in": in}), "collectionUpdate")
	}
	assert.Equal(t, "id Collection does not exist", refusal(update(map[string]any{"id": "gid://shopify/Collection/1"})))
	assert.Equal(t, "title Title can't be blank", refusal(update(map[string]any{"id": id, "title": ""})))
	assert.Equal(t, "ALPHA_ASC", at(update(map[string]any{"id": id, "sortOrder": "ALPHA_ASC"}), "collection", "sortOrder"))
	drop := func() any {
		return at(data(t, s, `mutation($id: ID!) { collectionDelete(input: {id: $id}) { deletedCollectionId shop { id } userErrors { field message } } }`, map[string]any{"id": id}), "collectionDelete")
	}
	assert.Equal(t, id, at(drop(), "deletedCollectionId"))
	assert.Equal(t, "id Collection does not exist", refusal(drop()))
	got := hooks()
	assert.Equal(t, []string{"collections/create", "collections/create", "collections/update", "collections/update", "collections/update", "collections/delete"}, topicsOf(got))
	assert.Equal(t, "best-selling", got[0].body["sort_order"])
}

// A product that a call names twice is in the collection once.
func TestCollectionAddTwice(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	pen := s.Products()[0].ID
	made := data(t, s, `mutation($title: String!) { collectionCreate(collection: {title: $title}) { collection { id } userErrors { message } } }`, map[string]any{"title": strings.Repeat("é", 255)})
	require.Empty(t, at(made, "collectionCreate", "userErrors"), "characters, not bytes")
	id := at(made, "collectionCreate", "collection", "id")
	added := data(t, s, `mutation($id: ID!, $pen: ID!) { collectionAddProducts(id: $id, productIds: [$pen, $pen]) { collection { products(first: 5) { nodes { id } } } userErrors { message } } }`, map[string]any{"id": id, "pen": pen})
	require.Empty(t, at(added, "collectionAddProducts", "userErrors"))
	assert.Len(t, at(added, "collectionAddProducts", "collection", "products", "nodes"), 1)
	long := data(t, s, `mutation($title: String!) { collectionCreate(collection: {title: $title}) { userErrors { field message } } }`, map[string]any{"title": strings.Repeat("é", 256)})
	assert.Equal(t, "title Title is too long (maximum is 255 characters)", refusal(at(long, "collectionCreate")))
}

func TestCollectionByPrice(t *testing.T) {
	start := tiny()
	start.Orders = nil
	start.Products[0].Variants[0].Price = decimal.NewFromInt(30) // a pen is had from 10.05 on
	for title, price := range map[string]int64{"Case": 20, "Ink": 5} {
		p := start.Products[0]
		p.ID, p.Title, p.Options = 0, title, nil
		p.Variants = []shopifytest.VariantData{{SKU: title, Price: decimal.NewFromInt(price)}}
		start.Products = append(start.Products, p)
	}
	s := newShop(t, &shopifytest.Options{Data: start})
	var all []any
	for _, p := range s.Products() {
		all = append(all, p.ID)
	}
	titles := func(order, args string) (out []any) {
		made := data(t, s, `mutation($in: CollectionInput!) { collectionCreate(input: $in) { collection { products(first: 9`+args+`) { nodes { title } } } userErrors { message } } }`,
			map[string]any{"in": map[string]any{"title": "All", "sortOrder": order, "products": all}})
		for _, p := range at(made, "collectionCreate", "collection", "products", "nodes").([]any) {
			out = append(out, at(p, "title"))
		}
		return out
	}
	rising, falling := []any{"Ink", "Pen", "Case"}, []any{"Case", "Pen", "Ink"}
	assert.Equal(t, rising, titles("PRICE_ASC", ""))
	assert.Equal(t, falling, titles("PRICE_DESC", ""))
	assert.Equal(t, rising, titles("PRICE_DESC", ", sortKey: PRICE"))
	assert.Equal(t, falling, titles("ALPHA_DESC", ", sortKey: PRICE, reverse: true"))
}

func TestSmartCollections(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	data(t, s, `mutation { a: productCreate(product: {title: "Blue Ink", vendor: "Mill", tags: ["sale"]}) { userErrors { message } } b: productCreate(product: {title: "Red Ink", productType: "Ink"}) { userErrors { message } } }`, nil)
	for _, tt := range []struct {
		column, relation, condition string
		want                        int
	}{
		{"TAG", "EQUALS", "SALE", 1},
		{"TAG", "NOT_EQUALS", "sale", 2},
		{"TITLE", "ENDS_WITH", "ink", 2},
		{"TITLE", "STARTS_WITH", "blue", 1},
		{"TITLE", "NOT_CONTAINS", "ink", 1},
		{"TYPE", "EQUALS", "Ink", 1},
		{"VENDOR", "CONTAINS", "mil", 1},
		{"VARIANT_PRICE", "GREATER_THAN", "10.01", 1},
		{"VARIANT_PRICE", "LESS_THAN", "1", 2},
		{"VARIANT_INVENTORY", "EQUALS", "0", 3},
		{"VARIANT_TITLE", "EQUALS", "Blue", 1},
	} {
		out := at(data(t, s, `mutation($in: CollectionInput!) { collectionCreate(input: $in) { collection { id productsCount { count } ruleSet { rules { column relation condition } } } userErrors { field message } } }`, map[string]any{"in": map[string]any{
			"title": "Rule", "ruleSet": map[string]any{"appliedDisjunctively": true, "rules": []any{map[string]any{"column": tt.column, "relation": tt.relation, "condition": tt.condition}}},
		}}), "collectionCreate")
		require.Empty(t, at(out, "userErrors"))
		assert.InDelta(t, tt.want, at(out, "collection", "productsCount", "count"), 0, "%s %s %s", tt.column, tt.relation, tt.condition)
		add := data(t, s, `mutation($id: ID!, $p: [ID!]!) { collectionAddProductsV2(id: $id, productIds: $p) { userErrors { field code } } }`, map[string]any{"id": at(out, "collection", "id"), "p": []any{s.Products()[0].ID}})
		assert.Equal(t, "id CANT_ADD_TO_SMART_COLLECTION", refusal(at(add, "collectionAddProductsV2")))
	}
}
