package webhook

import (
	"github.com/shopspring/decimal"
)

// DiscountApplication is a discount on the order. The allocations of the lines
// refer to it by its place in the list.
type DiscountApplication struct {
	Type             string          `json:"type"` // discount_code, manual, script, automatic
	TargetType       string          `json:"target_type"`
	TargetSelection  string          `json:"target_selection"`
	AllocationMethod string          `json:"allocation_method"`
	Value            decimal.Decimal `json:"value"`
	ValueType        string          `json:"value_type"` // fixed_amount, percentage
	Code             string          `json:"code"`
	Title            string          `json:"title"`
	Description      string          `json:"description"`

	Extra Extra `json:"-"`
}

// DiscountAllocation is a line's share in a discount.
type DiscountAllocation struct {
	Amount                   decimal.Decimal `json:"amount"`
	AmountSet                *MoneySet       `json:"amount_set"`
	DiscountApplicationIndex int             `json:"discount_application_index"`

	Extra Extra `json:"-"`
}

// DiscountCode is a code that the customer used.
type DiscountCode struct {
	Code   string          `json:"code"`
	Amount decimal.Decimal `json:"amount"`
	Type   string          `json:"type"` // fixed_amount, percentage, shipping

	Extra Extra `json:"-"`
}
