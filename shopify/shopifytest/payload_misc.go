package shopifytest

import (
	"strings"

	"github.com/shopspring/decimal"
)

func (s *state) customerPayload(v *customer) map[string]any {
	p := map[string]any{
		"id": v.id, "admin_graphql_api_id": v.gid, "created_at": s.restTime(v.createdAt), "updated_at": s.restTime(v.updatedAt),
		"first_name": orNull(v.firstName), "last_name": orNull(v.lastName), "email": orNull(v.email), "phone": orNull(v.phone), "note": orNull(v.note),
		"state": "disabled", "verified_email": v.email != "", "tax_exempt": v.taxExempt, "tax_exemptions": []any{}, "currency": s.shop.data.Currency,
		"tags": strings.Join(v.tags, ", "), "multipass_identifier": nil, "email_marketing_consent": nil, "sms_marketing_consent": nil, "default_address": nil,
		"orders_count": len(v.orders), "total_spent": s.fixed(v.spent()), "last_order_id": nil, "last_order_name": nil,
	}
	if v.email != "" {
		p["email_marketing_consent"] = s.emailConsentPayload(v)
	}
	if v.phone != "" {
		p["sms_marketing_consent"] = s.smsConsentPayload(v)
	}
	if o := v.lastOrder(); o != nil {
		p["last_order_id"], p["last_order_name"] = o.id, o.name()
	}
	if a := v.defaultAddress(); a != nil {
		d := addressPayload(a).(map[string]any)
		d["id"], d["customer_id"], d["default"] = a.id, v.id, true
		p["default_address"] = d
	}
	return p
}

func addressPayload(a *address) any {
	if a == nil {
		return nil
	}
	return map[string]any{
		"first_name": orNull(a.firstName), "last_name": orNull(a.lastName), "name": strings.TrimSpace(a.firstName + " " + a.lastName), "company": orNull(a.company),
		"address1": orNull(a.Address1), "address2": orNull(a.Address2), "city": orNull(a.City), "zip": orNull(a.Zip), "phone": orNull(a.Phone),
		"province": orNull(a.Province), "province_code": orNull(a.ProvinceCode), "country": orNull(a.Country), "country_code": orNull(a.CountryCode),
		"latitude": nil, "longitude": nil,
	}
}

func (s *state) levelPayload(l *level) map[string]any {
	return map[string]any{
		"inventory_item_id": l.item.id, "location_id": l.location.id, "available": l.quantities["available"],
		"updated_at": s.restTime(l.updatedAt), "admin_graphql_api_id": l.gid,
	}
}

func (s *state) draftPayload(d *draft) map[string]any {
	lines := make([]any, len(d.lines))
	for i, l := range d.lines {
		line := map[string]any{
			"id": l.id, "admin_graphql_api_id": l.gid, "title": l.title, "name": l.name(), "sku": orNull(l.sku), "quantity": l.quantity, "price": s.fixed(l.price),
			"custom": l.variant == nil, "taxable": l.taxable, "requires_shipping": l.shipped, "gift_card": l.variant != nil && l.variant.product.giftCard, "grams": 0, "fulfillment_service": "manual",
			"product_id": nil, "variant_id": nil, "variant_title": nil, "vendor": nil, "properties": restAttributes(l.attributes), "applied_discount": nil, "uuid": l.uuid,
		}
		if v := l.variant; v != nil {
			line["product_id"], line["variant_id"], line["vendor"] = v.product.id, v.id, v.product.vendor
			if len(v.options) > 0 {
				line["variant_title"] = v.title()
			}
		}
		if l.discount != nil {
			line["applied_discount"] = s.discountPayload(l.discount, l.discountTxt, l.gross())
		}
		lines[i] = line
	}
	p := map[string]any{
		"id": d.id, "admin_graphql_api_id": d.gid, "name": d.name(), "status": strings.ToLower(d.status), "note": orNull(d.note), "email": orNull(d.email),
		"created_at": s.restTime(d.createdAt), "updated_at": s.restTime(d.updatedAt), "completed_at": s.restTime(d.completedAt), "invoice_sent_at": s.restTime(d.invoiceSentAt),
		"currency": s.shop.data.Currency, "taxes_included": false, "tax_exempt": d.taxExempt, "tags": strings.Join(d.tags, ", "),
		"note_attributes": restAttributes(d.attributes), "line_items": lines, "order_id": restID(d.order), "customer": nil, "applied_discount": nil,
		"shipping_address": addressPayload(d.shippingAddress), "billing_address": addressPayload(d.billingAddress), "shipping_line": nil,
		"subtotal_price": s.fixed(d.subtotal), "total_tax": s.fixed(d.tax), "total_price": s.fixed(d.total), "total_discounts": s.fixed(d.discounts),
		"invoice_url": "https://" + s.shop.data.Domain + "/invoices/" + numeric(d),
	}
	if d.discount != nil {
		p["applied_discount"] = s.discountPayload(d.discount, d.discountText, d.subtotal.Add(d.discounts))
	}
	if d.customer != nil {
		p["customer"] = s.customerPayload(d.customer)
	}
	return p
}

func (s *state) discountPayload(d *Discount, description string, base decimal.Decimal) map[string]any {
	kind, value := "fixed_amount", s.fixed(d.Amount)
	if d.Percent.IsPositive() {
		kind, value = "percentage", d.Percent.StringFixed(1)
	}
	return map[string]any{"title": orNull(d.Title), "description": description, "value": value, "value_type": kind, "amount": s.fixed(s.off(d, base))}
}

func (s *state) productPayload(p *product) map[string]any {
	variants := make([]any, len(p.variants))
	for i, v := range p.variants {
		line := map[string]any{
			"id": v.id, "admin_graphql_api_id": v.gid, "product_id": p.id, "title": v.title(), "sku": v.sku, "barcode": orNull(v.barcode), "price": s.fixed(v.price),
			"compare_at_price": s.restCompareAt(v), "position": v.position, "inventory_item_id": v.item.id, "inventory_quantity": v.available(), "inventory_policy": v.restPolicy(),
			"taxable": !v.untaxed, "created_at": s.restTime(v.createdAt), "updated_at": s.restTime(v.updatedAt), "option1": v.title(), "option2": nil, "option3": nil,
		}
		for j, o := range v.options {
			line["option"+string(rune('1'+j))] = o
		}
		variants[i] = line
	}
	options := []any{}
	for i, name := range p.options {
		options = append(options, map[string]any{"id": p.id*10 + int64(i), "product_id": p.id, "name": name, "position": i + 1, "values": p.optionValues(i)})
	}
	return map[string]any{
		"id": p.id, "admin_graphql_api_id": p.gid, "title": p.title, "handle": p.handle, "body_html": p.descriptionHTML(), "vendor": p.vendor,
		"product_type": p.productType, "status": strings.ToLower(p.status), "tags": strings.Join(p.tags, ", "), "template_suffix": nil,
		"created_at": s.restTime(p.createdAt), "updated_at": s.restTime(p.updatedAt), "published_at": s.restTime(p.createdAt),
		"variants": variants, "options": options, "images": []any{}, "image": nil, "media": []any{},
	}
}

func (s *state) restCompareAt(v *variant) any {
	if v.compareAt.IsZero() {
		return nil
	}
	return s.fixed(v.compareAt)
}

func (v *variant) restPolicy() string {
	if v.oversell {
		return "continue"
	}
	return "deny"
}

func (s *state) metafieldPayload(m *metafield) map[string]any {
	owner := m.owner.common()
	return map[string]any{
		"id": m.id, "admin_graphql_api_id": m.gid, "namespace": m.namespace, "key": m.key, "type": m.valueType, "value": m.value,
		"owner_id": owner.id, "owner_resource": strings.ToLower(ownerTypes[owner.typename]), "description": nil,
		"created_at": s.restTime(m.createdAt), "updated_at": s.restTime(m.updatedAt),
	}
}
