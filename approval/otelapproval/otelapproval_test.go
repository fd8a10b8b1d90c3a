package otelapproval_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
	"github.com/posai-go/posai/approval/otelapproval"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
)

type tag struct {
	Order string `json:"order"`
}

func (tag) Kind() string    { return "shop.tag" }
func (tag) Validate() error { return nil }

func TestMetrics(t *testing.T) {
	reader := metric.NewManualReader()
	m, err := otelapproval.New(&otelapproval.Options{MeterProvider: metric.NewMeterProvider(metric.WithReader(reader))})
	require.NoError(t, err)
	log, err := audit.Open(t.Context(), audittest.NewMemory(t), nil)
	require.NoError(t, err)
	defer log.Close()
	policy := approval.Rules("1", approval.Rule{Then: approval.Ask(approval.Role("manager"), time.Hour, "")})
	q, err := approval.NewQueue(approvaltest.NewMemory(), log, policy, &approval.Options{Observer: m.Observer()})
	require.NoError(t, err)
	require.NoError(t, approval.Register(q, approval.Executor[tag, string]{
		Execute: func(_ context.Context, _ approval.Execution, a tag) (string, error) {
			if a.Order == "3" {
				return "", errors.New("lost")
			}
			return "", nil
		},
	}))
	require.NoError(t, m.Watch(q))
	require.NoError(t, q.Start(t.Context()))
	defer func() { require.NoError(t, q.Stop(context.Background())) }()

	for i, verdict := range []approval.Verdict{approval.Approve, approval.Approve, approval.Reject, approval.Approve, ""} {
		r, err := q.Propose(t.Context(), tag{strconv.Itoa(i)}, approval.Proposal{Key: strconv.Itoa(i), Proposer: approvaltest.Model("m")})
		require.NoError(t, err)
		if verdict == "" {
			continue
		}
		_, err = q.Decide(t.Context(), approval.Decision{
			RequestID: r.ID, Digest: r.Digest, Verdict: verdict, By: approvaltest.Manager("secret-7"), Channel: "console", ShownAt: time.Now().Add(-time.Minute),
		})
		require.NoError(t, err)
	}
	want := map[string]float64{
		"approval.proposals{approval.kind=shop.tag,approval.ruling=ask}":                                                                               5,
		"approval.decisions{approval.channel=console,approval.edited=false,approval.kind=shop.tag,approval.role=manager,approval.verdict=approve}":     3,
		"approval.decisions{approval.channel=console,approval.edited=false,approval.kind=shop.tag,approval.role=manager,approval.verdict=reject}":      1,
		"approval.decision.view{approval.channel=console,approval.edited=false,approval.kind=shop.tag,approval.role=manager,approval.verdict=approve}": 3,
		"approval.decision.view{approval.channel=console,approval.edited=false,approval.kind=shop.tag,approval.role=manager,approval.verdict=reject}":  1,
		"approval.decision.streak{approval.channel=console,approval.kind=shop.tag,approval.role=manager}":                                              3,
		"approval.outcomes{approval.kind=shop.tag,approval.state=executed}":                                                                            2,
		"approval.outcomes{approval.kind=shop.tag,approval.state=rejected}":                                                                            1,
		"approval.outcomes{approval.kind=shop.tag,approval.state=uncertain}":                                                                           1,
		"approval.waiting{approval.kind=shop.tag,approval.state=pending}":                                                                              1,
		"approval.waiting{approval.kind=shop.tag,approval.state=uncertain}":                                                                            1,
	}
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		got := collect(t, reader)
		for name, v := range want {
			assert.InDelta(c, v, got[name], 0, name)
		}
	}, time.Minute, 20*time.Millisecond)
	for name, v := range collect(t, reader) {
		assert.NotContains(t, name, "secret-7")
		if strings.HasPrefix(name, "max approval.decision.streak") {
			assert.InDelta(t, 2, v, 0, "the rejection ended it")
		}
		if strings.HasPrefix(name, "max approval.decision.view") {
			assert.GreaterOrEqual(t, v, 60.0)
		}
	}
}

// collect returns sums, counts of histograms and, with "max " in front, their
// largest values.
func collect(t *testing.T, reader *metric.ManualReader) map[string]float64 {
	t.Helper()
	var rm metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &rm))
	out := map[string]float64{}
	key := func(name string, set attribute.Set) string {
		var parts []string
		for _, kv := range set.ToSlice() {
			parts = append(parts, string(kv.Key)+"="+kv.Value.String())
		}
		return name + "{" + strings.Join(parts, ",") + "}"
	}
	for _, s := range rm.ScopeMetrics {
		for _, m := range s.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					out[key(m.Name, p.Attributes)] = float64(p.Value)
				}
			case metricdata.Gauge[int64]:
				for _, p := range data.DataPoints {
					out[key(m.Name, p.Attributes)] = float64(p.Value)
				}
			case metricdata.Histogram[int64]:
				for _, p := range data.DataPoints {
					largest, _ := p.Max.Value()
					out[key(m.Name, p.Attributes)], out["max "+key(m.Name, p.Attributes)] = float64(p.Count), float64(largest)
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					largest, _ := p.Max.Value()
					out[key(m.Name, p.Attributes)], out["max "+key(m.Name, p.Attributes)] = float64(p.Count), largest
				}
			}
		}
	}
	return out
}
