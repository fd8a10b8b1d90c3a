package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/checkoutupsell/internal/advice"
	"github.com/posai-go/posai/shopify/auth"
)

// wish is what a register asks for: something off one of the suggestions.
type wish struct {
	VariantID  int64 `json:"variant_id"`
	Percent    int   `json:"percent"`
	Discounted bool  `json:"discounted"` // the cart has a discount already
	// StaffID is who is pinned in, 0 for nobody. The device says so and nobody signed
	// it: it goes on record as a claim.
	StaffID int64 `json:"staff_id,omitzero"`
}

// The states of a discount as a register sees it.
const (
	discountPending = "pending" // a manager is asked
	discountWorking = "working" // the code is being made
	discountReady   = "ready"   // the code can be applied
	discountRefused = "refused" // no
)

// discountView is a discount as the register gets it.
type discountView struct {
	State     string    `json:"state"`
	VariantID int64     `json:"variant_id"`
	Percent   int       `json:"percent"`
	Off       string    `json:"off"`
	Code      string    `json:"code,omitzero"`
	Expires   time.Time `json:"expires,omitzero"`
	Reason    string    `json:"reason,omitzero"`
}

func (d *desk) askDiscount(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	body, ok := readBody(w, r)
	if !ok {
		return
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	var want wish
	if dec.Decode(&want) != nil || dec.More() || want.VariantID < 1 || want.Percent < 1 || want.Percent > 90 || want.StaffID < 0 {
		problem(w, http.StatusUnprocessableEntity, "variant_id and a percent of 1 to 90 are required, and ids are positive")
		return
	}
	o := d.find(ctx, w, r)
	if o == nil {
		return
	}
	session, _ := auth.SessionFrom(r.Context())
	view, err := d.discount(ctx, o, &want, session.Account)
	switch {
	case errors.Is(err, errNotOffered):
		problem(w, http.StatusUnprocessableEntity, "that was not suggested for this cart, or not any more")
	case err != nil:
		d.logger.Warn("a discount could not be proposed", "offer", o.key, "error", err)
		problem(w, http.StatusServiceUnavailable, "try again")
	default:
		writeJSON(w, http.StatusOK, view)
	}
}

// errNotOffered: the offer does not have it, or has expired.
var errNotOffered = errors.New("not offered")

// discount proposes a discount for a cart, if it has none. A cart has one: whoever asks
// again gets that.
func (d *desk) discount(ctx context.Context, o *offer, want *wish, account string) (*discountView, error) {
	variant := numbered("ProductVariant", want.VariantID)
	var s *advice.Suggestion
	for i := range o.suggestions {
		if o.suggestions[i].Variant == variant && o.suggestions[i].Kind == advice.Addon {
			s = &o.suggestions[i]
		}
	}
	if s == nil || !d.now().Before(o.expires) {
		return nil, errNotOffered
	}
	lock := &d.carts[maphash.String(d.seed, o.cart)%uint64(len(d.carts))]
	lock.Lock()
	defer lock.Unlock()
	if view, err := d.discountOf(ctx, o); err != nil || view != nil && view.State != discountRefused {
		return view, err
	}
	shelf, err := d.shop.look(ctx, o.location, []string{variant})
	if err != nil {
		return nil, err
	}
	i := shelf[variant]
	if i == nil || !i.Active {
		return nil, errNotOffered
	}
	action := Discount{
		Offer: o.key, Cart: o.cart, Location: o.location, Variant: variant, Title: i.Title, Type: i.Type, Price: i.Price.String(), Currency: d.currency,
		InStock: i.Untracked || i.Available > 0, GiftCard: i.GiftCard, Stacked: want.Discounted, Percent: want.Percent, Minutes: d.rules.CodeMinutes,
	}
	if i.CostKnown {
		action.Cost = i.Cost.String()
	}
	said, claimed := d.staff.claim(account, want.StaffID)
	r, err := approval.KeepFirst(d.queue.Propose(ctx, action, approval.Proposal{
		Key: o.key + "/" + strconv.FormatInt(want.VariantID, 10) + "/" + strconv.Itoa(want.Percent), Shop: d.domain, Location: o.location, Correlation: "cart/" + o.cart,
		Proposer: d.staff.proposer(account, want.StaffID), Reason: "Asked for at the register, for something that was suggested.",
		Subjects: append([]audit.Subject{{Type: "cart", ID: o.cart}}, claimed...),
		Evidence: append([]approval.Evidence{
			{Label: "Suggestion", Text: s.Title + ": " + s.Reason},
			{Label: "What the register may give by itself", Text: fmt.Sprintf("%d %%, and %s %s", d.rules.AssociatePercent, d.rules.AskAbove.StringFixed(2), d.currency)},
		}, said...),
	}))
	if errors.Is(err, approval.ErrInvalid) {
		return &discountView{State: discountRefused, VariantID: want.VariantID, Percent: want.Percent, Off: advice.Off(i.Price, want.Percent, 1).StringFixed(2), Reason: "That is no discount."}, nil
	}
	if err != nil {
		return nil, err
	}
	if r.State == approval.Approved || r.State == approval.Executing {
		wait, cancel := context.WithTimeout(ctx, patience/2)
		defer cancel()
		if done, err := d.queue.Wait(wait, r.ID); done != nil && (err == nil || wait.Err() != nil) {
			r = done
		}
	}
	return d.viewOf(r)
}

// discountOf returns the discount of a cart: the one that stands, else the latest that
// was refused, or nil.
func (d *desk) discountOf(ctx context.Context, o *offer) (*discountView, error) {
	var latest *discountView
	for r, err := range d.queue.List(ctx, approval.Filter{Shop: d.domain, Kind: kindDiscount, Subject: audit.Subject{Type: "cart", ID: o.cart}, Newest: true, Limit: 50}) {
		if err != nil {
			return nil, err
		}
		v, err := d.viewOf(r)
		if err != nil {
			return nil, err
		}
		if v.State != discountRefused {
			return v, nil
		}
		if latest == nil {
			latest = v
		}
	}
	return latest, nil
}

func (d *desk) viewOf(r *approval.Request) (*discountView, error) {
	a, ok := approval.ActionOf[Discount](r)
	if !ok {
		return nil, errors.New("a request that is not about a discount")
	}
	id, err := strconv.ParseInt(a.Variant[strings.LastIndexByte(a.Variant, '/')+1:], 10, 64)
	if err != nil {
		return nil, errors.New("a discount without a variant")
	}
	v := &discountView{VariantID: id, Percent: a.Percent, Off: a.off().StringFixed(2)}
	switch r.State {
	case approval.Pending:
		v.State, v.Expires = discountPending, r.ExpiresAt
	case approval.Executed:
		v.State = discountReady
		code, err := approval.ResultOf[Code](r)
		if err != nil { // a person settled it
			v.State, v.Reason = discountRefused, "A person has to look for the code."
			break
		}
		if v.Code, v.Expires = code.Code, code.Expires; !d.now().Before(code.Expires) {
			v.State, v.Code, v.Reason = discountRefused, "", "The code has expired."
		}
	case approval.Rejected:
		v.State, v.Reason = discountRefused, "A manager said no."
	case approval.Denied:
		v.State, v.Reason = discountRefused, r.Ruling.Reason
	case approval.Expired:
		v.State, v.Reason = discountRefused, "Nobody decided in time."
	case approval.Failed:
		v.State, v.Reason = discountRefused, "The code could not be made."
	default:
		v.State = discountWorking
	}
	return v, nil
}
