package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/rag"
	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/toolgate"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
)

// holdTool is the one thing that a model can have done: to put something aside, as a
// draft order that the manager who decides about it then sees. The shop's stock stays
// as it is until it is sold.
const holdTool = "set_aside"

type holdInput struct {
	SKU      string `json:"sku" jsonschema:"minLength=1,maxLength=100"`
	Quantity int    `json:"quantity" jsonschema:"minimum=1,maximum=5"`
}

type holdResult struct {
	DraftOrder string `json:"draft_order"`
}

// tagHold is at every draft order of the tool.
const tagHold = "posai-set-aside"

func (s *shop) newHoldTool() (*ai.BoundTool, error) {
	return ai.NewTool(holdTool, "Asks a manager to put a variant aside for the customer.", ai.EffectWrite, s.putAside, nil)
}

// variantOf returns the ID and title behind a SKU; "" if there is none.
func (s *shop) variantOf(ctx context.Context, sku string) (id, title string, err error) {
	hits, err := s.find(ctx, sku, 1, rag.Filter{Kinds: []rag.Kind{rag.Product}})
	if err != nil || len(hits) == 0 || hits[0].Code == nil || hits[0].Code.Value != sku {
		return "", "", err
	}
	d := hits[0].Document
	at := slices.IndexFunc(d.Variants, func(v rag.Variant) bool { return v.SKU == sku })
	if at < 0 {
		return "", "", nil
	}
	return d.Variants[at].ID, plain(d.Title + " " + d.Variants[at].Title), nil
}

// putAside runs in the queue's worker, when a manager has approved it.
func (s *shop) putAside(ctx context.Context, in holdInput) (holdResult, error) {
	e, ok := toolgate.Execution(ctx)
	if !ok {
		return holdResult{}, approval.Permanent(errors.New("it runs in the queue alone"))
	}
	variant, _, err := s.variantOf(ctx, in.SKU)
	if err != nil {
		return holdResult{}, err
	}
	if variant == "" {
		return holdResult{}, approval.Permanent(errors.New("no such SKU any more"))
	}
	resp, err := admin.DraftOrderCreate(ctx, s.client, admin.DraftOrderInput{
		Tags: shopify.Some([]string{tagHold, holdTag(e)}), Note: shopify.Some("Put aside for a customer"),
		LineItems: shopify.Some([]admin.DraftOrderLineItemInput{{VariantID: shopify.Some(shopify.GID(variant)), Quantity: in.Quantity}}),
	})
	if err != nil {
		return holdResult{}, demo.Outcome(err)
	}
	if d := resp.DraftOrderCreate.DraftOrder; d != nil {
		return holdResult{string(d.ID)}, nil
	}
	return holdResult{}, approval.Unknown(errors.New("no draft order in the answer"))
}

// holdTag is what the draft order of one execution is found again by. Tags have at
// most 40 characters, an idempotency key has 36.
func holdTag(e approval.Execution) string { return "sa-" + e.IdempotencyKey }

// findHold reads back whether something was put aside.
func (s *shop) findHold(ctx context.Context, _ toolgate.Call) (ai.ToolResult, bool, error) {
	e, ok := toolgate.Execution(ctx)
	if !ok {
		return ai.ToolResult{}, false, approval.ErrNoReadBack
	}
	tag := holdTag(e)
	for d, err := range admin.DraftOrders(ctx, s.client, &admin.ListOptions{Query: "tag:'" + tag + "'"}) {
		if err != nil {
			return ai.ToolResult{}, false, err
		}
		if slices.Contains(d.Tags, tag) {
			text, err := json.Marshal(holdResult{string(d.ID)})
			return ai.ToolResult{Content: []ai.Part{ai.Text{Text: string(text)}}}, true, err
		}
	}
	return ai.ToolResult{}, false, nil
}

// holdTitle is what a manager reads first.
func (s *shop) holdTitle(call ai.ToolCall) string {
	var in holdInput
	if json.Unmarshal(call.Arguments, &in) != nil {
		return ""
	}
	_, title, err := s.variantOf(context.Background(), in.SKU)
	if err != nil || title == "" {
		return ""
	}
	return clip(fmt.Sprintf("Put aside %d × %s (%s)", in.Quantity, title, in.SKU), 200)
}

// holdGate lets no call come before a manager that is about something which does not
// exist, or that was not found for this question.
func (t *turn) holdGate(next ai.Gate) ai.Gate {
	return func(ctx context.Context, call ai.GatedCall, run func(context.Context) (ai.ToolResult, error)) (ai.ToolResult, error) {
		var in holdInput
		readable := json.Unmarshal(call.Call.Arguments, &in) == nil
		if !readable || !t.wasFound(ctx, in.SKU) {
			return ai.ToolResult{IsError: true, Content: []ai.Part{ai.Text{Text: "That SKU is none of those that were found."}}}, nil
		}
		result, err := next(ctx, call, run)
		if pending, ok := errors.AsType[*toolgate.PendingError](err); ok {
			t.pending = append(t.pending, pending.RequestID)
		}
		return result, err
	}
}

// wasFound says whether a SKU is of a product that was found for this question.
func (t *turn) wasFound(ctx context.Context, sku string) bool {
	t.sources.mu.Lock()
	ids := slices.Clone(t.sources.products)
	t.sources.mu.Unlock()
	docs, err := t.shop.index.Documents(ctx, ids...)
	if err != nil {
		return false
	}
	for i := range docs {
		if slices.ContainsFunc(docs[i].Variants, func(v rag.Variant) bool { return v.SKU == sku }) {
			return true
		}
	}
	return false
}

// waiting shows that calls wait for a manager.
func (t *turn) waiting(ctx context.Context) {
	for _, id := range t.pending {
		if r, err := t.queue.Get(ctx, id); err == nil {
			t.send("waiting "+id, block{Kind: "waiting", By: "model", Task: taskOf(r)})
		}
	}
}
