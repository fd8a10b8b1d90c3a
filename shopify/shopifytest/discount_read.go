package shopifytest

import (
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
	"github.com/posai-go/posai/shopify/shopifytest/internal/search"
)

var discountFields = table[*discount]{
	"codeDiscount":      func(s *state, d *discount, _ *graph.Call) any { return s.discountTerms(d) },
	"automaticDiscount": func(s *state, d *discount, _ *graph.Call) any { return s.discountTerms(d) },
	"discount":          func(s *state, d *discount, _ *graph.Call) any { return s.discountTerms(d) },
}

// discountNode is d under the type that both kinds have in common.
func discountNode(d *discount) graph.Object {
	return graph.Object{"__typename": "DiscountNode", "id": gid("DiscountNode", d.id), self: d, graph.Stored: true}
}

// discountTerms is what the types of the schema know of a discount. It holds the fields of all of them.
func (s *state) discountTerms(d *discount) graph.Object {
	out := graph.Object{
		"__typename": d.terms(), graph.Stored: true,
		"title": d.title, "status": d.status(s.now()), "summary": s.summary(d), "shortSummary": s.summary(d), "tags": d.tags,
		"startsAt": d.startsAt, "endsAt": timeOrNull(d.endsAt), "createdAt": d.createdAt, "updatedAt": d.updatedAt,
		"asyncUsageCount": d.used(), "usageCount": d.used(), "hasTimelineComment": false,
		"discountClass": d.class(), "discountClasses": []string{d.class()},
		"combinesWith": graph.Object{
			"__typename": "DiscountCombinesWith", "orderDiscounts": d.combines.order, "productDiscounts": d.combines.product, "shippingDiscounts": d.combines.shipping,
			"productDiscountsWithTagsOnSameCartLine": []string{},
		},
		"context": s.discountContext(d), "minimumRequirement": s.minimumRequirement(d.minimum), "recurringCycleLimit": d.cycles,
		"appliesOnOneTimePurchase": d.oneTime, "appliesOnSubscription": d.recurring,
		"usesPerOrderLimit": positive(d.usesPerCart),
	}
	switch d.kind {
	case "FreeShipping":
		out["destinationSelection"], out["maximumShippingPrice"] = d.destination(), nil
		if d.shipping.maximum != nil {
			out["maximumShippingPrice"] = s.moneyV2(*d.shipping.maximum)
		}
	case "Bxgy":
		out["customerBuys"] = graph.Object{
			"__typename": "DiscountCustomerBuys", "isOneTimePurchase": d.buysOnce, "isSubscription": d.buysAgain, "items": s.discountItems(d.buysItems), "value": buysValue(d.buys),
		}
		fallthrough
	default:
		out["customerGets"] = graph.Object{
			"__typename": "DiscountCustomerGets", "appliesOnOneTimePurchase": d.oneTime, "appliesOnSubscription": d.recurring,
			"items": s.discountItems(d.getsItems), "value": s.getsValue(d.gets),
		}
	}
	if d.automatic {
		out["id"] = gid(d.terms(), d.id) // of Bxgy alone
		return out
	}
	out["usageLimit"], out["appliesOncePerCustomer"] = positive(d.usageLimit), d.once
	out["customerSelection"], out["shareableUrls"], out["totalSales"] = s.customerSelection(d), s.shareableURLs(d), nil
	out["codesCount"] = count(len(d.codes))
	out["codes"] = graph.Func(func(c *graph.Call) (any, error) { return query(c, codeIndex, d.codes, codeSort), nil })
	return out
}

// positive is the number, or null if it is zero.
func positive(n int) any {
	if n == 0 {
		return nil
	}
	return n
}

func (s *state) discountContext(d *discount) graph.Object {
	switch {
	case len(d.buyers.customers) > 0:
		return graph.Object{"__typename": "DiscountCustomers", "customers": s.those(d.buyers.customers)}
	case len(d.buyers.segments) > 0:
		return graph.Object{"__typename": "DiscountCustomerSegments", "segments": s.those(d.buyers.segments)}
	default:
		return graph.Object{"__typename": "DiscountBuyerSelectionAll", "all": "ALL"}
	}
}

// customerSelection is discountContext as the schema had it before.
func (s *state) customerSelection(d *discount) graph.Object {
	if len(d.buyers.customers)+len(d.buyers.segments) > 0 {
		return s.discountContext(d)
	}
	return graph.Object{"__typename": "DiscountCustomerAll", "allCustomers": true}
}

// those is the things with these GIDs that are still there.
func (s *state) those(ids []string) graph.List {
	out := graph.List{}
	for _, id := range ids {
		if n, ok := s.byID[id]; ok {
			out = append(out, object(n))
		}
	}
	return out
}

func (s *state) discountItems(i discountItems) graph.Object {
	switch {
	case i.all:
		return graph.Object{"__typename": "AllDiscountItems", "allItems": true}
	case len(i.collections) > 0:
		return graph.Object{"__typename": "DiscountCollections", "collections": s.those(i.collections)}
	default:
		return graph.Object{"__typename": "DiscountProducts", "products": s.those(i.products), "productVariants": s.those(i.variants)}
	}
}

func (s *state) getsValue(v discountValue) graph.Object {
	if v.quantity > 0 {
		effect := v
		effect.quantity = 0
		return graph.Object{
			"__typename": "DiscountOnQuantity", "quantity": graph.Object{"__typename": "DiscountQuantity", "quantity": strconv.Itoa(v.quantity)}, "effect": s.getsValue(effect),
		}
	}
	if v.percent.IsPositive() {
		return graph.Object{"__typename": "DiscountPercentage", "percentage": v.percent.Shift(-2).InexactFloat64()}
	}
	return graph.Object{"__typename": "DiscountAmount", "amount": s.moneyV2(v.amount), "appliesOnEachItem": v.each}
}

func buysValue(t discountThreshold) graph.Object {
	if t.quantity > 0 {
		return graph.Object{"__typename": "DiscountQuantity", "quantity": strconv.Itoa(t.quantity)}
	}
	return graph.Object{"__typename": "DiscountPurchaseAmount", "amount": amount(t.subtotal)}
}

func (s *state) minimumRequirement(t discountThreshold) any {
	switch {
	case t.quantity > 0:
		return graph.Object{"__typename": "DiscountMinimumQuantity", "greaterThanOrEqualToQuantity": strconv.Itoa(t.quantity)}
	case t.subtotal.IsPositive():
		return graph.Object{"__typename": "DiscountMinimumSubtotal", "greaterThanOrEqualToSubtotal": s.moneyV2(t.subtotal)}
	default:
		return nil
	}
}

func (d *discount) destination() graph.Object {
	if d.shipping.everywhere {
		return graph.Object{"__typename": "DiscountCountryAll", "allCountries": true}
	}
	return graph.Object{"__typename": "DiscountCountries", "countries": append([]string{}, d.shipping.countries...), "includeRestOfWorld": d.shipping.restOfWorld}
}

func (s *state) shareableURLs(d *discount) graph.List {
	out := graph.List{}
	if len(d.codes) > 0 {
		out = append(out, graph.Object{
			"__typename": "DiscountShareableUrl", "targetType": "HOME", "title": "Home page", "targetItemImage": nil,
			"url": "https://" + s.shop.data.Domain + "/discount/" + d.codes[0].code,
		})
	}
	return out
}

// summary is the discount in a few words.
func (s *state) summary(d *discount) string {
	off := func(v discountValue) string {
		if v.percent.IsPositive() {
			return v.percent.String() + "% off"
		}
		return s.fixed(v.amount) + " " + s.shop.data.Currency + " off"
	}
	var parts []string
	switch d.kind {
	case "FreeShipping":
		parts = append(parts, "Free shipping")
	case "Bxgy":
		buy := s.fixed(d.buys.subtotal) + " " + s.shop.data.Currency
		if d.buys.quantity > 0 {
			buy = plural(d.buys.quantity, "item")
		}
		parts = append(parts, "Buy "+buy+", get "+plural(d.gets.quantity, "item")+" at "+off(d.gets))
	default:
		parts = append(parts, off(d.gets)+" "+d.getsItems.words())
	}
	if d.minimum.quantity > 0 {
		parts = append(parts, "Minimum quantity of "+strconv.Itoa(d.minimum.quantity))
	}
	if d.minimum.subtotal.IsPositive() {
		parts = append(parts, "Minimum purchase of "+s.fixed(d.minimum.subtotal)+" "+s.shop.data.Currency)
	}
	if d.once {
		parts = append(parts, "One use per customer")
	}
	return strings.Join(parts, " • ")
}

func (i discountItems) words() string {
	switch n := len(i.products) + len(i.variants); {
	case i.all:
		return "entire order"
	case len(i.collections) > 0:
		return plural(len(i.collections), "collection")
	default:
		return plural(n, "product")
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

var redeemCodeFields = table[*redeemCode]{
	"code":            func(_ *state, c *redeemCode, _ *graph.Call) any { return c.code },
	"asyncUsageCount": func(_ *state, c *redeemCode, _ *graph.Call) any { return c.used },
	"createdBy":       func(s *state, _ *redeemCode, _ *graph.Call) any { return s.appObject() },
}

var codeIndex = search.Index[*redeemCode]{
	Words: func(c *redeemCode) []string { return []string{c.code} },
	Fields: commonIndex(map[string]search.Field[*redeemCode]{
		"code":       one(search.Keyword, func(c *redeemCode) any { return c.code }),
		"times_used": one(search.Number, func(c *redeemCode) any { return c.used }),
	}),
}

var codeSort = sorts[*redeemCode]{
	"CODE":       func(a, b *redeemCode) int { return strings.Compare(a.code, b.code) },
	"CREATED_AT": byTime[*redeemCode],
}

// discountIndex tells what is active by the clock of the shop.
func (s *state) discountIndex() search.Index[*discount] {
	fields := commonIndex(map[string]search.Field[*discount]{
		"title":     one(search.Text, func(d *discount) any { return d.title }),
		"status":    one(search.Keyword, func(d *discount) any { return d.status(s.now()) }),
		"starts_at": one(search.Time, func(d *discount) any { return d.startsAt }),
		"ends_at":   one(search.Time, func(d *discount) any { return timeOrNull(d.endsAt) }),
		"code":      many(search.Keyword, func(d *discount) []string { return copies(d.codes, func(c *redeemCode) string { return c.code }) }),
		"method": one(search.Keyword, func(d *discount) any {
			if d.automatic {
				return "automatic"
			}
			return "code"
		}),
		"discount_class": one(search.Keyword, func(d *discount) any { return d.class() }),
		"combines_with": many(search.Keyword, func(d *discount) []string {
			var out []string
			for name, yes := range map[string]bool{"order_discounts": d.combines.order, "product_discounts": d.combines.product, "shipping_discounts": d.combines.shipping} {
				if yes {
					out = append(out, name)
				}
			}
			return out
		}),
		"times_used": one(search.Number, func(d *discount) any { return d.used() }),
		"tag":        many(search.Keyword, func(d *discount) []string { return d.tags }),
		"type":       many(search.Keyword, func(d *discount) []string { return []string{"all", "all_with_app", d.searchType(true)} }),

		"discount_type": many(search.Keyword, func(d *discount) []string { return []string{"all", d.searchType(false)} }),
	})
	return search.Index[*discount]{
		Words: func(d *discount) []string {
			return append(copies(d.codes, func(c *redeemCode) string { return c.code }), d.title)
		},
		Fields: fields,
	}
}

// searchType is what a search calls the kind of discount; the names of "buy X, get Y" differ.
func (d *discount) searchType(byType bool) string {
	switch {
	case d.kind == "FreeShipping":
		return "free_shipping"
	case d.kind == "Bxgy" && byType:
		return "bxgy"
	case d.kind == "Bxgy":
		return "bogo"
	case d.gets.percent.IsPositive():
		return "percentage"
	default:
		return "fixed_amount"
	}
}

var discountSort = sorts[*discount]{
	"CREATED_AT": byTime[*discount],
	"UPDATED_AT": byUpdate[*discount],
	"TITLE":      func(a, b *discount) int { return strings.Compare(a.title, b.title) },
	"STARTS_AT":  func(a, b *discount) int { return a.startsAt.Compare(b.startsAt) },
	"ENDS_AT":    func(a, b *discount) int { return endOf(a).Compare(endOf(b)) },
}

// endOf is when d ends; what does not end comes last.
func endOf(d *discount) time.Time {
	if d.endsAt.IsZero() {
		return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return d.endsAt
}

// someDiscounts are those with codes, or the automatic ones.
func (s *state) someDiscounts(automatic bool) []*discount {
	out := []*discount{}
	for _, d := range s.discounts {
		if d.automatic == automatic {
			out = append(out, d)
		}
	}
	return out
}

// discountRoots are the fields of QueryRoot about discounts.
var discountRoots = map[string]func(s *state, c *graph.Call) (any, error){
	"codeDiscountNode":      discountByID("DiscountCodeNode", func(_ *state, d *discount) any { return object(d) }),
	"automaticDiscountNode": discountByID("DiscountAutomaticNode", func(_ *state, d *discount) any { return object(d) }),
	"automaticDiscount":     discountByID("DiscountAutomaticNode", func(s *state, d *discount) any { return s.discountTerms(d) }),
	"discountNode":          discountByID("DiscountNode", func(_ *state, d *discount) any { return discountNode(d) }),
	"codeDiscountNodeByCode": func(s *state, c *graph.Call) (any, error) {
		if r := s.redeemCode(text(c.Args, "code")); r != nil {
			return object(r.discount), nil
		}
		return nil, nil
	},
	"discountNodes": func(s *state, c *graph.Call) (any, error) {
		return s.discountList(c, s.discounts, discountNode)
	},
	"codeDiscountNodes": func(s *state, c *graph.Call) (any, error) {
		return s.discountList(c, s.someDiscounts(false), func(d *discount) graph.Object { return object(d) })
	},
	"automaticDiscountNodes": func(s *state, c *graph.Call) (any, error) {
		return s.discountList(c, s.someDiscounts(true), func(d *discount) graph.Object { return object(d) })
	},
	"automaticDiscounts": func(s *state, c *graph.Call) (any, error) {
		return s.discountList(c, s.someDiscounts(true), s.discountTerms)
	},
	"discountNodesCount": func(s *state, c *graph.Call) (any, error) {
		return counter(s.discountIndex(), func(s *state) []*discount { return s.discounts })(s, c)
	},
	"discountRedeemCodeBulkCreation": byID[*bulkCreation],
}

// discountByID finds a discount by the GID of that type, or of one of the types of its terms.
func discountByID(typename string, as func(*state, *discount) any) func(*state, *graph.Call) (any, error) {
	return func(s *state, c *graph.Call) (any, error) {
		id := text(c.Args, "id")
		kind, _, _ := strings.Cut(strings.TrimPrefix(id, "gid://shopify/"), "/")
		d, ok := find[*discount](s, "gid://shopify/DiscountNode/"+numericPart(id))
		if !ok || kind != typename && kind != d.nodeType() && kind != d.terms() {
			return nil, nil
		}
		if typename != "DiscountNode" && typename != d.nodeType() {
			return nil, nil
		}
		return as(s, d), nil
	}
}

func (s *state) discountList(c *graph.Call, things []*discount, as func(*discount) graph.Object) (any, error) {
	if c.Args["savedSearchId"] != nil {
		return nil, notSimulated("savedSearchId")
	}
	found := query(c, s.discountIndex(), things, discountSort)
	for i, o := range found {
		found[i] = as(o[self].(*discount))
	}
	return found, nil
}

// plausibleAmount is an amount of an input that can be computed with.
func plausibleAmount(v any) (decimal.Decimal, bool) {
	d, ok := number(v)
	return d, ok && isAmount(d)
}
