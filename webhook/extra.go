package webhook

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
)

//go:generate go run ./internal/gen

// Extra holds the fields of an object that its type here does not know, as
// they were sent.
type Extra map[string]json.RawMessage

// unmarshalExtra decodes an object into the struct that plain points to, whose
// type must not have an UnmarshalJSON, and what it does not know into extra.
// Names match exactly, unlike in encoding/json.
func unmarshalExtra[T any](data []byte, plain *T, extra *Extra) error {
	if bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return err
	}
	v := reflect.ValueOf(plain).Elem()
	for _, f := range shapeOf(v.Type()) {
		raw, ok := fields[f.name]
		if !ok {
			continue
		}
		delete(fields, f.name)
		if isNull(raw) {
			v.Field(f.index).SetZero()
		} else if err := f.decode(raw, v.Field(f.index)); err != nil {
			return within(f.name, err)
		}
	}
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
	shape := shapeOf(reflect.TypeFor[T]())
	data = data[:len(data)-1] // the closing brace
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		if slices.ContainsFunc(shape, func(f field) bool { return f.name == name }) {
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

// rename decodes a field of extra into target, if it is there, and takes it
// out.
func rename[T any](extra *Extra, name string, target *T) error {
	raw, ok := (*extra)[name]
	if !ok {
		return nil
	}
	if !isNull(raw) {
		v := reflect.ValueOf(target).Elem()
		if err := decoderOf(v.Type())(raw, v); err != nil {
			return within(name, err)
		}
	}
	if delete(*extra, name); len(*extra) == 0 {
		*extra = nil
	}
	return nil
}
