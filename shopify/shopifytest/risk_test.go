package shopifytest_test

import (
	"encoding/json"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

const assessRisk = `mutation($in: OrderRiskAssessmentCreateInput!) { orderRiskAssessmentCreate(orderRiskAssessmentInput: $in) {
	orderRiskAssessment { riskLevel facts { description sentiment } provider { title } } userErrors { field message code } } }`

func TestOrderRiskAssessmentCreate(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	assess := func(order, level string, facts ...any) any {
		t.Helper()
		return at(data(t, s, assessRisk, map[string]any{"in": map[string]any{"orderId": order, "riskLevel": level, "facts": facts}}), "orderRiskAssessmentCreate")
	}
	fact := map[string]any{"description": "Three returns within two days", "sentiment": "NEGATIVE"}
	taken, err := s.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{SKU: s.Products()[0].Variants[0].SKU}}})
	require.NoError(t, err)
	sent, err := s.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{SKU: s.Products()[0].Variants[0].SKU}}, SendLater: true})
	require.NoError(t, err)
	assert.Equal(t, "UNFULFILLED", sent.FulfillmentStatus)

	assert.Equal(t, "ORDER_ALREADY_FULFILLED", at(assess(taken.ID, "HIGH", fact), "userErrors", 0, "code"), "what was taken along is fulfilled")
	assert.Equal(t, "NOT_FOUND", at(assess("gid://shopify/Order/1", "HIGH", fact), "userErrors", 0, "code"))
	many := make([]any, 21)
	for i := range many {
		many[i] = fact
	}
	assert.Equal(t, "TOO_MANY_FACTS", at(assess(sent.ID, "HIGH", many...), "userErrors", 0, "code"))
	assert.Equal(t, "INVALID", at(assess(sent.ID, "HIGH", map[string]any{"description": "", "sentiment": "NEUTRAL"}), "userErrors", 0, "code"))
	got, _ := s.Order(sent.ID)
	assert.Empty(t, got.Risks, "what was refused was not written")

	out := assess(sent.ID, "MEDIUM", fact)
	require.Empty(t, at(out, "userErrors"))
	assert.Equal(t, "Simulated app", at(out, "orderRiskAssessment", "provider", "title"))
	got, _ = s.Order(sent.ID)
	require.Len(t, got.Risks, 1)
	assert.Equal(t, []shopifytest.RiskFact{{Description: "Three returns within two days", Sentiment: "NEGATIVE"}}, got.Risks[0].Facts)
	read := `query($id: ID!) { order(id: $id) { risk { recommendation assessments { riskLevel facts { description } } } } }`
	risk := at(data(t, s, read, map[string]any{"id": sent.ID}), "order", "risk")
	assert.Equal(t, "INVESTIGATE", at(risk, "recommendation"))
	assert.Equal(t, "MEDIUM", at(risk, "assessments", 0, "riskLevel"))
	assess(sent.ID, "HIGH", fact)
	assert.Equal(t, "CANCEL", at(data(t, s, read, map[string]any{"id": sent.ID}), "order", "risk", "recommendation"))
	assert.Equal(t, "NONE", at(data(t, s, read, map[string]any{"id": taken.ID}), "order", "risk", "recommendation"))
}

func TestGiftCardsAndTenders(t *testing.T) {
	d := tiny()
	d.Products = append(d.Products, shopifytest.ProductData{Title: "Gift Card", GiftCard: true, Variants: []shopifytest.VariantData{{SKU: "GC-50", Price: decimal.NewFromInt(50)}}})
	s := newShop(t, &shopifytest.Options{Data: d})
	sub := newSubscriber(t, always200)
	for _, topic := range []string{"ORDERS_CREATE", "REFUNDS_CREATE", "TENDER_TRANSACTIONS_CREATE"} {
		subscribe(t, s, topic, map[string]any{"uri": sub.URL})
	}
	o, err := s.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{SKU: "GC-50", Quantity: 2}}})
	require.NoError(t, err)
	waitIdle(t, s)
	assert.Equal(t, true, at(data(t, s, `query($id: ID!) { order(id: $id) { lineItems(first: 1) { nodes { isGiftCard } } } }`, map[string]any{"id": o.ID}), "order", "lineItems", "nodes", 0, "isGiftCard"))
	assert.Equal(t, "100.00", o.Total.StringFixed(2), "a gift card is not taxed")

	_, err = s.TakeBack(shopifytest.TakeBack{Order: o.Name, Lines: []shopifytest.TakeBackLine{{Line: 0}}, Note: "changed their mind"})
	require.NoError(t, err)
	waitIdle(t, s)
	bodies := map[string][]map[string]any{}
	for _, r := range sub.requests() {
		var body map[string]any
		require.NoError(t, json.Unmarshal(r.body, &body))
		topic := r.header.Get("X-Shopify-Topic")
		bodies[topic] = append(bodies[topic], body)
	}
	assert.Equal(t, true, at(bodies["orders/create"][0], "line_items").([]any)[0].(map[string]any)["gift_card"])
	tenders := bodies["tender_transactions/create"]
	require.Len(t, tenders, 2)
	assert.Equal(t, "credit_card", tenders[0]["payment_method"])
	amounts := []any{tenders[0]["amount"], tenders[1]["amount"]}
	assert.ElementsMatch(t, []any{"100.00", "-50.00"}, amounts, "money that the customer gets is negative")
	require.Len(t, bodies["refunds/create"], 1)
	assert.Equal(t, "changed their mind", bodies["refunds/create"][0]["note"])

	got, _ := s.Order(o.ID)
	assert.Equal(t, 1, got.Lines[0].Refunded)
	assert.Equal(t, "50.00", got.Refunded.StringFixed(2))
	for name, bad := range map[string]shopifytest.TakeBack{
		"no order":         {},
		"no line":          {Order: o.ID, Lines: []shopifytest.TakeBackLine{{Line: 1}}},
		"too many":         {Order: o.ID, Lines: []shopifytest.TakeBackLine{{Quantity: 1}, {Quantity: 1}}},
		"negative":         {Order: o.ID, Lines: []shopifytest.TakeBackLine{{Quantity: -1}}},
		"no such location": {Order: o.ID, Location: "Nowhere"},
		"no such staff":    {Order: o.ID, Staff: "Nobody"},
	} {
		_, err := s.TakeBack(bad)
		require.ErrorIs(t, err, shopifytest.ErrSale, name)
	}
	_, err = s.TakeBack(shopifytest.TakeBack{Order: o.ID}) // what is left
	require.NoError(t, err)
	_, err = s.TakeBack(shopifytest.TakeBack{Order: o.ID})
	require.ErrorIs(t, err, shopifytest.ErrSale, "nothing is left")
}
