package main

import (
	"context"
	"time"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
)

// history is what a customer bought, for an associate who serves them. It never
// exists at a kiosk.
type history struct {
	products map[string]bool // GIDs
	bought   []purchase      // the latest first
}

type purchase struct {
	product string // GID
	at      time.Time
}

// maxOrders is how many of a customer's orders are looked at.
const maxOrders = 10

// history reads a customer's latest orders; nil if they cannot be had in time.
func (s *shop) history(ctx context.Context, customer string) *history {
	ctx, cancel := context.WithTimeout(ctx, s.lookUp)
	defer cancel()
	client := s.client.With(shopify.CallOptions{Lane: shopify.Interactive})
	resp, err := admin.CustomerHistory(ctx, client, shopify.GID(customer), maxOrders, shopify.Optional[string]{})
	if err != nil || resp.Customer == nil {
		return nil
	}
	h := &history{products: map[string]bool{}}
	for _, o := range resp.Customer.Orders.Nodes {
		for _, l := range o.LineItems.Nodes {
			if l.Product == nil {
				continue
			}
			id := string(l.Product.ID)
			if !h.products[id] {
				h.bought = append(h.bought, purchase{id, o.CreatedAt})
			}
			h.products[id] = true
		}
	}
	return h
}

// know tells a conversation's vault what is personal about a customer, so that the
// model never reads it, whoever types it.
func (s *shop) know(ctx context.Context, vault *ai.Vault, customer string) error {
	ctx, cancel := context.WithTimeout(ctx, s.lookUp)
	defer cancel()
	resp, err := admin.GetCustomer(ctx, s.client.With(shopify.CallOptions{Lane: shopify.Interactive}), shopify.GID(customer))
	if err != nil || resp.Customer == nil {
		return err
	}
	c := resp.Customer
	vault.Know(ai.KindName, c.FirstName, c.LastName)
	if c.DefaultEmailAddress != nil {
		vault.Know(ai.KindEmail, c.DefaultEmailAddress.EmailAddress)
	}
	if c.DefaultPhoneNumber != nil {
		vault.Know(ai.KindPhone, c.DefaultPhoneNumber.PhoneNumber)
	}
	return nil
}
