package graph_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

func TestInvalidVariables(t *testing.T) {
	const update = `mutation M($input: OrderInput!) { orderUpdate(input: $input) { order { id } } }`
	for _, tc := range []struct{ name, query, variables, want string }{
		{
			"missing", `query Q($id: ID!) { order(id: $id) { id } }`, `{}`,
			`{"message":"Variable $id of type ID! was provided invalid value","locations":[{"line":1,"column":9}],
			"extensions":{"code":"INVALID_VARIABLE","value":null,"problems":[{"path":[],"explanation":"Expected value to not be null"}]}}`,
		},
		{
			"not a global ID", `query Q($id: ID!) { order(id: $id) { id } }`, `{"id":"12"}`,
			`{"message":"Variable $id of type ID! was provided invalid value","locations":[{"line":1,"column":9}],
			"extensions":{"code":"INVALID_VARIABLE","value":"12","problems":[{"path":[],"explanation":"Invalid global id '12'","message":"Invalid global id '12'"}]}}`,
		},
		{
			"missing field", update, `{"input":{"note":"x"}}`,
			`{"message":"Variable $input of type OrderInput! was provided invalid value for id (Expected value to not be null)","locations":[{"line":1,"column":12}],
			"extensions":{"code":"INVALID_VARIABLE","value":{"note":"x"},"problems":[{"path":["id"],"explanation":"Expected value to not be null"}]}}`,
		},
		{
			"unknown field", update, `{"input":{"id":"gid://shopify/Order/1","total":5}}`,
			`{"message":"Variable $input of type OrderInput! was provided invalid value for total (Field is not defined on OrderInput)","locations":[{"line":1,"column":12}],
			"extensions":{"code":"INVALID_VARIABLE","value":{"id":"gid://shopify/Order/1","total":5},"problems":[{"path":["total"],"explanation":"Field is not defined on OrderInput"}]}}`,
		},
		{
			"inside a list", update, `{"input":{"id":"gid://shopify/Order/1","tags":["a",7]}}`,
			`{"message":"Variable $input of type OrderInput! was provided invalid value for tags.1 (Could not coerce value 7 to String)","locations":[{"line":1,"column":12}],
			"extensions":{"code":"INVALID_VARIABLE","value":{"id":"gid://shopify/Order/1","tags":["a",7]},"problems":[{"path":["tags",1],"explanation":"Could not coerce value 7 to String"}]}}`,
		},
		{
			"not an object", update, `{"input":"x"}`,
			`{"message":"Variable $input of type OrderInput! was provided invalid value","locations":[{"line":1,"column":12}],
			"extensions":{"code":"INVALID_VARIABLE","value":"x","problems":[{"path":[],"explanation":"Expected \"x\" to be a key-value object."}]}}`,
		},
		{
			"decimal", `query Q($n: Int) { orders(first: $n) { nodes { id } } }`, `{"n":1.5}`,
			`{"message":"Variable $n of type Int was provided invalid value","locations":[{"line":1,"column":9}],
			"extensions":{"code":"INVALID_VARIABLE","value":1.5,"problems":[{"path":[],"explanation":"Could not coerce value 1.5 to Int"}]}}`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, errs := engine(t).Prepare(graph.Request{Query: tc.query, Variables: decode(t, []byte(tc.variables))})
			require.Len(t, errs, 1)
			got, err := json.Marshal(errs[0])
			require.NoError(t, err)
			assert.JSONEq(t, tc.want, string(got))
		})
	}
}

// TestArguments shows what a resolver gets.
func TestArguments(t *testing.T) {
	for _, tc := range []struct {
		name, query, variables string
		want                   map[string]any
	}{
		{
			"absent stays absent", `query Q($n: Int, $q: String) { orders(first: $n, query: $q) { pageInfo { hasNextPage } } }`, `{"n":2}`,
			map[string]any{"first": 2, "reverse": false, "sortKey": "PROCESSED_AT"},
		},
		{
			"null stays null", `query Q($n: Int, $q: String) { orders(first: $n, query: $q) { pageInfo { hasNextPage } } }`, `{"n":2,"q":null}`,
			map[string]any{"first": 2, "query": nil, "reverse": false, "sortKey": "PROCESSED_AT"},
		},
		{
			"the variable's default", `query Q($n: Int = 3) { orders(first: $n, reverse: true) { pageInfo { hasNextPage } } }`, `{}`,
			map[string]any{"first": 3, "reverse": true, "sortKey": "PROCESSED_AT"},
		},
		{"one value for a list", `{ nodes(ids: "gid://shopify/Order/1") { id } }`, ``, map[string]any{"ids": []any{"gid://shopify/Order/1"}}},
		{
			"an input object with a variable inside",
			`mutation M($note: String, $email: String) { orderUpdate(input: {id: "gid://shopify/Order/1", note: $note, email: $email, tags: "a"}) { order { id } } }`,
			`{"note":null}`,
			map[string]any{"input": map[string]any{"id": "gid://shopify/Order/1", "note": nil, "tags": []any{"a"}}},
		},
		{
			"numbers for decimals and large integers",
			`mutation M($v: Decimal!) { giftCardCreate(input: {initialValue: $v}) { giftCard { id } } }`, `{"v":12.50}`,
			map[string]any{"input": map[string]any{"initialValue": "12.50"}},
		},
		{
			"JSON with a variable inside", `mutation M($x: Int) { flowTriggerReceive(handle: "h", payload: {a: [$x, null], b: ENUM}) { userErrors { message } } }`, `{"x":5}`,
			map[string]any{"handle": "h", "payload": map[string]any{"a": []any{5, nil}, "b": "ENUM"}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got map[string]any
			r := graph.ResolverFunc(func(c *graph.Call) (any, bool, error) {
				if c.ParentType == "QueryRoot" || c.ParentType == "Mutation" {
					got = c.Args
				}
				return nil, false, nil
			})
			resp, body := run(t, r, tc.query, tc.variables)
			require.Empty(t, resp.Errors, body)
			assert.Equal(t, tc.want, got)
		})
	}
}

// TestArgumentsAreOwned checks that a resolver that changes its arguments
// changes nothing else.
func TestArgumentsAreOwned(t *testing.T) {
	var second any
	r := graph.ResolverFunc(func(c *graph.Call) (any, bool, error) {
		if c.ParentType == "Mutation" {
			input, _ := c.Args["input"].(map[string]any)
			second = input["note"]
			input["note"] = "changed"
		}
		return nil, false, nil
	})
	_, _ = run(t, r, `mutation M($i: OrderInput!) { a: orderUpdate(input: $i) { order { id } } b: orderUpdate(input: $i) { order { id } } }`,
		`{"i":{"id":"gid://shopify/Order/1","note":"kept"}}`)
	assert.Equal(t, "kept", second)
}
