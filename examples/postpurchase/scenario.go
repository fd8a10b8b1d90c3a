package main

import (
	"fmt"
	"slices"

	"github.com/posai-go/posai/shopify/shopifytest"
)

// scene is one sale of the quick start.
type scene struct {
	shopifytest.Sale
	story string
	twice bool // its delivery comes a second time
}

// pickSales makes up three sales from what the simulated shop has: an everyday
// one, one above the limit for which the associate asks for a draft order, and
// a walk-in's whose delivery comes twice.
func pickSales(sim *shopifytest.Shop) ([]scene, error) {
	p := picker{sim: sim, location: sim.Locations()[0].ID}
	regulars := slices.DeleteFunc(sim.Customers(), func(c shopifytest.Customer) bool {
		return c.EmailMarketing != "SUBSCRIBED" || c.Orders < 3
	})
	if len(regulars) < 2 {
		return nil, fmt.Errorf("the simulated shop has %d regular customers who agreed to marketing, two are needed", len(regulars))
	}
	scenes := []scene{
		{Sale: p.sale(regulars[0].ID, "Soy Candle"), story: "for " + regulars[0].FirstName + ", a regular"},
		{Sale: p.sale(regulars[1].ID, "Hopsack Wool Blazer", "Oxford Dress Shirt", "Silk Knit Tie"), story: "for " + regulars[1].FirstName + ", a gift; the associate asks for a draft order"},
		{Sale: p.sale("", "Leather Tote"), story: "for somebody who left no name", twice: true},
	}
	scenes[1].Note = "Birthday present, please wrap."
	scenes[1].Attributes = []shopifytest.Attribute{{Key: bundleAttribute, Value: "yes"}}
	return scenes, p.err
}

// picker finds articles that are in stock at a location.
type picker struct {
	sim      *shopifytest.Shop
	location string // GID
	err      error  // the first that went wrong
}

func (p *picker) sale(customer string, titles ...string) shopifytest.Sale {
	sale := shopifytest.Sale{Location: p.location, Customer: customer}
	for _, title := range titles {
		sale.Lines = append(sale.Lines, shopifytest.SaleLine{SKU: p.sku(title)})
	}
	return sale
}

// sku returns the variant of a product that there is most of.
func (p *picker) sku(title string) string {
	sku, most := "", 0
	for _, product := range p.sim.Products() {
		if product.Title != title {
			continue
		}
		for _, v := range product.Variants {
			if n := v.Available[p.location]; n > most {
				sku, most = v.SKU, n
			}
		}
	}
	if sku == "" && p.err == nil {
		p.err = fmt.Errorf("%q is not in stock", title)
	}
	return sku
}
