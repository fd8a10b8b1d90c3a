package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
	"github.com/posai-go/posai/examples/internal/demo"
)

// The stable names of the actions. They are in the database and in the audit log.
const (
	kindRelease = "fraudguard.release"
	kindMark    = "fraudguard.mark"
)

// Release lets a flagged transaction go ahead that waits at the register. Its
// effect is the answer that the register gets: the platform has no other way to
// stop or go.
type Release struct {
	Transaction string         `json:"transaction"` // key
	What        risk.Kind      `json:"kind"`
	Reasons     []risk.Reason  `json:"reasons"`
	Stake       approval.Money `json:"stake"`
}

// Released is the result of a [Release].
type Released struct {
	Transaction string `json:"transaction"`
}

// Kind returns the stable name of the action.
func (Release) Kind() string { return kindRelease }

// Validate checks the action by itself.
func (r Release) Validate() error {
	if !strings.HasPrefix(r.Transaction, "ask/") {
		return errors.New("the transaction is not one that a register asked about")
	}
	return nil
}

// AmountAtStake is what is paid or given back.
func (r Release) AmountAtStake() approval.Money { return r.Stake }

// Preview is what a manager sees.
func (r Release) Preview() approval.Preview {
	return approval.Preview{
		Title:   fmt.Sprintf("Let a %s go ahead: %s %s", r.What, r.Stake.Amount, r.Stake.Currency),
		Summary: "The register waits. Approve to go ahead, reject to refuse.",
		Fields:  reasonFields(r.Reasons),
	}
}

func reasonFields(reasons []risk.Reason) []approval.PreviewField {
	var out []approval.PreviewField
	for i, r := range reasons {
		if i == maxReasons {
			break
		}
		out = append(out, approval.PreviewField{Label: strings.ReplaceAll(strings.ToLower(string(r.Code)), "_", " "), Value: r.Text})
	}
	if len(out) == 0 {
		out = append(out, approval.PreviewField{Label: "no rule", Value: "Its score is among the highest of late, although no rule names a reason."})
	}
	return out
}

// Levels of a [Mark], as Shopify has them.
const (
	levelHigh   = "HIGH"
	levelMedium = "MEDIUM"
	levelLow    = "LOW"
)

// Mark writes what was found to an order.
type Mark struct {
	OrderID     string         `json:"order_id"`
	Transaction string         `json:"transaction"` // key
	What        risk.Kind      `json:"kind"`
	Level       string         `json:"level"`
	Reasons     []risk.Reason  `json:"reasons"`
	Policy      string         `json:"policy"`
	Stake       approval.Money `json:"stake"`
	// Entry and Leaf point to the audit entry of the verdict.
	Entry int64  `json:"entry"`
	Leaf  string `json:"leaf"`
}

// Kind returns the stable name of the action.
func (Mark) Kind() string { return kindMark }

// Validate checks the action by itself.
func (m Mark) Validate() error {
	switch {
	case !strings.HasPrefix(m.OrderID, "gid://shopify/Order/"):
		return errors.New("order_id is not an order")
	case m.Level != levelHigh && m.Level != levelMedium && m.Level != levelLow:
		return errors.New("the level must be HIGH, MEDIUM or LOW")
	case m.Transaction == "":
		return errors.New("the transaction is missing")
	}
	return nil
}

// AmountAtStake is what was paid or given back.
func (m Mark) AmountAtStake() approval.Money { return m.Stake }

// Preview is what a manager sees.
func (m Mark) Preview() approval.Preview {
	p := approval.Preview{
		Title:   fmt.Sprintf("Mark an order as a risk: %s of %s %s", m.What, m.Stake.Amount, m.Stake.Currency),
		Summary: "It is done already. Approving writes the risk and its reasons to the order, for whoever handles it next; rejecting writes nothing.",
		Fields:  []approval.PreviewField{{Label: "Risk", Value: m.Level}},
	}
	p.Fields = append(p.Fields, reasonFields(m.Reasons)...)
	return p
}

// EditForm offers the level.
func (m Mark) EditForm() []approval.FormField {
	return []approval.FormField{{Name: "level", Label: "Risk", Type: approval.FieldSelect, Value: m.Level, Required: true, Options: []approval.Option{
		{Value: levelHigh, Label: "High"}, {Value: levelMedium, Label: "Medium"}, {Value: levelLow, Label: "Low"},
	}}}
}

// ApplyEdit returns the action as the manager changed it.
func (m Mark) ApplyEdit(values map[string]string) (approval.Action, error) {
	m.Level = values["level"]
	return m, nil
}

// highFrom is the score from which the risk is high.
const highFrom = 0.7

// codeBypassed is the reason of a sale that was done although the register was
// told to wait. It is a fact, not a rule.
const codeBypassed risk.Code = "BYPASSED"

// approvalPolicy asks a manager about what is large and lets the rest be done.
func approvalPolicy(p *risk.Policy, expiry time.Duration) approval.Policy {
	limit := p.ReviewFrom.StringFixed(2)
	ask := approval.Ask(approval.Role(demo.RoleManager), expiry, "It is flagged and not below "+limit+" "+p.Currency+".")
	return approval.PolicyFunc("fraudguard-1:"+p.Name(), func(_ context.Context, r *approval.Request) (approval.Ruling, error) {
		cmp, err := r.Amount.Cmp(approval.Money{Amount: limit, Currency: p.Currency})
		if err != nil {
			return approval.Ruling{}, err // asks
		}
		if cmp < 0 {
			return approval.Allow("It is flagged, but below " + limit + " " + p.Currency + "."), nil
		}
		return ask, nil
	})
}

// review asks for what a flagged verdict takes: of a question that a register
// waits for, whether it may go ahead; of what is done, whether the order is marked.
// Asking again changes nothing.
func (g *guard) review(ctx context.Context, v *Verdict, waited bool) error {
	switch {
	case v.Channel == channelPOS && !waited:
		_, err := approval.KeepFirst(g.queue.Propose(ctx, Release{Transaction: v.Key, What: v.Kind, Reasons: v.Reasons, Stake: g.stake(v)}, g.proposal(ctx, v, v.Key)))
		return err
	case v.Channel == channelPOS:
		done, err := g.doneAfter(ctx, v)
		if err != nil || done == nil {
			return err // once the order comes, it is flagged for its question
		}
		return g.reviewDone(ctx, done)
	}
	return g.reviewDone(ctx, v)
}

// reviewDone asks whether an order is marked. One that a manager has let go ahead
// is not.
func (g *guard) reviewDone(ctx context.Context, v *Verdict) error {
	order := orderGID(v.order())
	if order == "" {
		return nil
	}
	reasons := v.Reasons
	if v.Question != "" {
		asked, err := g.request(ctx, kindRelease, v.Question)
		if err != nil {
			return err
		}
		switch {
		case asked == nil, asked.Ruling.Verdict == approval.RuleAllow: // the register was told to go ahead
		case asked.State == approval.Executed || asked.State == approval.Approved || asked.State == approval.Executing:
			return nil
		default:
			text := "Done although the register was told to wait for a manager"
			if asked.State == approval.Rejected {
				text = "Done although a manager had refused it"
			}
			reasons = append([]risk.Reason{{Code: codeBypassed, Text: text, Strength: 1}}, reasons...)
		}
	}
	level := levelMedium
	if v.Score >= highFrom || len(reasons) > 0 && reasons[0].Code == codeBypassed {
		level = levelHigh
	}
	mark := Mark{
		OrderID: order, Transaction: v.Key, What: v.Kind, Level: level, Reasons: reasons, Policy: v.Policy, Stake: g.stake(v), Entry: v.Index, Leaf: v.Leaf,
	}
	if r, err := g.request(ctx, kindMark, markKey(v)); r != nil || err != nil {
		return err // asked before: a model need not be asked again
	}
	_, err := approval.KeepFirst(g.queue.Propose(ctx, mark, g.proposal(ctx, v, markKey(v))))
	return err
}

// markKey makes one mark per order and kind of transaction: further payments of a
// marked sale add nothing.
func markKey(v *Verdict) string { return string(v.Kind) + " of " + orderGID(v.order()) }

// doneAfter is the verdict about what was done after a question, or nil.
func (g *guard) doneAfter(ctx context.Context, asked *Verdict) (*Verdict, error) {
	for r, err := range g.log.Trail(ctx, audit.Query{Subject: audit.Subject{Type: "transaction", ID: asked.Key}, Kind: kindAssessed, Shop: g.shop}) {
		if err != nil {
			return nil, err
		}
		if v, err := g.verdict(ctx, r); err != nil || v.Question == asked.Key {
			return v, err
		}
	}
	return nil, nil
}

func (g *guard) stake(v *Verdict) approval.Money {
	return approval.Money{Amount: v.Amount.StringFixed(2), Currency: g.money}
}

func (g *guard) proposal(ctx context.Context, v *Verdict, key string) approval.Proposal {
	p := approval.Proposal{
		Key: key, Shop: g.shop, Location: v.Location, Correlation: v.correlation(), Proposer: self, Subjects: v.subjects(), Amount: g.stake(v),
		Reason:   fmt.Sprintf("Score %.2f: among the highest of late, and within the budget of one in %d.", v.Score, g.engine.Policy().Budget.OneIn),
		Model:    &audit.Model{Provider: "posai", Name: "fraudguard-rules-and-forest-1", Baseline: true},
		Evidence: []approval.Evidence{{Label: "What was asked or done", Text: g.describe(v)}},
	}
	x := baselineExplanation(v)
	if v.Channel != channelPOS { // nobody waits: there is time to ask a model
		x = g.explainer.explain(ctx, v)
	}
	p.Evidence = append(p.Evidence, approval.Evidence{Label: x.label(), Text: x.Text})
	return p
}

// describe says what the verdict is about.
func (g *guard) describe(v *Verdict) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s %s at %s", titled(string(v.Kind)), v.Amount.StringFixed(2), g.money, v.At.In(g.zone).Format("2 January, 15:04"))
	if g.names != nil && v.Location != "" {
		if name := g.names(v.Location); name != "" {
			b.WriteString(", " + name)
		}
	}
	b.WriteString("\n")
	if len(v.Tenders) > 0 {
		fmt.Fprintf(&b, "Paid by %s\n", strings.ReplaceAll(strings.Join(v.Tenders, ", "), "_", " "))
	}
	switch {
	case v.Kind == risk.Return && v.Receipt == "":
		b.WriteString("No receipt\n")
	case v.Kind == risk.Return:
		fmt.Fprintf(&b, "Receipt: %s\n", v.Receipt)
	}
	if v.Customer == "" {
		b.WriteString("No customer on it\n")
	}
	if v.Associate != "" {
		fmt.Fprintf(&b, "Associate, as the device says: %s\n", v.Associate[strings.LastIndexByte(v.Associate, '/')+1:])
	}
	return b.String()
}

func titled(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// request returns the request of a kind with a key, or nil.
func (g *guard) request(ctx context.Context, kind, key string) (*approval.Request, error) {
	for r, err := range g.queue.List(ctx, approval.Filter{Shop: g.shop, Kind: kind, Key: key, Limit: 1}) {
		return r, err
	}
	return nil, nil
}
