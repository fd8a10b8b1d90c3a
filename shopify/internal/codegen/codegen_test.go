package codegen_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/posai-go/posai/shopify/internal/codegen"
	"github.com/posai-go/posai/shopify/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestGeneratedCodeIsCurrent fails when go generate would leave a diff.
func TestGeneratedCodeIsCurrent(t *testing.T) {
	dir, err := filepath.Abs(filepath.Join("..", "..", "admin"))
	require.NoError(t, err)
	files, err := codegen.Generate(codegen.Config{Dir: dir, Package: "admin", API: "admin-graphql", Schema: schema.Admin()})
	require.NoError(t, err)
	assert.Greater(t, len(files), 2)
	stale, err := filepath.Glob(filepath.Join(dir, "*_gen.go"))
	require.NoError(t, err)
	assert.Len(t, stale, len(files))
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.True(t, string(want) == string(got), "%s is not what go generate ./shopify/admin writes", name)
	}
}

// generate runs the generator on one document.
func generate(t *testing.T, document string) (code, table string, err error) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.graphql"), []byte(document), 0o600))
	files, err := codegen.Generate(codegen.Config{Dir: dir, Package: "ops", API: "admin-graphql", Schema: schema.Admin()})
	return string(files["a_gen.go"]), string(files["ops_table_gen.go"]), err
}

func TestInputs(t *testing.T) {
	code, table, err := generate(t, `
# Move moves stock.
mutation Move($input: InventoryAdjustQuantitiesInput!, $key: String!) {
  inventoryAdjustQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { id reason referenceDocumentUri }
    userErrors { field message code }
  }
}
query List($first: Int, $skip: Boolean!) { locations(first: $first) @skip(if: $skip) { nodes { id } } }`)
	require.NoError(t, err)
	for _, want := range []string{
		// A field that must be sendable as null, and is not sent when unset.
		"ChangeFromQuantity shopify.Optional[int]    `json:\"changeFromQuantity,omitzero\"`",
		"Delta              int                      `json:\"delta\"`",
		"InventoryItemID    shopify.GID              `json:\"inventoryItemId\"`",
		"Changes              []InventoryChangeInput   `json:\"changes\"`",
		"ReferenceDocumentURI shopify.Optional[string] `json:\"referenceDocumentUri,omitzero\"`",
		"// Source: https://shopify.dev/docs/api/admin-graphql/2026-10/input-objects/InventoryChangeInput",
		// Variables.
		"First shopify.Optional[int] `json:\"first,omitzero\"`",
		"Skip  bool                  `json:\"skip\"`",
		"first shopify.Optional[int],",
		"key string,",
		// Responses: what may be null is a pointer, texts are plain.
		"InventoryAdjustmentGroup *Move",
		"ReferenceDocumentURI string      `json:\"referenceDocumentUri\"`",
		"// Move moves stock.\nfunc Move(\n\tctx context.Context,\n\tclient graphql.Client,",
		"const moveDocument = `",
	} {
		assert.True(t, strings.Contains(code, want), "missing: %s", want)
	}
	for _, not := range []string{"omitempty", "func (v *", "ctx_", "interface{}", "var All"} {
		assert.False(t, strings.Contains(code, not), not)
	}
	assert.Contains(t, table, `Safety: shopify.SafetyKeyed`)
	assert.Contains(t, table, `"write_inventory"`)
}

func TestInterfacesKeepTheirGetters(t *testing.T) {
	code, table, err := generate(t, `
query Find($id: ID!) {
  node(id: $id) { id ... on Order { name email } ... on Customer { firstName } }
}
query Lines($id: ID!) { return(id: $id) { returnLineItems(first: 9) { nodes { id customerNote ... on ReturnLineItem { totalWeight { value } } } } } }`)
	require.NoError(t, err)
	assert.Contains(t, code, "type FindNode interface {")
	assert.Contains(t, code, "GetID() shopify.GID")
	assert.Contains(t, code, "func (v *FindNodeOrder) GetID() shopify.GID { return v.ID }")
	assert.Contains(t, code, "GetCustomerNote() string", "texts are plain in interfaces too")
	assert.NotContains(t, code, "*string")
	assert.Contains(t, table, `Protected: []string{"Customer.firstName", "Order.email"}`)
	assert.Contains(t, table, `{"read_customers"}`, "what a fragment on another type needs counts")
}

func TestProtectedFieldsAreMarked(t *testing.T) {
	code, _, err := generate(t, `
query Find {
  customers(first: 1) { nodes { id called: firstName firstName: note defaultAddress { ...Place } } }
  orders(first: 1) { nodes { name email ...Contact } }
}
# Place has a comment of its own.
fragment Place on MailingAddress { zip formatted city }
fragment Contact on Order { phone }`)
	require.NoError(t, err)
	for _, want := range []string{
		"`json:\"called\" protected:\"Customer.firstName,name\"`",
		"`json:\"firstName\"`", // an alias of something else
		"`json:\"zip\" protected:\"MailingAddress.zip,address\"`",
		"`json:\"formatted\" protected:\"MailingAddress.formatted,address\"`",
		"`json:\"city\"`",
		"`json:\"name\"`",
		"`json:\"email\" protected:\"Order.email,email\"`",
		"`json:\"phone\" protected:\"Order.phone,phone\"`",
	} {
		assert.True(t, strings.Contains(code, want), "missing: %s", want)
	}
}

func TestUserErrorsInFragments(t *testing.T) {
	_, _, err := generate(t, `mutation M($id: ID!) { tagsAdd(id: $id, tags: []) { ...P } } fragment P on TagsAddPayload { userErrors { message } }`)
	require.NoError(t, err)
	_, _, err = generate(t, `mutation M($id: ID!) { orderCancel(orderId: $id, reason: OTHER, restock: false) { orderCancelUserErrors { message } } }`)
	require.NoError(t, err)
}

func TestDocumentsThatAreRefused(t *testing.T) {
	for name, document := range map[string]string{
		"syntax":             `query Q {`,
		"unknown field":      `query Q { shop { nope } }`,
		"unknown argument":   `query Q { shop(x: 1) { id } }`,
		"no name":            `{ shop { id } }`,
		"half a Money":       `query Q { customer(id: 1) { amountSpent { amount } } }`,
		"wrong variable":     `query Q($id: String!) { order(id: $id) { id } }`,
		"scalar with a body": `query Q { shop { name { x } } }`,
		"no operation":       `fragment F on Shop { id }`,
		"no user errors":     `mutation M($id: ID!) { tagsAdd(id: $id, tags: []) { node { id } } }`,
		"hidden user errors": `mutation M($id: ID!) { tagsAdd(id: $id, tags: []) { errors: userErrors { message } } }`,
		"odd user errors":    `mutation M($id: ID!) { orderCancel(orderId: $id, reason: OTHER, restock: false) { job { id } } }`,
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := generate(t, document)
			assert.Error(t, err)
		})
	}
}
