package ai

import (
	"errors"
	"math/big"
	"strconv"
	"strings"
)

// Limits of a JSON number in a reply. Without them a few bytes such as 1e999999999
// would cost gigabytes once they are computed with.
const (
	maxNumberLen = 1000
	maxExponent  = 1000
)

var errNumberSize = errors.New("number out of range")

// parseNumber returns the exact value of a JSON number.
func parseNumber(s string) (*big.Rat, error) {
	if len(s) > maxNumberLen {
		return nil, errNumberSize
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		exponent, err := strconv.Atoi(s[i+1:])
		if err != nil || exponent > maxExponent || exponent < -maxExponent {
			return nil, errNumberSize
		}
	}
	if strings.ContainsAny(s, "/_xXoObBpP") { // what big.Rat reads beyond JSON
		return nil, errNumberSize
	}
	v, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil, errNumberSize
	}
	return v, nil
}

// isInteger reports whether s is written as an integer: digits, perhaps a minus.
func isInteger(s string) bool {
	s = strings.TrimPrefix(s, "-")
	if s == "" || len(s) > maxNumberLen {
		return false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
