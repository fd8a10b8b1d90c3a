package fetch

import (
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/store"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/webhook"
)

// customerOf is a customer as the API says. tag, where it is not empty, is the tag by
// which associates mark who opted out of sharing.
func customerOf(f *CustomerFacts, tag string) book.Customer {
	c := book.Customer{
		ID: f.ID, FirstName: f.FirstName, LastName: f.LastName, Locale: f.Locale, Tags: f.Tags, Note: f.Note,
		Since: f.CreatedAt.UTC(), UpdatedAt: f.UpdatedAt.UTC(), RFMGroup: string(f.Statistics.RfmGroup),
		NoSharing: f.DataSaleOptOut || tag != "" && slices.ContainsFunc(f.Tags, func(t string) bool { return strings.EqualFold(t, tag) }),
	}
	if e := f.DefaultEmailAddress; e != nil {
		c.Email, c.EmailConsent = e.EmailAddress, consentOf(string(e.MarketingState), e.MarketingUpdatedAt)
	}
	if p := f.DefaultPhoneNumber; p != nil {
		c.Phone, c.SMSConsent = p.PhoneNumber, consentOf(string(p.SmsMarketingConsent.State), p.SmsMarketingConsent.UpdatedAt)
	}
	if a := f.DefaultAddress; a != nil {
		c.City, c.Country = a.City, a.CountryCodeV2
	}
	return c
}

// consentOf makes one form of what the APIs say in several.
func consentOf(state string, at *time.Time) book.Consent {
	c := book.Consent{State: strings.ToUpper(state)}
	if c.State == "NEVER_SUBSCRIBED" {
		c.State = "NOT_SUBSCRIBED"
	}
	if at != nil {
		c.At = at.UTC()
	}
	return c
}

// EmailConsent is the consent of a delivery. One without a time counts from when it was
// triggered.
func EmailConsent(ev *webhook.Event[webhook.EmailMarketingConsentUpdate]) book.Consent {
	c := ev.Payload.EmailMarketingConsent
	return consentOf(c.State, orTriggered(c.ConsentUpdatedAt, &ev.Delivery))
}

// SMSConsent is the same for text messages.
func SMSConsent(ev *webhook.Event[webhook.SMSMarketingConsentUpdate]) book.Consent {
	c := ev.Payload.SMSMarketingConsent
	return consentOf(c.State, orTriggered(c.ConsentUpdatedAt, &ev.Delivery))
}

func orTriggered(at *time.Time, d *webhook.Delivery) *time.Time {
	if at != nil {
		return at
	}
	return &d.TriggeredAt
}

// orderOf is an order as the API says.
func orderOf(f *OrderFacts, lines []LineFacts) (store.Order, error) {
	o := store.Order{
		UpdatedAt: f.UpdatedAt.UTC(), At: f.ProcessedAt.UTC(), Name: f.Name, Channel: channelOf(f.SourceName), Note: f.Note,
		Total: f.TotalPriceSet.ShopMoney, Refunded: f.TotalRefundedSet.ShopMoney, Canceled: f.CancelledAt != nil,
	}
	var err error
	if o.ID, err = f.ID.Number(); err != nil {
		return o, err
	}
	if f.Customer != nil && !f.Test {
		if o.Customer, err = f.Customer.ID.Number(); err != nil {
			return o, err
		}
	}
	if f.RetailLocation != nil {
		if o.Location, err = f.RetailLocation.ID.Number(); err != nil {
			return o, err
		}
	}
	gift := isGift(f.CustomAttributes)
	for i := range lines {
		l, err := lineOf(&lines[i])
		if err != nil {
			return o, err
		}
		l.Gift = l.Gift || gift
		o.Lines = append(o.Lines, l)
	}
	return o, nil
}

func lineOf(f *LineFacts) (store.Line, error) {
	paid := f.OriginalTotalSet.ShopMoney
	for _, a := range f.DiscountAllocations {
		paid.Amount = paid.Amount.Sub(a.AllocatedAmountSet.ShopMoney.Amount)
	}
	l := store.Line{
		Title: f.Title, Vendor: f.Vendor, Quantity: f.Quantity, Returned: f.Quantity - f.CurrentQuantity, Paid: paid, GiftCard: f.IsGiftCard, Gift: isGift(f.CustomAttributes),
	}
	var err error
	if f.Product != nil {
		if l.Product, err = f.Product.ID.Number(); err != nil {
			return l, err
		}
	}
	if f.Variant != nil {
		l.Variant, err = f.Variant.ID.Number()
	}
	return l, err
}

// Order is an order as a delivery says. It is not whole where money went back in another
// currency than the shop's: then only the API says how much that was in the shop's.
func Order(p *webhook.Order) (o store.Order, whole bool) {
	back, whole := refunded(p)
	o = store.Order{
		ID: p.ID, UpdatedAt: p.UpdatedAt.UTC(), At: p.CreatedAt.UTC(), Name: p.Name, Channel: channelOf(p.SourceName), Note: p.Note,
		Total: shopify.Money{Amount: p.TotalPrice, CurrencyCode: p.Currency}, Refunded: shopify.Money{Amount: back, CurrencyCode: p.Currency},
		Canceled: p.CancelledAt != nil,
	}
	if p.ProcessedAt != nil {
		o.At = p.ProcessedAt.UTC()
	}
	if p.Customer != nil && !p.Test {
		o.Customer = p.Customer.ID
	}
	o.Location = valueOf(p.LocationID)
	gift := isGift(attributesOf(p.NoteAttributes))
	for i := range p.LineItems {
		item := &p.LineItems[i]
		paid := item.Price.Mul(decimal.NewFromInt(item.Quantity))
		for _, a := range item.DiscountAllocations {
			paid = paid.Sub(a.Amount)
		}
		l := store.Line{
			Product: valueOf(item.ProductID), Variant: valueOf(item.VariantID), Title: item.Title, Vendor: item.Vendor, Quantity: int(item.Quantity),
			Paid: shopify.Money{Amount: paid, CurrencyCode: p.Currency}, GiftCard: item.GiftCard, Gift: gift || isGift(attributesOf(item.Properties)),
		}
		if item.CurrentQuantity != nil {
			l.Returned = int(item.Quantity - *item.CurrentQuantity)
		}
		o.Lines = append(o.Lines, l)
	}
	return o, whole
}

// refunded is the money that went back, as far as it was in the shop's currency. A
// transaction is in that of the payment, which may be the customer's.
func refunded(p *webhook.Order) (sum decimal.Decimal, whole bool) {
	whole = true
	for i := range p.Refunds {
		for j := range p.Refunds[i].Transactions {
			if t := &p.Refunds[i].Transactions[j]; t.Kind == "refund" && t.Status == "success" {
				if t.Currency != p.Currency {
					whole = false
					continue
				}
				sum = sum.Add(t.Amount)
			}
		}
	}
	return sum, whole
}

// Product is what a delivery says of the variants of a product, as far as it has them.
func Product(p *webhook.Product) []store.Variant {
	var out []store.Variant
	for i := range p.Variants {
		v := &p.Variants[i]
		var options []book.Option
		for j, value := range []string{v.Option1, v.Option2, v.Option3} {
			if j < len(p.Options) && value != "" {
				options = append(options, book.Option{Name: p.Options[j].Name, Value: value})
			}
		}
		out = append(out, store.Variant{ID: v.ID, Product: p.ID, Category: p.ProductType, Options: withoutDefault(options), UpdatedAt: p.UpdatedAt.UTC()})
	}
	return out
}

func variantOf(f *VariantFacts) (v store.Variant, err error) {
	v = store.Variant{Category: f.Product.ProductType, UpdatedAt: f.Product.UpdatedAt.UTC()}
	if v.ID, err = f.ID.Number(); err != nil {
		return v, err
	}
	if v.Product, err = f.Product.ID.Number(); err != nil {
		return v, err
	}
	var options []book.Option
	for _, o := range f.SelectedOptions {
		options = append(options, book.Option{Name: o.Name, Value: o.Value})
	}
	v.Options = withoutDefault(options)
	return v, nil
}

// withoutDefault drops what Shopify gives to a product with one variant.
func withoutDefault(options []book.Option) []book.Option {
	if len(options) == 1 && options[0] == (book.Option{Name: "Title", Value: "Default Title"}) {
		return nil
	}
	return options
}

func channelOf(source string) book.Channel {
	switch source {
	case "pos":
		return book.Register
	case "web":
		return book.Online
	}
	return book.Other
}

// isGift reports whether somebody said that it is for another person.
func isGift(attributes []Attribute) bool {
	return slices.ContainsFunc(attributes, func(a Attribute) bool {
		key := strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(strings.Trim(a.Key, " _")))
		switch key {
		case "gift", "is_gift", "gift_wrap", "gift_wrapping", "gift_message", "gift_note":
		default:
			return false
		}
		switch strings.ToLower(strings.TrimSpace(a.Value)) {
		case "", "0", "no", "false", "none", "off":
			return false
		}
		return true
	})
}

func attributesOf(as webhook.Attributes) []Attribute {
	out := make([]Attribute, len(as))
	for i, a := range as {
		out[i] = Attribute{Key: a.Name, Value: a.Value}
	}
	return out
}

func valueOf(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}
