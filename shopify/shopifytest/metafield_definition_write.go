package shopifytest

import (
	"maps"
	"slices"
	"strings"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// definitionMutations are those on definitions of metafields.
var definitionMutations = map[string]func(s *state, c *graph.Call) (any, error){
	"metafieldDefinitionCreate": metafieldDefinitionCreate,
	"metafieldDefinitionUpdate": metafieldDefinitionUpdate,
	"metafieldDefinitionDelete": metafieldDefinitionDelete,
	"metafieldDefinitionPin":    metafieldDefinitionPin,
	"metafieldDefinitionUnpin":  metafieldDefinitionUnpin,
}

// definitionInput reads an input into a definition and notes what is wrong.
type definitionInput struct {
	s    *state
	d    *metafieldDefinition
	errs []elementError
}

func (r *definitionInput) bad(code, message string, field ...string) {
	r.errs = append(r.errs, elementError{userError{append([]string{"definition"}, field...), message, code}, "", -1})
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/metafieldDefinitionCreate
func metafieldDefinitionCreate(s *state, c *graph.Call) (any, error) {
	in := input(c, "definition")
	if in["constraints"] != nil {
		return nil, notSimulated("MetafieldDefinitionInput.constraints")
	}
	d := &metafieldDefinition{
		ownerType: text(in, "ownerType"), namespace: s.namespace(text(in, "namespace")), key: text(in, "key"), kind: text(in, "type"),
		access:       map[string]any{"admin": "PUBLIC_READ_WRITE", "storefront": "NONE", "customerAccount": "NONE"},
		capabilities: map[string]bool{"uniqueValues": text(in, "type") == "id"},
	}
	if strings.HasPrefix(d.namespace, "app--") {
		d.access["admin"] = "MERCHANT_READ"
	}
	r := &definitionInput{s: s, d: d}
	// The same rules as for a metafield of that name.
	if e := s.checkMetafield(map[string]any{"namespace": text(in, "namespace"), "key": d.key, "type": "single_line_text_field", "value": "x"}, nil, ""); e != nil {
		code := e.code
		if code == "INVALID" {
			code = "INVALID_CHARACTER"
		}
		r.bad(code, e.message, e.field...)
	}
	_, known := validValue(d.kind, "")
	switch {
	case !known:
		r.bad("INCLUSION", "Type name "+d.kind+" is not a valid type.", "type")
	case strings.HasPrefix(d.namespace, "shopify--"):
		r.bad("RESERVED_NAMESPACE_KEY", "Namespace "+d.namespace+" is reserved.", "namespace")
	case s.definition(d.ownerType, d.namespace, d.key) != nil:
		r.bad("TAKEN", "Key is in use for "+d.ownerType+" metafields on the '"+d.namespace+"' namespace.", "key")
	case slices.ContainsFunc(s.defined(d), func(m *metafield) bool { return m.valueType != d.kind }):
		r.bad("UNSTRUCTURED_ALREADY_EXISTS", "There are metafields of this name with another type already.", "key")
	}
	r.read(in)
	pin, _ := in["pin"].(bool)
	if pin && s.pinnedCount(d.ownerType) >= maxPinned {
		r.bad("PINNED_LIMIT_REACHED", "Limit of 20 pinned definitions.", "pin")
	}
	if len(r.errs) > 0 {
		return refusedElements(r.errs), nil
	}
	s.add(d, "MetafieldDefinition", 0, s.now())
	s.metafieldDefinitions = append(s.metafieldDefinitions, d)
	if pin {
		s.pin(d)
	}
	s.emitDefinition("metafield_definitions/create", d)
	return done("createdDefinition", object(d)), nil
}

// read reads what can be changed of a definition.
func (r *definitionInput) read(in map[string]any) {
	setText(in, "name", &r.d.name)
	switch {
	case r.d.name == "":
		r.bad("BLANK", "Name can't be blank", "name")
	case len(r.d.name) > 255:
		r.bad("TOO_LONG", "Name is too long (maximum is 255 characters)", "name")
	}
	setText(in, "description", &r.d.description)
	if len(r.d.description) > 255 {
		r.bad("TOO_LONG", "Description is too long (maximum is 255 characters)", "description")
	}
	for key, value := range nested(in, "access") {
		if value != nil {
			r.d.access[key] = value
		}
	}
	if in["useAsCollectionCondition"] == true { // false is the default: it says nothing
		r.d.capabilities["smartCollectionCondition"] = true
	}
	for key, value := range nested(in, "capabilities") {
		of, _ := value.(map[string]any)
		if enabled, ok := of["enabled"].(bool); ok {
			r.d.capabilities[key] = enabled
		}
	}
	if r.d.kind == "id" && !r.d.capabilities["uniqueValues"] {
		r.bad("CAPABILITY_REQUIRED_BUT_DISABLED", "The type id requires the capability uniqueValues.", "capabilities", "uniqueValues")
	}
	if rules, sent := in["validations"]; sent {
		r.d.rules = validationsFrom(rules)
	}
	if _, known := validValue(r.d.kind, ""); !known {
		return
	}
	if i, problem := r.s.checkValidations(r.d.kind, r.d.rules); problem != "" {
		r.bad("INVALID_OPTION", problem, "validations")
		r.errs[len(r.errs)-1].index = i
	}
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/metafieldDefinitionUpdate
func metafieldDefinitionUpdate(s *state, c *graph.Call) (any, error) {
	in := input(c, "definition")
	if in["constraintsUpdates"] != nil {
		return nil, notSimulated("MetafieldDefinitionUpdateInput.constraintsUpdates")
	}
	old := s.definition(text(in, "ownerType"), s.namespace(text(in, "namespace")), text(in, "key"))
	if old == nil {
		return refusedElements([]elementError{{userError{[]string{"definition"}, "Definition not found.", "NOT_FOUND"}, "", -1}}), nil
	}
	changed := *old
	changed.access, changed.capabilities = maps.Clone(old.access), maps.Clone(old.capabilities)
	r := &definitionInput{s: s, d: &changed}
	r.read(in)
	pin, sent := in["pin"].(bool)
	if pin && old.pinned == 0 && s.pinnedCount(old.ownerType) >= maxPinned {
		r.bad("PINNED_LIMIT_REACHED", "Limit of 20 pinned definitions.", "pin")
	}
	if len(r.errs) > 0 {
		return refusedElements(r.errs), nil
	}
	*old = changed
	switch {
	case sent && pin && old.pinned == 0:
		s.pin(old)
	case sent && !pin:
		s.unpin(old)
	}
	s.touch(old)
	s.emitDefinition("metafield_definitions/update", old)
	return done("updatedDefinition", object(old)), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/metafieldDefinitionDelete
func metafieldDefinitionDelete(s *state, c *graph.Call) (any, error) {
	d, field := s.namedDefinition(c, "id")
	withAll, _ := c.Args["deleteAllAssociatedMetafields"].(bool)
	switch {
	case d == nil:
		return refused(userError{field, "Definition not found.", "NOT_FOUND"}), nil
	case d.kind == "id" && !withAll:
		return refused(userError{nil, "Deleting an id type metafield definition requires deletion of its associated metafields.", "ID_TYPE_DELETION_ERROR"}), nil
	case strings.HasSuffix(d.kind, "_reference") && !withAll:
		return refused(userError{nil, "Deleting a reference type metafield definition requires deletion of its associated metafields.", "REFERENCE_TYPE_DELETION_ERROR"}), nil
	}
	if withAll {
		for _, m := range s.defined(d) {
			s.deleteMetafield(m)
		}
	}
	s.unpin(d)
	s.metafieldDefinitions = remove(s.metafieldDefinitions, d)
	delete(s.byID, d.gid)
	s.emitDefinition("metafield_definitions/delete", d)
	out := done("deletedDefinitionId", d.gid)
	out["deletedDefinition"] = graph.Object{"__typename": "MetafieldDefinitionIdentifier", "key": d.key, "namespace": d.namespace, "ownerType": d.ownerType}
	return out, nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/metafieldDefinitionPin
func metafieldDefinitionPin(s *state, c *graph.Call) (any, error) {
	d, field := s.namedDefinition(c, "definitionId")
	switch {
	case d == nil:
		return refused(userError{field, "Definition not found.", "NOT_FOUND"}), nil
	case d.pinned > 0:
		return refused(userError{field, "Definition already pinned.", "ALREADY_PINNED"}), nil
	case s.pinnedCount(d.ownerType) >= maxPinned:
		return refused(userError{field, "Limit of 20 pinned definitions.", "PINNED_LIMIT_REACHED"}), nil
	}
	s.pin(d)
	return done("pinnedDefinition", object(d)), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/metafieldDefinitionUnpin
func metafieldDefinitionUnpin(s *state, c *graph.Call) (any, error) {
	d, field := s.namedDefinition(c, "definitionId")
	switch {
	case d == nil:
		return refused(userError{field, "Definition not found.", "NOT_FOUND"}), nil
	case d.pinned == 0:
		return refused(userError{field, "Definition isn't pinned.", "NOT_PINNED"}), nil
	}
	s.unpin(d)
	return done("unpinnedDefinition", object(d)), nil
}

func (s *state) pinnedCount(ownerType string) int {
	n := 0
	for _, d := range s.metafieldDefinitions {
		if d.ownerType == ownerType && d.pinned > 0 {
			n++
		}
	}
	return n
}

// pin puts d above those that are pinned already.
func (s *state) pin(d *metafieldDefinition) { d.pinned = s.pinnedCount(d.ownerType) + 1 }

// unpin takes d off, and those above it one down.
func (s *state) unpin(d *metafieldDefinition) {
	for _, o := range s.metafieldDefinitions {
		if d.pinned > 0 && o.ownerType == d.ownerType && o.pinned > d.pinned {
			o.pinned--
		}
	}
	d.pinned = 0
}

func (s *state) emitDefinition(topic string, d *metafieldDefinition) {
	rules := []any{}
	for _, r := range d.rules {
		rules = append(rules, map[string]any{"name": r.name, "value": r.value})
	}
	s.emit(topic, d, map[string]any{
		"id": d.id, "admin_graphql_api_id": d.gid, "name": d.name, "namespace": d.namespace, "key": d.key, "type": d.kind, "owner_type": strings.ToLower(d.ownerType),
		"description": orNull(d.description), "validations": rules, "created_at": s.restTime(d.createdAt), "updated_at": s.restTime(d.updatedAt),
	}, s.newGroup())
}
