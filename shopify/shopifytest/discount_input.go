package shopifytest

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// maxCode is how long a code may be, in characters.
const maxCode = 255

// maxAutomatic is how many automatic discounts may be active at a time.
// https://help.shopify.com/en/manual/discounts/discount-methods/automatic-discounts
const maxAutomatic = 25

// discountInput reads the input of a mutation into a discount and notes what is wrong with it.
type discountInput struct {
	s    *state
	arg  string // name of the argument
	in   map[string]any
	d    *discount
	old  *discount // what d is to replace; nil: it is new
	code string    // of a discount with codes; "": not sent
	errs []userError
}

func (r *discountInput) bad(field, code, message string) {
	r.errs = append(r.errs, userError{append([]string{r.arg}, strings.Split(field, ".")...), message, code})
}

// read reads everything. The error is about what is not simulated.
func (r *discountInput) read() error {
	known := []string{"title", "context", "startsAt", "endsAt", "tags", "combinesWith"}
	if !r.d.automatic {
		known = append(known, "code", "customerSelection", "usageLimit", "appliesOncePerCustomer")
	}
	switch r.d.kind {
	case "Basic":
		known = append(known, "customerGets", "minimumRequirement", "recurringCycleLimit")
	case "Bxgy":
		known = append(known, "customerGets", "customerBuys", "usesPerOrderLimit")
	case "FreeShipping":
		known = append(known, "destination", "maximumShippingPrice", "minimumRequirement", "appliesOnOneTimePurchase", "appliesOnSubscription", "recurringCycleLimit")
	}
	what := r.d.terms() + "Input."
	if key := unknown(r.in, known...); key != "" {
		return notSimulated(what + key)
	}
	if nested(r.in, "context")["markets"] != nil {
		return notSimulated(what + "context.markets")
	}
	if nested(r.in, "combinesWith")["productDiscountsWithTagsOnSameCartLine"] != nil {
		return notSimulated(what + "combinesWith.productDiscountsWithTagsOnSameCartLine")
	}
	r.names()
	r.times()
	r.buyers()
	r.limits()
	if r.d.kind == "FreeShipping" {
		r.shipping()
	} else {
		r.gets()
	}
	if r.d.kind == "Bxgy" {
		r.buys()
	}
	r.combines()
	return nil
}

func (r *discountInput) names() {
	if code, sent := r.in["code"]; !r.d.automatic && (sent || r.old == nil) {
		r.code, _ = code.(string)
		own := r.old != nil && len(r.old.codes) > 0 && strings.EqualFold(r.old.codes[0].code, r.code)
		switch {
		case r.code == "":
			r.bad("code", "BLANK", "Code can't be blank")
		case utf8.RuneCountInString(r.code) > maxCode:
			r.bad("code", "TOO_LONG", "Code is too long (maximum is 255 characters)")
		case r.s.redeemCode(r.code) != nil && !own:
			r.bad("code", "TAKEN", "Code must be unique. Please try a different code.")
		}
	}
	setText(r.in, "title", &r.d.title)
	switch {
	case r.d.title == "":
		r.bad("title", "BLANK", "Title can't be blank")
	case utf8.RuneCountInString(r.d.title) > maxCode:
		r.bad("title", "TOO_LONG", "Title is too long (maximum is 255 characters)")
	case r.d.automatic && slices.ContainsFunc(r.s.discounts, func(o *discount) bool { return o.automatic && o != r.old && strings.EqualFold(o.title, r.d.title) }):
		r.bad("title", "TAKEN", "Title must be unique for automatic discount")
	}
	if tags, sent := r.in["tags"]; sent {
		r.d.tags = normalizeTags(stringList(tags))
	}
	if checkTags(r.d.tags) != nil {
		r.bad("tags", "INVALID_TAG_LENGTH", "Tag is too long (maximum is 255 characters)")
	}
	if len(r.d.tags) > maxTags {
		r.bad("tags", "TOO_MANY_TAGS", "A maximum of 250 tags is allowed")
	}
}

func (r *discountInput) times() {
	for key, target := range map[string]*time.Time{"startsAt": &r.d.startsAt, "endsAt": &r.d.endsAt} {
		if _, sent := r.in[key]; sent {
			*target, _ = time.Parse(time.RFC3339, text(r.in, key)) // the schema's scalar has been checked
		}
	}
	if r.d.startsAt.IsZero() {
		r.bad("startsAt", "BLANK", "Starts at can't be blank")
	} else if !r.d.endsAt.IsZero() && !r.d.endsAt.After(r.d.startsAt) {
		r.bad("endsAt", "END_DATE_BEFORE_START_DATE", "Ends at needs to be after starts_at")
	}
	if r.d.automatic && r.d.status(r.s.now()) == "ACTIVE" && r.s.tooManyActive(r.old) {
		r.bad("startsAt", "EXCEEDED_MAX", "There is a limit of 25 active automatic discounts")
	}
}

// tooManyActive tells whether no automatic discount beside d may be active.
func (s *state) tooManyActive(d *discount) bool {
	n := 0
	for _, o := range s.discounts {
		if o.automatic && o != d && o.status(s.now()) == "ACTIVE" {
			n++
		}
	}
	return n >= maxAutomatic
}

func (r *discountInput) buyers() {
	field, in := "context", nested(r.in, "context")
	if old := nested(r.in, "customerSelection"); old != nil {
		if in != nil {
			r.bad("context", "TOO_MANY_ARGUMENTS", "Only one of context or customerSelection can be provided.")
			return
		}
		field, in = "customerSelection", old
	}
	if in == nil {
		if r.old == nil && !r.d.automatic {
			r.bad("context", "BLANK", "Context can't be blank")
		}
		return
	}
	if in["all"] != nil && in["all"] != false {
		if in["customers"] != nil || in["customerSegments"] != nil {
			r.bad(field+".all", "CONFLICT", "A discount cannot have all customers selected in combination with customers or customer segments.")
		}
		r.d.buyers = discountBuyers{}
		return
	}
	if in["customers"] != nil && in["customerSegments"] != nil {
		r.bad(field, "CONFLICT", "A discount cannot have customers and customer segments selected at the same time.")
		return
	}
	b := r.d.buyers
	b.customers = r.change(field+".customers", b.customers, nested(in, "customers"), "add", "remove", "Customer")
	b.segments = r.change(field+".customerSegments", b.segments, nested(in, "customerSegments"), "add", "remove", "Segment")
	if in["customers"] != nil {
		b.segments = nil
	}
	if in["customerSegments"] != nil {
		b.customers = nil
	}
	if len(b.customers)+len(b.segments) == 0 {
		r.bad(field, "BLANK", "Context can't be blank")
	}
	r.d.buyers = b
}

// change adds and removes GIDs of one type.
func (r *discountInput) change(field string, have []string, in map[string]any, add, remove, typename string) []string {
	out := slices.Clone(have)
	for _, id := range stringList(in[add]) {
		if n, ok := r.s.byID[id]; !ok || n.common().typename != typename {
			r.bad(field+"."+add, "INVALID", typename+" with id: "+numericPart(id)+" is invalid")
			continue
		}
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	gone := stringList(in[remove])
	return slices.DeleteFunc(out, func(id string) bool { return slices.Contains(gone, id) })
}

// whole reads a number that must be positive, as an Int or an UnsignedInt64; null is zero. What is how the message
// calls it.
func (r *discountInput) whole(in map[string]any, key, field, what string, target *int) {
	v, sent := in[key]
	if !sent {
		return
	}
	*target = 0
	if v == nil {
		return
	}
	n, ok := v.(int)
	if text, isText := v.(string); isText {
		parsed, err := strconv.ParseUint(text, 10, 31)
		n, ok = int(parsed), err == nil
	}
	if *target = n; !ok || n < 1 {
		r.bad(field, "GREATER_THAN", what+" must be greater than 0")
	}
}

// sentence is a camel-case name in words: "usageLimit" becomes "Usage limit".
func sentence(name string) string {
	var b strings.Builder
	for i, c := range name {
		switch {
		case i == 0:
			b.WriteString(strings.ToUpper(string(c)))
		case 'A' <= c && c <= 'Z':
			b.WriteString(" " + strings.ToLower(string(c)))
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

func (r *discountInput) limits() {
	r.whole(r.in, "usageLimit", "usageLimit", "Usage limit", &r.d.usageLimit)
	r.whole(r.in, "usesPerOrderLimit", "usesPerOrderLimit", "Uses per order limit", &r.d.usesPerCart)
	if once, sent := r.in["appliesOncePerCustomer"]; sent {
		r.d.once, _ = once.(bool)
	}
	if cycles, ok := r.in["recurringCycleLimit"].(int); ok {
		if r.d.cycles = cycles; cycles < 0 {
			r.bad("recurringCycleLimit", "RECURRING_CYCLE_LIMIT_NOT_A_VALID_INTEGER", "Recurring cycle limit must be a valid integer greater than or equal to 0")
		}
	}
	r.appliesOn(r.in, "")
	m, sent := r.in["minimumRequirement"]
	if !sent {
		return
	}
	in, _ := m.(map[string]any)
	t := r.d.minimum
	if in == nil {
		t = discountThreshold{}
	}
	const quantity, subtotal = "minimumRequirement.quantity.greaterThanOrEqualToQuantity", "minimumRequirement.subtotal.greaterThanOrEqualToSubtotal"
	if of := nested(in, "quantity"); of != nil {
		r.whole(of, "greaterThanOrEqualToQuantity", quantity, "Minimum quantity", &t.quantity)
	}
	if of := nested(in, "subtotal"); of != nil {
		var ok bool
		if t.subtotal, ok = plausibleAmount(of["greaterThanOrEqualToSubtotal"]); of["greaterThanOrEqualToSubtotal"] != nil && !ok {
			r.bad(subtotal, "GREATER_THAN_OR_EQUAL_TO", "Minimum subtotal must be greater than or equal to 0")
		}
	}
	if t.quantity > 0 && t.subtotal.IsPositive() {
		r.bad(subtotal, "CONFLICT", "Minimum subtotal cannot be defined when minimum quantity is.")
		r.bad(quantity, "CONFLICT", "Minimum quantity cannot be defined when minimum subtotal is.")
	}
	r.d.minimum = t
}

// appliesOn reads to which purchases the discount applies.
func (r *discountInput) appliesOn(in map[string]any, at string) {
	for key, target := range map[string]*bool{"appliesOnOneTimePurchase": &r.d.oneTime, "appliesOnSubscription": &r.d.recurring} {
		if v, ok := in[key].(bool); ok {
			*target = v
		}
	}
	if !r.d.oneTime && !r.d.recurring {
		r.bad(at+"appliesOnOneTimePurchase", "INVALID", "A discount must apply to one-time purchases or to subscriptions.")
	}
}

func (r *discountInput) gets() {
	in := nested(r.in, "customerGets")
	if in == nil {
		if r.old == nil {
			r.bad("customerGets", "BLANK", "Customer gets can't be blank")
		}
		return
	}
	r.appliesOn(in, "customerGets.")
	if value, sent := in["value"].(map[string]any); sent || r.old == nil {
		r.value(value)
	}
	if items, sent := in["items"].(map[string]any); sent || r.old == nil {
		r.d.getsItems = r.items("customerGets.items", r.d.getsItems, items)
	}
}

func (r *discountInput) value(in map[string]any) {
	const at = "customerGets.value"
	given := slices.DeleteFunc(slices.Sorted(maps.Keys(in)), func(key string) bool { return in[key] == nil })
	switch {
	case len(given) == 0:
		r.bad(at, "BLANK", "Value can't be blank")
	case len(given) > 1:
		r.bad(at, "TOO_MANY_ARGUMENTS", "A discount can have only one of percentage, discountOnQuantity or discountAmount.")
	case r.d.kind == "Bxgy" && given[0] != "discountOnQuantity":
		r.bad(at+"."+given[0], "INVALID", "Only discountOnQuantity permitted with bxgy discounts.")
	case r.d.kind != "Bxgy" && given[0] == "discountOnQuantity":
		r.bad(at+"."+given[0], "INVALID", "discountOnQuantity field is only permitted with bxgy discounts.")
	case given[0] == "percentage":
		r.d.gets = discountValue{percent: r.percent(at+".percentage", in["percentage"])}
	case given[0] == "discountAmount":
		r.amount(at+".discountAmount.amount", nested(in, "discountAmount"))
	default:
		r.onQuantity(at+".discountOnQuantity", nested(in, "discountOnQuantity"))
	}
}

func (r *discountInput) percent(field string, v any) decimal.Decimal {
	p, ok := number(v)
	if !ok || !p.IsPositive() || p.GreaterThan(decimal.NewFromInt(1)) {
		r.bad(field, "VALUE_OUTSIDE_RANGE", "Value must be between 0.0 and 1.0")
	}
	return p.Shift(2)
}

func (r *discountInput) amount(field string, in map[string]any) {
	amount, ok := plausibleAmount(in["amount"])
	if !ok || !amount.IsPositive() {
		r.bad(field, "GREATER_THAN", "Value must be greater than 0")
	}
	each, _ := in["appliesOnEachItem"].(bool)
	r.d.gets = discountValue{amount: r.s.round(amount), each: each}
}

func (r *discountInput) onQuantity(field string, in map[string]any) {
	effect := nested(in, "effect")
	switch {
	case effect["percentage"] != nil && effect["amount"] != nil:
		r.bad(field+".effect", "TOO_MANY_ARGUMENTS", "An effect can have only one of percentage or amount.")
	case effect["percentage"] != nil:
		r.d.gets = discountValue{percent: r.percent(field+".effect.percentage", effect["percentage"])}
	case effect["amount"] != nil:
		r.amount(field+".effect.amount", map[string]any{"amount": effect["amount"], "appliesOnEachItem": true})
	default:
		r.bad(field+".effect", "BLANK", "Effect can't be blank")
	}
	if in["quantity"] == nil {
		r.bad(field+".quantity", "BLANK", "Quantity can't be blank")
		return
	}
	r.whole(in, "quantity", field+".quantity", "Quantity", &r.d.gets.quantity)
}

func (r *discountInput) buys() {
	in := nested(r.in, "customerBuys")
	if in == nil {
		if r.old == nil {
			r.bad("customerBuys", "BLANK", "Customer buys can't be blank")
		}
		return
	}
	for key, target := range map[string]*bool{"isOneTimePurchase": &r.d.buysOnce, "isSubscription": &r.d.buysAgain} {
		if v, ok := in[key].(bool); ok {
			*target = v
		}
	}
	if value := nested(in, "value"); value != nil || r.old == nil {
		const at = "customerBuys.value"
		switch {
		case value["quantity"] != nil && value["amount"] != nil:
			r.bad(at, "CONFLICT", "Customer buys can have only one of quantity or amount.")
		case value["quantity"] != nil:
			r.d.buys = discountThreshold{}
			r.whole(value, "quantity", at+".quantity", "Quantity", &r.d.buys.quantity)
		case value["amount"] != nil:
			amount, ok := plausibleAmount(value["amount"])
			if !ok || !amount.IsPositive() {
				r.bad(at+".amount", "GREATER_THAN", "Amount must be greater than 0")
			}
			r.d.buys = discountThreshold{subtotal: amount}
		default:
			r.bad(at, "BLANK", "Value can't be blank")
		}
	}
	if items := nested(in, "items"); items != nil || r.old == nil {
		r.d.buysItems = r.items("customerBuys.items", r.d.buysItems, items)
	}
}

// items reads what a discount is about, beginning with what it is about now.
func (r *discountInput) items(field string, have discountItems, in map[string]any) discountItems {
	products, collections := nested(in, "products"), nested(in, "collections")
	all, _ := in["all"].(bool)
	if all && (products != nil || collections != nil) {
		r.bad(field+".all", "CONFLICT", "All items cannot be selected in combination with products or collections")
		return have
	}
	if all {
		if r.d.kind == "Bxgy" {
			r.bad(field+".all", "INVALID", "All items cannot be selected for bxgy discounts")
		}
		return discountItems{all: true}
	}
	out := discountItems{
		products:    r.change(field+".products", have.products, products, "productsToAdd", "productsToRemove", "Product"),
		variants:    r.change(field+".products", have.variants, products, "productVariantsToAdd", "productVariantsToRemove", "ProductVariant"),
		collections: r.change(field+".collections", have.collections, collections, "add", "remove", "Collection"),
	}
	switch {
	case len(out.collections) > 0 && len(out.products)+len(out.variants) > 0:
		r.bad(field+".collections.add", "CONFLICT", "Cannot entitle collections in combination with product variants or products")
	case out.empty() && !slices.ContainsFunc(r.errs, func(e userError) bool { return strings.HasPrefix(strings.Join(e.field[1:], "."), field) }):
		r.bad(field, "APPLIES_ON_NOTHING", "Entitled products, variants or collections must be specified")
	}
	return out
}

func (r *discountInput) shipping() {
	if v, sent := r.in["destination"]; sent || r.old == nil {
		r.destination(v)
	}
	v, sent := r.in["maximumShippingPrice"]
	if !sent {
		return
	}
	r.d.shipping.maximum = nil
	if v == nil {
		return
	}
	amount, ok := plausibleAmount(v)
	if !ok {
		r.bad("maximumShippingPrice", "GREATER_THAN_OR_EQUAL_TO", "Maximum shipping price must be greater than or equal to 0")
	}
	r.d.shipping.maximum = &amount
}

func (r *discountInput) destination(v any) {
	in, _ := v.(map[string]any)
	all, _ := in["all"].(bool)
	countries := nested(in, "countries")
	to := discountShipping{everywhere: all, maximum: r.d.shipping.maximum}
	switch {
	case all && countries != nil:
		r.bad("destination.all", "CONFLICT", "All countries cannot be selected in combination with countries")
	case all:
	default:
		gone := stringList(countries["remove"])
		to.countries = slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(r.d.shipping.countries), stringList(countries["add"])...)))),
			func(c string) bool { return slices.Contains(gone, c) })
		to.restOfWorld, _ = countries["includeRestOfWorld"].(bool)
		if len(to.countries) == 0 && !to.restOfWorld {
			r.bad("destination", "BLANK", "Destination can't be blank")
		}
	}
	r.d.shipping = to
}

func (r *discountInput) combines() {
	in := nested(r.in, "combinesWith")
	for key, target := range map[string]*bool{"orderDiscounts": &r.d.combines.order, "productDiscounts": &r.d.combines.product, "shippingDiscounts": &r.d.combines.shipping} {
		if v, ok := in[key].(bool); ok {
			*target = v
		}
	}
	if r.d.kind == "FreeShipping" && r.d.combines.shipping {
		r.bad("combinesWith", "INVALID_COMBINES_WITH_FOR_DISCOUNT_CLASS", "The combinesWith settings are not valid for the discount class.")
	}
}
