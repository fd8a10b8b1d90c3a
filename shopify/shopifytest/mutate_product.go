package shopifytest

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// maxOptions is how many options a product may have.
const maxOptions = 3

// standalone is the option and the value of a product without options.
const (
	standaloneOption = "Title"
	standaloneValue  = "Default Title"
)

// productInputFields are what productCreate, productUpdate and productSet have in common.
var productInputFields = []string{"title", "handle", "descriptionHtml", "productType", "vendor", "status", "tags", "metafields"}

// checkProduct checks the common fields for the product, nil for a new one. The codes are those of productSet.
func (s *state) checkProduct(p *product, in map[string]any, field ...string) []userError {
	var errs []userError
	bad := func(key, message, code string) {
		errs = append(errs, userError{append(slices.Clone(field), key), message, code})
	}
	for _, e := range s.checkMetafields("PRODUCT", nodeOrNil(p), in["metafields"], append(slices.Clone(field), "metafields")...) {
		errs = append(errs, userError{e.field, e.message, "INVALID_METAFIELD"})
	}
	if title, sent := in["title"]; (sent || p == nil) && (title == nil || title == "") {
		bad("title", "Title can't be blank", "INVALID_PRODUCT")
	}
	if utf8.RuneCountInString(text(in, "title")) > 255 {
		bad("title", "Title is too long (maximum is 255 characters)", "INVALID_PRODUCT")
	}
	if h := text(in, "handle"); h != "" && slices.ContainsFunc(s.products, func(o *product) bool { return o != p && o.handle == h }) {
		bad("handle", "Handle has already been taken", "HANDLE_NOT_UNIQUE")
	}
	if e := checkTags(normalizeTags(stringList(in["tags"]))); e != nil {
		bad("tags", e.message, "INVALID_PRODUCT")
	}
	return errs
}

// writeProduct carries out the checked common fields.
func (s *state) writeProduct(p *product, in map[string]any) {
	setText(in, "title", &p.title)
	setText(in, "productType", &p.productType)
	setText(in, "vendor", &p.vendor)
	p.handle = cmp.Or(text(in, "handle"), p.handle)
	p.status = cmp.Or(text(in, "status"), p.status)
	if html, sent := in["descriptionHtml"]; sent {
		p.html, _ = html.(string)
		p.description = plain(p.html)
	}
	if tags, sent := in["tags"]; sent {
		p.tags = normalizeTags(stringList(tags))
	}
	s.setMetafields(p, in["metafields"])
}

// newProduct is a product without variants, made of checked input.
func (s *state) newProduct(in map[string]any) *product {
	p := &product{vendor: s.shop.data.Name, status: "ACTIVE", tags: []string{}}
	p.giftCard, _ = in["giftCard"].(bool)
	s.add(p, "Product", 0, s.now())
	s.products = append(s.products, p)
	s.writeProduct(p, in)
	if p.handle == "" {
		base := cmp.Or(handle(p.title), "product")
		p.handle = newHandle(base, func(h string) bool {
			return slices.ContainsFunc(s.products, func(o *product) bool { return o.handle == h })
		})
	}
	return p
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/productCreate
func productCreate(s *state, c *graph.Call) (any, error) {
	in := input(c, "product")
	if c.Args["input"] != nil || c.Args["media"] != nil {
		return nil, notSimulated("productCreate with another argument than product")
	}
	if key := unknown(in, append([]string{"productOptions", "collectionsToJoin", "giftCard"}, productInputFields...)...); key != "" {
		return nil, notSimulated("ProductCreateInput." + key)
	}
	errs := s.checkProduct(nil, in)
	options, more, err := s.readOptions(objects(in["productOptions"]), "productOptions")
	if err != nil {
		return nil, err
	}
	errs = append(errs, more...)
	collections, more := s.manualCollections(stringList(in["collectionsToJoin"]), "collectionsToJoin")
	errs = append(errs, more...)
	if len(errs) > 0 {
		return s.withShop(refused(withoutCodes(errs)...)), nil
	}
	p := s.newProduct(in)
	v := &variant{product: p}
	for _, o := range options {
		p.options = append(p.options, o.name)
		v.options = append(v.options, o.values[0])
	}
	s.addVariant(p, v)
	for _, col := range collections {
		s.putInto(col, p)
	}
	s.emit("products/create", p, s.productPayload(p), s.newGroup())
	return s.withShop(done("product", object(p))), nil
}

// withShop adds the shop, which some payloads have.
func (s *state) withShop(payload graph.Object) graph.Object {
	payload["shop"] = object(&s.shop)
	return payload
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/productUpdate
func productUpdate(s *state, c *graph.Call) (any, error) {
	in := input(c, "product")
	if in == nil || c.Args["identifier"] != nil || c.Args["media"] != nil {
		return nil, notSimulated("productUpdate without the argument product alone")
	}
	if key := unknown(in, append([]string{"id", "collectionsToJoin", "collectionsToLeave"}, productInputFields...)...); key != "" {
		return nil, notSimulated("ProductUpdateInput." + key)
	}
	p, ok := find[*product](s, text(in, "id"))
	if !ok {
		return refused(userError{field: []string{"id"}, message: "Product does not exist"}), nil
	}
	errs := s.checkProduct(p, in)
	join, more := s.manualCollections(stringList(in["collectionsToJoin"]), "collectionsToJoin")
	errs = append(errs, more...)
	leave, more := s.manualCollections(stringList(in["collectionsToLeave"]), "collectionsToLeave")
	errs = append(errs, more...)
	if len(errs) > 0 {
		return refused(withoutCodes(errs)...), nil
	}
	s.writeProduct(p, in)
	for _, col := range join {
		s.putInto(col, p)
	}
	for _, col := range leave {
		s.takeOut(col, p)
	}
	s.updated(p)
	return done("product", object(p)), nil
}

// productOption is an option with its values, as an input has it.
type productOption struct {
	name   string
	values []string
}

// readOptions reads the options of a new product, or of one that is set. That of a product without options is left out.
func (s *state) readOptions(in []map[string]any, at ...string) (out []productOption, errs []userError, err error) {
	bad := func(code, message string, field ...string) {
		errs = append(errs, userError{append(slices.Clone(at), field...), message, code})
	}
	if len(in) > maxOptions {
		bad("OPTIONS_OVER_LIMIT", "Can only specify a maximum of 3 options")
		return nil, errs, nil
	}
	for i, o := range in {
		if o["linkedMetafield"] != nil {
			return nil, nil, notSimulated("options that are linked to metafields")
		}
		n := strconv.Itoa(i)
		option := productOption{name: text(o, "name")}
		for j, v := range objects(o["values"]) {
			if v["linkedMetafieldValue"] != nil {
				return nil, nil, notSimulated("options that are linked to metafields")
			}
			name := text(v, "name")
			switch {
			case name == "" || utf8.RuneCountInString(name) > 255:
				bad("INVALID_INPUT", "Option value name must have 1 to 255 characters", n, "values", strconv.Itoa(j), "name")
			case slices.Contains(option.values, name):
				bad("DUPLICATED_OPTION_VALUE", "Duplicated option value", n, "values", strconv.Itoa(j))
			default:
				option.values = append(option.values, name)
			}
		}
		switch {
		case option.name == "" || utf8.RuneCountInString(option.name) > 255:
			bad("INVALID_INPUT", "Option name must have 1 to 255 characters", n, "name")
		case slices.ContainsFunc(out, func(p productOption) bool { return strings.EqualFold(p.name, option.name) }):
			bad("DUPLICATED_OPTION_NAME", "Duplicated option name", n)
		case len(option.values) == 0 && len(errs) == 0:
			bad("OPTION_VALUES_MISSING", "Option values can't be blank", n, "values")
		}
		out = append(out, option)
	}
	if len(out) == 1 && out[0].name == standaloneOption && slices.Equal(out[0].values, []string{standaloneValue}) {
		out = nil
	}
	return out, errs, nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/productDelete
func productDelete(s *state, c *graph.Call) (any, error) {
	p, ok := find[*product](s, text(input(c, "input"), "id"))
	if !ok {
		return s.withShop(refused(userError{field: []string{"id"}, message: "Product does not exist"})), nil
	}
	for _, v := range p.variants {
		s.forgetVariant(v)
	}
	s.products = remove(s.products, p)
	for _, col := range s.collections {
		col.products = remove(col.products, p)
	}
	s.forget(p)
	s.emit("products/delete", p, map[string]any{"id": p.id, "admin_graphql_api_id": p.gid}, s.newGroup())
	return s.withShop(done("deletedProductId", p.gid)), nil
}

// productSet writes options and variants as a whole.
//
// https://shopify.dev/docs/api/admin-graphql/latest/mutations/productSet
func productSet(s *state, c *graph.Call) (any, error) {
	in, identifier := input(c, "input"), input(c, "identifier")
	if identifier["customId"] != nil {
		return nil, notSimulated("ProductSetIdentifiers.customId")
	}
	if c.Args["synchronous"] == false {
		return nil, notSimulated("productSet in the background")
	}
	if key := unknown(in, append([]string{"id", "productOptions", "variants", "collections", "giftCard"}, productInputFields...)...); key != "" {
		return nil, notSimulated("ProductSetInput." + key)
	}
	p, e := s.productToSet(in, identifier)
	if e != nil {
		return refused(*e), nil
	}
	if p == nil && identifier["handle"] != nil && in["handle"] == nil {
		in["handle"] = identifier["handle"]
	}
	errs := s.checkProduct(p, in, "input")
	options, more, err := s.readOptions(objects(in["productOptions"]), "input", "productOptions")
	if err != nil {
		return nil, err
	}
	errs = append(errs, more...)
	collections, more := s.manualCollections(stringList(in["collections"]), "input", "collections")
	for _, e := range more {
		errs = append(errs, userError{e.field, e.message, "INVALID_INPUT"})
	}
	hasOptions, hasVariants := in["productOptions"] != nil, in["variants"] != nil
	switch {
	case hasVariants && !hasOptions:
		errs = append(errs, userError{[]string{"input", "productOptions"}, "Product options input is required when updating variants", "PRODUCT_OPTIONS_INPUT_MISSING"})
	case hasOptions && !hasVariants:
		errs = append(errs, userError{[]string{"input", "variants"}, "Variants input is required when updating product options", "VARIANTS_INPUT_MISSING"})
	case len(objects(in["variants"])) > maxVariants:
		errs = append(errs, userError{[]string{"input", "variants"}, "Can only specify a maximum of 2048 variants", "VARIANTS_OVER_LIMIT"})
	}
	if len(errs) > 0 {
		return refused(errs...), nil
	}
	target := &product{} // for the names of the options
	if p != nil {
		*target = *p
	}
	r := &variantReader{s: s, p: target, codes: setCodes, claims: claims{}}
	if hasVariants {
		if err := r.set(options, objects(in["variants"])); err != nil || len(r.errs) > 0 {
			return refused(r.errs...), err
		}
	}
	topic := "products/update"
	if p == nil {
		p, topic = s.newProduct(in), "products/create"
	} else {
		s.writeProduct(p, in)
	}
	switch {
	case hasVariants:
		s.replaceVariants(p, options, r.changes)
	case len(p.variants) == 0:
		s.addVariant(p, &variant{product: p})
	}
	if in["collections"] != nil {
		for _, col := range s.collections {
			if col.rules == nil && slices.Contains(col.products, p) && !slices.Contains(collections, col) {
				s.takeOut(col, p)
			}
		}
		for _, col := range collections {
			s.putInto(col, p)
		}
	}
	s.touch(p)
	s.emit(topic, p, s.productPayload(p), s.newGroup())
	return done("product", object(p)), nil
}

// productToSet is the product that is named, or nil if it is to be made.
func (s *state) productToSet(in, identifier map[string]any) (*product, *userError) {
	id := cmp.Or(text(identifier, "id"), text(in, "id"))
	if id != "" {
		p, ok := find[*product](s, id)
		if !ok {
			return nil, &userError{[]string{"input"}, "Product does not exist", "PRODUCT_DOES_NOT_EXIST"}
		}
		return p, nil
	}
	h := text(identifier, "handle")
	if i := slices.IndexFunc(s.products, func(p *product) bool { return h != "" && p.handle == h }); i >= 0 {
		return s.products[i], nil
	}
	if h != "" && in["handle"] != nil && in["handle"] != h {
		return nil, &userError{[]string{"input", "handle"}, "The handle of the input does not match that of the identifier", "INPUT_MISMATCH"}
	}
	return nil, nil
}

var markup = regexp.MustCompile(`<[^>]*>`)

// plain is HTML without its markup.
func plain(html string) string {
	return strings.TrimSpace(markup.ReplaceAllString(html, " "))
}
