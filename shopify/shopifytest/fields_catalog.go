package shopifytest

import (
	"fmt"
	"html"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

var productFields = table[*product]{
	"title":           func(_ *state, p *product, _ *graph.Call) any { return p.title },
	"handle":          func(_ *state, p *product, _ *graph.Call) any { return p.handle },
	"productType":     func(_ *state, p *product, _ *graph.Call) any { return p.productType },
	"vendor":          func(_ *state, p *product, _ *graph.Call) any { return p.vendor },
	"status":          func(_ *state, p *product, _ *graph.Call) any { return p.status },
	"tags":            func(_ *state, p *product, _ *graph.Call) any { return p.tags },
	"publishedAt":     func(_ *state, p *product, _ *graph.Call) any { return p.createdAt },
	"isGiftCard":      func(_ *state, p *product, _ *graph.Call) any { return p.giftCard },
	"description":     func(_ *state, p *product, c *graph.Call) any { return truncate(p.description, c.Args["truncateAt"]) },
	"descriptionHtml": func(_ *state, p *product, _ *graph.Call) any { return p.descriptionHTML() },
	"bodyHtml":        func(_ *state, p *product, _ *graph.Call) any { return p.descriptionHTML() },
	"onlineStoreUrl": func(s *state, p *product, _ *graph.Call) any {
		if p.status != "ACTIVE" {
			return nil
		}
		return "https://" + s.shop.data.Domain + "/products/" + p.handle
	},
	"variants":              func(_ *state, p *product, _ *graph.Call) any { return list(p.variants) },
	"variantsCount":         func(_ *state, p *product, _ *graph.Call) any { return count(len(p.variants)) },
	"totalVariants":         func(_ *state, p *product, _ *graph.Call) any { return len(p.variants) },
	"hasOnlyDefaultVariant": func(_ *state, p *product, _ *graph.Call) any { return len(p.options) == 0 },
	"totalInventory":        func(_ *state, p *product, _ *graph.Call) any { return p.available() },
	"tracksInventory":       always[*product](true),
	"hasOutOfStockVariants": func(_ *state, p *product, _ *graph.Call) any {
		for _, v := range p.variants {
			if v.available() <= 0 {
				return true
			}
		}
		return false
	},
	"requiresSellingPlan":               always[*product](false),
	"hasVariantsThatRequiresComponents": always[*product](false),
	"options":                           func(_ *state, p *product, c *graph.Call) any { return first(p.optionList(), c) },
	"priceRangeV2": func(s *state, p *product, _ *graph.Call) any {
		lowest, highest := p.priceRange()
		return graph.Object{"__typename": "ProductPriceRangeV2", "minVariantPrice": s.moneyV2(lowest), "maxVariantPrice": s.moneyV2(highest)}
	},
	"priceRange": func(s *state, p *product, _ *graph.Call) any {
		lowest, highest := p.priceRange()
		return graph.Object{"__typename": "ProductPriceRange", "minVariantPrice": s.moneyV2(lowest), "maxVariantPrice": s.moneyV2(highest)}
	},
	"seo": always[*product](graph.Object{"__typename": "SEO", "title": nil, "description": nil}),
	"collections": func(s *state, p *product, c *graph.Call) any {
		return query(c, collectionIndex, s.collectionsOf(p), collectionSort)
	},
	"inCollection": func(s *state, p *product, c *graph.Call) any {
		col, ok := find[*collection](s, text(c.Args, "id"))
		return ok && col.has(p)
	},
	"publishedOnCurrentPublication": func(_ *state, p *product, _ *graph.Call) any { return p.status == "ACTIVE" },
}

func (p *product) optionList() graph.List {
	if len(p.options) == 0 {
		return graph.List{p.option(0, "Title", []string{"Default Title"})}
	}
	out := make(graph.List, len(p.options))
	for i, name := range p.options {
		out[i] = p.option(i, name, p.optionValues(i))
	}
	return out
}

func (p *product) option(i int, name string, values []string) graph.Object {
	id := p.id*10 + int64(i)
	objects := make(graph.List, len(values))
	for j, v := range values {
		objects[j] = graph.Object{"__typename": "ProductOptionValue", "id": gid("ProductOptionValue", id*100+int64(j)), "name": v, "hasVariants": true, graph.Closed: true}
	}
	return graph.Object{
		"__typename": "ProductOption", "id": gid("ProductOption", id), "name": name, "position": i + 1,
		"values": values, "optionValues": objects, graph.Closed: true,
	}
}

func (p *product) descriptionHTML() string {
	if p.html != "" || p.description == "" {
		return p.html
	}
	return "<p>" + html.EscapeString(p.description) + "</p>"
}

func truncate(text string, at any) string {
	n, ok := at.(int)
	runes := []rune(text)
	if !ok || n < 0 || len(runes) <= n {
		return text
	}
	return string(runes[:max(n-3, 0)]) + "..."
}

var variantFields = table[*variant]{
	"title":       func(_ *state, v *variant, _ *graph.Call) any { return v.title() },
	"displayName": func(_ *state, v *variant, _ *graph.Call) any { return v.displayName() },
	"sku":         func(_ *state, v *variant, _ *graph.Call) any { return orNull(v.sku) },
	"barcode":     func(_ *state, v *variant, _ *graph.Call) any { return orNull(v.barcode) },
	"price":       money(func(_ *state, v *variant) decimal.Decimal { return v.price }),
	"position":    func(_ *state, v *variant, _ *graph.Call) any { return v.position },
	"product":     func(_ *state, v *variant, _ *graph.Call) any { return object(v.product) },
	"selectedOptions": func(_ *state, v *variant, _ *graph.Call) any {
		if len(v.options) == 0 {
			return graph.List{{"__typename": "SelectedOption", "name": "Title", "value": "Default Title"}}
		}
		out := make(graph.List, len(v.options))
		for i, value := range v.options {
			out[i] = graph.Object{"__typename": "SelectedOption", "name": v.product.options[i], "value": value}
		}
		return out
	},
	"inventoryItem":          func(_ *state, v *variant, _ *graph.Call) any { return object(v.item) },
	"inventoryQuantity":      func(_ *state, v *variant, _ *graph.Call) any { return v.available() },
	"sellableOnlineQuantity": func(_ *state, v *variant, _ *graph.Call) any { return max(v.available(), 0) },
	"availableForSale": func(_ *state, v *variant, _ *graph.Call) any {
		return v.available() > 0 || v.oversell || v.item.untracked
	},
	"inventoryPolicy": func(_ *state, v *variant, _ *graph.Call) any {
		if v.oversell {
			return "CONTINUE"
		}
		return "DENY"
	},
	"taxable": func(_ *state, v *variant, _ *graph.Call) any { return !v.untaxed },
	"compareAtPrice": func(s *state, v *variant, _ *graph.Call) any {
		if v.compareAt.IsZero() {
			return nil
		}
		return s.fixed(v.compareAt)
	},
	"requiresComponents": always[*variant](false),
	"showUnitPrice":      always[*variant](false),
}

var itemFields = table[*item]{
	"sku":               func(_ *state, i *item, _ *graph.Call) any { return orNull(i.variant.sku) },
	"tracked":           func(_ *state, i *item, _ *graph.Call) any { return !i.untracked },
	"requiresShipping":  func(_ *state, i *item, _ *graph.Call) any { return !i.unshipped },
	"duplicateSkuCount": always[*item](0),
	"variant":           func(_ *state, i *item, _ *graph.Call) any { return object(i.variant) },
	"variants":          func(_ *state, i *item, _ *graph.Call) any { return list([]*variant{i.variant}) },
	"unitCost": func(s *state, i *item, _ *graph.Call) any {
		if !i.cost.IsPositive() {
			return nil
		}
		return s.moneyV2(i.cost)
	},
	"locationsCount": func(_ *state, i *item, _ *graph.Call) any { return count(len(i.levelsOf(false))) },
	"inventoryLevels": func(_ *state, i *item, c *graph.Call) any {
		return query(c, levelIndex, i.levelsOf(c.Args["includeInactive"] == true), nil)
	},
	"inventoryLevel": func(s *state, i *item, c *graph.Call) any {
		id, _ := c.Args["locationId"].(string)
		l, ok := find[*location](s, id)
		if !ok {
			return nil
		}
		return ref(levelAt(i, l, c))
	},
}

var levelFields = table[*level]{
	"item":          func(_ *state, l *level, _ *graph.Call) any { return object(l.item) },
	"location":      func(_ *state, l *level, _ *graph.Call) any { return object(l.location) },
	"isActive":      func(_ *state, l *level, _ *graph.Call) any { return !l.inactive },
	"canDeactivate": func(_ *state, l *level, _ *graph.Call) any { return !l.inactive && l.stays() == "" },
	"deactivationAlert": func(_ *state, l *level, _ *graph.Call) any {
		return orNull(l.stays())
	},
	"quantities": func(_ *state, l *level, c *graph.Call) any {
		out := graph.List{}
		for _, name := range stringList(c.Args["names"]) {
			out = append(out, graph.Object{
				"__typename": "InventoryQuantity", "id": fmt.Sprintf("gid://shopify/InventoryQuantity/%d?inventory_item_id=%d&name=%s", l.id, l.item.id, name),
				"name": name, "quantity": l.quantity(name), "updatedAt": l.updatedAt,
			})
		}
		return out
	},
}

var locationFields = table[*location]{
	"name":                 func(_ *state, l *location, _ *graph.Call) any { return l.data.Name },
	"isActive":             func(_ *state, l *location, _ *graph.Call) any { return l.active() },
	"isPrimary":            func(s *state, l *location, _ *graph.Call) any { return l == s.home() },
	"fulfillsOnlineOrders": func(_ *state, l *location, _ *graph.Call) any { return l.sendsOrders() },
	"shipsInventory":       func(_ *state, l *location, _ *graph.Call) any { return l.sendsOrders() },
	"hasActiveInventory":   func(s *state, l *location, _ *graph.Call) any { return s.hasStock(l) },
	"isFulfillmentService": always[*location](false),
	"hasUnfulfilledOrders": func(s *state, l *location, _ *graph.Call) any { return len(s.pending(l)) > 0 },
	"activatable": func(s *state, l *location, _ *graph.Call) any {
		return !l.active() && s.namesake(l, l.data.Name) == nil
	},
	"deactivatable": func(s *state, l *location, _ *graph.Call) any { return l.active() && !s.lastToSend(l) },
	"deactivatedAt": func(_ *state, l *location, _ *graph.Call) any {
		if l.active() {
			return nil
		}
		return l.deactivatedAt.UTC().Format(time.RFC3339)
	},
	"deletable":       func(_ *state, l *location, _ *graph.Call) any { return !l.active() },
	"addressVerified": always[*location](true),
	"address": func(_ *state, l *location, _ *graph.Call) any {
		a := l.data.Address
		return graph.Object{
			"__typename": "LocationAddress", "address1": orNull(a.Address1), "address2": orNull(a.Address2), "city": orNull(a.City),
			"province": orNull(a.Province), "provinceCode": orNull(a.ProvinceCode), "country": orNull(a.Country),
			"countryCode": orNull(a.CountryCode), "zip": orNull(a.Zip), "phone": orNull(a.Phone), "formatted": a.formatted(), graph.Closed: true,
		}
	},
	"inventoryLevels": func(s *state, l *location, c *graph.Call) any {
		levels := s.levelsAt(l)
		if c.Args["includeInactive"] == true {
			levels = nil
			for _, v := range s.variants {
				if lv := levelAt(v.item, l, c); lv != nil {
					levels = append(levels, lv)
				}
			}
		}
		return query(c, levelIndex, levels, nil)
	},
	"inventoryLevel": func(s *state, l *location, c *graph.Call) any {
		id, _ := c.Args["inventoryItemId"].(string)
		i, ok := find[*item](s, id)
		if !ok {
			return nil
		}
		return ref(levelAt(i, l, c))
	},
}

// levelAt is the level at a location that a call asks for, or nil.
func levelAt(i *item, l *location, c *graph.Call) *level {
	for _, lv := range i.levelsOf(c.Args["includeInactive"] == true) {
		if lv.location == l {
			return lv
		}
	}
	return nil
}
