package shopifytest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// GenerateData makes up a small retailer of clothes and things for the home: two stores,
// some sixty-seven products, forty customers and a year of orders that ends on the day before today, in the
// stores and online. People buy what goes together, come back for what is used up, shop for
// presents before the holidays and bring some of it back.
//
// The same seed and the same day give the same data. A zero seed is 1; a zero
// today is the present day.
func GenerateData(seed uint64, today time.Time) *Data {
	zone, err := time.LoadLocation(seedShop.Timezone)
	if err != nil {
		panic("shopifytest: " + err.Error()) // the zones are linked in
	}
	if today.IsZero() {
		today = time.Now()
	}
	y, m, d := today.In(zone).Date()
	g := &generator{
		random: rand.New(rand.NewPCG(cmp.Or(seed, 1), 0x616c646572)),
		today:  time.Date(y, m, d, 0, 0, 0, 0, zone),
		index:  map[string]*seedEntry{},
		data:   &Data{Version: DataVersion, Shop: seedShop, Locations: slices.Clone(seedLocations), Staff: slices.Clone(seedStaff)},
	}
	g.start = g.today.AddDate(-1, 0, 0)
	g.products()
	g.customers()
	g.orders()
	return g.data
}

type generator struct {
	random       *rand.Rand
	start, today time.Time
	data         *Data
	entries      []*seedEntry
	index        map[string]*seedEntry // by code
	shoppers     []*shopper
}

// seedEntry is a product and what goes with it.
type seedEntry struct {
	*seedProduct
	variants []VariantData
	pairs    []seedPair
}

type seedPair struct {
	entry   *seedEntry
	percent int
}

// shopper is a customer with habits.
type shopper struct {
	data     *CustomerData
	location int
	online   int // chance in a hundred to order online
	visits   float64
	whom     string // w, m
	home     int    // chance in a hundred to buy for the home
	size     int
	color    int
	tax      decimal.Decimal
	used     []string // SKUs of what is used up, to be bought again
}

func (g *generator) chance(percent int) bool { return g.random.IntN(100) < percent }

func pick[T any](g *generator, from []T) T { return from[g.random.IntN(len(from))] }

func (g *generator) products() {
	for i := range seedProducts {
		p := &seedProducts[i]
		d := ProductData{
			Title: p.title, Type: p.kind, Vendor: p.vendor, Description: p.about, Tags: p.tags,
			CreatedAt: g.start.AddDate(0, 0, -30-i%20).Add(10 * time.Hour),
		}
		for _, o := range []seedOption{p.option1, p.option2} {
			if o.name != "" {
				d.Options = append(d.Options, o.name)
			}
		}
		for _, first := range orBlank(p.option1.values) {
			for _, second := range orBlank(p.option2.values) {
				d.Variants = append(d.Variants, g.variant(p, i, len(d.Variants), first, second))
			}
		}
		g.data.Products = append(g.data.Products, d)
		e := &seedEntry{seedProduct: p, variants: d.Variants}
		g.entries = append(g.entries, e)
		g.index[p.code] = e
	}
	for _, p := range seedPairs {
		with := g.index[p.with]
		with.pairs = append(with.pairs, seedPair{g.index[p.add], p.percent})
	}
}

func orBlank(values []string) []string {
	if len(values) == 0 {
		return []string{""}
	}
	return values
}

func (g *generator) variant(p *seedProduct, product, n int, options ...string) VariantData {
	v := VariantData{
		SKU: "AW-" + p.code, Barcode: fmt.Sprintf("04%05d%04d", product+1, n+1), Price: decimal.New(p.price, -2),
		Cost: decimal.New(p.price*42/100, -2), Stock: map[int64]int{},
	}
	v.Barcode += checkDigit(v.Barcode)
	for _, o := range options {
		if o != "" {
			v.Options = append(v.Options, o)
			v.SKU += "-" + skuPart(o)
		}
	}
	for _, l := range g.data.Locations {
		stock := 1 + g.random.IntN(14)
		if p.consume {
			stock += 10 + g.random.IntN(30)
		}
		if g.chance(9) {
			stock = 0
		}
		v.Stock[l.ID] = stock
	}
	return v
}

// skuPart shortens an option's value: "Navy Stripe" becomes "NAVS", "S/M" becomes "SM".
func skuPart(value string) string {
	words := strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == '/' })
	if len(words) == 1 {
		return strings.ToUpper(value[:min(len(value), 4)])
	}
	return strings.ToUpper(words[0][:min(len(words[0]), 3)] + words[1][:1])
}

// checkDigit completes an EAN of 12 digits or a UPC of 11.
func checkDigit(digits string) string {
	sum := 0
	for i := range len(digits) {
		n := int(digits[len(digits)-1-i] - '0')
		if i%2 == 0 {
			n *= 3
		}
		sum += n
	}
	return strconv.Itoa((10 - sum%10) % 10)
}

func (g *generator) customers() {
	for i, name := range seedNames {
		town := pick(g, seedTowns)
		c := CustomerData{
			ID: firstID + int64(i), FirstName: name[0], LastName: name[1], Email: strings.ToLower(name[0]+"."+name[1]) + "@example.com",
			Address: AddressData{
				Address1: fmt.Sprintf("%d %s", 2+g.random.IntN(180), pick(g, seedStreets)), City: town.city, Province: town.province, ProvinceCode: town.code,
				Country: "United States", CountryCode: "US", Zip: town.zip,
			},
			CreatedAt: g.start.AddDate(0, 0, -g.random.IntN(700)).Add(11 * time.Hour),
		}
		switch n := g.random.IntN(100); {
		case n < 60:
			c.EmailMarketing = "SUBSCRIBED"
		case n < 85:
			c.EmailMarketing = "NOT_SUBSCRIBED"
		case n < 95:
			c.EmailMarketing = "UNSUBSCRIBED"
		default:
			c.EmailMarketing = "PENDING"
		}
		if g.chance(45) {
			c.Phone = fmt.Sprintf("+1207555%04d", 130+i)
			if g.chance(40) {
				c.SMSMarketing = "SUBSCRIBED"
			}
		}
		if g.chance(20) {
			c.Note = pick(g, seedNotes)
		}
		visits := 4 + g.random.Float64()*14
		if i%8 == 0 {
			visits, c.Tags = 30+g.random.Float64()*14, []string{"VIP"}
		}
		g.data.Customers = append(g.data.Customers, c)
		g.shoppers = append(g.shoppers, &shopper{
			location: town.location, online: 10 + g.random.IntN(45), visits: visits, whom: pick(g, []string{"w", "m"}),
			home: 35 + g.random.IntN(40), size: g.random.IntN(4), color: g.random.IntN(3), tax: decimal.RequireFromString(town.tax),
		})
	}
	for i, s := range g.shoppers {
		s.data = &g.data.Customers[i]
	}
}
