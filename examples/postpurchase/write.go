package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
)

// Where a follow-up is written: metafields of the order in the app's own
// namespace, and a tag. The receipt or e-mail template of the shop shows
// keyMessage and keyForCustomer; keyForAssociate is for the shop's own people.
const (
	namespace       = "$app"
	keyMessage      = "follow_up_message"
	keyOccasion     = "follow_up_occasion"
	keyForCustomer  = "you_might_also_like"
	keyForAssociate = "associate_recommendations"
	keyProof        = "follow_up_proof" // points to the decision in the audit log
	tagFollowUp     = "posai-follow-up"
)

// Result is what was written.
type Result struct {
	Metafields   []string `json:"metafields"` // keys
	DraftOrderID string   `json:"draft_order_id,omitempty"`
}

// String returns the result in words.
func (r Result) String() string {
	s := "metafields " + strings.Join(r.Metafields, ", ") + " and the tag " + tagFollowUp
	if r.DraftOrderID != "" {
		s += ", and draft order " + r.DraftOrderID
	}
	return s
}

// metafields returns the whole of what is written to the order. Writing it
// again changes nothing.
func (f FollowUp) metafields() ([]admin.MetafieldsSetInput, error) {
	recommendations := f.Recommendations
	if recommendations == nil {
		recommendations = []Recommendation{}
	}
	list, err := json.Marshal(recommendations)
	if err != nil {
		return nil, err
	}
	field := func(key, typ, value string) admin.MetafieldsSetInput {
		return admin.MetafieldsSetInput{OwnerID: shopify.GID(f.OrderID), Namespace: shopify.Some(namespace), Key: key, Type: shopify.Some(typ), Value: value}
	}
	key := keyForAssociate
	if f.Advertise {
		key = keyForCustomer
	}
	return []admin.MetafieldsSetInput{
		field(keyMessage, "multi_line_text_field", f.Message),
		field(keyOccasion, "single_line_text_field", string(f.Occasion)),
		field(key, "json", string(list)),
	}, nil
}

// write executes a follow-up. The metafields and the tag can be written twice
// without effect; the draft order cannot, and comes last: after an answer that
// got lost the queue asks find before it calls write again.
func (s *shop) write(ctx context.Context, e approval.Execution, f FollowUp) (Result, error) {
	fields, err := f.metafields()
	if err != nil {
		return Result{}, approval.Permanent(err)
	}
	var result Result
	for _, field := range fields {
		result.Metafields = append(result.Metafields, field.Key)
	}
	if _, err := admin.MetafieldsSet(ctx, s.client, fields); err != nil {
		return Result{}, demo.Outcome(err)
	}
	if _, err := admin.TagsAdd(ctx, s.client, shopify.GID(f.OrderID), []string{tagFollowUp}); err != nil {
		return Result{}, demo.Outcome(err)
	}
	if !f.Bundle {
		return result, nil
	}
	// An earlier attempt may have come this far.
	if result.DraftOrderID, err = s.draft(ctx, e); err != nil || result.DraftOrderID != "" {
		return result, demo.Outcome(err)
	}
	resp, err := admin.DraftOrderCreate(ctx, s.client, f.draftOrder(e))
	if err != nil {
		return Result{}, demo.Outcome(err)
	}
	if d := resp.DraftOrderCreate.DraftOrder; d != nil {
		result.DraftOrderID = string(d.ID)
	}
	return result, nil
}

// draftOrder returns the input of the draft order. Its tag is what it is found
// again by.
func (f FollowUp) draftOrder(e approval.Execution) admin.DraftOrderInput {
	input := admin.DraftOrderInput{
		Note:             shopify.Some("Follow-up of order " + f.OrderName),
		Tags:             shopify.Some([]string{tagFollowUp, draftTag(e)}),
		CustomAttributes: shopify.Some([]admin.AttributeInput{{Key: "follow_up_of", Value: f.OrderID}}),
	}
	var lines []admin.DraftOrderLineItemInput
	for _, r := range f.Recommendations {
		lines = append(lines, admin.DraftOrderLineItemInput{VariantID: shopify.Some(shopify.GID(r.VariantID)), Quantity: 1})
	}
	input.LineItems = shopify.Some(lines)
	if f.CustomerID != "" {
		input.PurchasingEntity = shopify.Some(admin.PurchasingEntityInput{CustomerID: shopify.Some(shopify.GID(f.CustomerID))})
	}
	return input
}

// draftTag names the draft order of one execution. Tags have at most 40
// characters, an idempotency key has 36.
func draftTag(e approval.Execution) string { return "fu-" + e.IdempotencyKey }

// find reads back whether a follow-up was written whole.
func (s *shop) find(ctx context.Context, e approval.Execution, f FollowUp) (Result, bool, error) {
	want, err := f.metafields()
	if err != nil {
		return Result{}, false, err
	}
	resp, err := admin.OrderMetafields(ctx, s.client, shopify.GID(f.OrderID), namespace)
	if err != nil {
		return Result{}, false, err
	}
	if resp.Order == nil {
		return Result{}, false, errNoOrder
	}
	var result Result
	for _, w := range want {
		if !slices.ContainsFunc(resp.Order.Metafields.Nodes, func(m admin.Metafield) bool { return demo.SameMetafield(w, m) }) {
			return Result{}, false, nil
		}
		result.Metafields = append(result.Metafields, w.Key)
	}
	if !slices.Contains(resp.Order.Tags, tagFollowUp) {
		return Result{}, false, nil
	}
	if f.Bundle {
		if result.DraftOrderID, err = s.draft(ctx, e); err != nil || result.DraftOrderID == "" {
			return Result{}, false, err
		}
	}
	return result, true, nil
}

// draft returns the draft order of an execution, or "".
func (s *shop) draft(ctx context.Context, e approval.Execution) (string, error) {
	tag := draftTag(e)
	for d, err := range admin.DraftOrders(ctx, s.client, &admin.ListOptions{Query: "tag:'" + tag + "'"}) {
		if err != nil {
			return "", err
		}
		if slices.Contains(d.Tags, tag) {
			return string(d.ID), nil
		}
	}
	return "", nil
}
