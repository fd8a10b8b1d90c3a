package approval

import (
	"errors"
	"math/big"
	"regexp"
)

// Money is an exact decimal amount in a currency. The zero Money is no amount.
type Money struct {
	Amount   string `json:"amount"`   // decimal without exponent, such as "500.00"; at most 40 digits
	Currency string `json:"currency"` // ISO 4217 code, such as "GBP"
}

var (
	amountPattern   = regexp.MustCompile(`^-?[0-9]{1,30}(\.[0-9]{1,10})?$`)
	currencyPattern = regexp.MustCompile(`^[A-Z]{3}$`)
)

// Cmp compares m and o exactly: -1 if m is less, 0 if they are equal, 1 if m is
// greater. It fails where one of them is malformed or the currencies differ.
func (m Money) Cmp(o Money) (int, error) {
	a, err := m.rat()
	if err != nil {
		return 0, err
	}
	b, err := o.rat()
	if err != nil {
		return 0, err
	}
	if m.Currency != o.Currency {
		return 0, errors.New("approval: amounts in different currencies")
	}
	return a.Cmp(b), nil
}

// check refuses what is not an amount at stake.
func (m Money) check() error {
	a, err := m.rat()
	if err == nil && a.Sign() < 0 {
		err = errors.New("approval: negative amount")
	}
	return err
}

func (m Money) rat() (*big.Rat, error) {
	if !currencyPattern.MatchString(m.Currency) {
		return nil, errors.New("approval: not a currency code")
	}
	// The pattern bounds what big.Rat would accept: no exponents or fractions.
	if !amountPattern.MatchString(m.Amount) {
		return nil, errors.New("approval: not a decimal amount")
	}
	r, ok := new(big.Rat).SetString(m.Amount)
	if !ok {
		return nil, errors.New("approval: not a decimal amount")
	}
	return r, nil
}
