package main

import (
	"testing"

	"github.com/posai-go/posai/shopify/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// TestRelativeInputsAreFound holds mutations that look like absolute updates
// against the rule.
func TestRelativeInputsAreFound(t *testing.T) {
	s, err := gqlparser.LoadSchema(&ast.Source{Name: "admin", Input: schema.Admin().SDL()})
	require.NoError(t, err)
	for name, want := range map[string]string{
		"productVariantsBulkUpdate": "media",
		"productUpdate":             "ProductInput.collectionsToJoin",
		"discountCodeBasicUpdate":   "DiscountCodeBasicInput.DiscountCustomerGetsInput.DiscountItemsInput.DiscountProductsInput.productVariantsToAdd",
		"inventoryAdjustQuantities": "InventoryAdjustQuantitiesInput.InventoryChangeInput.delta",
		"orderUpdate":               "",
	} {
		found := ""
		for _, arg := range s.Mutation.Fields.ForName(name).Arguments {
			if at := relative(s, arg.Name, arg.Type.Name(), map[string]bool{}); found == "" {
				found = at
			}
		}
		assert.Equal(t, want, found, name)
	}
}
