package shopifytest

import (
	"time"
	_ "time/tzdata" // the shop's time zone must be known on machines without zone files

	"github.com/shopspring/decimal"
)

// load fills an empty state with checked data.
func (s *state) load(d *Data) error {
	zone, err := time.LoadLocation(d.Shop.Timezone)
	if err != nil {
		return &DataError{Path: "shop.timezone", Reason: "must be an IANA time zone"}
	}
	start := s.now()
	if len(d.Orders) > 0 {
		start = d.Orders[0].At.AddDate(0, -1, 0) // the shop is older than its first order
	}
	s.shop = shopInfo{data: d.Shop, location: zone, digits: currencyDigits(d.Shop.Currency)}
	s.add(&s.shop, "Shop", 0, start)
	s.add(appNode{&s.app.app}, "App", 0, start)
	s.loadReturnReasons()
	s.app.installation = &installation{}
	s.add(s.app.installation, "AppInstallation", 0, start)
	for _, l := range d.Locations {
		s.addLocation(l, start)
	}
	for _, m := range d.Staff {
		s.addStaff(m, start)
	}
	for _, p := range d.Products {
		s.addProduct(p, start)
	}
	for _, c := range d.Customers {
		s.addCustomer(c, start)
	}
	for _, o := range d.Orders {
		// What was ordered online in the last two days of the data is not sent yet.
		s.addOrder(o, d.Orders[len(d.Orders)-1].At.Sub(o.At) < 48*time.Hour)
	}
	return nil
}

// appNode is the app as a node; it has no fields of its own.
type appNode struct{ *head }

func (s *state) addOrder(d OrderData, recent bool) {
	gateway, _ := tender(d.Tender)
	p := placement{
		id: d.ID, at: d.At, source: "web", discount: d.Discount, shipping: d.Shipping, taxRate: d.TaxRate, taxTitle: "Sales Tax",
		gateway: gateway, note: d.Note, attributes: d.Attributes, tags: d.Tags, silent: true,
	}
	p.location, _ = find[*location](s, gid("Location", d.LocationID))
	p.staff, _ = find[*staff](s, gid("StaffMember", d.StaffID))
	p.customer, _ = find[*customer](s, gid("Customer", d.CustomerID))
	if p.location != nil {
		p.source, p.fulfilled = "pos", true
		p.taxRate, p.taxTitle = p.location.data.TaxRate, p.location.data.TaxTitle
	} else {
		p.shippingTitle = "Standard"
		p.fulfilled = !recent
		if p.customer != nil {
			p.shippingAddress = p.customer.defaultAddress()
			p.billingAddress = p.shippingAddress
		}
	}
	for _, l := range d.Lines {
		v := s.bySKU[l.SKU]
		pl := placementLine{variant: v, quantity: l.Quantity, price: v.price, discount: l.Discount, taxable: true, shipped: p.location == nil}
		if l.Price != nil {
			pl.price = *l.Price
		}
		p.lines = append(p.lines, pl)
	}
	o := s.place(p)
	for _, l := range o.lines {
		if lv := l.variant.item.at(s.origin(o)); !p.fulfilled && lv != nil {
			lv.quantities["committed"] += l.quantity
			l.aside = l.quantity
		}
	}
	for _, r := range d.Refunds {
		s.addRefund(o, r)
	}
}

func (s *state) addRefund(o *order, d RefundData) {
	g := giveBack{at: d.At, note: d.Note, goods: true, silent: true, staff: o.staff}
	at, _ := find[*location](s, gid("Location", d.LocationID))
	sum := decimal.Zero
	for _, l := range d.Lines {
		gl := giveBackLine{line: o.lines[l.Line], quantity: l.Quantity, restock: "NO_RESTOCK", location: at, definition: s.returnReasonNamed(l.Reason)}
		if l.Restock {
			gl.restock = "RETURN"
		}
		net, tax := s.quote(gl.line, gl.quantity)
		sum = sum.Add(net).Add(tax)
		g.lines = append(g.lines, gl)
	}
	g.payments = o.giveBack(sum)
	s.refund(o, g)
}
