package fetch

import (
	"context"
	"fmt"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/store"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
)

// linesAtOnce is how many lines of an order are asked for at once.
const linesAtOnce = 50

// Reader reads single things of a shop as they are now.
type Reader struct {
	client *shopify.Client
	tag    string
}

// NewReader returns a reader. Who has the tag counts as having opted out of sharing;
// "" is no tag.
func NewReader(client *shopify.Client, noSharingTag string) *Reader {
	return &Reader{client.With(shopify.CallOptions{Lane: shopify.Background}), noSharingTag}
}

// Customer returns a customer, or false if there is none.
func (r *Reader) Customer(ctx context.Context, id int64) (book.Customer, bool, error) {
	resp, err := GetCustomerFacts(ctx, r.client, shopify.NewGID("Customer", id))
	if err != nil || resp.Customer == nil {
		return book.Customer{}, false, err
	}
	return customerOf(resp.Customer, r.tag), true, nil
}

// Order returns an order, or false if there is none.
func (r *Reader) Order(ctx context.Context, id int64) (o store.Order, found bool, err error) {
	var lines []LineFacts
	var after shopify.Optional[string]
	for {
		resp, err := GetOrderFacts(ctx, r.client, shopify.NewGID("Order", id), linesAtOnce, after)
		if err != nil || resp.Order == nil {
			return o, false, err
		}
		lines = append(lines, resp.Order.LineItems.Nodes...)
		page := resp.Order.LineItems.PageInfo
		if !page.HasNextPage || page.EndCursor == "" {
			o, err = orderOf(&resp.Order.OrderFacts, lines)
			return o, err == nil, err
		}
		after = shopify.Some(page.EndCursor)
	}
}

// Variants returns what variants are. One that is gone is nothing more than its number.
func (r *Reader) Variants(ctx context.Context, ids []int64) ([]store.Variant, error) {
	var out []store.Variant
	for _, id := range ids {
		resp, err := GetVariantFacts(ctx, r.client, shopify.NewGID("ProductVariant", id))
		if err != nil {
			return nil, err
		}
		v := store.Variant{ID: id}
		if resp.ProductVariant != nil {
			if v, err = variantOf(resp.ProductVariant); err != nil {
				return nil, err
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// Locations calls put for each of the shop's locations.
func (r *Reader) Locations(ctx context.Context, put func(ctx context.Context, id int64, name string) error) error {
	for l, err := range admin.Locations(ctx, r.client) {
		if err != nil {
			return fmt.Errorf("reading the shop's locations: %w", err)
		}
		id, err := l.ID.Number()
		if err != nil {
			return err
		}
		if err := put(ctx, id, l.Name); err != nil {
			return err
		}
	}
	return nil
}
