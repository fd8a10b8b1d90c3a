package shopifytest

import (
	"slices"
	"unicode/utf8"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
	"github.com/posai-go/posai/shopify/shopifytest/internal/search"
)

// bulkCreation is codes that were added to a discount together. Here it is done when the mutation answers.
type bulkCreation struct {
	head
	discount *discount
	results  []bulkCreationCode
}

type bulkCreationCode struct {
	code   string
	made   *redeemCode // nil: it could not be made
	reason *userError
}

func (b *bulkCreation) imported() int {
	n := 0
	for _, r := range b.results {
		if r.made != nil {
			n++
		}
	}
	return n
}

var bulkCreationFields = table[*bulkCreation]{
	"done":          always[*bulkCreation](true),
	"codesCount":    func(_ *state, b *bulkCreation, _ *graph.Call) any { return len(b.results) },
	"importedCount": func(_ *state, b *bulkCreation, _ *graph.Call) any { return b.imported() },
	"failedCount":   func(_ *state, b *bulkCreation, _ *graph.Call) any { return len(b.results) - b.imported() },
	"discountCode":  func(s *state, b *bulkCreation, _ *graph.Call) any { return s.byGID(b.discount.gid) },
	"codes": func(_ *state, b *bulkCreation, _ *graph.Call) any {
		out := graph.List{}
		for _, r := range b.results {
			o := graph.Object{"__typename": "DiscountRedeemCodeBulkCreationCode", "code": r.code, "discountRedeemCode": nil, "errors": graph.List{}}
			if r.made != nil {
				o["discountRedeemCode"] = object(r.made)
			} else {
				o["errors"] = graph.List{{"__typename": "DiscountUserError", "field": r.reason.field, "message": r.reason.message, "code": r.reason.code, "extraInfo": nil}}
			}
			out = append(out, o)
		}
		return out
	},
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/discountRedeemCodeBulkAdd
func discountRedeemCodeBulkAdd(s *state, c *graph.Call) (any, error) {
	inputs := objects(c.Args["codes"])
	d, e := s.discountOf(c, "discountId", false)
	switch {
	case e != nil:
		return refused(*e), nil
	case len(inputs) == 0:
		return refused(userError{[]string{"codes"}, "Codes can't be blank", "BLANK"}), nil
	}
	b := &bulkCreation{discount: d}
	group := s.newGroup()
	for _, in := range inputs {
		r := bulkCreationCode{code: text(in, "code")}
		switch {
		case r.code == "":
			r.reason = &userError{[]string{"code"}, "Code can't be blank", "BLANK"}
		case utf8.RuneCountInString(r.code) > maxCode:
			r.reason = &userError{[]string{"code"}, "Code is too long (maximum is 255 characters)", "TOO_LONG"}
		case s.redeemCode(r.code) != nil:
			r.reason = &userError{[]string{"code"}, "Code must be unique. Please try a different code.", "TAKEN"}
		default:
			r.made = s.addCode(d, r.code)
			s.emitCode("discounts/redeemcode_added", r.made, group)
		}
		b.results = append(b.results, r)
	}
	s.add(b, "DiscountRedeemCodeBulkCreation", 0, s.now())
	return done("bulkCreation", object(b)), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/discountCodeRedeemCodeBulkDelete
func discountCodeRedeemCodeBulkDelete(s *state, c *graph.Call) (any, error) {
	d, e := s.discountOf(c, "discountId", false)
	if e != nil {
		return refused(*e), nil
	}
	codes, e, err := chosen(c, codeIndex, d.codes)
	if e != nil || err != nil {
		return refusedOr(e), err
	}
	group := s.newGroup()
	for _, r := range codes {
		d.codes = remove(d.codes, r)
		delete(s.byID, r.gid)
		s.emitCode("discounts/redeemcode_removed", r, group)
	}
	return s.jobPayload(), nil
}

// discountBulk does one thing to many discounts.
func discountBulk(automatic bool, do func(*state, *discount)) func(*state, *graph.Call) (any, error) {
	return func(s *state, c *graph.Call) (any, error) {
		found, e, err := chosen(c, s.discountIndex(), s.someDiscounts(automatic))
		if e != nil || err != nil {
			return refusedOr(e), err
		}
		for _, d := range found {
			do(s, d)
		}
		return s.jobPayload(), nil
	}
}

// chosen is what the arguments ids or search of a bulk mutation name; there must be one of them.
func chosen[T node](c *graph.Call, index search.Index[T], things []T) ([]T, *userError, error) {
	ids, query := stringList(c.Args["ids"]), text(c.Args, "search")
	switch given := len(ids) > 0; {
	case c.Args["savedSearchId"] != nil:
		return nil, nil, notSimulated("savedSearchId")
	case given && query != "":
		return nil, &userError{nil, "Only one of 'ids', 'search' or 'saved_search_id' is allowed.", "TOO_MANY_ARGUMENTS"}, nil
	case !given && query == "":
		return nil, &userError{nil, "Missing expected argument key: 'ids', 'search' or 'saved_search_id'.", "MISSING_ARGUMENT"}, nil
	}
	match := func(t T) bool { return slices.Contains(ids, t.common().gid) }
	if query != "" {
		match, _, _ = search.Compile(index, query)
	}
	var found []T
	for _, t := range things {
		if match(t) {
			found = append(found, t)
		}
	}
	return found, nil, nil
}

// refusedOr is the payload of a refused mutation, or nil where nothing is wrong.
func refusedOr(e *userError) any {
	if e == nil {
		return nil
	}
	return refused(*e)
}

// jobPayload is the payload of a bulk mutation that was carried out.
func (s *state) jobPayload() graph.Object {
	j := &job{}
	s.addJob(j)
	return done("job", jobObject(j))
}
