package shopifytest

import (
	"time"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// discountMutations are those that write one discount; the kinds differ in the names of their arguments alone.
//
// https://shopify.dev/docs/api/admin-graphql/latest/mutations/discountCodeBasicCreate and the like
var discountMutations = map[string]func(s *state, c *graph.Call) (any, error){
	"discountCodeBasicCreate":             discountCreate("Basic", false, "basicCodeDiscount"),
	"discountCodeBasicUpdate":             discountUpdate("Basic", false, "basicCodeDiscount"),
	"discountCodeBxgyCreate":              discountCreate("Bxgy", false, "bxgyCodeDiscount"),
	"discountCodeBxgyUpdate":              discountUpdate("Bxgy", false, "bxgyCodeDiscount"),
	"discountCodeFreeShippingCreate":      discountCreate("FreeShipping", false, "freeShippingCodeDiscount"),
	"discountCodeFreeShippingUpdate":      discountUpdate("FreeShipping", false, "freeShippingCodeDiscount"),
	"discountAutomaticBasicCreate":        discountCreate("Basic", true, "automaticBasicDiscount"),
	"discountAutomaticBasicUpdate":        discountUpdate("Basic", true, "automaticBasicDiscount"),
	"discountAutomaticBxgyCreate":         discountCreate("Bxgy", true, "automaticBxgyDiscount"),
	"discountAutomaticBxgyUpdate":         discountUpdate("Bxgy", true, "automaticBxgyDiscount"),
	"discountAutomaticFreeShippingCreate": discountCreate("FreeShipping", true, "freeShippingAutomaticDiscount"),
	"discountAutomaticFreeShippingUpdate": discountUpdate("FreeShipping", true, "freeShippingAutomaticDiscount"),

	"discountCodeActivate":        onDiscount(false, discountActivate),
	"discountCodeDeactivate":      onDiscount(false, discountDeactivate),
	"discountCodeDelete":          onDiscount(false, discountDelete),
	"discountAutomaticActivate":   onDiscount(true, discountActivate),
	"discountAutomaticDeactivate": onDiscount(true, discountDeactivate),
	"discountAutomaticDelete":     onDiscount(true, discountDelete),

	"discountCodeBulkActivate":         discountBulk(false, func(s *state, d *discount) { s.activate(d) }),
	"discountCodeBulkDeactivate":       discountBulk(false, func(s *state, d *discount) { s.deactivate(d) }),
	"discountCodeBulkDelete":           discountBulk(false, func(s *state, d *discount) { s.deleteDiscount(d) }),
	"discountAutomaticBulkDelete":      discountBulk(true, func(s *state, d *discount) { s.deleteDiscount(d) }),
	"discountRedeemCodeBulkAdd":        discountRedeemCodeBulkAdd,
	"discountCodeRedeemCodeBulkDelete": discountCodeRedeemCodeBulkDelete,
}

// payloadField is what the payloads call the discount.
func payloadField(automatic bool) string {
	if automatic {
		return "automaticDiscountNode"
	}
	return "codeDiscountNode"
}

func discountCreate(kind string, automatic bool, arg string) func(*state, *graph.Call) (any, error) {
	return func(s *state, c *graph.Call) (any, error) {
		d := &discount{kind: kind, automatic: automatic, oneTime: true, buysOnce: true, cycles: 1}
		r := &discountInput{s: s, arg: arg, in: input(c, arg), d: d}
		if err := r.read(); err != nil || len(r.errs) > 0 {
			return refused(r.errs...), err
		}
		s.addDiscount(d)
		if !automatic {
			s.addCode(d, r.code)
		}
		s.emitDiscount("discounts/create", d, s.newGroup())
		return done(payloadField(automatic), object(d)), nil
	}
}

func discountUpdate(kind string, automatic bool, arg string) func(*state, *graph.Call) (any, error) {
	return func(s *state, c *graph.Call) (any, error) {
		old, e := s.discountOf(c, "id", automatic)
		if e == nil && old.kind != kind {
			e = &userError{[]string{"id"}, "Discount is of another type.", "INVALID"}
		}
		if e != nil {
			return refused(*e), nil
		}
		changed := *old
		r := &discountInput{s: s, arg: arg, in: input(c, arg), d: &changed, old: old}
		if err := r.read(); err != nil || len(r.errs) > 0 {
			return refused(r.errs...), err
		}
		*old = changed
		switch {
		case r.code == "":
		case len(old.codes) == 0: // all were removed
			s.addCode(old, r.code)
		default:
			old.codes[0].code = r.code
		}
		s.discountUpdated(old)
		return done(payloadField(automatic), object(old)), nil
	}
}

// discountOf is the discount that the argument names.
func (s *state) discountOf(c *graph.Call, arg string, automatic bool) (*discount, *userError) {
	id := text(c.Args, arg)
	d, ok := find[*discount](s, id)
	if ok && d.automatic == automatic && d.gid == id {
		return d, nil
	}
	if automatic {
		return nil, &userError{[]string{arg}, "Automatic discount does not exist.", "INVALID"}
	}
	return nil, &userError{[]string{arg}, "Code discount does not exist.", "INVALID"}
}

func (s *state) discountUpdated(d *discount) {
	s.touch(d)
	s.emitDiscount("discounts/update", d, s.newGroup())
}

// onDiscount wraps a mutation on one discount that is there.
func onDiscount(automatic bool, run func(*state, *discount) (any, *userError)) func(*state, *graph.Call) (any, error) {
	return func(s *state, c *graph.Call) (any, error) {
		d, e := s.discountOf(c, "id", automatic)
		if e != nil {
			return refused(*e), nil
		}
		out, e := run(s, d)
		if e != nil {
			return refused(*e), nil
		}
		return out, nil
	}
}

func discountActivate(s *state, d *discount) (any, *userError) {
	if d.automatic && s.tooManyActive(d) {
		return nil, &userError{[]string{"id"}, "There is a limit of 25 active automatic discounts", "EXCEEDED_MAX"}
	}
	s.activate(d)
	return done(payloadField(d.automatic), object(d)), nil
}

func discountDeactivate(s *state, d *discount) (any, *userError) {
	s.deactivate(d)
	return done(payloadField(d.automatic), object(d)), nil
}

func discountDelete(s *state, d *discount) (any, *userError) {
	s.deleteDiscount(d)
	if d.automatic {
		return done("deletedAutomaticDiscountId", d.gid), nil
	}
	return done("deletedCodeDiscountId", d.gid), nil
}

// activate lets a discount apply from now on, with an open end if it had ended.
func (s *state) activate(d *discount) {
	now := s.now()
	switch d.status(now) {
	case "SCHEDULED":
		d.startsAt = now
	case "EXPIRED":
		d.endsAt = time.Time{}
	default:
		return
	}
	s.discountUpdated(d)
}

// deactivate ends a discount now.
func (s *state) deactivate(d *discount) {
	now := s.now()
	if d.status(now) == "EXPIRED" {
		return
	}
	if d.startsAt.After(now) {
		d.startsAt = now
	}
	d.endsAt = now
	s.discountUpdated(d)
}
