package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/shopspring/decimal"
)

// Extra holds the fields of an object that its type here does not know, as
// they were sent.
type Extra map[string]json.RawMessage

// Amounts outside of these bounds are no money, but could fill the memory of
// whoever prints them.
const (
	maxAmount   = 64 // bytes as sent
	maxExponent = 32
)

// rangeError reports an amount outside of the bounds.
type rangeError struct{ field string }

func (e *rangeError) Error() string {
	return fmt.Sprintf("the amount %s is out of range", e.field)
}

// shape is what unmarshalExtra needs to know of a struct type.
type shape struct {
	known   map[string]bool
	amounts map[string]int // field index of decimals by name
}

var shapes sync.Map // reflect.Type → *shape

var decimalType = reflect.TypeFor[decimal.Decimal]()

func shapeOf(t reflect.Type) *shape {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape)
	}
	s := &shape{known: make(map[string]bool), amounts: make(map[string]int)}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || name == "" {
			continue
		}
		s.known[name] = true
		if f.Type == decimalType || f.Type == reflect.PointerTo(decimalType) {
			s.amounts[name] = i
		}
	}
	actual, _ := shapes.LoadOrStore(t, s)
	return actual.(*shape)
}

// unmarshalExtra decodes an object into the struct that plain points to, whose
// type must not have an UnmarshalJSON, and what it does not know into extra.
func unmarshalExtra[T any](data []byte, plain *T, extra *Extra) error {
	if bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
		return nil
	}
	s := shapeOf(reflect.TypeFor[T]())
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return err
	}
	for name := range s.amounts {
		if len(fields[name]) > maxAmount {
			return &rangeError{name}
		}
	}
	if err := json.Unmarshal(data, plain); err != nil {
		return err
	}
	v := reflect.ValueOf(plain).Elem()
	for name, i := range s.amounts {
		f := v.Field(i)
		if f.Kind() == reflect.Pointer {
			if f.IsNil() {
				continue
			}
			f = f.Elem()
		}
		if d := f.Interface().(decimal.Decimal); d.Exponent() > maxExponent || d.Exponent() < -maxExponent {
			return &rangeError{name}
		}
	}
	maps.DeleteFunc(fields, func(name string, _ json.RawMessage) bool { return s.known[name] })
	*extra = nil
	if len(fields) > 0 {
		*extra = fields
	}
	return nil
}

// marshalExtra is the inverse of unmarshalExtra.
func marshalExtra[T any](plain T, extra Extra) ([]byte, error) {
	data, err := json.Marshal(plain)
	if err != nil {
		return nil, err
	}
	known := shapeOf(reflect.TypeFor[T]()).known
	data = data[:len(data)-1] // the closing brace
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		if known[name] {
			continue
		}
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		if data[len(data)-1] != '{' {
			data = append(data, ',')
		}
		data = append(append(append(data, key...), ':'), extra[name]...)
	}
	return append(data, '}'), nil
}
