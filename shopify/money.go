package shopify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/shopspring/decimal"
)

// Money is an amount in a currency, as MoneyV2 of the APIs. It is never a
// float.
type Money struct {
	// Amount is in the currency's major unit, "12.50".
	Amount decimal.Decimal `json:"amount"`
	// CurrencyCode is the ISO 4217 code, "USD".
	CurrencyCode string `json:"currencyCode"`
}

// ParseMoney reads an amount ("12.50") and a currency ("USD"). The error
// matches [ErrInvalid].
func ParseMoney(amount, currency string) (Money, error) {
	d, err := parseDecimal(amount)
	if err != nil {
		return Money{}, err
	}
	if len(currency) != 3 || strings.ContainsFunc(currency, func(r rune) bool { return r < 'A' || r > 'Z' }) {
		return Money{}, fmt.Errorf("shopify: %w: not a currency code", ErrInvalid)
	}
	return Money{Amount: d, CurrencyCode: currency}, nil
}

// Equal reports whether both are the same amount in the same currency; 1.5 and
// 1.50 are the same amount.
func (m Money) Equal(o Money) bool {
	return m.CurrencyCode == o.CurrencyCode && m.Amount.Equal(o.Amount)
}

// Cmp compares the amounts: -1, 0 or +1. The error matches [ErrInvalid] when
// the currencies differ.
func (m Money) Cmp(o Money) (int, error) {
	if m.CurrencyCode != o.CurrencyCode {
		return 0, fmt.Errorf("shopify: %w: comparing %s with %s", ErrInvalid, m.CurrencyCode, o.CurrencyCode)
	}
	return m.Amount.Cmp(o.Amount), nil
}

// Add returns the sum. The error matches [ErrInvalid] when the currencies
// differ.
func (m Money) Add(o Money) (Money, error) {
	if m.CurrencyCode != o.CurrencyCode {
		return Money{}, fmt.Errorf("shopify: %w: adding %s to %s", ErrInvalid, o.CurrencyCode, m.CurrencyCode)
	}
	return Money{m.Amount.Add(o.Amount), m.CurrencyCode}, nil
}

// String returns the amount with at least two decimal places and the currency,
// "12.50 USD".
func (m Money) String() string {
	return m.Amount.StringFixed(max(2, -m.Amount.Exponent())) + " " + m.CurrencyCode
}

// UnmarshalJSON reads {"amount":"12.50","currencyCode":"USD"}; the amount may
// be a JSON number too. null leaves m as it is.
func (m *Money) UnmarshalJSON(b []byte) error {
	var wire *struct {
		Amount       Decimal `json:"amount"`
		CurrencyCode string  `json:"currencyCode"`
	}
	if err := json.Unmarshal(b, &wire); err != nil || wire == nil {
		return err
	}
	m.Amount, m.CurrencyCode = wire.Amount.Decimal, wire.CurrencyCode
	return nil
}

// Decimal is a decimal scalar of the APIs (Decimal, and Money where the
// currency is the shop's). It is [decimal.Decimal] with a bound on what it
// reads: a number of a few bytes such as 1e999999999 takes a gigabyte to print.
type Decimal struct{ decimal.Decimal }

// NewDecimal wraps a decimal.
func NewDecimal(d decimal.Decimal) Decimal { return Decimal{d} }

// ParseDecimal reads a decimal number of at most 64 characters. The error
// matches [ErrInvalid].
func ParseDecimal(s string) (Decimal, error) {
	d, err := parseDecimal(s)
	return Decimal{d}, err
}

// MarshalJSON returns the number as a JSON string, as Shopify wants it.
func (d Decimal) MarshalJSON() ([]byte, error) {
	return []byte(`"` + d.String() + `"`), nil
}

// UnmarshalJSON reads a JSON string or number without going through a float.
// null leaves d as it is.
func (d *Decimal) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	v, err := parseDecimal(string(bytes.Trim(b, `"`)))
	if err != nil {
		return err
	}
	d.Decimal = v
	return nil
}

// maxDecimal bounds a number's text and its exponent: no price, rate or
// quantity comes near.
const maxDecimal = 64

func parseDecimal(s string) (decimal.Decimal, error) {
	if len(s) > maxDecimal {
		return decimal.Decimal{}, fmt.Errorf("shopify: %w: not a decimal number", ErrInvalid)
	}
	d, err := decimal.NewFromString(s)
	if err != nil || d.Exponent() > maxDecimal || d.Exponent() < -maxDecimal {
		return decimal.Decimal{}, fmt.Errorf("shopify: %w: not a decimal number", ErrInvalid)
	}
	return d, nil
}
