package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/posai-go/posai/approval/rollout"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/checkoutupsell/internal/advice"
)

// The kinds of audit entries that the desk writes beside those of the queue, and the
// action that they are about.
const (
	kindAssigned audit.Kind = "assigned" // a cart to an arm
	kindOffered  audit.Kind = "offered"
	kindOutcome  audit.Kind = "outcome" // the order that a cart became

	actionOffer = "checkoutupsell.offer"
	channelPOS  = "pos"
)

// assignment is which arm a cart is in, for good.
type assignment struct {
	unit string // the customer, or the cart
	arm  rollout.Arm
}

// offer is what was answered about a cart as it was.
type offer struct {
	key, cart   string
	location    string
	arm         rollout.Arm
	expires     time.Time
	suggestions []advice.Suggestion
	askLoyalty  bool // nobody is on the sale
	by          string
	fallback    string
}

func (d *desk) entryID(kind audit.Kind, key string) string {
	return string(kind) + "/" + d.domain + "/" + key
}

func (d *desk) entry(kind audit.Kind, key, cart, location, customer string) audit.Entry {
	e := audit.Entry{
		ID: d.entryID(kind, key), Kind: kind, Correlation: "cart/" + cart, Shop: d.domain, Location: location,
		Actor: audit.Actor{Type: audit.System, ID: self.ID, Channel: channelPOS}, Action: actionOffer, Subjects: []audit.Subject{{Type: "cart", ID: cart}},
	}
	if customer != "" {
		e.Subjects = append(e.Subjects, audit.Subject{Type: "customer", ID: customer})
	}
	return e
}

// assign returns the arm of a cart. The first question decides, and stays on record: a
// customer who is put on the sale later does not change it. Off is not recorded.
func (d *desk) assign(ctx context.Context, a *asked) (assignment, error) {
	if known, err := d.assigned(ctx, a.key); err != nil || known != nil {
		if known == nil {
			return assignment{}, err
		}
		if d.rollout.Arm(ctx, rollout.Subject{Unit: known.unit, Location: a.location}) == rollout.Off {
			known.arm = rollout.Off // it was paused meanwhile
		}
		return *known, err
	}
	out := assignment{unit: a.customer}
	if out.unit == "" {
		out.unit = "cart/" + a.key
	}
	if out.arm = d.rollout.Arm(ctx, rollout.Subject{Unit: out.unit, Location: a.location}); out.arm == rollout.Off {
		return out, nil
	}
	e := d.entry(kindAssigned, a.key, a.key, a.location, a.customer)
	e.Attributes = map[string]string{"unit": out.unit, "arm": string(out.arm), "plan": d.rollout.Plan().Name, "plan_version": d.rollout.Plan().Version}
	if _, err := d.log.Append(ctx, e); err != nil {
		if !errors.Is(err, audit.ErrConflict) {
			return assignment{}, err
		}
		known, err := d.assigned(ctx, a.key) // somebody was faster
		if err != nil || known == nil {
			return assignment{}, errors.Join(errors.New("the assignment cannot be read back"), err)
		}
		return *known, nil
	}
	return out, nil
}

func (d *desk) assigned(ctx context.Context, cart string) (*assignment, error) {
	r, err := d.log.Get(ctx, d.entryID(kindAssigned, cart))
	if errors.Is(err, audit.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &assignment{unit: r.Entry.Attributes["unit"], arm: rollout.Arm(r.Entry.Attributes["arm"])}, nil
}

// known returns an offer on record, or nil.
func (d *desk) known(ctx context.Context, key string) (*offer, error) {
	r, err := d.log.Get(ctx, d.entryID(kindOffered, key))
	if errors.Is(err, audit.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return offerOf(r)
}

// record puts an offer on record, or returns the one that was before.
func (d *desk) record(ctx context.Context, o *offer, a *asked, who assignment, m *audit.Model) (*offer, error) {
	e := d.entry(kindOffered, o.key, o.cart, o.location, a.customer)
	e.Policy = &audit.Policy{Version: d.rules.Version()}
	e.Attributes = map[string]string{
		"offer": o.key, "cart": o.cart, "arm": string(o.arm), "unit": who.unit, "expires": o.expires.UTC().Format(time.RFC3339Nano),
		"suggestions": strconv.Itoa(len(o.suggestions)), "loyalty": strconv.FormatBool(o.askLoyalty),
	}
	if m != nil {
		e.Model = m
	}
	if o.fallback != "" {
		e.Attributes["fallback"] = o.fallback
	}
	for i, s := range o.suggestions {
		text, err := json.Marshal(s)
		if err != nil {
			return nil, err
		}
		e.Attributes["suggestion"+strconv.Itoa(i+1)] = string(text)
	}
	_, err := d.log.Append(ctx, e)
	if errors.Is(err, audit.ErrConflict) {
		first, err := d.known(ctx, o.key)
		if err == nil && first == nil {
			err = errors.New("the offer cannot be read back")
		}
		return first, err
	}
	return o, err
}

// offerOf reads an entry of kindOffered back.
func offerOf(r audit.Record) (*offer, error) {
	at := r.Entry.Attributes
	expires, err := time.Parse(time.RFC3339Nano, at["expires"])
	n, err2 := strconv.Atoi(at["suggestions"])
	if err := errors.Join(err, err2); err != nil {
		return nil, fmt.Errorf("audit entry %d is not an offer of this program", r.Index)
	}
	o := &offer{key: at["offer"], cart: at["cart"], location: r.Entry.Location, arm: rollout.Arm(at["arm"]), expires: expires, askLoyalty: at["loyalty"] == "true", fallback: at["fallback"], by: "baseline"}
	if m := r.Entry.Model; m != nil && !m.Baseline {
		o.by = m.Name
	}
	for i := range n {
		var s advice.Suggestion
		if err := json.Unmarshal([]byte(at["suggestion"+strconv.Itoa(i+1)]), &s); err != nil {
			return nil, fmt.Errorf("audit entry %d is not an offer of this program", r.Index)
		}
		o.suggestions = append(o.suggestions, s)
	}
	return o, nil
}

// errNotYet: there is nothing to suggest by yet.
var errNotYet = errors.New("the shop's past orders are not read yet")

// offer makes the offer for a cart, once; nil is none.
func (d *desk) offer(ctx context.Context, a *asked) (*offer, error) {
	if o, err := d.known(ctx, a.offer); o != nil || err != nil {
		return o, err
	}
	k := d.shop.learned.Load()
	if k == nil {
		return nil, errNotYet
	}
	who, err := d.assign(ctx, a)
	if err != nil || who.arm == rollout.Off {
		return nil, err
	}
	o := &offer{key: a.offer, cart: a.key, location: a.location, arm: who.arm, expires: d.now().Add(time.Duration(d.rules.OfferMinutes) * time.Minute), by: "baseline"}
	if who.arm == rollout.Control {
		return d.record(ctx, o, a, who, nil)
	}
	o.askLoyalty = a.customer == ""
	shelf, past, candidates, err := d.facts(ctx, k, a)
	if err != nil {
		return nil, err
	}
	made := advise(ctx, d.model, d.timeout, d.rules, candidates, &a.cart, shelf, past)
	if o.suggestions, o.fallback = made.suggestions, made.fallback; !made.model.Baseline {
		o.by = made.model.Name
	}
	return d.record(ctx, o, a, who, &made.model)
}

// facts asks Shopify, at once, for what there is and for the customer's past.
func (d *desk) facts(ctx context.Context, k *knowledge, a *asked) (advice.Shelf, *advice.Past, []advice.Candidate, error) {
	ranked := k.rank(&a.cart, d.now())
	wanted := map[string]bool{}
	for _, l := range a.cart.Lines {
		wanted[l.Variant] = true
	}
	for _, r := range ranked {
		for _, v := range r.Variants {
			wanted[v] = true
		}
	}
	for _, v := range k.plans {
		wanted[v] = true
	}
	var past *advice.Past
	var asking sync.WaitGroup
	if a.customer != "" {
		asking.Go(func() {
			p, err := d.past(ctx, a)
			if err != nil { // what they bought is not missed at the register
				d.logger.Info("a customer's past could not be read", "cart", a.key, "error", err)
				return
			}
			past = p
		})
	}
	list := make([]string, 0, len(wanted))
	for v := range maps.Keys(wanted) {
		list = append(list, v)
	}
	shelf, err := d.shop.look(ctx, a.location, list)
	asking.Wait()
	if err != nil {
		return nil, nil, nil, err
	}
	candidates := d.rules.Candidates(ranked, &a.cart, shelf, past)
	if plan := d.rules.Plan(k.plans, &a.cart, shelf, past); plan != nil {
		at := min(1, len(candidates)) // after the best of the rest
		candidates = append(candidates[:at:at], append([]advice.Candidate{*plan}, candidates[at:]...)...)
	}
	return shelf, past, candidates, nil
}

// past reads a customer's past, once that is on record.
func (d *desk) past(ctx context.Context, a *asked) (*advice.Past, error) {
	e := d.entry(audit.KindRead, "past/"+a.offer, a.key, a.location, a.customer)
	e.Attributes = map[string]string{"data": "what the customer bought and gave back, by ids"}
	if _, err := d.log.Append(ctx, e); err != nil && !errors.Is(err, audit.ErrConflict) {
		return nil, err
	}
	return d.shop.past(ctx, a.customer)
}
