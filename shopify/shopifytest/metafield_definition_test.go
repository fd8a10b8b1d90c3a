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
	defineField   = `mutation($in: MetafieldDefinitionInput!) { metafieldDefinitionCreate(definition: $in) { createdDefinition { id namespace pinnedPosition } userErrors { field message code elementIndex } } }`
	redefineField = `mutation($in: MetafieldDefinitionUpdateInput!) { metafieldDefinitionUpdate(definition: $in) { updatedDefinition { name description pinnedPosition validations { name value } } userErrors { field message code } } }`
	undefineField = `mutation($id: ID, $all: Boolean) { metafieldDefinitionDelete(id: $id, deleteAllAssociatedMetafields: $all) { deletedDefinitionId deletedDefinition { key namespace ownerType } userErrors { field message code } } }`
)

func TestMetafieldDefinitions(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	order := s.Orders()[0].ID
	hooks := watch(t, s, "METAFIELD_DEFINITIONS_CREATE", "METAFIELD_DEFINITIONS_UPDATE", "METAFIELD_DEFINITIONS_DELETE")
	in := func(change map[string]any) map[string]any {
		out := map[string]any{"ownerType": "ORDER", "namespace": "gift", "key": "message", "name": "Message", "type": "single_line_text_field", "validations": []any{rule("max", "5")}}
		maps.Copy(out, change)
		return map[string]any{"in": out}
	}
	create := func(change map[string]any) any {
		return at(data(t, s, defineField, in(change)), "metafieldDefinitionCreate")
	}
	set := func(owner, key, kind, value string) any {
		m := map[string]any{"ownerId": owner, "namespace": "gift", "key": key, "value": value}
		if kind != "" {
			m["type"] = kind
		}
		return at(data(t, s, setMetafields, map[string]any{"m": []any{m}}), "metafieldsSet")
	}
	require.Empty(t, at(set(order, "older", "number_integer", "1"), "userErrors"))
	for name, tt := range map[string]struct {
		change map[string]any
		want   string
	}{
		"no name":      {map[string]any{"name": ""}, "definition.name BLANK"},
		"short key":    {map[string]any{"key": "m"}, "definition.key TOO_SHORT"},
		"bad key":      {map[string]any{"key": "m m"}, "definition.key INVALID_CHARACTER"},
		"short space":  {map[string]any{"namespace": "g"}, "definition.namespace TOO_SHORT"},
		"reserved":     {map[string]any{"namespace": "shopify--x"}, "definition.namespace RESERVED_NAMESPACE_KEY"},
		"no such type": {map[string]any{"type": "text"}, "definition.type INCLUSION"},
		"long text":    {map[string]any{"description": strings.Repeat("x", 256)}, "definition.description TOO_LONG"},
		"bad rule":     {map[string]any{"validations": []any{rule("max", "5"), rule("min", "six")}}, "definition.validations INVALID_OPTION"},
		"other type":   {map[string]any{"key": "older"}, "definition.key UNSTRUCTURED_ALREADY_EXISTS"},
		"not unique":   {map[string]any{"type": "id", "validations": nil, "capabilities": map[string]any{"uniqueValues": map[string]any{"enabled": false}}}, "definition.capabilities.uniqueValues CAPABILITY_REQUIRED_BUT_DISABLED"},
	} {
		out := create(tt.change)
		assert.Equal(t, tt.want, refusal(out), name)
		assert.Nil(t, at(out, "createdDefinition"), name)
	}
	made := create(map[string]any{"pin": true})
	require.Empty(t, at(made, "userErrors"))
	id := at(made, "createdDefinition", "id").(string)
	assert.InDelta(t, 1, at(made, "createdDefinition", "pinnedPosition"), 0)
	assert.Equal(t, "definition.key TAKEN", refusal(create(nil)))

	// What is written is held against the definition.
	assert.Equal(t, "metafields.0.type INVALID_TYPE", refusal(set(order, "message", "number_integer", "1")))
	assert.Equal(t, "metafields.0.value INVALID_VALUE", refusal(set(order, "message", "", "too long")))
	require.Empty(t, at(set(order, "message", "", "short"), "userErrors"), "the type is the definition's")
	update := data(t, s, `mutation($in: OrderInput!) { orderUpdate(input: $in) { userErrors { field message } } }`, map[string]any{"in": map[string]any{
		"id": order, "metafields": []any{map[string]any{"namespace": "gift", "key": "message", "value": "too long"}},
	}})
	assert.Contains(t, refusal(at(update, "orderUpdate")), "metafields.0.value")

	redefine := func(change map[string]any) any {
		input := map[string]any{"ownerType": "ORDER", "namespace": "gift", "key": "message"}
		maps.Copy(input, change)
		return at(data(t, s, redefineField, map[string]any{"in": input}), "metafieldDefinitionUpdate")
	}
	assert.Equal(t, "definition NOT_FOUND", refusal(redefine(map[string]any{"key": "none"})))
	assert.Equal(t, "definition.validations INVALID_OPTION", refusal(redefine(map[string]any{"validations": []any{rule("max", "x")}})))
	out := redefine(map[string]any{"name": "Card", "description": "On the card", "pin": false, "validations": []any{rule("max", "4")}})
	require.Empty(t, at(out, "userErrors"))
	assert.Nil(t, at(out, "updatedDefinition", "pinnedPosition"))
	read := data(t, s, `query($id: ID!, $order: ID!) { metafieldDefinition(id: $id) { name description ownerType metafieldsCount validationStatus metafields(first: 5, validationStatus: INVALID) { nodes { value } } access { admin } capabilities { uniqueValues { enabled } } type { name } }
		by: metafieldDefinition(identifier: {ownerType: ORDER, namespace: "gift", key: "message"}) { id }
		all: metafieldDefinitions(first: 5, ownerType: ORDER, namespace: "gift") { nodes { key } } pinned: metafieldDefinitions(first: 5, ownerType: ORDER, pinnedStatus: PINNED) { nodes { key } } none: metafieldDefinitions(first: 5, ownerType: CUSTOMER) { nodes { key } }
		order(id: $order) { metafield(namespace: "gift", key: "message") { definition { id } } metafieldDefinitions(first: 5) { nodes { key } } } }`, map[string]any{"id": id, "order": order})
	assert.Equal(t, "SOME_INVALID", at(read, "metafieldDefinition", "validationStatus"), "what was written before has five letters")
	assert.Equal(t, "short", at(read, "metafieldDefinition", "metafields", "nodes", 0, "value"))
	assert.Equal(t, id, at(read, "by", "id"))
	assert.Len(t, at(read, "all", "nodes"), 1)
	assert.Empty(t, at(read, "pinned", "nodes"))
	assert.Empty(t, at(read, "none", "nodes"))
	assert.Equal(t, id, at(read, "order", "metafield", "definition", "id"))
	assert.Len(t, at(read, "order", "metafieldDefinitions", "nodes"), 1)

	undefine := func(id string, all bool) any {
		return at(data(t, s, undefineField, map[string]any{"id": id, "all": all}), "metafieldDefinitionDelete")
	}
	assert.Equal(t, "id NOT_FOUND", refusal(undefine("gid://shopify/MetafieldDefinition/1", true)))
	out = undefine(id, true)
	require.Empty(t, at(out, "userErrors"))
	assert.Equal(t, map[string]any{"key": "message", "namespace": "gift", "ownerType": "ORDER"}, at(out, "deletedDefinition"))
	assert.Len(t, s.Metafields(order), 1, "those under the definition are gone")
	got := hooks()
	assert.Equal(t, []string{"metafield_definitions/create", "metafield_definitions/update", "metafield_definitions/delete"}, topicsOf(got))
	assert.Equal(t, "order", got[0].body["owner_type"])

	reference := create(map[string]any{"key": "for", "type": "customer_reference", "validations": nil})
	require.Empty(t, at(reference, "userErrors"))
	assert.Equal(t, "REFERENCE_TYPE_DELETION_ERROR", refusal(undefine(at(reference, "createdDefinition", "id").(string), false)))
}

func TestUniqueMetafields(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	bob, err := s.AddCustomer(shopifytest.CustomerData{FirstName: "Bob"})
	require.NoError(t, err)
	made := at(data(t, s, defineField, map[string]any{"in": map[string]any{"ownerType": "CUSTOMER", "namespace": "crm", "key": "contact", "name": "Contact", "type": "id"}}), "metafieldDefinitionCreate")
	require.Empty(t, at(made, "userErrors"))
	set := func(owner, value string) any {
		return at(data(t, s, setMetafields, map[string]any{"m": []any{map[string]any{"ownerId": owner, "namespace": "crm", "key": "contact", "value": value}}}), "metafieldsSet")
	}
	ada := s.Customers()[0].ID
	require.Empty(t, at(set(ada, "0031"), "userErrors"))
	require.Empty(t, at(set(ada, "0031"), "userErrors"), "its own")
	assert.Equal(t, "metafields.0.value TAKEN", refusal(set(bob.ID, "0031")))
	require.Empty(t, at(set(bob.ID, "0032"), "userErrors"))
	assert.Equal(t, "ID_TYPE_DELETION_ERROR", refusal(at(data(t, s, undefineField, map[string]any{"id": at(made, "createdDefinition", "id")}), "metafieldDefinitionDelete")))
}

// TestOwnUniqueMetafields writes again what is there: a thing may keep its own value, and another of the same call
// may not have it. What has a definition needs no type.
func TestOwnUniqueMetafields(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	for _, owner := range []string{"PRODUCTVARIANT", "DRAFTORDER", "CUSTOMER"} {
		in := map[string]any{"ownerType": owner, "namespace": "crm", "key": "contact", "name": "Contact", "type": "id"}
		require.Empty(t, at(data(t, s, defineField, map[string]any{"in": in}), "metafieldDefinitionCreate", "userErrors"))
	}
	field := func(value string) map[string]any {
		return map[string]any{"metafields": []any{map[string]any{"namespace": "crm", "key": "contact", "value": value}, map[string]any{"namespace": "crm", "key": "free", "value": "x"}}}
	}
	typed := func(value string) map[string]any {
		out := field(value)
		out["metafields"].([]any)[1].(map[string]any)["type"] = "single_line_text_field"
		return out
	}
	with := func(in map[string]any, more map[string]any) map[string]any {
		out := maps.Clone(in)
		maps.Copy(out, more)
		return out
	}
	t.Run("draft order", func(t *testing.T) {
		lines := map[string]any{"lineItems": []any{map[string]any{"variantId": s.Products()[0].Variants[0].ID, "quantity": 1}}}
		made := at(data(t, s, `mutation($in: DraftOrderInput!) { draftOrderCreate(input: $in) { draftOrder { id } userErrors { field message } } }`, map[string]any{"in": with(lines, typed("1"))}), "draftOrderCreate")
		require.Empty(t, at(made, "userErrors"))
		for _, value := range []string{"1", "2"} {
			out := data(t, s, `mutation($id: ID!, $in: DraftOrderInput!) { draftOrderUpdate(id: $id, input: $in) { userErrors { field message } } }`, map[string]any{"id": at(made, "draftOrder", "id"), "in": field(value)})
			assert.Empty(t, at(out, "draftOrderUpdate", "userErrors"))
		}
	})
	t.Run("variants", func(t *testing.T) {
		set := func(more ...map[string]any) any {
			sizes, inputs := []string{"S", "M"}, []any{}
			for i, m := range more {
				inputs = append(inputs, variantIn(m, "Size="+sizes[i]))
			}
			return at(data(t, s, setProduct, map[string]any{"by": map[string]any{"handle": "tee"}, "in": map[string]any{"title": "Tee", "productOptions": []any{option("Size", sizes...)}, "variants": inputs}}), "productSet")
		}
		assert.Equal(t, "input.variants.1.metafields.0.value INVALID_METAFIELD", refusal(set(typed("1"), typed("1"))), "two of one call")
		require.Empty(t, at(set(typed("1"), typed("2")), "userErrors"))
		out := set(field("1"), field("2"))
		require.Empty(t, at(out, "userErrors"))
		named := []map[string]any{}
		for i, value := range []string{"1", "2"} {
			named = append(named, with(field(value), map[string]any{"id": at(out, "product", "variants", "nodes", i, "id")}))
		}
		require.Empty(t, at(set(named...), "userErrors"))

		// Each of two mistakes has its own path.
		bad := map[string]any{"metafields": []any{map[string]any{"namespace": "crm", "key": "a", "value": "x"}, map[string]any{"namespace": "crm", "key": "b", "value": "x"}}}
		out = set(bad)
		assert.Equal(t, []any{"input", "variants", "0", "metafields", "0", "key"}, at(out, "userErrors", 0, "field"))
		assert.Equal(t, []any{"input", "variants", "0", "metafields", "1", "key"}, at(out, "userErrors", 1, "field"))

		// Where some may be refused, the value of one that is refused is free.
		id := s.Products()[1].ID
		update := func(v ...any) any {
			return at(data(t, s, updateVariants, map[string]any{"id": id, "v": v, "p": true}), "productVariantsBulkUpdate")
		}
		first, second := named[0]["id"], named[1]["id"]
		out = update(with(field("9"), map[string]any{"id": first, "price": "-1"}), with(field("9"), map[string]any{"id": second}))
		assert.Len(t, at(out, "userErrors"), 1)
		assert.Len(t, at(out, "productVariants"), 1)
		out = update(with(field("8"), map[string]any{"id": first}), with(field("8"), map[string]any{"id": second}))
		assert.Equal(t, "variants.1.metafields.0.value INVALID_INPUT", refusal(out))
	})
	t.Run("metafieldsSet", func(t *testing.T) {
		bob, err := s.AddCustomer(shopifytest.CustomerData{FirstName: "Bob"})
		require.NoError(t, err)
		in := func(owner string) map[string]any {
			return map[string]any{"ownerId": owner, "namespace": "crm", "key": "contact", "value": "0031"}
		}
		ada := s.Customers()[0].ID
		set := func(m ...any) any { return at(data(t, s, setMetafields, map[string]any{"m": m}), "metafieldsSet") }
		assert.Equal(t, "metafields.1.value TAKEN", refusal(set(in(ada), in(bob.ID))))
		assert.Empty(t, s.Metafields(ada), "nothing of it was written")
		assert.Empty(t, at(set(in(ada), in(ada)), "userErrors"), "one may say the same twice")
	})
}

// TestProductSetFreesValues hands values of which there may be one alone from variant to variant within one call.
func TestProductSetFreesValues(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	in := map[string]any{"ownerType": "PRODUCTVARIANT", "namespace": "crm", "key": "contact", "name": "Contact", "type": "id"}
	require.Empty(t, at(data(t, s, defineField, map[string]any{"in": in}), "metafieldDefinitionCreate", "userErrors"))
	type variant struct{ size, value string }
	set := func(handle string, variants ...variant) any {
		sizes, inputs := []string{}, []any{}
		for _, v := range variants {
			more := map[string]any{}
			if v.value != "" {
				more["metafields"] = []any{map[string]any{"namespace": "crm", "key": "contact", "value": v.value}}
			}
			sizes, inputs = append(sizes, v.size), append(inputs, variantIn(more, "Size="+v.size))
		}
		return at(data(t, s, setProduct, map[string]any{"by": map[string]any{"handle": handle}, "in": map[string]any{"title": handle, "productOptions": []any{option("Size", sizes...)}, "variants": inputs}}), "productSet")
	}
	values := func() (out []string) {
		for _, v := range s.Products()[1].Variants {
			value := ""
			for _, m := range s.Metafields(v.ID) {
				value = m.Value
			}
			out = append(out, v.Title+value)
		}
		return out
	}
	require.Empty(t, at(set("tee", variant{"S", "1"}, variant{"M", "2"}), "userErrors"))
	require.Empty(t, at(set("tee", variant{"S", "2"}, variant{"M", "1"}), "userErrors"), "each gets the other's")
	assert.Equal(t, []string{"S2", "M1"}, values())
	require.Empty(t, at(set("tee", variant{"L", "1"}, variant{"S", ""}), "userErrors"), "M goes")
	assert.Equal(t, []string{"L1", "S2"}, values())
	const refused = "input.variants.0.metafields.0.value INVALID_METAFIELD"
	assert.Equal(t, refused, refusal(set("tee", variant{"M", "2"}, variant{"S", ""})), "S stays and keeps it")
	assert.Equal(t, refused, refusal(set("tee", variant{"M", "2"}, variant{"S", "2"})), "it is even given to S anew")
	assert.Equal(t, refused, refusal(set("shirt", variant{"M", "2"})), "of another product")
	assert.Equal(t, []string{"L1", "S2"}, values())
}

// TestDefinitionsRefuseWhatTheyDoNotKeep sends what the shop has no notion of.
func TestDefinitionsRefuseWhatTheyDoNotKeep(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	made := at(data(t, s, defineField, map[string]any{"in": map[string]any{"ownerType": "PRODUCT", "namespace": "care", "key": "wash", "name": "Wash", "type": "boolean"}}), "metafieldDefinitionCreate")
	require.Empty(t, at(made, "userErrors"))
	update := func(more string) any {
		return at(data(t, s, `mutation { metafieldDefinitionUpdate(definition: {ownerType: PRODUCT, namespace: "care", key: "wash"`+more+`}) { updatedDefinition { useAsCollectionCondition capabilities { smartCollectionCondition { enabled } } } userErrors { field code } } }`, nil), "metafieldDefinitionUpdate", "updatedDefinition")
	}
	for _, tt := range []struct {
		more string
		want bool
	}{{"", false}, {", useAsCollectionCondition: true", true}, {`, name: "Washing"`, true}, {", capabilities: {smartCollectionCondition: {enabled: false}}", false}} {
		got := update(tt.more)
		assert.Equal(t, tt.want, at(got, "useAsCollectionCondition"), tt.more)
		assert.Equal(t, tt.want, at(got, "capabilities", "smartCollectionCondition", "enabled"), tt.more)
	}
	list := func(more string) map[string]any {
		return call(t, s, "{ metafieldDefinitions(first: 5, ownerType: PRODUCT, "+more+") { nodes { key } } }", nil)
	}
	assert.Empty(t, at(list("constraintStatus: CONSTRAINED_ONLY"), "data", "metafieldDefinitions", "nodes"))
	assert.Len(t, at(list("constraintStatus: UNCONSTRAINED_ONLY"), "data", "metafieldDefinitions", "nodes"), 1)
	assert.Equal(t, "NOT_SIMULATED", at(list(`constraintSubtype: {key: "category", value: "1"}`), "errors", 0, "extensions", "code"))

	id := define(t, s, chart())
	for _, op := range []string{"update", "create"} {
		in := map[string]any{"key": "waist", "capabilities": map[string]any{"adminFilterable": map[string]any{"enabled": true}}}
		if op == "create" {
			in["key"], in["type"] = "hips", "boolean"
		}
		out := call(t, s, redefineObject, map[string]any{"id": id, "in": map[string]any{"fieldDefinitions": []any{map[string]any{op: in}}}})
		assert.Equal(t, "NOT_SIMULATED", at(out, "errors", 0, "extensions", "code"), op)
	}
}

func TestPinnedDefinitions(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	ids := []string{}
	for i := range 21 {
		in := map[string]any{"ownerType": "PRODUCT", "namespace": "pins", "key": fmt.Sprintf("key%02d", i), "name": "Pin", "type": "boolean"}
		ids = append(ids, at(data(t, s, defineField, map[string]any{"in": in}), "metafieldDefinitionCreate", "createdDefinition", "id").(string))
	}
	pin := func(field, payload, id string) any {
		return at(data(t, s, "mutation($id: ID!) { "+field+"(definitionId: $id) { "+payload+" { pinnedPosition } userErrors { field message code } } }", map[string]any{"id": id}), field)
	}
	for i, id := range ids[:20] {
		assert.InDelta(t, i+1, at(pin("metafieldDefinitionPin", "pinnedDefinition", id), "pinnedDefinition", "pinnedPosition"), 0)
	}
	assert.Equal(t, "definitionId PINNED_LIMIT_REACHED", refusal(pin("metafieldDefinitionPin", "pinnedDefinition", ids[20])))
	assert.Equal(t, "definitionId ALREADY_PINNED", refusal(pin("metafieldDefinitionPin", "pinnedDefinition", ids[0])))
	require.Empty(t, at(pin("metafieldDefinitionUnpin", "unpinnedDefinition", ids[0]), "userErrors"))
	assert.Equal(t, "definitionId NOT_PINNED", refusal(pin("metafieldDefinitionUnpin", "unpinnedDefinition", ids[0])))
	assert.Equal(t, "definitionId NOT_FOUND", refusal(pin("metafieldDefinitionUnpin", "unpinnedDefinition", "gid://shopify/MetafieldDefinition/1")))
	first := data(t, s, `{ metafieldDefinitions(first: 1, ownerType: PRODUCT, sortKey: PINNED_POSITION) { nodes { key pinnedPosition } } }`, nil)
	assert.Equal(t, map[string]any{"key": "key19", "pinnedPosition": 19.0}, at(first, "metafieldDefinitions", "nodes", 0))
}
