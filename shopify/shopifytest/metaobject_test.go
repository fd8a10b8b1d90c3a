package shopifytest_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

const (
	metaobject     = `metaobject { id type handle displayName fields { key type value jsonValue } capabilities { publishable { status } } } userErrors { field message code elementKey elementIndex }`
	defineObject   = `mutation($in: MetaobjectDefinitionCreateInput!) { metaobjectDefinitionCreate(definition: $in) { metaobjectDefinition { id type name displayNameKey fieldDefinitions { key name required type { name category } validations { name value } } } userErrors { field message code elementKey elementIndex } } }`
	redefineObject = `mutation($id: ID!, $in: MetaobjectDefinitionUpdateInput!) { metaobjectDefinitionUpdate(id: $id, definition: $in) { metaobjectDefinition { name displayNameKey fieldDefinitions { key required } } userErrors { field message code elementKey } } }`
	createObject   = `mutation($in: MetaobjectCreateInput!) { metaobjectCreate(metaobject: $in) { ` + metaobject + ` } }`
	updateObject   = `mutation($id: ID!, $in: MetaobjectUpdateInput!) { metaobjectUpdate(id: $id, metaobject: $in) { ` + metaobject + ` } }`
	upsertObject   = `mutation($at: MetaobjectHandleInput!, $in: MetaobjectUpsertInput!) { metaobjectUpsert(handle: $at, metaobject: $in) { ` + metaobject + ` } }`
)

func entry(key, value string) map[string]any { return map[string]any{"key": key, "value": value} }

func rule(name, value string) map[string]any { return map[string]any{"name": name, "value": value} }

// chart is a definition with a field of each sort.
func chart(more ...any) map[string]any {
	return map[string]any{
		"type": "size_chart", "name": "Size chart", "displayNameKey": "title", "capabilities": map[string]any{"publishable": map[string]any{"enabled": true}},
		"fieldDefinitions": append([]any{
			map[string]any{"key": "title", "type": "single_line_text_field", "required": true, "validations": []any{rule("max", "20"), rule("regex", "^[A-Z]")}},
			map[string]any{"key": "waist", "type": "number_integer", "validations": []any{rule("min", "50"), rule("max", "150")}},
			map[string]any{"key": "fit", "type": "single_line_text_field", "validations": []any{rule("choices", `["slim","wide"]`)}},
			map[string]any{"key": "weight", "type": "number_decimal", "validations": []any{rule("max_precision", "1")}},
			map[string]any{"key": "since", "type": "date", "validations": []any{rule("min", "2020-01-01")}},
			map[string]any{"key": "link", "type": "url", "validations": []any{rule("allowed_domains", `["example.com"]`)}},
			map[string]any{"key": "product", "type": "product_reference"},
			map[string]any{"key": "others", "type": "list.product_reference", "validations": []any{rule("list.max", "1")}},
			map[string]any{"key": "washable", "type": "boolean"},
			map[string]any{"key": "tint", "type": "color"},
			map[string]any{"key": "data", "type": "json"},
		}, more...),
	}
}

func define(t *testing.T, s *shopifytest.Shop, in map[string]any) string {
	t.Helper()
	out := at(data(t, s, defineObject, map[string]any{"in": in}), "metaobjectDefinitionCreate")
	require.Empty(t, at(out, "userErrors"))
	return at(out, "metaobjectDefinition", "id").(string)
}

func TestMetaobjectDefinitions(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	with := func(change map[string]any) map[string]any {
		in := chart()
		maps.Copy(in, change)
		return in
	}
	fields := func(f ...any) map[string]any {
		return with(map[string]any{"displayNameKey": nil, "fieldDefinitions": f})
	}
	many := []any{}
	for i := range 41 {
		many = append(many, map[string]any{"key": "f" + strings.Repeat("x", i+1), "type": "boolean"})
	}
	for name, tt := range map[string]struct {
		in   map[string]any
		want string
	}{
		"no type":        {with(map[string]any{"type": ""}), "definition.type BLANK"},
		"short type":     {with(map[string]any{"type": "ab"}), "definition.type TOO_SHORT"},
		"bad type":       {with(map[string]any{"type": "size chart"}), "definition.type INVALID"},
		"reserved":       {with(map[string]any{"type": "shopify--color"}), "definition.type RESERVED_NAME"},
		"no name":        {with(map[string]any{"name": ""}), "definition.name BLANK"},
		"display name":   {with(map[string]any{"displayNameKey": "none"}), "definition.displayNameKey UNDEFINED_OBJECT_FIELD"},
		"short key":      {fields(map[string]any{"key": "a", "type": "boolean"}), "definition.fieldDefinitions.0.key TOO_SHORT"},
		"bad key":        {fields(map[string]any{"key": "a b", "type": "boolean"}), "definition.fieldDefinitions.0.key INVALID"},
		"no such type":   {fields(map[string]any{"key": "ab", "type": "text"}), "definition.fieldDefinitions.0.type INCLUSION"},
		"twice":          {fields(map[string]any{"key": "ab", "type": "boolean"}, map[string]any{"key": "ab", "type": "boolean"}), "definition.fieldDefinitions.1 OBJECT_FIELD_TAKEN"},
		"too many":       {fields(many...), "definition.fieldDefinitions.40 INPUT_LIMIT_EXCEEDED"},
		"no such rule":   {fields(map[string]any{"key": "ab", "type": "boolean", "validations": []any{rule("max", "1")}}), "definition.fieldDefinitions.0.validations INVALID_OPTION"},
		"bad rule":       {fields(map[string]any{"key": "ab", "type": "number_integer", "validations": []any{rule("max", "x")}}), "definition.fieldDefinitions.0.validations INVALID_OPTION"},
		"bad pattern":    {fields(map[string]any{"key": "ab", "type": "single_line_text_field", "validations": []any{rule("regex", "(")}}), "definition.fieldDefinitions.0.validations INVALID_OPTION"},
		"crossed":        {fields(map[string]any{"key": "ab", "type": "date", "validations": []any{rule("min", "2026-01-02"), rule("max", "2026-01-01")}}), "definition.fieldDefinitions.0.validations INVALID_OPTION"},
		"reference only": {fields(map[string]any{"key": "ab", "type": "metaobject_reference"}), "definition.fieldDefinitions.0.validations INVALID_OPTION"},
		"to nothing":     {fields(map[string]any{"key": "ab", "type": "metaobject_reference", "validations": []any{rule("metaobject_definition_id", "gid://shopify/MetaobjectDefinition/1")}}), "definition.fieldDefinitions.0.validations INVALID_OPTION"},
	} {
		out := at(data(t, s, defineObject, map[string]any{"in": tt.in}), "metaobjectDefinitionCreate")
		assert.Equal(t, tt.want, refusal(out), name)
		assert.Nil(t, at(out, "metaobjectDefinition"), name)
	}
	id := define(t, s, chart())
	taken := at(data(t, s, defineObject, map[string]any{"in": chart()}), "metaobjectDefinitionCreate")
	assert.Equal(t, "definition.type TAKEN", refusal(taken))
	own := define(t, s, with(map[string]any{"type": "$app:chart"}))
	read := data(t, s, `query($id: ID!) { metaobjectDefinition(id: $id) { type access { admin storefront } metaobjectsCount }
		metaobjectDefinitionByType(type: "size_chart") { id capabilities { publishable { enabled } } fieldDefinitions { key type { name category } validations { name type value } } } metaobjectDefinitions(first: 5) { nodes { type } } }`, map[string]any{"id": own})
	assert.Regexp(t, `^app--\d+--chart$`, at(read, "metaobjectDefinition", "type"))
	assert.Equal(t, id, at(read, "metaobjectDefinitionByType", "id"))
	assert.Equal(t, "NUMBER", at(read, "metaobjectDefinitionByType", "fieldDefinitions", 1, "type", "category"))
	assert.Equal(t, map[string]any{"name": "min", "type": "number_integer", "value": "50"}, at(read, "metaobjectDefinitionByType", "fieldDefinitions", 1, "validations", 0))
	assert.Len(t, at(read, "metaobjectDefinitions", "nodes"), 2)

	redefine := func(id string, in map[string]any) any {
		return at(data(t, s, redefineObject, map[string]any{"id": id, "in": in}), "metaobjectDefinitionUpdate")
	}
	op := func(name string, in map[string]any) map[string]any {
		return map[string]any{"fieldDefinitions": []any{map[string]any{name: in}}}
	}
	assert.Equal(t, "id RECORD_NOT_FOUND", refusal(redefine("gid://shopify/MetaobjectDefinition/1", map[string]any{"name": "x"})))
	assert.Equal(t, "definition.fieldDefinitions.0.update UNDEFINED_OBJECT_FIELD", refusal(redefine(id, op("update", map[string]any{"key": "none"}))))
	assert.Equal(t, "definition.fieldDefinitions.0.create OBJECT_FIELD_TAKEN", refusal(redefine(id, op("create", map[string]any{"key": "fit", "type": "boolean"}))))
	out := redefine(id, map[string]any{"name": "Sizes", "resetFieldOrder": true, "fieldDefinitions": []any{
		map[string]any{"update": map[string]any{"key": "waist", "required": true}},
		map[string]any{"delete": map[string]any{"key": "title"}},
		map[string]any{"create": map[string]any{"key": "hips", "type": "number_integer"}},
	}})
	require.Empty(t, at(out, "userErrors"))
	assert.Equal(t, "waist", at(out, "metaobjectDefinition", "fieldDefinitions", 0, "key"))
	assert.Equal(t, true, at(out, "metaobjectDefinition", "fieldDefinitions", 0, "required"))
	assert.Equal(t, "hips", at(out, "metaobjectDefinition", "fieldDefinitions", 1, "key"))
	assert.Nil(t, at(out, "metaobjectDefinition", "displayNameKey"), "its field is gone")
}

func TestMetaobjects(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	pen := s.Products()[0].ID
	definition := define(t, s, chart())
	hooks := watch(t, s, "METAOBJECTS_CREATE", "METAOBJECTS_UPDATE", "METAOBJECTS_DELETE")
	create := func(in map[string]any) any {
		return at(data(t, s, createObject, map[string]any{"in": in}), "metaobjectCreate")
	}
	of := func(f ...any) map[string]any { return map[string]any{"type": "size_chart", "fields": f} }
	good := entry("title", "Jackets")
	for name, tt := range map[string]struct {
		in        map[string]any
		want, key string
	}{
		"no such type":    {map[string]any{"type": "none"}, "metaobject.type UNDEFINED_OBJECT_TYPE", ""},
		"no such field":   {of(good, entry("none", "x")), "metaobject.fields.1 UNDEFINED_OBJECT_FIELD", "none"},
		"twice":           {of(good, good), "metaobject.fields.1 DUPLICATE_FIELD_INPUT", "title"},
		"required":        {of(entry("waist", "60")), "metaobject OBJECT_FIELD_REQUIRED", "title"},
		"emptied":         {of(entry("title", "")), "metaobject OBJECT_FIELD_REQUIRED", "title"},
		"too long":        {of(entry("title", strings.Repeat("A", 21))), "metaobject.fields.0 INVALID_VALUE", "title"},
		"pattern":         {of(entry("title", "jackets")), "metaobject.fields.0 INVALID_VALUE", "title"},
		"no number":       {of(good, entry("waist", "wide")), "metaobject.fields.1 INVALID_VALUE", "waist"},
		"too little":      {of(good, entry("waist", "49")), "metaobject.fields.1 INVALID_VALUE", "waist"},
		"too much":        {of(good, entry("waist", "151")), "metaobject.fields.1 INVALID_VALUE", "waist"},
		"no choice":       {of(good, entry("fit", "tight")), "metaobject.fields.1 INVALID_VALUE", "fit"},
		"too precise":     {of(good, entry("weight", "1.25")), "metaobject.fields.1 INVALID_VALUE", "weight"},
		"too early":       {of(good, entry("since", "2019-12-31")), "metaobject.fields.1 INVALID_VALUE", "since"},
		"no date":         {of(good, entry("since", "yesterday")), "metaobject.fields.1 INVALID_VALUE", "since"},
		"another domain":  {of(good, entry("link", "https://example.org/")), "metaobject.fields.1 INVALID_VALUE", "link"},
		"no product":      {of(good, entry("product", "gid://shopify/Product/1")), "metaobject.fields.1 INVALID_VALUE", "product"},
		"a customer":      {of(good, entry("product", s.Customers()[0].ID)), "metaobject.fields.1 INVALID_VALUE", "product"},
		"too many":        {of(good, entry("others", `["`+pen+`","`+pen+`"]`)), "metaobject.fields.1 INVALID_VALUE", "others"},
		"no list":         {of(good, entry("others", pen)), "metaobject.fields.1 INVALID_VALUE", "others"},
		"neither":         {of(good, entry("washable", "perhaps")), "metaobject.fields.1 INVALID_VALUE", "washable"},
		"no color":        {of(good, entry("tint", "red")), "metaobject.fields.1 INVALID_VALUE", "tint"},
		"no JSON":         {of(good, entry("data", "{")), "metaobject.fields.1 INVALID_VALUE", "data"},
		"no handle":       {map[string]any{"type": "size_chart", "handle": "!", "fields": []any{good}}, "metaobject.handle BLANK", ""},
		"values of fault": {map[string]any{"type": "size_chart", "values": map[string]any{"title": "Jackets", "waist": 10}}, "metaobject.values.waist INVALID_VALUE", "waist"},
	} {
		out := create(tt.in)
		assert.Equal(t, tt.want, refusal(out), name)
		if tt.key != "" {
			assert.Equal(t, tt.key, at(out, "userErrors", 0, "elementKey"), name)
		}
		assert.Nil(t, at(out, "metaobject"), name)
	}
	assert.Empty(t, hooks())

	out := create(of(good, entry("waist", "60"), entry("product", pen), entry("others", `["`+pen+`"]`), entry("data", `{"a":1}`)))
	require.Empty(t, at(out, "userErrors"))
	id := at(out, "metaobject", "id").(string)
	assert.Equal(t, "jackets", at(out, "metaobject", "handle"))
	assert.Equal(t, "Jackets", at(out, "metaobject", "displayName"))
	assert.Equal(t, "DRAFT", at(out, "metaobject", "capabilities", "publishable", "status"))
	assert.Len(t, at(out, "metaobject", "fields"), 11, "what has no value is there too")
	second := create(map[string]any{"type": "size_chart", "values": map[string]any{"title": "Jackets", "waist": 70, "data": map[string]any{"b": 2}}})
	assert.Equal(t, "jackets-1", at(second, "metaobject", "handle"), "handles are unique")
	assert.Equal(t, "metaobject.handle TAKEN", refusal(create(map[string]any{"type": "size_chart", "handle": "Jackets", "fields": []any{good}})))

	read := data(t, s, `query($id: ID!, $pen: ID!) { metaobject(id: $id) { definition { id } values field(key: "product") { value reference { ... on Product { id } } definition { name required } } none: field(key: "none") { key }
		others: field(key: "others") { references(first: 5) { nodes { ... on Product { id } } } } data: field(key: "data") { jsonValue } referencedBy(first: 5) { nodes { key } } }
		metaobjectByHandle(handle: {type: "size_chart", handle: "jackets"}) { id } product(id: $pen) { id } node(id: $id) { ... on Metaobject { handle } }
		all: metaobjects(type: "size_chart", first: 5, sortKey: "display_name") { nodes { handle } } none: metaobjects(type: "none", first: 5) { nodes { handle } }
		found: metaobjects(type: "size_chart", first: 5, query: "fields.waist:70") { nodes { handle } } }`, map[string]any{"id": id, "pen": pen})
	assert.Equal(t, definition, at(read, "metaobject", "definition", "id"))
	assert.Equal(t, pen, at(read, "metaobject", "field", "reference", "id"))
	assert.Equal(t, pen, at(read, "metaobject", "others", "references", "nodes", 0, "id"))
	assert.Equal(t, map[string]any{"a": 1.0}, at(read, "metaobject", "data", "jsonValue"))
	assert.InDelta(t, 60, at(read, "metaobject", "values", "waist"), 0)
	assert.Nil(t, at(read, "metaobject", "none"))
	assert.Equal(t, id, at(read, "metaobjectByHandle", "id"))
	assert.Equal(t, "jackets", at(read, "node", "handle"))
	assert.Len(t, at(read, "all", "nodes"), 2)
	assert.Empty(t, at(read, "none", "nodes"))
	assert.Equal(t, "jackets-1", at(read, "found", "nodes", 0, "handle"))

	update := func(id string, in map[string]any) any {
		return at(data(t, s, updateObject, map[string]any{"id": id, "in": in}), "metaobjectUpdate")
	}
	assert.Equal(t, "id RECORD_NOT_FOUND", refusal(update("gid://shopify/Metaobject/1", map[string]any{})))
	assert.Equal(t, "metaobject OBJECT_FIELD_REQUIRED", refusal(update(id, map[string]any{"fields": []any{entry("title", "")}})))
	out = update(id, map[string]any{"handle": "coats", "fields": []any{entry("waist", "")}, "capabilities": map[string]any{"publishable": map[string]any{"status": "ACTIVE"}}})
	require.Empty(t, at(out, "userErrors"))
	assert.Equal(t, "coats", at(out, "metaobject", "handle"))
	assert.Nil(t, at(out, "metaobject", "fields", 1, "value"))
	assert.Equal(t, "Jackets", at(out, "metaobject", "fields", 0, "value"), "what was not named stays")

	upsert := func(handle string, f ...any) any {
		return at(data(t, s, upsertObject, map[string]any{"at": map[string]any{"type": "size_chart", "handle": handle}, "in": map[string]any{"fields": f}}), "metaobjectUpsert")
	}
	assert.Equal(t, id, at(upsert("coats", entry("title", "Jackets")), "metaobject", "id"), "nothing changed")
	made := upsert("trousers", entry("title", "Trousers"))
	require.Empty(t, at(made, "userErrors"))
	assert.Equal(t, at(made, "metaobject", "id"), at(upsert("Trousers", entry("title", "Trousers")), "metaobject", "id"), "a handle is written in one way")
	assert.Equal(t, "metaobject OBJECT_FIELD_REQUIRED", refusal(upsert("skirts")))
	assert.Equal(t, "handle.type UNDEFINED_OBJECT_TYPE", refusal(at(data(t, s, upsertObject, map[string]any{"at": map[string]any{"type": "none", "handle": "x"}, "in": map[string]any{}}), "metaobjectUpsert")))

	drop := func(id string) any {
		return at(data(t, s, `mutation($id: ID!) { metaobjectDelete(id: $id) { deletedId userErrors { field message code } } }`, map[string]any{"id": id}), "metaobjectDelete")
	}
	assert.Equal(t, id, at(drop(id), "deletedId"))
	assert.Equal(t, "id RECORD_NOT_FOUND", refusal(drop(id)))
	got := hooks()
	require.Equal(t, []string{"metaobjects/create", "metaobjects/create", "metaobjects/update", "metaobjects/create", "metaobjects/delete"}, topicsOf(got))
	assert.Equal(t, id, got[2].body["id"])
	assert.Equal(t, "coats", got[2].body["handle"])
	assert.Equal(t, "Jackets", at(got[2].body, "fields", "title"))

	bulk := func(where map[string]any) any {
		return at(data(t, s, `mutation($where: MetaobjectBulkDeleteWhereCondition!) { metaobjectBulkDelete(where: $where) { job { done } userErrors { field message code } } }`, map[string]any{"where": where}), "metaobjectBulkDelete")
	}
	assert.Equal(t, "where INVALID", refusal(bulk(map[string]any{})))
	assert.Equal(t, "where.type UNDEFINED_OBJECT_TYPE", refusal(bulk(map[string]any{"type": "none"})))
	assert.Equal(t, true, at(bulk(map[string]any{"ids": []any{at(made, "metaobject", "id")}}), "job", "done"))
	end := data(t, s, `mutation($id: ID!) { metaobjectDefinitionDelete(id: $id) { deletedId userErrors { code } } }`, map[string]any{"id": definition})
	assert.Equal(t, definition, at(end, "metaobjectDefinitionDelete", "deletedId"))
	assert.Equal(t, []string{"metaobjects/delete", "metaobjects/delete"}, topicsOf(hooks()), "with the definition go its metaobjects")
}

func TestReferencesToMetaobjects(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	definition := define(t, s, chart())
	define(t, s, map[string]any{"type": "outfit", "fieldDefinitions": []any{
		map[string]any{"key": "chart", "type": "metaobject_reference", "validations": []any{rule("metaobject_definition_id", definition)}},
	}})
	create := func(kind string, f ...any) any {
		return at(data(t, s, createObject, map[string]any{"in": map[string]any{"type": kind, "fields": f}}), "metaobjectCreate")
	}
	id := at(create("size_chart", entry("title", "Jackets")), "metaobject", "id").(string)
	outfit := create("outfit", entry("chart", id))
	require.Empty(t, at(outfit, "userErrors"))
	assert.Regexp(t, `^outfit-[0-9a-f]{8}$`, at(outfit, "metaobject", "handle"), "no field gives it a name")
	assert.Equal(t, "metaobject.fields.0 INVALID_VALUE", refusal(create("outfit", entry("chart", at(outfit, "metaobject", "id").(string)))), "of another definition")
	set := data(t, s, setMetafields, map[string]any{"m": []any{map[string]any{"ownerId": s.Orders()[0].ID, "namespace": "shop", "key": "chart", "type": "metaobject_reference", "value": id}}})
	require.Empty(t, at(set, "metafieldsSet", "userErrors"))
	refs := at(data(t, s, `query($id: ID!) { metaobject(id: $id) { referencedBy(first: 5) { nodes { key namespace referencer { __typename } } } } }`, map[string]any{"id": id}), "metaobject", "referencedBy", "nodes")
	assert.Equal(t, []any{
		map[string]any{"key": "chart", "namespace": "outfit", "referencer": map[string]any{"__typename": "Metaobject"}},
		map[string]any{"key": "chart", "namespace": "shop", "referencer": map[string]any{"__typename": "Order"}},
	}, refs)
	off := at(data(t, s, createObject, map[string]any{"in": map[string]any{"type": "outfit", "capabilities": map[string]any{"publishable": map[string]any{"status": "ACTIVE"}}}}), "metaobjectCreate")
	assert.Equal(t, "metaobject.capabilities.publishable CAPABILITY_NOT_ENABLED", refusal(off))
}
