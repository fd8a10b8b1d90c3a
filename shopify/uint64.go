package shopify

import (
	"bytes"
	"fmt"
	"strconv"
)

// Uint64 is the scalar UnsignedInt64: a number that travels as a JSON string.
type Uint64 uint64

// MarshalJSON returns the number as a JSON string.
func (u Uint64) MarshalJSON() ([]byte, error) {
	return []byte(`"` + strconv.FormatUint(uint64(u), 10) + `"`), nil
}

// UnmarshalJSON reads a JSON string or number. null leaves u as it is. The
// error matches [ErrInvalid].
func (u *Uint64) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	n, err := strconv.ParseUint(string(bytes.Trim(b, `"`)), 10, 64)
	if err != nil {
		return fmt.Errorf("shopify: %w: not an unsigned 64-bit number", ErrInvalid)
	}
	*u = Uint64(n)
	return nil
}
