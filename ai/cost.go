package ai

import (
	"errors"
	"math"
	"math/bits"

	"github.com/shopspring/decimal"
)

// costPlaces is the number of decimals of a [Cost].
const costPlaces = 12

// A Cost is an amount of money, exact to twelve decimals: one unit is 10⁻¹² of the
// currency of the [Prices]. So every price with up to six decimals per million
// tokens is exact for each single token, sums are plain integers in memory and in
// a database, and there is no rounding. The largest amount is 9,223,372.036854775807.
type Cost int64

// MaxCost is the largest amount. Calculations stop there instead of overflowing.
const MaxCost Cost = math.MaxInt64

var errCost = errors.New("ai: amount must be at least 0, at most 9,223,372, and have at most 12 decimals")

// NewCost returns a decimal amount, at least zero, as a Cost. It fails if that
// would round it.
func NewCost(d decimal.Decimal) (Cost, error) {
	shifted := d.Shift(costPlaces)
	if d.IsNegative() || !shifted.IsInteger() || !shifted.BigInt().IsInt64() {
		return 0, errCost
	}
	return Cost(shifted.IntPart()), nil
}

// ParseCost returns an amount such as "12.50" as a Cost, see [NewCost].
func ParseCost(s string) (Cost, error) {
	d, err := parseDecimal(s)
	if err != nil {
		return 0, err
	}
	return NewCost(d)
}

// Decimal returns the amount as a decimal.
func (c Cost) Decimal() decimal.Decimal { return decimal.New(int64(c), -costPlaces) }

// String returns the amount in the shortest form, such as "0.00125".
func (c Cost) String() string { return c.Decimal().String() }

// parseDecimal reads a plain decimal; an exponent could make it gigabytes long.
func parseDecimal(s string) (decimal.Decimal, error) {
	if s == "" || len(s) > 40 {
		return decimal.Decimal{}, errCost
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && c != '.' && c != '-' {
			return decimal.Decimal{}, errCost
		}
	}
	d, err := decimal.NewFromString(s)
	if err != nil {
		return decimal.Decimal{}, errCost
	}
	return d, nil
}

// plus returns the sum of two amounts that are at least zero.
func (c Cost) plus(d Cost) Cost {
	if c > MaxCost-d {
		return MaxCost
	}
	return c + d
}

// times returns c for each of n tokens.
func (c Cost) times(n int64) Cost {
	if c <= 0 || n <= 0 {
		return 0
	}
	high, low := bits.Mul64(uint64(c), uint64(n))
	if high != 0 || low > math.MaxInt64 {
		return MaxCost
	}
	return Cost(low)
}
