package schema_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/posai-go/posai/shopify/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

func load(t testing.TB, s *schema.Schema) *ast.Schema {
	t.Helper()
	loaded, err := gqlparser.LoadSchema(&ast.Source{Name: "schema", Input: s.SDL()})
	require.NoError(t, err)
	return loaded
}

func TestAdminSDL(t *testing.T) {
	s := load(t, schema.Admin())
	assert.Equal(t, "2026-10", schema.Admin().Version())
	assert.Len(t, s.Mutation.Fields, 524)
	assert.Equal(t, "QueryRoot", s.Query.Name)
	roots := slices.DeleteFunc(slices.Clone(s.Query.Fields), func(f *ast.FieldDefinition) bool { return strings.HasPrefix(f.Name, "__") })
	assert.Len(t, roots, 288)
	assert.Len(t, s.Types["WebhookSubscriptionTopic"].EnumValues, 218)

	idempotent := s.Directives["idempotent"]
	require.NotNil(t, idempotent)
	assert.Equal(t, []ast.DirectiveLocation{ast.LocationField}, idempotent.Locations)
	assert.Equal(t, "String!", idempotent.Arguments.ForName("key").Type.String())

	reverse := s.Query.Fields.ForName("orders").Arguments.ForName("reverse")
	assert.Equal(t, "false", reverse.DefaultValue.String(), "default values are kept")
	assert.NotNil(t, s.Types["DraftOrderInput"].Fields.ForName("customerId").Directives.ForName("deprecated"), "deprecations are kept")
	assert.Contains(t, s.Types["Order"].Interfaces, "Node")
}

func TestStorefrontSDL(t *testing.T) {
	s := load(t, schema.Storefront())
	assert.Equal(t, "2026-10", schema.Storefront().Version())
	assert.NotNil(t, s.Mutation.Fields.ForName("cartCreate"))
	assert.NotNil(t, s.Directives["inContext"])
}

func TestSDLHoldsNoProse(t *testing.T) {
	for _, s := range []*schema.Schema{schema.Admin(), schema.Storefront()} {
		for _, prose := range []string{`"""`, "@deprecated(", "#"} {
			assert.False(t, strings.Contains(s.SDL(), prose), prose) // NotContains would print the schema
		}
	}
}

func TestAccess(t *testing.T) {
	tests := []struct {
		at     string
		allOf  [][]string
		also   string
		parsed bool
	}{
		{"Mutation.orderUpdate", [][]string{{"write_orders", "write_marketplace_orders", "write_quick_sale"}}, "The app must have the `write_pos_staff_member_event_attribution_overrides` access scope to assign events to another staff member.", true},
		{"Mutation.draftOrderCreate", [][]string{{"write_draft_orders", "write_quick_sale"}}, "The user must have access to manage draft orders.", true},
		{"Customer", [][]string{{"read_customers"}}, "", true},
		{"Mutation.metafieldsSet", nil, "", false},
		{"CheckoutBranding", nil, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.at, func(t *testing.T) {
			a, ok := schema.Admin().Access(tt.at)
			require.True(t, ok)
			assert.Equal(t, tt.allOf, a.AllOf)
			assert.Equal(t, tt.also, a.Also)
			assert.Equal(t, tt.parsed, a.Parsed)
			assert.NotEmpty(t, a.Prose)
		})
	}
	_, ok := schema.Admin().Access("Order.name")
	assert.False(t, ok, "nothing is stated there")
	a, ok := schema.Storefront().Access("Product")
	require.True(t, ok)
	assert.Equal(t, [][]string{{"unauthenticated_read_product_listings"}}, a.AllOf)
}

func TestEveryAccessRequirementIsKept(t *testing.T) {
	s := load(t, schema.Admin())
	var total, parsed, mutations int
	last := ""
	for at, a := range schema.Admin().Accesses() {
		total++
		require.Greater(t, at, last, "sorted")
		last = at
		require.NotEmpty(t, a.Prose, at)
		if a.Parsed {
			parsed++
			require.NotEmpty(t, a.AllOf, at)
			for _, list := range a.AllOf {
				for _, scope := range list {
					require.Contains(t, a.Prose, scope, at)
				}
			}
			require.Contains(t, strings.Join(strings.Fields(a.Prose), " "), strings.Join(strings.Fields(a.Also), " "), at)
		} else {
			require.Empty(t, a.AllOf, at)
		}
		typ, field, isField := strings.Cut(at, ".")
		require.Contains(t, s.Types, typ)
		if isField {
			require.NotNil(t, s.Types[typ].Fields.ForName(field), at)
		}
		if typ == "Mutation" {
			mutations++
		}
	}
	assert.Equal(t, 1529, total)
	assert.Equal(t, 1352, parsed)
	assert.Equal(t, 491, mutations)
}

func TestAllows(t *testing.T) {
	tests := []struct {
		name    string
		allOf   [][]string
		granted []string
		want    bool
	}{
		{"the scope", [][]string{{"read_orders"}}, []string{"read_orders"}, true},
		{"another scope", [][]string{{"read_orders"}}, []string{"read_products"}, false},
		{"nothing granted", [][]string{{"read_orders"}}, nil, false},
		{"write includes read", [][]string{{"read_orders"}}, []string{"write_orders"}, true},
		{"read does not include write", [][]string{{"write_orders"}}, []string{"read_orders"}, false},
		{"one of several", [][]string{{"read_orders", "read_quick_sale"}}, []string{"read_quick_sale"}, true},
		{"one of two lists", [][]string{{"write_products"}, {"write_purchase_options"}}, []string{"write_products"}, false},
		{"both lists", [][]string{{"write_products"}, {"write_purchase_options"}}, []string{"write_purchase_options", "write_products"}, true},
		{"no prefix", [][]string{{"orders"}}, []string{"read_orders"}, true},
		{"unauthenticated", [][]string{{"unauthenticated_read_customers"}}, []string{"unauthenticated_write_customers"}, true},
		{"unauthenticated is not authenticated", [][]string{{"unauthenticated_read_customers"}}, []string{"write_customers"}, false},
		{"similar name", [][]string{{"read_orders"}}, []string{"read_orders_all", "write_order"}, false},
		{"nothing asked", nil, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, schema.Access{AllOf: tt.allOf}.Allows(tt.granted))
		})
	}
}

func TestProtectedFields(t *testing.T) {
	s := load(t, schema.Admin())
	count := map[string]int{}
	for _, p := range schema.Admin().ProtectedFields() {
		count[p.Content]++
		assert.Equal(t, "customer", p.Subject)
		typ, field, _ := strings.Cut(p.Coordinate, ".")
		require.Contains(t, s.Types, typ)
		assert.NotNil(t, s.Types[typ].Fields.ForName(field), p.Coordinate)
		got, ok := schema.Admin().Protected(p.Coordinate)
		assert.True(t, ok)
		assert.Equal(t, p, got)
	}
	assert.Equal(t, map[string]int{"name": 34, "address": 24, "phone": 12, "email": 11}, count)
	_, ok := schema.Admin().Protected("Order.name")
	assert.False(t, ok)
	assert.Empty(t, schema.Storefront().ProtectedFields())
}

func TestGIDTypes(t *testing.T) {
	assert.Equal(t, []string{"Order"}, schema.Admin().GIDTypes("QueryRoot.order(id:)"))
	assert.Equal(t, []string{"Order"}, schema.Admin().GIDTypes("OrderInput.id"))
	assert.Nil(t, schema.Admin().GIDTypes("QueryRoot.order"))
	got := schema.Admin().GIDTypes("OrderInput.id")
	got[0] = "changed"
	assert.Equal(t, []string{"Order"}, schema.Admin().GIDTypes("OrderInput.id"), "the caller has a copy")
}

func TestTablesCannotBeChanged(t *testing.T) {
	a, _ := schema.Admin().Access("Customer")
	a.AllOf[0][0] = "changed"
	b, _ := schema.Admin().Access("Customer")
	assert.Equal(t, [][]string{{"read_customers"}}, b.AllOf)
}

func ExampleSchema_Access() {
	access, _ := schema.Admin().Access("Mutation.draftOrderCreate")
	fmt.Println(access.AllOf)
	fmt.Println(access.Also)
	fmt.Println(access.Allows([]string{"write_draft_orders"}))
	// Output:
	// [[write_draft_orders write_quick_sale]]
	// The user must have access to manage draft orders.
	// true
}

func ExampleSchema_SDL() {
	s, err := gqlparser.LoadSchema(&ast.Source{Name: "admin", Input: schema.Admin().SDL()})
	if err != nil {
		panic(err)
	}
	fmt.Println(s.Types["Order"].Fields.ForName("customer").Type)
	// Output: Customer
}

func ExampleSchema_Protected() {
	field, ok := schema.Admin().Protected("Customer.firstName")
	fmt.Println(field.Content, ok)
	// Output: name true
}
