package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/webhooktest"
)

// maxPayload is the longest body that is read from a file, in bytes.
const maxPayload = 5 << 20

func readPayload(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	body, err := io.ReadAll(io.LimitReader(f, maxPayload+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxPayload {
		return nil, fmt.Errorf("%s is longer than %d bytes", path, maxPayload)
	}
	if !json.Valid(body) {
		return nil, fmt.Errorf("%s is not JSON", path)
	}
	return body, nil
}

// deliverPayload sends the body, signed, to the service as the shop would.
func (d *demonstration) deliverPayload(ctx context.Context, body []byte) error {
	var o webhook.Order
	if err := json.Unmarshal(body, &o); err != nil {
		return errors.New("the file is not the body of an orders/create delivery")
	}
	if !o.IsPOS() {
		return fmt.Errorf("order %s was not rung up at a register: source_name is %q", o.Name, o.SourceName)
	}
	d.Printf("\nSale  order %s from %s\n", o.Name, d.cfg.payload)
	sender := &webhooktest.Sender{Secret: d.cfg.Secret}
	if _, err := sender.Post(ctx, d.URL+"/webhooks", webhook.Delivery{
		Topic: string(webhook.OrdersCreate), Shop: string(d.shop.client.Shop()), Body: body,
	}); err != nil {
		return err
	}
	order := fmt.Sprintf("gid://shopify/Order/%d", o.ID)
	d.orders = append(d.orders, order)
	return d.follow(ctx, order)
}

// addPayload puts the order of a delivery into the data of a simulated shop, so
// that it can be read back: the order under its own id, and the products,
// customer and location that the shop does not have.
func addPayload(data *shopifytest.Data, body []byte) error {
	var o webhook.Order
	if err := json.Unmarshal(body, &o); err != nil {
		return errors.New("the file is not the body of an orders/create delivery")
	}
	if o.ID <= 0 || len(o.LineItems) == 0 {
		return errors.New("the order in the file has no id or no line items")
	}
	order := shopifytest.OrderData{ID: o.ID, At: o.CreatedAt, Tender: "card", Note: o.Note}
	if order.At.IsZero() {
		order.At = time.Now()
	}
	for _, a := range o.NoteAttributes {
		order.Attributes = append(order.Attributes, shopifytest.Attribute{Key: a.Name, Value: a.Value})
	}
	if o.LocationID != nil {
		order.LocationID = knownLocation(data, *o.LocationID)
	}
	if c := o.Customer; c != nil && c.ID > 0 {
		order.CustomerID = c.ID
		if !slices.ContainsFunc(data.Customers, func(k shopifytest.CustomerData) bool { return k.ID == c.ID }) {
			data.Customers = append(data.Customers, shopifytest.CustomerData{
				ID: c.ID, FirstName: c.FirstName, LastName: c.LastName, EmailMarketing: consentOf(c), CreatedAt: order.At,
			})
		}
	}
	for _, l := range o.LineItems {
		price := l.Price
		order.Lines = append(order.Lines, shopifytest.OrderLineData{SKU: variantOf(data, l), Quantity: int(max(l.Quantity, 1)), Price: &price})
	}
	data.Orders = append(data.Orders, order)
	slices.SortStableFunc(data.Orders, func(a, b shopifytest.OrderData) int { return a.At.Compare(b.At) })
	return nil
}

// consentOf returns the state as the Admin schema spells it.
func consentOf(c *webhook.Customer) string {
	if c.EmailMarketingConsent != nil && c.EmailMarketingConsent.State == "subscribed" {
		return "SUBSCRIBED"
	}
	return "NOT_SUBSCRIBED"
}

func knownLocation(data *shopifytest.Data, id int64) int64 {
	if !slices.ContainsFunc(data.Locations, func(l shopifytest.LocationData) bool { return l.ID == id }) {
		data.Locations = append(data.Locations, shopifytest.LocationData{ID: id, Name: fmt.Sprintf("Location %d", id)})
	}
	return id
}

// variantOf returns the SKU of a line's variant in the data, which it adds if
// it is not there.
func variantOf(data *shopifytest.Data, l webhook.LineItem) string {
	var variant, product int64
	if l.VariantID != nil {
		variant = *l.VariantID
	}
	if l.ProductID != nil {
		product = *l.ProductID
	}
	for _, p := range data.Products {
		for _, v := range p.Variants {
			if v.SKU == l.SKU && l.SKU != "" || v.ID == variant && variant != 0 {
				return v.SKU
			}
		}
	}
	sku := l.SKU
	if sku == "" {
		sku = fmt.Sprintf("LINE-%d", l.ID)
	}
	title := l.Title
	if title == "" {
		title = sku
	}
	data.Products = append(data.Products, shopifytest.ProductData{
		ID: product, Title: title, Variants: []shopifytest.VariantData{{ID: variant, SKU: sku, Price: decimal.Max(l.Price, decimal.Zero)}},
	})
	return sku
}
