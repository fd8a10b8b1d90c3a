package ai

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
)

// A jsonField is a field that encoding/json reads, with what its tag says.
type jsonField struct {
	field    reflect.StructField
	name     string
	index    []int // path through embedded structs
	tagged   bool  // the name comes from the tag
	optional bool  // omitempty or omitzero
	quoted   bool  // the json option "string"
}

// jsonFields returns the fields of a struct by the rules of encoding/json:
// exported ones, those of embedded structs promoted; of several with one name
// the least deep wins, then the tagged one, and where that leaves several, none.
func jsonFields(t reflect.Type) []jsonField {
	all := collectFields(t, nil, map[reflect.Type]bool{})
	byName := map[string][]jsonField{}
	for _, f := range all {
		byName[f.name] = append(byName[f.name], f)
	}
	fields := make([]jsonField, 0, len(byName))
	for _, same := range byName {
		slices.SortStableFunc(same, func(a, b jsonField) int {
			if c := cmp.Compare(len(a.index), len(b.index)); c != 0 {
				return c
			}
			return compareBool(b.tagged, a.tagged)
		})
		if len(same) > 1 && len(same[0].index) == len(same[1].index) && same[0].tagged == same[1].tagged {
			continue
		}
		fields = append(fields, same[0])
	}
	slices.SortFunc(fields, func(a, b jsonField) int { return slices.Compare(a.index, b.index) })
	return fields
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// collectFields lists the candidates of t and of what it embeds. The types on
// the way are in seen, so that a type that embeds itself ends.
func collectFields(t reflect.Type, index []int, seen map[reflect.Type]bool) []jsonField {
	if seen[t] {
		return nil
	}
	seen[t] = true
	defer delete(seen, t)

	var fields []jsonField
	for i := range t.NumField() {
		sf := t.Field(i)
		tag := sf.Tag.Get("json")
		if tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		path := append(slices.Clone(index), i)

		embedded := sf.Type
		if embedded.Kind() == reflect.Pointer {
			embedded = embedded.Elem()
		}
		if sf.Anonymous && name == "" && embedded.Kind() == reflect.Struct && !describedWhole(embedded) {
			// encoding/json cannot set a pointer to an unexported struct.
			if sf.IsExported() || sf.Type.Kind() != reflect.Pointer {
				fields = append(fields, collectFields(embedded, path, seen)...)
			}
			continue
		}
		if !sf.IsExported() {
			continue
		}
		f := jsonField{field: sf, name: name, index: path, tagged: name != ""}
		if name == "" {
			f.name = sf.Name
		}
		for option := range strings.SplitSeq(options, ",") {
			f.optional = f.optional || option == "omitempty" || option == "omitzero"
			f.quoted = f.quoted || option == "string"
		}
		fields = append(fields, f)
	}
	return fields
}

// describedWhole reports whether a struct is one value in JSON although it is
// embedded. (encoding/json promotes the fields of an embedded time.Time all the
// same, but its methods are promoted too and make the outer struct one value.)
func describedWhole(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(textUnmarshalerType) || p.Implements(jsonUnmarshalerType)
}
