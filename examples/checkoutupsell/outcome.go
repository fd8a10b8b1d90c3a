package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/rollout"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/webhook"
)

// What the extension writes, and the order is known by: the cart's key among the cart's
// properties, in every arm, and the offer among the properties of a line that was added
// by it. Names that begin with an underscore are not shown to customers.
const (
	cartProperty  = "_posai_cart"
	offerProperty = "_posai_offer"
)

// The metrics of an order.
const (
	metricBasket   = "basket"         // goods after discounts, before tax
	metricAttach   = "attach"         // 1 where something suggested was bought
	metricDiscount = "discount_share" // of the goods' price that our codes took off
)

// outcome is what became of a cart.
type outcome struct {
	unit, order   string
	arm           rollout.Arm
	basket        decimal.Decimal
	accepted      int
	acceptedValue decimal.Decimal // goods that were suggested, after discounts
	off           decimal.Decimal // by our codes
}

// sold ties an order to the cart that it was. It may come again: an entry of the log
// counts once, and a cart becomes one order.
func (d *desk) sold(ctx context.Context, ev webhook.Event[webhook.Order]) error {
	o := &ev.Payload
	cart := o.NoteAttributes.Get(cartProperty)
	if !o.IsPOS() || !cartKey.MatchString(cart) || o.Test || o.CancelledAt != nil {
		return nil
	}
	if o.ID <= 0 || o.Currency != d.currency {
		return webhook.GiveUp(errors.New("the delivery names no order in the shop's currency"))
	}
	who, err := d.assigned(ctx, cart)
	if err != nil || who == nil {
		return err // a name that is not ours
	}
	out := outcome{unit: who.unit, arm: who.arm, order: fmt.Sprintf("gid://shopify/Order/%d", o.ID), basket: o.SubtotalPrice}
	if err := d.attribute(ctx, cart, o, &out); err != nil {
		return err
	}
	e := d.entry(kindOutcome, cart, cart, "", "")
	if o.LocationID != nil {
		e.Location = fmt.Sprintf("gid://shopify/Location/%d", *o.LocationID)
	}
	// The entry's time is when it was heard of: the order's own has whole seconds, and
	// might lie before the stage in which its cart was.
	e.Actor.Channel = "webhook"
	e.Subjects = append(e.Subjects, audit.Subject{Type: "order", ID: out.order})
	e.Attributes = map[string]string{
		"unit": out.unit, "arm": string(out.arm), "order": out.order, "at": o.CreatedAt.UTC().Format(time.RFC3339), "currency": d.currency, "basket": out.basket.StringFixed(2),
		"accepted": strconv.Itoa(out.accepted), "accepted_value": out.acceptedValue.StringFixed(2), "code_off": out.off.StringFixed(2),
	}
	_, err = d.log.Append(ctx, e)
	if errors.Is(err, audit.ErrConflict) {
		d.logger.Info("a second order names the same cart; the first counts", "cart", cart, "order", out.order)
		return nil
	}
	return err
}

// attribute counts the lines that our offers for this cart suggested, and what our codes
// took off. What a line says of itself, the device wrote: it counts only if the offer
// had it.
func (d *desk) attribute(ctx context.Context, cart string, o *webhook.Order, out *outcome) error {
	for i := range o.LineItems {
		l := &o.LineItems[i]
		key := l.Properties.Get(offerProperty)
		if l.VariantID == nil || cartOf(key) != cart {
			continue
		}
		of, err := d.known(ctx, key)
		if err != nil {
			return err
		}
		if of == nil || of.arm != rollout.Treatment {
			continue
		}
		for _, s := range of.suggestions {
			if s.Variant == numbered("ProductVariant", *l.VariantID) {
				out.accepted++
				off := decimal.Zero
				for _, a := range l.DiscountAllocations {
					off = off.Add(a.Amount)
				}
				out.acceptedValue = out.acceptedValue.Add(l.Price.Mul(decimal.NewFromInt(l.Quantity)).Sub(off))
				break
			}
		}
	}
	if len(o.DiscountCodes) == 0 {
		return nil
	}
	for r, err := range d.queue.List(ctx, approval.Filter{Shop: d.domain, Kind: kindDiscount, Subject: audit.Subject{Type: "cart", ID: cart}, States: []approval.State{approval.Executed}, Limit: 50}) {
		if err != nil {
			return err
		}
		code, err := approval.ResultOf[Code](r)
		if err != nil {
			continue
		}
		for _, used := range o.DiscountCodes {
			if strings.EqualFold(used.Code, code.Code) {
				out.off = out.off.Add(used.Amount)
			}
		}
	}
	return nil
}

// outcomes reads back what became of carts since a time.
func (d *desk) outcomes(ctx context.Context, since time.Time) iter.Seq2[outcome, error] {
	return func(yield func(outcome, error) bool) {
		for r, err := range d.log.Trail(ctx, audit.Query{Kind: kindOutcome, Shop: d.domain, Since: since}) {
			if err != nil {
				yield(outcome{}, err)
				return
			}
			o, err := outcomeOf(r)
			if !yield(o, err) || err != nil {
				return
			}
		}
	}
}

func outcomeOf(r audit.Record) (outcome, error) {
	at := r.Entry.Attributes
	o := outcome{unit: at["unit"], order: at["order"], arm: rollout.Arm(at["arm"])}
	var errs [4]error
	o.basket, errs[0] = decimal.NewFromString(at["basket"])
	o.acceptedValue, errs[1] = decimal.NewFromString(at["accepted_value"])
	o.off, errs[2] = decimal.NewFromString(at["code_off"])
	o.accepted, errs[3] = strconv.Atoi(at["accepted"])
	if errors.Join(errs[:]...) != nil {
		return o, fmt.Errorf("audit entry %d is not an outcome of this program", r.Index)
	}
	return o, nil
}

// observe yields the metrics of the outcomes, for the rollout.
func (d *desk) observe(ctx context.Context, _ *rollout.Plan, since time.Time) iter.Seq2[rollout.Observation, error] {
	return func(yield func(rollout.Observation, error) bool) {
		for o, err := range d.outcomes(ctx, since) {
			if err != nil {
				yield(rollout.Observation{}, err)
				return
			}
			share, attach := 0.0, 0.0
			if full := o.basket.Add(o.off); full.IsPositive() {
				share = o.off.Div(full).InexactFloat64()
			}
			if o.accepted > 0 {
				attach = 1
			}
			for metric, value := range map[string]float64{metricBasket: o.basket.InexactFloat64(), metricAttach: attach, metricDiscount: share} {
				if !yield(rollout.Observation{Unit: o.unit, Arm: o.arm, Metric: metric, Value: value}, nil) {
					return
				}
			}
		}
	}
}

// plan is how the feature is brought to the stores: one store first, then all.
func plan(cfg *config, sh *shop, pilot string) rollout.Plan {
	p := rollout.Plan{
		Name: "checkout-upsell", Version: "1", Holdout: cfg.holdout,
		Stages: []rollout.Stage{
			{Name: "pilot: " + sh.locationName(pilot), Locations: []string{pilot}, Share: 1},
			{Name: "all stores", Share: 1},
		},
		Primary:    rollout.Goal{Metric: metricBasket, MinUnits: cfg.minUnits, MaxP: 0.05},
		Guardrails: []rollout.Guardrail{{Metric: metricDiscount, Max: 0.08, MinUnits: 50}},
	}
	if cfg.holdout == 0 { // with nothing to compare with, a person alone decides
		p.Primary = rollout.Goal{}
	}
	return p
}
