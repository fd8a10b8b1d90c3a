package main

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/examples/checkoutupsell/internal/advice"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
)

// Code is a discount code that was made.
type Code struct {
	ID      string    `json:"id"` // GID
	Code    string    `json:"code"`
	Expires time.Time `json:"expires"`
}

// EffectIDs names the discount for the audit log. The code itself, which is money until
// it expires, is not in it.
func (c Code) EffectIDs() []string { return []string{c.ID} }

// codePrefix begins the codes.
const codePrefix = "POS-"

// codeOf is the code of an execution, the same for all its attempts: what exists is not
// made again, and a lost answer is read back by it.
func codeOf(e approval.Execution) string {
	sum := sha256.Sum256([]byte("checkoutupsell code " + e.IdempotencyKey))
	return codePrefix + base32.HexEncoding.EncodeToString(sum[:])[:12]
}

// expires is when the code of a request ends: so many minutes after it was decided.
func expires(r *approval.Request, d Discount) time.Time {
	from := r.CreatedAt
	if n := len(r.Decisions); n > 0 {
		from = r.Decisions[n-1].At
	}
	return from.Add(time.Duration(d.Minutes) * time.Minute).UTC().Truncate(time.Second)
}

// registerActions tells the queue what to do with what was decided.
func (d *desk) registerActions() error {
	return approval.Register(d.queue, approval.Executor[Discount, Code]{Execute: d.create, Find: d.findCode, Undo: d.end})
}

// create makes the code. The code is made for an amount, not a percentage, so that
// neither a change of price nor more pieces take off more than was decided; and for the
// price that was looked at, or not at all.
func (d *desk) create(ctx context.Context, e approval.Execution, a Discount) (Code, error) {
	end, now := expires(e.Request, a), d.now().UTC().Truncate(time.Second)
	if !now.Before(end) {
		return Code{}, approval.Permanent(errors.New("it is too late: the code would have expired"))
	}
	shelf, err := d.shop.look(ctx, a.Location, []string{a.Variant})
	if err != nil {
		return Code{}, demo.Outcome(err)
	}
	i := shelf[a.Variant]
	if i == nil || i.Price.String() != a.Price {
		return Code{}, approval.Permanent(errors.New("the price has changed since it was decided"))
	}
	if j := d.rules.Judge(i, a.Percent, 1, a.Stacked); j.Verdict == advice.Deny {
		return Code{}, approval.Permanent(errors.New(j.Reason))
	}
	code := codeOf(e)
	resp, err := admin.DiscountCodeBasicCreate(ctx, d.shop.till, admin.DiscountCodeBasicInput{
		Title: shopify.Some(fmt.Sprintf("Register, %d %% off one article", a.Percent)), Code: shopify.Some(code), Tags: shopify.Some([]string{"posai-checkoutupsell"}),
		StartsAt: shopify.Some(now), EndsAt: shopify.Some(end), UsageLimit: shopify.Some(1),
		Context: shopify.Some(admin.DiscountContextInput{All: shopify.Some(admin.DiscountBuyerSelectionAll)}),
		CustomerGets: shopify.Some(admin.DiscountCustomerGetsInput{
			Items: shopify.Some(admin.DiscountItemsInput{Products: shopify.Some(admin.DiscountProductsInput{ProductVariantsToAdd: shopify.Some([]shopify.GID{shopify.GID(a.Variant)})})}),
			Value: shopify.Some(admin.DiscountCustomerGetsValueInput{DiscountAmount: shopify.Some(admin.DiscountAmountInput{Amount: shopify.Some(shopify.Decimal{Decimal: a.off()}), AppliesOnEachItem: shopify.Some(false)})}),
		}),
		CombinesWith: shopify.Some(admin.DiscountCombinesWithInput{OrderDiscounts: shopify.Some(false), ProductDiscounts: shopify.Some(false), ShippingDiscounts: shopify.Some(false)}),
	})
	if err != nil {
		return Code{}, demo.Outcome(err)
	}
	out := Code{Code: code, Expires: end}
	if n := resp.DiscountCodeBasicCreate.CodeDiscountNode; n != nil {
		out.ID = string(n.ID)
	}
	return out, nil
}

// findCode reads back whether the code exists.
func (d *desk) findCode(ctx context.Context, e approval.Execution, a Discount) (Code, bool, error) {
	code := codeOf(e)
	resp, err := admin.FindDiscountByCode(ctx, d.shop.till, code)
	if err != nil || resp.CodeDiscountNodeByCode == nil {
		return Code{}, false, err
	}
	return Code{ID: string(resp.CodeDiscountNodeByCode.ID), Code: code, Expires: expires(e.Request, a)}, true, nil
}

// end takes a code back: from now on it is not good any more.
func (d *desk) end(ctx context.Context, _ approval.Execution, _ Discount, c Code) error {
	_, err := admin.DiscountCodeDeactivate(ctx, d.shop.calm, shopify.GID(c.ID))
	return demo.Outcome(err)
}
