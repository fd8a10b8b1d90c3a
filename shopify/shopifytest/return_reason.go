package shopifytest

import (
	"slices"
	"strings"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
	"github.com/posai-go/posai/shopify/shopifytest/internal/search"
)

// returnReason is a return reason definition of Shopify's library.
type returnReason struct {
	head
	handle, name string
	legacy       string // the ReturnReason that stands for it where the enum is read
	deleted      bool
}

type libraryReason struct {
	id                   int64
	handle, name, legacy string
}

// returnReasonLibrary is the part of Shopify's library that the shop has: the general reasons, and
// some of those for clothes and for the home. The numbers are Shopify's.
// https://shopify.dev/docs/api/admin-graphql/latest/queries/returnReasonDefinitions
// https://github.com/Shopify/product-taxonomy/blob/main/data/return_reasons.yml
var returnReasonLibrary = []libraryReason{
	{1, "unknown", "Unknown", "UNKNOWN"},
	{2, "changed-my-mind", "Changed my mind", "UNWANTED"},
	{3, "item-not-as-described", "Item not as described", "NOT_AS_DESCRIBED"},
	{4, "received-the-wrong-item", "Received the wrong item", "WRONG_ITEM"},
	{5, "other-reason", "Other", "OTHER"},
	{6, "damaged-or-defective", "Damaged or defective", "DEFECTIVE"},
	{7, "too-small", "Too small", "SIZE_TOO_SMALL"},
	{8, "too-big", "Too big", "SIZE_TOO_LARGE"},
	{9, "style", "Style", "STYLE"},
	{10, "color", "Color", "COLOR"},
	{24, "arrived-late", "Arrived late", "OTHER"},
	{56, "comfort", "Comfort", "OTHER"},
	{319, "color-too-bright", "Color too bright", "COLOR"},
	{320, "color-too-muted", "Color too muted", "COLOR"},
	{327, "damaged-after-washing", "Damaged after washing", "DEFECTIVE"},
	{329, "damaged-packaging", "Damaged packaging", "DEFECTIVE"},
	{339, "duplicate-order", "Duplicate order", "OTHER"},
	{344, "fabric", "Fabric", "OTHER"},
	{374, "loose-seams", "Loose seams", "DEFECTIVE"},
	{387, "ordered-multiple", "Ordered multiple", "UNWANTED"},
	{389, "ordered-wrong-item", "Ordered wrong item", "UNWANTED"},
	{402, "quality", "Quality", "OTHER"},
	{408, "seams-splitting", "Seams splitting", "DEFECTIVE"},
	{411, "sleeves-too-long", "Sleeves too long", "SIZE_TOO_LARGE"},
	{413, "sleeves-too-short", "Sleeves too short", "SIZE_TOO_SMALL"},
	{451, "wrong-amount", "Wrong amount", "WRONG_ITEM"},
	{469, "pilling", "Pilling", "DEFECTIVE"},
}

// generalReasons is how many of the library are suggested for every product.
const generalReasons = 10

func (s *state) loadReturnReasons() {
	for _, r := range returnReasonLibrary {
		d := &returnReason{handle: r.handle, name: r.name, legacy: r.legacy}
		s.add(d, "ReturnReasonDefinition", r.id, s.shop.createdAt)
		s.returnReasons = append(s.returnReasons, d)
	}
}

// returnReasonNamed is the definition that a handle or a ReturnReason names: unknown for "", nil if there is
// none.
func (s *state) returnReasonNamed(name string) *returnReason {
	if name == "" {
		name = "UNKNOWN"
	}
	for _, d := range s.returnReasons {
		if d.handle == name {
			return d
		}
	}
	for _, d := range s.returnReasons[:generalReasons] {
		if d.legacy == name {
			return d
		}
	}
	return nil
}

// isReturnReason tells whether returnReasonNamed knows the name.
func isReturnReason(name string) bool {
	return name == "" || slices.ContainsFunc(returnReasonLibrary, func(r libraryReason) bool { return r.handle == name || r.legacy == name })
}

var returnReasonFields = table[*returnReason]{
	"handle":  func(_ *state, d *returnReason, _ *graph.Call) any { return d.handle },
	"name":    func(_ *state, d *returnReason, _ *graph.Call) any { return d.name },
	"deleted": func(_ *state, d *returnReason, _ *graph.Call) any { return d.deleted },
}

var returnReasonIndex = search.Index[*returnReason]{
	Words: func(d *returnReason) []string { return []string{d.name} },
	Fields: commonIndex(map[string]search.Field[*returnReason]{
		"handle":  one(search.Keyword, func(d *returnReason) any { return d.handle }),
		"name":    one(search.Keyword, func(d *returnReason) any { return d.name }),
		"deleted": one(search.Bool, func(d *returnReason) any { return d.deleted }),
	}),
}

var returnReasonSort = sorts[*returnReason]{
	"HANDLE": func(a, b *returnReason) int { return strings.Compare(a.handle, b.handle) },
	"NAME":   func(a, b *returnReason) int { return strings.Compare(a.name, b.name) },
}

// returnReasonDefinitions answers the query of that name.
func returnReasonDefinitions(s *state, c *graph.Call) (any, error) {
	wanted := map[string]bool{}
	for _, name := range append(stringList(c.Args["ids"]), stringList(c.Args["handles"])...) {
		wanted[name] = true
	}
	var found []*returnReason
	for _, d := range s.returnReasons {
		if len(wanted) == 0 || wanted[d.gid] || wanted[d.handle] {
			found = append(found, d)
		}
	}
	return query(c, returnReasonIndex, found, returnReasonSort), nil
}
