package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
	"github.com/posai-go/posai/webhook"
)

const channelWebhook = "webhook"

// questionAttribute is the cart property (note attribute of the order) by which
// the POS extension says which question the sale was asked about.
const questionAttribute = "_fraudguard"

// sold handles orders/create. Online orders are not the register's.
func (g *guard) sold(ctx context.Context, ev webhook.Event[webhook.Order]) error {
	if !ev.Payload.IsPOS() || ev.Payload.Test {
		return nil
	}
	t, question := saleOf(&ev.Payload)
	return g.after(ctx, ev.Delivery, t, question, "")
}

// refunded handles refunds/create. The question that the register asked about a
// return is found by the order.
func (g *guard) refunded(ctx context.Context, ev webhook.Event[webhook.Refund]) error {
	t := returnOf(&ev.Payload)
	question, err := g.askedReturn(ctx, t)
	if err != nil {
		return err
	}
	return g.after(ctx, ev.Delivery, t, question, "")
}

// tendered handles tender_transactions/create: money that changed hands. It is no
// transaction of its own. The payments of an order are judged together where there
// are as many as the policy's rule about them wants.
func (g *guard) tendered(ctx context.Context, ev webhook.Event[webhook.TenderTransaction]) error {
	p := &ev.Payload
	if p.Test || p.OrderID <= 0 || !p.Amount.IsPositive() {
		return nil // a refund is judged by refunds/create
	}
	payments := g.tender(fmt.Sprint("order/", p.OrderID), strconv.FormatInt(p.ID, 10), tenderName(p.PaymentMethod))
	rule, ok := g.engine.Policy().Rule(risk.TenderSplit)
	if !ok || float64(len(payments)) < rule.Count {
		return nil
	}
	order := fmt.Sprint("order/", p.OrderID)
	sale, err := g.known(ctx, order)
	if err != nil {
		return err
	}
	if sale == nil { // the sale itself comes first, or not from a register
		if ev.Attempt >= 3 {
			return nil
		}
		return webhook.RetryLater(2*time.Second, errors.New("the order has not been judged yet"))
	}
	t := sale.Transaction
	t.Key, t.Tenders = fmt.Sprintf("tenders/%d/%d", p.OrderID, len(payments)), payments
	return g.after(ctx, ev.Delivery, &t, "", order)
}

// after judges what has been done.
func (g *guard) after(ctx context.Context, d webhook.Delivery, t *risk.Transaction, question, partOf string) error {
	v := &Verdict{Transaction: *t, Question: question, PartOf: partOf}
	if _, err := g.log.Append(ctx, audit.Entry{
		ID: "received/" + d.Shop + "/" + d.WebhookID, Kind: audit.KindReceived, Correlation: v.correlation(), Shop: d.Shop, Location: t.Location,
		Actor: audit.Actor{Type: audit.System, ID: self.ID, Channel: channelWebhook}, Action: actionTransaction, Subjects: v.subjects(),
		Attributes: map[string]string{"topic": d.Topic, "webhook_id": d.WebhookID, "event_id": d.EventID},
	}); err != nil && !errors.Is(err, audit.ErrConflict) {
		if errors.Is(err, audit.ErrInvalid) {
			return webhook.GiveUp(err)
		}
		return err
	}
	_, _, err := g.judge(ctx, t, channelWebhook, question, partOf)
	if errors.Is(err, errTransaction) || errors.Is(err, audit.ErrInvalid) {
		return webhook.GiveUp(err)
	}
	return err
}

func saleOf(o *webhook.Order) (t *risk.Transaction, question string) {
	t = &risk.Transaction{
		Key: fmt.Sprint("order/", o.ID), Kind: risk.Sale, At: o.CreatedAt, Amount: o.TotalPrice, Discount: byHand(o),
		Location: numbered("gid://shopify/Location/", value(o.LocationID)), Register: numbered("device/", value(o.DeviceID)),
		Associate: numbered("gid://shopify/StaffMember/", value(o.UserID)),
	}
	if o.Customer != nil {
		t.Customer = numbered("gid://shopify/Customer/", o.Customer.ID)
	}
	for _, g := range o.PaymentGatewayNames {
		t.Tenders = append(t.Tenders, tenderName(g))
	}
	for _, l := range o.LineItems {
		t.Lines = append(t.Lines, lineOf(&l, l.Quantity))
	}
	if id := o.NoteAttributes.Get(questionAttribute); questionID.MatchString(id) {
		question = "ask/" + id
	}
	return t, question
}

// byHand is what was taken off neither by a code nor by an automatic discount.
func byHand(o *webhook.Order) decimal.Decimal {
	sum := decimal.Zero
	for _, l := range o.LineItems {
		for _, a := range l.DiscountAllocations {
			if i := a.DiscountApplicationIndex; i >= 0 && i < len(o.DiscountApplications) && o.DiscountApplications[i].Type == "manual" {
				sum = sum.Add(a.Amount)
			}
		}
	}
	return sum
}

func returnOf(r *webhook.Refund) *risk.Transaction {
	t := &risk.Transaction{
		Key: fmt.Sprint("refund/", r.ID), Kind: risk.Return, At: r.CreatedAt, Receipt: fmt.Sprint("order/", r.OrderID),
		Associate: numbered("gid://shopify/StaffMember/", value(r.UserID)),
	}
	for _, p := range r.Transactions {
		if p.Kind == "refund" && p.Status == "success" {
			t.Amount = t.Amount.Add(p.Amount.Abs())
			t.Tenders = append(t.Tenders, tenderName(p.Gateway))
			t.Register = numbered("device/", value(p.DeviceID))
			t.Location = numbered("gid://shopify/Location/", value(p.LocationID))
		}
	}
	for _, l := range r.RefundLineItems {
		if t.Location == "" {
			t.Location = numbered("gid://shopify/Location/", value(l.LocationID))
		}
		if l.LineItem != nil {
			t.Lines = append(t.Lines, lineOf(l.LineItem, l.Quantity))
		}
	}
	return t
}

func lineOf(l *webhook.LineItem, quantity int64) risk.Line {
	return risk.Line{SKU: l.SKU, Quantity: int(min(quantity, risk.MaxQuantity+1)), UnitPrice: l.Price, GiftCard: l.GiftCard}
}

func value(n *int64) int64 {
	if n == nil {
		return 0
	}
	return max(*n, 0)
}

// askedReturn finds the latest question about a return of the same order within a
// day, unless another refund was it.
func (g *guard) askedReturn(ctx context.Context, t *risk.Transaction) (string, error) {
	used := map[string]bool{}
	query := audit.Query{
		Subject: audit.Subject{Type: "order", ID: orderGID(t.Receipt)}, Kind: kindAssessed, Shop: g.shop, Since: g.now().Add(-24 * time.Hour), Descending: true, Limit: 100,
	}
	for r, err := range g.log.Trail(ctx, query) {
		if err != nil {
			return "", err
		}
		v, err := g.verdict(ctx, r)
		if err != nil {
			return "", err
		}
		switch {
		case v.Key == t.Key:
			return v.Question, nil // judged before
		case v.Question != "":
			used[v.Question] = true
		case v.Channel == channelPOS && v.Kind == risk.Return && !used[v.Key]:
			return v.Key, nil
		}
	}
	return "", nil
}
