package shopifytest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
	"github.com/posai-go/posai/shopify/shopifytest/internal/search"
)

// collection is products that belong together: those that were put into it, or those that match its rules.
type collection struct {
	head
	title, handle, html, sortOrder string
	products                       []*product // in the order in which they were put in
	rules                          *collectionRules
}

// collectionRules make a smart collection.
type collectionRules struct {
	any   bool // one rule is enough
	rules []collectionRule
}

type collectionRule struct{ column, relation, condition string }

// ruleColumns are the columns that rules can be about here, with the values of a product.
var ruleColumns = map[string]func(p *product) []string{
	"TAG":    func(p *product) []string { return p.tags },
	"TITLE":  func(p *product) []string { return []string{p.title} },
	"TYPE":   func(p *product) []string { return []string{p.productType} },
	"VENDOR": func(p *product) []string { return []string{p.vendor} },
	"VARIANT_PRICE": func(p *product) []string {
		return copies(p.variants, func(v *variant) string { return v.price.String() })
	},
	"VARIANT_INVENTORY": func(p *product) []string {
		return copies(p.variants, func(v *variant) string { return strconv.Itoa(v.available()) })
	},
	"VARIANT_TITLE": func(p *product) []string { return copies(p.variants, func(v *variant) string { return v.title() }) },
}

// holds tells whether a value of the product meets the rule. Of NOT_EQUALS and NOT_CONTAINS none may do the opposite.
func (r collectionRule) holds(p *product) bool {
	values := ruleColumns[r.column](p)
	if positive, ok := strings.CutPrefix(r.relation, "NOT_"); ok {
		return !slices.ContainsFunc(values, func(v string) bool { return compare(v, positive, r.condition) })
	}
	return slices.ContainsFunc(values, func(v string) bool { return compare(v, r.relation, r.condition) })
}

func compare(value, relation, condition string) bool {
	a, b := strings.ToLower(value), strings.ToLower(condition)
	x, errX := decimal.NewFromString(value)
	y, errY := decimal.NewFromString(condition)
	numbers := errX == nil && errY == nil
	switch relation {
	case "EQUALS":
		return a == b || numbers && x.Equal(y)
	case "CONTAINS":
		return strings.Contains(a, b)
	case "STARTS_WITH":
		return strings.HasPrefix(a, b)
	case "ENDS_WITH":
		return strings.HasSuffix(a, b)
	case "GREATER_THAN":
		return numbers && x.GreaterThan(y)
	case "LESS_THAN":
		return numbers && x.LessThan(y)
	}
	return false
}

// has tells whether the product is in the collection.
func (c *collection) has(p *product) bool {
	if c.rules == nil {
		return slices.Contains(c.products, p)
	}
	holds := func(r collectionRule) bool { return r.holds(p) }
	if c.rules.any {
		return slices.ContainsFunc(c.rules.rules, holds)
	}
	return !slices.ContainsFunc(c.rules.rules, func(r collectionRule) bool { return !holds(r) })
}

// members are the products of the collection in its order.
func (s *state) members(c *collection) []*product {
	out := slices.Clone(c.products)
	if c.rules != nil {
		out = slices.DeleteFunc(slices.Clone(s.products), func(p *product) bool { return !c.has(p) })
	}
	by, ok := map[string]func(a, b *product) int{
		"ALPHA_ASC":    func(a, b *product) int { return strings.Compare(a.title, b.title) },
		"ALPHA_DESC":   func(a, b *product) int { return strings.Compare(b.title, a.title) },
		"CREATED":      byTime[*product],
		"CREATED_DESC": func(a, b *product) int { return byTime(b, a) },
		"PRICE_ASC":    byPrice,
		"PRICE_DESC":   func(a, b *product) int { return byPrice(b, a) },
	}[c.sortOrder]
	if ok {
		slices.SortStableFunc(out, by)
	}
	return out
}

func (s *state) collectionsOf(p *product) []*collection {
	return slices.DeleteFunc(slices.Clone(s.collections), func(c *collection) bool { return !c.has(p) })
}

func (s *state) putInto(c *collection, p *product) {
	if !slices.Contains(c.products, p) {
		c.products = append(c.products, p)
		s.collectionUpdated(c)
	}
}

func (s *state) takeOut(c *collection, p *product) {
	if slices.Contains(c.products, p) {
		c.products = remove(c.products, p)
		s.collectionUpdated(c)
	}
}

func (s *state) collectionUpdated(c *collection) {
	s.touch(c)
	s.emit("collections/update", c, s.collectionPayload(c), s.newGroup())
}

// manualCollections are the collections with these GIDs, which products can be put into.
func (s *state) manualCollections(ids []string, field ...string) (found []*collection, errs []userError) {
	for i, id := range ids {
		c, ok := find[*collection](s, id)
		at := append(slices.Clone(field), strconv.Itoa(i))
		switch {
		case !ok:
			errs = append(errs, userError{field: at, message: "Collection does not exist"})
		case c.rules != nil:
			errs = append(errs, userError{field: at, message: "Can't manually add or remove products of a smart collection"})
		default:
			found = append(found, c)
		}
	}
	return found, errs
}

func (s *state) collectionPayload(c *collection) map[string]any {
	p := map[string]any{
		"id": c.id, "admin_graphql_api_id": c.gid, "title": c.title, "handle": c.handle, "body_html": c.html, "sort_order": strings.ReplaceAll(lower(c.sortOrder), "_", "-"),
		"template_suffix": nil, "published_scope": "web", "published_at": s.restTime(c.createdAt), "updated_at": s.restTime(c.updatedAt),
	}
	if c.rules != nil {
		rules := []any{}
		for _, r := range c.rules.rules {
			rules = append(rules, map[string]any{"column": lower(r.column), "relation": lower(r.relation), "condition": r.condition})
		}
		p["rules"], p["disjunctive"] = rules, c.rules.any
	}
	return p
}

var collectionFields = table[*collection]{
	"title":           func(_ *state, c *collection, _ *graph.Call) any { return c.title },
	"handle":          func(_ *state, c *collection, _ *graph.Call) any { return c.handle },
	"descriptionHtml": func(_ *state, c *collection, _ *graph.Call) any { return c.html },
	"description": func(_ *state, c *collection, call *graph.Call) any {
		return truncate(plain(c.html), call.Args["truncateAt"])
	},
	"sortOrder":     func(_ *state, c *collection, _ *graph.Call) any { return c.sortOrder },
	"seo":           always[*collection](graph.Object{"__typename": "SEO", "title": nil, "description": nil}),
	"productsCount": func(s *state, c *collection, _ *graph.Call) any { return count(len(s.members(c))) },
	"hasProduct": func(s *state, c *collection, call *graph.Call) any {
		p, ok := find[*product](s, text(call.Args, "id"))
		return ok && c.has(p)
	},
	"products": func(s *state, c *collection, call *graph.Call) any {
		members := s.members(c)
		key := text(call.Args, "sortKey")
		if by, ok := productSort[strings.Replace(key, "CREATED", "CREATED_AT", 1)]; ok {
			slices.SortStableFunc(members, by)
		}
		if key == "ID" {
			slices.SortStableFunc(members, func(a, b *product) int { return cmp.Compare(a.id, b.id) })
		}
		return list(members)
	},
	"ruleSet": func(_ *state, c *collection, _ *graph.Call) any {
		if c.rules == nil {
			return nil
		}
		rules := graph.List{}
		for _, r := range c.rules.rules {
			rules = append(rules, graph.Object{"__typename": "CollectionRule", "column": r.column, "relation": r.relation, "condition": r.condition, "conditionObject": nil})
		}
		return graph.Object{"__typename": "CollectionRuleSet", "appliedDisjunctively": c.rules.any, "rules": rules}
	},
}

var collectionIndex = search.Index[*collection]{
	Words: func(c *collection) []string { return []string{c.title, c.handle} },
	Fields: commonIndex(map[string]search.Field[*collection]{
		"title":  one(search.Text, func(c *collection) any { return c.title }),
		"handle": one(search.Keyword, func(c *collection) any { return c.handle }),
		"collection_type": one(search.Keyword, func(c *collection) any {
			if c.rules != nil {
				return "smart"
			}
			return "custom"
		}),
	}),
}

var collectionSort = sorts[*collection]{
	"TITLE":      func(a, b *collection) int { return strings.Compare(a.title, b.title) },
	"UPDATED_AT": byUpdate[*collection],
}

func (s *state) collectionByHandle(h string) any {
	for _, c := range s.collections {
		if c.handle == h {
			return object(c)
		}
	}
	return nil
}

// collectionRoots are the fields of QueryRoot about collections.
var collectionRoots = map[string]func(s *state, c *graph.Call) (any, error){
	"collection":         byID[*collection],
	"collectionByHandle": func(s *state, c *graph.Call) (any, error) { return s.collectionByHandle(text(c.Args, "handle")), nil },
	"collectionByIdentifier": byIdentifier(idOr[*collection](func(s *state, id map[string]any) any {
		return s.collectionByHandle(text(id, "handle"))
	})),
	"collections": func(s *state, c *graph.Call) (any, error) {
		return query(c, collectionIndex, s.collections, collectionSort), nil
	},
	"collectionsCount": counter(collectionIndex, func(s *state) []*collection { return s.collections }),
}
