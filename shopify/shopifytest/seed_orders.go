package shopifytest

import (
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// orders simulates the year day by day.
func (g *generator) orders() {
	for day := g.start; day.Before(g.today); day = day.AddDate(0, 0, 1) {
		busy := busyness(day)
		first := len(g.data.Orders)
		for _, s := range g.shoppers {
			if g.random.Float64() < s.visits/365*busy {
				g.visit(day, s)
			}
		}
		for location := range g.data.Locations {
			for range 1 + g.random.IntN(2) {
				if g.random.Float64() < 0.85*busy {
					g.visit(day, &shopper{location: location, whom: pick(g, []string{"w", "m"}), home: 55, size: g.random.IntN(4), color: g.random.IntN(3)})
				}
			}
		}
		slices.SortStableFunc(g.data.Orders[first:], func(a, b OrderData) int { return a.At.Compare(b.At) })
	}
}

// busyness of a day: 1 is ordinary.
func busyness(day time.Time) float64 {
	b := 0.9
	switch day.Weekday() {
	case time.Saturday, time.Sunday:
		b = 1.3
	}
	switch day.Month() {
	case time.November:
		b *= 1.3
	case time.December:
		b *= 1.7
	case time.January, time.February:
		b *= 0.8
	}
	return b
}

// visit makes one order.
func (g *generator) visit(day time.Time, s *shopper) {
	o := OrderData{At: day.Add(10*time.Hour + time.Duration(g.random.IntN(9*3600))*time.Second)}
	location := s.location
	if g.chance(6) {
		location = 1 - location
	}
	switch {
	case s.data != nil && g.chance(s.online):
		o.TaxRate = s.tax
		o.At = day.Add(7*time.Hour + time.Duration(g.random.IntN(16*3600))*time.Second)
	default:
		o.LocationID = g.data.Locations[location].ID
		o.StaffID = g.data.Staff[2*location+g.random.IntN(2)].ID
	}
	gift := g.chance(7) || day.Month() == time.December && g.chance(30)
	g.fill(&o, s, gift)
	if s.data != nil {
		o.CustomerID = s.data.ID
	}
	if o.LocationID == 0 && g.worth(o) < 7500 {
		o.Shipping = decimal.New(795, -2)
	}
	switch n := g.random.IntN(100); {
	case o.LocationID != 0 && n < 18:
		o.Tender = "cash"
	case n > 95:
		o.Tender = "gift_card"
	}
	switch {
	case o.LocationID == 0 && g.chance(8):
		o.Discount = &Discount{Code: "WELCOME10", Percent: decimal.NewFromInt(10)}
	case o.LocationID != 0 && g.chance(4):
		o.Discount = &Discount{Title: "Loyalty courtesy", Percent: decimal.NewFromInt(5)}
	}
	if !gift {
		g.bringBack(&o, location)
	}
	g.data.Orders = append(g.data.Orders, o)
}

// worth is the goods' price in cents.
func (g *generator) worth(o OrderData) int64 {
	sum := int64(0)
	for _, l := range o.Lines {
		sum += int64(l.Quantity) * g.entryOf(l.SKU).price
	}
	return sum
}

// fill puts articles into the basket: something wanted, what goes with it, sometimes more.
func (g *generator) fill(o *OrderData, s *shopper, gift bool) {
	if len(s.used) > 0 && g.chance(55) {
		g.put(o, pick(g, s.used))
	}
	for wanted := 1 + g.random.IntN(2); len(o.Lines) == 0 || wanted > 0; wanted-- {
		e := g.want(o.At, s, gift)
		g.add(o, s, e)
		for _, p := range e.pairs {
			if g.chance(p.percent) {
				g.add(o, s, p.entry)
			}
		}
	}
	if !gift {
		return
	}
	g.add(o, s, g.index["BOX"])
	if g.chance(60) {
		g.add(o, s, g.index["LPC"])
	}
	o.Attributes = []Attribute{{Key: "gift", Value: "yes"}}
	o.Note = "Gift: please wrap, no prices."
}

// want picks a product by the season, the shopper and its popularity.
func (g *generator) want(at time.Time, s *shopper, gift bool) *seedEntry {
	for range 200 {
		e := pick(g, g.entries)
		whom := s.whom
		if g.chance(s.home) {
			whom = "home"
		}
		suits := e.whom == whom || e.whom == "all" && g.chance(60)
		if suits && g.random.IntN(10) < e.weight && inSeason(e.season, at) && (!gift || slices.Contains(e.tags, "gift")) {
			return e
		}
	}
	return g.index["CAN"]
}

func inSeason(season string, at time.Time) bool {
	switch season {
	case "winter":
		return at.Month() >= time.October || at.Month() <= time.March
	case "summer":
		return at.Month() >= time.April && at.Month() <= time.August
	default:
		return true
	}
}

// add puts the variant of the product that suits the shopper into the basket.
func (g *generator) add(o *OrderData, s *shopper, e *seedEntry) {
	v := e.variants[g.random.IntN(len(e.variants))]
	if n := len(e.option2.values); n > 0 && g.chance(85) {
		// Colors vary, the size hardly.
		color := (s.color + g.random.IntN(2)) % len(e.option1.values)
		v = e.variants[color*n+min(s.size, n-1)]
	}
	g.put(o, v.SKU)
	if e.consume && s.data != nil && !slices.Contains(s.used, v.SKU) {
		s.used = append(s.used, v.SKU)
		if len(s.used) > 5 {
			s.used = s.used[1:]
		}
	}
}

func (g *generator) put(o *OrderData, sku string) {
	quantity := 1
	switch g.entryOf(sku).code {
	case "PLA", "BOW", "MUG":
		quantity = pick(g, []int{2, 4, 4, 6})
	case "BTW", "HTW", "CUS", "INS", "SHM", "SOA":
		quantity = pick(g, []int{1, 2, 2, 3})
	}
	for _, l := range o.Lines {
		if l.SKU == sku {
			return
		}
	}
	o.Lines = append(o.Lines, OrderLineData{SKU: sku, Quantity: quantity})
}

func (g *generator) entryOf(sku string) *seedEntry { return g.index[sku[3:6]] }

// bringBack returns some of it, mostly clothes that do not fit.
func (g *generator) bringBack(o *OrderData, location int) {
	at := o.At.AddDate(0, 0, 3+g.random.IntN(22))
	if !at.Before(g.today) {
		return
	}
	for i, l := range o.Lines {
		e := g.entryOf(l.SKU)
		percent := 2
		if e.whom != "home" && e.option2.name == "Size" {
			percent = 7
		}
		if o.LocationID == 0 {
			percent *= 2
		}
		if e.consume || !g.chance(percent) {
			continue
		}
		reason := pick(g, []string{"UNWANTED", "NOT_AS_DESCRIBED", "DEFECTIVE", "COLOR", "STYLE"})
		if percent >= 7 {
			reason = pick(g, []string{"SIZE_TOO_SMALL", "SIZE_TOO_LARGE", "SIZE_TOO_SMALL", "STYLE", "COLOR", "UNWANTED"})
		}
		o.Refunds = []RefundData{{
			At: at, LocationID: g.data.Locations[location].ID, Note: seedReturnNotes[reason],
			Lines: []RefundLineData{{Line: i, Quantity: 1, Reason: reason, Restock: reason != "DEFECTIVE"}},
		}}
		return
	}
}

var seedReturnNotes = map[string]string{
	"SIZE_TOO_SMALL": "Runs small in the shoulders.", "SIZE_TOO_LARGE": "Too roomy, will take a size down.", "STYLE": "Not quite the look they had in mind.",
	"COLOR": "Color reads darker than expected.", "UNWANTED": "Changed their mind.", "NOT_AS_DESCRIBED": "Expected a heavier fabric.", "DEFECTIVE": "Seam had come loose.",
}
