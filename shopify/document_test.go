package shopify_test

import (
	"strings"
	"testing"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

func TestParseOperation(t *testing.T) {
	tests := []struct {
		name, document, operation string
		want                      shopify.Operation
	}{
		{"short query", `{ shop { name } orders(first: 1) { nodes { id } } }`, "", shopify.Operation{Kind: shopify.Query, Fields: []string{"shop", "orders"}, Safety: shopify.SafetyRead}},
		{
			"query with everything", "# a comment with } and \"\n\ufeffquery Q($a: [Int!]! = [1, 2] @x(y: {z: \"}\"}), $b: String = \"\\\"}\") @d(a: $a) { alias: shop @include(if: true) { name(x: \"\"\"block \\\"\"\" } {\"\"\", y: -1.5e+3) } ... @skip(if: false) { order(id: 1) { id } } ... on QueryRoot { product(id: 2) { id } } ...F } fragment F on QueryRoot @z { customers(first: 1) { nodes { id } } }",
			"Q",
			shopify.Operation{Name: "Q", Kind: shopify.Query, Fields: []string{"shop", "order", "product", "customers"}, Safety: shopify.SafetyRead},
		},
		{"unsafe", createDraft, "CreateDraft", shopify.Operation{Name: "CreateDraft", Kind: shopify.Mutation, Fields: []string{"draftOrderCreate"}, Safety: shopify.SafetyUnsafe}},
		{"idempotent", addTags, "", shopify.Operation{Name: "AddTags", Kind: shopify.Mutation, Fields: []string{"tagsAdd"}, Safety: shopify.SafetyIdempotent}},
		{"idempotent under an alias", `mutation { draftOrderCreate: tagsAdd(id: 1) { node { id } } }`, "", shopify.Operation{Kind: shopify.Mutation, Fields: []string{"tagsAdd"}, Safety: shopify.SafetyIdempotent}},
		{"unsafe under an alias", `mutation { tagsAdd: draftOrderCreate(id: 1) { node { id } } }`, "", shopify.Operation{Kind: shopify.Mutation, Fields: []string{"draftOrderCreate"}, Safety: shopify.SafetyUnsafe}},
		{"keyed", refund, "", shopify.Operation{Name: "Refund", Kind: shopify.Mutation, Fields: []string{"refundCreate"}, Safety: shopify.SafetyKeyed}},
		{"keyed without a key", refundNoKey, "", shopify.Operation{Name: "Refund", Kind: shopify.Mutation, Fields: []string{"refundCreate"}, Safety: shopify.SafetyUnsafe}},
		{"key where none is taken", `mutation { orderCreate @idempotent(key: "k") { order { id } } }`, "", shopify.Operation{Kind: shopify.Mutation, Fields: []string{"orderCreate"}, Safety: shopify.SafetyUnsafe}},
		{"key one level too deep", `mutation { refundCreate { refund @idempotent(key: "k") { id } } }`, "", shopify.Operation{Kind: shopify.Mutation, Fields: []string{"refundCreate"}, Safety: shopify.SafetyUnsafe}},
		{"the least safe counts", `mutation { tagsAdd { node { id } } draftOrderCreate { draftOrder { id } } metafieldsSet { metafields { id } } }`, "", shopify.Operation{Kind: shopify.Mutation, Fields: []string{"tagsAdd", "draftOrderCreate", "metafieldsSet"}, Safety: shopify.SafetyUnsafe}},
		{"unsafe in a fragment", `mutation M { ...F } fragment F on Mutation { ...G } fragment G on Mutation { orderCreate { order { id } } }`, "", shopify.Operation{Name: "M", Kind: shopify.Mutation, Fields: []string{"orderCreate"}, Safety: shopify.SafetyUnsafe}},
		{"one of several", `query A { shop { id } } mutation B { tagsAdd { node { id } } }`, "B", shopify.Operation{Name: "B", Kind: shopify.Mutation, Fields: []string{"tagsAdd"}, Safety: shopify.SafetyIdempotent}},
		{"names that are keywords", `query query { mutation: fragment on: on { on } }`, "query", shopify.Operation{Name: "query", Kind: shopify.Query, Fields: []string{"fragment", "on"}, Safety: shopify.SafetyRead}},
		{"typename is no write", `mutation { __typename tagsAdd { node { id } } }`, "", shopify.Operation{Kind: shopify.Mutation, Fields: []string{"__typename", "tagsAdd"}, Safety: shopify.SafetyIdempotent}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := shopify.ParseOperation(tt.document, tt.operation)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestParseOperationRefuses(t *testing.T) {
	for name, document := range map[string]string{
		"nothing":             "",
		"no selection":        "query Q",
		"not closed":          "query { shop { id }",
		"wrong bracket":       "query { shop(a: [1)] { id } }",
		"closes too much":     "query { shop } }",
		"open string":         `query { shop(a: "x) { id } }`,
		"open block string":   `query { shop(a: """x") { id } }`,
		"string with newline": "query { shop(a: \"x\n\") { id } }",
		"bad character":       "query { shop § }",
		"two operations":      "query A { a } query B { b }",
		"unknown fragment":    "mutation { ...F }",
		"fragment cycle":      "mutation { ...F } fragment F on Mutation { ...F }",
		"fragment bomb":       bomb(),
		"empty selection":     "mutation { }",
		"deep":                "{" + strings.Repeat("...{", 50000) + "a" + strings.Repeat("}", 50001),
		"too long":            "{ shop }" + strings.Repeat(" ", 1<<20),
		"type definition":     "type Query { a: Int }",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := shopify.ParseOperation(document, "")
			assert.ErrorIs(t, err, shopify.ErrInvalid)
		})
	}
	_, err := shopify.ParseOperation(readShop, "Other")
	assert.ErrorIs(t, err, shopify.ErrInvalid)
}

// bomb is a document whose fragments double at each level.
func bomb() string {
	var b strings.Builder
	b.WriteString("query { ...F0 }")
	for i := range 14 {
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(" fragment F# on Q { ...F+ ...F+ ...F+ ...F+ }", "#", string(rune('a'+i))), "+", string(rune('b'+i))))
	}
	b.WriteString(" fragment Fo on Q { x }")
	return strings.Replace(b.String(), "F0", "Fa", 1)
}

// TestClassesFitTheSchema compares what the client believes with what Shopify's
// schema says.
func TestClassesFitTheSchema(t *testing.T) {
	sdl, err := gqlparser.LoadSchema(&ast.Source{Input: schema.Admin().SDL()})
	require.NoError(t, err)
	keyed := schema.Admin().IdempotentMutations()
	require.Len(t, keyed, 16)
	classes := map[shopify.Safety][]string{}
	for _, f := range sdl.Mutation.Fields {
		op, err := shopify.ParseOperation("mutation { "+f.Name+` @idempotent(key: "k") { x } }`, "")
		require.NoError(t, err)
		classes[op.Safety] = append(classes[op.Safety], f.Name)
	}
	assert.ElementsMatch(t, keyed, classes[shopify.SafetyKeyed], "exactly those that demand a key take one")
	assert.Subset(t, classes[shopify.SafetyIdempotent], []string{"draftOrderUpdate", "metafieldsSet", "orderClose", "orderUpdate", "tagsAdd", "webhookSubscriptionUpdate"})
	assert.Len(t, classes[shopify.SafetyIdempotent], 29, "every listed mutation exists")
	assert.Subset(t, classes[shopify.SafetyUnsafe], []string{"draftOrderCreate", "draftOrderComplete", "storeCreditAccountCredit", "giftCardCreate", "orderCreate", "flowTriggerReceive", "productSet", "returnProcess"})
	assert.Len(t, classes[shopify.SafetyUnsafe], 524-16-29)
	assert.Empty(t, classes[shopify.SafetyRead])
}

func TestSafety(t *testing.T) {
	for s, want := range map[shopify.Safety]struct {
		name       string
		repeatable bool
	}{
		shopify.SafetyRead: {"read", true}, shopify.SafetyIdempotent: {"idempotent", true}, shopify.SafetyKeyed: {"keyed", true},
		shopify.SafetyUnsafe: {"unsafe", false}, 0: {"unknown", false}, 99: {"unknown", false},
	} {
		assert.Equal(t, want.name, s.String())
		assert.Equal(t, want.repeatable, s.Repeatable())
	}
}
