package shopify

import (
	"encoding/json"
	"reflect"
)

// Optional is an optional input of a mutation in its three states: unset, null
// and a value. Shopify leaves an unset input as it is and clears one that is
// null, so the difference is between keeping and deleting a merchant's data.
//
// The zero value is unset. Fields of this type carry the JSON option
// "omitzero", so that unset is never sent:
//
//	admin.OrderInput{
//		ID:    id,
//		Note:  shopify.Some("gift wrap"), // sets the note
//		Email: shopify.Null[string](),    // clears the e-mail address
//	}                                         // and leaves everything else
type Optional[T any] struct {
	value T
	state optionalState
}

type optionalState uint8

const (
	unset optionalState = iota
	null
	some
)

// Some returns a set value. The zero value of T is a value like any other.
func Some[T any](v T) Optional[T] { return Optional[T]{value: v, state: some} }

// Null returns an explicit null.
func Null[T any]() Optional[T] { return Optional[T]{state: null} }

// FromPointer returns the value that p points to, or unset if p is nil.
func FromPointer[T any](p *T) Optional[T] {
	if p == nil {
		return Optional[T]{}
	}
	return Some(*p)
}

// Get returns the value; ok is false if o is unset or null.
func (o Optional[T]) Get() (v T, ok bool) { return o.value, o.state == some }

// Or returns the value, or v if there is none.
func (o Optional[T]) Or(v T) T {
	if o.state == some {
		return o.value
	}
	return v
}

// IsNull reports whether o is an explicit null.
func (o Optional[T]) IsNull() bool { return o.state == null }

// IsZero reports whether o is unset; encoding/json asks it for "omitzero".
func (o Optional[T]) IsZero() bool { return o.state == unset }

// MarshalJSON returns the value or null. A nil slice that was set is a value,
// the empty list.
func (o Optional[T]) MarshalJSON() ([]byte, error) {
	if o.state != some {
		return []byte("null"), nil
	}
	if v := reflect.ValueOf(o.value); v.Kind() == reflect.Slice && v.IsNil() && v.Type().Elem().Kind() != reflect.Uint8 {
		return []byte("[]"), nil
	}
	return json.Marshal(o.value)
}

// UnmarshalJSON reads a value or null; a field that is absent stays unset.
func (o *Optional[T]) UnmarshalJSON(b []byte) error {
	*o = Optional[T]{}
	if string(b) == "null" {
		o.state = null
		return nil
	}
	if err := json.Unmarshal(b, &o.value); err != nil {
		return err
	}
	o.state = some
	return nil
}
