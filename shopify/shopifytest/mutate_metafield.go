package shopifytest

import (
	"slices"
	"strconv"
	"strings"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// maxMetafields is how many metafields one call may write.
const maxMetafields = 25

// maxTags is how many tags a thing may have.
const maxTags = 250

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/metafieldsSet
func metafieldsSet(s *state, c *graph.Call) (any, error) {
	inputs := objects(c.Args["metafields"])
	if len(inputs) > maxMetafields {
		return refused(userError{[]string{"metafields"}, "Exceeded the maximum metafields input limit of 25.", "LESS_THAN_OR_EQUAL_TO"}), nil
	}
	errs, unique := graph.List{}, claims{}
	for i, in := range inputs {
		n, ok := s.byID[text(in, "ownerId")]
		e := &userError{[]string{"ownerId"}, "Owner does not exist.", "INVALID"}
		if ok && ownerTypes[n.common().typename] != "" {
			kind := ownerTypes[n.common().typename]
			if e = s.checkMetafield(in, n, kind); e == nil {
				e = unique.add(s, kind, n.common().gid, in)
			}
		}
		if e != nil {
			errs = append(errs, graph.Object{
				"field": append([]string{"metafields", strconv.Itoa(i)}, e.field...), "message": e.message, "code": e.code, "elementIndex": nil,
			})
		}
	}
	if len(errs) > 0 {
		return graph.Object{"userErrors": errs, graph.Closed: true}, nil
	}
	var out graph.List
	for _, in := range inputs {
		owner := s.byID[text(in, "ownerId")]
		kind := s.metafieldType(in, owner, ownerTypes[owner.common().typename])
		out = append(out, object(s.setMetafield(owner, s.namespace(text(in, "namespace")), text(in, "key"), kind, text(in, "value"))))
	}
	return done("metafields", out), nil
}

// metafieldType is the type of a metafield that is written: that of the input, of the metafield that is there, or of
// the definition.
func (s *state) metafieldType(in map[string]any, owner node, ownerType string) string {
	namespace, key := s.namespace(text(in, "namespace")), text(in, "key")
	if kind := text(in, "type"); kind != "" {
		return kind
	}
	if owner != nil {
		if old := s.metafield(owner.common().gid, namespace, key); old != nil {
			return old.valueType
		}
	}
	if d := s.definition(ownerType, namespace, key); d != nil {
		return d.kind
	}
	return ""
}

// checkMetafield says what is wrong with one input, the field relative to it, or returns nil. The
// owner is nil if it does not exist yet.
func (s *state) checkMetafield(in map[string]any, owner node, ownerType string) *userError {
	namespace, key, value := s.namespace(text(in, "namespace")), text(in, "key"), text(in, "value")
	var old *metafield
	if owner != nil {
		old = s.metafield(owner.common().gid, namespace, key)
	}
	switch {
	case len(namespace) < 3:
		return &userError{[]string{"namespace"}, "Namespace is too short (minimum is 3 characters)", "TOO_SHORT"}
	case len(namespace) > 255:
		return &userError{[]string{"namespace"}, "Namespace is too long (maximum is 255 characters)", "TOO_LONG"}
	case !keyShape.MatchString(namespace):
		return &userError{[]string{"namespace"}, "Namespace contains one or more invalid characters.", "INVALID"}
	case len(key) < 2:
		return &userError{[]string{"key"}, "Key is too short (minimum is 2 characters)", "TOO_SHORT"}
	case len(key) > 64:
		return &userError{[]string{"key"}, "Key is too long (maximum is 64 characters)", "TOO_LONG"}
	case !keyShape.MatchString(key):
		return &userError{[]string{"key"}, "Key contains one or more invalid characters.", "INVALID"}
	case value == "":
		return &userError{[]string{"value"}, "Value can't be blank.", "BLANK"}
	case len(value) > maxMetafield:
		return &userError{[]string{"value"}, "Value is too long.", "TOO_LONG"}
	}
	kind := s.metafieldType(in, owner, ownerType)
	if kind == "" {
		return &userError{[]string{"type"}, "Type can't be blank", "BLANK"}
	}
	problem, known := validValue(kind, value)
	if !known {
		return &userError{[]string{"type"}, "Type must be one of the supported metafield types.", "INCLUSION"}
	}
	if problem != "" {
		return &userError{[]string{"value"}, problem, "INVALID_VALUE"}
	}
	if d := s.definition(ownerType, namespace, key); d != nil {
		if e := s.checkDefined(d, owner, kind, value); e != nil {
			return e
		}
	}
	if digest, sent := in["compareDigest"]; sent {
		stale := old != nil && digest == nil || old == nil && digest != nil || old != nil && digest != old.digest()
		if stale {
			return &userError{[]string{"compareDigest"}, "The resource has been updated since it was loaded. Try again with an updated `compareDigest` value.", "STALE_OBJECT"}
		}
	}
	return nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/metafieldsDelete
func metafieldsDelete(s *state, c *graph.Call) (any, error) {
	inputs := objects(c.Args["metafields"])
	for i, in := range inputs {
		if _, ok := s.byID[text(in, "ownerId")]; !ok {
			return refused(userError{field: []string{"metafields", strconv.Itoa(i), "ownerId"}, message: "Owner does not exist."}), nil
		}
	}
	out := make([]any, len(inputs))
	for i, in := range inputs {
		owner, namespace, key := text(in, "ownerId"), s.namespace(text(in, "namespace")), text(in, "key")
		if m := s.metafield(owner, namespace, key); m != nil {
			s.deleteMetafield(m)
			out[i] = graph.Object{"__typename": "MetafieldIdentifier", "ownerId": owner, "namespace": namespace, "key": key}
		}
	}
	return done("deletedMetafields", out), nil
}

// tagged is a pointer to the tags of what can have some.
func tagged(n node) *[]string {
	switch n := n.(type) {
	case *order:
		return &n.tags
	case *discount:
		return &n.tags
	case *draft:
		return &n.tags
	case *customer:
		return &n.tags
	case *product:
		return &n.tags
	default:
		return nil
	}
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/tagsAdd
func tagsAdd(s *state, c *graph.Call) (any, error) {
	return s.changeTags(c, func(have, tags []string) []string { return normalizeTags(append(slices.Clone(have), tags...)) })
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/tagsRemove
func tagsRemove(s *state, c *graph.Call) (any, error) {
	return s.changeTags(c, func(have, tags []string) []string {
		return slices.DeleteFunc(slices.Clone(have), func(t string) bool { return hasTag(tags, t) })
	})
}

func (s *state) changeTags(c *graph.Call, change func(have, tags []string) []string) (any, error) {
	n, ok := s.byID[text(c.Args, "id")]
	var have *[]string
	if ok {
		have = tagged(n)
	}
	if have == nil {
		return refused(userError{field: []string{"id"}, message: "Resource does not exist"}), nil
	}
	tags := normalizeTags(stringList(c.Args["tags"]))
	if e := checkTags(tags); e != nil {
		return refused(*e), nil
	}
	changed := change(*have, tags)
	if len(changed) > maxTags {
		return refused(userError{field: []string{"tags"}, message: "A maximum of 250 tags is allowed"}), nil
	}
	if before := *have; !slices.Equal(before, changed) {
		*have = changed
		group := s.updated(n)
		if v, ok := n.(*customer); ok {
			s.customerTags(v, before, group)
		}
	}
	return done("node", object(n)), nil
}

func checkTags(tags []string) *userError {
	for _, t := range tags {
		if len([]rune(t)) > 255 {
			return &userError{field: []string{"tags"}, message: "Tag is too long (maximum is 255 characters)"}
		}
	}
	return nil
}

func hasTag(tags []string, tag string) bool {
	return slices.ContainsFunc(tags, func(t string) bool { return strings.EqualFold(t, tag) })
}

// updated notes that n was changed and tells the subscribers. It returns the event's id.
func (s *state) updated(n node) (group string) {
	s.touch(n)
	group = s.newGroup()
	switch n := n.(type) {
	case *order:
		s.emit("orders/updated", n, s.orderPayload(n), group)
	case *discount:
		s.emitDiscount("discounts/update", n, group)
	case *draft:
		s.emit("draft_orders/update", n, s.draftPayload(n), group)
	case *customer:
		s.emit("customers/update", n, s.customerPayload(n), group)
	case *product:
		s.emit("products/update", n, s.productPayload(n), group)
	}
	return group
}
