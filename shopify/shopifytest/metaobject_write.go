package shopifytest

import (
	"encoding/json"
	"maps"
	"strconv"
	"strings"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// elementError is a user error that may be about one element of the input.
type elementError struct {
	userError
	key   string // elementKey; "": none
	index int    // elementIndex; -1: none
}

// refusedElements is refused for the types of user errors that have elementKey and elementIndex.
func refusedElements(errs []elementError) graph.Object {
	plain := make([]userError, len(errs))
	for i, e := range errs {
		plain[i] = e.userError
	}
	out := refused(plain...)
	for i, o := range out["userErrors"].(graph.List) {
		o["elementKey"], o["elementIndex"] = orNull(errs[i].key), nil
		if errs[i].index >= 0 {
			o["elementIndex"] = errs[i].index
		}
	}
	return out
}

// noRecord refuses an id that names nothing.
func noRecord() graph.Object {
	return refusedElements([]elementError{{userError{[]string{"id"}, "Record not found", "RECORD_NOT_FOUND"}, "", -1}})
}

// metaobjectInput reads the fields of an input into a metaobject and notes what is wrong.
type metaobjectInput struct {
	s    *state
	m    *metaobject // a copy, or a new one
	in   map[string]any
	errs []elementError
}

func (r *metaobjectInput) bad(code, message, key string, field ...string) {
	r.errs = append(r.errs, elementError{userError{field, message, code}, key, -1})
}

// read reads the input. Old is what it changes, nil for a new metaobject.
func (r *metaobjectInput) read(old *metaobject) error {
	in := r.in
	if key := unknown(in, "type", "handle", "fields", "values", "capabilities", "redirectNewHandle"); key != "" {
		return notSimulated("MetaobjectInput." + key)
	}
	if nested(in, "capabilities")["onlineStore"] != nil || in["redirectNewHandle"] == true {
		return notSimulated("pages of metaobjects in the online store")
	}
	if in["fields"] != nil && in["values"] != nil {
		r.bad("INVALID", "Only one of fields and values can be provided", "", "metaobject", "values")
		return nil
	}
	r.fields(objects(in["fields"]), nil)
	if values, ok := in["values"].(map[string]any); ok {
		r.fields(nil, values)
	}
	for _, f := range r.m.definition.fields {
		if f.required && r.m.values[f.key] == "" {
			r.bad("OBJECT_FIELD_REQUIRED", f.name+" can't be blank", f.key, "metaobject")
		}
	}
	r.capabilities(nested(nested(in, "capabilities"), "publishable"))
	r.handle(old, in["handle"])
	return nil
}

func (r *metaobjectInput) fields(list []map[string]any, byKey map[string]any) {
	seen := map[string]bool{}
	for i, in := range list {
		at := []string{"metaobject", "fields", strconv.Itoa(i)}
		key := text(in, "key")
		if seen[key] {
			r.bad("DUPLICATE_FIELD_INPUT", "Field \""+key+"\" is given more than once", key, at...)
			continue
		}
		seen[key] = true
		r.field(key, text(in, "value"), at)
	}
	for _, key := range sortedKeys(byKey) {
		value, ok := byKey[key].(string)
		if !ok && byKey[key] != nil {
			b, _ := json.Marshal(byKey[key])
			value = string(b)
		}
		r.field(key, value, []string{"metaobject", "values", key})
	}
}

func (r *metaobjectInput) field(key, value string, at []string) {
	f := r.m.definition.field(key)
	switch {
	case f == nil:
		r.bad("UNDEFINED_OBJECT_FIELD", "Field definition \""+key+"\" does not exist", key, at...)
	case value == "":
		delete(r.m.values, key)
	case len(value) > maxMetafield:
		r.bad("TOO_LONG", "Value is too long.", key, at...)
	default:
		if problem := r.s.checkValue(f.kind, f.rules, value); problem != "" {
			r.bad("INVALID_VALUE", problem, key, at...)
		}
		r.m.values[key] = value
	}
}

func (r *metaobjectInput) capabilities(publishable map[string]any) {
	if publishable == nil {
		return
	}
	if !r.m.definition.publishable {
		r.bad("CAPABILITY_NOT_ENABLED", "Capability \"publishable\" is not enabled on this definition", "", "metaobject", "capabilities", "publishable")
		return
	}
	r.m.status = text(publishable, "status")
}

// handle gives the metaobject the handle that was sent, or one of its own making.
func (r *metaobjectInput) handle(old *metaobject, sent any) {
	taken := func(h string) bool {
		other := r.s.metaobjectByHandle(map[string]any{"type": r.m.definition.kind, "handle": h})
		return other != nil && other != old
	}
	if wish, ok := sent.(string); ok {
		switch h := handle(wish); {
		case h == "":
			r.bad("BLANK", "Handle can't be blank", "", "metaobject", "handle")
		case len(h) > 255:
			r.bad("TOO_LONG", "Handle is too long (maximum is 255 characters)", "", "metaobject", "handle")
		case taken(h):
			r.bad("TAKEN", "Handle has already been taken", "", "metaobject", "handle")
		default:
			r.m.handle = h
		}
		return
	}
	if r.m.handle != "" {
		return
	}
	base := handle(r.m.values[r.m.definition.displayNameKey])
	if base == "" || len(base) > 200 {
		kind := r.m.definition.kind
		base = handle(kind[strings.LastIndex(kind, "--")+1:]) + "-" + r.s.uuid()[:8]
	}
	r.m.handle = newHandle(strings.Trim(base, "-"), taken)
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/metaobjectCreate
func metaobjectCreate(s *state, c *graph.Call) (any, error) {
	in := input(c, "metaobject")
	d := s.metaobjectDefinition(text(in, "type"))
	if d == nil {
		return refusedElements([]elementError{undefinedType(text(in, "type"), "metaobject", "type")}), nil
	}
	return s.createMetaobject(d, in)
}

func undefinedType(kind string, field ...string) elementError {
	return elementError{userError{field, "No metaobject definition exists for type \"" + kind + "\"", "UNDEFINED_OBJECT_TYPE"}, "", -1}
}

func (s *state) createMetaobject(d *metaobjectDefinition, in map[string]any) (any, error) {
	m := &metaobject{definition: d, values: map[string]string{}, status: "DRAFT"}
	r := &metaobjectInput{s: s, m: m, in: in}
	if err := r.read(nil); err != nil || len(r.errs) > 0 {
		return refusedElements(r.errs), err
	}
	s.add(m, "Metaobject", 0, s.now())
	s.metaobjects = append(s.metaobjects, m)
	s.emit("metaobjects/create", m, s.metaobjectPayload(m), s.newGroup())
	return done("metaobject", object(m)), nil
}

func (s *state) changeMetaobject(old *metaobject, in map[string]any) (any, error) {
	changed := *old
	changed.values = maps.Clone(old.values)
	r := &metaobjectInput{s: s, m: &changed, in: in}
	if err := r.read(old); err != nil || len(r.errs) > 0 {
		return refusedElements(r.errs), err
	}
	if changed.handle != old.handle || changed.status != old.status || !maps.Equal(changed.values, old.values) {
		*old = changed
		s.touch(old)
		s.emit("metaobjects/update", old, s.metaobjectPayload(old), s.newGroup())
	}
	return done("metaobject", object(old)), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/metaobjectUpdate
func metaobjectUpdate(s *state, c *graph.Call) (any, error) {
	m, ok := find[*metaobject](s, text(c.Args, "id"))
	if !ok {
		return noRecord(), nil
	}
	return s.changeMetaobject(m, input(c, "metaobject"))
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/metaobjectUpsert
func metaobjectUpsert(s *state, c *graph.Call) (any, error) {
	at, in := input(c, "handle"), maps.Clone(input(c, "metaobject"))
	if in == nil {
		in = map[string]any{}
	}
	if values := c.Args["values"]; values != nil {
		in["values"] = values
	}
	d := s.metaobjectDefinition(text(at, "type"))
	if d == nil {
		return refusedElements([]elementError{undefinedType(text(at, "type"), "handle", "type")}), nil
	}
	if m := s.metaobjectByHandle(at); m != nil {
		return s.changeMetaobject(m, in)
	}
	if in["handle"] == nil {
		in["handle"] = at["handle"]
	}
	return s.createMetaobject(d, in)
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/metaobjectDelete
func metaobjectDelete(s *state, c *graph.Call) (any, error) {
	m, ok := find[*metaobject](s, text(c.Args, "id"))
	if !ok {
		return noRecord(), nil
	}
	s.deleteMetaobject(m)
	return done("deletedId", m.gid), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/metaobjectBulkDelete
func metaobjectBulkDelete(s *state, c *graph.Call) (any, error) {
	where := input(c, "where")
	ids, kind := stringList(where["ids"]), text(where, "type")
	bad := func(code, message string, field ...string) (any, error) {
		return refusedElements([]elementError{{userError{field, message, code}, "", -1}}), nil
	}
	switch {
	case (len(ids) > 0) == (kind != ""):
		return bad("INVALID", "Exactly one of ids and type must be provided", "where")
	case kind != "" && s.metaobjectDefinition(kind) == nil:
		return refusedElements([]elementError{undefinedType(kind, "where", "type")}), nil
	case kind != "":
		for _, m := range s.metaobjectsOf(s.metaobjectDefinition(kind)) {
			s.deleteMetaobject(m)
		}
	default:
		for _, id := range ids {
			if m, ok := find[*metaobject](s, id); ok {
				s.deleteMetaobject(m)
			}
		}
	}
	return s.jobPayload(), nil
}
