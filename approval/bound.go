package approval

import (
	"errors"
	"strings"
)

// bound is a money limit that amounts are compared with, exactly and without
// allocating: most actions are judged while somebody waits at the till.
type bound struct {
	money       Money
	whole, frac string // digits, without idle zeros at the front and the end
	err         error
}

func newBound(amount, currency string) bound {
	b := bound{money: Money{Amount: amount, Currency: currency}}
	if b.err = b.money.check(); b.err == nil {
		b.whole, b.frac = decimalParts(amount)
	}
	return b
}

var (
	errNotAmount     = errors.New("approval: not a decimal amount that is not negative")
	errNotCurrency   = errors.New("approval: not a currency code")
	errOtherCurrency = errors.New("approval: amounts in different currencies")
)

// cmp compares m with the bound: -1 if m is less, 1 if it is greater.
func (b *bound) cmp(m Money) (int, error) {
	switch {
	case b.err != nil:
		return 0, b.err
	case len(m.Currency) != 3 || strings.Trim(m.Currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "":
		return 0, errNotCurrency
	case !plainDecimal(m.Amount):
		return 0, errNotAmount
	case m.Currency != b.money.Currency:
		return 0, errOtherCurrency
	}
	whole, frac := decimalParts(m.Amount)
	if len(whole) != len(b.whole) {
		if len(whole) < len(b.whole) {
			return -1, nil
		}
		return 1, nil
	}
	if order := strings.Compare(whole, b.whole); order != 0 {
		return order, nil
	}
	return strings.Compare(frac, b.frac), nil
}

// decimalParts splits a decimal into its digits before and after the point,
// without the zeros that mean nothing, so that parts compare like numbers.
func decimalParts(s string) (whole, frac string) {
	whole, frac, _ = strings.Cut(strings.TrimPrefix(s, "-"), ".")
	return strings.TrimLeft(whole, "0"), strings.TrimRight(frac, "0")
}

// plainDecimal is amountPattern for amounts that are not negative; "-0.00" is
// one of them.
func plainDecimal(s string) bool {
	negative := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	whole, frac, point := strings.Cut(s, ".")
	if len(whole) < 1 || len(whole) > 30 || point && (len(frac) < 1 || len(frac) > 10) {
		return false
	}
	zero := true
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c != '.' || i != len(whole)) {
			return false
		} else if c != '0' && c != '.' {
			zero = false
		}
	}
	return !negative || zero
}
