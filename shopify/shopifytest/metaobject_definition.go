package shopifytest

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// maxMetaobjectFields is how many fields a definition may have.
// https://shopify.dev/docs/apps/build/metaobjects/metaobject-limits
const maxMetaobjectFields = 40

// metaobjectMutations are those on metaobjects and their definitions.
var metaobjectMutations = map[string]func(s *state, c *graph.Call) (any, error){
	"metaobjectDefinitionCreate": metaobjectDefinitionCreate,
	"metaobjectDefinitionUpdate": metaobjectDefinitionUpdate,
	"metaobjectDefinitionDelete": metaobjectDefinitionDelete,
	"metaobjectCreate":           metaobjectCreate,
	"metaobjectUpdate":           metaobjectUpdate,
	"metaobjectUpsert":           metaobjectUpsert,
	"metaobjectDelete":           metaobjectDelete,
	"metaobjectBulkDelete":       metaobjectBulkDelete,
}

// metaobjectDefinitionInput reads an input into a definition and notes what is wrong.
type metaobjectDefinitionInput struct {
	s    *state
	d    *metaobjectDefinition
	errs []elementError
}

func (r *metaobjectDefinitionInput) bad(code, message, key string, field ...string) {
	r.errs = append(r.errs, elementError{userError{append([]string{"definition"}, field...), message, code}, key, -1})
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/metaobjectDefinitionCreate
func metaobjectDefinitionCreate(s *state, c *graph.Call) (any, error) {
	in := input(c, "definition")
	kind := s.metaobjectType(text(in, "type"))
	d := &metaobjectDefinition{kind: kind, access: map[string]string{"admin": "PUBLIC_READ_WRITE", "storefront": "NONE", "customerAccount": "NONE"}}
	if strings.HasPrefix(text(in, "type"), "$app") {
		d.access["admin"] = "MERCHANT_READ"
	}
	r := &metaobjectDefinitionInput{s: s, d: d}
	switch {
	case kind == "":
		r.bad("BLANK", "Type can't be blank", "", "type")
	case len(kind) < 3:
		r.bad("TOO_SHORT", "Type is too short (minimum is 3 characters)", "", "type")
	case len(kind) > 255:
		r.bad("TOO_LONG", "Type is too long (maximum is 255 characters)", "", "type")
	case !keyShape.MatchString(kind):
		r.bad("INVALID", "Type contains one or more invalid characters. Only alphanumeric characters, underscores, and dashes are allowed.", "", "type")
	case strings.HasPrefix(kind, "shopify--"):
		r.bad("RESERVED_NAME", "Type is reserved", "", "type")
	case s.metaobjectDefinition(kind) != nil:
		r.bad("TAKEN", "Type has already been taken", "", "type")
	}
	d.name = sentence(strings.NewReplacer("_", " ", "-", " ").Replace(kind))
	if err := r.general(in); err != nil {
		return nil, err
	}
	for i, f := range objects(in["fieldDefinitions"]) {
		if err := r.create(f, "fieldDefinitions", strconv.Itoa(i)); err != nil {
			return nil, err
		}
	}
	r.displayName(in)
	if len(r.errs) > 0 {
		return refusedElements(r.errs), nil
	}
	s.add(d, "MetaobjectDefinition", 0, s.now())
	s.metaobjectDefinitions = append(s.metaobjectDefinitions, d)
	return done("metaobjectDefinition", object(d)), nil
}

// general reads what new and changed definitions have in common.
func (r *metaobjectDefinitionInput) general(in map[string]any) error {
	if name, sent := in["name"].(string); sent {
		if r.d.name = name; name == "" {
			r.bad("BLANK", "Name can't be blank", "", "name")
		}
	}
	if len(r.d.name) > 255 {
		r.bad("TOO_LONG", "Name is too long (maximum is 255 characters)", "", "name")
	}
	setText(in, "description", &r.d.description)
	for key, value := range nested(in, "access") {
		if word, ok := value.(string); ok {
			r.d.access[key] = word
		}
	}
	capabilities := nested(in, "capabilities")
	for key, target := range map[string]*bool{"publishable": &r.d.publishable, "translatable": &r.d.translatable} {
		if v, ok := nested(capabilities, key)["enabled"].(bool); ok {
			*target = v
		}
	}
	for _, key := range []string{"onlineStore", "renderable"} {
		if nested(capabilities, key)["enabled"] == true {
			return notSimulated("the capability " + key + " of metaobjects")
		}
	}
	return nil
}

func (r *metaobjectDefinitionInput) displayName(in map[string]any) {
	setText(in, "displayNameKey", &r.d.displayNameKey)
	if r.d.displayNameKey != "" && r.d.field(r.d.displayNameKey) == nil {
		r.bad("UNDEFINED_OBJECT_FIELD", "Field definition \""+r.d.displayNameKey+"\" does not exist", r.d.displayNameKey, "displayNameKey")
	}
}

// create reads a new field.
func (r *metaobjectDefinitionInput) create(in map[string]any, at ...string) error {
	f := metaobjectFieldDefinition{key: text(in, "key"), kind: text(in, "type")}
	f.name = cmp.Or(text(in, "name"), sentence(strings.NewReplacer("_", " ", "-", " ").Replace(f.key)))
	_, known := validValue(f.kind, "")
	switch {
	case len(f.key) < 2:
		r.bad("TOO_SHORT", "Key is too short (minimum is 2 characters)", f.key, append(at, "key")...)
	case len(f.key) > 64:
		r.bad("TOO_LONG", "Key is too long (maximum is 64 characters)", f.key, append(at, "key")...)
	case !keyShape.MatchString(f.key):
		r.bad("INVALID", "Key contains one or more invalid characters. Only alphanumeric characters, underscores, and dashes are allowed.", f.key, append(at, "key")...)
	case r.d.field(f.key) != nil:
		r.bad("OBJECT_FIELD_TAKEN", "Field \""+f.key+"\" is already taken", f.key, at...)
	case !known:
		r.bad("INCLUSION", "Type name "+f.kind+" is not a valid type.", f.key, append(at, "type")...)
	case len(r.d.fields) >= maxMetaobjectFields:
		r.bad("INPUT_LIMIT_EXCEEDED", "A definition can have at most 40 fields", f.key, at...)
	default:
		err := r.read(&f, in, at...)
		r.d.fields = append(r.d.fields, f)
		return err
	}
	return nil
}

// read reads what can be changed of a field.
func (r *metaobjectDefinitionInput) read(f *metaobjectFieldDefinition, in map[string]any, at ...string) error {
	if nested(nested(in, "capabilities"), "adminFilterable")["enabled"] == true {
		return notSimulated("the capability adminFilterable of metaobject fields")
	}
	if name := text(in, "name"); name != "" {
		f.name = name
	}
	setText(in, "description", &f.description)
	if required, ok := in["required"].(bool); ok {
		f.required = required
	}
	rules, sent := in["validations"]
	if sent {
		f.rules = validationsFrom(rules)
	}
	if i, problem := r.s.checkValidations(f.kind, f.rules); problem != "" {
		r.bad("INVALID_OPTION", problem, f.key, append(at, "validations")...)
		r.errs[len(r.errs)-1].index = i
	}
	return nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/metaobjectDefinitionUpdate
func metaobjectDefinitionUpdate(s *state, c *graph.Call) (any, error) {
	old, ok := find[*metaobjectDefinition](s, text(c.Args, "id"))
	if !ok {
		return noRecord(), nil
	}
	changed := *old
	changed.fields, changed.access = slices.Clone(old.fields), maps.Clone(old.access)
	in := input(c, "definition")
	r := &metaobjectDefinitionInput{s: s, d: &changed}
	if err := r.general(in); err != nil {
		return nil, err
	}
	var order []string
	for i, op := range objects(in["fieldDefinitions"]) {
		key, err := r.operation(op, "fieldDefinitions", strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		order = append(order, key)
	}
	r.displayName(in)
	if len(r.errs) > 0 {
		return refusedElements(r.errs), nil
	}
	if in["resetFieldOrder"] == true {
		rank := func(f metaobjectFieldDefinition) int {
			if i := slices.Index(order, f.key); i >= 0 {
				return i
			}
			return len(order)
		}
		slices.SortStableFunc(changed.fields, func(a, b metaobjectFieldDefinition) int { return cmp.Compare(rank(a), rank(b)) })
	}
	*old = changed
	for _, m := range s.metaobjectsOf(old) {
		maps.DeleteFunc(m.values, func(key, _ string) bool { return old.field(key) == nil })
	}
	s.touch(old)
	return done("metaobjectDefinition", object(old)), nil
}

// operation carries out one change of the fields and returns the field's key.
func (r *metaobjectDefinitionInput) operation(op map[string]any, at ...string) (string, error) {
	if in := nested(op, "create"); in != nil {
		return text(in, "key"), r.create(in, append(at, "create")...)
	}
	for _, name := range []string{"update", "delete"} {
		in := nested(op, name)
		if in == nil {
			continue
		}
		key := text(in, "key")
		f := r.d.field(key)
		switch {
		case f == nil:
			r.bad("UNDEFINED_OBJECT_FIELD", "Field definition \""+key+"\" does not exist", key, append(at, name)...)
		case name == "update":
			return key, r.read(f, in, append(at, name)...)
		default:
			r.d.fields = slices.DeleteFunc(r.d.fields, func(f metaobjectFieldDefinition) bool { return f.key == key })
			if r.d.displayNameKey == key {
				r.d.displayNameKey = ""
			}
		}
		return key, nil
	}
	r.bad("BLANK", "One of create, update and delete must be given", "", at...)
	return "", nil
}

// metaobjectDefinitionDelete deletes the metaobjects as well.
//
// https://shopify.dev/docs/api/admin-graphql/latest/mutations/metaobjectDefinitionDelete
func metaobjectDefinitionDelete(s *state, c *graph.Call) (any, error) {
	d, ok := find[*metaobjectDefinition](s, text(c.Args, "id"))
	if !ok {
		return noRecord(), nil
	}
	for _, m := range s.metaobjectsOf(d) {
		s.deleteMetaobject(m)
	}
	s.metaobjectDefinitions = remove(s.metaobjectDefinitions, d)
	delete(s.byID, d.gid)
	return done("deletedId", d.gid), nil
}
