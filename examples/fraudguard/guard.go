package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
)

// self is who judges and proposes.
var self = approval.Principal{ID: "posai.fraudguard", Name: "Fraud guard", Type: approval.System}

// guard judges transactions, once each, and puts on record what it found. The
// record is also its memory: what was counted and flagged is read back from it at
// the start.
type guard struct {
	log    *audit.Log
	queue  *approval.Queue
	engine *risk.Engine
	shop   string // domain
	money  string // currency
	zone   *time.Location
	now    func() time.Time
	logger *slog.Logger

	keys keyed // one at a time per transaction

	mu      sync.Mutex
	budget  *risk.Budget
	tenders map[string]map[string]string // method by payment by order

	atWork   gate    // questions that are being judged
	unscored counter // questions that could not be answered in time

	explainer explainer
	names     func(location string) string
}

// maxTenders bounds the orders whose payments are remembered.
const maxTenders = 20_000

// memory is how far back the record is read at the start: the longest time that a
// rule may count over is usually shorter, and what is older is in the shop.
const memory = 31 * 24 * time.Hour

// judge returns the verdict about a transaction: the one on record if there is
// one, else a new one, which is durable then. Where it is flagged, a review is
// asked for; flagged says so. A transaction that was judged when the register
// asked about it has a question, and is not counted again.
func (g *guard) judge(ctx context.Context, t *risk.Transaction, channel, question, partOf string) (v *Verdict, flagged bool, err error) {
	if err := t.Validate(); err != nil {
		return nil, false, fmt.Errorf("%w: %w", errTransaction, err)
	}
	unlock, err := g.keys.lock(ctx, t.Key)
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	if v, err = g.known(ctx, t.Key); err != nil {
		return nil, false, err
	}
	if v == nil {
		if v, err = g.assess(ctx, t, channel, question, partOf); err != nil {
			return nil, false, err
		}
	}
	flagged, waited, err := g.isFlagged(ctx, v)
	if err != nil || !flagged {
		return v, false, err
	}
	return v, true, g.review(ctx, v, waited) // again after a crash: the queue knows it by its key
}

// errTransaction: what is to be judged makes no sense.
var errTransaction = errors.New("not a transaction")

// known returns the verdict on record, or nil.
func (g *guard) known(ctx context.Context, key string) (*Verdict, error) {
	r, err := g.log.Get(ctx, entryID(kindAssessed, g.shop, key))
	if errors.Is(err, audit.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return g.verdict(ctx, r)
}

// isFlagged says whether the transaction, or the question about it, is flagged on
// record, and whether it had to wait for that.
func (g *guard) isFlagged(ctx context.Context, v *Verdict) (flagged, waited bool, err error) {
	for _, key := range []string{v.Key, v.Question} {
		if key == "" {
			continue
		}
		r, err := g.log.Get(ctx, entryID(kindFlagged, g.shop, key))
		if err == nil {
			return true, r.Entry.Attributes["waited"] == "true", nil
		}
		if !errors.Is(err, audit.ErrNotFound) {
			return false, false, err
		}
	}
	return false, false, nil
}

// assess judges a transaction, records that, counts it, and flags what is due.
func (g *guard) assess(ctx context.Context, t *risk.Transaction, channel, question, partOf string) (*Verdict, error) {
	v := &Verdict{Transaction: *t, Channel: channel, Question: question, PartOf: partOf, JudgedAt: g.now()}
	asked, mismatch, err := g.askedAbout(ctx, t, question)
	if err != nil {
		return nil, err
	}
	if asked != nil {
		v.Assessment = asked.Assessment
	} else {
		v.Question = ""
		v.Assessment = g.engine.Assess(t)
		if mismatch {
			v.Reasons = append([]risk.Reason{{Code: codeAnother, Text: "It names a question that was about another transaction", Strength: anotherStrength}}, v.Reasons...)
			v.Score = 1 - (1-v.Score)*(1-anotherStrength)
		}
	}
	// Durable before anybody acts on it. If this fails, nothing was counted.
	r, err := g.log.Append(ctx, v.entry(g.shop))
	if err != nil {
		return nil, err
	}
	v.Index, v.Leaf = r.Index, r.LeafHash.String()
	switch {
	case v.Question != "":
		g.engine.Skip(t.Key)
		g.engine.Enter(t)
		return v, nil
	case partOf != "":
	case channel == channelPOS:
		g.engine.Count(t)
	default:
		g.engine.Observe(t)
	}
	return v, g.flag(ctx, v)
}

// codeAnother is the reason of an order that names a question which was about
// something else: a small sale is asked about, and a large one is done. It is a
// fact, not a rule.
const codeAnother risk.Code = "ASKED_ABOUT_ANOTHER"

const anotherStrength = 0.5

// askedAbout returns the verdict about the question that a transaction names, if
// it was about this transaction: of the same kind, at the same place, within a day,
// about as much or more, and named by no other. What the order says of itself, the
// device wrote: mismatch says that it was about another one. Where nobody asked,
// there is neither.
func (g *guard) askedAbout(ctx context.Context, t *risk.Transaction, question string) (asked *Verdict, mismatch bool, err error) {
	if question == "" {
		return nil, false, nil
	}
	unlock, err := g.keys.lock(ctx, question)
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	if asked, err = g.known(ctx, question); err != nil || asked == nil {
		return nil, false, err
	}
	done, err := g.doneAfter(ctx, asked)
	if err != nil {
		return nil, false, err
	}
	most := asked.Amount.Mul(decimal.RequireFromString("1.1")).Add(decimal.NewFromInt(1))
	if done != nil && done.Key != t.Key || asked.Kind != t.Kind || asked.Location != t.Location || t.Amount.GreaterThan(most) || g.now().Sub(asked.JudgedAt) > 24*time.Hour {
		return nil, true, nil
	}
	return asked, false, nil
}

// flag offers the verdict to the budget and puts the flags on record that are
// due: its own, and those of what waited.
func (g *guard) flag(ctx context.Context, v *Verdict) error {
	at := v.JudgedAt
	g.mu.Lock()
	if v.counts() {
		g.budget.Seen(at, v.Score)
	}
	due := []risk.Candidate{}
	if c := (risk.Candidate{Key: v.Key, Score: v.Score}); g.budget.Offer(c, at) {
		due = append(due, c)
	}
	for {
		c, ok := g.budget.Next(at)
		if !ok {
			break
		}
		due = append(due, c)
	}
	g.mu.Unlock()
	var errs []error
	for _, c := range due {
		errs = append(errs, g.putFlag(ctx, c, at, v))
	}
	return errors.Join(errs...)
}

// putFlag records a flag. Whether it is of the present verdict or of one that
// waited, the review of the latter is asked for here.
func (g *guard) putFlag(ctx context.Context, c risk.Candidate, at time.Time, present *Verdict) error {
	v := present
	if c.Key != present.Key {
		var err error
		if v, err = g.known(ctx, c.Key); err != nil || v == nil {
			return errors.Join(fmt.Errorf("the verdict about %s is not on record", c.Key), err)
		}
	}
	e := v.entry(g.shop)
	e.ID, e.Kind, e.Time = entryID(kindFlagged, g.shop, v.Key), kindFlagged, at
	e.Sealed = nil // the verdict has it
	e.Attributes = map[string]string{"key": v.Key, "score": e.Attributes["score"], "waited": strconv.FormatBool(v != present)}
	if _, err := g.log.Append(ctx, e); err != nil {
		if !errors.Is(err, audit.ErrUncertain) && !errors.Is(err, audit.ErrConflict) {
			g.mu.Lock()
			g.budget.Withdraw(at)
			g.mu.Unlock()
		}
		return err
	}
	if v == present {
		return nil // judge asks for the review
	}
	return g.review(ctx, v, true)
}

// tender takes note of a payment, and returns how each payment of the order was
// made. A payment that is told of twice counts once.
func (g *guard) tender(order, id, method string) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.tenders) >= maxTenders {
		clear(g.tenders) // the payments of an order come within seconds of one another
	}
	if g.tenders[order] == nil {
		g.tenders[order] = map[string]string{}
	}
	if len(g.tenders[order]) < risk.MaxTenders {
		g.tenders[order][id] = method
	}
	return slices.Sorted(maps.Values(g.tenders[order]))
}

// today is the state of the budget.
func (g *guard) today() (seen, flagged, waiting int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.budget.Present(g.now())
}

// keyed is a lock for each key.
type keyed struct {
	mu   sync.Mutex
	held map[string]chan struct{}
}

// lock waits until nobody holds the key, or ctx ends.
func (k *keyed) lock(ctx context.Context, key string) (unlock func(), err error) {
	for {
		k.mu.Lock()
		if k.held == nil {
			k.held = map[string]chan struct{}{}
		}
		done, taken := k.held[key]
		if !taken {
			done = make(chan struct{})
			k.held[key] = done
			k.mu.Unlock()
			return func() {
				k.mu.Lock()
				delete(k.held, key)
				k.mu.Unlock()
				close(done)
			}, nil
		}
		k.mu.Unlock()
		select {
		case <-done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) add() {
	c.mu.Lock()
	c.n++
	c.mu.Unlock()
}

func (c *counter) get() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}
