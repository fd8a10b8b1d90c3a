package admin_test

import (
	"testing"
	"time"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// requireRefused demands one user error of that field and code.
func requireRefused(t *testing.T, err error, code string, field ...string) {
	t.Helper()
	var list *shopify.UserErrors
	require.ErrorAs(t, err, &list)
	require.Len(t, list.List, 1)
	assert.Equal(t, code, list.List[0].Code)
	assert.Equal(t, field, list.List[0].Field)
}

func TestCustomersAreWritten(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: small})
	c, ctx := connect(t, shop, shopify.Options{}), t.Context()
	made, err := admin.CustomerCreate(ctx, c, admin.CustomerInput{FirstName: shopify.Some("Eve"), Email: shopify.Some("eve@example.com"), Phone: shopify.Some("+12125550123")})
	require.NoError(t, err)
	id := made.CustomerCreate.Customer.ID
	_, err = admin.CustomerCreate(ctx, c, admin.CustomerInput{Email: shopify.Some("Eve@example.com")})
	requireRefused(t, err, "", "email")

	at := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	consent := admin.CustomerEmailMarketingConsentInput{MarketingState: admin.CustomerEmailMarketingStateSubscribed, ConsentUpdatedAt: shopify.Some(at)}
	told, err := admin.CustomerEmailMarketingConsentUpdate(ctx, c, admin.CustomerEmailMarketingConsentUpdateInput{CustomerID: id, EmailMarketingConsent: consent})
	require.NoError(t, err)
	assert.Equal(t, admin.CustomerEmailAddressMarketingStateSubscribed, told.CustomerEmailMarketingConsentUpdate.Customer.DefaultEmailAddress.MarketingState)
	_, err = admin.CustomerEmailMarketingConsentUpdate(ctx, c, admin.CustomerEmailMarketingConsentUpdateInput{CustomerID: "gid://shopify/Customer/1", EmailMarketingConsent: consent})
	requireRefused(t, err, "INVALID", "input", "customerId")
	sms := admin.CustomerSmsMarketingConsentInput{MarketingState: admin.CustomerSmsMarketingStateUnsubscribed}
	_, err = admin.CustomerSmsMarketingConsentUpdate(ctx, c, admin.CustomerSmsMarketingConsentUpdateInput{CustomerID: id, SmsMarketingConsent: sms})
	require.NoError(t, err)
	sms.MarketingState = admin.CustomerSmsMarketingStateNotSubscribed
	_, err = admin.CustomerSmsMarketingConsentUpdate(ctx, c, admin.CustomerSmsMarketingConsentUpdateInput{CustomerID: id, SmsMarketingConsent: sms})
	requireRefused(t, err, "INVALID", "input", "smsMarketingConsent", "marketingState")

	by := shopify.Some(admin.CustomerSetIdentifiers{Email: shopify.Some("eve@example.com")})
	set, err := admin.CustomerSet(ctx, c, admin.CustomerSetInput{Email: shopify.Some("eve@example.com"), LastName: shopify.Some("Stone")}, by)
	require.NoError(t, err)
	assert.Equal(t, id, set.CustomerSet.Customer.ID)
	_, err = admin.CustomerSet(ctx, c, admin.CustomerSetInput{Email: shopify.Some("adam@example.com")}, by)
	requireRefused(t, err, "INPUT_MISMATCH", "input", "email")

	read, err := admin.GetCustomer(ctx, c, id)
	require.NoError(t, err)
	assert.Equal(t, "Eve Stone", read.Customer.DisplayName)
	assert.Equal(t, admin.CustomerMarketingConsentStateUnsubscribed, read.Customer.DefaultPhoneNumber.SmsMarketingConsent.State)

	_, err = admin.CustomerRequestDataErasure(ctx, c, id)
	require.NoError(t, err)
	_, err = admin.CustomerRequestDataErasure(ctx, c, "gid://shopify/Customer/1")
	requireRefused(t, err, "DOES_NOT_EXIST", "customerId")
}

func TestCustomersAreMergedAndDeleted(t *testing.T) {
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: small})
	c, ctx := connect(t, shop, shopify.Options{}), t.Context()
	add := func(email string) shopify.GID {
		made, err := admin.CustomerCreate(ctx, c, admin.CustomerInput{Email: shopify.Some(email)})
		require.NoError(t, err)
		return made.CustomerCreate.Customer.ID
	}
	one, two, three := add("one@example.com"), add("two@example.com"), add("three@example.com")
	keep := shopify.Some(admin.CustomerMergeOverrideFields{CustomerIDOfEmailToKeep: shopify.Some(two)})
	merged, err := admin.CustomerMerge(ctx, c, one, two, keep)
	require.NoError(t, err)
	result := merged.CustomerMerge.ResultingCustomerID
	gone := map[shopify.GID]shopify.GID{one: two, two: one}[result]
	require.NotEmpty(t, gone, "one of the two stays")
	stays, err := admin.GetCustomer(ctx, c, result)
	require.NoError(t, err)
	assert.Equal(t, "two@example.com", stays.Customer.DefaultEmailAddress.EmailAddress)
	read, err := admin.GetCustomer(ctx, c, gone)
	require.NoError(t, err)
	assert.Nil(t, read.Customer)
	require.Error(t, second(admin.CustomerMerge(ctx, c, result, gone, keep)), "it cannot be repeated")

	deleted, err := admin.CustomerDelete(ctx, c, admin.CustomerDeleteInput{ID: three})
	require.NoError(t, err)
	assert.Equal(t, three, deleted.CustomerDelete.DeletedCustomerID)
	requireRefused(t, second(admin.CustomerDelete(ctx, c, admin.CustomerDeleteInput{ID: three})), "", "id")
	order, err := admin.GetOrder(ctx, c, sell(t, shop))
	require.NoError(t, err)
	requireRefused(t, second(admin.CustomerDelete(ctx, c, admin.CustomerDeleteInput{ID: order.Order.Customer.ID})), "", "id")
}
