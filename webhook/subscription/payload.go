package subscription

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/Khan/genqlient/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// reader reads payloads from a shop.
type reader struct{ client graphql.Client }

// read runs a query and returns the object under root, or nil if there is no
// such thing. Fields that the token may not see are null in it.
func (r reader) read(ctx context.Context, name, operation, root string, variables map[string]any) (object, error) {
	var data map[string]json.RawMessage
	resp := &graphql.Response{Data: &data}
	err := r.client.MakeRequest(ctx, &graphql.Request{OpName: name, Query: operation, Variables: variables}, resp)
	if err != nil && (len(data[root]) == 0 || !onlyDenied(resp.Errors)) {
		return nil, fmt.Errorf("subscription: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(data[root]))
	dec.UseNumber()
	var o object
	if err := dec.Decode(&o); err != nil {
		return nil, fmt.Errorf("subscription: %s: the answer does not decode", name)
	}
	return o, nil
}

// onlyDenied reports whether the errors are all about fields that the token
// lacks the scope for; Shopify answers the rest beside them.
func onlyDenied(errs gqlerror.List) bool {
	return len(errs) > 0 && !slices.ContainsFunc(errs, func(e *gqlerror.Error) bool { return e.Extensions["code"] != "ACCESS_DENIED" })
}

// errGone reports a thing that is not there any more.
var errGone = errors.New("subscription: it was deleted")

// order returns the payload of the orders topics.
func (r reader) order(ctx context.Context, gid string) (object, error) {
	o, err := r.read(ctx, "ReconcileOrder", orderOperation, "order", map[string]any{"id": gid})
	if err != nil {
		return nil, err
	}
	if o == nil {
		return nil, errGone
	}
	lines, err := r.lines(ctx, gid)
	if err != nil {
		return nil, err
	}
	refunds := make([]any, 0)
	for _, b := range o.list("B") {
		refund, err := r.refund(ctx, fmt.Sprint(b["id"]))
		if errors.Is(err, errGone) {
			continue
		}
		if err != nil {
			return nil, err
		}
		refunds = append(refunds, refund)
	}
	delete(o, "B")
	o["refunds"] = refunds
	restOrder(o, lines)
	return o, nil
}

func (r reader) lines(ctx context.Context, gid string) (lines []object, err error) {
	var after any
	for {
		o, err := r.read(ctx, "ReconcileOrderLines", linesOperation, "order", map[string]any{"id": gid, "after": after})
		if err != nil {
			return nil, err
		}
		if o == nil {
			return nil, errGone
		}
		for _, l := range o.list("lineItems") {
			restLine(l)
			lines = append(lines, l)
		}
		var more bool
		if after, more = nextPage(o["lineItems"]); !more {
			return lines, nil
		}
	}
}

// nextPage returns the cursor of a connection's next page.
func nextPage(connection any) (after any, more bool) {
	c, _ := connection.(map[string]any)
	info, _ := c["pageInfo"].(map[string]any)
	more, _ = info["hasNextPage"].(bool)
	return info["endCursor"], more && info["endCursor"] != nil
}

func restOrder(o object, lines []object) {
	id := number(o["admin_graphql_api_id"])
	o["id"] = id
	if n := count(o["order_number"]); n > 1000 {
		o["number"] = n - 1000
	}
	o["cancel_reason"] = lower(o.take("R"))
	o["app_id"], o["merchant_of_record_app_id"] = o.takeID("A"), o.takeID("M")
	o["location_id"], o["user_id"] = o.takeID("L"), o.takeID("W")
	o["contact_email"] = o["email"]
	o["financial_status"] = lower(o.take("F"))
	o["fulfillment_status"] = fulfillmentStatus(o.take("U"))
	o["note_attributes"], o["tags"] = o.take("C"), joined(o.take("T"))
	o["total_weight"] = digits(o.take("H"))
	o["total_outstanding"], o["total_tip_received"] = shopMoney(o.take("O")), shopMoney(o.take("G"))
	rounding := o.takeObject("Z")
	o["total_cash_rounding_payment_adjustment_set"], o["total_cash_rounding_refund_adjustment_set"] = rounding["paymentSet"], rounding["refundSet"]
	if c, ok := o["customer"].(map[string]any); ok {
		restCustomer(c)
	}
	var gross sum
	items := make([]any, len(lines))
	for i, l := range lines {
		gross.add(l["price_set"], count(l["quantity"]))
		items[i] = l
	}
	o["line_items"] = items
	if len(lines) > 0 {
		o["total_line_items_price_set"] = gross.set()
	}
	restTaxes(o)
	shipping := o.list("S")
	delete(o, "S")
	for _, l := range shipping {
		l["id"] = number(l.take("I"))
		restTaxes(l)
		restAllocations(l)
		l.amounts()
	}
	o["shipping_lines"] = shipping
	o["discount_applications"], o["discount_codes"] = restDiscounts(o.list("D"), slices.Concat(lines, shipping))
	delete(o, "D")
	for _, f := range o.list("fulfillments") {
		restFulfillment(f, id)
	}
	o.amounts()
}

// fulfillmentStatus is an order's status as payloads have it: null as long as
// nothing is fulfilled.
func fulfillmentStatus(display any) any {
	switch display {
	case "FULFILLED", "RESTOCKED":
		return lower(display)
	case "PARTIALLY_FULFILLED":
		return "partial"
	}
	return nil
}

func restFulfillment(f object, order any) {
	f["id"], f["order_id"], f["location_id"], f["status"] = number(f["admin_graphql_api_id"]), order, f.takeID("L"), lower(f["status"])
	numbers, urls := []any{}, []any{}
	for _, t := range f.list("I") {
		if t["company"] != nil {
			f["tracking_company"] = t["company"]
		}
		if t["number"] != nil {
			numbers = append(numbers, t["number"])
		}
		if t["url"] != nil {
			urls = append(urls, t["url"])
		}
	}
	delete(f, "I")
	f["tracking_numbers"], f["tracking_urls"] = numbers, urls
	if len(numbers) > 0 {
		f["tracking_number"] = numbers[0]
	}
	if len(urls) > 0 {
		f["tracking_url"] = urls[0]
	}
}

func restLine(l object) {
	l["id"] = number(l["admin_graphql_api_id"])
	l["product_id"], l["variant_id"] = l.takeID("P"), l.takeID("V")
	l["product_exists"] = l["product_id"] != nil
	l["properties"] = l.take("C")
	switch left, all := count(l["fulfillable_quantity"]), count(l["quantity"]); {
	case left == 0:
		l["fulfillment_status"] = "fulfilled"
	case left < all:
		l["fulfillment_status"] = "partial"
	default:
		l["fulfillment_status"] = nil
	}
	staff := l.takeObject("W")
	l["attributed_staffs"] = []any{}
	if staff["id"] != nil {
		l["attributed_staffs"] = []any{object{"id": staff["id"], "quantity": l["quantity"]}}
	}
	restTaxes(l)
	restAllocations(l)
	l.amounts()
}

func restTaxes(o object) {
	for _, t := range o.list("tax_lines") {
		t.amounts()
	}
}

func restAllocations(o object) {
	for _, a := range o.list("discount_allocations") {
		a["discount_application_index"] = a.takeObject("A")["index"]
		a.amounts()
	}
}

// restDiscounts returns an order's discounts, and its discount codes with what
// they took off the lines given.
func restDiscounts(applications, lines []object) (discounts, codes []any) {
	discounts, codes = []any{}, []any{}
	for _, a := range applications {
		kind := strings.TrimSuffix(a.takeText("K"), "DiscountApplication")
		d := object{
			"type": lower(kind), "target_type": lower(a["targetType"]), "target_selection": lower(a["targetSelection"]),
			"allocation_method": lower(a["allocationMethod"]), "value_type": "fixed_amount",
		}
		for _, name := range []string{"title", "description"} {
			if a[name] != nil {
				d[name] = a[name]
			}
		}
		value := a.takeObject("value")
		d["value"] = value["amount"]
		if percentage := value["percentage"]; percentage != nil {
			d["value_type"], d["value"] = "percentage", fmt.Sprint(percentage)
		}
		if kind == "DiscountCodeApplication" {
			d["type"], d["code"] = "discount_code", a["code"]
			var taken sum
			for _, l := range lines {
				for _, allocation := range l.list("discount_allocations") {
					if allocation["discount_application_index"] == a["index"] {
						taken.add(allocation["amount_set"], 1)
					}
				}
			}
			codeType := d["value_type"]
			if d["target_type"] == "shipping_line" {
				codeType = "shipping"
			}
			codes = append(codes, object{"code": a["code"], "amount": taken.shop.StringFixed(2), "type": codeType})
		}
		discounts = append(discounts, d)
	}
	return discounts, codes
}

// refund returns the payload of refunds/create.
func (r reader) refund(ctx context.Context, gid string) (object, error) {
	var refund object
	lines := []any{}
	restock := false
	var after any
	for more := true; more; {
		o, err := r.read(ctx, "ReconcileRefund", refundOperation, "refund", map[string]any{"id": gid, "after": after})
		if err != nil {
			return nil, err
		}
		if o == nil {
			return nil, errGone
		}
		for _, l := range o.list("refundLineItems") {
			restRefundLine(l)
			restock = restock || l["restock_type"] != "no_restock"
			lines = append(lines, l)
		}
		after, more = nextPage(o["refundLineItems"])
		if delete(o, "refundLineItems"); refund == nil {
			refund = o
		}
	}
	refund["id"], refund["order_id"] = number(refund["admin_graphql_api_id"]), refund.takeID("O")
	refund["user_id"] = refund.takeID("W")
	if ret := refund.takeObject("R"); ret != nil {
		refund["return"] = object{"id": number(ret["id"]), "admin_graphql_api_id": ret["id"]}
	} else {
		refund["return"] = nil
	}
	refund["refund_line_items"], refund["restock"] = lines, restock
	transactions := refund.list("T")
	delete(refund, "T")
	for _, t := range transactions {
		restTransaction(t, refund["order_id"])
	}
	refund["transactions"] = transactions
	adjustments := refund.list("J")
	delete(refund, "J")
	for _, a := range adjustments {
		a["id"], a["order_id"], a["refund_id"], a["reason"] = number(a.take("I")), refund["order_id"], refund["id"], lower(a["reason"])
		a.amounts()
	}
	refund["order_adjustments"] = adjustments
	return refund, nil
}

func restRefundLine(l object) {
	l["id"], l["restock_type"], l["location_id"] = number(l.take("I")), lower(l.take("K")), l.takeID("L")
	if line, ok := l["line_item"].(map[string]any); ok {
		restLine(line)
		l["line_item_id"] = line["id"]
	}
	l.amounts()
}

func restTransaction(t object, order any) {
	t["id"], t["order_id"] = number(t["admin_graphql_api_id"]), order
	t["kind"], t["status"], t["error_code"] = lower(t.take("K")), lower(t.take("S")), lower(t.take("E"))
	t["parent_id"], t["location_id"], t["user_id"], t["device_id"] = t.takeID("P"), t.takeID("L"), t.takeID("W"), t.takeID("D")
	if text, ok := t["receipt"].(string); ok { // GraphQL has it as JSON in a string
		if t["receipt"] = nil; json.Valid([]byte(text)) {
			t["receipt"] = json.RawMessage(text)
		}
	}
	set, _ := t.take("amount_set").(map[string]any)
	money, _ := set["shop_money"].(map[string]any)
	t["amount"], t["currency"] = money["amount"], money["currency_code"]
}

// customer returns the payload of the customers topics.
func (r reader) customer(ctx context.Context, gid string) (object, error) {
	c, err := r.read(ctx, "ReconcileCustomer", customerOperation, "customer", map[string]any{"id": gid})
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, errGone
	}
	restCustomer(c)
	return c, nil
}

func restCustomer(c object) {
	id := number(c["admin_graphql_api_id"])
	c["id"], c["state"], c["tags"] = id, lower(c["state"]), joined(c.take("T"))
	c["orders_count"] = digits(c.take("N"))
	spent := c.takeObject("S")
	c["total_spent"], c["currency"] = spent["amount"], spent["currencyCode"]
	last := c.takeObject("L")
	c["last_order_id"], c["last_order_name"] = number(last["id"]), last["name"]
	c["email"], c["email_marketing_consent"] = restConsent(c.takeObject("E"), "emailAddress")
	c["phone"], c["sms_marketing_consent"] = restConsent(c.takeObject("P"), "phoneNumber")
	if a, ok := c["default_address"].(map[string]any); ok {
		a["id"], a["customer_id"], a["default"] = number(object(a).take("I")), id, true
	}
}

// restConsent returns an address and what its owner agreed to.
func restConsent(o object, name string) (address, consent any) {
	if o == nil || o[name] == nil {
		return nil, nil
	}
	c := object{
		"state": lower(o["marketingState"]), "opt_in_level": lower(o["marketingOptInLevel"]), "consent_updated_at": o["marketingUpdatedAt"],
	}
	if from := o["marketingCollectedFrom"]; from != nil {
		c["consent_collected_from"] = from
	}
	return o[name], c
}
