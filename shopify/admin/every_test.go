package admin_test

import (
	"encoding/json"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/schema"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// functions are the operations that [calls] does not exercise with input of
// their own.
var functions = map[string]any{
	"BulkOperationCancel": admin.BulkOperationCancel, "BulkOperationRunMutation": admin.BulkOperationRunMutation,
	"BulkOperationRunQuery": admin.BulkOperationRunQuery, "RecentBulkOperations": admin.RecentBulkOperations, "CashSummary": admin.CashSummary,
	"CustomerCreate": admin.CustomerCreate, "CustomerEmailMarketingConsentUpdate": admin.CustomerEmailMarketingConsentUpdate,
	"CustomerRequestDataErasure": admin.CustomerRequestDataErasure, "CustomerSet": admin.CustomerSet,
	"CustomerSmsMarketingConsentUpdate": admin.CustomerSmsMarketingConsentUpdate, "CustomerUpdate": admin.CustomerUpdate,
	"DiscountAutomaticActivate": admin.DiscountAutomaticActivate, "DiscountAutomaticBasicCreate": admin.DiscountAutomaticBasicCreate,
	"DiscountAutomaticBxgyCreate": admin.DiscountAutomaticBxgyCreate, "DiscountAutomaticDeactivate": admin.DiscountAutomaticDeactivate,
	"DiscountAutomaticDelete": admin.DiscountAutomaticDelete, "DiscountAutomaticFreeShippingCreate": admin.DiscountAutomaticFreeShippingCreate,
	"DiscountCodeActivate": admin.DiscountCodeActivate, "DiscountCodeBasicCreate": admin.DiscountCodeBasicCreate,
	"DiscountCodeBasicUpdate": admin.DiscountCodeBasicUpdate, "DiscountCodeBxgyCreate": admin.DiscountCodeBxgyCreate,
	"DiscountCodeBxgyUpdate": admin.DiscountCodeBxgyUpdate, "DiscountCodeDeactivate": admin.DiscountCodeDeactivate,
	"DiscountCodeDelete": admin.DiscountCodeDelete, "DiscountCodeFreeShippingCreate": admin.DiscountCodeFreeShippingCreate,
	"DiscountCodeFreeShippingUpdate": admin.DiscountCodeFreeShippingUpdate, "DraftOrderCalculate": admin.DraftOrderCalculate,
	"DraftOrderComplete": admin.DraftOrderComplete, "DraftOrderDelete": admin.DraftOrderDelete,
	"DraftOrderInvoiceSend": admin.DraftOrderInvoiceSend, "FindCollection": admin.FindCollection,
	"FindCustomer": admin.FindCustomer, "FindDiscountByCode": admin.FindDiscountByCode, "FindMetaobject": admin.FindMetaobject,
	"FindProduct": admin.FindProduct, "FlowTriggerReceive": admin.FlowTriggerReceive, "GetAppInstallation": admin.GetAppInstallation,
	"GetBulkOperation": admin.GetBulkOperation, "GetCashSession": admin.GetCashSession, "GetCollection": admin.GetCollection,
	"GetCustomer": admin.GetCustomer, "GetDiscount": admin.GetDiscount, "GetDraftOrder": admin.GetDraftOrder,
	"GetGiftCard": admin.GetGiftCard, "GetInventoryItem": admin.GetInventoryItem, "GetInventoryTransfer": admin.GetInventoryTransfer,
	"GetLocation": admin.GetLocation, "GetMetaobject": admin.GetMetaobject, "GetProduct": admin.GetProduct,
	"GetStaffMember": admin.GetStaffMember, "GetVariant": admin.GetVariant, "GiftCardCreate": admin.GiftCardCreate,
	"GiftCardCredit": admin.GiftCardCredit, "GiftCardDeactivate": admin.GiftCardDeactivate, "GiftCardDebit": admin.GiftCardDebit,
	"GiftCardUpdate": admin.GiftCardUpdate, "InventoryActivate": admin.InventoryActivate,
	"InventoryAdjustQuantities": admin.InventoryAdjustQuantities, "InventoryItemUpdate": admin.InventoryItemUpdate,
	"InventoryMoveQuantities": admin.InventoryMoveQuantities, "InventorySetQuantities": admin.InventorySetQuantities,
	"InventoryShipmentCreate": admin.InventoryShipmentCreate, "InventoryShipmentReceive": admin.InventoryShipmentReceive,
	"GetInventoryShipment": admin.GetInventoryShipment, "InventoryShipmentMarkInTransit": admin.InventoryShipmentMarkInTransit,
	"InventoryTransferCancel": admin.InventoryTransferCancel, "InventoryTransferCreate": admin.InventoryTransferCreate,
	"InventoryTransferCreateAsReadyToShip": admin.InventoryTransferCreateAsReadyToShip, "InventoryTransferEdit": admin.InventoryTransferEdit,
	"InventoryTransferMarkAsReadyToShip": admin.InventoryTransferMarkAsReadyToShip, "InventoryTransferRemoveItems": admin.InventoryTransferRemoveItems,
	"InventoryTransferSetItems": admin.InventoryTransferSetItems, "ListBulkOperations": admin.ListBulkOperations,
	"ListCashSessions": admin.ListCashSessions, "ListCollectionProducts": admin.ListCollectionProducts,
	"ListCollections": admin.ListCollections, "ListCustomers": admin.ListCustomers, "ListDiscounts": admin.ListDiscounts,
	"ListGiftCards": admin.ListGiftCards, "ListInventoryItems": admin.ListInventoryItems, "ListInventoryLevels": admin.ListInventoryLevels,
	"ListInventoryTransfers": admin.ListInventoryTransfers, "ListMetafieldDefinitions": admin.ListMetafieldDefinitions,
	"ListMetaobjects": admin.ListMetaobjects, "ListSegmentMembers": admin.ListSegmentMembers, "ListSegments": admin.ListSegments,
	"ListStaffMembers": admin.ListStaffMembers, "ListStoreCreditAccounts": admin.ListStoreCreditAccounts,
	"ListStoreCreditTransactions": admin.ListStoreCreditTransactions, "ListVariants": admin.ListVariants,
	"MetafieldDefinitionCreate": admin.MetafieldDefinitionCreate, "MetafieldDefinitionDelete": admin.MetafieldDefinitionDelete,
	"MetafieldDefinitionUpdate": admin.MetafieldDefinitionUpdate, "MetafieldsDelete": admin.MetafieldsDelete,
	"MetaobjectDefinitionCreate": admin.MetaobjectDefinitionCreate, "MetaobjectDelete": admin.MetaobjectDelete,
	"MetaobjectUpdate": admin.MetaobjectUpdate, "MetaobjectUpsert": admin.MetaobjectUpsert, "OrderCancel": admin.OrderCancel,
	"OrderClose": admin.OrderClose, "OrderEditAddLineItemDiscount": admin.OrderEditAddLineItemDiscount,
	"OrderEditAddVariant": admin.OrderEditAddVariant, "OrderEditBegin": admin.OrderEditBegin, "OrderEditCommit": admin.OrderEditCommit,
	"OrderEditSetQuantity": admin.OrderEditSetQuantity, "OrderOpen": admin.OrderOpen, "ProductCreate": admin.ProductCreate,
	"ProductSet": admin.ProductSet, "ProductUpdate": admin.ProductUpdate, "ProductVariantsBulkUpdate": admin.ProductVariantsBulkUpdate,
	"RunShopifyQL": admin.RunShopifyQL, "SegmentCreate": admin.SegmentCreate, "SegmentDelete": admin.SegmentDelete,
	"SegmentMembership": admin.SegmentMembership, "SegmentUpdate": admin.SegmentUpdate, "StagedUploadsCreate": admin.StagedUploadsCreate,
	"StoreCreditAccountCredit": admin.StoreCreditAccountCredit, "StoreCreditAccountDebit": admin.StoreCreditAccountDebit,
	"TagsRemove": admin.TagsRemove,

	"CollectionAddProductsV2": admin.CollectionAddProductsV2, "CollectionCreate": admin.CollectionCreate,
	"CollectionDelete": admin.CollectionDelete, "CollectionRemoveProducts": admin.CollectionRemoveProducts,
	"CollectionUpdate": admin.CollectionUpdate, "CustomerDelete": admin.CustomerDelete, "CustomerMerge": admin.CustomerMerge,
	"DiscountAutomaticBasicUpdate":        admin.DiscountAutomaticBasicUpdate,
	"DiscountAutomaticBxgyUpdate":         admin.DiscountAutomaticBxgyUpdate,
	"DiscountAutomaticFreeShippingUpdate": admin.DiscountAutomaticFreeShippingUpdate,
	"FindMetaobjectDefinition":            admin.FindMetaobjectDefinition, "GetMetaobjectDefinition": admin.GetMetaobjectDefinition,
	"InventoryDeactivate": admin.InventoryDeactivate, "ListMetaobjectDefinitions": admin.ListMetaobjectDefinitions,
	"ListReturnableFulfillments": admin.ListReturnableFulfillments, "LocationActivate": admin.LocationActivate,
	"LocationDeactivate": admin.LocationDeactivate, "LocationEdit": admin.LocationEdit, "MetaobjectCreate": admin.MetaobjectCreate,
	"MetaobjectDefinitionDelete": admin.MetaobjectDefinitionDelete, "MetaobjectDefinitionUpdate": admin.MetaobjectDefinitionUpdate,
	"OrderCreate": admin.OrderCreate, "OrderEditAddCustomItem": admin.OrderEditAddCustomItem, "OrderEditRemoveDiscount": admin.OrderEditRemoveDiscount,
	"OrderMarkAsPaid": admin.OrderMarkAsPaid, "OrderRefunds": admin.OrderRefunds, "OrderReturns": admin.OrderReturns,
	"ProductDelete": admin.ProductDelete, "ProductVariantsBulkCreate": admin.ProductVariantsBulkCreate,
	"ProductVariantsBulkDelete": admin.ProductVariantsBulkDelete, "RefundCreate": admin.RefundCreate,
	"ReturnApproveRequest": admin.ReturnApproveRequest, "ReturnCancel": admin.ReturnCancel, "ReturnClose": admin.ReturnClose,
	"ReturnCreate": admin.ReturnCreate, "ReturnDeclineRequest": admin.ReturnDeclineRequest, "ReturnProcess": admin.ReturnProcess,
	"ReturnReopen": admin.ReturnReopen, "ReturnRequest": admin.ReturnRequest, "SuggestedRefund": admin.SuggestedRefund,
}

// TestEveryFunctionReadsWhatTheSchemaAllows calls the functions with the least
// input that the schema allows, against a shop that makes its answers up: the
// documents are valid, the answers fit the Go types, and the personal data that
// is found in them is what the table says.
func TestEveryFunctionReadsWhatTheSchemaAllows(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: small, Improvise: true})
	c := connect(t, shop, shopify.Options{AllowUserErrors: true, AllowSearchWarnings: true})
	docs := documents(t)
	for _, op := range admin.Operations() {
		if _, ok := functions[op.Name]; !ok {
			continue // in calls
		}
		t.Run(op.Name, func(t *testing.T) {
			resp, err := invoke(t, c, docs, op.Name)
			require.NoError(t, err)
			for _, p := range shopify.Protected(resp.Interface()) {
				assert.Contains(t, op.Protected, p.Field)
			}
			if op.Kind == shopify.Mutation {
				assert.False(t, resp.Elem().Field(0).IsNil(), "the payload is there")
			}
		})
	}
}

// invoke calls a function with the least input.
func invoke(t *testing.T, c *shopify.Client, docs *ast.QueryDocument, name string) (reflect.Value, error) {
	t.Helper()
	f := reflect.ValueOf(functions[name])
	doc := docs.Operations.ForName(name)
	in := []reflect.Value{reflect.ValueOf(t.Context()), reflect.ValueOf(c)}
	for i, v := range doc.VariableDefinitions {
		if v.Variable == "key" { // of @idempotent: each operation's own, or the shop refuses it
			in = append(in, reflect.ValueOf(name))
			continue
		}
		in = append(in, argument(t, f.Type().In(i+2), v, uses(doc)[v.Variable]))
	}
	out := f.Call(in)
	err, _ := out[1].Interface().(error)
	return out[0], err
}

// TestProtectedFieldsOfTypes compares the marks on the Go types with the table.
func TestProtectedFieldsOfTypes(t *testing.T) {
	for name, f := range functions {
		op, ok := admin.LookupOperation(name)
		require.True(t, ok, name)
		found := map[string]bool{}
		marks(reflect.TypeOf(f).Out(0), found)
		for field := range found {
			assert.Contains(t, op.Protected, field, name)
		}
		for _, field := range op.Protected {
			assert.True(t, found[field], "%s: %s is not marked", name, field)
		}
	}
}

func marks(t reflect.Type, found map[string]bool) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		marks(t.Elem(), found)
	case reflect.Struct:
		for f := range t.Fields() {
			if mark, _, ok := strings.Cut(f.Tag.Get("protected"), ","); ok {
				found[mark] = true
				continue
			}
			marks(f.Type, found)
		}
	}
}

var pinned = gqlparser.MustLoadSchema(&ast.Source{Name: "admin", Input: schema.Admin().SDL()})

func documents(t *testing.T) *ast.QueryDocument {
	t.Helper()
	files, err := filepath.Glob("*.graphql")
	require.NoError(t, err)
	var text []byte
	for _, file := range files {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		text = append(append(text, b...), '\n')
	}
	doc, errs := gqlparser.LoadQueryWithRules(pinned, string(text), rules.NewDefaultRules())
	require.Empty(t, errs)
	return doc
}

// uses maps the variables of an operation to the schema coordinates of the
// arguments of the root field that take them.
func uses(op *ast.OperationDefinition) map[string]string {
	out := map[string]string{}
	root := op.SelectionSet[0].(*ast.Field)
	for _, a := range root.Arguments {
		if a.Value.Kind == ast.Variable {
			out[a.Value.Raw] = root.ObjectDefinition.Name + "." + root.Name + "(" + a.Name + ":)"
		}
	}
	return out
}

// argument makes the least value of a parameter.
func argument(t *testing.T, typ reflect.Type, v *ast.VariableDefinition, at string) reflect.Value {
	t.Helper()
	out := reflect.New(typ)
	if !v.Type.NonNull {
		return out.Elem()
	}
	raw, err := json.Marshal(least(v.Definition, v.Type, at))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, out.Interface()), "%s: %s", v.Variable, raw)
	return out.Elem()
}

// least makes the least value of an input type: what must be there, no more.
func least(def *ast.Definition, typ *ast.Type, at string) any {
	if typ.Elem != nil {
		return []any{least(def, typ.Elem, at)}
	}
	switch def.Kind {
	case ast.Enum:
		return def.EnumValues[0].Name
	case ast.InputObject:
		out := map[string]any{}
		for _, f := range def.Fields {
			// These must be sent, or the input must not be empty.
			must := f.Name == "changeFromQuantity" || def.Directives.ForName("oneOf") != nil && len(out) == 0
			if f.Type.NonNull && f.DefaultValue == nil || must {
				out[f.Name] = least(pinned.Types[f.Type.Name()], f.Type, def.Name+"."+f.Name)
			}
		}
		return out
	}
	switch typ.Name() {
	case "ID":
		kind := "Order"
		if types := schema.Admin().GIDTypes(at); len(types) > 0 {
			kind = types[0]
		}
		return "gid://shopify/" + kind + "/1"
	case "Int":
		return 3
	case "Float":
		return 0.5
	case "Boolean":
		return true
	case "Money", "Decimal":
		return "12.50"
	case "DateTime":
		return "2026-11-01T10:00:00Z"
	case "Date":
		return "2026-11-01"
	case "JSON":
		return map[string]any{"a": 1}
	case "CurrencyCode":
		return "USD"
	}
	return "x"
}

// TestListsOnAShop reads from every list that is not tested with what the shop
// stores: pages of the usual size cost less than half of what Shopify allows.
func TestListsOnAShop(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: small, Improvise: true})
	var info shopify.Info
	c := connect(t, shop, shopify.Options{}).With(shopify.CallOptions{Info: &info})
	ctx := t.Context()
	location, collection := shopify.GID(shop.Locations()[0].ID), makeCollection(t, c, shopify.GID(shop.Products()[0].ID))
	require.NoError(t, second(admin.GiftCardCreate(ctx, c, admin.GiftCardCreateInput{InitialAmount: shopify.Some(dollars(10))})))
	require.NoError(t, second(admin.InventoryTransferCreate(ctx, c, admin.InventoryTransferCreateInput{}, "transfer")))
	require.NoError(t, second(admin.BulkOperationRunQuery(ctx, c, "{ products { edges { node { id } } } }", false)))
	require.NoError(t, second(admin.DiscountCodeBasicCreate(ctx, c, spring(shop))))
	require.NoError(t, second(admin.MetafieldDefinitionCreate(ctx, c, message)))
	segment, err := admin.SegmentCreate(ctx, c, "Everybody", "number_of_orders >= 0")
	require.NoError(t, err)
	require.NoError(t, second(admin.MetaobjectDefinitionCreate(ctx, c, sizeChart)))
	require.NoError(t, second(admin.MetaobjectUpsert(ctx, c, admin.MetaobjectHandleInput{Type: "size_chart", Handle: "coats"}, admin.MetaobjectUpsertInput{})))
	for name, list := range map[string]func() (int, error){
		"Customers":              count(admin.Customers(ctx, c, nil)),
		"Segments":               count(admin.Segments(ctx, c, nil)),
		"SegmentMembers":         count(admin.SegmentMembers(ctx, c, segment.SegmentCreate.Segment.ID)),
		"FindSegmentMembers":     count(admin.FindSegmentMembers(ctx, c, "amount_spent >= 0")),
		"Variants":               count(admin.Variants(ctx, c, &admin.ListOptions{Query: "sku:AW*"})),
		"Collections":            count(admin.Collections(ctx, c, nil)),
		"CollectionProducts":     count(admin.CollectionProducts(ctx, c, collection)),
		"Discounts":              count(admin.Discounts(ctx, c, nil)),
		"GiftCards":              count(admin.GiftCards(ctx, c, nil)),
		"InventoryItems":         count(admin.InventoryItems(ctx, c, nil)),
		"InventoryLevels":        count(admin.InventoryLevels(ctx, c, location, nil)),
		"InventoryTransfers":     count(admin.InventoryTransfers(ctx, c, nil)),
		"CashSessions":           count(admin.CashSessions(ctx, c, nil)),
		"StaffMembers":           count(admin.StaffMembers(ctx, c, nil)),
		"MetafieldDefinitions":   count(admin.MetafieldDefinitions(ctx, c, admin.MetafieldOwnerTypeOrder, nil)),
		"MetaobjectDefinitions":  count(admin.MetaobjectDefinitions(ctx, c)),
		"ReturnableFulfillments": count(admin.ReturnableFulfillments(ctx, c, sell(t, shop))),
		"Metaobjects":            count(admin.Metaobjects(ctx, c, "size_chart", nil)),
		"BulkOperations":         count(admin.BulkOperations(ctx, c, nil)),
	} {
		t.Run(name, func(t *testing.T) {
			n, err := list()
			require.NoError(t, err)
			assert.Positive(t, n)
			assert.LessOrEqual(t, info.Cost.Requested, 500.0)
		})
	}
}

func count[T any](seq iter.Seq2[T, error]) func() (int, error) {
	return func() (int, error) {
		n := 0
		for _, err := range seq {
			if err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	}
}

func TestPreflight(t *testing.T) {
	ops, err := admin.Lookup("GetOrder", "TagsAdd", "StoreCreditAccountCredit")
	require.NoError(t, err)
	assert.Equal(t, [][]string{{"read_customers"}, {"read_locations"}, {"read_products"}, {"read_store_credit_accounts"}, {"write_store_credit_account_transactions"}, {"read_orders", "read_marketplace_orders"}}, shopify.RequiredScopes(ops...))

	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: small, Scopes: []string{"read_products", "write_orders", "write_customers", "read_store_credit_accounts"}})
	c := connect(t, shop, shopify.Options{})
	err = admin.Preflight(t.Context(), c, ops...)
	require.ErrorIs(t, err, shopify.ErrAccessDenied)
	missing, ok := errors.AsType[*shopify.MissingScopesError](err)
	require.True(t, ok)
	assert.Equal(t, []shopify.MissingScope{
		{AnyOf: []string{"read_locations"}, Operations: []string{"GetOrder"}},
		{AnyOf: []string{"write_store_credit_account_transactions"}, Operations: []string{"StoreCreditAccountCredit"}},
	}, missing.Missing)
	assert.Equal(t, "shopify: missing access scopes: read_locations (for GetOrder); write_store_credit_account_transactions (for StoreCreditAccountCredit)", err.Error())

	assert.NoError(t, admin.Preflight(t.Context(), connect(t, shopifytest.NewShop(t, &shopifytest.Options{Data: small}), shopify.Options{}), admin.Operations()...))
	_, err = admin.Lookup("GetOrder", "GetNothing")
	assert.ErrorIs(t, err, shopify.ErrInvalid)
}
