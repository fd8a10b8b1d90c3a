package shopifytest

import (
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// storefrontRoots are the fields of the Storefront API's QueryRoot that are
// answered from the state.
var storefrontRoots = map[string]func(s *state, c *graph.Call) (any, error){
	"shop": func(s *state, _ *graph.Call) (any, error) { return object(&s.shop), nil },
	"node": func(s *state, c *graph.Call) (any, error) { return s.publicNode(c.Args["id"]), nil },
	"nodes": func(s *state, c *graph.Call) (any, error) {
		out := []any{}
		for _, id := range stringList(c.Args["ids"]) {
			out = append(out, s.publicNode(id))
		}
		return out, nil
	},
	"product": func(s *state, c *graph.Call) (any, error) {
		id, _ := c.Args["id"].(string)
		handle, _ := c.Args["handle"].(string)
		return ref(s.publicProduct(id, handle)), nil
	},
	"productByHandle": func(s *state, c *graph.Call) (any, error) {
		handle, _ := c.Args["handle"].(string)
		return ref(s.publicProduct("", handle)), nil
	},
	"products": func(s *state, c *graph.Call) (any, error) {
		return query(c, productIndex, s.publicProducts(), storefrontSort), nil
	},
	"search":           storefrontSearch,
	"predictiveSearch": storefrontPredict,
	"locations": func(s *state, _ *graph.Call) (any, error) {
		return list(s.activeLocations()), nil
	},
	"cart": func(s *state, c *graph.Call) (any, error) {
		id, _ := c.Args["id"].(string)
		return cartRef(s.carts[id]), nil
	},
}

var storefrontSort = sorts[*product]{
	"CREATED_AT": byTime[*product], "UPDATED_AT": byUpdate[*product],
	"TITLE":        productSort["TITLE"],
	"VENDOR":       productSort["VENDOR"],
	"PRODUCT_TYPE": productSort["PRODUCT_TYPE"],
	"PRICE":        byPrice,
}

// storefrontTables has the types of the Storefront API whose objects are stored.
var storefrontTables = map[string]fieldTable{
	"Cart":           cartFields,
	"CartLine":       cartLineFields,
	"Location":       locationFields,
	"Metafield":      metafieldFields,
	"Product":        storefrontProductFields,
	"ProductVariant": storefrontVariantFields,
	"Shop":           storefrontShopFields,
}

// public reports whether buyers may see the product.
func (p *product) public() bool { return p.status == "ACTIVE" }

func (s *state) publicProducts() []*product {
	return slices.DeleteFunc(slices.Clone(s.products), func(p *product) bool { return !p.public() })
}

func (s *state) publicProduct(id, handle string) *product {
	for _, p := range s.products {
		if p.public() && (p.gid == id || p.handle == handle && handle != "") {
			return p
		}
	}
	return nil
}

// publicNode is what has the GID, if buyers may see it.
func (s *state) publicNode(id any) any {
	text, _ := id.(string)
	if c := s.carts[text]; c != nil {
		return cartRef(c)
	}
	switch n := s.byID[text].(type) {
	case *product:
		if n.public() {
			return object(n)
		}
	case *variant:
		if n.product.public() {
			return object(n)
		}
	case *location:
		return object(n)
	}
	return nil
}

// found are the products with the words of a buyer's search, the best first: those
// with a word in the title before those with it elsewhere.
func (s *state) found(text string, prefix bool) []*product {
	words := strings.Fields(strings.ToLower(text))
	has := func(text string) int {
		n := 0
		fields := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return ('a' > r || r > 'z') && ('0' > r || r > '9') && r <= 127 })
		for i, w := range words {
			if slices.ContainsFunc(fields, func(f string) bool {
				return f == w || strings.TrimSuffix(f, "s") == strings.TrimSuffix(w, "s") || prefix && i == len(words)-1 && strings.HasPrefix(f, w)
			}) {
				n++
			}
		}
		return n
	}
	type hit struct {
		p     *product
		score int
	}
	var hits []hit
	for _, p := range s.publicProducts() {
		everywhere := has(strings.Join(append([]string{p.title, p.productType, p.vendor, p.description, strings.Join(p.tags, " ")}, p.skus()...), " "))
		if everywhere == len(words) && len(words) > 0 {
			hits = append(hits, hit{p, 1 + has(p.title)})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return b.score - a.score })
	out := make([]*product, len(hits))
	for i, h := range hits {
		out[i] = h.p
	}
	return out
}

func storefrontSearch(s *state, c *graph.Call) (any, error) {
	text, _ := c.Args["query"].(string)
	types := stringList(c.Args["types"])
	var found []*product
	if types == nil || slices.Contains(types, "PRODUCT") {
		found = s.found(text, c.Args["prefix"] == "LAST")
	}
	for _, f := range objects(c.Args["productFilters"]) {
		if what := unknown(f, "available", "price", "productType", "productVendor", "tag"); what != "" {
			return nil, notSimulated("ProductFilter." + what)
		}
	}
	found = slices.DeleteFunc(found, func(p *product) bool { return !p.fits(objects(c.Args["productFilters"])) })
	switch c.Args["unavailableProducts"] {
	case "HIDE":
		found = slices.DeleteFunc(found, func(p *product) bool { return p.available() <= 0 })
	case "SHOW":
	default:
		slices.SortStableFunc(found, func(a, b *product) int {
			if (a.available() > 0) == (b.available() > 0) {
				return 0
			}
			if a.available() > 0 {
				return -1
			}
			return 1
		})
	}
	if c.Args["sortKey"] == "PRICE" {
		slices.SortStableFunc(found, storefrontSort["PRICE"])
	}
	nodes := make([]any, len(found))
	for i, p := range found {
		nodes[i] = object(p)
	}
	return graph.Connection{Nodes: nodes, Fields: graph.Object{"totalCount": len(found), "productFilters": graph.List{}}}, nil
}

// fits reports whether the product fits one filter of each kind that there is.
func (p *product) fits(filters []map[string]any) bool {
	asked, met := map[string]bool{}, map[string]bool{}
	for _, f := range filters {
		for kind, v := range f {
			if v == nil {
				continue
			}
			asked[kind] = true
			ok := false
			switch kind {
			case "available":
				ok = v == (p.available() > 0)
			case "productType":
				ok = v == p.productType
			case "productVendor":
				ok = v == p.vendor
			case "tag":
				tag, _ := v.(string)
				ok = slices.ContainsFunc(p.tags, func(t string) bool { return strings.EqualFold(t, tag) })
			case "price":
				in, _ := v.(map[string]any)
				low, high := p.priceRange()
				ok = true
				if least, is := number(in["min"]); is && high.LessThan(least) {
					ok = false
				}
				if most, is := number(in["max"]); is && low.GreaterThan(most) {
					ok = false
				}
			}
			met[kind] = met[kind] || ok
		}
	}
	return len(met) == len(asked) && !slices.Contains(values(met), false)
}

func values(m map[string]bool) []bool {
	out := make([]bool, 0, len(m))
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

func storefrontPredict(s *state, c *graph.Call) (any, error) {
	text, _ := c.Args["query"].(string)
	limit, ok := c.Args["limit"].(int)
	if !ok {
		limit = 10
	}
	if limit < 1 || limit > 10 {
		return nil, graph.NewError("BAD_REQUEST", "limit must be between 1 and 10")
	}
	found := s.found(text, true)
	types := stringList(c.Args["types"])
	out := graph.Object{"articles": graph.List{}, "collections": graph.List{}, "pages": graph.List{}, "products": graph.List{}, "queries": graph.List{}, graph.Closed: true}
	if types == nil || slices.Contains(types, "PRODUCT") {
		out["products"] = list(found[:min(len(found), limit)])
	}
	if types == nil || slices.Contains(types, "QUERY") {
		seen := map[string]bool{}
		queries := graph.List{}
		for _, p := range found {
			term := strings.ToLower(p.productType)
			if term == "" || seen[term] || len(queries) == limit {
				continue
			}
			seen[term] = true
			queries = append(queries, graph.Object{"__typename": "SearchQuerySuggestion", "text": term, "styledText": "<span>" + term + "</span>", "trackingParameters": nil})
		}
		out["queries"] = queries
	}
	return out, nil
}

var storefrontShopFields = table[*shopInfo]{
	"name":             func(s *state, _ *shopInfo, _ *graph.Call) any { return s.shop.data.Name },
	"moneyFormat":      always[*shopInfo]("${{amount}}"),
	"shipsToCountries": always[*shopInfo]([]string{"US"}),
	"primaryDomain": func(s *state, _ *shopInfo, _ *graph.Call) any {
		return graph.Object{"__typename": "Domain", "host": s.shop.data.Domain, "sslEnabled": true, "url": "https://" + s.shop.data.Domain}
	},
}

var storefrontProductFields = table[*product]{
	"title": productFields["title"], "handle": productFields["handle"], "productType": productFields["productType"],
	"vendor": productFields["vendor"], "tags": productFields["tags"], "publishedAt": productFields["publishedAt"],
	"isGiftCard": productFields["isGiftCard"], "description": productFields["description"], "descriptionHtml": productFields["descriptionHtml"],
	"onlineStoreUrl": productFields["onlineStoreUrl"], "variants": productFields["variants"], "variantsCount": productFields["variantsCount"],
	"options": productFields["options"], "priceRange": productFields["priceRange"], "totalInventory": productFields["totalInventory"],
	"requiresSellingPlan": productFields["requiresSellingPlan"], "seo": productFields["seo"],
	"availableForSale": func(_ *state, p *product, _ *graph.Call) any {
		return slices.ContainsFunc(p.variants, func(v *variant) bool { return v.available() > 0 })
	},
	"compareAtPriceRange": func(s *state, _ *product, _ *graph.Call) any {
		none := s.moneyV2(decimal.Zero)
		return graph.Object{"__typename": "ProductPriceRange", "minVariantPrice": none, "maxVariantPrice": none}
	},
	"selectedOrFirstAvailableVariant": func(_ *state, p *product, c *graph.Call) any {
		chosen := objects(c.Args["selectedOptions"])
		for _, v := range p.variants {
			if len(chosen) > 0 && v.is(chosen) {
				return object(v)
			}
		}
		for _, v := range p.variants {
			if v.available() > 0 {
				return object(v)
			}
		}
		return object(p.variants[0])
	},
	"variantBySelectedOptions": func(_ *state, p *product, c *graph.Call) any {
		for _, v := range p.variants {
			if v.is(objects(c.Args["selectedOptions"])) {
				return object(v)
			}
		}
		return nil
	},
}

// is reports whether the variant has all of these options.
func (v *variant) is(options []map[string]any) bool {
	for _, o := range options {
		i := slices.Index(v.product.options, text(o, "name"))
		if i < 0 || i >= len(v.options) || v.options[i] != text(o, "value") {
			return false
		}
	}
	return len(options) == len(v.options)
}

var storefrontVariantFields = table[*variant]{
	"title": variantFields["title"], "sku": variantFields["sku"], "barcode": variantFields["barcode"], "product": variantFields["product"],
	"selectedOptions": variantFields["selectedOptions"], "availableForSale": variantFields["availableForSale"],
	"taxable": variantFields["taxable"], "requiresComponents": variantFields["requiresComponents"],
	"price":               func(s *state, v *variant, _ *graph.Call) any { return s.moneyV2(v.price) },
	"priceV2":             func(s *state, v *variant, _ *graph.Call) any { return s.moneyV2(v.price) },
	"quantityAvailable":   func(_ *state, v *variant, _ *graph.Call) any { return v.available() },
	"currentlyNotInStock": always[*variant](false),
	"requiresShipping":    always[*variant](true),
	"weightUnit":          always[*variant]("KILOGRAMS"),
	"quantityRule":        always[*variant](graph.Object{"__typename": "QuantityRule", "increment": 1, "minimum": 1, "maximum": nil}),
	"storeAvailability": func(_ *state, v *variant, _ *graph.Call) any {
		var nodes []any
		for _, l := range v.item.levelsOf(false) {
			n := l.quantities["available"]
			nodes = append(nodes, graph.Object{
				"__typename": "StoreAvailability", "available": n > 0, "quantityAvailable": max(n, 0), "pickUpTime": "Usually ready in 24 hours",
				"location": object(l.location),
			})
		}
		return graph.Connection{Nodes: nodes}
	},
}
