package shopifytest

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/orderUpdate
func orderUpdate(s *state, c *graph.Call) (any, error) {
	in := input(c, "input")
	if key := unknown(in, "id", "note", "email", "phone", "poNumber", "tags", "customAttributes", "metafields", "shippingAddress"); key != "" {
		return nil, notSimulated("OrderInput." + key)
	}
	o, ok := find[*order](s, text(in, "id"))
	if !ok {
		return refused(userError{field: []string{"id"}, message: "Order does not exist"}), nil
	}
	tags := normalizeTags(stringList(in["tags"]))
	errs := s.checkMetafields("ORDER", o, in["metafields"], "metafields")
	if e := checkTags(tags); e != nil {
		errs = append(errs, *e)
	}
	if len(text(in, "note")) > maxNote {
		errs = append(errs, userError{field: []string{"note"}, message: "Note is too long (maximum is 5000 characters)"})
	}
	if email := text(in, "email"); email != "" && !plausibleEmail(email) {
		errs = append(errs, userError{field: []string{"email"}, message: "Email is invalid"})
	}
	if len(errs) > 0 {
		return refused(withoutCodes(errs)...), nil
	}
	setText(in, "note", &o.note)
	setText(in, "email", &o.email)
	setText(in, "phone", &o.phone)
	setText(in, "poNumber", &o.poNumber)
	if _, sent := in["tags"]; sent {
		o.tags = tags
	}
	if v, sent := in["customAttributes"]; sent {
		o.attributes = attributesFrom(v)
	}
	if v, sent := in["shippingAddress"]; sent {
		o.shippingAddress = s.addressFrom(v)
	}
	s.setMetafields(o, in["metafields"])
	s.updated(o)
	return done("order", object(o)), nil
}

// maxNote bounds notes, in bytes.
const maxNote = 5000

// withoutCodes is for payloads whose errors are plain UserErrors.
func withoutCodes(errs []userError) []userError {
	for i := range errs {
		errs[i].code = ""
	}
	return errs
}

func plausibleEmail(email string) bool {
	at := strings.LastIndexByte(email, '@')
	return at > 0 && at < len(email)-1 && !strings.ContainsAny(email, " \t\r\n<>,;") && len(email) <= 255
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/orderCreate
func orderCreate(s *state, c *graph.Call) (any, error) {
	in, options := input(c, "order"), input(c, "options")
	if key := unknown(in, "lineItems", "customerId", "customer", "email", "phone", "note", "poNumber", "tags", "customAttributes", "metafields", "shippingAddress",
		"billingAddress", "processedAt", "sourceName", "sourceIdentifier", "transactions", "financialStatus", "fulfillmentStatus", "test", "currency", "presentmentCurrency",
		"shippingLines", "taxLines", "userId", "buyerAcceptsMarketing"); key != "" {
		return nil, notSimulated("OrderCreateOrderInput." + key)
	}
	p, errs, err := s.placementFrom(in)
	if err != nil {
		return nil, err
	}
	if len(errs) > 0 {
		return refused(errs...), nil
	}
	switch text(options, "inventoryBehaviour") {
	case "DECREMENT_IGNORING_POLICY":
		p.takeStock = true
	case "DECREMENT_OBEYING_POLICY":
		p.takeStock = true
		for i, l := range p.lines {
			if l.variant != nil && l.variant.available() < l.quantity {
				return refused(userError{[]string{"order", "lineItems", strconv.Itoa(i)}, "Unable to reserve inventory.", "INVENTORY_CLAIM_FAILED"}), nil
			}
		}
	}
	o := s.place(p)
	o.sourceIdentifier = text(in, "sourceIdentifier")
	s.setMetafields(o, in["metafields"])
	return done("order", object(o)), nil
}

// placementFrom reads an OrderCreateOrderInput.
func (s *state) placementFrom(in map[string]any) (placement, []userError, error) {
	p := placement{
		at: s.now(), source: text(in, "sourceName"), email: text(in, "email"), phone: text(in, "phone"), note: text(in, "note"),
		poNumber: text(in, "poNumber"), tags: stringList(in["tags"]), attributes: attributesFrom(in["customAttributes"]),
	}
	p.test, _ = in["test"].(bool)
	var errs []userError
	refuse := func(message string, field ...string) {
		errs = append(errs, userError{append([]string{"order"}, field...), message, "INVALID"})
	}
	if p.source == "" {
		p.source = "app"
	}
	if at := text(in, "processedAt"); at != "" {
		t, err := time.Parse(time.RFC3339, at)
		if err != nil || t.After(s.now().Add(time.Minute)) {
			errs = append(errs, userError{[]string{"order", "processedAt"}, "processedAt must not be in the future.", "PROCESSED_AT_INVALID"})
		}
		p.at = t
	}
	if cur := text(in, "currency"); cur != "" && cur != s.shop.data.Currency {
		return p, nil, notSimulated("an order in another currency than the shop's")
	}
	customer, err := s.orderCustomer(in)
	if err != nil {
		return p, nil, err
	}
	p.customer = customer
	if id := text(in, "customerId"); id != "" && customer == nil {
		refuse("Customer does not exist.", "customerId")
	}
	p.staff, _ = find[*staff](s, text(in, "userId"))
	p.lines = s.orderLines(in, refuse)
	p.taxRate, p.taxTitle = s.orderTax(in)
	for _, l := range objects(in["shippingLines"]) {
		price, ok := moneyInput(l["priceSet"])
		if !ok {
			refuse("Price is invalid.", "shippingLines")
		}
		p.shippingTitle, p.shipping = text(l, "title"), p.shipping.Add(price)
	}
	if what := beyondOrders(in); what != "" {
		return p, nil, notSimulated(what)
	}
	if transactions := objects(in["transactions"]); len(transactions) > 0 {
		p.gateway = text(transactions[0], "gateway")
		if p.gateway == "" {
			p.gateway = "manual"
		}
		p.location, _ = find[*location](s, text(transactions[0], "locationId"))
	}
	if text(in, "financialStatus") == "PAID" && p.gateway == "" {
		p.gateway = "manual"
	}
	p.fulfilled = text(in, "fulfillmentStatus") == "FULFILLED"
	if len(p.note) > maxNote {
		refuse("Note is too long (maximum is 5000 characters)", "note")
	}
	errs = append(errs, s.checkMetafields("ORDER", nil, in["metafields"], "order", "metafields")...)
	if len(errs) == 0 {
		p.shippingAddress, p.billingAddress = s.addressFrom(in["shippingAddress"]), s.addressFrom(in["billingAddress"])
	}
	return p, errs, nil
}

// beyondOrders names what the shop's orders cannot be: they are paid in full or not at all, and fulfilled in full or not at all.
func beyondOrders(in map[string]any) string {
	transactions := objects(in["transactions"])
	switch {
	case len(transactions) > 1:
		return "several transactions"
	case len(transactions) == 1 && (text(transactions[0], "kind") != "SALE" || text(transactions[0], "status") != "SUCCESS"):
		return "a transaction other than a successful sale"
	case !slices.Contains([]string{"", "PENDING", "PAID"}, text(in, "financialStatus")):
		return "the financial status"
	case !slices.Contains([]string{"", "FULFILLED"}, text(in, "fulfillmentStatus")):
		return "the fulfillment status"
	default:
		return ""
	}
}

func (s *state) orderCustomer(in map[string]any) (*customer, error) {
	id := text(in, "customerId")
	if nested, ok := in["customer"].(map[string]any); ok {
		if nested["toUpsert"] != nil {
			return nil, notSimulated("OrderCreateCustomerInput.toUpsert")
		}
		associate, _ := nested["toAssociate"].(map[string]any)
		id = text(associate, "id")
		if email := text(associate, "email"); id == "" && email != "" {
			return s.byEmail[strings.ToLower(email)], nil
		}
	}
	v, _ := find[*customer](s, id)
	return v, nil
}

func (s *state) orderLines(in map[string]any, refuse func(message string, field ...string)) []placementLine {
	lines := objects(in["lineItems"])
	if len(lines) == 0 || len(lines) > maxLines {
		refuse("Line items must be between 1 and 500.", "lineItems")
	}
	var out []placementLine
	for i, l := range lines {
		at := []string{"lineItems", strconv.Itoa(i)}
		pl := placementLine{title: text(l, "title"), sku: text(l, "sku"), taxable: true}
		pl.quantity, _ = l["quantity"].(int)
		pl.shipped, _ = l["requiresShipping"].(bool)
		for _, a := range objects(l["properties"]) {
			pl.attributes = append(pl.attributes, Attribute{Key: text(a, "name"), Value: text(a, "value")})
		}
		if taxable, ok := l["taxable"].(bool); ok {
			pl.taxable = taxable
		}
		if id := text(l, "variantId"); id != "" {
			v, ok := find[*variant](s, id)
			if !ok {
				refuse("Variant does not exist.", append(at, "variantId")...)
				continue
			}
			pl.variant, pl.price = v, v.price
		} else if pl.title == "" {
			refuse("Title can't be blank.", append(at, "title")...)
		}
		if price, ok := moneyInput(l["priceSet"]); ok {
			pl.price = price
		} else if l["priceSet"] != nil {
			refuse("Price is invalid.", append(at, "priceSet")...)
		}
		if pl.quantity < 1 || pl.quantity > maxPieces {
			refuse("Quantity must be greater than 0.", append(at, "quantity")...)
		}
		out = append(out, pl)
	}
	return out
}

// orderTax is the rate of the first tax line of the order or its lines: the shop has one rate per order.
func (s *state) orderTax(in map[string]any) (decimal.Decimal, string) {
	lines := objects(in["taxLines"])
	for _, l := range objects(in["lineItems"]) {
		lines = append(lines, objects(l["taxLines"])...)
	}
	for _, l := range lines {
		if rate, ok := number(l["rate"]); ok && !rate.IsNegative() && rate.LessThan(decimal.NewFromInt(1)) {
			return rate, text(l, "title")
		}
	}
	return decimal.Zero, ""
}

// moneyInput is the amount of a MoneyBagInput.
func moneyInput(v any) (decimal.Decimal, bool) {
	bag, _ := v.(map[string]any)
	in, _ := bag["shopMoney"].(map[string]any)
	d, ok := number(in["amount"])
	return d, ok && !d.IsNegative()
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/refundCreate
func refundCreate(s *state, c *graph.Call) (any, error) {
	in := input(c, "input")
	if key := unknown(in, "orderId", "note", "notify", "refundLineItems", "transactions", "shipping", "processedAt", "currency"); key != "" {
		return nil, notSimulated("RefundInput." + key)
	}
	o, ok := find[*order](s, text(in, "orderId"))
	if !ok {
		return refused(userError{field: []string{"orderId"}, message: "Order does not exist"}), nil
	}
	g := giveBack{at: s.now(), note: text(in, "note")}
	var errs []userError
	wanted := map[*lineItem]int{}
	for i, l := range objects(in["refundLineItems"]) {
		gl, e := s.refundLineFrom(o, l, i)
		if e != nil {
			errs = append(errs, *e)
			continue
		}
		if wanted[gl.line] += gl.quantity; wanted[gl.line] > gl.line.currentQuantity() {
			errs = append(errs, userError{field: []string{"refundLineItems", strconv.Itoa(i), "quantity"}, message: "Quantity cannot refund more items than were purchased"})
		}
		g.lines = append(g.lines, gl)
	}
	if shipping := nested(in, "shipping"); shipping != nil {
		left := o.shipping.Sub(o.refundedShipping())
		if full, _ := shipping["fullRefund"].(bool); full {
			g.shipping = left
		} else {
			g.shipping, _ = number(shipping["amount"])
		}
		if g.shipping.IsNegative() || g.shipping.GreaterThan(left) {
			errs = append(errs, userError{field: []string{"shipping"}, message: "Shipping amount is more than was paid"})
		}
	}
	errs = append(errs, refundPayments(o, in, &g)...)
	if len(g.lines) == 0 && len(g.payments) == 0 && g.shipping.IsZero() && len(errs) == 0 {
		errs = append(errs, userError{message: "Refund must have line items, shipping, or transactions"})
	}
	if len(errs) > 0 {
		return refused(errs...), nil
	}
	r := s.refund(o, g)
	out := done("refund", object(r))
	out["order"] = object(o)
	return out, nil
}

func nested(in map[string]any, key string) map[string]any {
	m, _ := in[key].(map[string]any)
	return m
}

func (s *state) refundLineFrom(o *order, in map[string]any, i int) (giveBackLine, *userError) {
	field := []string{"refundLineItems", strconv.Itoa(i)}
	l, ok := find[*lineItem](s, text(in, "lineItemId"))
	if !ok || l.order != o {
		return giveBackLine{}, &userError{field: append(field, "lineItemId"), message: "Line item does not exist"}
	}
	gl := giveBackLine{line: l, restock: text(in, "restockType")}
	gl.quantity, _ = in["quantity"].(int)
	if gl.quantity < 1 {
		return gl, &userError{field: append(field, "quantity"), message: "Quantity must be greater than 0"}
	}
	if gl.restock == "" {
		gl.restock = "NO_RESTOCK"
	}
	if gl.restock == "NO_RESTOCK" {
		return gl, nil
	}
	if gl.location, ok = find[*location](s, text(in, "locationId")); !ok {
		return gl, &userError{field: append(field, "locationId"), message: "Location is required to restock"}
	}
	return gl, nil
}

func refundPayments(o *order, in map[string]any, g *giveBack) []userError {
	left := o.received().Sub(o.refunded())
	taken := map[*transaction]decimal.Decimal{}
	for i, t := range objects(in["transactions"]) {
		field := []string{"transactions", strconv.Itoa(i)}
		if kind := text(t, "kind"); kind != "REFUND" {
			return []userError{{field: append(field, "kind"), message: "Kind must be refund"}}
		}
		amount, ok := number(t["amount"])
		if !ok || !amount.IsPositive() {
			return []userError{{field: append(field, "amount"), message: "Amount must be greater than zero"}}
		}
		if left = left.Sub(amount); left.IsNegative() {
			return []userError{{field: append(field, "amount"), message: "Refund amount is more than the amount paid"}}
		}
		gateway, id := text(t, "gateway"), text(t, "parentId")
		var parent *transaction
		for _, p := range o.transactions {
			enough := p.refundable().Sub(taken[p]).GreaterThanOrEqual(amount)
			// Where none is named it is one that can give so much back, by the same gateway if there is one.
			if p.gid == id || id == "" && enough && (parent == nil || parent.gateway != gateway) {
				parent = p
			}
		}
		switch {
		case parent == nil && id != "":
			return []userError{{field: append(field, "parentId"), message: "Parent transaction does not exist"}}
		case parent == nil:
			return []userError{{field: append(field, "amount"), message: "Refund amount is more than the amount paid"}}
		}
		if taken[parent] = taken[parent].Add(amount); taken[parent].GreaterThan(parent.refundable()) {
			return []userError{{field: append(field, "amount"), message: "Refund amount is more than the amount paid"}}
		}
		g.payments = append(g.payments, giveBackPayment{gateway: gateway, amount: amount, parent: parent})
	}
	return nil
}
