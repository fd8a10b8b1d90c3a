package shopifytest

import (
	"strconv"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/productVariantsBulkUpdate
func productVariantsBulkUpdate(s *state, c *graph.Call) (any, error) {
	if partial, _ := c.Args["allowPartialUpdates"].(bool); partial || c.Args["media"] != nil {
		return nil, notSimulated("allowPartialUpdates and media of productVariantsBulkUpdate")
	}
	p, ok := find[*product](s, text(c.Args, "productId"))
	if !ok {
		return refused(userError{[]string{"productId"}, "Product does not exist", "PRODUCT_DOES_NOT_EXIST"}), nil
	}
	inputs := objects(c.Args["variants"])
	variants := make([]*variant, len(inputs))
	var errs []userError
	for i, in := range inputs {
		if key := unknown(in, "id", "price", "barcode", "metafields"); key != "" {
			return nil, notSimulated("ProductVariantsBulkInput." + key)
		}
		at := func(name string) []string { return []string{"variants", strconv.Itoa(i), name} }
		v, ok := find[*variant](s, text(in, "id"))
		switch price, given := number(in["price"]); {
		case text(in, "id") == "":
			errs = append(errs, userError{at("id"), "Product variant is missing ID attribute", "PRODUCT_VARIANT_ID_MISSING"})
		case !ok || v.product != p:
			errs = append(errs, userError{at("id"), "Product variant does not exist", "PRODUCT_VARIANT_DOES_NOT_EXIST"})
		case given && price.IsNegative():
			errs = append(errs, userError{at("price"), "Price must be greater than or equal to 0", "GREATER_THAN_OR_EQUAL_TO"})
		}
		variants[i] = v
		for _, e := range s.checkMetafields("PRODUCTVARIANT", nodeOrNil(v), in["metafields"], at("metafields")...) {
			errs = append(errs, userError{e.field, e.message, "INVALID_INPUT"})
		}
	}
	if errs != nil {
		return refused(errs...), nil
	}
	for i, in := range inputs {
		v := variants[i]
		if price, given := number(in["price"]); given {
			v.price = price
		}
		setText(in, "barcode", &v.barcode)
		s.setMetafields(v, in["metafields"])
		s.touch(v)
	}
	s.updated(p)
	out := done("product", object(p))
	out["productVariants"] = list(variants)
	return out, nil
}
