package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
)

// Where a mark is written: a risk assessment, where the order still takes one, and
// always a metafield of the app's own namespace and a tag.
const (
	namespace = "$app"
	keyRisk   = "risk_of_"       // and the kind of transaction
	keyProof  = "risk_proof_of_" // likewise; points to the decision in the audit log
	tagRisk   = "posai-risk-review"
	// maxFacts is Shopify's bound.
	maxFacts = 20
)

// Marked is what was written.
type Marked struct {
	OrderID   string `json:"order_id"`
	Metafield string `json:"metafield"` // key
	// Assessed says that the order has a risk assessment. Otherwise it was
	// fulfilled already, as what is taken along is, and takes none.
	Assessed bool `json:"assessed"`
}

// EffectIDs is what was changed.
func (m Marked) EffectIDs() []string { return []string{m.OrderID} }

// String returns the result in words.
func (m Marked) String() string {
	if m.Assessed {
		return "the risk assessment, the metafield " + m.Metafield + " and the tag " + tagRisk
	}
	return "the metafield " + m.Metafield + " and the tag " + tagRisk + "; the order is fulfilled and takes no risk assessment"
}

// writer writes to one shop.
type writer struct{ client *shopify.Client }

func (m Mark) metafield() (admin.MetafieldsSetInput, error) {
	type reason struct {
		Code string `json:"code"`
		Text string `json:"text"`
	}
	reasons := []reason{}
	for _, r := range m.Reasons {
		reasons = append(reasons, reason{string(r.Code), r.Text})
	}
	// The entry and its hash let anybody with the log or a receipt check this.
	value, err := json.Marshal(map[string]any{
		"transaction": m.Transaction, "level": m.Level, "reasons": reasons, "policy": m.Policy, "audit_entry": m.Entry, "audit_leaf_hash": m.Leaf,
	})
	return admin.MetafieldsSetInput{
		OwnerID: shopify.GID(m.OrderID), Namespace: shopify.Some(namespace), Key: keyRisk + string(m.What), Type: shopify.Some("json"), Value: string(value),
	}, err
}

// reference is the fact by which a risk assessment is found again.
func (m Mark) reference() string {
	return fmt.Sprintf("Reference: %s, policy %s", m.Transaction, m.Policy)
}

func (m Mark) assessment() admin.OrderRiskAssessmentCreateInput {
	in := admin.OrderRiskAssessmentCreateInput{OrderID: shopify.GID(m.OrderID), RiskLevel: admin.RiskAssessmentResult(m.Level)}
	for _, r := range m.Reasons[:min(len(m.Reasons), maxFacts-1)] {
		in.Facts = append(in.Facts, admin.OrderRiskAssessmentFactInput{Description: r.Text, Sentiment: admin.RiskFactSentimentNegative})
	}
	in.Facts = append(in.Facts, admin.OrderRiskAssessmentFactInput{Description: m.reference(), Sentiment: admin.RiskFactSentimentNeutral})
	return in
}

// mark executes a [Mark]. Metafield and tag can be written twice without effect.
// The assessment cannot, and comes last: an earlier attempt is looked for first.
func (w writer) mark(ctx context.Context, _ approval.Execution, m Mark) (Marked, error) {
	field, err := m.metafield()
	if err != nil {
		return Marked{}, approval.Permanent(err)
	}
	if _, err := admin.MetafieldsSet(ctx, w.client, []admin.MetafieldsSetInput{field}); err != nil {
		return Marked{}, demo.Outcome(err)
	}
	if _, err := admin.TagsAdd(ctx, w.client, shopify.GID(m.OrderID), []string{tagRisk}); err != nil {
		return Marked{}, demo.Outcome(err)
	}
	result := Marked{OrderID: m.OrderID, Metafield: field.Key}
	order, err := w.risk(ctx, m)
	if err != nil {
		return Marked{}, demo.Outcome(err)
	}
	if result.Assessed = m.isIn(order); result.Assessed || order.DisplayFulfillmentStatus == admin.OrderDisplayFulfillmentStatusFulfilled {
		return result, nil
	}
	_, err = admin.OrderRiskAssessmentCreate(ctx, w.client, m.assessment())
	if alreadyFulfilled(err) { // in this moment
		return result, nil
	}
	if err != nil {
		return Marked{}, demo.Outcome(err)
	}
	result.Assessed = true
	return result, nil
}

var errNoOrder = errors.New("the shop has no such order")

func (w writer) risk(ctx context.Context, m Mark) (*admin.OrderWithRisk, error) {
	resp, err := admin.OrderRisk(ctx, w.client, shopify.GID(m.OrderID))
	if err != nil {
		return nil, err
	}
	if resp.Order == nil {
		return nil, approval.Permanent(errNoOrder)
	}
	return resp.Order, nil
}

func (m Mark) isIn(o *admin.OrderWithRisk) bool {
	return slices.ContainsFunc(o.Risk.Assessments, func(a admin.RiskAssessment) bool {
		return slices.ContainsFunc(a.Facts, func(f admin.RiskFact) bool { return f.Description == m.reference() })
	})
}

func alreadyFulfilled(err error) bool {
	refused, ok := errors.AsType[*shopify.UserErrors](err)
	return ok && slices.ContainsFunc(refused.List, func(e shopify.UserError) bool {
		return e.Code == string(admin.OrderRiskAssessmentCreateUserErrorCodeOrderAlreadyFulfilled)
	})
}

// findMark reads back whether a mark was written whole.
func (w writer) findMark(ctx context.Context, _ approval.Execution, m Mark) (Marked, bool, error) {
	want, err := m.metafield()
	if err != nil {
		return Marked{}, false, err
	}
	traces, err := admin.OrderMetafields(ctx, w.client, shopify.GID(m.OrderID), namespace)
	if err != nil {
		return Marked{}, false, err
	}
	if traces.Order == nil {
		return Marked{}, false, errNoOrder
	}
	if !slices.Contains(traces.Order.Tags, tagRisk) ||
		!slices.ContainsFunc(traces.Order.Metafields.Nodes, func(f admin.Metafield) bool { return demo.SameMetafield(want, f) }) {
		return Marked{}, false, nil
	}
	order, err := w.risk(ctx, m)
	if err != nil {
		return Marked{}, false, err
	}
	assessed := m.isIn(order)
	return Marked{OrderID: m.OrderID, Metafield: want.Key, Assessed: assessed}, assessed || order.DisplayFulfillmentStatus == admin.OrderDisplayFulfillmentStatusFulfilled, nil
}

// register tells the queue how the actions are executed.
func register(s *demo.Service, client *shopify.Client) error {
	w := writer{client}
	err := approval.Register(s.Queue, demo.WithProof(s, client, func(m Mark) (order, key string) { return m.OrderID, keyProof + string(m.What) },
		approval.Executor[Mark, Marked]{Execute: w.mark, Find: w.findMark}))
	release := func(_ context.Context, _ approval.Execution, r Release) (Released, error) {
		return Released{Transaction: r.Transaction}, nil
	}
	return errors.Join(err, approval.Register(s.Queue, approval.Executor[Release, Released]{
		Execute: release,
		// Nothing outside changes, so whatever happened to an attempt, it holds.
		Find: func(_ context.Context, _ approval.Execution, r Release) (Released, bool, error) {
			return Released{Transaction: r.Transaction}, true, nil
		},
	}))
}
