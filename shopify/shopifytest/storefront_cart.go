package shopifytest

import (
	"crypto/rand"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

const (
	maxCartLines = 500
	maxCarts     = 10_000 // in memory: the oldest go first
	cartLifetime = 10 * 24 * time.Hour
)

// cart is a cart of the Storefront API.
type cart struct {
	head
	lines      []*cartLine
	attributes []Attribute
	note       string
	codes      []string
	identity   map[string]any
}

type cartLine struct {
	head
	variant    *variant
	quantity   int
	attributes []Attribute
}

func cartRef(c *cart) any {
	if c == nil {
		return nil
	}
	return object(c)
}

func (c *cart) quantity() int {
	n := 0
	for _, l := range c.lines {
		n += l.quantity
	}
	return n
}

func (l *cartLine) total() decimal.Decimal {
	return l.variant.price.Mul(decimal.NewFromInt(int64(l.quantity)))
}

func (c *cart) total() decimal.Decimal {
	sum := decimal.Zero
	for _, l := range c.lines {
		sum = sum.Add(l.total())
	}
	return sum
}

var cartFields = table[*cart]{
	"checkoutUrl": func(s *state, c *cart, _ *graph.Call) any {
		return "https://" + s.shop.data.Domain + "/cart/c/" + c.gid[len("gid://shopify/Cart/"):]
	},
	"note":          func(_ *state, c *cart, _ *graph.Call) any { return orNull(c.note) },
	"attributes":    func(_ *state, c *cart, _ *graph.Call) any { return attributeList(c.attributes) },
	"attribute":     func(_ *state, c *cart, call *graph.Call) any { return attributeNamed(c.attributes, call) },
	"totalQuantity": func(_ *state, c *cart, _ *graph.Call) any { return c.quantity() },
	"cost": func(s *state, c *cart, _ *graph.Call) any {
		total := s.moneyV2(c.total())
		return graph.Object{
			"__typename": "CartCost", "subtotalAmount": total, "totalAmount": total, "checkoutChargeAmount": total,
			"subtotalAmountEstimated": true, "totalAmountEstimated": true, "totalTaxAmountEstimated": true, "totalDutyAmountEstimated": true, graph.Closed: true,
		}
	},
	"lines": func(_ *state, c *cart, _ *graph.Call) any { return list(c.lines) },
	"discountCodes": func(_ *state, c *cart, _ *graph.Call) any {
		out := make(graph.List, len(c.codes))
		for i, code := range c.codes {
			out[i] = graph.Object{"__typename": "CartDiscountCode", "code": code, "applicable": false}
		}
		return out
	},
	"buyerIdentity": func(_ *state, c *cart, _ *graph.Call) any {
		out := graph.Object{"__typename": "CartBuyerIdentity", graph.Closed: true}
		for _, key := range []string{"countryCode", "email", "phone"} {
			if c.identity[key] != nil {
				out[key] = c.identity[key]
			}
		}
		return out
	},
	"delivery": always[*cart](graph.Object{"__typename": "CartDelivery", "addresses": graph.List{}, graph.Closed: true}),
}

var cartLineFields = table[*cartLine]{
	"quantity":    func(_ *state, l *cartLine, _ *graph.Call) any { return l.quantity },
	"attributes":  func(_ *state, l *cartLine, _ *graph.Call) any { return attributeList(l.attributes) },
	"attribute":   func(_ *state, l *cartLine, call *graph.Call) any { return attributeNamed(l.attributes, call) },
	"merchandise": func(_ *state, l *cartLine, _ *graph.Call) any { return object(l.variant) },
	"cost": func(s *state, l *cartLine, _ *graph.Call) any {
		return graph.Object{
			"__typename": "CartLineCost", "amountPerQuantity": s.moneyV2(l.variant.price), "compareAtAmountPerQuantity": nil,
			"subtotalAmount": s.moneyV2(l.total()), "totalAmount": s.moneyV2(l.total()),
		}
	},
	"instructions": always[*cartLine](graph.Object{"__typename": "CartLineInstructions", "canRemove": true, "canUpdateQuantity": true}),
}

func attributeNamed(attributes []Attribute, c *graph.Call) any {
	for _, a := range attributes {
		if a.Key == c.Args["key"] {
			return graph.Object{"__typename": "Attribute", "key": a.Key, "value": a.Value}
		}
	}
	return nil
}

// storefrontMutations are the fields of the Storefront API's Mutation that the shop
// carries out.
var storefrontMutations = map[string]func(s *state, c *graph.Call) (any, error){
	"cartCreate":      cartCreate,
	"cartLinesAdd":    onCart(cartLinesAdd),
	"cartLinesUpdate": onCart(cartLinesUpdate),
	"cartLinesRemove": onCart(cartLinesRemove),
	"cartAttributesUpdate": onCart(func(_ *state, to *cart, c *graph.Call) error {
		to.attributes = attributesFrom(c.Args["attributes"])
		return nil
	}),
	"cartNoteUpdate": onCart(func(_ *state, to *cart, c *graph.Call) error { setText(c.Args, "note", &to.note); return nil }),
	"cartDiscountCodesUpdate": onCart(func(_ *state, to *cart, c *graph.Call) error {
		to.codes = stringList(c.Args["discountCodes"])
		return nil
	}),
	"cartBuyerIdentityUpdate": onCart(func(_ *state, to *cart, c *graph.Call) error {
		return to.identify(input(c, "buyerIdentity"))
	}),
}

// cartError is a user error of a cart's mutation.
type cartError struct{ userError }

func (e cartError) Error() string { return e.message }

func invalidCart(code, message string, field ...string) error {
	return cartError{userError{field: field, message: message, code: code}}
}

// cartPayload is what a mutation of a cart answers.
func (s *state) cartPayload(to *cart, err error) (any, error) {
	if e, ok := err.(cartError); ok { //nolint:errorlint // ours, unwrapped
		out := refused(e.userError)
		out["warnings"] = graph.List{}
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	warnings := graph.List{}
	for _, l := range to.lines {
		var code, message string
		switch stock := max(l.variant.available(), 0); {
		case stock == 0:
			code, message = "MERCHANDISE_OUT_OF_STOCK", "The product '"+l.variant.displayName()+"' is already sold out."
		case stock < l.quantity:
			code, message = "MERCHANDISE_NOT_ENOUGH_STOCK", "Only "+strconv.Itoa(stock)+" of '"+l.variant.displayName()+"' are available."
		default:
			continue
		}
		l.quantity = min(l.quantity, max(l.variant.available(), 0))
		warnings = append(warnings, graph.Object{"__typename": "CartWarning", "code": code, "message": message, "target": l.gid})
	}
	to.lines = slices.DeleteFunc(to.lines, func(l *cartLine) bool { return l.quantity == 0 })
	out := done("cart", cartRef(to))
	out["warnings"] = warnings
	return out, nil
}

func cartCreate(s *state, c *graph.Call) (any, error) {
	in := input(c, "input")
	if what := unknown(in, "attributes", "buyerIdentity", "discountCodes", "lines", "note"); what != "" {
		return nil, notSimulated("CartInput." + what)
	}
	s.forgetCarts()
	made := &cart{attributes: attributesFrom(in["attributes"]), note: text(in, "note"), codes: stringList(in["discountCodes"])}
	err := made.identify(input(&graph.Call{Args: in}, "buyerIdentity"))
	if err == nil {
		err = s.fill(made, objects(in["lines"]), "input", "lines")
	}
	if err != nil {
		return s.cartPayload(nil, err)
	}
	// The key is what makes the id a secret.
	made.gid = "gid://shopify/Cart/" + rand.Text() + "?key=" + randomHex(16)
	made.typename, made.createdAt, made.updatedAt = "Cart", s.now(), s.now()
	s.carts[made.gid] = made
	return s.cartPayload(made, nil)
}

// forgetCarts drops carts that nobody has touched for long, and the oldest if there
// are too many.
func (s *state) forgetCarts() {
	maps.DeleteFunc(s.carts, func(_ string, c *cart) bool { return s.now().Sub(c.updatedAt) > cartLifetime })
	for len(s.carts) >= maxCarts {
		var oldest *cart
		for _, c := range s.carts {
			if oldest == nil || c.updatedAt.Before(oldest.updatedAt) {
				oldest = c
			}
		}
		delete(s.carts, oldest.gid)
	}
}

func (c *cart) identify(in map[string]any) error {
	if what := unknown(in, "countryCode", "email", "phone"); what != "" {
		return notSimulated("CartBuyerIdentityInput." + what)
	}
	if c.identity == nil {
		c.identity = map[string]any{}
	}
	maps.Copy(c.identity, in)
	return nil
}

// onCart makes a mutation of a change to the cart that the argument cartId names.
func onCart(change func(s *state, to *cart, c *graph.Call) error) func(*state, *graph.Call) (any, error) {
	return func(s *state, c *graph.Call) (any, error) {
		id, _ := c.Args["cartId"].(string)
		old := s.carts[id]
		if old == nil || s.now().Sub(old.updatedAt) > cartLifetime {
			return s.cartPayload(nil, invalidCart("INVALID", "The specified cart does not exist.", "cartId"))
		}
		// All or nothing: the change is made to a copy.
		changed := *old
		changed.lines = make([]*cartLine, len(old.lines))
		for i, l := range old.lines {
			line := *l
			changed.lines[i] = &line
		}
		changed.identity = maps.Clone(old.identity)
		if err := change(s, &changed, c); err != nil {
			return s.cartPayload(nil, err)
		}
		changed.updatedAt = s.now()
		s.carts[id] = &changed
		return s.cartPayload(&changed, nil)
	}
}

// fill adds lines; those with the same variant and attributes become one.
func (s *state) fill(to *cart, lines []map[string]any, field ...string) error {
	for i, in := range lines {
		at := append(slices.Clone(field), strconv.Itoa(i))
		if what := unknown(in, "attributes", "merchandiseId", "quantity"); what != "" {
			return notSimulated("CartLineInput." + what)
		}
		id := text(in, "merchandiseId")
		v, ok := find[*variant](s, id)
		if !ok || !v.product.public() {
			return invalidCart("INVALID", "The merchandise with id "+id+" does not exist.", append(at, "merchandiseId")...)
		}
		quantity, ok := in["quantity"].(int)
		if !ok {
			quantity = 1
		}
		if quantity < 1 {
			return invalidCart("LESS_THAN", "The quantity must be at least 1.", append(at, "quantity")...)
		}
		attributes := attributesFrom(in["attributes"])
		same := slices.IndexFunc(to.lines, func(l *cartLine) bool { return l.variant == v && slices.Equal(l.attributes, attributes) })
		if same >= 0 {
			to.lines[same].quantity += quantity
			continue
		}
		if len(to.lines) == maxCartLines {
			return invalidCart("MAXIMUM_EXCEEDED", "A cart cannot have more than 500 lines.", field...)
		}
		line := &cartLine{variant: v, quantity: quantity, attributes: attributes}
		line.typename, line.createdAt, line.updatedAt = "CartLine", s.now(), s.now()
		line.gid = "gid://shopify/CartLine/" + rand.Text()
		to.lines = append(to.lines, line)
	}
	return nil
}

func cartLinesAdd(s *state, to *cart, c *graph.Call) error {
	return s.fill(to, objects(c.Args["lines"]), "lines")
}

func cartLinesUpdate(s *state, to *cart, c *graph.Call) error {
	for i, in := range objects(c.Args["lines"]) {
		if what := unknown(in, "attributes", "id", "merchandiseId", "quantity"); what != "" {
			return notSimulated("CartLineUpdateInput." + what)
		}
		at := []string{"lines", strconv.Itoa(i)}
		l, err := to.line(text(in, "id"), append(at, "id")...)
		if err != nil {
			return err
		}
		if id, sent := in["merchandiseId"].(string); sent {
			v, ok := find[*variant](s, id)
			if !ok || !v.product.public() {
				return invalidCart("INVALID", "The merchandise with id "+id+" does not exist.", append(at, "merchandiseId")...)
			}
			l.variant = v
		}
		if quantity, sent := in["quantity"].(int); sent {
			if quantity < 0 {
				return invalidCart("LESS_THAN", "The quantity must be at least 0.", append(at, "quantity")...)
			}
			l.quantity = quantity
		}
		if _, sent := in["attributes"]; sent {
			l.attributes = attributesFrom(in["attributes"])
		}
	}
	to.lines = slices.DeleteFunc(to.lines, func(l *cartLine) bool { return l.quantity == 0 })
	return nil
}

func cartLinesRemove(_ *state, to *cart, c *graph.Call) error {
	for i, id := range stringList(c.Args["lineIds"]) {
		l, err := to.line(id, "lineIds", strconv.Itoa(i))
		if err != nil {
			return err
		}
		to.lines = slices.DeleteFunc(to.lines, func(other *cartLine) bool { return other == l })
	}
	return nil
}

func (c *cart) line(id string, field ...string) (*cartLine, error) {
	for _, l := range c.lines {
		if l.gid == id {
			return l, nil
		}
	}
	return nil, invalidCart("INVALID_MERCHANDISE_LINE", "The merchandise line with id "+id+" does not exist.", field...)
}
