package admin_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGetOrder(t *testing.T) {
	c, r := record(t, `{"data":{"order":{
		"id":"gid://shopify/Order/820982911946154508","name":"#1042","createdAt":"2026-11-01T10:00:00Z","processedAt":"2026-11-01T10:00:00Z","cancelledAt":null,
		"test":false,"sourceName":"pos","note":null,"tags":["vip"],"customAttributes":[{"key":"gift","value":null}],
		"totalPriceSet":{"shopMoney":{"amount":"520.0","currencyCode":"USD"}},"displayFinancialStatus":"PAID","displayFulfillmentStatus":"FULFILLED",
		"retailLocation":{"id":"gid://shopify/Location/1","name":"Main Street","isActive":true},
		"transactions":[{"id":"gid://shopify/OrderTransaction/1","kind":"SALE","status":"SUCCESS","gateway":"cash","formattedGateway":"Cash","amountSet":{"shopMoney":{"amount":"520.00","currencyCode":"USD"}}}],
		"customer":{"id":"gid://shopify/Customer/1","firstName":"Mara","lastName":null,"locale":"en","tags":[],"numberOfOrders":"18446744073709551615","amountSpent":{"amount":"1.10","currencyCode":"USD"},"defaultEmailAddress":{"emailAddress":"mara@example.com","marketingState":"SUBSCRIBED"}},
		"lineItems":{"nodes":[{"id":"gid://shopify/LineItem/1","title":"Linen shirt","variantTitle":"M","sku":null,"quantity":2,"currentQuantity":1,"isGiftCard":false,"customAttributes":[],"discountedUnitPriceSet":{"shopMoney":{"amount":"260.00","currencyCode":"USD"}},"product":null,"variant":null}],"pageInfo":{"hasNextPage":false,"endCursor":"c"}}
	}}}`)
	resp, err := admin.GetOrder(t.Context(), c, "gid://shopify/Order/820982911946154508")
	require.NoError(t, err)
	assert.JSONEq(t, `{"id":"gid://shopify/Order/820982911946154508"}`, r.variables(t))
	o := resp.Order
	require.NotNil(t, o)
	assert.Equal(t, "#1042", o.Name)
	assert.Equal(t, time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC), o.CreatedAt)
	assert.Nil(t, o.CancelledAt)
	assert.Empty(t, o.Note)
	assert.Equal(t, "520.00 USD", o.TotalPriceSet.ShopMoney.String())
	assert.Equal(t, admin.OrderDisplayFinancialStatusPaid, o.DisplayFinancialStatus)
	assert.Equal(t, "Main Street", o.RetailLocation.Name)
	assert.Equal(t, shopify.Uint64(1<<64-1), o.Customer.NumberOfOrders)
	assert.Equal(t, admin.CustomerEmailAddressMarketingStateSubscribed, o.Customer.DefaultEmailAddress.MarketingState)
	assert.Nil(t, o.LineItems.Nodes[0].Product)
	assert.Equal(t, "cash", o.Transactions[0].Gateway)
}

func TestGetOrderThatIsNotThere(t *testing.T) {
	c, _ := record(t, `{"data":{"order":null}}`)
	resp, err := admin.GetOrder(t.Context(), c, orderID)
	require.NoError(t, err)
	assert.Nil(t, resp.Order)
}

func TestPartialDataAreKept(t *testing.T) {
	c, _ := record(t, `{"data":{"order":{"id":"gid://shopify/Order/1","name":"#1","createdAt":"2026-11-01T10:00:00Z","processedAt":"2026-11-01T10:00:00Z","customer":null,"totalPriceSet":{"shopMoney":{"amount":"1","currencyCode":"USD"}}}},
		"errors":[{"message":"Access denied for customer field.","path":["order","customer"],"extensions":{"code":"ACCESS_DENIED","requiredAccess":"x"}}]}`)
	resp, err := admin.GetOrder(t.Context(), c, orderID)
	require.ErrorIs(t, err, shopify.ErrAccessDenied)
	require.NotNil(t, resp.Order)
	assert.Equal(t, "#1", resp.Order.Name)
}

func TestUserErrorsAreErrors(t *testing.T) {
	c, _ := record(t, `{"data":{"metafieldsSet":{"metafields":[],"userErrors":[{"field":["metafields","0","value"],"message":"Value can't be blank.","code":"BLANK","elementIndex":0}]}}}`)
	resp, err := admin.MetafieldsSet(t.Context(), c, []admin.MetafieldsSetInput{{OwnerID: orderID, Namespace: shopify.Some("$app"), Key: "message", Value: ""}})
	ue, ok := errors.AsType[*shopify.UserErrors](err)
	require.True(t, ok, "%v", err)
	assert.True(t, ue.Has("BLANK"))
	assert.Equal(t, admin.MetafieldsSetUserErrorCodeBlank, resp.MetafieldsSet.UserErrors[0].Code)
}

func TestOptionalVariables(t *testing.T) {
	c, r := record(t, `{"data":{"orders":{"nodes":[],"pageInfo":{"hasNextPage":false,"endCursor":null}}}}`)
	var none shopify.Optional[string]
	_, err := admin.ListOrders(t.Context(), c, 5, none, none, shopify.Optional[admin.OrderSortKeys]{}, shopify.Optional[bool]{})
	require.NoError(t, err)
	assert.Equal(t, `{"first":5}`, r.variables(t), "an unset variable takes the schema's default")
	_, err = admin.ListOrders(t.Context(), c, 5, shopify.Some("cursor"), shopify.Null[string](), shopify.Some(admin.OrderSortKeysCreatedAt), shopify.Some(true))
	require.NoError(t, err)
	assert.JSONEq(t, `{"first":5,"after":"cursor","query":null,"sortKey":"CREATED_AT","reverse":true}`, r.variables(t))
}

func TestOperations(t *testing.T) {
	all := admin.Operations()
	var names []string
	for _, op := range all {
		names = append(names, op.Name)
		found, ok := admin.LookupOperation(op.Name)
		require.True(t, ok)
		assert.Equal(t, op, found)
	}
	assert.True(t, slices.IsSorted(names))

	files, err := filepath.Glob("*.graphql")
	require.NoError(t, err)
	var written []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`(?m)^(?:query|mutation) (\w+)`).FindAllStringSubmatch(string(text), -1) {
			written = append(written, m[1])
		}
		assert.Equal(t, strings.Count(string(text), "\n# Source: https://shopify.dev/docs/api/admin-graphql/2026-10/"), len(regexp.MustCompile(`(?m)^(?:query|mutation) `).FindAllString(string(text), -1)), "%s: every operation names its page", file)
	}
	assert.ElementsMatch(t, written, names)

	for name, want := range map[string]shopify.Safety{
		"GetOrder": shopify.SafetyRead, "MetafieldsSet": shopify.SafetyIdempotent, "TagsAdd": shopify.SafetyIdempotent,
		"OrderUpdate": shopify.SafetyIdempotent, "DraftOrderUpdate": shopify.SafetyIdempotent, "DraftOrderCreate": shopify.SafetyUnsafe,
		"RefundCreate": shopify.SafetyKeyed, "LocationActivate": shopify.SafetyKeyed, "LocationDeactivate": shopify.SafetyKeyed, "SuggestedRefund": shopify.SafetyRead,
		"LocationEdit": shopify.SafetyIdempotent, "ReturnCreate": shopify.SafetyUnsafe, "ReturnProcess": shopify.SafetyUnsafe, "OrderCreate": shopify.SafetyUnsafe,
		"OrderMarkAsPaid": shopify.SafetyUnsafe, "CustomerMerge": shopify.SafetyUnsafe,
	} {
		op, ok := admin.LookupOperation(name)
		require.True(t, ok, name)
		assert.Equal(t, want, op.Safety, name)
	}
	order, _ := admin.LookupOperation("GetOrder")
	assert.Contains(t, order.Scopes, []string{"read_customers"})
	assert.Equal(t, []string{"Customer.firstName", "Customer.lastName", "CustomerEmailAddress.emailAddress"}, order.Protected)
	set, _ := admin.LookupOperation("MetafieldsSet")
	require.Len(t, set.Also, 1)
	assert.Contains(t, set.Also[0], "Mutation.metafieldsSet: the same access level", "what is not understood is kept")

	order.Scopes[0][0] = "changed"
	again, _ := admin.LookupOperation("GetOrder")
	assert.NotEqual(t, "changed", again.Scopes[0][0], "the caller has a copy")
	_, ok := admin.LookupOperation("Nothing")
	assert.False(t, ok)
}

func TestProtectedValuesOfResponses(t *testing.T) {
	c, _ := record(t, `{"data":{"order":{"id":"gid://shopify/Order/1","totalPriceSet":{"shopMoney":{"amount":"1","currencyCode":"USD"}},"customer":{
		"id":"gid://shopify/Customer/1","firstName":"Mara","lastName":null,"amountSpent":{"amount":"1","currencyCode":"USD"},"defaultEmailAddress":{"emailAddress":"mara@example.com","marketingState":"SUBSCRIBED"}}}}}`)
	resp, err := admin.GetOrder(t.Context(), c, orderID)
	require.NoError(t, err)
	within := []shopify.GID{orderID, "gid://shopify/Customer/1"}
	assert.Equal(t, []shopify.ProtectedValue{
		{Path: "order.customer.firstName", Field: "Customer.firstName", Content: "name", Value: "Mara", Within: within},
		{Path: "order.customer.defaultEmailAddress.emailAddress", Field: "CustomerEmailAddress.emailAddress", Content: "email", Value: "mara@example.com", Within: within},
	}, shopify.Protected(resp))
}
