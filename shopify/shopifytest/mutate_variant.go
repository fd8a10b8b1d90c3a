package shopifytest

import (
	"slices"
	"strconv"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// productOf is the product that the argument productId names, or how a mutation on its variants is refused.
func (s *state) productOf(c *graph.Call) (*product, graph.Object) {
	p, ok := find[*product](s, text(c.Args, "productId"))
	if !ok {
		return nil, refused(userError{[]string{"productId"}, "Product does not exist", "PRODUCT_DOES_NOT_EXIST"})
	}
	return p, nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/productVariantsBulkCreate
func productVariantsBulkCreate(s *state, c *graph.Call) (any, error) {
	if c.Args["media"] != nil {
		return nil, notSimulated("media of productVariantsBulkCreate")
	}
	p, no := s.productOf(c)
	if p == nil {
		return no, nil
	}
	// A product without options has one that is called Title.
	target := *p
	alone := len(p.options) == 0
	if alone {
		target.options = []string{standaloneOption}
		target.variants = []*variant{{options: []string{standaloneValue}}}
	}
	keep := c.Args["strategy"] == "PRESERVE_STANDALONE_VARIANT" || !alone
	r := &variantReader{s: s, p: &target, codes: createCodes, claims: claims{}}
	for i, in := range objects(c.Args["variants"]) {
		at := []string{"variants", strconv.Itoa(i)}
		if in["id"] != nil {
			r.bad(at, "NO_KEY_ON_CREATE", "Cannot specify ID on creation", "id")
			continue
		}
		if err := r.read(nil, in, r.options(nil, in, target.options, at), at...); err != nil {
			return nil, err
		}
	}
	if len(p.variants)+len(r.changes) > maxVariants {
		r.bad([]string{"variants"}, "INVALID_INPUT", "A product can have at most 2048 variants")
	}
	if len(r.errs) > 0 {
		return refused(r.errs...), nil
	}
	if alone && len(r.changes) > 0 {
		p.options = target.options
		p.variants[0].options = []string{standaloneValue}
	}
	made := []*variant{}
	for _, change := range r.changes {
		v := &variant{options: change.options}
		s.addVariant(p, v)
		s.writeVariant(v, change.in)
		made = append(made, v)
	}
	if !keep && len(made) > 0 {
		s.dropVariants(p, p.variants[0])
	}
	return s.variantsPayload(p, made), nil
}

func (s *state) variantsPayload(p *product, variants []*variant) graph.Object {
	s.updated(p)
	out := done("product", object(p))
	out["productVariants"] = list(variants)
	return out
}

// dropVariants takes variants out of the product.
func (s *state) dropVariants(p *product, gone ...*variant) {
	for _, v := range gone {
		p.variants = remove(p.variants, v)
		s.forgetVariant(v)
	}
	for i, v := range p.variants {
		v.position = i + 1
	}
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/productVariantsBulkUpdate
func productVariantsBulkUpdate(s *state, c *graph.Call) (any, error) {
	if c.Args["media"] != nil {
		return nil, notSimulated("media of productVariantsBulkUpdate")
	}
	partial, _ := c.Args["allowPartialUpdates"].(bool)
	p, no := s.productOf(c)
	if p == nil {
		return no, nil
	}
	var errs []userError
	r := &variantReader{s: s, p: p, codes: updateCodes, claims: claims{}}
	for i, in := range objects(c.Args["variants"]) {
		at := []string{"variants", strconv.Itoa(i)}
		before := len(r.changes)
		v, ok := find[*variant](s, text(in, "id"))
		switch {
		case text(in, "id") == "":
			r.bad(at, "PRODUCT_VARIANT_ID_MISSING", "Product variant is missing ID attribute", "id")
		case !ok || v.product != p:
			r.bad(at, "PRODUCT_VARIANT_DOES_NOT_EXIST", "Product variant does not exist", "id")
		case in["inventoryQuantities"] != nil:
			r.bad(at, "NO_INVENTORY_QUANTITIES_ON_VARIANTS_UPDATE", "Inventory quantities can only be provided during create", "inventoryQuantities")
		default:
			if err := r.read(v, in, r.options(v.options, in, p.options, at), at...); err != nil {
				return nil, err
			}
		}
		if len(r.errs) > 0 {
			errs = append(errs, r.errs...)
			r.errs, r.changes = nil, r.changes[:before]
		}
	}
	if len(errs) > 0 && !partial {
		return refused(errs...), nil
	}
	changed := []*variant{}
	for _, change := range r.changes {
		change.old.options = change.options
		s.writeVariant(change.old, change.in)
		changed = append(changed, change.old)
	}
	if len(changed) == 0 {
		return refused(errs...), nil
	}
	out := s.variantsPayload(p, changed)
	out["userErrors"] = refused(errs...)["userErrors"]
	return out, nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/productVariantsBulkDelete
func productVariantsBulkDelete(s *state, c *graph.Call) (any, error) {
	p, no := s.productOf(c)
	if p == nil {
		return no, nil
	}
	var gone []*variant
	for i, id := range stringList(c.Args["variantsIds"]) {
		v, ok := find[*variant](s, id)
		if !ok || v.product != p {
			return refused(userError{
				[]string{"variantsIds", strconv.Itoa(i)}, "At least one variant does not belong to the product", "AT_LEAST_ONE_VARIANT_DOES_NOT_BELONG_TO_THE_PRODUCT",
			}), nil
		}
		if !slices.Contains(gone, v) {
			gone = append(gone, v)
		}
	}
	if len(gone) == len(p.variants) {
		return refused(userError{[]string{"variantsIds"}, "Cannot delete the last variant of a product", "CANNOT_DELETE_LAST_VARIANT"}), nil
	}
	s.dropVariants(p, gone...)
	s.updated(p)
	return done("product", object(p)), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/inventoryItemUpdate
func inventoryItemUpdate(s *state, c *graph.Call) (any, error) {
	i, ok := find[*item](s, text(c.Args, "id"))
	if !ok {
		return refused(userError{field: []string{"id"}, message: "The product couldn't be updated because it does not exist."}), nil
	}
	in := input(c, "input")
	if key := unknown(in, "cost", "sku", "tracked", "requiresShipping"); key != "" {
		return nil, notSimulated("InventoryItemInput." + key)
	}
	if cost, given := number(in["cost"]); given && !isAmount(cost) {
		return refused(userError{field: []string{"input", "cost"}, message: "Cost must be greater than or equal to 0"}), nil
	}
	s.writeItem(i, in)
	group := s.newGroup()
	s.emit("inventory_items/update", i, map[string]any{
		"id": i.id, "admin_graphql_api_id": i.gid, "sku": orNull(i.variant.sku), "cost": s.restCost(i), "tracked": !i.untracked, "requires_shipping": !i.unshipped,
		"created_at": s.restTime(i.createdAt), "updated_at": s.restTime(i.updatedAt), "country_code_of_origin": nil, "province_code_of_origin": nil,
		"harmonized_system_code": nil, "country_harmonized_system_codes": []any{},
	}, group)
	if in["sku"] != nil {
		s.touch(i.variant.product)
		s.emit("products/update", i.variant.product, s.productPayload(i.variant.product), group)
	}
	return done("inventoryItem", object(i)), nil
}

func (s *state) restCost(i *item) any {
	if !i.cost.IsPositive() {
		return nil
	}
	return s.fixed(i.cost)
}
