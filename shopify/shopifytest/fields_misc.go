package shopifytest

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/shopify/schema"
	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

var shopFields = table[*shopInfo]{
	"name":                 func(_ *state, v *shopInfo, _ *graph.Call) any { return v.data.Name },
	"email":                func(_ *state, v *shopInfo, _ *graph.Call) any { return v.data.Email },
	"contactEmail":         func(_ *state, v *shopInfo, _ *graph.Call) any { return v.data.Email },
	"myshopifyDomain":      func(_ *state, v *shopInfo, _ *graph.Call) any { return v.data.Domain },
	"url":                  func(_ *state, v *shopInfo, _ *graph.Call) any { return "https://" + v.data.Domain },
	"currencyCode":         func(_ *state, v *shopInfo, _ *graph.Call) any { return v.data.Currency },
	"ianaTimezone":         func(_ *state, v *shopInfo, _ *graph.Call) any { return v.location.String() },
	"timezoneOffset":       func(s *state, v *shopInfo, _ *graph.Call) any { return s.now().In(v.location).Format("-0700") },
	"timezoneAbbreviation": func(s *state, v *shopInfo, _ *graph.Call) any { return s.now().In(v.location).Format("MST") },
	"timezoneOffsetMinutes": func(s *state, v *shopInfo, _ *graph.Call) any {
		_, seconds := s.now().In(v.location).Zone()
		return seconds / 60
	},
	"taxesIncluded":                always[*shopInfo](false),
	"taxShipping":                  always[*shopInfo](false),
	"setupRequired":                always[*shopInfo](false),
	"checkoutApiSupported":         always[*shopInfo](true),
	"unitSystem":                   always[*shopInfo]("IMPERIAL_SYSTEM"),
	"weightUnit":                   always[*shopInfo]("POUNDS"),
	"orderNumberFormatPrefix":      always[*shopInfo]("#"),
	"orderNumberFormatSuffix":      always[*shopInfo](""),
	"enabledPresentmentCurrencies": func(_ *state, v *shopInfo, _ *graph.Call) any { return []string{v.data.Currency} },
	"primaryDomain": func(_ *state, v *shopInfo, _ *graph.Call) any {
		return graph.Object{"__typename": "Domain", "id": gid("Domain", v.id), "host": v.data.Domain, "url": "https://" + v.data.Domain, "sslEnabled": true}
	},
	"plan": always[*shopInfo](graph.Object{
		"__typename": "ShopPlan", "displayName": "Development", "publicDisplayName": "Development", "partnerDevelopment": true, "shopifyPlus": false,
	}),
	"orders": func(s *state, _ *shopInfo, c *graph.Call) any { return query(c, orderIndex, s.orders, orderSort) },
	"customers": func(s *state, _ *shopInfo, c *graph.Call) any {
		return query(c, customerIndex, s.customers, customerSort)
	},
	"products":        func(s *state, _ *shopInfo, c *graph.Call) any { return query(c, productIndex, s.products, productSort) },
	"productVariants": func(s *state, _ *shopInfo, c *graph.Call) any { return query(c, variantIndex, s.variants, variantSort) },
	"locations": func(s *state, _ *shopInfo, c *graph.Call) any {
		return query(c, locationIndex, s.locationsOf(c), locationSort)
	},
}

var installationFields = table[*installation]{
	"app": func(s *state, _ *installation, _ *graph.Call) any { return s.appObject() },
	"accessScopes": func(_ *state, v *installation, _ *graph.Call) any {
		scopes := v.scopes
		if scopes == nil {
			scopes = allScopes()
		}
		out := graph.List{}
		for _, scope := range scopes {
			out = append(out, graph.Object{"__typename": "AccessScope", "handle": scope, "description": strings.ReplaceAll(scope, "_", " ")})
		}
		return out
	},
	"activeSubscriptions": always[*installation](graph.List{}),
}

// allScopes are the access scopes that the schema names.
var allScopes = sync.OnceValue(func() []string {
	known := map[string]bool{}
	for _, access := range schema.Admin().Accesses() {
		for _, list := range access.AllOf {
			for _, scope := range list {
				known[scope] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(known))
})

func (s *state) appObject() graph.Object {
	return graph.Object{"__typename": "App", "id": s.app.app.gid, "title": "Simulated app", "handle": "simulated-app", "embedded": true}
}

var staffFields = table[*staff]{
	"name":        func(_ *state, m *staff, _ *graph.Call) any { return m.name() },
	"firstName":   func(_ *state, m *staff, _ *graph.Call) any { return m.data.FirstName },
	"lastName":    func(_ *state, m *staff, _ *graph.Call) any { return m.data.LastName },
	"email":       func(_ *state, m *staff, _ *graph.Call) any { return m.data.Email },
	"active":      always[*staff](true),
	"exists":      always[*staff](true),
	"isShopOwner": func(s *state, m *staff, _ *graph.Call) any { return m == s.staff[0] },
	"locale":      always[*staff]("en"),
	"accountType": always[*staff]("REGULAR"),
	"initials": func(_ *state, m *staff, _ *graph.Call) any {
		return []string{initial(m.data.FirstName), initial(m.data.LastName)}
	},
}

func initial(name string) string {
	r, _ := utf8.DecodeRuneInString(name)
	return string(r)
}

var metafieldFields = table[*metafield]{
	"namespace":     func(_ *state, m *metafield, _ *graph.Call) any { return m.namespace },
	"key":           func(_ *state, m *metafield, _ *graph.Call) any { return m.key },
	"type":          func(_ *state, m *metafield, _ *graph.Call) any { return m.valueType },
	"value":         func(_ *state, m *metafield, _ *graph.Call) any { return m.value },
	"jsonValue":     func(_ *state, m *metafield, _ *graph.Call) any { return m.jsonValue() },
	"compareDigest": func(_ *state, m *metafield, _ *graph.Call) any { return m.digest() },
	"sizeInBytes":   func(_ *state, m *metafield, _ *graph.Call) any { return len(m.value) },
	"owner":         func(_ *state, m *metafield, _ *graph.Call) any { return object(m.owner) },
	"definition":    func(s *state, m *metafield, _ *graph.Call) any { return ref(s.definitionOf(m)) },
	"ownerType":     func(_ *state, m *metafield, _ *graph.Call) any { return ownerTypes[m.owner.common().typename] },
	"reference": func(s *state, m *metafield, _ *graph.Call) any {
		n, ok := s.byID[m.value]
		if !ok || !strings.HasSuffix(m.valueType, "_reference") {
			return nil
		}
		return object(n)
	},
	"references": func(s *state, m *metafield, _ *graph.Call) any {
		out := graph.List{}
		elements, _ := m.jsonValue().([]any)
		for _, id := range stringList(elements) {
			if n, ok := s.byID[id]; ok {
				out = append(out, object(n))
			}
		}
		return out
	},
}

var subscriptionFields = table[*subscription]{
	"topic":               func(_ *state, w *subscription, _ *graph.Call) any { return w.topic },
	"uri":                 func(_ *state, w *subscription, _ *graph.Call) any { return w.uri },
	"callbackUrl":         func(_ *state, w *subscription, _ *graph.Call) any { return w.uri },
	"name":                func(_ *state, w *subscription, _ *graph.Call) any { return orNull(w.name) },
	"filter":              func(_ *state, w *subscription, _ *graph.Call) any { return orNull(w.filter) },
	"format":              func(_ *state, w *subscription, _ *graph.Call) any { return w.format },
	"includeFields":       func(_ *state, w *subscription, _ *graph.Call) any { return append([]string{}, w.includeFields...) },
	"metafieldNamespaces": func(_ *state, w *subscription, _ *graph.Call) any { return append([]string{}, w.namespaces...) },
	"metafields": func(_ *state, w *subscription, _ *graph.Call) any {
		out := graph.List{}
		for _, m := range w.metafields {
			out = append(out, graph.Object{"__typename": "WebhookSubscriptionMetafieldIdentifier", "namespace": m.namespace, "key": m.key})
		}
		return out
	},
	"endpoint":   func(_ *state, w *subscription, _ *graph.Call) any { return w.endpoint() },
	"apiVersion": always[*subscription](graph.Object{"__typename": "ApiVersion", "handle": apiVersion, "displayName": apiVersion, "supported": true}),
}

// endpoint is the address in its old form.
func (w *subscription) endpoint() graph.Object {
	switch project, topic, _ := strings.Cut(strings.TrimPrefix(w.uri, "pubsub://"), ":"); {
	case strings.HasPrefix(w.uri, "pubsub://"):
		return graph.Object{"__typename": "WebhookPubSubEndpoint", "pubSubProject": project, "pubSubTopic": topic}
	case strings.HasPrefix(w.uri, "arn:"):
		return graph.Object{"__typename": "WebhookEventBridgeEndpoint", "arn": w.uri}
	}
	return graph.Object{"__typename": "WebhookHttpEndpoint", "callbackUrl": w.uri}
}

// apiVersion is the Admin API version of the pinned schema.
const apiVersion = "2026-10"

var draftFields = table[*draft]{
	"name":             func(_ *state, d *draft, _ *graph.Call) any { return d.name() },
	"status":           func(_ *state, d *draft, _ *graph.Call) any { return d.status },
	"customer":         func(_ *state, d *draft, _ *graph.Call) any { return ref(d.customer) },
	"email":            func(_ *state, d *draft, _ *graph.Call) any { return orNull(d.email) },
	"phone":            func(_ *state, d *draft, _ *graph.Call) any { return orNull(d.phone) },
	"note2":            func(_ *state, d *draft, _ *graph.Call) any { return orNull(d.note) },
	"poNumber":         func(_ *state, d *draft, _ *graph.Call) any { return orNull(d.poNumber) },
	"tags":             func(_ *state, d *draft, _ *graph.Call) any { return d.tags },
	"customAttributes": func(_ *state, d *draft, _ *graph.Call) any { return attributeList(d.attributes) },
	"order":            func(_ *state, d *draft, _ *graph.Call) any { return ref(d.order) },
	"ready":            always[*draft](true),
	"completedAt": func(_ *state, d *draft, _ *graph.Call) any {
		if d.completedAt.IsZero() {
			return nil
		}
		return d.completedAt
	},
	"invoiceSentAt":                        func(_ *state, d *draft, _ *graph.Call) any { return timeOrNull(d.invoiceSentAt) },
	"currencyCode":                         func(s *state, _ *draft, _ *graph.Call) any { return s.shop.data.Currency },
	"presentmentCurrencyCode":              func(s *state, _ *draft, _ *graph.Call) any { return s.shop.data.Currency },
	"taxExempt":                            func(_ *state, d *draft, _ *graph.Call) any { return d.taxExempt },
	"taxesIncluded":                        always[*draft](false),
	"hasTimelineComment":                   always[*draft](false),
	"visibleToCustomer":                    always[*draft](false),
	"anyVariantPricesOverridden":           always[*draft](false),
	"allVariantPricesOverridden":           always[*draft](false),
	"allowDiscountCodesInCheckout":         always[*draft](false),
	"shippingAddress":                      func(_ *state, d *draft, _ *graph.Call) any { return addressObject(d.shippingAddress) },
	"billingAddress":                       func(_ *state, d *draft, _ *graph.Call) any { return addressObject(d.billingAddress) },
	"billingAddressMatchesShippingAddress": func(_ *state, d *draft, _ *graph.Call) any { return d.billingAddress == d.shippingAddress },
	"lineItems":                            func(_ *state, d *draft, _ *graph.Call) any { return list(d.lines) },
	"totalQuantityOfLineItems":             func(_ *state, d *draft, _ *graph.Call) any { return d.quantity() },
	"totalWeight":                          always[*draft](0),
	"discountCodes":                        always[*draft]([]string{}),
	"subtotalPrice":                        money(func(_ *state, d *draft) decimal.Decimal { return d.subtotal }),
	"subtotalPriceSet":                     bag(func(_ *state, d *draft) decimal.Decimal { return d.subtotal }),
	"lineItemsSubtotalPrice":               bag(func(_ *state, d *draft) decimal.Decimal { return d.subtotal }),
	"totalLineItemsPriceSet":               bag(func(_ *state, d *draft) decimal.Decimal { return d.subtotal.Add(d.discounts) }),
	"totalDiscountsSet":                    bag(func(_ *state, d *draft) decimal.Decimal { return d.discounts }),
	"totalShippingPrice":                   money(func(_ *state, d *draft) decimal.Decimal { return d.shipping }),
	"totalShippingPriceSet":                bag(func(_ *state, d *draft) decimal.Decimal { return d.shipping }),
	"totalTax":                             money(func(_ *state, d *draft) decimal.Decimal { return d.tax }),
	"totalTaxSet":                          bag(func(_ *state, d *draft) decimal.Decimal { return d.tax }),
	"totalPrice":                           money(func(_ *state, d *draft) decimal.Decimal { return d.total }),
	"totalPriceSet":                        bag(func(_ *state, d *draft) decimal.Decimal { return d.total }),
	"amountDueNowSet":                      bag(func(_ *state, d *draft) decimal.Decimal { return d.total }),
	"amountDueLaterSet":                    bag(zero[*draft]),
	"appliedDiscount": func(s *state, d *draft, _ *graph.Call) any {
		return s.appliedDiscount(d.discount, d.discountText, d.subtotal.Add(d.discounts))
	},
	"invoiceUrl": func(s *state, d *draft, _ *graph.Call) any {
		return "https://" + s.shop.data.Domain + "/invoices/" + numeric(d)
	},
	"taxLines": func(s *state, d *draft, _ *graph.Call) any {
		rate, title := s.homeTax()
		return s.taxLines(&order{taxRate: rate, taxTitle: title}, d.tax)
	},
	"shippingLine": func(s *state, d *draft, _ *graph.Call) any {
		if d.shippingTitle == "" {
			return nil
		}
		return s.shippingLines(&order{head: d.head, shipping: d.shipping, shippingTitle: d.shippingTitle})[0]
	},
}

// appliedDiscount is a draft's discount on goods worth base.
func (s *state) appliedDiscount(d *Discount, description string, base decimal.Decimal) any {
	if d == nil {
		return nil
	}
	kind, value := "FIXED_AMOUNT", d.Amount
	if d.Percent.IsPositive() {
		kind, value = "PERCENTAGE", d.Percent
	}
	off := s.off(d, base)
	return graph.Object{
		"__typename": "DraftOrderAppliedDiscount", "title": orNull(d.Title), "description": description, "valueType": kind,
		"value": value.InexactFloat64(), "amount": s.fixed(off), "amountSet": s.moneyBag(off), "amountV2": s.moneyV2(off),
	}
}

var draftLineFields = table[*draftLine]{
	"title": func(_ *state, l *draftLine, _ *graph.Call) any { return l.title },
	"name":  func(_ *state, l *draftLine, _ *graph.Call) any { return l.name() },
	"variantTitle": func(_ *state, l *draftLine, _ *graph.Call) any {
		if l.variant == nil || len(l.variant.options) == 0 {
			return nil
		}
		return l.variant.title()
	},
	"sku":     func(_ *state, l *draftLine, _ *graph.Call) any { return orNull(l.sku) },
	"uuid":    func(_ *state, l *draftLine, _ *graph.Call) any { return l.uuid },
	"variant": func(_ *state, l *draftLine, _ *graph.Call) any { return ref(l.variant) },
	"vendor": func(_ *state, l *draftLine, _ *graph.Call) any {
		if l.variant == nil {
			return nil
		}
		return l.variant.product.vendor
	},
	"product": func(_ *state, l *draftLine, _ *graph.Call) any {
		if l.variant == nil {
			return nil
		}
		return object(l.variant.product)
	},
	"custom":           func(_ *state, l *draftLine, _ *graph.Call) any { return l.variant == nil },
	"quantity":         func(_ *state, l *draftLine, _ *graph.Call) any { return l.quantity },
	"isGiftCard":       func(_ *state, l *draftLine, _ *graph.Call) any { return l.variant != nil && l.variant.product.giftCard },
	"requiresShipping": func(_ *state, l *draftLine, _ *graph.Call) any { return l.shipped },
	"taxable":          func(_ *state, l *draftLine, _ *graph.Call) any { return l.taxable },
	"customAttributes": func(_ *state, l *draftLine, _ *graph.Call) any { return attributeList(l.attributes) },
	"appliedDiscount": func(s *state, l *draftLine, _ *graph.Call) any {
		return s.appliedDiscount(l.discount, l.discountTxt, l.gross())
	},
	"taxLines": func(s *state, l *draftLine, _ *graph.Call) any {
		rate, title := s.homeTax()
		return s.taxLines(&order{taxRate: rate, taxTitle: title}, l.tax)
	},
	"originalUnitPrice":             money(func(_ *state, l *draftLine) decimal.Decimal { return l.price }),
	"originalUnitPriceSet":          bag(func(_ *state, l *draftLine) decimal.Decimal { return l.price }),
	"originalUnitPriceWithCurrency": func(s *state, l *draftLine, _ *graph.Call) any { return s.moneyV2(l.price) },
	"originalTotal":                 money(func(_ *state, l *draftLine) decimal.Decimal { return l.gross() }),
	"originalTotalSet":              bag(func(_ *state, l *draftLine) decimal.Decimal { return l.gross() }),
	"discountedTotal":               money(func(_ *state, l *draftLine) decimal.Decimal { return l.gross().Sub(l.ownDiscount) }),
	"discountedTotalSet":            bag(func(_ *state, l *draftLine) decimal.Decimal { return l.gross().Sub(l.ownDiscount) }),
	"discountedUnitPrice":           money(func(s *state, l *draftLine) decimal.Decimal { return s.each(l.gross().Sub(l.ownDiscount), l.quantity) }),
	"discountedUnitPriceSet": bag(func(s *state, l *draftLine) decimal.Decimal {
		return s.each(l.gross().Sub(l.ownDiscount), l.quantity)
	}),
	"approximateDiscountedUnitPriceSet": bag(func(s *state, l *draftLine) decimal.Decimal {
		return s.each(l.gross().Sub(l.ownDiscount), l.quantity)
	}),
	"totalDiscount":    money(func(_ *state, l *draftLine) decimal.Decimal { return l.ownDiscount }),
	"totalDiscountSet": bag(func(_ *state, l *draftLine) decimal.Decimal { return l.ownDiscount }),
}
