package bulk

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/posai-go/posai/shopify"
)

// maxLevels is how deep children may stand below their root.
// Source: https://shopify.dev/docs/api/usage/bulk-operations/queries
const maxLevels = 2

// A plan says where the lines of a file go in a caller's struct.
type plan struct {
	slots []*slot
	depth int // of children; 0 if there is no place for any
	// keys are the members that slots ask for, at most 64; in the root's plan.
	keys []string
	// ambiguous tells that a line may have a place at both levels, going by
	// what it says of itself.
	ambiguous bool
}

// A slot is a place for children: a slice in the struct of their parent.
type slot struct {
	name  string   // of the field, for errors
	types []string // GraphQL types; nil: see implied
	rest  bool     // takes what no other slot takes
	key   string   // a member that the line must have
	bit   uint64   // of the key
	// implied slots have no tag: they take what their element type is named
	// after, or everything if they are the only one.
	implied bool

	path []int        // from the parent's struct to the slice
	elem reflect.Type // of the slice
	typ  string       // name of the child's struct
	node []int        // from the element to the child; nil: the element itself
	plan *plan
}

// planFor makes the plan of a struct.
func planFor(t reflect.Type) (*plan, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("bulk: %w: %s is not a struct", shopify.ErrInvalid, t)
	}
	b := planner{}
	p, err := b.plan(t, 0)
	if err != nil {
		return nil, err
	}
	p.keys = b.keys
	if len(b.keys) > 64 {
		return nil, fmt.Errorf("bulk: %w: more than 64 keys in tags of %s", shopify.ErrInvalid, t)
	}
	p.ambiguous = p.overlaps()
	return p, nil
}

type planner struct{ keys []string }

func (b *planner) plan(t reflect.Type, level int) (*plan, error) {
	p := &plan{}
	if level == maxLevels {
		return p, nil
	}
	if err := b.fields(p, t, nil, level, []reflect.Type{t}); err != nil {
		return nil, err
	}
	implied := 0
	for _, s := range p.slots {
		p.depth = max(p.depth, 1+s.plan.depth)
		if s.implied {
			implied++
		}
	}
	for _, s := range p.slots {
		s.rest = s.rest || s.implied && implied == 1
	}
	return p, nil
}

// fields looks for slots in a struct and the structs within it.
func (b *planner) fields(p *plan, t reflect.Type, path []int, level int, within []reflect.Type) error {
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() && (!f.Anonymous || f.Type.Kind() == reflect.Pointer) {
			continue // cannot be set
		}
		at := append(slices.Clone(path), i)
		tag, tagged := f.Tag.Lookup("bulk")
		if tag == "-" {
			continue
		}
		s := newSlot(f, at)
		if tagged && s == nil {
			return fmt.Errorf("bulk: %w: field %s has a bulk tag but is no slice of structs", shopify.ErrInvalid, f.Name)
		}
		if tagged {
			s.implied = false
			if err := b.tag(s, tag); err != nil {
				return err
			}
		}
		if s != nil && (tagged || s.implied) { // other lists stand in the line itself
			var err error
			if s.plan, err = b.plan(s.child(), level+1); err != nil {
				return err
			}
			p.slots = append(p.slots, s)
			continue
		}
		inner := indirect(f.Type)
		if inner.Kind() != reflect.Struct || slices.Contains(within, inner) {
			continue
		}
		if err := b.fields(p, inner, at, level, append(slices.Clone(within), inner)); err != nil {
			return err
		}
	}
	return nil
}

// newSlot makes a slot of a field that can take children: a slice of structs,
// or a connection as genqlient writes it, a struct with Edges or Nodes. It
// returns nil for other fields.
func newSlot(f reflect.StructField, at []int) *slot {
	s := &slot{name: f.Name, path: at}
	list := indirect(f.Type)
	if list.Kind() == reflect.Struct {
		inner, ok := list.FieldByName("Nodes")
		if !ok || !structs(inner.Type) {
			inner, ok = list.FieldByName("Edges")
		}
		if !ok || !structs(inner.Type) {
			return nil
		}
		s.implied = true
		s.path = append(slices.Clone(at), inner.Index...)
		list = inner.Type
		if inner.Name == "Edges" {
			node, ok := indirect(inner.Type.Elem()).FieldByName("Node")
			if !ok || indirect(node.Type).Kind() != reflect.Struct {
				return nil
			}
			s.node = node.Index
		}
	}
	if !structs(list) {
		return nil
	}
	s.elem = list.Elem()
	s.typ = s.child().Name()
	return s
}

// child is the struct that a line is decoded into.
func (s *slot) child() reflect.Type {
	t := indirect(s.elem)
	if s.node != nil {
		t = indirect(t.FieldByIndex(s.node).Type)
	}
	return t
}

// tag reads `bulk:"ProductVariant|Video,key=variantId"`.
func (b *planner) tag(s *slot, tag string) error {
	types, options, _ := strings.Cut(tag, ",")
	for typ := range strings.SplitSeq(types, "|") {
		switch {
		case typ == "*":
			s.rest = true
		case typ != "":
			s.types = append(s.types, typ)
		}
	}
	if options != "" {
		key, ok := strings.CutPrefix(options, "key=")
		if !ok || key == "" {
			return fmt.Errorf("bulk: %w: bulk tag of field %s", shopify.ErrInvalid, s.name)
		}
		s.key = key
		i := slices.Index(b.keys, key)
		if i < 0 {
			i = len(b.keys)
			b.keys = append(b.keys, key)
		}
		s.bit = 1 << (i % 64)
	}
	if s.types == nil && s.key == "" && !s.rest {
		return fmt.Errorf("bulk: %w: empty bulk tag of field %s", shopify.ErrInvalid, s.name)
	}
	s.rest = s.rest || s.types == nil && s.key != ""
	return nil
}

func indirect(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// structs reports a slice of structs, or of pointers to structs.
func structs(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && indirect(t.Elem()).Kind() == reflect.Struct
}

// find returns the slot for a line: the first that names its type, else one
// that takes the rest; nil if there is none.
func (p *plan) find(k *keys) *slot {
	kind := k.kind()
	var rest *slot
	for _, s := range p.slots {
		if s.key != "" && k.has&s.bit == 0 {
			continue
		}
		if s.names(kind) {
			return s
		}
		// A slot that asks for a key goes before one that asks for nothing.
		if s.rest && (rest == nil || rest.key == "" && s.key != "") {
			rest = s
		}
	}
	return rest
}

// names reports that the slot is for this type by name.
func (s *slot) names(kind []byte) bool {
	if len(kind) == 0 {
		return false
	}
	if s.implied {
		return strings.HasSuffix(s.typ, string(kind))
	}
	return slices.Contains(s.types, string(kind))
}

// inner returns the slot for a line at the level below the root's children.
func (p *plan) inner(k *keys) *slot {
	for _, s := range p.slots {
		if found := s.plan.find(k); found != nil {
			return found
		}
	}
	return nil
}

// overlaps reports that a line may have a place at both levels.
func (p *plan) overlaps() bool {
	if p.depth < 2 {
		return false
	}
	for _, a := range p.slots {
		for _, b := range p.slots {
			for _, c := range b.plan.slots {
				if a.rest || c.rest || a.implied || c.implied || slices.ContainsFunc(a.types, func(t string) bool { return slices.Contains(c.types, t) }) {
					return true
				}
			}
		}
	}
	return false
}

// grow appends an element to the slot's slice in the parent and returns a
// pointer to the child in it. The first time it makes room for as many
// elements as expected.
func (s *slot) grow(parent reflect.Value, expected int) reflect.Value {
	list := walk(parent, s.path)
	n := list.Len()
	if n == list.Cap() {
		if n > 0 {
			expected = 1 // append's own growth
		}
		list.Grow(expected)
	}
	list.SetLen(n + 1)
	return s.at(list, n)
}

// at returns a pointer to the i-th child, making what pointers need.
func (s *slot) at(list reflect.Value, i int) reflect.Value {
	elem := deref(list.Index(i))
	if s.node != nil {
		elem = deref(walk(elem, s.node))
	}
	return elem.Addr()
}

// walk is FieldByIndex that makes nil pointers on its way.
func walk(v reflect.Value, path []int) reflect.Value {
	for _, i := range path {
		v = deref(v).Field(i)
	}
	return v
}

func deref(v reflect.Value) reflect.Value {
	if v.Kind() != reflect.Pointer {
		return v
	}
	if v.IsNil() {
		v.Set(reflect.New(v.Type().Elem()))
	}
	return v.Elem()
}
