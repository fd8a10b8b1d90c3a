package webhook_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/webhook"
)

// fixture decodes the sample body of a topic.
func fixture[T any](t testing.TB, topic webhook.Topic[T]) T {
	t.Helper()
	body, err := os.ReadFile("webhooktest/samples/" + string(topic) + ".json")
	require.NoError(t, err)
	var payload T
	require.NoError(t, json.Unmarshal(body, &payload))
	return payload
}

func TestReturn(t *testing.T) {
	const order = 820982911946154508
	asked := fixture(t, webhook.ReturnsRequest)
	assert.Equal(t, "requested", asked.Status)
	assert.Equal(t, int64(order), asked.OrderID, "sent as an object")
	require.Len(t, asked.ReturnLineItems, 2)
	sleeves, other := asked.ReturnLineItems[0], asked.ReturnLineItems[1]
	assert.Equal(t, int64(866550311766439020), sleeves.LineItemID())
	assert.Equal(t, "size_too_small", sleeves.ReturnReason)
	assert.Equal(t, "The sleeves end above my wrists.", sleeves.CustomerNote)
	assert.Equal(t, int64(17), sleeves.ReturnReasonDefinition.ID, "sent as a GID")
	assert.Equal(t, "too-small", sleeves.ReturnReasonDefinition.Handle)
	assert.Zero(t, other.LineItemID())
	assert.Nil(t, other.ReturnReasonDefinition)
	assert.Nil(t, other.RestockingFee)

	approved := fixture(t, webhook.ReturnsApprove)
	assert.Equal(t, "10", approved.ReturnLineItems[0].RestockingFee.Price.ShopMoney.Amount.String())
	assert.Equal(t, "CAD", approved.ReturnShippingFees[0].Price.PresentmentMoney.CurrencyCode)
	assert.Nil(t, approved.ExchangeLineItems[0].LineItem)

	declined := fixture(t, webhook.ReturnsDecline)
	assert.Equal(t, "return_period_ended", declined.Decline.Reason)

	closed := fixture(t, webhook.ReturnsClose)
	assert.Equal(t, int64(order), closed.OrderID, "sent as a number")
	assert.Nil(t, closed.Order)

	updated := fixture(t, webhook.ReturnsUpdate)
	assert.Equal(t, "gid://shopify/ReturnLineItem/7712310291", updated.ReturnLineItems.Removals[0].AdminGraphqlAPIID)
	assert.Equal(t, int64(2), updated.ReturnLineItems.Removals[0].Delta)
	assert.Len(t, updated.RestockingFees.Updates, 1)
}

func TestRefund(t *testing.T) {
	refund := fixture(t, webhook.RefundsCreate)
	assert.Equal(t, int64(4406838290), refund.Return.ID)
	assert.Equal(t, "8", refund.RefundShippingLines[0].SubtotalAmountSet.ShopMoney.Amount.String())
	line := refund.RefundLineItems[0]
	assert.Equal(t, "return", line.RestockType)
	assert.Equal(t, "47.13", line.TotalTax.String(), "a number without a float in between")
	assert.Equal(t, "COAT-NV-M", line.LineItem.SKU)
	paid := refund.Transactions[0]
	assert.Equal(t, "-0.01", paid.AmountRounding.String())
	assert.Equal(t, "USD", paid.TotalUnsettledSet.ShopMoney.CurrencyCode, "sent as currency")
	assert.Nil(t, refund.Extra)
}
