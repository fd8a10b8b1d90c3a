package introspect_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/posai-go/posai/shopify/schema/internal/introspect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

func TestParseAccess(t *testing.T) {
	tests := []struct {
		name, prose string
		want        introspect.Access
	}{
		{"one", "`read_orders` access scope.", introspect.Access{AllOf: [][]string{{"read_orders"}}, Parsed: true}},
		{"two", "`read_orders` access scope or `read_marketplace_orders` access scope.", introspect.Access{AllOf: [][]string{{"read_orders", "read_marketplace_orders"}}, Parsed: true}},
		{"three and a condition", "`write_orders` access scope, `x` access scope or `y` access scope. Also: The user must have a permission.", introspect.Access{AllOf: [][]string{{"write_orders", "x", "y"}}, Also: "The user must have a permission.", Parsed: true}},
		{"apps must have", "Apps must have `read_discounts` access scope.", introspect.Access{AllOf: [][]string{{"read_discounts"}}, Parsed: true}},
		{"any of", "Any of `write_content`, `write_online_store_pages` access scopes.", introspect.Access{AllOf: [][]string{{"write_content", "write_online_store_pages"}}, Parsed: true}},
		{"the or the", "the `a` or the `b` access scope.", introspect.Access{AllOf: [][]string{{"a", "b"}}, Parsed: true}},
		{"is required", "`read_markets` access scope is required.", introspect.Access{AllOf: [][]string{{"read_markets"}}, Parsed: true}},
		{"and any of", "`write_products` access scope as well as any of `a`, `b` access scopes. Also: The user must.", introspect.Access{AllOf: [][]string{{"write_products"}, {"a", "b"}}, Also: "The user must.", Parsed: true}},
		{"and in brackets", "`read_returns` access scope and (`read_orders` access scope or `read_marketplace_orders` access scope).", introspect.Access{AllOf: [][]string{{"read_returns"}, {"read_orders", "read_marketplace_orders"}}, Parsed: true}},
		{"second scope behind Also", "`read_customers` access scope. Also: Requires `read_customer_payment_methods` scope.", introspect.Access{AllOf: [][]string{{"read_customers"}, {"read_customer_payment_methods"}}, Parsed: true}},
		{"condition without Also", "`read_x` access scope. Please contact Shopify Support.\n", introspect.Access{AllOf: [][]string{{"read_x"}}, Also: "Please contact Shopify Support.", Parsed: true}},
		{"a permission is no scope", "Any of `shipping` access scopes or `manage_delivery_settings` user permission.", introspect.Access{}},
		{"depends on the operation", "`read_markets` for queries and both `read_markets` as well as `write_markets` for mutations.", introspect.Access{}},
		{"no scope", "The user must have access to payouts.", introspect.Access{}},
		{"a scope in passing", "The user must have `read_products` or `read_publications` access.", introspect.Access{}},
		{"more behind the scope", "Access allowed for apps with `app_attributions` scope using offline tokens only. This is private.", introspect.Access{}},
		{"empty", "", introspect.Access{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, introspect.ParseAccess(tt.prose))
		})
	}
}

const small = `{"data":{"__schema":{
 "queryType":{"name":"QueryRoot"},"mutationType":{"name":"Mutation"},"subscriptionType":null,
 "directives":[
  {"name":"skip","locations":["FIELD"],"args":[]},
  {"name":"idempotent","isRepeatable":false,"locations":["FIELD"],"args":[{"name":"key","type":{"kind":"NON_NULL","ofType":{"kind":"SCALAR","name":"String"}}}]}],
 "types":[
  {"kind":"OBJECT","name":"__Type","fields":[]},
  {"kind":"SCALAR","name":"String"},{"kind":"SCALAR","name":"Boolean"},{"kind":"SCALAR","name":"ID"},{"kind":"SCALAR","name":"Int"},
  {"kind":"SCALAR","name":"Date","specifiedByURL":"https://example.com/date"},
  {"kind":"ENUM","name":"Color","enumValues":[{"name":"RED","isDeprecated":true},{"name":"BLUE"}]},
  {"kind":"INTERFACE","name":"Node","fields":[{"name":"id","args":[],"type":{"kind":"NON_NULL","ofType":{"kind":"SCALAR","name":"ID"}}}]},
  {"kind":"UNION","name":"Thing","possibleTypes":[{"name":"Order"}]},
  {"kind":"INPUT_OBJECT","name":"OrderInput","isOneOf":true,"requiredAccess":null,"inputFields":[
    {"name":"note","type":{"kind":"SCALAR","name":"String"},"defaultValue":null,"isDeprecated":true},
    {"name":"id","type":{"kind":"SCALAR","name":"ID"},"gidTypes":["Order"]}]},
  {"kind":"OBJECT","name":"Order","description":"prose","interfaces":[{"name":"Node"}],"requiredAccess":"` + "`read_orders`" + ` access scope.","fields":[
    {"name":"name","description":"prose","args":[],"type":{"kind":"SCALAR","name":"String"},"isProtected":true,"protectedContent":"name","protectedSubject":"customer"},
    {"name":"id","args":[],"type":{"kind":"NON_NULL","ofType":{"kind":"SCALAR","name":"ID"}},"isDeprecated":true,"deprecationReason":"prose","requiredAccess":"Ask nicely."}]},
  {"kind":"OBJECT","name":"QueryRoot","interfaces":[],"fields":[
    {"name":"orders","args":[{"name":"first","type":{"kind":"SCALAR","name":"Int"},"defaultValue":"10"},{"name":"colors","type":{"kind":"LIST","ofType":{"kind":"NON_NULL","ofType":{"kind":"ENUM","name":"Color"}}},"defaultValue":"[RED]"}],
     "type":{"kind":"NON_NULL","ofType":{"kind":"LIST","ofType":{"kind":"NON_NULL","ofType":{"kind":"OBJECT","name":"Order"}}}}},
    {"name":"thing","args":[],"type":{"kind":"UNION","name":"Thing"}}]},
  {"kind":"OBJECT","name":"Mutation","interfaces":[],"fields":[
    {"name":"orderUpdate","description":"Key required, provided using the ` + "`@idempotent`" + ` directive.","args":[{"name":"input","type":{"kind":"INPUT_OBJECT","name":"OrderInput"},"gidTypes":null}],"type":{"kind":"OBJECT","name":"Order"}}]}
 ]}}}`

const smallSDL = `schema {
  query: QueryRoot
  mutation: Mutation
}

directive @idempotent(key: String!) on FIELD

enum Color {
  BLUE
  RED @deprecated
}

scalar Date @specifiedBy(url: "https://example.com/date")

type Mutation {
  orderUpdate(input: OrderInput): Order
}

interface Node {
  id: ID!
}

type Order implements Node {
  id: ID! @deprecated
  name: String
}

input OrderInput @oneOf {
  id: ID
  note: String @deprecated
}

type QueryRoot {
  orders(colors: [Color!] = [RED], first: Int = 10): [Order!]!
  thing: Thing
}

union Thing = Order
`

func TestSDL(t *testing.T) {
	s, err := introspect.Decode(strings.NewReader(small))
	require.NoError(t, err)
	assert.Equal(t, smallSDL, s.SDL())
	_, err = gqlparser.LoadSchema(&ast.Source{Input: s.SDL()})
	require.NoError(t, err)

	random := rand.New(rand.NewPCG(1, 2))
	for range 5 { // whatever the order of the source
		random.Shuffle(len(s.Types), func(i, j int) { s.Types[i], s.Types[j] = s.Types[j], s.Types[i] })
		for _, typ := range s.Types {
			random.Shuffle(len(typ.Fields), func(i, j int) { typ.Fields[i], typ.Fields[j] = typ.Fields[j], typ.Fields[i] })
		}
		assert.Equal(t, smallSDL, s.SDL())
	}
}

func TestTable(t *testing.T) {
	s, err := introspect.Decode(strings.NewReader(small))
	require.NoError(t, err)
	table := s.Table("2026-10")
	assert.Equal(t, "2026-10", table.Version)
	require.Len(t, table.Access, 2)
	assert.Equal(t, "Order", table.Access[0].At)
	assert.Equal(t, [][]string{{"read_orders"}}, table.Prose[table.Access[0].Prose].AllOf)
	assert.Equal(t, "Order.id", table.Access[1].At)
	assert.Equal(t, "Ask nicely.", table.Prose[table.Access[1].Prose].Text)
	assert.False(t, table.Prose[table.Access[1].Prose].Parsed)
	require.Len(t, table.Protected, 1)
	assert.Equal(t, "Order.name", table.Protected[0].At)
	require.Len(t, table.GIDs, 1)
	assert.Equal(t, "OrderInput.id", table.GIDs[0].At)
	assert.Equal(t, []string{"orderUpdate"}, table.Idempotent)
}

func TestDecodeRefuses(t *testing.T) {
	for _, bad := range []string{``, `{}`, `[]`, `null`, `{"data":null}`, `{"data":{"__schema":{}}}`, `{"errors":[{"message":"no"}]}`, `<html>`} {
		_, err := introspect.Decode(strings.NewReader(bad))
		assert.Error(t, err, bad)
	}
}

func FuzzParseAccess(f *testing.F) {
	for _, s := range []string{"`a` access scope.", "`a` access scope, `b` access scope or `c` access scope. Also: x", "Any of `a`, `b` access scopes.", "The user must."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a := introspect.ParseAccess(s)
		if !a.Parsed {
			require.Equal(t, introspect.Access{}, a)
			return
		}
		require.NotEmpty(t, a.AllOf)
		for _, list := range a.AllOf {
			require.NotEmpty(t, list)
			for _, scope := range list {
				require.Contains(t, s, "`"+scope+"`")
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(small)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := introspect.Decode(strings.NewReader(text))
		if err != nil {
			return
		}
		require.Equal(t, s.SDL(), s.SDL())
		s.Table("x")
	})
}
