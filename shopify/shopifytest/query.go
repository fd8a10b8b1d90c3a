package shopifytest

import (
	"cmp"
	"slices"
	"strings"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
	"github.com/posai-go/posai/shopify/shopifytest/internal/search"
)

// sorts are the sort keys of a connection. RELEVANCE and keys that are not here sort by id.
type sorts[T node] map[string]func(a, b T) int

// query is the elements that the call's query argument matches, in the order of its sortKey; the
// engine pages and reverses.
func query[T node](c *graph.Call, index search.Index[T], things []T, by sorts[T]) graph.List {
	found := filter(c, index, things)
	key, _ := c.Args["sortKey"].(string)
	order, ok := by[key]
	if !ok {
		order = func(a, b T) int { return cmp.Compare(a.common().id, b.common().id) }
	}
	slices.SortStableFunc(found, func(a, b T) int {
		return cmp.Or(order(a, b), cmp.Compare(a.common().id, b.common().id))
	})
	return list(found)
}

// filter is the elements that the call's query argument matches. What is wrong with the query becomes a
// warning in extensions.search.
func filter[T node](c *graph.Call, index search.Index[T], things []T) []T {
	text, _ := c.Args["query"].(string)
	if strings.TrimSpace(text) == "" {
		return slices.Clone(things)
	}
	match, warnings, parsed := search.Compile(index, text)
	if len(warnings) > 0 {
		w := graph.SearchWarning{Query: text, Parsed: parsed}
		for _, warning := range warnings {
			w.Warnings = append(w.Warnings, graph.SearchProblem(warning))
		}
		c.WarnSearch(w)
	}
	var found []T
	for _, t := range things {
		if match(t) {
			found = append(found, t)
		}
	}
	return found
}

func one[T any](kind search.Kind, get func(T) any) search.Field[T] {
	return search.Field[T]{Kind: kind, Values: func(v T) []any {
		value := get(v)
		if value == nil || value == "" {
			return nil
		}
		return []any{value}
	}}
}

func many[T any](kind search.Kind, get func(T) []string) search.Field[T] {
	return search.Field[T]{Kind: kind, Values: func(v T) []any {
		values := get(v)
		out := make([]any, len(values))
		for i, text := range values {
			out[i] = text
		}
		return out
	}}
}

// common is the fields that every index has.
func commonIndex[T node](fields map[string]search.Field[T]) map[string]search.Field[T] {
	fields["id"] = one(search.ID, func(v T) any { return v.common().id })
	fields["created_at"] = one(search.Time, func(v T) any { return v.common().createdAt })
	fields["updated_at"] = one(search.Time, func(v T) any { return v.common().updatedAt })
	return fields
}

func byTime[T node](a, b T) int { return a.common().createdAt.Compare(b.common().createdAt) }

func byUpdate[T node](a, b T) int { return a.common().updatedAt.Compare(b.common().updatedAt) }

// idOf is the id of what may be nil, as a search value.
func idOf[T interface {
	comparable
	node
}](n T) any {
	var none T
	if n == none {
		return nil
	}
	return n.common().id
}

func (o *order) customerName() string {
	if o.customer == nil {
		return ""
	}
	return o.customer.displayName()
}

var orderIndex = search.Index[*order]{
	Words: func(o *order) []string { return []string{o.name(), o.customerName(), o.email, o.note} },
	Fields: commonIndex(map[string]search.Field[*order]{
		"name":                         one(search.Keyword, func(o *order) any { return strings.TrimPrefix(o.name(), "#") }),
		"confirmation_number":          one(search.Keyword, func(o *order) any { return o.confirmation }),
		"processed_at":                 one(search.Time, func(o *order) any { return o.processedAt }),
		"status":                       many(search.Keyword, func(o *order) []string { return o.statuses() }),
		"financial_status":             one(search.Keyword, func(o *order) any { return o.financialStatus() }),
		"fulfillment_status":           many(search.Keyword, func(o *order) []string { return o.fulfillmentWords() }),
		"return_status":                one(search.Keyword, func(o *order) any { return o.returnStatus() }),
		"location_id":                  one(search.ID, func(o *order) any { return idOf(o.location) }),
		"customer_id":                  one(search.ID, func(o *order) any { return idOf(o.customer) }),
		"user_id":                      one(search.ID, func(o *order) any { return idOf(o.staff) }),
		"email":                        one(search.Keyword, func(o *order) any { return o.email }),
		"source_identifier":            one(search.Keyword, func(o *order) any { return o.sourceIdentifier }),
		"source_name":                  one(search.Keyword, func(o *order) any { return o.source }),
		"channel":                      one(search.Keyword, func(o *order) any { return o.source }),
		"sales_channel":                one(search.Keyword, func(o *order) any { return o.source }),
		"tag":                          many(search.Keyword, func(o *order) []string { return o.tags }),
		"discount_code":                one(search.Keyword, func(o *order) any { return o.code }),
		"gateway":                      many(search.Keyword, func(o *order) []string { return o.gateways() }),
		"po_number":                    one(search.Keyword, func(o *order) any { return o.poNumber }),
		"test":                         one(search.Bool, func(o *order) any { return o.test }),
		"sku":                          many(search.Keyword, func(o *order) []string { return o.skus() }),
		"total_weight":                 one(search.Number, func(*order) any { return 0 }),
		"subtotal_line_items_quantity": one(search.Number, func(o *order) any { return o.quantity() }),
		"current_total_price":          one(search.Number, func(o *order) any { return o.total.Sub(o.refunded()) }),
	}),
}

func (o *order) statuses() []string {
	switch {
	case !o.cancelledAt.IsZero():
		return []string{"cancelled", "closed", "any"}
	case !o.closedAt.IsZero():
		return []string{"closed", "any"}
	default:
		return []string{"open", "not_closed", "any"}
	}
}

// fulfillmentWords are what the filter calls the status; it has older words than the schema.
func (o *order) fulfillmentWords() []string {
	switch o.fulfillmentStatus() {
	case "FULFILLED":
		return []string{"fulfilled", "shipped"}
	case "PARTIALLY_FULFILLED":
		return []string{"partial", "unfulfilled"}
	default:
		return []string{"unfulfilled", "unshipped"}
	}
}

func (o *order) skus() []string {
	var out []string
	for _, l := range o.lines {
		if l.sku != "" {
			out = append(out, l.sku)
		}
	}
	return out
}

var orderSort = sorts[*order]{
	"CREATED_AT":           byTime[*order],
	"UPDATED_AT":           byUpdate[*order],
	"PROCESSED_AT":         func(a, b *order) int { return a.processedAt.Compare(b.processedAt) },
	"ORDER_NUMBER":         func(a, b *order) int { return cmp.Compare(a.number, b.number) },
	"TOTAL_PRICE":          func(a, b *order) int { return a.total.Cmp(b.total) },
	"CURRENT_TOTAL_PRICE":  func(a, b *order) int { return a.total.Sub(a.refunded()).Cmp(b.total.Sub(b.refunded())) },
	"TOTAL_ITEMS_QUANTITY": func(a, b *order) int { return cmp.Compare(a.quantity(), b.quantity()) },
	"CUSTOMER_NAME":        func(a, b *order) int { return cmp.Compare(a.customerName(), b.customerName()) },
	"FINANCIAL_STATUS":     func(a, b *order) int { return cmp.Compare(a.financialStatus(), b.financialStatus()) },
	"FULFILLMENT_STATUS":   func(a, b *order) int { return cmp.Compare(a.fulfillmentStatus(), b.fulfillmentStatus()) },
	"PO_NUMBER":            func(a, b *order) int { return cmp.Compare(a.poNumber, b.poNumber) },
}

var customerIndex = search.Index[*customer]{
	Words: func(v *customer) []string { return []string{v.displayName(), v.email, v.phone, v.note} },
	Fields: commonIndex(map[string]search.Field[*customer]{
		"email":                 one(search.Keyword, func(v *customer) any { return v.email }),
		"phone":                 one(search.Keyword, func(v *customer) any { return v.phone }),
		"first_name":            one(search.Keyword, func(v *customer) any { return v.firstName }),
		"last_name":             one(search.Keyword, func(v *customer) any { return v.lastName }),
		"tag":                   many(search.Keyword, func(v *customer) []string { return v.tags }),
		"state":                 one(search.Keyword, func(*customer) any { return "disabled" }),
		"orders_count":          one(search.Number, func(v *customer) any { return len(v.orders) }),
		"total_spent":           one(search.Number, func(v *customer) any { return v.spent() }),
		"accepts_marketing":     one(search.Bool, func(v *customer) any { return v.emailConsent.state == "SUBSCRIBED" }),
		"email_marketing_state": one(search.Keyword, func(v *customer) any { return v.emailConsent.state }),
		"sms_marketing_state":   one(search.Keyword, func(v *customer) any { return v.smsConsent.state }),
		"country": one(search.Keyword, func(v *customer) any {
			if a := v.defaultAddress(); a != nil {
				return a.Country
			}
			return nil
		}),
		"order_date": {Kind: search.Time, Values: func(v *customer) []any {
			out := make([]any, len(v.orders))
			for i, o := range v.orders {
				out[i] = o.processedAt
			}
			return out
		}},
		"last_order_date": one(search.Time, func(v *customer) any {
			if o := v.lastOrder(); o != nil {
				return o.processedAt
			}
			return nil
		}),
	}),
}

var customerSort = sorts[*customer]{
	"CREATED_AT": byTime[*customer],
	"UPDATED_AT": byUpdate[*customer],
	"NAME": func(a, b *customer) int {
		return cmp.Or(cmp.Compare(a.lastName, b.lastName), cmp.Compare(a.firstName, b.firstName))
	},
}

var productIndex = search.Index[*product]{
	Words: func(p *product) []string {
		return append([]string{p.title, p.productType, p.vendor, strings.Join(p.tags, " ")}, p.skus()...)
	},
	Fields: commonIndex(map[string]search.Field[*product]{
		"title":           one(search.Text, func(p *product) any { return p.title }),
		"handle":          one(search.Keyword, func(p *product) any { return p.handle }),
		"product_type":    one(search.Keyword, func(p *product) any { return p.productType }),
		"vendor":          one(search.Keyword, func(p *product) any { return p.vendor }),
		"status":          one(search.Keyword, func(p *product) any { return p.status }),
		"tag":             many(search.Keyword, func(p *product) []string { return p.tags }),
		"sku":             many(search.Keyword, func(p *product) []string { return p.skus() }),
		"barcode":         many(search.Keyword, func(p *product) []string { return p.barcodes() }),
		"published_at":    one(search.Time, func(p *product) any { return p.createdAt }),
		"inventory_total": one(search.Number, func(p *product) any { return p.available() }),
		"price": {Kind: search.Number, Values: func(p *product) []any {
			out := make([]any, len(p.variants))
			for i, v := range p.variants {
				out[i] = v.price
			}
			return out
		}},
	}),
}

func (p *product) skus() []string {
	out := make([]string, len(p.variants))
	for i, v := range p.variants {
		out[i] = v.sku
	}
	return out
}

func (p *product) barcodes() []string {
	out := make([]string, len(p.variants))
	for i, v := range p.variants {
		out[i] = v.barcode
	}
	return out
}

// byPrice compares by the lowest price of a variant.
func byPrice(a, b *product) int {
	lowA, _ := a.priceRange()
	lowB, _ := b.priceRange()
	return lowA.Cmp(lowB)
}

var productSort = sorts[*product]{
	"CREATED_AT":      byTime[*product],
	"PUBLISHED_AT":    byTime[*product],
	"UPDATED_AT":      byUpdate[*product],
	"TITLE":           func(a, b *product) int { return cmp.Compare(a.title, b.title) },
	"VENDOR":          func(a, b *product) int { return cmp.Compare(a.vendor, b.vendor) },
	"PRODUCT_TYPE":    func(a, b *product) int { return cmp.Compare(a.productType, b.productType) },
	"INVENTORY_TOTAL": func(a, b *product) int { return cmp.Compare(a.available(), b.available()) },
	"PRICE":           byPrice, // of collections alone
}

var variantIndex = search.Index[*variant]{
	Words: func(v *variant) []string { return []string{v.displayName(), v.sku, v.barcode} },
	Fields: commonIndex(map[string]search.Field[*variant]{
		"sku":                one(search.Keyword, func(v *variant) any { return v.sku }),
		"barcode":            one(search.Keyword, func(v *variant) any { return v.barcode }),
		"title":              one(search.Text, func(v *variant) any { return v.displayName() }),
		"product_id":         one(search.ID, func(v *variant) any { return v.product.id }),
		"product_type":       one(search.Keyword, func(v *variant) any { return v.product.productType }),
		"product_status":     one(search.Keyword, func(v *variant) any { return v.product.status }),
		"vendor":             one(search.Keyword, func(v *variant) any { return v.product.vendor }),
		"tag":                many(search.Keyword, func(v *variant) []string { return v.product.tags }),
		"inventory_quantity": one(search.Number, func(v *variant) any { return v.available() }),
		"price":              one(search.Number, func(v *variant) any { return v.price }),
	}),
}

var variantSort = sorts[*variant]{
	"SKU":                func(a, b *variant) int { return cmp.Compare(a.sku, b.sku) },
	"TITLE":              func(a, b *variant) int { return cmp.Compare(a.title(), b.title()) },
	"NAME":               func(a, b *variant) int { return cmp.Compare(a.displayName(), b.displayName()) },
	"FULL_TITLE":         func(a, b *variant) int { return cmp.Compare(a.displayName(), b.displayName()) },
	"POSITION":           func(a, b *variant) int { return cmp.Compare(a.position, b.position) },
	"INVENTORY_QUANTITY": func(a, b *variant) int { return cmp.Compare(a.available(), b.available()) },
}

var itemIndex = search.Index[*item]{
	Words: func(i *item) []string { return []string{i.variant.sku} },
	Fields: commonIndex(map[string]search.Field[*item]{
		"sku": one(search.Keyword, func(i *item) any { return i.variant.sku }),
	}),
}

var levelIndex = search.Index[*level]{
	Words: func(l *level) []string { return []string{l.item.variant.sku} },
	Fields: commonIndex(map[string]search.Field[*level]{
		"inventory_item_id": one(search.ID, func(l *level) any { return l.item.id }),
	}),
}

var locationIndex = search.Index[*location]{
	Words: func(l *location) []string { return []string{l.data.Name, l.data.Address.City} },
	Fields: commonIndex(map[string]search.Field[*location]{
		"name":   one(search.Text, func(l *location) any { return l.data.Name }),
		"city":   one(search.Keyword, func(l *location) any { return l.data.Address.City }),
		"active": one(search.Bool, func(l *location) any { return l.active() }),
	}),
}

var locationSort = sorts[*location]{
	"NAME": func(a, b *location) int { return cmp.Compare(a.data.Name, b.data.Name) },
}

var draftIndex = search.Index[*draft]{
	Words: func(d *draft) []string { return []string{d.name(), d.email, d.note} },
	Fields: commonIndex(map[string]search.Field[*draft]{
		"name":        one(search.Keyword, func(d *draft) any { return strings.TrimPrefix(d.name(), "#") }),
		"status":      one(search.Keyword, func(d *draft) any { return d.status }),
		"tag":         many(search.Keyword, func(d *draft) []string { return d.tags }),
		"customer_id": one(search.ID, func(d *draft) any { return idOf(d.customer) }),
		"email":       one(search.Keyword, func(d *draft) any { return d.email }),
	}),
}

var draftSort = sorts[*draft]{
	"UPDATED_AT":  byUpdate[*draft],
	"NUMBER":      func(a, b *draft) int { return cmp.Compare(a.number, b.number) },
	"STATUS":      func(a, b *draft) int { return cmp.Compare(a.status, b.status) },
	"TOTAL_PRICE": func(a, b *draft) int { return a.total.Cmp(b.total) },
}

var staffIndex = search.Index[*staff]{
	Words: func(m *staff) []string { return []string{m.name(), m.data.Email} },
	Fields: commonIndex(map[string]search.Field[*staff]{
		"email":      one(search.Keyword, func(m *staff) any { return m.data.Email }),
		"first_name": one(search.Keyword, func(m *staff) any { return m.data.FirstName }),
		"last_name":  one(search.Keyword, func(m *staff) any { return m.data.LastName }),
	}),
}

var subscriptionIndex = search.Index[*subscription]{
	Words: func(w *subscription) []string { return []string{w.name, w.uri} },
	Fields: commonIndex(map[string]search.Field[*subscription]{
		"topic":    one(search.Keyword, func(w *subscription) any { return w.topic }),
		"endpoint": one(search.Keyword, func(w *subscription) any { return w.uri }),
		"name":     one(search.Keyword, func(w *subscription) any { return w.name }),
	}),
}
