package graph_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/posai-go/posai/shopify/schema"
)

// introspection is the query that GraphQL tools send.
const introspection = `query IntrospectionQuery {
	__schema { queryType { name } mutationType { name } subscriptionType { name } types { ...FullType } directives { name description isRepeatable locations args { ...InputValue } } } }
fragment FullType on __Type { kind name description specifiedByURL isOneOf
	fields(includeDeprecated: true) { name description args(includeDeprecated: true) { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason }
	inputFields(includeDeprecated: true) { ...InputValue } interfaces { ...TypeRef }
	enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } possibleTypes { ...TypeRef } }
fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue isDeprecated deprecationReason }
fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } }`

// TestIntrospection rebuilds every type from the answer and compares it with the schema.
func TestIntrospection(t *testing.T) {
	parsed, err := gqlparser.LoadSchema(&ast.Source{Input: schema.Admin().SDL()})
	require.NoError(t, err)
	resp, _ := run(t, nil, introspection, "")
	require.Empty(t, resp.Errors)
	assert.Zero(t, resp.ActualCost)
	root := decode(t, resp.Data)["__schema"].(map[string]any)
	assert.Equal(t, map[string]any{"name": "Mutation"}, root["mutationType"])
	assert.Nil(t, root["subscriptionType"])
	types := root["types"].([]any)
	require.Len(t, types, len(parsed.Types))
	for _, v := range types {
		got := v.(map[string]any)
		def := parsed.Types[got["name"].(string)]
		require.Equal(t, string(def.Kind), got["kind"])
		switch def.Kind {
		case ast.Object, ast.Interface:
			fields := list(got["fields"])
			visible := 0
			for _, f := range def.Fields {
				if f.Name[0] != '_' {
					visible++
				}
			}
			require.Len(t, fields, visible, def.Name)
			for _, f := range fields {
				fd := def.Fields.ForName(f["name"].(string))
				require.Equal(t, fd.Type.String(), reference(f["type"]), "%s.%s", def.Name, fd.Name)
				require.Len(t, f["args"], len(fd.Arguments))
				require.Equal(t, fd.Directives.ForName("deprecated") != nil, f["isDeprecated"])
				for _, a := range list(f["args"]) {
					ad := fd.Arguments.ForName(a["name"].(string))
					require.Equal(t, ad.Type.String(), reference(a["type"]))
					if ad.DefaultValue != nil {
						require.Equal(t, ad.DefaultValue.String(), a["defaultValue"])
					}
				}
			}
			require.Len(t, got["interfaces"], len(def.Interfaces))
		case ast.InputObject:
			for _, f := range list(got["inputFields"]) {
				require.Equal(t, def.Fields.ForName(f["name"].(string)).Type.String(), reference(f["type"]))
			}
			require.Len(t, got["inputFields"], len(def.Fields))
			require.Equal(t, def.Directives.ForName("oneOf") != nil, got["isOneOf"])
		case ast.Enum:
			require.Len(t, got["enumValues"], len(def.EnumValues))
		case ast.Union:
			require.Len(t, got["possibleTypes"], len(def.Types))
		}
	}
	names := map[any]bool{}
	for _, d := range list(root["directives"]) {
		names[d["name"]] = true
	}
	assert.True(t, names["idempotent"])
	assert.False(t, names["defer"], "Shopify has none")
}

func list(v any) []map[string]any {
	var out []map[string]any
	for _, x := range v.([]any) {
		out = append(out, x.(map[string]any))
	}
	return out
}

// reference writes a type reference as SDL does.
func reference(v any) string {
	m := v.(map[string]any)
	switch m["kind"] {
	case "NON_NULL":
		return reference(m["ofType"]) + "!"
	case "LIST":
		return "[" + reference(m["ofType"]) + "]"
	}
	return m["name"].(string)
}

func TestIntrospectType(t *testing.T) {
	_, body := run(t, nil, `{ a: __type(name: "Nothing") { name } b: __type(name: "WeightUnit") { __typename kind enumValues { name } fields { name } } c: __type(name: "QueryRoot") { __typename } }`, "")
	assert.JSONEq(t, `{"data":{"a":null,"b":{"__typename":"__Type","kind":"ENUM","enumValues":[{"name":"GRAMS"},{"name":"KILOGRAMS"},{"name":"OUNCES"},{"name":"POUNDS"}],"fields":null},"c":{"__typename":"__Type"}}}`, body)
}
