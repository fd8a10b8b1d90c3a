package main

import (
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Sale is all that the follow-up of one order is made from. Of the customer it
// holds the first name and nothing else that identifies a person.
type Sale struct {
	ShopName     string
	OrderID      string // GID
	OrderName    string // "#1042"
	At           time.Time
	LocationID   string // GID of the store, empty for a sale made elsewhere
	LocationName string
	Total        decimal.Decimal
	Currency     string // ISO 4217
	Tender       []string
	Lines        []Line
	Gift         bool // a gift receipt, wrapping or a note said so
	BundleAsked  bool // the associate asked for a draft order
	Customer     *Customer
}

// Line is one line item of a sale.
type Line struct {
	ProductID, VariantID string // GIDs, empty for a custom item
	Title, ProductType   string
	Quantity             int
}

// Customer is what the follow-up knows of the person who bought.
type Customer struct {
	ID        string // GID
	FirstName string
	// LastName is used to check that no message contains it, and never leaves
	// this process.
	LastName string
	// Consent says that the customer subscribed to marketing.
	Consent bool
	// Bought and Returned hold the products of earlier orders; BoughtTypes
	// their product types.
	Bought, Returned, BoughtTypes map[string]bool
}

// Candidate is a product that may be recommended: in stock at the sale's
// location, not in the sale, not returned by the customer before.
type Candidate struct {
	ProductID, VariantID string
	Title, ProductType   string
	Available            int
	Score                float64
}

// products returns the distinct product ids of a sale.
func (s *Sale) products() []string {
	var ids []string
	for _, l := range s.Lines {
		if l.ProductID != "" && !slices.Contains(ids, l.ProductID) {
			ids = append(ids, l.ProductID)
		}
	}
	return ids
}

// mayAdvertise says whether text that promotes products may go to the customer.
func (s *Sale) mayAdvertise() bool { return s.Customer != nil && s.Customer.Consent }

// firstName is how the message may address the customer, or "".
func (s *Sale) firstName() string {
	if s.Customer == nil {
		return ""
	}
	return strings.TrimSpace(s.Customer.FirstName)
}
