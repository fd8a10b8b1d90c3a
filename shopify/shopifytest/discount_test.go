package shopifytest_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

const (
	createCode = `mutation($in: DiscountCodeBasicInput!) { discountCodeBasicCreate(basicCodeDiscount: $in) {
	codeDiscountNode { id codeDiscount { ... on DiscountCodeBasic { title status usageLimit endsAt codes(first: 5) { nodes { code } } } } } userErrors { field message code } } }`
	findCode = `query($code: String!) { codeDiscountNodeByCode(code: $code) { id } }`
	readCode = `query($id: ID!) { discountNode(id: $id) { id discount { ... on DiscountCodeBasic { status asyncUsageCount summary codes(first: 5) { nodes { code } } } } } }`
	endCode  = `mutation($id: ID!) { discountCodeDeactivate(id: $id) { codeDiscountNode { id } userErrors { code } } }`
)

func TestDiscountCodes(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	variant := s.Products()[0].Variants[0]
	now := time.Now().UTC()
	input := func(change map[string]any) map[string]any {
		in := map[string]any{
			"code": "POS-7F3K", "title": "At the register", "context": map[string]any{"all": "ALL"}, "usageLimit": 1,
			"startsAt": now.Add(-time.Minute).Format(time.RFC3339), "endsAt": now.Add(time.Hour).Format(time.RFC3339),
			"customerGets": map[string]any{"value": map[string]any{"percentage": 0.15}, "items": map[string]any{"products": map[string]any{"productVariantsToAdd": []any{variant.ID}}}},
		}
		maps.Copy(in, change)
		return map[string]any{"in": in}
	}
	gets := func(value, items map[string]any) map[string]any {
		return map[string]any{"customerGets": map[string]any{"value": value, "items": items}}
	}
	products := map[string]any{"products": map[string]any{"productVariantsToAdd": []any{variant.ID}}}
	for name, tt := range map[string]struct {
		change map[string]any
		code   string
	}{
		"no code":       {map[string]any{"code": ""}, "BLANK"},
		"long code":     {map[string]any{"code": strings.Repeat("x", 256)}, "TOO_LONG"},
		"no title":      {map[string]any{"title": ""}, "BLANK"},
		"for nobody":    {map[string]any{"context": nil}, "BLANK"},
		"too much":      {gets(map[string]any{"percentage": 1.5}, products), "VALUE_OUTSIDE_RANGE"},
		"nothing off":   {gets(map[string]any{}, products), "BLANK"},
		"on nothing":    {gets(map[string]any{"percentage": 0.1}, map[string]any{}), "APPLIES_ON_NOTHING"},
		"on what is no": {gets(map[string]any{"percentage": 0.1}, map[string]any{"products": map[string]any{"productsToAdd": []any{"gid://shopify/Product/1"}}}), "INVALID"},
		"no start":      {map[string]any{"startsAt": nil}, "BLANK"},
		"ends before":   {map[string]any{"endsAt": now.Add(-time.Hour).Format(time.RFC3339)}, "END_DATE_BEFORE_START_DATE"},
		"never used":    {map[string]any{"usageLimit": 0}, "GREATER_THAN"},
	} {
		out := at(data(t, s, createCode, input(tt.change)), "discountCodeBasicCreate")
		assert.Equal(t, tt.code, at(out, "userErrors", 0, "code"), name)
		assert.Nil(t, at(out, "codeDiscountNode"), name)
	}
	assert.Empty(t, s.DiscountCodes(), "what was refused was not written")
	assert.Nil(t, at(data(t, s, findCode, map[string]any{"code": "POS-7F3K"}), "codeDiscountNodeByCode"))
	refused := call(t, s, createCode, input(map[string]any{"context": map[string]any{"markets": map[string]any{"add": []any{"gid://shopify/Market/1"}}}}))
	assert.Equal(t, "NOT_SIMULATED", at(refused, "errors", 0, "extensions", "code"))

	out := at(data(t, s, createCode, input(nil)), "discountCodeBasicCreate")
	require.Empty(t, at(out, "userErrors"))
	id, ok := at(out, "codeDiscountNode", "id").(string)
	require.True(t, ok)
	assert.Equal(t, "ACTIVE", at(out, "codeDiscountNode", "codeDiscount", "status"))
	assert.Equal(t, "TAKEN", at(data(t, s, createCode, input(map[string]any{"code": "pos-7f3k"})), "discountCodeBasicCreate", "userErrors", 0, "code"), "whatever the case")
	assert.Equal(t, id, at(data(t, s, findCode, map[string]any{"code": "pos-7f3k"}), "codeDiscountNodeByCode", "id"))
	codes := s.DiscountCodes()
	require.Len(t, codes, 1)
	assert.True(t, codes[0].Percent.Equal(decimal.NewFromInt(15)))
	assert.Equal(t, []string{variant.ID}, codes[0].Variants)
	assert.Equal(t, 1, codes[0].UsageLimit)

	order, err := s.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{SKU: variant.SKU, Discount: &shopifytest.Discount{Code: "POS-7F3K", Percent: decimal.NewFromInt(15)}}}})
	require.NoError(t, err)
	node := at(data(t, s, readCode, map[string]any{"id": strings.Replace(id, "DiscountCodeNode", "DiscountNode", 1)}), "discountNode", "discount")
	assert.InDelta(t, 1, at(node, "asyncUsageCount"), 0)
	assert.Equal(t, "15% off 1 product", at(node, "summary"))
	assert.True(t, order.Discounts.IsPositive())

	require.Empty(t, at(data(t, s, endCode, map[string]any{"id": id}), "discountCodeDeactivate", "userErrors"))
	assert.Equal(t, "EXPIRED", at(data(t, s, readCode, map[string]any{"id": id}), "discountNode", "discount", "status"))
	assert.Equal(t, "INVALID", at(data(t, s, endCode, map[string]any{"id": "gid://shopify/DiscountCodeNode/1"}), "discountCodeDeactivate", "userErrors", 0, "code"))
}

func TestCodeOfALineInThePayload(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	sub := newSubscriber(t, always200)
	subscribe(t, s, "ORDERS_CREATE", map[string]any{"uri": sub.URL})
	_, err := s.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{
		SKU: s.Products()[0].Variants[0].SKU, Price: new(decimal.NewFromInt(40)), Discount: &shopifytest.Discount{Code: "HALF", Percent: decimal.NewFromInt(50)},
	}}})
	require.NoError(t, err)
	waitIdle(t, s)
	var body struct {
		Codes []map[string]string `json:"discount_codes"`
	}
	require.NoError(t, json.Unmarshal(sub.requests()[0].body, &body))
	assert.Equal(t, []map[string]string{{"code": "HALF", "amount": "20.00", "type": "percentage"}}, body.Codes)
}
