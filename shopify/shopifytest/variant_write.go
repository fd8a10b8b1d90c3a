package shopifytest

import (
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// variantCodes are what a mutation calls the mistakes in the input of a variant.
type variantCodes struct{ option, value, missing, exists, price, metafield, location string }

var (
	createCodes = variantCodes{"INVALID_INPUT", "INVALID_INPUT", "NEED_TO_ADD_OPTION_VALUES", "VARIANT_ALREADY_EXISTS", "GREATER_THAN_OR_EQUAL_TO", "INVALID_INPUT", "TRACKED_VARIANT_LOCATION_NOT_FOUND"}
	updateCodes = variantCodes{"OPTION_DOES_NOT_EXIST", "OPTION_VALUE_DOES_NOT_EXIST", "NEED_TO_ADD_OPTION_VALUES", "VARIANT_ALREADY_EXISTS", "GREATER_THAN_OR_EQUAL_TO", "INVALID_INPUT", "INVALID_INPUT"}
	setCodes    = variantCodes{"OPTION_DOES_NOT_EXIST", "OPTION_VALUE_DOES_NOT_EXIST", "INVALID_VARIANT", "INVALID_VARIANT", "INVALID_VARIANT", "INVALID_METAFIELD", "INVALID_INPUT"}
)

// variantReader reads inputs of variants of one product and notes what is wrong.
type variantReader struct {
	s       *state
	p       *product
	codes   variantCodes
	errs    []userError
	changes []variantChange
	claims  claims
	gets    map[*variant]map[string]any // of a product that is set as a whole: its variants with their inputs, nil for one that goes
}

// variantChange is one variant as it is to become.
type variantChange struct {
	old     *variant // nil: it is new
	in      map[string]any
	options []string
}

func (r *variantReader) bad(at []string, code, message string, field ...string) {
	r.errs = append(r.errs, userError{append(slices.Clone(at), field...), message, code})
}

var variantInputFields = []string{
	"id", "price", "compareAtPrice", "barcode", "metafields", "inventoryItem", "inventoryPolicy", "taxable", "optionValues", "inventoryQuantities", "sku",
}

// read reads one variant. Old is what it changes; the options are nil where they have been found wrong.
func (r *variantReader) read(old *variant, in map[string]any, options []string, at ...string) error {
	if key := unknown(in, variantInputFields...); key != "" {
		return notSimulated("a variant's input " + key)
	}
	item := nested(in, "inventoryItem")
	if key := unknown(item, "cost", "sku", "tracked", "requiresShipping"); key != "" {
		return notSimulated("InventoryItemInput." + key)
	}
	for _, key := range []string{"price", "compareAtPrice"} {
		if price, given := number(in[key]); given && !isAmount(price) {
			r.bad(at, r.codes.price, sentence(key)+" must be greater than or equal to 0", key)
		}
	}
	if cost, given := number(item["cost"]); given && !isAmount(cost) {
		r.bad(at, r.codes.price, "Cost must be greater than or equal to 0", "inventoryItem", "cost")
	}
	for i, m := range objects(in["metafields"]) {
		e := r.s.checkMetafield(m, nodeOrNil(old), "PRODUCTVARIANT")
		if e != nil && (e.code != "TAKEN" || !r.frees(m)) {
			r.bad(at, r.codes.metafield, e.message, append([]string{"metafields", strconv.Itoa(i)}, e.field...)...)
		}
	}
	for i, q := range objects(in["inventoryQuantities"]) {
		if l, ok := find[*location](r.s, text(q, "locationId")); !ok || !l.active() {
			r.bad(at, r.codes.location, "Location does not exist", "inventoryQuantities", strconv.Itoa(i), "locationId")
		}
	}
	if options != nil && r.taken(old, options) {
		r.bad(at, r.codes.exists, "The variant '"+strings.Join(options, " / ")+"' already exists. Please change at least one option value.")
	}
	for i, m := range objects(in["metafields"]) {
		if len(r.errs) > 0 {
			break // what is refused claims nothing
		}
		if e := r.claims.add(r.s, "PRODUCTVARIANT", strings.Join(at, "."), m); e != nil {
			r.bad(at, r.codes.metafield, e.message, append([]string{"metafields", strconv.Itoa(i)}, e.field...)...)
		}
	}
	r.changes = append(r.changes, variantChange{old, in, options})
	return nil
}

// options are the values of the variant, one for each of the product's options: those of the
// input, else those that it has. Nil says that something is wrong with them.
func (r *variantReader) options(have []string, in map[string]any, names []string, at []string) []string {
	out := make([]string, len(names))
	copy(out, have)
	for i, v := range objects(in["optionValues"]) {
		name, value := text(v, "optionName"), text(v, "name")
		n := slices.IndexFunc(names, func(o string) bool { return strings.EqualFold(o, name) })
		if id := text(v, "optionId"); id != "" {
			n = slices.IndexFunc(r.p.optionList(), func(o graph.Object) bool { return o["id"] == id })
		}
		field := append(slices.Clone(at), "optionValues", strconv.Itoa(i))
		switch {
		case len(names) == 0 && name == standaloneOption && value == standaloneValue:
		case n < 0 || n >= len(names):
			r.bad(field, r.codes.option, "Option does not exist", "optionName")
			return nil
		case value == "":
			r.bad(field, r.codes.value, "Option value does not exist", "name")
			return nil
		default:
			out[n] = value
		}
	}
	if slices.Contains(out, "") {
		r.bad(at, r.codes.missing, "You need to add option values for all options", "optionValues")
		return nil
	}
	return out
}

// taken tells whether another variant has the options, or is going to.
func (r *variantReader) taken(old *variant, options []string) bool {
	for _, c := range r.changes {
		if slices.Equal(c.options, options) {
			return true
		}
	}
	return slices.ContainsFunc(r.p.variants, func(v *variant) bool {
		changing := slices.ContainsFunc(r.changes, func(c variantChange) bool { return c.old == v })
		return v != old && !changing && slices.Equal(v.options, options)
	})
}

// frees tells whether the call takes the value of a metafield from whoever has it: from variants that go, or get another.
func (r *variantReader) frees(field map[string]any) bool {
	namespace, key := r.s.namespace(text(field, "namespace")), text(field, "key")
	for _, m := range r.s.defined(r.s.definition("PRODUCTVARIANT", namespace, key)) {
		if m.value != text(field, "value") {
			continue
		}
		v, _ := m.owner.(*variant)
		in, ours := r.gets[v]
		another := slices.ContainsFunc(objects(in["metafields"]), func(o map[string]any) bool {
			return r.s.namespace(text(o, "namespace")) == namespace && text(o, "key") == key && text(o, "value") != m.value
		})
		if !ours || in != nil && !another {
			return false
		}
	}
	return true
}

// set reads the variants of a product as a whole.
func (r *variantReader) set(options []productOption, inputs []map[string]any) error {
	names := make([]string, len(options))
	for i, o := range options {
		names[i] = o.name
	}
	if len(inputs) == 0 {
		r.bad([]string{"input", "variants"}, "VARIANTS_INPUT_MISSING", "At least one variant is required")
	}
	have := r.p.variants
	r.p.variants = nil // none of them stays as it is
	r.p.options = names
	named := map[string]bool{} // by id: not to be found by their options
	for i, in := range inputs {
		id := text(in, "id")
		if named[id] {
			r.bad([]string{"input", "variants", strconv.Itoa(i)}, "DUPLICATED_VALUE", "Product variant is given more than once", "id")
		}
		if id != "" {
			named[id] = true
		}
	}
	r.gets = map[*variant]map[string]any{}
	for _, v := range have {
		r.gets[v] = nil
	}
	type match struct {
		old     *variant
		options []string
		known   bool
	}
	matches := make([]match, len(inputs))
	for i, in := range inputs {
		at := []string{"input", "variants", strconv.Itoa(i)}
		id, values := text(in, "id"), r.options(nil, in, names, at)
		for j, value := range values {
			if !slices.Contains(options[j].values, value) {
				r.bad(at, "OPTION_VALUE_DOES_NOT_EXIST", "Option value does not exist", "optionValues")
			}
		}
		n := slices.IndexFunc(have, func(v *variant) bool {
			if id != "" {
				return v.gid == id
			}
			return !named[v.gid] && values != nil && slices.Equal(v.options, values)
		})
		matches[i] = match{options: values, known: n >= 0 || id == ""}
		switch {
		case n >= 0:
			matches[i].old = have[n]
			r.gets[have[n]] = in
		case id != "":
			r.bad(at, "PRODUCT_VARIANT_DOES_NOT_EXIST", "Product variant does not exist", "id")
		}
	}
	for i, m := range matches { // only now it is known who stays
		if !m.known {
			continue
		}
		if err := r.read(m.old, inputs[i], m.options, "input", "variants", strconv.Itoa(i)); err != nil {
			return err
		}
	}
	return nil
}

// addVariant files a new variant at the end of the product, in stock nowhere.
func (s *state) addVariant(p *product, v *variant) {
	v.product = p
	s.add(v, "ProductVariant", 0, s.now())
	s.stockVariant(v, decimal.Zero, nil, s.now())
	p.variants = append(p.variants, v)
	v.position = len(p.variants)
	s.variants = append(s.variants, v)
}

// writeVariant carries out a checked input.
func (s *state) writeVariant(v *variant, in map[string]any) {
	if price, given := number(in["price"]); given {
		v.price = s.round(price)
	}
	if compare, sent := in["compareAtPrice"]; sent {
		v.compareAt, _ = number(compare)
	}
	setText(in, "barcode", &v.barcode)
	if policy := text(in, "inventoryPolicy"); policy != "" {
		v.oversell = policy == "CONTINUE"
	}
	if taxable, ok := in["taxable"].(bool); ok {
		v.untaxed = !taxable
	}
	if _, sent := in["sku"]; sent {
		s.setSKU(v, text(in, "sku"))
	}
	s.writeItem(v.item, nested(in, "inventoryItem"))
	for _, q := range objects(in["inventoryQuantities"]) {
		l, _ := find[*location](s, text(q, "locationId"))
		n, ok := q["availableQuantity"].(int)
		if !ok {
			n, _ = q["quantity"].(int)
		}
		name := text(q, "name")
		if name == "" || name == "on_hand" {
			name = "available"
		}
		level := s.stock(v.item, l, s.newGroup())
		s.adjust(level, name, n-level.quantities[name])
	}
	s.setMetafields(v, in["metafields"])
	s.touch(v)
}

// writeItem carries out a checked InventoryItemInput.
func (s *state) writeItem(i *item, in map[string]any) {
	if cost, sent := in["cost"]; sent {
		i.cost, _ = number(cost)
	}
	if tracked, ok := in["tracked"].(bool); ok {
		i.untracked = !tracked
	}
	if ships, ok := in["requiresShipping"].(bool); ok {
		i.unshipped = !ships
	}
	if _, sent := in["sku"]; sent {
		s.setSKU(i.variant, text(in, "sku"))
	}
	s.touch(i)
}

// setSKU moves the variant in the index of SKUs. Where two have the same, the first is found.
func (s *state) setSKU(v *variant, sku string) {
	if s.bySKU[v.sku] == v {
		delete(s.bySKU, v.sku)
		if i := slices.IndexFunc(s.variants, func(o *variant) bool { return o != v && o.sku == v.sku }); i >= 0 {
			s.bySKU[v.sku] = s.variants[i]
		}
	}
	v.sku = sku
	if sku != "" && s.bySKU[sku] == nil {
		s.bySKU[sku] = v
	}
}

// forgetVariant takes a variant out of what can be found. Lines that sold it keep what they say.
func (s *state) forgetVariant(v *variant) {
	s.setSKU(v, "")
	s.variants = remove(s.variants, v)
	for _, o := range s.orders {
		for _, l := range o.lines {
			if l.variant == v {
				l.variant = nil
			}
		}
	}
	for _, d := range s.drafts {
		for _, l := range d.lines {
			if l.variant == v {
				l.variant = nil
			}
		}
	}
	for _, c := range s.carts {
		c.lines = slices.DeleteFunc(c.lines, func(l *cartLine) bool { return l.variant == v })
	}
	for _, l := range v.item.levels {
		delete(s.byID, l.gid)
	}
	s.forget(v.item)
	s.forget(v)
}

// replaceVariants makes the changes the variants of the product, and the options its options.
func (s *state) replaceVariants(p *product, options []productOption, changes []variantChange) {
	p.options = nil
	for _, o := range options {
		p.options = append(p.options, o.name)
	}
	have := p.variants
	p.variants = nil
	for _, c := range changes {
		v := c.old
		if v == nil {
			v = &variant{options: c.options}
			s.addVariant(p, v)
		} else {
			v.options = c.options
			p.variants = append(p.variants, v)
			v.position = len(p.variants)
		}
		s.writeVariant(v, c.in)
	}
	for _, v := range have {
		if !slices.Contains(p.variants, v) {
			s.forgetVariant(v)
		}
	}
}
