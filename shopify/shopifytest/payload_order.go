package shopifytest

import (
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// The payloads of webhooks have the shape of the REST Admin API:
// https://shopify.dev/docs/api/webhooks/latest

// restTime is a time in the shop's zone, as REST has it.
func (s *state) restTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.In(s.shop.location).Format(time.RFC3339)
}

// restID is the number of what may be nil.
func restID[T interface {
	comparable
	node
}](n T) any {
	return idOf(n)
}

func (s *state) orderPayload(o *order) map[string]any {
	currentSubtotal, currentTax, currentDiscounts := s.current(o)
	currentTotal := currentSubtotal.Add(currentTax).Add(o.shipping).Sub(o.refundedShipping())
	lines := make([]any, len(o.lines))
	lineTotal := decimal.Zero
	for i, l := range o.lines {
		lines[i] = s.linePayload(l)
		lineTotal = lineTotal.Add(l.gross())
	}
	refunds := make([]any, len(o.refunds))
	for i, r := range o.refunds {
		refunds[i] = s.refundPayload(r)
	}
	p := map[string]any{
		"id": o.id, "admin_graphql_api_id": o.gid, "name": o.name(), "number": o.number - 1000, "order_number": o.number,
		"confirmation_number": o.confirmation, "confirmed": true, "test": o.test, "token": strings.ToLower(o.confirmation),
		"created_at": s.restTime(o.createdAt), "updated_at": s.restTime(o.updatedAt), "processed_at": s.restTime(o.processedAt),
		"closed_at": s.restTime(o.closedAt), "cancelled_at": s.restTime(o.cancelledAt), "cancel_reason": orNull(lower(o.cancelReason)),
		"app_id": o.appID(), "source_name": o.source, "source_identifier": orNull(o.sourceIdentifier), "source_url": nil,
		"location_id": restID(o.location), "user_id": restID(o.staff), "device_id": nil,
		"email": o.email, "contact_email": orNull(o.email), "phone": orNull(o.phone), "customer_locale": "en",
		"currency": s.shop.data.Currency, "presentment_currency": s.shop.data.Currency,
		"financial_status": strings.ToLower(o.financialStatus()), "fulfillment_status": o.restFulfillment(),
		"buyer_accepts_marketing": o.customer != nil && o.customer.emailConsent.state == "SUBSCRIBED",
		"note":                    orNull(o.note), "note_attributes": restAttributes(o.attributes), "tags": strings.Join(o.tags, ", "), "po_number": orNull(o.poNumber),
		"payment_gateway_names": o.gateways(), "taxes_included": false, "tax_exempt": o.customer != nil && o.customer.taxExempt, "estimated_taxes": false,
		"total_weight": 0, "total_tip_received": s.fixed(decimal.Zero), "duties_included": false,
		"line_items": lines, "refunds": refunds, "returns": []any{}, "shipping_lines": s.shippingPayload(o), "tax_lines": s.taxPayload(o, o.tax),
		"discount_applications": s.applicationsPayload(o), "discount_codes": s.codesPayload(o), "fulfillments": s.fulfillmentsPayload(o),
		"customer": nil, "shipping_address": addressPayload(o.shippingAddress), "billing_address": addressPayload(o.billingAddress),
		"order_status_url": "https://" + s.shop.data.Domain + "/orders/" + o.confirmation, "merchant_of_record_app_id": nil,
		"original_total_duties_set": nil, "current_total_duties_set": nil, "original_total_additional_fees_set": nil, "current_total_additional_fees_set": nil,
	}
	for name, amount := range map[string]decimal.Decimal{
		"subtotal_price": o.subtotal, "total_price": o.total, "total_tax": o.tax, "total_discounts": o.discounts, "total_line_items_price": lineTotal,
		"current_subtotal_price": currentSubtotal, "current_total_tax": currentTax, "current_total_discounts": currentDiscounts, "current_total_price": currentTotal,
	} {
		p[name], p[name+"_set"] = s.fixed(amount), s.moneySet(amount)
	}
	p["total_outstanding"] = s.fixed(o.outstanding())
	p["total_shipping_price_set"] = s.moneySet(o.shipping)
	p["total_cash_rounding_payment_adjustment_set"] = s.moneySet(decimal.Zero)
	p["total_cash_rounding_refund_adjustment_set"] = s.moneySet(decimal.Zero)
	if o.deviceID != 0 {
		p["device_id"] = o.deviceID
	}
	if o.customer != nil {
		p["customer"] = s.customerPayload(o.customer)
	}
	return p
}

func (o *order) appID() any {
	switch o.source {
	case "pos":
		return 129785
	case "web":
		return 580111
	default:
		return nil
	}
}

func (l *lineItem) restFulfillment() any {
	if l.order.fulfillment == nil || l.unfulfilled() > 0 {
		return nil
	}
	return "fulfilled"
}

func (o *order) restFulfillment() any {
	switch o.fulfillmentStatus() {
	case "FULFILLED":
		return "fulfilled"
	case "PARTIALLY_FULFILLED":
		return "partial"
	default:
		return nil
	}
}

func restAttributes(attributes []Attribute) []any {
	out := make([]any, len(attributes))
	for i, a := range attributes {
		out[i] = map[string]any{"name": a.Key, "value": a.Value}
	}
	return out
}

func (s *state) linePayload(l *lineItem) map[string]any {
	p := map[string]any{
		"id": l.id, "admin_graphql_api_id": l.gid, "title": l.title, "name": l.name(), "variant_title": orNull(l.variantTitle),
		"sku": orNull(l.sku), "vendor": orNull(l.vendor), "quantity": l.quantity, "current_quantity": l.currentQuantity(),
		"fulfillable_quantity": l.unfulfilled(), "fulfillment_service": "manual", "fulfillment_status": l.restFulfillment(),
		"price": s.fixed(l.price), "price_set": s.moneySet(l.price),
		"total_discount": s.fixed(l.ownDiscount), "total_discount_set": s.moneySet(l.ownDiscount),
		"gift_card": l.giftCard(), "grams": 0, "taxable": l.taxable, "requires_shipping": l.shipped,
		"product_id": nil, "variant_id": nil, "product_exists": l.variant != nil, "variant_inventory_management": nil,
		"properties": restAttributes(l.attributes), "tax_lines": []any{}, "duties": []any{}, "discount_allocations": s.allocationsPayload(l), "attributed_staffs": []any{},
	}
	if l.taxable {
		p["tax_lines"] = s.taxPayload(l.order, l.tax)
	}
	if v := l.variant; v != nil {
		p["product_id"], p["variant_id"], p["variant_inventory_management"] = v.product.id, v.id, "shopify"
	}
	if l.staff != nil {
		p["attributed_staffs"] = []any{map[string]any{"id": l.staff.gid, "quantity": l.quantity}}
	}
	return p
}

func (s *state) taxPayload(o *order, tax decimal.Decimal) []any {
	if !o.taxRate.IsPositive() {
		return []any{}
	}
	return []any{map[string]any{
		"title": o.taxTitle, "rate": o.taxRate.InexactFloat64(), "price": s.fixed(tax), "price_set": s.moneySet(tax), "channel_liable": false,
	}}
}

func (s *state) shippingPayload(o *order) []any {
	if o.shippingTitle == "" {
		return []any{}
	}
	return []any{map[string]any{
		"id": o.id, "title": o.shippingTitle, "code": o.shippingTitle, "source": "shopify", "carrier_identifier": nil, "phone": nil, "is_removed": false,
		"price": s.fixed(o.shipping), "price_set": s.moneySet(o.shipping), "discounted_price": s.fixed(o.shipping), "discounted_price_set": s.moneySet(o.shipping),
		"tax_lines": []any{}, "discount_allocations": []any{},
	}}
}

func (s *state) applicationsPayload(o *order) []any {
	out := []any{}
	for _, a := range o.applications() {
		p := map[string]any{
			"type": "manual", "target_type": "line_item", "allocation_method": "across", "target_selection": "all",
			"title": discountTitle(a.discount), "description": nil, "value_type": "fixed_amount", "value": s.fixed(a.discount.Amount),
		}
		if a.discount.Percent.IsPositive() {
			p["value_type"], p["value"] = "percentage", a.discount.Percent.StringFixed(1)
		}
		if a.discount.Code != "" {
			p["type"], p["code"] = "discount_code", a.discount.Code
		}
		if a.line != nil {
			p["allocation_method"], p["target_selection"] = "one", "explicit"
		}
		out = append(out, p)
	}
	return out
}

func (s *state) allocationsPayload(l *lineItem) []any {
	out := []any{}
	for _, a := range l.order.applications() {
		amount := l.share
		if a.line != nil {
			amount = l.ownDiscount
		}
		if a.line == nil || a.line == l {
			out = append(out, map[string]any{"amount": s.fixed(amount), "amount_set": s.moneySet(amount), "discount_application_index": a.index})
		}
	}
	return out
}

// codesPayload tells of the sale's code, on the whole basket or on a line.
func (s *state) codesPayload(o *order) []any {
	if o.code == "" {
		return []any{}
	}
	kind, amount := "fixed_amount", decimal.Zero
	for _, a := range o.applications() {
		if a.discount.Code != o.code {
			continue
		}
		if a.discount.Percent.IsPositive() {
			kind = "percentage"
		}
		if a.line != nil {
			amount = amount.Add(a.line.ownDiscount)
		} else {
			amount = amount.Add(o.cartDiscount())
		}
	}
	return []any{map[string]any{"code": o.code, "amount": s.fixed(amount), "type": kind}}
}

func (s *state) fulfillmentsPayload(o *order) []any {
	if o.fulfillment == nil {
		return []any{}
	}
	f := o.fulfillment
	return []any{map[string]any{
		"id": f.id, "admin_graphql_api_id": f.gid, "order_id": o.id, "location_id": restID(o.location), "name": o.name() + ".1", "service": "manual",
		"status": "success", "shipment_status": nil, "tracking_company": nil, "tracking_number": nil, "tracking_numbers": []any{}, "tracking_urls": []any{},
		"created_at": s.restTime(f.createdAt), "updated_at": s.restTime(f.updatedAt), "receipt": map[string]any{},
	}}
}

func (s *state) refundPayload(r *refund) map[string]any {
	lines := make([]any, len(r.lines))
	for i, l := range r.lines {
		lines[i] = map[string]any{
			"id": l.id, "line_item_id": l.line.id, "line_item": s.linePayload(l.line), "quantity": l.quantity,
			"restock_type": strings.ToLower(l.restock), "location_id": restID(l.location),
			"subtotal": l.subtotal.InexactFloat64(), "subtotal_set": s.moneySet(l.subtotal),
			"total_tax": l.tax.InexactFloat64(), "total_tax_set": s.moneySet(l.tax),
		}
	}
	transactions := make([]any, len(r.transactions))
	for i, t := range r.transactions {
		transactions[i] = s.transactionPayload(t)
	}
	p := map[string]any{
		"id": r.id, "admin_graphql_api_id": r.gid, "order_id": r.order.id, "note": orNull(r.note), "restock": false, "user_id": restID(r.staff),
		"created_at": s.restTime(r.createdAt), "processed_at": s.restTime(r.createdAt), "return": nil,
		"refund_line_items": lines, "transactions": transactions, "order_adjustments": []any{}, "duties": []any{}, "refund_shipping_lines": []any{},
		"total_duties_set": s.moneySet(decimal.Zero),
	}
	if r.ret != nil {
		p["return"] = map[string]any{"id": r.ret.id, "admin_graphql_api_id": r.ret.gid}
	}
	for _, l := range r.lines {
		if l.restock != "NO_RESTOCK" {
			p["restock"] = true
		}
	}
	return p
}

// emitTender tells of money that changed hands: it is negative where the customer got it.
// https://shopify.dev/docs/api/admin-rest/latest/resources/tendertransaction
func (s *state) emitTender(t *transaction, group string) {
	amount, method, details := t.amount, "other", any(nil)
	if t.kind == "REFUND" {
		amount = amount.Neg()
	}
	switch t.gateway {
	case "cash", "gift_card":
		method = t.gateway
	case "shopify_payments":
		method, details = "credit_card", map[string]any{"credit_card_number": "•••• •••• •••• 4242", "credit_card_company": "Visa"}
	}
	s.emit("tender_transactions/create", &t.tender, map[string]any{
		"id": t.tender.id, "order_id": t.order.id, "amount": s.fixed(amount), "currency": s.shop.data.Currency, "user_id": restID(t.order.staff),
		"test": t.order.test, "processed_at": s.restTime(t.createdAt), "remote_reference": orNull(""), "payment_details": details, "payment_method": method,
	}, group)
}

func (s *state) transactionPayload(t *transaction) map[string]any {
	return map[string]any{
		"id": t.id, "admin_graphql_api_id": t.gid, "order_id": t.order.id, "kind": strings.ToLower(t.kind), "status": strings.ToLower(t.status),
		"gateway": t.gateway, "amount": s.fixed(t.amount), "currency": s.shop.data.Currency, "parent_id": restID(t.parent), "test": t.order.test,
		"created_at": s.restTime(t.createdAt), "processed_at": s.restTime(t.createdAt), "source_name": t.order.source,
		"location_id": restID(t.order.location), "user_id": restID(t.order.staff), "device_id": nil, "authorization": nil, "error_code": nil,
		"message": nil, "payment_id": t.order.name() + ".1", "receipt": map[string]any{},
	}
}
