package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/webhook"
)

// follower turns a completed sale into a proposal. Everything it does can be
// done again: a delivery is processed at least once.
type follower struct {
	shop    *shop
	queue   *approval.Queue
	log     *audit.Log
	model   ai.Model // nil: the baseline judges
	timeout time.Duration
	bundle  bool // a draft order for every sale
}

// self is this program where it acts on its own: it reads, and without a model
// it proposes too. What a model judged is proposed by an AI.
var self = approval.Principal{ID: "posai.postpurchase", Name: "Post-purchase assistant", Type: approval.System}

func proposer(m audit.Model) approval.Principal {
	by := self
	if !m.Baseline {
		by.Type = approval.AI
	}
	return by
}

// errNoOrder: the shop does not know the order of a delivery.
var errNoOrder = errors.New("the shop has no such order")

// sold handles orders/create and orders/paid: whichever comes first makes the
// proposal.
func (f *follower) sold(ctx context.Context, ev webhook.Event[webhook.Order]) error {
	if !ev.Payload.IsPOS() {
		return nil // an online order: the shop's own e-mails follow it up
	}
	if ev.Payload.ID <= 0 {
		return webhook.GiveUp(errors.New("the delivery names no order"))
	}
	order := fmt.Sprintf("gid://shopify/Order/%d", ev.Payload.ID)
	err := f.follow(ctx, order, ev.Delivery)
	switch {
	case errors.Is(err, errNoOrder):
		return webhook.GiveUp(err)
	case errors.Is(err, approval.ErrInvalid):
		return webhook.GiveUp(err)
	}
	return err
}

// follow makes one proposal for an order, however often it is called.
func (f *follower) follow(ctx context.Context, order string, d webhook.Delivery) error {
	about := []audit.Subject{{Type: "order", ID: order}}
	entry := audit.Entry{
		Correlation: order,
		Shop:        d.Shop,
		Actor:       audit.Actor{Type: audit.System, ID: self.ID, Channel: "webhook"},
		Action:      kindFollowUp,
		Subjects:    about,
	}
	received := entry
	received.ID, received.Kind = "received/"+d.Shop+"/"+d.WebhookID, audit.KindReceived
	received.Attributes = map[string]string{"topic": d.Topic, "webhook_id": d.WebhookID, "event_id": d.EventID}
	if _, err := f.log.Append(ctx, received); err != nil {
		return err
	}

	// A model may judge differently the second time: what was proposed stays.
	if r, err := f.request(ctx, d.Shop, order); r != nil || err != nil {
		return err
	}

	sale, err := f.shop.sale(ctx, order)
	if err != nil {
		return err
	}
	about = subjects(sale)
	read := entry
	read.ID, read.Kind, read.Subjects, read.Location = "read/"+d.Shop+"/"+order, audit.KindRead, about, sale.LocationID
	read.Attributes = map[string]string{"data": "order, customer's first name, marketing consent and purchase history"}
	if sale.Customer == nil {
		read.Attributes["data"] = "order"
	}
	// Where this runs a second time and finds another customer on the order,
	// the first reading stands.
	if _, err := f.log.Append(ctx, read); err != nil && !errors.Is(err, audit.ErrConflict) {
		return err
	}

	candidates, err := f.shop.candidates(ctx, sale)
	if err != nil {
		return err
	}
	v, err := judge(ctx, f.model, f.timeout, sale, candidates)
	if err != nil {
		return err
	}
	_, err = approval.KeepFirst(f.queue.Propose(ctx, newFollowUp(sale, candidates, v.Judgment, f.bundle || sale.BundleAsked), approval.Proposal{
		Key:         order,
		Shop:        d.Shop,
		Location:    sale.LocationID,
		Correlation: order,
		Proposer:    proposer(v.Model),
		Reason:      v.why(),
		Subjects:    about,
		Amount:      approval.Money{Amount: sale.Total.StringFixed(2), Currency: sale.Currency},
		Model:       &v.Model,
		Evidence:    evidence(sale, candidates),
	}))
	return err
}

// request returns the request of an order, or nil.
func (f *follower) request(ctx context.Context, shop, order string) (*approval.Request, error) {
	for r, err := range f.queue.List(ctx, approval.Filter{Shop: shop, Kind: kindFollowUp, Key: order, Limit: 1}) {
		return r, err
	}
	return nil, nil
}

func subjects(s *Sale) []audit.Subject {
	list := []audit.Subject{{Type: "order", ID: s.OrderID}}
	if s.Customer != nil {
		list = append(list, audit.Subject{Type: "customer", ID: s.Customer.ID})
	}
	return list
}

// why explains the proposal to people.
func (v verdict) why() string {
	switch {
	case v.Fallback != "":
		return "Made without AI, because " + v.Fallback + ": products that are often bought together, and a template."
	case v.Model.Baseline:
		return "Made without AI: products that are often bought together, and a template."
	}
	return "Suggested by " + v.Model.Name + " and checked against the shop's stock and rules."
}

// evidence is what the judgment was made from, for the manager.
func evidence(s *Sale, candidates []Candidate) []approval.Evidence {
	var sale strings.Builder
	for _, l := range s.Lines {
		fmt.Fprintf(&sale, "%d × %s\n", l.Quantity, l.Title)
	}
	fmt.Fprintf(&sale, "%s %s", s.Total.StringFixed(2), s.Currency)
	if len(s.Tender) > 0 {
		fmt.Fprintf(&sale, ", paid by %s", strings.Join(s.Tender, " and "))
	}
	if s.Gift {
		sale.WriteString("\nSigns of a gift")
	}
	customer := "Nobody is on the sale."
	if c := s.Customer; c != nil {
		consent := "has not agreed to marketing"
		if c.Consent {
			consent = "has agreed to marketing"
		}
		customer = fmt.Sprintf("%s bought %d of our products before, gave %d back, and %s.", s.nameOr("The customer"), len(c.Bought), len(c.Returned), consent)
	}
	var stock strings.Builder
	for _, c := range candidates {
		fmt.Fprintf(&stock, "%s: %d here\n", c.Title, c.Available)
	}
	if len(candidates) == 0 {
		stock.WriteString("Nothing that fits is in stock here.")
	}
	return []approval.Evidence{
		{Label: "Sale", Text: sale.String()},
		{Label: "Customer", Text: customer},
		{Label: "What could be recommended", Text: strings.TrimSpace(stock.String())},
	}
}

func (s *Sale) nameOr(other string) string {
	if name := s.firstName(); name != "" {
		return name
	}
	return other
}
