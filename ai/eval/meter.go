package eval

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/posai-go/posai/ai"
)

// Meter wraps a model of a contestant, so that a run counts what it uses on the case
// that it is asked about, and keeps it within [Options].MaxCost. Outside of a run it
// does nothing. It belongs around the innermost model, inside of retry and fallback,
// so that every attempt counts.
func Meter(m ai.Model) ai.Model {
	if already, ok := m.(metered); ok {
		return already
	}
	return metered{m}
}

// Fallback tells the run that the answer it waits for is not the contestant's own:
// the program's baseline stood in, as it does in production. Outside of a run it does
// nothing.
func Fallback(ctx context.Context) {
	if m := meterFrom(ctx); m != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.fallback = true
	}
}

type meterKey struct{}

func meterFrom(ctx context.Context) *meter {
	m, _ := ctx.Value(meterKey{}).(*meter)
	return m
}

// A meter counts for one answer or grade.
type meter struct {
	prices *ai.Prices
	budget *ai.Budget // nil without a cap

	mu       sync.Mutex
	spent    Spent
	fallback bool
	stopped  error // the budget's refusal, even if the contestant went on without
}

// Spent is what calls of models used.
type Spent struct {
	Calls int      `json:"calls"`
	Usage ai.Usage `json:"usage"`
	Cost  ai.Cost  `json:"cost"` // in 10⁻¹² of the currency

	// Uncertain: the provider did not tell the usage of a call, or there is no price.
	// With a cap, Cost has the worst case of such a call, else nothing.
	Uncertain bool `json:"uncertain,omitempty"`
}

func (s *Spent) add(t Spent) {
	s.Calls += t.Calls
	s.Usage = s.Usage.Add(t.Usage)
	s.Cost += min(t.Cost, ai.MaxCost-s.Cost)
	s.Uncertain = s.Uncertain || t.Uncertain
}

// call counts a call. With a budget, its ledger knows better what it cost.
func (m *meter) call(info ai.Info, u ai.Usage) {
	call := Spent{Calls: 1, Usage: u, Uncertain: u.Missing}
	if m.prices != nil && m.budget == nil {
		cost, ok := m.prices.Cost(info, time.Now(), u)
		call.Cost, call.Uncertain = cost, u.Missing || !ok
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spent.add(call)
}

// failed counts a call that ended with an error.
func (m *meter) failed(info ai.Info, err error) {
	if errors.Is(err, ai.ErrBudget) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.stopped = err
		return
	}
	if e, ok := errors.AsType[*ai.Error](err); ok && e.Status >= 400 && e.Status < 500 {
		m.call(info, ai.Usage{}) // providers do not charge for what they turn away
		return
	}
	u := ai.Usage{Missing: true}
	if p, ok := errors.AsType[*ai.PartialError](err); ok && p.Response != nil {
		u = p.Response.Usage
		u.Missing = u.Missing || u.Total() == 0
	}
	m.call(info, u)
}

// A ledger keeps a run's books and tells each meter what its calls came to.
type ledger struct{ ai.MemoryLedger }

// Settle implements [ai.Ledger].
func (l *ledger) Settle(ctx context.Context, s ai.Settlement) error {
	if m := meterFrom(ctx); m != nil {
		m.mu.Lock()
		m.spent.Cost += min(s.Amount, ai.MaxCost-m.spent.Cost)
		m.mu.Unlock()
	}
	return l.MemoryLedger.Settle(ctx, s)
}

type metered struct{ ai.Model }

func (m metered) counted(ctx context.Context) (*meter, ai.Model) {
	meter := meterFrom(ctx)
	if meter == nil || meter.budget == nil {
		return meter, m.Model
	}
	return meter, meter.budget.Middleware(m.Model)
}

// Generate implements [ai.Model].
func (m metered) Generate(ctx context.Context, req *ai.Request) (*ai.Response, error) {
	meter, model := m.counted(ctx)
	resp, err := model.Generate(ctx, req)
	switch {
	case meter == nil:
	case err != nil:
		meter.failed(m.Info(), err)
	default:
		meter.call(m.Info(), resp.Usage)
	}
	return resp, err
}

// Stream implements [ai.Model].
func (m metered) Stream(ctx context.Context, req *ai.Request) iter.Seq2[ai.Event, error] {
	meter, model := m.counted(ctx)
	if meter == nil {
		return model.Stream(ctx, req)
	}
	return func(yield func(ai.Event, error) bool) {
		for ev, err := range model.Stream(ctx, req) {
			if err != nil {
				meter.failed(m.Info(), err)
				yield(nil, err)
				return
			}
			if done, ok := ev.(ai.Done); ok {
				meter.call(m.Info(), done.Response.Usage)
				yield(ev, nil)
				return
			}
			if !yield(ev, nil) {
				meter.call(m.Info(), ai.Usage{Missing: true})
				return
			}
		}
	}
}
