package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// field is what unmarshalExtra needs to know of one field of a payload type.
type field struct {
	name   string
	index  int
	decode func(raw []byte, v reflect.Value) error
}

var shapes sync.Map // reflect.Type → []field

// shapeOf returns the fields of a struct type that have a JSON name.
func shapeOf(t reflect.Type) []field {
	if s, ok := shapes.Load(t); ok {
		return s.([]field)
	}
	var s []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "-" && name != "" {
			s = append(s, field{name, i, decoderOf(f.Type)})
		}
	}
	actual, _ := shapes.LoadOrStore(t, s)
	return actual.([]field)
}

// decoderOf returns how values of a type are decoded. Shopify writes the same
// field as a number here and as a string there, over topics and over the
// years, and some ids as GIDs; where the meaning is clear, each form is
// understood. The raw value is valid JSON and not null.
func decoderOf(t reflect.Type) func([]byte, reflect.Value) error {
	switch t {
	case reflect.TypeFor[int64]():
		return scalar(integer)
	case reflect.TypeFor[*int64]():
		return pointer(integer)
	case reflect.TypeFor[[]int64]():
		return list(integer)
	case reflect.TypeFor[string]():
		return scalar(words)
	case reflect.TypeFor[bool]():
		return scalar(boolean)
	case reflect.TypeFor[*bool]():
		return pointer(boolean)
	case reflect.TypeFor[*float64]():
		return pointer(float)
	case reflect.TypeFor[decimal.Decimal]():
		return scalar(amount)
	case reflect.TypeFor[*decimal.Decimal]():
		return pointer(amount)
	case reflect.TypeFor[time.Time]():
		return scalar(instant)
	case reflect.TypeFor[*time.Time]():
		return pointer(instant)
	}
	return func(raw []byte, v reflect.Value) error { return json.Unmarshal(raw, v.Addr().Interface()) }
}

// errAbsent is what a parser returns for an empty string that stands for null.
var errAbsent = errors.New("absent")

// parser reads a value from a number's, a boolean's or a string's text.
type parser[T any] func(s string, quoted bool) (T, error)

func parse[T any](raw []byte, p parser[T]) (T, error) {
	var zero T
	switch raw[0] {
	case '"':
		s, err := unquote(raw)
		if err != nil {
			return zero, err
		}
		v, err := p(s, true)
		return v, wrongType[T]("string", err)
	case '{':
		return zero, wrongType[T]("object", strconv.ErrSyntax)
	case '[':
		return zero, wrongType[T]("array", strconv.ErrSyntax)
	case 't', 'f':
		v, err := p(string(raw), false)
		return v, wrongType[T]("bool", err)
	}
	v, err := p(string(raw), false)
	return v, wrongType[T]("number", err)
}

// unquote returns the text of a JSON string.
func unquote(raw []byte) (s string, err error) {
	if inside := raw[1 : len(raw)-1]; bytes.IndexByte(inside, '\\') < 0 && utf8.Valid(inside) {
		return string(inside), nil // nothing in it stands for something else
	}
	err = json.Unmarshal(raw, &s)
	return s, err
}

// wrongType replaces errors that quote the value.
func wrongType[T any](value string, err error) error {
	if _, ok := errors.AsType[*rangeError](err); err == nil || errors.Is(err, errAbsent) || ok {
		return err
	}
	return &json.UnmarshalTypeError{Value: value, Type: reflect.TypeFor[T]()}
}

func scalar[T any](p parser[T]) func([]byte, reflect.Value) error {
	return func(raw []byte, v reflect.Value) error {
		x, err := parse(raw, p)
		if err != nil && !errors.Is(err, errAbsent) {
			return err
		}
		*v.Addr().Interface().(*T) = x
		return nil
	}
}

func pointer[T any](p parser[T]) func([]byte, reflect.Value) error {
	return func(raw []byte, v reflect.Value) error {
		x, err := parse(raw, p)
		target := v.Addr().Interface().(**T)
		switch {
		case errors.Is(err, errAbsent):
			*target = nil
			return nil
		case err != nil:
			return err
		}
		*target = &x
		return nil
	}
}

func list[T any](p parser[T]) func([]byte, reflect.Value) error {
	return func(raw []byte, v reflect.Value) error {
		var sent []json.RawMessage
		if err := json.Unmarshal(raw, &sent); err != nil {
			return err
		}
		values := make([]T, 0, len(sent))
		for _, raw := range sent {
			if isNull(raw) {
				continue
			}
			x, err := parse(raw, p)
			if errors.Is(err, errAbsent) {
				continue
			}
			if err != nil {
				return err
			}
			values = append(values, x)
		}
		*v.Addr().Interface().(*[]T) = values
		return nil
	}
}

func integer(s string, quoted bool) (int64, error) {
	if quoted && s == "" {
		return 0, errAbsent
	}
	if id, ok := strings.CutPrefix(s, "gid://shopify/"); ok && quoted {
		_, s, _ = strings.Cut(id, "/")
		s, _, _ = strings.Cut(s, "?")
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err == nil {
		return n, nil
	}
	// 1250.0 is an integer, too.
	d, err := number(s)
	if err != nil || !d.IsInteger() || !d.BigInt().IsInt64() {
		return 0, strconv.ErrSyntax
	}
	return d.IntPart(), nil
}

func words(s string, _ bool) (string, error) { return s, nil }

func boolean(s string, quoted bool) (bool, error) {
	switch {
	case s == "true":
		return true, nil
	case s == "false":
		return false, nil
	case s == "" && quoted:
		return false, errAbsent
	}
	return false, strconv.ErrSyntax
}

func float(s string, quoted bool) (float64, error) {
	if quoted && s == "" {
		return 0, errAbsent
	}
	f, err := strconv.ParseFloat(s, 64)
	if err == nil && (math.IsNaN(f) || math.IsInf(f, 0)) {
		err = strconv.ErrRange // JSON cannot hold it again
	}
	return f, err
}

func amount(s string, quoted bool) (decimal.Decimal, error) {
	if quoted && s == "" {
		return decimal.Decimal{}, errAbsent
	}
	return number(s)
}

// Amounts outside of these bounds are no money, but could fill the memory of
// whoever prints them.
const (
	maxAmount   = 64 // bytes as sent
	maxExponent = 32
)

func number(s string) (decimal.Decimal, error) {
	if len(s) > maxAmount {
		return decimal.Decimal{}, &rangeError{}
	}
	d, err := decimal.NewFromString(s)
	if err != nil {
		return decimal.Decimal{}, err
	}
	if d.Exponent() > maxExponent || d.Exponent() < -maxExponent {
		return decimal.Decimal{}, &rangeError{}
	}
	return d, nil
}

// layouts are the forms of time that Shopify has written over the years.
var layouts = [...]string{time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 UTC", "2006-01-02T15:04:05", time.DateOnly}

func instant(s string, quoted bool) (time.Time, error) {
	switch {
	case !quoted:
		return time.Time{}, strconv.ErrSyntax
	case s == "":
		return time.Time{}, errAbsent
	}
	for _, layout := range layouts {
		t, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		if _, err := t.MarshalJSON(); err == nil {
			return t, nil
		}
	}
	return time.Time{}, strconv.ErrSyntax
}

// rangeError reports an amount outside of the bounds.
type rangeError struct{ field string }

func (e *rangeError) Error() string {
	return fmt.Sprintf("the amount %s is out of range", e.field)
}

// within says in which field an error came up.
func within(name string, err error) error {
	path := func(rest string) string { return strings.TrimSuffix(name+"."+rest, ".") }
	if re, ok := errors.AsType[*rangeError](err); ok {
		return &rangeError{path(re.field)}
	}
	if te, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		e := *te
		e.Field = path(te.Field)
		return &e
	}
	return err
}

func isNull(raw []byte) bool { return len(raw) == 4 && raw[0] == 'n' }
