package shopifytest

import (
	"cmp"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// collectionMutations are those on collections.
var collectionMutations = map[string]func(s *state, c *graph.Call) (any, error){
	"collectionCreate":         collectionCreate,
	"collectionUpdate":         collectionUpdate,
	"collectionDelete":         collectionDelete,
	"collectionAddProducts":    collectionAddProducts,
	"collectionAddProductsV2":  collectionAddProductsV2,
	"collectionRemoveProducts": collectionRemoveProducts,
}

// collectionInput is the one of the two inputs that was sent.
func collectionInput(c *graph.Call) (map[string]any, error) {
	in := input(c, "collection")
	if in == nil {
		in = input(c, "input")
	}
	if in == nil {
		return nil, notSimulated("a collection without the argument collection or input")
	}
	if key := unknown(in, "id", "title", "handle", "descriptionHtml", "sortOrder", "products", "ruleSet", "metafields"); key != "" {
		return nil, notSimulated("CollectionInput." + key)
	}
	return in, nil
}

// checkCollection checks the input for the collection, nil for a new one.
func (s *state) checkCollection(c *collection, in map[string]any) (rules *collectionRules, errs []userError, err error) {
	bad := func(message string, field ...string) { errs = append(errs, userError{field: field, message: message}) }
	for _, e := range s.checkMetafields("COLLECTION", nodeOrNil(c), in["metafields"], "metafields") {
		bad(e.message, e.field...)
	}
	if title, sent := in["title"]; (sent || c == nil) && (title == nil || title == "") {
		bad("Title can't be blank", "title")
	}
	if utf8.RuneCountInString(text(in, "title")) > 255 {
		bad("Title is too long (maximum is 255 characters)", "title")
	}
	if h := text(in, "handle"); h != "" && slices.ContainsFunc(s.collections, func(o *collection) bool { return o != c && o.handle == h }) {
		bad("Handle has already been taken", "handle")
	}
	for i, id := range stringList(in["products"]) {
		if _, ok := find[*product](s, id); !ok {
			bad("Product does not exist", "products", strconv.Itoa(i))
		}
	}
	set := nested(in, "ruleSet")
	if set == nil {
		return nil, errs, nil
	}
	if c != nil && c.rules == nil {
		bad("A manual collection can't be made a smart one", "ruleSet")
	}
	rules = &collectionRules{}
	rules.any, _ = set["appliedDisjunctively"].(bool)
	for i, r := range objects(set["rules"]) {
		rule := collectionRule{text(r, "column"), text(r, "relation"), text(r, "condition")}
		if _, ok := ruleColumns[rule.column]; !ok || r["conditionObjectId"] != nil || rule.relation == "IS_SET" || rule.relation == "IS_NOT_SET" {
			return nil, nil, notSimulated("rules about " + rule.column + " with " + rule.relation)
		}
		if rule.condition == "" {
			bad("Condition can't be blank", "ruleSet", "rules", strconv.Itoa(i), "condition")
		}
		rules.rules = append(rules.rules, rule)
	}
	if len(rules.rules) == 0 {
		bad("Rules can't be blank", "ruleSet", "rules")
	}
	return rules, errs, nil
}

func (s *state) writeCollection(c *collection, in map[string]any, rules *collectionRules) {
	setText(in, "title", &c.title)
	setText(in, "descriptionHtml", &c.html)
	c.handle = cmp.Or(text(in, "handle"), c.handle)
	c.sortOrder = cmp.Or(text(in, "sortOrder"), c.sortOrder)
	if rules != nil {
		c.rules = rules
	}
	for _, id := range stringList(in["products"]) {
		if p, ok := find[*product](s, id); ok && !slices.Contains(c.products, p) {
			c.products = append(c.products, p)
		}
	}
	if c.handle == "" {
		base := cmp.Or(handle(c.title), "collection")
		c.handle = newHandle(base, func(h string) bool {
			return slices.ContainsFunc(s.collections, func(o *collection) bool { return o.handle == h })
		})
	}
	s.setMetafields(c, in["metafields"])
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/collectionCreate
func collectionCreate(s *state, c *graph.Call) (any, error) {
	in, err := collectionInput(c)
	if err != nil {
		return nil, err
	}
	rules, errs, err := s.checkCollection(nil, in)
	if err != nil || len(errs) > 0 {
		return refused(errs...), err
	}
	col := &collection{sortOrder: "BEST_SELLING"}
	s.add(col, "Collection", 0, s.now())
	s.writeCollection(col, in, rules)
	s.collections = append(s.collections, col)
	s.emit("collections/create", col, s.collectionPayload(col), s.newGroup())
	return done("collection", object(col)), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/collectionUpdate
func collectionUpdate(s *state, c *graph.Call) (any, error) {
	in, err := collectionInput(c)
	if err != nil {
		return nil, err
	}
	col, ok := find[*collection](s, text(in, "id"))
	if !ok {
		return refused(userError{field: []string{"id"}, message: "Collection does not exist"}), nil
	}
	rules, errs, err := s.checkCollection(col, in)
	if err != nil || len(errs) > 0 {
		return refused(errs...), err
	}
	s.writeCollection(col, in, rules)
	s.collectionUpdated(col)
	return done("collection", object(col)), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/collectionDelete
func collectionDelete(s *state, c *graph.Call) (any, error) {
	col, ok := find[*collection](s, text(input(c, "input"), "id"))
	if !ok {
		return s.withShop(refused(userError{field: []string{"id"}, message: "Collection does not exist"})), nil
	}
	s.collections = remove(s.collections, col)
	s.forget(col)
	s.emit("collections/delete", col, map[string]any{"id": col.id, "admin_graphql_api_id": col.gid}, s.newGroup())
	return s.withShop(done("deletedCollectionId", col.gid)), nil
}

// productsFor are the products that the arguments name, and the collection that they are for.
func (s *state) productsFor(c *graph.Call) (*collection, []*product, *userError) {
	col, ok := find[*collection](s, text(c.Args, "id"))
	switch {
	case !ok:
		return nil, nil, &userError{[]string{"id"}, "Collection does not exist", "COLLECTION_DOES_NOT_EXIST"}
	case col.rules != nil:
		return nil, nil, &userError{[]string{"id"}, "Can't manually add or remove products of a smart collection", "CANT_ADD_TO_SMART_COLLECTION"}
	}
	var products []*product
	for i, id := range stringList(c.Args["productIds"]) {
		p, ok := find[*product](s, id)
		if !ok {
			return nil, nil, &userError{field: []string{"productIds", strconv.Itoa(i)}, message: "Product does not exist"}
		}
		products = append(products, p)
	}
	return col, products, nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/collectionAddProducts
func collectionAddProducts(s *state, c *graph.Call) (any, error) {
	col, products, e := s.productsFor(c)
	if e == nil {
		for i, p := range products {
			if slices.Contains(col.products, p) {
				e = &userError{field: []string{"productIds", strconv.Itoa(i)}, message: "Product is already in the collection"}
			}
		}
	}
	if e != nil {
		return refused(withoutCodes([]userError{*e})...), nil
	}
	for _, p := range products {
		if !slices.Contains(col.products, p) { // the call may name it twice
			col.products = append(col.products, p)
		}
	}
	s.collectionUpdated(col)
	return done("collection", object(col)), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/collectionAddProductsV2
func collectionAddProductsV2(s *state, c *graph.Call) (any, error) {
	col, products, e := s.productsFor(c)
	if e != nil {
		return refused(*e), nil
	}
	for _, p := range products {
		s.putInto(col, p)
	}
	return s.jobPayload(), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/collectionRemoveProducts
func collectionRemoveProducts(s *state, c *graph.Call) (any, error) {
	col, products, e := s.productsFor(c)
	if e != nil {
		return refused(withoutCodes([]userError{*e})...), nil
	}
	for _, p := range products {
		s.takeOut(col, p)
	}
	return s.jobPayload(), nil
}
