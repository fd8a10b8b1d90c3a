package shopifytest_test

import (
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

// available is what can be sold of a SKU at a location.
func available(t *testing.T, s *shopifytest.Shop, sku, location string) int {
	t.Helper()
	for _, p := range s.Products() {
		for _, v := range p.Variants {
			if v.SKU == sku {
				return v.Available[location]
			}
		}
	}
	t.Fatalf("no SKU %s", sku)
	return 0
}

func TestRingUp(t *testing.T) {
	s := newShop(t, nil)
	customer := s.Customers()[0]
	harbor, market := s.Locations()[0], s.Locations()[1]
	before, elsewhere := available(t, s, "AW-CAN-CEDA", market.ID), available(t, s, "AW-CAN-CEDA", harbor.ID)

	o, err := s.RingUp(shopifytest.Sale{
		Location: "Market Square", Customer: customer.Email, Tender: "cash", Note: "Window seat", Tags: []string{"event", "Event"},
		Attributes: []shopifytest.Attribute{{Key: "table", Value: "4"}},
		Lines: []shopifytest.SaleLine{
			{SKU: "AW-CAN-CEDA", Quantity: 3},
			{SKU: "AW-MTC", Discount: &shopifytest.Discount{Amount: decimal.NewFromInt(2)}},
		},
		Discount: &shopifytest.Discount{Title: "Friends", Percent: decimal.NewFromInt(10)},
	})
	require.NoError(t, err)
	// 3 × 36.00 and 12.00 less 2.00 make 118.00, less 10 % 106.20: 97.20 and 9.00; 6 % tax is 5.83 and 0.54.
	assert.Equal(t, "106.20", o.Subtotal.StringFixed(2))
	assert.Equal(t, "13.80", o.Discounts.StringFixed(2))
	assert.Equal(t, "6.37", o.Tax.StringFixed(2))
	assert.Equal(t, "112.57", o.Total.StringFixed(2))
	assert.Equal(t, "pos", o.Source)
	assert.Equal(t, market.ID, o.LocationID)
	assert.Equal(t, customer.ID, o.CustomerID)
	assert.Equal(t, "PAID", o.FinancialStatus)
	assert.Equal(t, "FULFILLED", o.FulfillmentStatus)
	assert.Equal(t, []string{"cash"}, o.Gateways)
	assert.Equal(t, []string{"event"}, o.Tags)

	assert.Equal(t, before-3, available(t, s, "AW-CAN-CEDA", market.ID), "stock goes down where it was sold")
	assert.Equal(t, elsewhere, available(t, s, "AW-CAN-CEDA", harbor.ID), "and only there")
	after := s.Customers()[0]
	assert.Equal(t, customer.Orders+1, after.Orders)
	assert.Equal(t, customer.AmountSpent.Add(o.Total).String(), after.AmountSpent.String())

	out := data(t, s, `query($id: ID!) { order(id: $id) {
		name note tags sourceName displayFinancialStatus cancelledAt cancelReason
		app { name } retailLocation { name } staffMember { name } customAttributes { key value }
		totalPriceSet { shopMoney { amount currencyCode } } currentTotalPriceSet { shopMoney { amount } } totalDiscountsSet { shopMoney { amount } }
		taxLines { title rate priceSet { shopMoney { amount } } } transactions { kind status gateway amountSet { shopMoney { amount } } }
		discountApplications(first: 5) { nodes { __typename allocationMethod value { ... on PricingPercentageValue { percentage } ... on MoneyV2 { amount } } } }
		lineItems(first: 5) { nodes { title sku quantity originalTotalSet { shopMoney { amount } } discountAllocations { allocatedAmountSet { shopMoney { amount } } } } }
		refunds { id } returns(first: 1) { nodes { id } } returnStatus risk { assessments { riskLevel } }
	} }`, map[string]any{"id": o.ID})
	got := at(out, "order")
	for want, path := range map[any][]any{
		o.Name:          {"name"},
		"Window seat":   {"note"},
		"pos":           {"sourceName"},
		"Point of Sale": {"app", "name"},
		"Market Square": {"retailLocation", "name"},
		"Renata Oduya":  {"staffMember", "name"},
		"112.57":        {"totalPriceSet", "shopMoney", "amount"},
		"13.8":          {"totalDiscountsSet", "shopMoney", "amount"},
		"6.37":          {"taxLines", 0, "priceSet", "shopMoney", "amount"},
		"cash":          {"transactions", 0, "gateway"},
		"table":         {"customAttributes", 0, "key"},
		float64(10):     {"discountApplications", "nodes", 0, "value", "percentage"},
		"108.0":         {"lineItems", "nodes", 0, "originalTotalSet", "shopMoney", "amount"},
		"NO_RETURN":     {"returnStatus"},
	} {
		assert.Equal(t, want, at(got, path...), "%v", path)
	}
	assert.Nil(t, at(got, "cancelledAt"), "what is not stored is null, not made up")
	assert.Empty(t, at(got, "refunds"))
}

func TestRingUpWalkInOversells(t *testing.T) {
	s := newShop(t, nil)
	home := s.Locations()[0].ID
	before := available(t, s, "AW-DIS", home)
	o, err := s.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{SKU: "AW-DIS", Quantity: before + 2}}})
	require.NoError(t, err)
	assert.Empty(t, o.CustomerID)
	assert.Equal(t, home, o.LocationID)
	assert.Equal(t, -2, available(t, s, "AW-DIS", home), "a register does not refuse")
	out := data(t, s, `query($id: ID!) { order(id: $id) { customer { id } email } }`, map[string]any{"id": o.ID})
	assert.Nil(t, at(out, "order", "customer"))
	assert.Nil(t, at(out, "order", "email"))
}

func TestRingUpRefuses(t *testing.T) {
	s := newShop(t, nil)
	orders := len(s.Orders())
	good := []shopifytest.SaleLine{{SKU: "AW-MTC"}}
	minus := decimal.NewFromInt(-1)
	for name, sale := range map[string]shopifytest.Sale{
		"no lines":        {},
		"unknown SKU":     {Lines: []shopifytest.SaleLine{{SKU: "X"}}},
		"no SKU":          {Lines: []shopifytest.SaleLine{{}}},
		"SKU of another":  {Lines: []shopifytest.SaleLine{{SKU: "AW-MTC", Variant: s.Products()[0].Variants[0].ID}}},
		"location":        {Lines: good, Location: "Nowhere"},
		"customer":        {Lines: good, Customer: "nobody@example.com"},
		"staff":           {Lines: good, Staff: "Nobody"},
		"tender":          {Lines: good, Tender: "shells"},
		"quantity":        {Lines: []shopifytest.SaleLine{{SKU: "AW-MTC", Quantity: -1}}},
		"price":           {Lines: []shopifytest.SaleLine{{SKU: "AW-MTC", Price: &minus}}},
		"empty discount":  {Lines: good, Discount: &shopifytest.Discount{}},
		"discount of 101": {Lines: good, Discount: &shopifytest.Discount{Percent: decimal.NewFromInt(101)}},
		"long note":       {Lines: good, Note: strings.Repeat("x", 5001)},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.RingUp(sale)
			require.ErrorIs(t, err, shopifytest.ErrSale)
		})
	}
	assert.Len(t, s.Orders(), orders, "nothing was sold")
}
