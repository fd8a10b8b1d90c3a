package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/examples/checkoutupsell/internal/advice"
)

// kindDiscount is the stable name of the action. It is in the database and in the audit
// log.
const kindDiscount = "checkoutupsell.discount"

// Discount is the action that is proposed for a cart, decided by the rules or by a
// manager, and then executed once: a code for one use that takes an amount off one
// article.
type Discount struct {
	Offer    string `json:"offer"`
	Cart     string `json:"cart"`
	Location string `json:"location"`

	Variant string `json:"variant"`
	Title   string `json:"title"`
	Type    string `json:"type"`

	// What Shopify had when it was proposed. The cost is "" where it is not known.
	Price    string `json:"price"`
	Cost     string `json:"cost"`
	Currency string `json:"currency"`
	InStock  bool   `json:"in_stock"`
	GiftCard bool   `json:"gift_card"`
	// Stacked says that something is off in the cart already.
	Stacked bool `json:"stacked"`

	Percent int `json:"percent"`
	// Minutes is how long the code is good.
	Minutes int `json:"minutes"`
}

// Kind returns the stable name of the action.
func (Discount) Kind() string { return kindDiscount }

// item is the article as it was when the discount was proposed. The rules' judgment of
// it is the policy's.
func (d Discount) item() (*advice.Item, error) {
	price, err := decimal.NewFromString(d.Price)
	if err != nil || len(d.Price) > 40 || price.Exponent() < -6 || price.Exponent() > 12 {
		return nil, errors.New("price is no amount")
	}
	i := &advice.Item{Variant: d.Variant, Title: d.Title, Type: d.Type, Price: price, GiftCard: d.GiftCard, Active: true}
	if d.InStock {
		i.Available = 1
	}
	if d.Cost != "" {
		if i.Cost, err = decimal.NewFromString(d.Cost); err != nil || len(d.Cost) > 40 || i.Cost.Exponent() < -6 || i.Cost.Exponent() > 12 {
			return nil, errors.New("cost is no amount")
		}
		i.CostKnown = true
	}
	return i, nil
}

// off is the amount that is taken off.
func (d Discount) off() decimal.Decimal {
	i, err := d.item()
	if err != nil {
		return decimal.Zero
	}
	return advice.Off(i.Price, d.Percent, 1)
}

// Validate checks the action by itself; whether it may be is for the policy to say.
func (d Discount) Validate() error {
	_, err := d.item()
	switch {
	case err != nil:
		return err
	case !strings.HasPrefix(d.Variant, "gid://shopify/ProductVariant/"):
		return errors.New("variant is not a variant")
	case cartOf(d.Offer) == "" || cartOf(d.Offer) != d.Cart:
		return errors.New("the offer is not the cart's")
	case d.Percent < 1 || d.Percent > 90:
		return errors.New("the discount must be 1 to 90 percent")
	case d.Minutes < 1 || d.Minutes > 24*60:
		return errors.New("the code must be good for 1 to 1440 minutes")
	case !d.off().IsPositive():
		return errors.New("nothing would be taken off")
	}
	return nil
}

// AmountAtStake is what is taken off.
func (d Discount) AmountAtStake() approval.Money {
	return approval.Money{Amount: d.off().StringFixed(2), Currency: d.Currency}
}

// Preview is what a manager sees.
func (d Discount) Preview() approval.Preview {
	i, err := d.item()
	if err != nil {
		return approval.Preview{Title: "A discount that makes no sense"}
	}
	off := d.off()
	left := "not known"
	if m, ok := i.Margin(off); ok {
		left = m.Shift(2).StringFixed(1) + " % of the price, " + i.Price.Sub(off).Sub(i.Cost).StringFixed(2) + " " + d.Currency
	}
	return approval.Preview{
		Title:   fmt.Sprintf("%d %% off %s", d.Percent, d.Title),
		Summary: "Somebody waits at the register. A code for one use, on this article alone, is made for the sale.",
		Fields: []approval.PreviewField{
			{Label: "Article", Value: d.Title},
			{Label: "Price", Value: i.Price.StringFixed(2) + " " + d.Currency},
			{Label: "Off", Value: off.StringFixed(2) + " " + d.Currency},
			{Label: "Customer pays", Value: i.Price.Sub(off).StringFixed(2) + " " + d.Currency},
			{Label: "Left above the cost", Value: left},
			{Label: "The code is good for", Value: strconv.Itoa(d.Minutes) + " minutes"},
		},
	}
}

const fieldPercent = "percent"

// EditForm offers the percentage.
func (d Discount) EditForm() []approval.FormField {
	return []approval.FormField{{Name: fieldPercent, Label: "Percent off", Value: strconv.Itoa(d.Percent), MaxLength: 2, Required: true}}
}

// ApplyEdit returns the action as the manager changed it; it is judged again.
func (d Discount) ApplyEdit(values map[string]string) (approval.Action, error) {
	percent, err := strconv.Atoi(strings.TrimSpace(values[fieldPercent]))
	if err != nil {
		return nil, errors.New("the percentage must be a whole number")
	}
	d.Percent = percent
	return d, nil
}
