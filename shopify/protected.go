package shopify

import (
	"cmp"
	"context"
	"encoding"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// ErrWithheld says that a [Hooks.Protected] function failed, so that the caller
// did not get the data.
var ErrWithheld = errors.New("protected data withheld")

// ProtectedValue is one value of a response that is a customer's personal
// data. It prints and logs without the value.
// Source: https://shopify.dev/docs/apps/launch/protected-customer-data
type ProtectedValue struct {
	// Path is where the value stands in the response: "order.customer.firstName",
	// "orders.nodes.3.email".
	Path string
	// Field is the schema's field, "Customer.firstName".
	Field string
	// Content is what kind of data it is: "name", "address", "phone" or "email".
	Content string
	// Value is the value as text, never empty.
	Value string
	// Within are the ids of the objects around the value, the innermost last:
	// as far as the operation asked for them.
	Within []GID
}

// String returns field and path, without the value.
func (p ProtectedValue) String() string { return p.Field + " at " + p.Path }

// GoString is String.
func (p ProtectedValue) GoString() string { return p.String() }

// LogValue returns field and path, without the value.
func (p ProtectedValue) LogValue() slog.Value { return slog.StringValue(p.String()) }

// Protected lists the personal data of customers in a response, in the order of
// its fields. It knows the types that the generator made (those of package
// admin, and your own): their fields are marked with what Shopify's schema says
// of them. Any part of a response may be given as well. Values that are null or
// empty are left out; maps and types that were not generated hold nothing that
// is known to be protected.
//
// Use it to take personal data out of what goes to a model, a log or a file.
func Protected(response any) []ProtectedValue {
	var w protectedWalk
	w.walk(reflect.ValueOf(response), nil)
	return w.found
}

// ProtectedAccess is what [Hooks.Protected] learns of one response: which
// protected fields held values, and whose. It holds no values.
type ProtectedAccess struct {
	Shop      Domain
	Operation Operation
	// RequestID is Shopify's X-Request-Id of the answer.
	RequestID string
	// Fields are the protected fields that held values, sorted by Field.
	Fields []ProtectedField
}

// ProtectedField is one protected field of a response.
type ProtectedField struct {
	Field   string // of the schema, "Customer.firstName"
	Content string // "name", "address", "phone" or "email"
	Count   int    // how many values the response held
	// Objects are the ids of the objects nearest to the values, each once, in
	// the order of the response. An object whose id the operation did not ask
	// for is not among them.
	Objects []GID
}

// summarize counts values by field.
func summarize(values []ProtectedValue) []ProtectedField {
	byName := map[string]*ProtectedField{}
	for _, v := range values {
		f := byName[v.Field]
		if f == nil {
			f = &ProtectedField{Field: v.Field, Content: v.Content}
			byName[v.Field] = f
		}
		f.Count++
		if n := len(v.Within); n > 0 && !slices.Contains(f.Objects, v.Within[n-1]) {
			f.Objects = append(f.Objects, v.Within[n-1])
		}
	}
	var out []ProtectedField
	for _, f := range byName {
		out = append(out, *f)
	}
	slices.SortFunc(out, func(a, b ProtectedField) int { return cmp.Compare(a.Field, b.Field) })
	return out
}

// reportProtected tells the hooks what personal data a response carries. If one
// fails the data are taken away from the caller again.
func (k *call) reportProtected(ctx context.Context, data any) error {
	hooks := k.client.shared.opts.Hooks
	if !slices.ContainsFunc(hooks, func(h Hooks) bool { return h.Protected != nil }) {
		return nil
	}
	values := Protected(data)
	if len(values) == 0 {
		return nil
	}
	access := ProtectedAccess{Shop: k.client.shared.shop, Operation: k.op, RequestID: k.info.RequestID, Fields: summarize(values)}
	for _, h := range hooks {
		if h.Protected == nil {
			continue
		}
		if err := h.Protected(ctx, access); err != nil {
			if v := reflect.ValueOf(data); v.Kind() == reflect.Pointer && !v.IsNil() {
				v.Elem().SetZero()
			}
			return fmt.Errorf("shopify: %s: %w: %w", k.op.Name, ErrWithheld, err)
		}
	}
	return nil
}

// protectedWalk goes through a response.
type protectedWalk struct {
	path  []string
	found []ProtectedValue
}

func (w *protectedWalk) walk(v reflect.Value, within []GID) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			w.walk(v.Elem(), within)
		}
	case reflect.Slice, reflect.Array:
		if !mayHoldStructs(v.Type().Elem()) {
			return
		}
		for i := range v.Len() {
			w.path = append(w.path, strconv.Itoa(i))
			w.walk(v.Index(i), within)
			w.path = w.path[:len(w.path)-1]
		}
	case reflect.Struct:
		w.walkStruct(v, within)
	}
}

// mayHoldStructs spares the walk through long lists of texts.
func mayHoldStructs(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct || t.Kind() == reflect.Interface
}

func (w *protectedWalk) walkStruct(v reflect.Value, within []GID) {
	t := v.Type()
	if id := ownID(v); id != "" {
		within = append(slices.Clip(within), id)
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		if f.Anonymous { // a fragment: its fields stand in the same object
			w.walk(v.Field(i), within)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || name == "" { // genqlient decodes interfaces itself
			name = strings.ToLower(f.Name[:1]) + f.Name[1:]
		}
		w.path = append(w.path, name)
		if field, content, ok := strings.Cut(f.Tag.Get("protected"), ","); ok {
			w.add(v.Field(i), field, content, within)
		} else {
			w.walk(v.Field(i), within)
		}
		w.path = w.path[:len(w.path)-1]
	}
}

// ownID returns the id of an object, which may stand in a fragment.
func ownID(v reflect.Value) GID {
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		switch {
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			if id := ownID(v.Field(i)); id != "" {
				return id
			}
		case f.Type == gidType && strings.HasPrefix(f.Tag.Get("json"), "id"):
			return GID(v.Field(i).String())
		}
	}
	return ""
}

var gidType = reflect.TypeFor[GID]()

// add lists a protected value, or each of a list.
func (w *protectedWalk) add(v reflect.Value, field, content string, within []GID) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			w.add(v.Elem(), field, content, within)
		}
		return
	case reflect.Slice:
		for i := range v.Len() {
			w.path = append(w.path, strconv.Itoa(i))
			w.add(v.Index(i), field, content, within)
			w.path = w.path[:len(w.path)-1]
		}
		return
	}
	if text := valueText(v); text != "" {
		w.found = append(w.found, ProtectedValue{Path: strings.Join(w.path, "."), Field: field, Content: content, Value: text, Within: within})
	}
}

func valueText(v reflect.Value) string {
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		text, _ := m.MarshalText() // a value that has no text is none
		return string(text)
	}
	return fmt.Sprint(v.Interface())
}
