package shopifytest

import (
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// Bounds of one order.
const (
	maxLines  = 500
	maxPieces = 10_000
)

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/draftOrderCreate
func draftOrderCreate(s *state, c *graph.Call) (any, error) {
	in := input(c, "input")
	d := &draft{status: "OPEN"}
	errs, err := s.readDraft(d, in)
	if err != nil {
		return nil, err
	}
	if len(d.lines) == 0 && len(errs) == 0 {
		errs = append(errs, userError{message: "Add at least 1 product"})
	}
	if len(errs) > 0 {
		return refused(errs...), nil
	}
	s.lastDraft++
	d.number = s.lastDraft
	s.add(d, "DraftOrder", 0, s.now())
	s.fileDraft(d, in)
	s.drafts = append(s.drafts, d)
	s.emit("draft_orders/create", d, s.draftPayload(d), s.newGroup())
	return done("draftOrder", object(d)), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/draftOrderUpdate
func draftOrderUpdate(s *state, c *graph.Call) (any, error) {
	old, e := s.openDraft(text(c.Args, "id"))
	if e != nil {
		return refused(*e), nil
	}
	in := input(c, "input")
	changed := *old
	errs, err := s.readDraft(&changed, in)
	if err != nil {
		return nil, err
	}
	if len(changed.lines) == 0 && len(errs) == 0 {
		errs = append(errs, userError{message: "Add at least 1 product"})
	}
	if len(errs) > 0 {
		return refused(errs...), nil
	}
	*old = changed
	s.fileDraft(old, in)
	s.updated(old)
	return done("draftOrder", object(old)), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/draftOrderDelete
func draftOrderDelete(s *state, c *graph.Call) (any, error) {
	id := text(input(c, "input"), "id")
	d, e := s.openDraft(id)
	if e != nil {
		return refused(*e), nil
	}
	s.drafts = slices.DeleteFunc(s.drafts, func(o *draft) bool { return o == d })
	s.forget(d)
	s.emit("draft_orders/delete", d, map[string]any{"id": d.id}, s.newGroup())
	return done("deletedId", id), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/draftOrderComplete
func draftOrderComplete(s *state, c *graph.Call) (any, error) {
	if c.Args["paymentGatewayId"] != nil {
		return nil, notSimulated("paymentGatewayId")
	}
	d, e := s.openDraft(text(c.Args, "id"))
	if e != nil {
		return refused(*e), nil
	}
	gateway, source := "manual", text(c.Args, "sourceName")
	if pending, _ := c.Args["paymentPending"].(bool); pending {
		gateway = ""
	}
	if source == "" {
		source = "shopify_draft_order"
	}
	s.complete(d, gateway, source)
	return done("draftOrder", object(d)), nil
}

func (s *state) openDraft(id string) (*draft, *userError) {
	d, ok := find[*draft](s, id)
	switch {
	case !ok:
		return nil, &userError{field: []string{"id"}, message: "Draft order not found"}
	case d.status == "COMPLETED":
		return nil, &userError{field: []string{"id"}, message: "This order has been paid"}
	default:
		return d, nil
	}
}

// readDraft checks in and puts what was sent into d; nothing is filed yet.
func (s *state) readDraft(d *draft, in map[string]any) ([]userError, error) {
	if key := unknown(in, "lineItems", "customerId", "purchasingEntity", "email", "phone", "note", "poNumber", "tags", "customAttributes", "metafields", "appliedDiscount",
		"shippingAddress", "billingAddress", "shippingLine", "taxExempt", "useCustomerDefaultAddress", "presentmentCurrencyCode", "sourceName", "visibleToCustomer",
		"acceptAutomaticDiscounts", "allowDiscountCodesInCheckout"); key != "" {
		return nil, notSimulated("DraftOrderInput." + key)
	}
	if cur := text(in, "presentmentCurrencyCode"); cur != "" && cur != s.shop.data.Currency {
		return nil, notSimulated("a draft order in another currency than the shop's")
	}
	errs := s.checkMetafields("DRAFTORDER", s.byID[d.gid], in["metafields"], "metafields")
	errs = append(errs, s.readDraftCustomer(d, in)...)
	setText(in, "email", &d.email)
	setText(in, "phone", &d.phone)
	setText(in, "note", &d.note)
	setText(in, "poNumber", &d.poNumber)
	if d.email != "" && !plausibleEmail(d.email) {
		errs = append(errs, userError{field: []string{"email"}, message: "Email is invalid"})
	}
	if len(d.note) > maxNote {
		errs = append(errs, userError{field: []string{"note"}, message: "Note is too long (maximum is 5000 characters)"})
	}
	if v, sent := in["tags"]; sent {
		d.tags = normalizeTags(stringList(v))
		if e := checkTags(d.tags); e != nil {
			errs = append(errs, *e)
		}
	}
	if v, sent := in["customAttributes"]; sent {
		d.attributes = attributesFrom(v)
	}
	if v, sent := in["taxExempt"]; sent {
		d.taxExempt, _ = v.(bool)
	}
	if v, sent := in["appliedDiscount"]; sent {
		discount, description, ok := s.discountFrom(v)
		if !ok {
			errs = append(errs, userError{field: []string{"appliedDiscount", "value"}, message: "Value is invalid"})
		}
		d.discount, d.discountText = discount, description
	}
	if v, sent := in["shippingLine"]; sent {
		d.shippingTitle, d.shipping = "", decimal.Zero
		if line, ok := v.(map[string]any); ok {
			d.shippingTitle = text(line, "title")
			d.shipping, _ = number(line["price"])
			if m := nested(line, "priceWithCurrency"); m != nil {
				d.shipping, _ = number(m["amount"])
			}
		}
	}
	if v, sent := in["lineItems"]; sent {
		lines, more := s.draftLines(v)
		d.lines, errs = lines, append(errs, more...)
	}
	return withoutCodes(errs), nil
}

func (s *state) readDraftCustomer(d *draft, in map[string]any) []userError {
	id, sent := in["customerId"]
	if entity := nested(in, "purchasingEntity"); entity != nil {
		if entity["purchasingCompany"] != nil {
			return []userError{{field: []string{"purchasingEntity"}, message: "Companies are not simulated"}}
		}
		id, sent = entity["customerId"], true
	}
	if !sent {
		return nil
	}
	d.customer = nil
	if id == nil {
		return nil
	}
	v, ok := find[*customer](s, id.(string))
	if !ok {
		return []userError{{field: []string{"customerId"}, message: "Customer does not exist"}}
	}
	d.customer, d.email = v, v.email
	return nil
}

func (s *state) draftLines(v any) ([]*draftLine, []userError) {
	var (
		out  []*draftLine
		errs []userError
	)
	inputs := objects(v)
	if len(inputs) > maxLines-1 {
		return nil, []userError{{field: []string{"lineItems"}, message: "Line items must be at most 499"}}
	}
	for i, in := range inputs {
		refuse := func(field, message string) {
			errs = append(errs, userError{field: []string{"lineItems", strconv.Itoa(i), field}, message: message})
		}
		l := &draftLine{title: text(in, "title"), sku: text(in, "sku"), attributes: attributesFrom(in["customAttributes"]), taxable: true, shipped: true, uuid: text(in, "uuid")}
		l.quantity, _ = in["quantity"].(int)
		if l.quantity < 1 || l.quantity > maxPieces {
			refuse("quantity", "Quantity must be greater than or equal to 1")
		}
		if price, ok := number(in["originalUnitPrice"]); ok {
			l.price = price
		}
		if m := nested(in, "originalUnitPriceWithCurrency"); m != nil {
			l.price, _ = number(m["amount"])
		}
		if id := text(in, "variantId"); id != "" {
			found, ok := find[*variant](s, id)
			if !ok {
				refuse("variantId", "Product with ID "+numericPart(id)+" is no longer available.")
				continue
			}
			l.variant, l.title, l.sku, l.price = found, found.product.title, found.sku, found.price
			if m := nested(in, "priceOverride"); m != nil {
				l.price, _ = number(m["amount"])
			}
		} else {
			l.taxable, _ = in["taxable"].(bool)
			l.shipped, _ = in["requiresShipping"].(bool)
			if l.title == "" {
				refuse("title", "Title can't be blank")
			}
		}
		if l.price.IsNegative() {
			refuse("originalUnitPrice", "Price must be greater than or equal to 0")
		}
		if in["appliedDiscount"] != nil {
			discount, description, ok := s.discountFrom(in["appliedDiscount"])
			if !ok {
				refuse("appliedDiscount", "Value is invalid")
			}
			l.discount, l.discountTxt = discount, description
		}
		out = append(out, l)
	}
	return out, errs
}

// discountFrom reads a DraftOrderAppliedDiscountInput; nil for null.
func (s *state) discountFrom(v any) (d *Discount, description string, ok bool) {
	in, isObject := v.(map[string]any)
	if !isObject {
		return nil, "", true
	}
	value, ok := number(in["value"])
	d = &Discount{Title: text(in, "title")}
	if text(in, "valueType") == "PERCENTAGE" {
		d.Percent = value
		ok = ok && value.LessThanOrEqual(hundred)
	} else {
		d.Amount = s.round(value)
	}
	return d, text(in, "description"), ok && !value.IsNegative()
}

// fileDraft gives ids to the parts of a checked draft and sums it up.
func (s *state) fileDraft(d *draft, in map[string]any) {
	for _, l := range d.lines {
		if l.gid == "" {
			s.add(l, "DraftOrderLineItem", 0, s.now())
		}
		if l.uuid == "" {
			l.uuid = s.uuid()
		}
	}
	if v, sent := in["shippingAddress"]; sent {
		d.shippingAddress = s.addressFrom(v)
	}
	if v, sent := in["billingAddress"]; sent {
		d.billingAddress = s.addressFrom(v)
	}
	if use, _ := in["useCustomerDefaultAddress"].(bool); use && d.customer != nil {
		d.shippingAddress, d.billingAddress = d.customer.defaultAddress(), d.customer.defaultAddress()
	}
	s.setMetafields(d, in["metafields"])
	s.totalDraft(d)
}
