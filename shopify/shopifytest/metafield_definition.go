package shopifytest

import (
	"cmp"
	"slices"
	"strings"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
	"github.com/posai-go/posai/shopify/shopifytest/internal/search"
)

// maxPinned is how many definitions of one owner type may be pinned.
const maxPinned = 20

// metafieldDefinition says what a metafield of a name holds.
type metafieldDefinition struct {
	head
	ownerType    string // MetafieldOwnerType
	namespace    string // expanded
	key          string
	name         string
	description  string
	kind         string
	rules        []validation
	pinned       int             // position; 0: it is not
	access       map[string]any  // by the name of the field of MetafieldAccess
	capabilities map[string]bool // by the name of the field of MetafieldCapabilities
}

// definition is the definition of a metafield, or nil.
func (s *state) definition(ownerType, namespace, key string) *metafieldDefinition {
	for _, d := range s.metafieldDefinitions {
		if d.ownerType == ownerType && d.namespace == namespace && d.key == key {
			return d
		}
	}
	return nil
}

func (s *state) definitionOf(m *metafield) *metafieldDefinition {
	return s.definition(ownerTypes[m.owner.common().typename], m.namespace, m.key)
}

// defined is the metafields under a definition, oldest first.
func (s *state) defined(d *metafieldDefinition) []*metafield {
	out := []*metafield{}
	for _, all := range s.metafields {
		for _, m := range all {
			if m.namespace == d.namespace && m.key == d.key && ownerTypes[m.owner.common().typename] == d.ownerType {
				out = append(out, m)
			}
		}
	}
	slices.SortFunc(out, func(a, b *metafield) int { return cmp.Compare(a.id, b.id) })
	return out
}

func (s *state) valid(d *metafieldDefinition, m *metafield) bool {
	problem := s.checkValue(d.kind, d.rules, m.value)
	return problem == "" && m.valueType == d.kind
}

// checkDefined says what the definition has against a value for the owner, or "".
func (s *state) checkDefined(d *metafieldDefinition, owner node, kind, value string) *userError {
	if kind != d.kind {
		return &userError{[]string{"type"}, "Type '" + kind + "' must be consistent with the definition's type: '" + d.kind + "'.", "INVALID_TYPE"}
	}
	if problem := s.checkValue(d.kind, d.rules, value); problem != "" {
		return &userError{[]string{"value"}, problem, "INVALID_VALUE"}
	}
	if !d.capabilities["uniqueValues"] {
		return nil
	}
	for _, m := range s.defined(d) {
		if m.value == value && (owner == nil || m.owner.common().gid != owner.common().gid) {
			return d.taken()
		}
	}
	return nil
}

func (d *metafieldDefinition) taken() *userError {
	return &userError{[]string{"value"}, "Value must be unique amongst all " + strings.ToLower(d.ownerType) + " metafields of this definition.", "TAKEN"}
}

// claims are the values of which there may be one alone, that the inputs of one call give, and who is
// to get each.
type claims map[claim]string

type claim struct {
	definition *metafieldDefinition
	value      string
}

// add notes what an owner is to get, of whatever name: the call may yet have to make it. It refuses what another gets.
func (c claims) add(s *state, ownerType, owner string, in map[string]any) *userError {
	d := s.definition(ownerType, s.namespace(text(in, "namespace")), text(in, "key"))
	if d == nil || !d.capabilities["uniqueValues"] {
		return nil
	}
	to := claim{d, text(in, "value")}
	if other, claimed := c[to]; claimed && other != owner {
		return d.taken()
	}
	c[to] = owner
	return nil
}

var metafieldDefinitionFields = table[*metafieldDefinition]{
	"name":           func(_ *state, d *metafieldDefinition, _ *graph.Call) any { return d.name },
	"namespace":      func(_ *state, d *metafieldDefinition, _ *graph.Call) any { return d.namespace },
	"key":            func(_ *state, d *metafieldDefinition, _ *graph.Call) any { return d.key },
	"ownerType":      func(_ *state, d *metafieldDefinition, _ *graph.Call) any { return d.ownerType },
	"description":    func(_ *state, d *metafieldDefinition, _ *graph.Call) any { return orNull(d.description) },
	"type":           func(_ *state, d *metafieldDefinition, _ *graph.Call) any { return typeObject(d.kind) },
	"validations":    func(_ *state, d *metafieldDefinition, _ *graph.Call) any { return validationObjects(d.kind, d.rules) },
	"pinnedPosition": func(_ *state, d *metafieldDefinition, _ *graph.Call) any { return positive(d.pinned) },
	"validationStatus": func(s *state, d *metafieldDefinition, _ *graph.Call) any {
		if slices.ContainsFunc(s.defined(d), func(m *metafield) bool { return !s.valid(d, m) }) {
			return "SOME_INVALID"
		}
		return "ALL_VALID"
	},
	"metafields":      func(s *state, d *metafieldDefinition, c *graph.Call) any { return list(s.definedAs(d, c)) },
	"metafieldsCount": func(s *state, d *metafieldDefinition, c *graph.Call) any { return len(s.definedAs(d, c)) },
	"useAsCollectionCondition": func(_ *state, d *metafieldDefinition, _ *graph.Call) any {
		return d.capabilities["smartCollectionCondition"]
	},
	"access": func(_ *state, d *metafieldDefinition, _ *graph.Call) any {
		return graph.Object{"__typename": "MetafieldAccess", "admin": d.access["admin"], "storefront": d.access["storefront"], "customerAccount": d.access["customerAccount"]}
	},
	"capabilities": func(_ *state, d *metafieldDefinition, _ *graph.Call) any {
		out := graph.Object{"__typename": "MetafieldCapabilities"}
		for name, typename := range metafieldCapabilities {
			out[name] = graph.Object{"__typename": typename, "enabled": d.capabilities[name], "eligible": true}
		}
		status := "NOT_FILTERABLE"
		if d.capabilities["adminFilterable"] {
			status = "FILTERABLE"
		}
		out["adminFilterable"].(graph.Object)["status"] = status
		return out
	},
}

var metafieldCapabilities = map[string]string{
	"adminFilterable": "MetafieldCapabilityAdminFilterable", "analyticsQueryable": "MetafieldCapabilityAnalyticsQueryable",
	"cartToOrderCopyable": "MetafieldCapabilityCartToOrderCopyable", "smartCollectionCondition": "MetafieldCapabilitySmartCollectionCondition",
	"uniqueValues": "MetafieldCapabilityUniqueValues",
}

// definedAs is defined, kept to the argument validationStatus.
func (s *state) definedAs(d *metafieldDefinition, c *graph.Call) []*metafield {
	want := text(c.Args, "validationStatus")
	return slices.DeleteFunc(s.defined(d), func(m *metafield) bool {
		return want == "VALID" && !s.valid(d, m) || want == "INVALID" && s.valid(d, m)
	})
}

var metafieldDefinitionIndex = search.Index[*metafieldDefinition]{
	Words: func(d *metafieldDefinition) []string { return []string{d.name, d.namespace, d.key} },
	Fields: commonIndex(map[string]search.Field[*metafieldDefinition]{
		"key":        one(search.Keyword, func(d *metafieldDefinition) any { return d.key }),
		"namespace":  one(search.Keyword, func(d *metafieldDefinition) any { return d.namespace }),
		"owner_type": one(search.Keyword, func(d *metafieldDefinition) any { return d.ownerType }),
		"type":       one(search.Keyword, func(d *metafieldDefinition) any { return d.kind }),
	}),
}

var metafieldDefinitionSort = sorts[*metafieldDefinition]{
	"NAME":            func(a, b *metafieldDefinition) int { return strings.Compare(a.name, b.name) },
	"PINNED_POSITION": func(a, b *metafieldDefinition) int { return cmp.Compare(b.pinned, a.pinned) },
}

// definitionList is the definitions of an owner type that the arguments ask for.
func (s *state) definitionList(ownerType string, c *graph.Call) graph.List {
	namespace, byNamespace := c.Args["namespace"].(string)
	key, byKey := c.Args["key"].(string)
	pinned := text(c.Args, "pinnedStatus")
	var found []*metafieldDefinition
	for _, d := range s.metafieldDefinitions {
		if d.ownerType != ownerType || byNamespace && d.namespace != s.namespace(namespace) || byKey && d.key != key ||
			pinned == "PINNED" && d.pinned == 0 || pinned == "UNPINNED" && d.pinned > 0 {
			continue
		}
		found = append(found, d)
	}
	return query(c, metafieldDefinitionIndex, found, metafieldDefinitionSort)
}

// definitionRoots are the fields of QueryRoot about definitions of metafields.
var definitionRoots = map[string]func(s *state, c *graph.Call) (any, error){
	"metafieldDefinition": func(s *state, c *graph.Call) (any, error) {
		d, _ := s.namedDefinition(c, "id")
		return ref(d), nil
	},
	"metafieldDefinitions": func(s *state, c *graph.Call) (any, error) {
		switch {
		case c.Args["constraintSubtype"] != nil:
			return nil, notSimulated("metafieldDefinitions.constraintSubtype")
		case text(c.Args, "constraintStatus") == "CONSTRAINED_ONLY":
			return graph.List{}, nil // no definition of the shop has constraints
		}
		return s.definitionList(text(c.Args, "ownerType"), c), nil
	},
}

// namedDefinition is the definition that the argument of that name or the argument identifier names.
func (s *state) namedDefinition(c *graph.Call, arg string) (*metafieldDefinition, []string) {
	if in := input(c, "identifier"); in != nil {
		return s.definition(text(in, "ownerType"), s.namespace(text(in, "namespace")), text(in, "key")), []string{"identifier"}
	}
	d, _ := find[*metafieldDefinition](s, text(c.Args, arg))
	return d, []string{arg}
}
