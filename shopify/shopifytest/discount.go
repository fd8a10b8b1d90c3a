package shopifytest

import (
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// discount is a discount of Shopify's own kinds: with codes or automatic.
type discount struct {
	head
	kind      string // Basic, Bxgy or FreeShipping, as in the names of the types
	automatic bool
	title     string
	codes     []*redeemCode // of a discount with codes
	startsAt  time.Time
	endsAt    time.Time // zero: open

	usageLimit  int // zero: any number of times
	usesPerCart int // of Bxgy; zero: any number of times
	once        bool
	buyers      discountBuyers
	combines    discountClasses
	gets        discountValue // what is taken off, but for FreeShipping
	getsItems   discountItems
	buys        discountThreshold // what must be bought, of Bxgy
	buysItems   discountItems
	buysOnce    bool // one-time purchases count
	buysAgain   bool // subscriptions count
	minimum     discountThreshold
	shipping    discountShipping // of FreeShipping
	oneTime     bool             // applies to one-time purchases
	recurring   bool             // applies to subscriptions
	cycles      int              // recurringCycleLimit; zero: without end
	tags        []string
}

// redeemCode is one code of a discount.
type redeemCode struct {
	head
	discount *discount
	code     string
	used     int
}

// discountBuyers is who gets a discount: everybody where both lists are empty.
type discountBuyers struct{ customers, segments []string } // GIDs

// discountClasses are classes of discounts that one combines with.
type discountClasses struct{ order, product, shipping bool }

// discountValue is what is taken off.
type discountValue struct {
	percent  decimal.Decimal // 0 to 100; zero where it is an amount
	amount   decimal.Decimal
	each     bool // the amount is taken off each piece
	quantity int  // of how many pieces; Bxgy only
}

// discountItems is what a discount is about.
type discountItems struct {
	all                             bool
	products, variants, collections []string // GIDs
}

func (i discountItems) empty() bool {
	return !i.all && len(i.products)+len(i.variants)+len(i.collections) == 0
}

// discountThreshold is what has to be reached: a number of pieces or a subtotal.
type discountThreshold struct {
	quantity int
	subtotal decimal.Decimal
}

type discountShipping struct {
	everywhere  bool
	countries   []string
	restOfWorld bool
	maximum     *decimal.Decimal // of the shipping price; nil: any
}

// terms is the type of the discount's terms in the schema.
func (d *discount) terms() string {
	if d.automatic {
		return "DiscountAutomatic" + d.kind
	}
	return "DiscountCode" + d.kind
}

// nodeType is the type of the node that has the terms.
func (d *discount) nodeType() string {
	if d.automatic {
		return "DiscountAutomaticNode"
	}
	return "DiscountCodeNode"
}

// class is the DiscountClass.
func (d *discount) class() string {
	switch {
	case d.kind == "FreeShipping":
		return "SHIPPING"
	case d.kind == "Basic" && d.getsItems.all:
		return "ORDER"
	default:
		return "PRODUCT"
	}
}

func (d *discount) status(now time.Time) string {
	switch {
	case now.Before(d.startsAt):
		return "SCHEDULED"
	case !d.endsAt.IsZero() && !now.Before(d.endsAt):
		return "EXPIRED"
	default:
		return "ACTIVE"
	}
}

func (d *discount) used() int {
	n := 0
	for _, c := range d.codes {
		n += c.used
	}
	return n
}

// DiscountCode is a copy of a discount with codes.
type DiscountCode struct {
	ID         string          `json:"id"`   // GID
	Kind       string          `json:"kind"` // Basic, Bxgy or FreeShipping
	Code       string          `json:"code"` // the first one
	Codes      []string        `json:"codes"`
	Title      string          `json:"title"`
	Status     string          `json:"status"`  // DiscountStatus, such as "ACTIVE"
	Percent    decimal.Decimal `json:"percent"` // 0 to 100; zero where Amount is set
	Amount     decimal.Decimal `json:"amount"`
	Variants   []string        `json:"variants,omitempty"` // GIDs
	Products   []string        `json:"products,omitempty"` // GIDs
	StartsAt   time.Time       `json:"starts_at"`
	EndsAt     time.Time       `json:"ends_at,omitzero"`
	UsageLimit int             `json:"usage_limit,omitzero"`
	Used       int             `json:"used"` // by sales with one of the codes
	Tags       []string        `json:"tags,omitempty"`
	CreatedAt  time.Time       `json:"created_at"`
}

// DiscountCodes returns all discounts with codes, oldest first.
func (s *Shop) DiscountCodes() []DiscountCode {
	return reading(s, func(st *state) []DiscountCode {
		out := []DiscountCode{}
		for _, d := range st.discounts {
			if d.automatic {
				continue
			}
			codes := copies(d.codes, func(c *redeemCode) string { return c.code })
			v := DiscountCode{
				ID: d.gid, Kind: d.kind, Codes: codes, Title: d.title, Status: d.status(st.now()), Percent: d.gets.percent, Amount: d.gets.amount,
				Variants: slices.Clone(d.getsItems.variants), Products: slices.Clone(d.getsItems.products),
				StartsAt: d.startsAt, EndsAt: d.endsAt, UsageLimit: d.usageLimit, Used: d.used(), Tags: slices.Clone(d.tags), CreatedAt: d.createdAt,
			}
			if len(codes) > 0 {
				v.Code = codes[0]
			}
			out = append(out, v)
		}
		return out
	})
}

func (s *state) redeemCode(code string) *redeemCode {
	for _, d := range s.discounts {
		for _, c := range d.codes {
			if strings.EqualFold(c.code, code) {
				return c
			}
		}
	}
	return nil
}

// redeem counts the use of codes by a sale.
func (s *state) redeem(codes ...*Discount) {
	seen := map[*redeemCode]bool{}
	for _, c := range codes {
		if c == nil || c.Code == "" {
			continue
		}
		if r := s.redeemCode(c.Code); r != nil && !seen[r] {
			seen[r] = true
			r.used++
		}
	}
}

// discountsOf are the discounts that are for one of the customers by name.
func (s *state) discountsOf(customers ...*customer) []*discount {
	return slices.DeleteFunc(slices.Clone(s.discounts), func(d *discount) bool {
		return !slices.ContainsFunc(customers, func(v *customer) bool { return slices.Contains(d.buyers.customers, v.gid) })
	})
}

// addDiscount files a new discount. Its number is that of all types that name it.
func (s *state) addDiscount(d *discount) {
	id, alias := s.newID("DiscountNode")
	s.add(d, d.nodeType(), id, s.now())
	s.byID[alias] = d
	s.discounts = append(s.discounts, d)
}

func (s *state) deleteDiscount(d *discount) {
	s.discounts = remove(s.discounts, d)
	for _, c := range d.codes {
		delete(s.byID, c.gid)
	}
	s.forget(d)
	delete(s.byID, gid("DiscountNode", d.id))
	s.emit("discounts/delete", d, map[string]any{"admin_graphql_api_id": d.gid, "deleted_at": s.restTime(s.now())}, s.newGroup())
}

// addCode gives the discount one more code.
func (s *state) addCode(d *discount, code string) *redeemCode {
	c := &redeemCode{discount: d, code: code}
	s.add(c, "DiscountRedeemCode", 0, s.now())
	d.codes = append(d.codes, c)
	return c
}

func (s *state) emitDiscount(topic string, d *discount, group string) {
	s.emit(topic, d, map[string]any{
		"admin_graphql_api_id": d.gid, "title": d.title, "status": d.status(s.now()), "created_at": s.restTime(d.createdAt), "updated_at": s.restTime(d.updatedAt),
	}, group)
}

func (s *state) emitCode(topic string, c *redeemCode, group string) {
	s.emit(topic, c.discount, map[string]any{
		"admin_graphql_api_id": c.discount.gid, "redeem_code": map[string]any{"id": c.gid, "code": c.code}, "updated_at": s.restTime(s.now()),
	}, group)
}
