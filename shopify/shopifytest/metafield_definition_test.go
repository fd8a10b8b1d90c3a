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
