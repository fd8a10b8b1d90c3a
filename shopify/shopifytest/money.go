package shopifytest

import (
	"slices"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

var hundred = decimal.NewFromInt(100)

// currencyDigits is the number of decimal places of a currency (ISO 4217).
func currencyDigits(code string) int32 {
	switch code {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	default:
		return 2
	}
}

// round rounds to what the shop's currency has, half away from zero.
func (s *state) round(d decimal.Decimal) decimal.Decimal { return d.Round(s.shop.digits) }

// fixed is an amount as the Money scalar and the REST payloads have it: "10.00".
func (s *state) fixed(d decimal.Decimal) string { return d.StringFixed(s.shop.digits) }

// amount is an amount as MoneyV2 has it: "10.0", "9.95".
func amount(d decimal.Decimal) string {
	if d.IsInteger() {
		return d.StringFixed(1)
	}
	return d.String()
}

func (s *state) moneyV2(d decimal.Decimal) graph.Object {
	return graph.Object{"__typename": "MoneyV2", "amount": amount(d), "currencyCode": s.shop.data.Currency}
}

func (s *state) moneyBag(d decimal.Decimal) graph.Object {
	m := s.moneyV2(d)
	return graph.Object{"__typename": "MoneyBag", "shopMoney": m, "presentmentMoney": m}
}

// moneySet is moneyBag in a REST payload.
func (s *state) moneySet(d decimal.Decimal) map[string]any {
	m := map[string]any{"amount": s.fixed(d), "currency_code": s.shop.data.Currency}
	return map[string]any{"shop_money": m, "presentment_money": m}
}

// spread divides total over the weights in proportion, rounded so that the parts add up
// exactly: what rounding leaves over goes to the parts that lost most by it. No part exceeds its weight
// where total does not exceed their sum.
func spread(total decimal.Decimal, weights []decimal.Decimal, digits int32) []decimal.Decimal {
	parts := make([]decimal.Decimal, len(weights))
	sum := decimal.Sum(decimal.Zero, weights...)
	if !sum.IsPositive() || !total.IsPositive() {
		return parts
	}
	lost := make([]decimal.Decimal, len(weights))
	left := total
	order := make([]int, len(weights))
	for i, w := range weights {
		exact := total.Mul(w).Div(sum)
		parts[i] = exact.Truncate(digits)
		lost[i] = exact.Sub(parts[i])
		left = left.Sub(parts[i])
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return lost[b].Cmp(lost[a]) })
	unit := decimal.New(1, -digits)
	for _, i := range order {
		if left.LessThan(unit) {
			break
		}
		parts[i] = parts[i].Add(unit)
		left = left.Sub(unit)
	}
	return parts
}

// off is the money that the discount takes off base.
func (s *state) off(d *Discount, base decimal.Decimal) decimal.Decimal {
	if d == nil {
		return decimal.Zero
	}
	cut := d.Amount
	if d.Percent.IsPositive() {
		cut = base.Mul(d.Percent).Div(hundred)
	}
	return decimal.Min(s.round(cut), base)
}
