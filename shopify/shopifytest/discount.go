package shopifytest

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// discountCode is a basic discount with one code.
type discountCode struct {
	head
	code, title string
	percent     decimal.Decimal // 0 to 100; zero where it is an amount
	amount      decimal.Decimal
	variants    []string // GIDs of what it is for
	products    []string
	all         bool
	startsAt    time.Time
	endsAt      time.Time // zero: open
	usageLimit  int       // zero: any number of times
	used        int
	tags        []string
}

// maxCode is how long a code may be, in characters.
const maxCode = 255

// DiscountCode is a copy of a discount code.
type DiscountCode struct {
	ID         string          `json:"id"` // GID
	Code       string          `json:"code"`
	Title      string          `json:"title"`
	Percent    decimal.Decimal `json:"percent"` // 0 to 100; zero where Amount is set
	Amount     decimal.Decimal `json:"amount"`
	Variants   []string        `json:"variants,omitempty"` // GIDs
	Products   []string        `json:"products,omitempty"` // GIDs
	StartsAt   time.Time       `json:"starts_at"`
	EndsAt     time.Time       `json:"ends_at,omitzero"`
	UsageLimit int             `json:"usage_limit,omitzero"`
	Used       int             `json:"used"` // by sales with the code
	Tags       []string        `json:"tags,omitempty"`
	CreatedAt  time.Time       `json:"created_at"`
}

// DiscountCodes returns all discount codes, oldest first.
func (s *Shop) DiscountCodes() []DiscountCode {
	return reading(s, func(st *state) []DiscountCode {
		return copies(st.discounts, func(d *discountCode) DiscountCode {
			return DiscountCode{
				ID: d.gid, Code: d.code, Title: d.title, Percent: d.percent, Amount: d.amount, Variants: slices.Clone(d.variants), Products: slices.Clone(d.products),
				StartsAt: d.startsAt, EndsAt: d.endsAt, UsageLimit: d.usageLimit, Used: d.used, Tags: slices.Clone(d.tags), CreatedAt: d.createdAt,
			}
		})
	})
}

func (s *state) discountByCode(code string) *discountCode {
	for _, d := range s.discounts {
		if strings.EqualFold(d.code, code) {
			return d
		}
	}
	return nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/discountCodeBasicCreate
func discountCodeBasicCreate(s *state, c *graph.Call) (any, error) {
	const arg = "basicCodeDiscount"
	in := input(c, arg)
	if key := unknown(in, "code", "title", "context", "customerSelection", "customerGets", "startsAt", "endsAt", "usageLimit", "tags", "combinesWith"); key != "" {
		return nil, notSimulated("DiscountCodeBasicInput." + key)
	}
	bad := func(field, message, code string) (any, error) {
		return refused(userError{append([]string{arg}, strings.Split(field, ".")...), message, code}), nil
	}
	d := &discountCode{code: text(in, "code"), title: text(in, "title"), tags: stringList(in["tags"])}
	gets, _ := in["customerGets"].(map[string]any)
	value, _ := gets["value"].(map[string]any)
	items, _ := gets["items"].(map[string]any)
	products, _ := items["products"].(map[string]any)
	switch {
	case d.code == "":
		return bad("code", "Code can't be blank", "BLANK")
	case utf8.RuneCountInString(d.code) > maxCode:
		return bad("code", "Code is too long (maximum is 255 characters)", "TOO_LONG")
	case s.discountByCode(d.code) != nil:
		return bad("code", "Code must be unique. Please try a different code.", "TAKEN")
	case d.title == "":
		return bad("title", "Title can't be blank", "BLANK")
	case in["context"] == nil && in["customerSelection"] == nil:
		return bad("context", "Context can't be blank", "BLANK")
	}
	if p, ok := number(value["percentage"]); ok {
		if !p.IsPositive() || p.GreaterThan(decimal.NewFromInt(1)) {
			return bad("customerGets.value.percentage", "Value must be between 0.0 and 1.0", "VALUE_OUTSIDE_RANGE")
		}
		d.percent = p.Shift(2)
	} else if a, ok := value["discountAmount"].(map[string]any); ok {
		if d.amount, ok = number(a["amount"]); !ok || !d.amount.IsPositive() {
			return bad("customerGets.value.discountAmount.amount", "Value must be greater than 0", "GREATER_THAN")
		}
	} else {
		return bad("customerGets.value", "Value can't be blank", "BLANK")
	}
	d.all, _ = items["all"].(bool)
	d.variants, d.products = stringList(products["productVariantsToAdd"]), stringList(products["productsToAdd"])
	for _, id := range slices.Concat(d.variants, d.products) {
		if _, ok := s.byID[id]; !ok {
			return bad("customerGets.items.products", "Product or variant with id: "+numericPart(id)+" is invalid", "INVALID")
		}
	}
	if !d.all && len(d.variants)+len(d.products) == 0 {
		return bad("customerGets.items", "Entitled products, variants or collections must be specified", "APPLIES_ON_NOTHING")
	}
	var err error
	if d.startsAt, err = timeOf(in["startsAt"]); err != nil || d.startsAt.IsZero() {
		return bad("startsAt", "Starts at can't be blank", "BLANK")
	}
	if d.endsAt, err = timeOf(in["endsAt"]); err != nil || !d.endsAt.IsZero() && !d.endsAt.After(d.startsAt) {
		return bad("endsAt", "Ends at needs to be after starts_at", "END_DATE_BEFORE_START_DATE")
	}
	if limit, sent := in["usageLimit"].(int); sent {
		if d.usageLimit = limit; limit < 1 {
			return bad("usageLimit", "Usage limit must be greater than 0", "GREATER_THAN")
		}
	}
	s.add(d, "DiscountCodeNode", 0, s.now())
	s.discounts = append(s.discounts, d)
	return done("codeDiscountNode", object(d)), nil
}

// discountCodeDeactivate ends a code now.
//
// https://shopify.dev/docs/api/admin-graphql/latest/mutations/discountCodeDeactivate
func discountCodeDeactivate(s *state, c *graph.Call) (any, error) {
	d, ok := find[*discountCode](s, text(c.Args, "id"))
	if !ok {
		return refused(userError{[]string{"id"}, "Code discount does not exist.", "INVALID"}), nil
	}
	if now := s.now(); d.endsAt.IsZero() || d.endsAt.After(now) {
		d.endsAt = now
	}
	return done("codeDiscountNode", object(d)), nil
}

func timeOf(v any) (time.Time, error) {
	switch v := v.(type) {
	case string:
		return time.Parse(time.RFC3339, v)
	case time.Time:
		return v, nil
	}
	return time.Time{}, nil
}

// redeem counts the use of codes by a sale.
func (s *state) redeem(codes ...*Discount) {
	seen := map[*discountCode]bool{}
	for _, c := range codes {
		if c == nil || c.Code == "" {
			continue
		}
		if d := s.discountByCode(c.Code); d != nil && !seen[d] {
			seen[d] = true
			d.used++
		}
	}
}

func (d *discountCode) status(now time.Time) string {
	switch {
	case now.Before(d.startsAt):
		return "SCHEDULED"
	case !d.endsAt.IsZero() && !now.Before(d.endsAt):
		return "EXPIRED"
	default:
		return "ACTIVE"
	}
}

// terms is what the types of the schema know of a code.
func (s *state) discountTerms(d *discountCode) graph.Object {
	out := graph.Object{
		"__typename": "DiscountCodeBasic", "title": d.title, "status": d.status(s.now()), "summary": d.summary(), "shortSummary": d.summary(), "tags": d.tags,
		"startsAt": d.startsAt, "asyncUsageCount": d.used, "createdAt": d.createdAt, "updatedAt": d.updatedAt, "appliesOncePerCustomer": false,
		"codes":      graph.List{{"__typename": "DiscountRedeemCode", "id": gid("DiscountRedeemCode", d.id), "code": d.code, "asyncUsageCount": d.used}},
		"codesCount": count(1), "endsAt": nil, "usageLimit": nil,
	}
	if !d.endsAt.IsZero() {
		out["endsAt"] = d.endsAt
	}
	if d.usageLimit > 0 {
		out["usageLimit"] = d.usageLimit
	}
	return out
}

func (d *discountCode) summary() string {
	off := d.amount.StringFixed(2) + " off"
	if d.percent.IsPositive() {
		off = d.percent.String() + "% off"
	}
	if d.all {
		return off + " entire order"
	}
	return off + " " + strconv.Itoa(len(d.variants)+len(d.products)) + " products"
}

var discountCodeFields = table[*discountCode]{
	"codeDiscount": func(s *state, d *discountCode, _ *graph.Call) any { return s.discountTerms(d) },
}

func codeDiscountNodeByCode(s *state, c *graph.Call) (any, error) {
	code, _ := c.Args["code"].(string)
	return ref(s.discountByCode(code)), nil
}

// discountNode finds a code by the GID of either of the two types that it has in the schema.
func discountNode(s *state, c *graph.Call) (any, error) {
	id, _ := c.Args["id"].(string)
	d, ok := find[*discountCode](s, "gid://shopify/DiscountCodeNode/"+numericPart(id))
	if !ok {
		return nil, nil
	}
	return graph.Object{"__typename": "DiscountNode", "id": gid("DiscountNode", d.id), "discount": s.discountTerms(d)}, nil
}
