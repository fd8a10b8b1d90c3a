package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
)

// Refunds and returns hold no metafields, so the reasons stand at the order: one
// metafield for each return, in the app's own namespace, that nobody else writes.
// So two returns of an order never overwrite one another, and writing one again
// changes nothing.
const namespace = "$app"

// metafieldKey is the key for a return or a refund: "return_reason_4406838290". It
// is "" for anything else.
func metafieldKey(goodsID string) string {
	id := shopify.GID(goodsID)
	if _, err := id.Number(); err != nil {
		return ""
	}
	switch id.Type() {
	case "Return":
		return "return_reason_" + id.ID()
	case "Refund":
		return "refund_reason_" + id.ID()
	}
	return ""
}

// Recorded is the value of the metafield.
type Recorded struct {
	Version int            `json:"version"` // 1
	Goods   string         `json:"goods"`   // GID
	By      string         `json:"by"`
	Items   []RecordedItem `json:"items"`
}

// Result is what was written.
type Result struct {
	Metafield string `json:"metafield"` // key
	OrderID   string `json:"order_id"`
}

// String returns the result in words.
func (r Result) String() string { return "metafield " + r.Metafield + " of the order" }

// EffectIDs names what was changed, for the audit log.
func (r Result) EffectIDs() []string { return []string{r.OrderID} }

func (r Record) metafield() (admin.MetafieldsSetInput, error) {
	value, err := json.Marshal(Recorded{Version: 1, Goods: r.GoodsID, By: r.By, Items: r.Items})
	if err != nil {
		return admin.MetafieldsSetInput{}, err
	}
	return admin.MetafieldsSetInput{
		OwnerID: shopify.GID(r.OrderID), Namespace: shopify.Some(namespace), Key: metafieldKey(r.GoodsID), Type: shopify.Some("json"), Value: string(value),
	}, nil
}

// errChanged: what was judged is not what the shop says now.
var errChanged = errors.New("the return says something else by now; it is judged anew")

// write executes a record. It looks first whether what was judged still stands:
// a request may wait for days.
func (f *follower) write(ctx context.Context, _ approval.Execution, r Record) (Result, error) {
	g, err := f.shop.goods(ctx, r.GoodsID)
	if err != nil {
		return Result{}, demo.Outcome(err)
	}
	if g.digest() != r.Digest {
		if err := f.consider(ctx, r.GoodsID, audit.Entry{
			Shop: string(f.shop.client.Shop()), Correlation: r.GoodsID, Action: kindRecord,
			Actor: audit.Actor{Type: audit.System, ID: self.ID, Channel: "execution"},
		}); err != nil {
			return Result{}, err
		}
		return Result{}, approval.Permanent(errChanged)
	}
	field, err := r.metafield()
	if err != nil {
		return Result{}, approval.Permanent(err)
	}
	if _, err := admin.MetafieldsSet(ctx, f.shop.client, []admin.MetafieldsSetInput{field}); err != nil {
		return Result{}, demo.Outcome(err)
	}
	return Result{Metafield: field.Key, OrderID: r.OrderID}, nil
}

// find reads back whether a record was written.
func (f *follower) find(ctx context.Context, _ approval.Execution, r Record) (Result, bool, error) {
	want, err := r.metafield()
	if err != nil {
		return Result{}, false, err
	}
	resp, err := admin.OrderMetafields(ctx, f.shop.client, shopify.GID(r.OrderID), namespace)
	if err != nil {
		return Result{}, false, err
	}
	if resp.Order == nil {
		return Result{}, false, errNoGoods
	}
	for _, got := range resp.Order.Metafields.Nodes {
		if demo.SameMetafield(want, got) {
			return Result{Metafield: want.Key, OrderID: r.OrderID}, true, nil
		}
	}
	return Result{}, false, nil
}

// parseRecorded reads a metafield of ours. What is not ours, or is damaged, is an
// error: the summary then judges anew.
func parseRecorded(m admin.Metafield) (Recorded, error) {
	var r Recorded
	if !strings.HasPrefix(m.Key, "return_reason_") && !strings.HasPrefix(m.Key, "refund_reason_") {
		return r, fmt.Errorf("%s is no reason", m.Key)
	}
	if err := json.Unmarshal([]byte(m.Value), &r); err != nil {
		return r, fmt.Errorf("metafield %s is damaged", m.Key)
	}
	if r.Version != 1 || metafieldKey(r.Goods) != m.Key {
		return r, fmt.Errorf("metafield %s is of another kind", m.Key)
	}
	for _, i := range r.Items {
		if !i.Reason.valid() {
			return r, fmt.Errorf("metafield %s names an unknown reason", m.Key)
		}
	}
	return r, nil
}
