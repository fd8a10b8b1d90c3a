package shopifytest_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

const setMetafields = `mutation($m: [MetafieldsSetInput!]!) { metafieldsSet(metafields: $m) {
	metafields { id namespace key value type compareDigest jsonValue owner { ... on Order { name } } } userErrors { field message code } } }`

func TestMetafieldsSet(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	o := s.Orders()[0]
	set := func(m ...map[string]any) any {
		t.Helper()
		for _, f := range m {
			if f["ownerId"] == nil {
				f["ownerId"] = o.ID
			}
		}
		return at(data(t, s, setMetafields, map[string]any{"m": m}), "metafieldsSet")
	}
	out := set(
		map[string]any{"namespace": "$app", "key": "message", "type": "multi_line_text_field", "value": "Thank you,\nAda"},
		map[string]any{"namespace": "$app:pos", "key": "items", "type": "json", "value": `{"a":[1]}`},
		map[string]any{"key": "count", "type": "number_integer", "value": "3"},
	)
	require.Empty(t, at(out, "userErrors"))
	namespace := at(out, "metafields", 0, "namespace").(string)
	assert.Regexp(t, `^app--\d+$`, namespace, "$app is expanded")
	assert.Equal(t, namespace+"--pos", at(out, "metafields", 1, "namespace"))
	assert.Equal(t, namespace, at(out, "metafields", 2, "namespace"), "no namespace is the app's own")
	assert.Equal(t, map[string]any{"a": []any{1.0}}, at(out, "metafields", 1, "jsonValue"))
	assert.InDelta(t, 3, at(out, "metafields", 2, "jsonValue"), 0)
	assert.Equal(t, o.Name, at(out, "metafields", 0, "owner", "name"))
	assert.Len(t, s.Metafields(o.ID), 3)

	// Writing again changes the value in place; the type may be left out then.
	id := at(out, "metafields", 2, "id")
	out = set(map[string]any{"key": "count", "value": "4"})
	assert.Equal(t, id, at(out, "metafields", 0, "id"))
	assert.Equal(t, 2, s.Metafields(o.ID)[2].Writes)

	read := data(t, s, `query($id: ID!) { order(id: $id) {
		a: metafield(namespace: "$app", key: "count") { value } b: metafield(key: "count") { value } none: metafield(namespace: "other", key: "count") { value }
		own: metafields(first: 5, namespace: "$app") { nodes { key } } all: metafields(first: 5) { nodes { key } }
		keys: metafields(first: 5, keys: ["$app:pos.items"]) { nodes { key } } } }`, map[string]any{"id": o.ID})
	assert.Equal(t, "4", at(read, "order", "a", "value"))
	assert.Equal(t, "4", at(read, "order", "b", "value"))
	assert.Nil(t, at(read, "order", "none"))
	assert.Len(t, at(read, "order", "own", "nodes"), 2)
	assert.Len(t, at(read, "order", "all", "nodes"), 3)
	assert.Len(t, at(read, "order", "keys", "nodes"), 1)

	t.Run("compare and set", func(t *testing.T) {
		never := set(map[string]any{"key": "cas", "type": "boolean", "value": "true", "compareDigest": "of-something"})
		assert.Equal(t, "STALE_OBJECT", at(never, "userErrors", 0, "code"), "there is none yet")
		digest := at(set(map[string]any{"key": "cas", "type": "boolean", "value": "true", "compareDigest": nil}), "metafields", 0, "compareDigest")
		require.NotNil(t, digest, "null means: if there is none")
		out := set(map[string]any{"key": "cas", "value": "false", "compareDigest": nil})
		assert.Equal(t, "STALE_OBJECT", at(out, "userErrors", 0, "code"))
		out = set(map[string]any{"key": "cas", "value": "false", "compareDigest": digest})
		assert.Empty(t, at(out, "userErrors"))
		out = set(map[string]any{"key": "cas", "value": "true", "compareDigest": digest})
		assert.Equal(t, "STALE_OBJECT", at(out, "userErrors", 0, "code"))
	})
	t.Run("delete", func(t *testing.T) {
		out := data(t, s, `mutation($m: [MetafieldIdentifierInput!]!) { metafieldsDelete(metafields: $m) { deletedMetafields { key ownerId } userErrors { message } } }`,
			map[string]any{"m": []any{
				map[string]any{"ownerId": o.ID, "namespace": "$app", "key": "count"}, map[string]any{"ownerId": o.ID, "namespace": "$app", "key": "never"},
			}})
		assert.Equal(t, "count", at(out, "metafieldsDelete", "deletedMetafields", 0, "key"))
		assert.Nil(t, at(out, "metafieldsDelete", "deletedMetafields", 1))
	})
}

func TestMetafieldsSetIsAtomicAndStrict(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	o := s.Orders()[0].ID
	good := map[string]any{"ownerId": o, "namespace": "mine", "key": "note", "type": "single_line_text_field", "value": "fine"}
	with := func(changes ...string) map[string]any {
		m := map[string]any{}
		maps.Copy(m, good)
		for i := 0; i < len(changes); i += 2 {
			m[changes[i]] = changes[i+1]
		}
		return m
	}
	for name, c := range map[string]struct {
		bad   map[string]any
		code  string
		field string
	}{
		"no such owner":     {with("ownerId", "gid://shopify/Order/1"), "INVALID", "ownerId"},
		"owner cannot":      {with("ownerId", "gid://shopify/LineItem/9007300000000001"), "INVALID", "ownerId"},
		"blank":             {with("value", ""), "BLANK", "value"},
		"no type":           {with("type", "", "key", "other"), "BLANK", "type"},
		"unknown type":      {with("type", "poem"), "INCLUSION", "type"},
		"short key":         {with("key", "k"), "TOO_SHORT", "key"},
		"long key":          {with("key", strings.Repeat("k", 65)), "TOO_LONG", "key"},
		"odd key":           {with("key", "a b"), "INVALID", "key"},
		"short namespace":   {with("namespace", "ns"), "TOO_SHORT", "namespace"},
		"two lines":         {with("value", "a\nb"), "INVALID_VALUE", "value"},
		"not JSON":          {with("type", "json", "value", "{"), "INVALID_VALUE", "value"},
		"not an integer":    {with("type", "number_integer", "value", "1.5"), "INVALID_VALUE", "value"},
		"not a boolean":     {with("type", "boolean", "value", "yes"), "INVALID_VALUE", "value"},
		"not a date":        {with("type", "date", "value", "2026-02-30"), "INVALID_VALUE", "value"},
		"not a list":        {with("type", "list.single_line_text_field", "value", "a"), "INVALID_VALUE", "value"},
		"wrong in the list": {with("type", "list.number_integer", "value", `[1,"x"]`), "INVALID_VALUE", "value"},
		"not a reference":   {with("type", "product_reference", "value", "7"), "INVALID_VALUE", "value"},
	} {
		t.Run(name, func(t *testing.T) {
			out := at(data(t, s, setMetafields, map[string]any{"m": []any{good, c.bad}}), "metafieldsSet")
			assert.Equal(t, c.code, at(out, "userErrors", 0, "code"))
			assert.Equal(t, []any{"metafields", "1", c.field}, at(out, "userErrors", 0, "field"))
			assert.Nil(t, at(out, "metafields"))
		})
	}
	many := make([]any, 26)
	for i := range many {
		many[i] = with("key", "key"+string(rune('a'+i)))
	}
	out := at(data(t, s, setMetafields, map[string]any{"m": many}), "metafieldsSet")
	assert.Equal(t, "LESS_THAN_OR_EQUAL_TO", at(out, "userErrors", 0, "code"))
	assert.Empty(t, s.Metafields(o), "nothing was written")
}

func TestTags(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	o := s.Orders()[0]
	tags := func(mutation string, tags ...string) any {
		return at(data(t, s, `mutation($id: ID!, $tags: [String!]!) { `+mutation+`(id: $id, tags: $tags) { node { id ... on Order { tags } } userErrors { field message } } }`,
			map[string]any{"id": o.ID, "tags": tags}), mutation)
	}
	assert.Equal(t, []any{"b", "two words"}, at(tags("tagsAdd", "two words", "b"), "node", "tags"))
	assert.Equal(t, []any{"b", "c", "two words"}, at(tags("tagsAdd", " B ", "c"), "node", "tags"), "tags differ by more than case")
	assert.Equal(t, []any{"b"}, at(tags("tagsRemove", "TWO WORDS", "c", "x"), "node", "tags"))
	assert.NotEmpty(t, at(tags("tagsAdd", strings.Repeat("t", 256)), "userErrors"))
	got, _ := s.Order(o.ID)
	assert.Equal(t, []string{"b"}, got.Tags)
	o.ID = "gid://shopify/Order/1"
	assert.NotEmpty(t, at(tags("tagsAdd", "a"), "userErrors"))
}

func TestOrderUpdate(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	o := s.Orders()[0]
	update := func(in map[string]any) any {
		t.Helper()
		if in["id"] == nil {
			in["id"] = o.ID
		}
		return at(data(t, s, `mutation($in: OrderInput!) { orderUpdate(input: $in) { order { note email tags poNumber customAttributes { key value } shippingAddress { city } metafields(first: 3) { nodes { value } } } userErrors { field message } } }`,
			map[string]any{"in": in}), "orderUpdate")
	}
	out := update(map[string]any{
		"note": "hello", "tags": []string{"x"}, "customAttributes": []any{map[string]any{"key": "k", "value": "v"}}, "poNumber": "PO-1",
		"shippingAddress": map[string]any{"city": "Lyon"}, "metafields": []any{map[string]any{"namespace": "mine", "key": "mood", "type": "single_line_text_field", "value": "good"}},
	})
	require.Empty(t, at(out, "userErrors"))
	assert.Equal(t, "Lyon", at(out, "order", "shippingAddress", "city"))
	assert.Equal(t, "good", at(out, "order", "metafields", "nodes", 0, "value"))
	out = update(map[string]any{"email": "new@example.com"})
	assert.Equal(t, "hello", at(out, "order", "note"), "what is not sent stays")
	assert.Equal(t, []any{"x"}, at(out, "order", "tags"))
	out = update(map[string]any{"note": nil, "email": nil, "tags": nil})
	assert.Nil(t, at(out, "order", "note"), "null clears")
	assert.Nil(t, at(out, "order", "email"))
	assert.Empty(t, at(out, "order", "tags"))
	assert.Equal(t, "PO-1", at(out, "order", "poNumber"))

	assert.NotEmpty(t, at(update(map[string]any{"id": "gid://shopify/Order/1"}), "userErrors"))
	assert.NotEmpty(t, at(update(map[string]any{"email": "nonsense"}), "userErrors"))
	assert.NotEmpty(t, at(update(map[string]any{"note": strings.Repeat("n", 5001)}), "userErrors"))
}

// TestNotSimulated checks that nothing pretends to have been written.
func TestNotSimulated(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	o := s.Orders()[0].ID
	for name, c := range map[string]struct {
		query     string
		variables map[string]any
	}{
		"mutation": {`mutation($id: ID!) { orderInvoiceSend(id: $id) { order { id } userErrors { message } } }`, map[string]any{"id": o}},
		"input field": {
			`mutation($in: OrderInput!) { orderUpdate(input: $in) { order { id } userErrors { message } } }`,
			map[string]any{"in": map[string]any{"id": o, "note": "x", "localizedFields": []any{map[string]any{"key": "TAX_CREDENTIAL_BR", "value": "1"}}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			out := call(t, s, c.query, c.variables)
			assert.Equal(t, "NOT_SIMULATED", at(out, "errors", 0, "extensions", "code"))
			got, _ := s.Order(o)
			assert.Empty(t, got.Note)
		})
	}
}

// TestImprovise checks that made-up answers have the shape of a success and write nothing.
func TestImprovise(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny(), Improvise: true})
	o := s.Orders()[0].ID
	out := data(t, s, `mutation($id: ID!) { orderInvoiceSend(id: $id) { order { name } userErrors { message } } }`, map[string]any{"id": o})
	assert.NotEmpty(t, at(out, "orderInvoiceSend", "order", "name"))
	assert.Empty(t, at(out, "orderInvoiceSend", "userErrors"))
	before, ok := s.Order(o)
	require.True(t, ok)
	// What the shop carries out it does not improvise.
	data(t, s, `mutation($id: ID!) { tagsAdd(id: $id, tags: ["vip"]) { userErrors { message } } }`, map[string]any{"id": o})
	after, ok := s.Order(o)
	require.True(t, ok)
	assert.Contains(t, after.Tags, "vip")
	assert.NotContains(t, before.Tags, "vip")
}

func TestAllScopesAreTold(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	out := data(t, s, `{ currentAppInstallation { accessScopes { handle } } }`, nil)
	assert.Contains(t, at(out, "currentAppInstallation", "accessScopes"), map[string]any{"handle": "write_orders"})
}
