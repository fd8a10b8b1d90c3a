package shopifytest

import (
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

type location struct {
	head
	data          LocationData
	online        bool      // sends what is ordered online
	deactivatedAt time.Time // zero: it is active
}

type staff struct {
	head
	data     StaffData
	location *location
}

func (m *staff) name() string { return m.data.FirstName + " " + m.data.LastName }

type product struct {
	head
	title, handle, productType, vendor, description, status string
	html                                                    string // of the description, if it was written as such
	tags                                                    []string
	giftCard                                                bool
	options                                                 []string
	variants                                                []*variant
}

type variant struct {
	head
	product  *product
	item     *item
	sku      string
	barcode  string
	options  []string
	price    decimal.Decimal
	position int

	compareAt decimal.Decimal // the price before; zero: none
	oversell  bool            // it is sold when it is out of stock
	untaxed   bool
}

func (v *variant) title() string {
	if len(v.options) == 0 {
		return "Default Title"
	}
	return strings.Join(v.options, " / ")
}

func (v *variant) displayName() string { return v.product.title + " - " + v.title() }

// available is what can be sold over all locations.
func (v *variant) available() int {
	sum := 0
	for _, l := range v.item.levels {
		sum += l.quantities["available"]
	}
	return sum
}

func (p *product) available() int {
	sum := 0
	for _, v := range p.variants {
		sum += v.available()
	}
	return sum
}

// item is the inventory item of a variant.
type item struct {
	head
	variant *variant
	cost    decimal.Decimal
	levels  []*level // at most one per location

	untracked, unshipped bool
}

// at is the active level at a location, or nil.
func (i *item) at(l *location) *level {
	for _, lv := range i.levels {
		if lv.location == l && !lv.inactive {
			return lv
		}
	}
	return nil
}

// levelsOf are the levels of the item: the active ones, or all.
func (i *item) levelsOf(all bool) []*level {
	return slices.DeleteFunc(slices.Clone(i.levels), func(lv *level) bool { return lv.inactive && !all })
}

// level is what is in stock of one item at one location, by the name of the quantity.
type level struct {
	head
	item       *item
	location   *location
	quantities map[string]int
	inactive   bool // the item is not stocked there any more
}

// quantityNames are the states of stock, in Shopify's order. on_hand is the sum of the others
// but incoming.
var quantityNames = []string{"available", "committed", "damaged", "incoming", "on_hand", "quality_control", "reserved", "safety_stock"}

func (l *level) quantity(name string) int {
	if name != "on_hand" {
		return l.quantities[name]
	}
	sum := 0
	for n, q := range l.quantities {
		if n != "incoming" {
			sum += q
		}
	}
	return sum
}

// adjust changes one quantity of the level.
func (s *state) adjust(l *level, name string, delta int) {
	if name == "on_hand" {
		name = "available" // on hand is a sum: what it gains can be sold
	}
	l.quantities[name] += delta
	s.touch(l)
}

func (s *state) addLocation(d LocationData, at time.Time) {
	l := &location{data: d, online: len(s.locations) == 0}
	s.add(l, "Location", d.ID, at)
	l.data.ID = l.id
	s.locations = append(s.locations, l)
}

func (s *state) addStaff(d StaffData, at time.Time) {
	m := &staff{data: d}
	m.location, _ = find[*location](s, gid("Location", d.LocationID))
	s.add(m, "StaffMember", d.ID, at)
	s.staff = append(s.staff, m)
}

func (s *state) addProduct(d ProductData, at time.Time) {
	p := &product{
		title: d.Title, handle: d.Handle, productType: d.Type, vendor: d.Vendor,
		description: d.Description, status: d.Status, tags: normalizeTags(d.Tags), options: slices.Clone(d.Options), giftCard: d.GiftCard,
	}
	if p.handle == "" {
		p.handle = handle(d.Title)
	}
	if p.status == "" {
		p.status = "ACTIVE"
	}
	if !d.CreatedAt.IsZero() {
		at = d.CreatedAt
	}
	s.add(p, "Product", d.ID, at)
	for i, vd := range d.Variants {
		v := &variant{product: p, sku: vd.SKU, barcode: vd.Barcode, options: slices.Clone(vd.Options), price: vd.Price, position: i + 1}
		s.add(v, "ProductVariant", vd.ID, at)
		s.stockVariant(v, vd.Cost, vd.Stock, at)
		p.variants = append(p.variants, v)
		s.variants = append(s.variants, v)
		s.bySKU[v.sku] = v
	}
	s.products = append(s.products, p)
}

// stockVariant gives a variant its inventory item, with so many pieces by location.
func (s *state) stockVariant(v *variant, cost decimal.Decimal, stock map[int64]int, at time.Time) {
	v.item = &item{variant: v, cost: cost}
	s.add(v.item, "InventoryItem", 0, at)
	for _, l := range s.activeLocations() {
		lv := s.newLevel(v.item, l, stock[l.id])
		lv.createdAt, lv.updatedAt = at, at
	}
}

// priceRange is the lowest and the highest price of the variants.
func (p *product) priceRange() (lowest, highest decimal.Decimal) {
	for i, v := range p.variants {
		if i == 0 || v.price.LessThan(lowest) {
			lowest = v.price
		}
		if i == 0 || v.price.GreaterThan(highest) {
			highest = v.price
		}
	}
	return lowest, highest
}

// optionValues are the values of the product's option i, in the order of the variants.
func (p *product) optionValues(i int) []string {
	var out []string
	for _, v := range p.variants {
		if i < len(v.options) && !slices.Contains(out, v.options[i]) {
			out = append(out, v.options[i])
		}
	}
	return out
}

// stock is what is available of v by location, for the readers.
func (v *variant) stock() map[string]int {
	out := map[string]int{}
	for _, l := range v.item.levels {
		out[l.location.gid] = l.quantities["available"]
	}
	return out
}

// handle makes a URL part of a title: "Dress Shirt, White" becomes "dress-shirt-white".
func handle(title string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(title), func(r rune) bool {
		return ('a' > r || r > 'z') && ('0' > r || r > '9')
	}), "-")
}
