package graph_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// TestValidation compares the first error with Shopify's shape.
func TestValidation(t *testing.T) {
	for _, tc := range []struct{ name, query, want string }{
		{
			"undefined field", `{ shop { nme } }`,
			`{"message":"Field 'nme' doesn't exist on type 'Shop'","locations":[{"line":1,"column":10}],"path":["query","shop","nme"],
			"extensions":{"code":"undefinedField","typeName":"Shop","fieldName":"nme"}}`,
		},
		{
			"undefined field in a named operation, under an alias", "query Sold {\n s: shop { x: nme }\n}",
			`{"message":"Field 'nme' doesn't exist on type 'Shop'","locations":[{"line":2,"column":12}],"path":["query Sold","s","x"],
			"extensions":{"code":"undefinedField","typeName":"Shop","fieldName":"nme"}}`,
		},
		{
			"undefined field in a fragment", `{ shop { ...F } } fragment F on Shop { nme }`,
			`{"message":"Field 'nme' doesn't exist on type 'Shop'","locations":[{"line":1,"column":40}],"path":["fragment F","nme"],
			"extensions":{"code":"undefinedField","typeName":"Shop","fieldName":"nme"}}`,
		},
		{
			"unknown argument", `{ shop(id: 1) { name } }`,
			`{"message":"Field 'shop' doesn't accept argument 'id'","locations":[{"line":1,"column":8}],"path":["query","shop","id"],
			"extensions":{"code":"argumentNotAccepted","name":"shop","typeName":"Field","argumentName":"id"}}`,
		},
		{
			"missing argument", `{ order { id } }`,
			`{"message":"Field 'order' is missing required arguments: id","locations":[{"line":1,"column":3}],"path":["query","order"],
			"extensions":{"code":"missingRequiredArguments","className":"Field","name":"order","arguments":"id"}}`,
		},
		{
			"unused variable", `query A($x: Int) { shop { name } }`,
			`{"message":"Variable $x is declared by A but not used","locations":[{"line":1,"column":1}],"path":["query A"],
			"extensions":{"code":"variableNotUsed","variableName":"x"}}`,
		},
		{
			"undeclared variable", `query A { order(id: $id) { id } }`,
			`{"message":"Variable $id is used by A but not declared","locations":[{"line":1,"column":21}],"path":["query A"],
			"extensions":{"code":"variableNotDefined","variableName":"id"}}`,
		},
		{
			"undeclared variable in a fragment", `query A { ...F } fragment F on QueryRoot { order(id: $id) { id } }`,
			`{"message":"Variable $id is used by F but not declared","locations":[{"line":1,"column":54}],"path":["query A"],
			"extensions":{"code":"variableNotDefined","variableName":"id"}}`,
		},
		{
			"variable of another type", `query A($id: String!) { order(id: $id) { id } }`,
			`{"message":"Type mismatch on variable $id and argument id (String! / ID!)","locations":[{"line":1,"column":35}],"path":["query A","order","id"],
			"extensions":{"code":"variableMismatch","variableName":"id","typeName":"String!","argumentName":"id","errorMessage":"Type mismatch"}}`,
		},
		{
			"nullable variable", `query A($id: ID) { order(id: $id) { id } }`,
			`{"message":"Nullability mismatch on variable $id and argument id (ID / ID!)","locations":[{"line":1,"column":30}],"path":["query A","order","id"],
			"extensions":{"code":"variableMismatch","variableName":"id","typeName":"ID","argumentName":"id","errorMessage":"Nullability mismatch"}}`,
		},
		{
			"list for one", `query A($id: [ID!]!) { order(id: $id) { id } }`,
			`{"message":"List dimension mismatch on variable $id and argument id ([ID!]! / ID!)","locations":[{"line":1,"column":34}],"path":["query A","order","id"],
			"extensions":{"code":"variableMismatch","variableName":"id","typeName":"[ID!]!","argumentName":"id","errorMessage":"List dimension mismatch"}}`,
		},
		{
			"variable of an output type", `query A($o: Order) { order(id: $o) { id } }`,
			`{"message":"Order isn't a valid input type (on $o)","locations":[{"line":1,"column":9}],"path":["query A"],
			"extensions":{"code":"variableRequiresValidType","typeName":"Order","variableName":"o"}}`,
		},
		{
			"bad default", `query A($n: Int = "x") { orders(first: $n) { nodes { id } } }`,
			`{"message":"Default value for $n doesn't match type Int","locations":[{"line":1,"column":9}],"path":["query A"],
			"extensions":{"code":"defaultValueInvalidType","variableName":"n","typeName":"Int"}}`,
		},
		{
			"literal of another type", `{ orders(first: "5") { nodes { id } } }`,
			`{"message":"Argument 'first' on Field 'orders' has an invalid value (\"5\"). Expected type 'Int'.","locations":[{"line":1,"column":3}],"path":["query","orders","first"],
			"extensions":{"code":"argumentLiteralsIncompatible","typeName":"Field","argumentName":"first"}}`,
		},
		{
			"integer beyond 32 bits", `{ orders(first: 3000000000) { nodes { id } } }`,
			`{"message":"Argument 'first' on Field 'orders' has an invalid value (3000000000). Expected type 'Int'.","locations":[{"line":1,"column":3}],"path":["query","orders","first"],
			"extensions":{"code":"argumentLiteralsIncompatible","typeName":"Field","argumentName":"first"}}`,
		},
		{
			"unknown enum value", `{ orders(first: 1, sortKey: PRICE) { nodes { id } } }`,
			`{"message":"Argument 'sortKey' on Field 'orders' has an invalid value (PRICE). Expected type 'OrderSortKeys'.","locations":[{"line":1,"column":3}],"path":["query","orders","sortKey"],
			"extensions":{"code":"argumentLiteralsIncompatible","typeName":"Field","argumentName":"sortKey"}}`,
		},
		{
			"number instead of a global ID", `{ order(id: "12") { id } }`,
			`{"message":"Invalid global id '12'","locations":[{"line":1,"column":3}],"path":["query","order","id"],
			"extensions":{"code":"argumentLiteralsIncompatible","typeName":"CoercionError"}}`,
		},
		{
			"unknown input field", `mutation { orderUpdate(input: {id: "gid://shopify/Order/1", total: 1}) { order { id } } }`,
			`{"message":"InputObject 'OrderInput' doesn't accept argument 'total'","locations":[{"line":1,"column":61}],"path":["mutation","orderUpdate","input","total"],
			"extensions":{"code":"argumentNotAccepted","name":"OrderInput","typeName":"InputObject","argumentName":"total"}}`,
		},
		{
			"missing input field", `mutation { orderUpdate(input: {note: "x"}) { order { id } } }`,
			`{"message":"Argument 'id' on InputObject 'OrderInput' is required. Expected type ID!","locations":[{"line":1,"column":31}],"path":["mutation","orderUpdate","input"],
			"extensions":{"code":"missingRequiredInputObjectAttribute","argumentName":"id","argumentType":"ID!","inputObjectType":"OrderInput"}}`,
		},
		{
			"two keys for one-of", `{ orderByIdentifier(identifier: {}) { id } }`,
			`{"message":"'OrderIdentifierInput' requires exactly one argument, but 0 were provided.","locations":[{"line":1,"column":33}],"path":["query","orderByIdentifier","identifier"],
			"extensions":{"code":"invalidOneOfInputObject","inputObjectType":"OrderIdentifierInput"}}`,
		},
		{
			"object without selection", `{ shop }`,
			`{"message":"Field must have selections (field 'shop' returns Shop but has no selections. Did you mean 'shop { ... }'?)","locations":[{"line":1,"column":3}],
			"path":["query","shop"],"extensions":{"code":"selectionMismatch","nodeName":"field 'shop'","typeName":"Shop"}}`,
		},
		{
			"scalar with selection", `{ shop { name { first } } }`,
			`{"message":"Selections can't be made on scalars (field 'name' returns String but has selections [\"first\"])","locations":[{"line":1,"column":10}],
			"path":["query","shop","name"],"extensions":{"code":"selectionMismatch","nodeName":"field 'name'","typeName":"String"}}`,
		},
		{
			"conflict", `{ shop { a: name a: email } }`,
			`{"message":"Field 'a' has a field conflict: email or name?","locations":[{"line":1,"column":10},{"line":1,"column":18}],
			"extensions":{"code":"fieldConflict","fieldName":"a","conflicts":"email or name"}}`,
		},
		{
			"unknown type", `{ shop { ... on Nothing { x } } }`,
			`{"message":"No such type Nothing, so it can't be a fragment condition","locations":[{"line":1,"column":14}],"path":["query","shop","... on Nothing"],
			"extensions":{"code":"undefinedType","typeName":"Nothing"}}`,
		},
		{
			"impossible fragment", `{ shop { ... on Order { id } } }`,
			`{"message":"Fragment on Order can't be spread inside Shop","locations":[{"line":1,"column":14}],"path":["query","shop","... on Order"],
			"extensions":{"code":"cannotSpreadFragment","typeName":"Order","fragmentName":"unknown","parentName":"Shop"}}`,
		},
		{
			"fragment on a scalar", `{ shop { ... on String { x } } }`,
			`{"message":"Invalid fragment on type String (must be Union, Interface or Object)","locations":[{"line":1,"column":14}],"path":["query","shop","... on String"],
			"extensions":{"code":"fragmentOnNonCompositeType","typeName":"String","argumentName":"String"}}`,
		},
		{
			"unused fragment", `{ shop { name } } fragment F on Shop { name }`,
			`{"message":"Fragment F was defined, but not used","locations":[{"line":1,"column":19}],"path":["fragment F"],"extensions":{"code":"useAndDefineFragment","fragmentName":"F"}}`,
		},
		{
			"unknown fragment", `{ shop { ...F } }`,
			`{"message":"Fragment F was used, but not defined","locations":[{"line":1,"column":13}],"path":["query","shop","... F"],"extensions":{"code":"useAndDefineFragment","fragmentName":"F"}}`,
		},
		{
			"endless fragment", `{ shop { ...F } } fragment F on Shop { ...F }`,
			`{"message":"Fragment F contains an infinite loop","locations":[{"line":1,"column":19}],"path":["fragment F"],"extensions":{"code":"infiniteLoop","fragmentName":"F"}}`,
		},
		{
			"unknown directive", `{ shop @foo { name } }`,
			`{"message":"Directive @foo is not defined","locations":[{"line":1,"column":9}],"path":["query","shop"],"extensions":{"code":"undefinedDirective","directiveName":"foo"}}`,
		},
		{
			"misplaced directive", `query @include(if: true) { shop { name } }`,
			`{"message":"'@include' can't be applied to queries","locations":[{"line":1,"column":8}],"path":["query"],
			"extensions":{"code":"directiveCannotBeApplied","targetName":"queries","name":"include"}}`,
		},
		{
			"idempotent without key", `mutation { refundCreate(input: {orderId: "gid://shopify/Order/1"}) @idempotent { order { id } } }`,
			`{"message":"Directive 'idempotent' is missing required arguments: key","locations":[{"line":1,"column":69}],"path":["mutation","refundCreate"],
			"extensions":{"code":"missingRequiredArguments","className":"Directive","name":"idempotent","arguments":"key"}}`,
		},
		{
			"subscription", `subscription { shop { name } }`,
			`{"message":"Schema is not configured for subscriptions","locations":[{"line":1,"column":1}],"path":["subscription"],"extensions":{"code":"missingSubscriptionConfiguration"}}`,
		},
		{
			"same name twice", `query A { shop { name } } query A { shop { id } }`,
			`{"message":"Operation name \"A\" must be unique","locations":[{"line":1,"column":27}],"extensions":{"code":"uniquelyNamedOperations","operationName":"A"}}`,
		},
		{
			"conflicting arguments", `{ order(id: "gid://shopify/Order/1") { id } order(id: "gid://shopify/Order/2") { id } }`,
			`{"message":"Field 'order' has an argument conflict: {id:\"gid://shopify/Order/1\"} or {id:\"gid://shopify/Order/2\"}?",
			"locations":[{"line":1,"column":3},{"line":1,"column":45}],
			"extensions":{"code":"fieldConflict","fieldName":"order","conflicts":"{id:\"gid://shopify/Order/1\"} or {id:\"gid://shopify/Order/2\"}"}}`,
		},
		{
			"conflicting shapes", `{ node(id: "gid://shopify/Order/1") { ... on Order { x: name } ... on Product { x: totalInventory } } }`,
			`{"message":"Field 'x' has a return_type conflict: Int! or String!?","locations":[{"line":1,"column":54},{"line":1,"column":81}],
			"extensions":{"code":"fieldConflict","fieldName":"x","conflicts":"Int! or String!"}}`,
		},
		{"syntax", "{ shop {", `{"message":"syntax error, Expected Name, found <EOF> at [1, 9]","locations":[{"line":1,"column":9}]}`},
		{"nothing", "fragment F on Shop { name }", `{"message":"No query string was present"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			op, errs := engine(t).Prepare(graph.Request{Query: tc.query})
			require.Nil(t, op)
			require.NotEmpty(t, errs)
			got, err := json.Marshal(errs[0])
			require.NoError(t, err)
			assert.JSONEq(t, tc.want, string(got))
		})
	}
}

func TestOperationName(t *testing.T) {
	const query = `query A { shop { name } } query B { shop { id } }`
	op, errs := engine(t).Prepare(graph.Request{Query: query, OperationName: "B"})
	require.Empty(t, errs)
	assert.Equal(t, "B", op.Name)
	for name, want := range map[string]string{"": "An operation name is required", "C": `No operation named "C"`} {
		_, errs := engine(t).Prepare(graph.Request{Query: query, OperationName: name})
		require.Len(t, errs, 1)
		assert.Equal(t, want, errs[0].Message)
	}
}

// TestHostileDocuments wants an answer in time, whatever it is.
func TestHostileDocuments(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("{ product(id: \"gid://shopify/Product/1\") { ...F0 } }\n")
	for i := range 40 {
		name, next := "F"+string(rune('0'+i)), "F"+string(rune('1'+i))
		if i >= 10 {
			name, next = "G"+strings.Repeat("x", i), "G"+strings.Repeat("x", i+1)
		}
		if i == 9 {
			next = "G" + strings.Repeat("x", 10)
		}
		bomb.WriteString("fragment " + name + " on Product { a: featuredMedia { ... on MediaImage { id } } l: variants(first: 2) { nodes { x: product { ..." + next + " } y: product { ..." + next + " } } } }\n")
	}
	bomb.WriteString("fragment G" + strings.Repeat("x", 40) + " on Product { id }")
	var alike strings.Builder
	alike.WriteString("{ shop {")
	for i := range 190 {
		fmt.Fprintf(&alike, " ...F%d", i)
	}
	alike.WriteString(" } }")
	for i := range 190 {
		fmt.Fprintf(&alike, " fragment F%d on Shop { %s }", i, strings.Repeat("name ", 50))
	}
	lists := `{ order(id: "gid://shopify/Order/1") { ` + strings.Repeat("refunds { order { ", 40) + "id" + strings.Repeat(" } }", 40) + " } }"
	for name, query := range map[string]string{
		"fragments that double":         bomb.String(),
		"fragments with the same field": alike.String(),
		"the same field":                "{ shop {" + strings.Repeat(" name", 15_000) + " } }",
		"the same object":               "{" + strings.Repeat(" shop { name }", 4_500) + " }",
		"deep":                          strings.Repeat("{ a ", 5_000),
		"lists in lists":                lists,
		"deep list value":               "{ nodes(ids: " + strings.Repeat("[", 900) + strings.Repeat("]", 900) + ") { id } }",
		"many unknown fields":           "{" + strings.Repeat(" x", 15_000) + "}",
		"too many tokens":               "{" + strings.Repeat(" x", 50_000) + "}",
		"recursive introspection":       `{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }`,
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			resp := engine(t).Execute(t.Context(), graph.Request{Query: query}, nil)
			assert.Less(t, time.Since(start), 5*time.Minute, "what doubles with each step would never end; a busy machine with the race detector may need half a minute")
			assert.Less(t, len(resp.Data), 50<<20)
		})
	}
}
