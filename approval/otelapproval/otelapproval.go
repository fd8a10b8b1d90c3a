// Package otelapproval records OpenTelemetry metrics of an approval queue: how
// people decide, what becomes of requests, what waits.
//
//	metrics, err := otelapproval.New(nil)
//	…
//	queue, err := approval.NewQueue(store, log, policy, &approval.Options{Observer: metrics.Observer()})
//	err = metrics.Watch(queue)
//
// Metrics hold kinds, roles, channels and verdicts: no texts, no requests, and no
// people, of whom only the role is told.
//
// # Metrics
//
//	approval.proposals           {request}   by kind and what the ruling says (approval.ruling)
//	approval.decisions           {decision}  by kind, role, channel, verdict, and whether edited: the approve rate
//	approval.decision.view       s           between showing and deciding, where known
//	approval.decision.wait       s           between proposal and decision
//	approval.decision.streak     {decision}  approvals without edit in a row by one person, in this process, at each
//	approval.outcomes            {request}   by kind and state (approval.state), uncertain among them
//	approval.request.duration    s           between proposal and outcome
//	approval.waiting             {request}   now pending or uncertain, at most 10,000
package otelapproval

import (
	"context"
	"fmt"
	"sync"

	"github.com/posai-go/posai/approval"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Options are the optional settings of [New].
type Options struct {
	// MeterProvider makes the metrics. If nil, OpenTelemetry's global one.
	MeterProvider metric.MeterProvider
}

const (
	scope      = "github.com/posai-go/posai/approval/otelapproval"
	maxWaiting = 10_000 // requests that are counted at a time
	maxPeople  = 10_000 // whose streaks are remembered
)

// Metrics records the metrics. It is safe for concurrent use.
type Metrics struct {
	meter metric.Meter

	proposals, decisions, outcomes metric.Int64Counter
	view, wait, duration           metric.Float64Histogram
	streak                         metric.Int64Histogram
	waiting                        metric.Int64ObservableGauge

	mu      sync.Mutex
	streaks map[string]int64 // by person
}

// New returns metrics. It fails if the meter provider refuses an instrument.
func New(opts *Options) (*Metrics, error) {
	provider := otel.GetMeterProvider()
	if opts != nil && opts.MeterProvider != nil {
		provider = opts.MeterProvider
	}
	m := &Metrics{meter: provider.Meter(scope), streaks: make(map[string]int64)}
	if err := m.instruments(); err != nil {
		return nil, fmt.Errorf("otelapproval: %w", err)
	}
	return m, nil
}

func (m *Metrics) instruments() (err error) {
	seconds := metric.WithExplicitBucketBoundaries(0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 4*3600, 24*3600)
	counter := func(name, unit, text string) metric.Int64Counter {
		c, e := m.meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(text))
		if err == nil {
			err = e
		}
		return c
	}
	histogram := func(name, text string) metric.Float64Histogram {
		h, e := m.meter.Float64Histogram(name, metric.WithUnit("s"), seconds, metric.WithDescription(text))
		if err == nil {
			err = e
		}
		return h
	}
	m.proposals = counter("approval.proposals", "{request}", "Proposals that were ruled on.")
	m.decisions = counter("approval.decisions", "{decision}", "Decisions of people.")
	m.outcomes = counter("approval.outcomes", "{request}", "What became of requests.")
	m.view = histogram("approval.decision.view", "Time between showing and deciding.")
	m.wait = histogram("approval.decision.wait", "Time between proposal and decision.")
	m.duration = histogram("approval.request.duration", "Time between proposal and outcome.")
	if err != nil {
		return err
	}
	m.streak, err = m.meter.Int64Histogram("approval.decision.streak", metric.WithUnit("{decision}"),
		metric.WithExplicitBucketBoundaries(1, 2, 5, 10, 20, 50, 100, 200), metric.WithDescription("Approvals without edit in a row by one person."))
	if err != nil {
		return err
	}
	m.waiting, err = m.meter.Int64ObservableGauge("approval.waiting", metric.WithUnit("{request}"), metric.WithDescription("Requests that wait for people."))
	return err
}

// Observer returns what is to be put into [approval.Options].
func (m *Metrics) Observer() approval.Observer {
	return approval.Observer{Proposed: m.proposed, Decided: m.decided, Settled: m.settled}
}

// Watch counts what waits for people in the queue whenever metrics are collected,
// as far as the collector's context lets it. Call it once; it lasts as long as the
// meter provider.
func (m *Metrics) Watch(q *approval.Queue) error {
	_, err := m.meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		type group struct {
			kind  string
			state approval.State
		}
		counts := map[group]int64{}
		for r, err := range q.List(ctx, approval.Filter{States: []approval.State{approval.Pending, approval.Uncertain}, Limit: maxWaiting}) {
			if err != nil {
				return err
			}
			counts[group{r.Kind, r.State}]++
		}
		for _, kind := range q.Kinds() {
			for _, state := range []approval.State{approval.Pending, approval.Uncertain} {
				counts[group{kind, state}] += 0 // none is told too
			}
		}
		for g, n := range counts {
			o.ObserveInt64(m.waiting, n, metric.WithAttributes(kindOf(g.kind), attribute.String("approval.state", string(g.state))))
		}
		return nil
	}, m.waiting)
	if err != nil {
		return fmt.Errorf("otelapproval: %w", err)
	}
	return nil
}

func kindOf(kind string) attribute.KeyValue { return attribute.String("approval.kind", kind) }

func (m *Metrics) proposed(ctx context.Context, e approval.ProposedEvent) {
	m.proposals.Add(ctx, 1, metric.WithAttributes(kindOf(e.Kind), attribute.String("approval.ruling", string(e.Verdict))))
}

func (m *Metrics) decided(ctx context.Context, e approval.DecidedEvent) {
	who := []attribute.KeyValue{kindOf(e.Kind), attribute.String("approval.role", e.Role), attribute.String("approval.channel", e.Channel)}
	all := metric.WithAttributes(append(who[:3:3], attribute.String("approval.verdict", string(e.Verdict)), attribute.Bool("approval.edited", e.Edited))...)
	m.decisions.Add(ctx, 1, all)
	m.wait.Record(ctx, e.Waited.Seconds(), all)
	if e.Viewed >= 0 {
		m.view.Record(ctx, e.Viewed.Seconds(), all)
	}
	if n := m.run(e.Person, e.Verdict == approval.Approve && !e.Edited); n > 0 {
		m.streak.Record(ctx, n, metric.WithAttributes(who...))
	}
}

// run returns how many approvals in a row this makes.
func (m *Metrics) run(person string, on bool) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !on {
		delete(m.streaks, person)
		return 0
	}
	if _, known := m.streaks[person]; !known && len(m.streaks) >= maxPeople {
		clear(m.streaks)
	}
	m.streaks[person]++
	return m.streaks[person]
}

func (m *Metrics) settled(ctx context.Context, e approval.SettledEvent) {
	set := metric.WithAttributes(kindOf(e.Kind), attribute.String("approval.state", string(e.State)))
	m.outcomes.Add(ctx, 1, set)
	m.duration.Record(ctx, e.Took.Seconds(), set)
}
