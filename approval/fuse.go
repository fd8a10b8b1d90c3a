package approval

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// Fuse bounds what the policy and standing rules allow without a person: once
// a window holds as many requests, or as much money, what comes next asks
// people instead: those whom the policy would have asked without a standing rule,
// else those of [Options].DefaultNeed. It counts exactly, over all processes that
// share the store: a request that is stored as allowed, and no other, counts once.
type Fuse struct {
	// Name is what the counter is stored under, at most 64 bytes; required.
	Name string

	// Scope says which requests count. The zero Scope: all.
	Scope Scope

	// Window is the length of the sliding window, at most 31 days. If zero, an
	// hour. It slides in steps of a sixtieth.
	Window time.Duration

	// MaxCount is how many requests the window takes. If zero, any number.
	MaxCount int

	// MaxAmount is how much money the window takes. If zero, any. A request
	// without an amount counts as nothing, one in another currency asks people.
	MaxAmount Money
}

const (
	fuseSteps     = 60
	maxFuseName   = 64
	maxFuseWindow = 31 * 24 * time.Hour
)

func (f *Fuse) validate() error {
	c := &checker{}
	c.required("fuse name", f.Name, maxFuseName)
	c.scope(f.Scope)
	c.check(f.Window >= 0 && f.Window <= maxFuseWindow, "fuse window", "must be at most 31 days")
	c.check(f.MaxCount > 0 || f.MaxCount == 0 && f.MaxAmount != (Money{}), "fuse", "needs MaxCount or MaxAmount")
	c.amount(f.MaxAmount)
	return c.err
}

// fuseCount is what is stored of a fuse.
type fuseCount struct {
	Steps []fuseStep `json:"steps,omitempty"`
}

// fuseStep is one sixtieth of the window.
type fuseStep struct {
	Step   int64  `json:"step"` // time divided by the length of a step
	Count  int    `json:"count"`
	Amount string `json:"amount,omitzero"` // sum, a decimal
}

var errBlown = errors.New("the fuse is blown")

// charge returns the counter as it is once it has counted r, or errBlown.
func (q *Queue) charge(ctx context.Context, f Fuse, r *Request, now time.Time) (Document, error) {
	window := f.Window
	if window == 0 {
		window = time.Hour
	}
	amount := new(big.Rat)
	if f.MaxAmount != (Money{}) && r.Amount != (Money{}) {
		if r.Amount.Currency != f.MaxAmount.Currency {
			return Document{}, errBlown
		}
		var err error
		if amount, err = r.Amount.rat(); err != nil {
			return Document{}, errBlown
		}
	}
	step := now.UnixNano() / max(int64(window)/fuseSteps, 1)
	doc, _, err := planDocument(ctx, q.store, "fuse/"+f.Name, func(c *fuseCount, _ int64) (bool, error) {
		// The step at the far end is only partly in the window; it counts whole.
		c.Steps = slices.DeleteFunc(c.Steps, func(s fuseStep) bool { return s.Step < step-fuseSteps })
		count, sum := 1, new(big.Rat).Set(amount)
		for _, s := range c.Steps {
			count += s.Count
			if a, ok := new(big.Rat).SetString(s.Amount); ok {
				sum.Add(sum, a)
			}
		}
		if f.MaxCount > 0 && count > f.MaxCount {
			return false, errBlown
		}
		if f.MaxAmount != (Money{}) {
			if limit, err := f.MaxAmount.rat(); err != nil || sum.Cmp(limit) > 0 {
				return false, errBlown
			}
		}
		i := slices.IndexFunc(c.Steps, func(s fuseStep) bool { return s.Step == step })
		if i < 0 {
			c.Steps = append(c.Steps, fuseStep{Step: step})
			i = len(c.Steps) - 1
		}
		total := new(big.Rat).Set(amount)
		if old, ok := new(big.Rat).SetString(c.Steps[i].Amount); ok {
			total.Add(total, old)
		}
		c.Steps[i].Count++
		c.Steps[i].Amount = total.FloatString(10)
		return true, nil
	})
	return doc, err
}

// fuses turns an allow into an ask where a fuse is blown. The charges are the
// counters of those that are not.
func (q *Queue) fuses(ctx context.Context, r *Request, ruling Ruling, now time.Time) (_ Ruling, charges []Document, err error) {
	for _, f := range q.opts.Fuses {
		if !f.Scope.Covers(r) {
			continue
		}
		doc, err := q.charge(ctx, f, r, now)
		switch {
		case errors.Is(err, errBlown):
			return Ruling{
				Verdict: RuleAsk, Need: q.opts.DefaultNeed, Expiry: q.opts.DefaultExpiry, Rule: ruling.Rule,
				Reason: cut(fmt.Sprintf("More than the fuse %q lets pass without a person.", f.Name), maxRuling),
			}, nil, nil
		case err != nil:
			return Ruling{}, nil, err
		}
		charges = append(charges, doc)
	}
	return ruling, charges, nil
}
