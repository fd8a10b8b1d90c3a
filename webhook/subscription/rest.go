package subscription

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

// object is a JSON object, decoded with numbers as they are written.
type object map[string]any

// take removes a field and returns it.
func (o object) take(name string) any {
	v := o[name]
	delete(o, name)
	return v
}

// takeObject removes a field that is an object, or nil.
func (o object) takeObject(name string) object {
	m, _ := o.take(name).(map[string]any)
	return m
}

// takeText removes a field that is a string, or "".
func (o object) takeText(name string) string {
	s, _ := o.take(name).(string)
	return s
}

// list returns a field's objects; of a connection, its nodes.
func (o object) list(name string) []object {
	v := o[name]
	if c, ok := v.(map[string]any); ok {
		v = c["nodes"]
	}
	items, _ := v.([]any)
	out := make([]object, 0, len(items))
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// takeID removes an object with an id and returns its number.
func (o object) takeID(name string) any { return number(o.takeObject(name)["id"]) }

// number is the number at the end of a GID, or nil.
func number(gid any) any {
	s, _ := gid.(string)
	s, _, _ = strings.Cut(s[strings.LastIndexByte(s, '/')+1:], "?")
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	return nil
}

// lower is an enum as payloads have it, or nil.
func lower(v any) any {
	if s, ok := v.(string); ok && s != "" {
		return strings.ToLower(s)
	}
	return nil
}

// digits is an UnsignedInt64, which GraphQL has as a string, as a number.
func digits(v any) any {
	if s, ok := v.(string); ok && s != "" {
		if _, err := strconv.ParseUint(s, 10, 64); err == nil {
			return json.Number(s)
		}
	}
	return v
}

// joined is a list of strings as payloads have tags.
func joined(v any) string {
	items, _ := v.([]any)
	tags := make([]string, 0, len(items))
	for _, item := range items {
		if s, ok := item.(string); ok {
			tags = append(tags, s)
		}
	}
	return strings.Join(tags, ", ")
}

// shopMoney is the amount of a set in the shop's currency, or nil.
func shopMoney(set any) any {
	m, _ := set.(map[string]any)
	money, _ := m["shop_money"].(map[string]any)
	return money["amount"]
}

// amounts adds to each "…_set" of the object the amount in the shop's currency
// under the name without the suffix, as payloads have both, but for the sets
// that stand alone there.
func (o object) amounts() {
	for name, set := range o {
		plain, isSet := strings.CutSuffix(name, "_set")
		if _, taken := o[plain]; isSet && !taken && !alone[name] {
			o[plain] = shopMoney(set)
		}
	}
}

var alone = map[string]bool{
	"total_shipping_price_set": true, "current_total_duties_set": true, "original_total_duties_set": true,
	"current_total_additional_fees_set": true, "original_total_additional_fees_set": true, "total_duties_set": true,
	"total_cash_rounding_payment_adjustment_set": true, "total_cash_rounding_refund_adjustment_set": true,
}

// sum is the sum of the amounts of sets, times their counts, in both
// currencies.
type sum struct {
	shop, presentment                 decimal.Decimal
	shopCurrency, presentmentCurrency any
}

func (s *sum) add(set any, times int64) {
	m, _ := set.(map[string]any)
	for _, part := range [...]struct {
		name     string
		total    *decimal.Decimal
		currency *any
	}{{"shop_money", &s.shop, &s.shopCurrency}, {"presentment_money", &s.presentment, &s.presentmentCurrency}} {
		money, _ := m[part.name].(map[string]any)
		if text, ok := money["amount"].(string); ok && len(text) <= 64 {
			if amount, err := decimal.NewFromString(text); err == nil && amount.Exponent() > -32 && amount.Exponent() < 32 {
				*part.total = part.total.Add(amount.Mul(decimal.NewFromInt(times)))
			}
		}
		if money["currency_code"] != nil {
			*part.currency = money["currency_code"]
		}
	}
}

func (s *sum) set() map[string]any {
	return map[string]any{
		"shop_money":        map[string]any{"amount": s.shop.StringFixed(2), "currency_code": s.shopCurrency},
		"presentment_money": map[string]any{"amount": s.presentment.StringFixed(2), "currency_code": s.presentmentCurrency},
	}
}

// count is an integer of JSON.
func count(v any) int64 {
	n, _ := v.(json.Number)
	i, _ := n.Int64()
	return i
}
