package console_test

import (
	"context"
	"html/template"
	"iter"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/console"
	"github.com/posai-go/posai/approval/internal/testqueue"
	"github.com/posai-go/posai/approval/rollout"
)

// Whoever loads the figures again and again, or many times at once, has them
// counted once.
func TestFiguresAreCountedOnce(t *testing.T) {
	var looked atomic.Int64
	s := newSite(t, &console.Options{Visible: func(p approval.Principal, _ *approval.Request) bool {
		looked.Add(1)
		return len(p.Roles) > 0
	}})
	maria, boris := s.visit(t, testqueue.Maria), s.visit(t, testqueue.Boris)
	for range 3 {
		r := s.Propose(t, "1.00", testqueue.Thanks("1"))
		s.ended(t, r.ID)
	}
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			res, _ := maria.get("figures", "text/html")
			assert.Equal(t, http.StatusOK, res.StatusCode)
		})
	}
	all.Wait()
	assert.Equal(t, int64(3), looked.Load(), "one look at each request")
	body, _ := maria.page("figures")
	assert.Contains(t, body, "<b>3</b><span>requests</span>")
	assert.Contains(t, body, "as counted <time")
	boris.page("figures")
	assert.Equal(t, int64(6), looked.Load(), "somebody else sees what is theirs")
}

func TestFiguresOfOnePlaceNameNobodyElse(t *testing.T) {
	s := newSite(t, nil)
	r := s.Propose(t, "612.50", testqueue.Thanks("1043")) // at Main Street
	_, err := s.Decide(t.Context(), approval.Decision{RequestID: r.ID, Digest: r.Digest, Verdict: approval.Reject, By: testqueue.Maria})
	require.NoError(t, err)
	body, _ := s.visit(t, testqueue.Harbor).page("figures")
	assert.NotContains(t, body, testqueue.Maria.ID, "what somebody else decided where she sees nothing")
	body, _ = s.visit(t, testqueue.Boris).page("figures")
	assert.Contains(t, body, testqueue.Maria.ID)
}

func TestFiguresOfRolloutsAreForThoseWhoMoveThem(t *testing.T) {
	q, log := newQueue(t)
	plan := rollout.Plan{
		Name: "upsell", Version: "1", Holdout: 0.1, Stages: []rollout.Stage{{Name: "everybody", Share: 1}},
		Primary: rollout.Goal{Metric: "sales", MinUnits: 2, MaxP: 0.05},
	}
	var read atomic.Int64
	ro, err := rollout.New(plan, q.Store, log, func(context.Context, *rollout.Plan, time.Time) iter.Seq2[rollout.Observation, error] {
		return func(yield func(rollout.Observation, error) bool) {
			read.Add(1)
			for i := range 40 {
				arm := rollout.Treatment
				if i%2 == 0 {
					arm = rollout.Control
				}
				if !yield(rollout.Observation{Unit: strconv.Itoa(i), Arm: arm, Metric: "sales", Value: float64(i)}, nil) {
					return
				}
			}
		}
	})
	require.NoError(t, err)
	require.NoError(t, ro.Register(q.Queue))
	require.NoError(t, ro.Begin(t.Context()))
	s := mount(t, q, log, &console.Options{Rollouts: []*rollout.Rollout{ro}})
	r, err := ro.Promote(t.Context(), testqueue.Boris, "begin")
	require.NoError(t, err)
	_, err = s.Decide(t.Context(), approval.Decision{RequestID: r.ID, Digest: r.Digest, Verdict: approval.Approve, By: testqueue.Maria})
	require.NoError(t, err)
	s.ended(t, r.ID)
	report, err := ro.Report(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, report.Fields())
	label := template.HTMLEscapeString(report.Fields()[0].Label)
	read.Store(0)
	defer func() { assert.Equal(t, int64(1), read.Load(), "computed once, for those who may see it") }()
	for who, sees := range map[*approval.Principal]bool{&testqueue.Maria: true, &testqueue.Boris: true, &testqueue.Carla: false, &testqueue.Harbor: false} {
		body, _ := s.visit(t, *who).page("rollouts")
		assert.Contains(t, body, "everybody", who.ID)
		if sees {
			assert.Contains(t, body, "<dt>"+label+"</dt>", who.ID)
			assert.Contains(t, body, "Pause now", who.ID)
		} else {
			assert.NotContains(t, body, "<dt>", who.ID)
			assert.NotContains(t, body, "Pause now", who.ID)
			assert.Contains(t, body, "for those who may change the controls", who.ID)
		}
	}
}

// Nobody takes the live updates of everybody else.
func TestOnePersonHasSoManyStreams(t *testing.T) {
	s := newSite(t, &console.Options{MaxStreams: 6})
	maria, boris := s.visit(t, testqueue.Maria), s.visit(t, testqueue.Boris)
	open := func(v *visitor, ctx context.Context) int {
		res, err := v.client.Do(v.request(http.MethodGet, "events", "text/event-stream", nil).WithContext(ctx))
		require.NoError(t, err)
		t.Cleanup(func() { _ = res.Body.Close() })
		return res.StatusCode
	}
	first, leave := context.WithCancel(t.Context())
	defer leave()
	assert.Equal(t, http.StatusOK, open(maria, first))
	for range 3 {
		assert.Equal(t, http.StatusOK, open(maria, t.Context()))
	}
	assert.Equal(t, http.StatusServiceUnavailable, open(maria, t.Context()))
	assert.Equal(t, http.StatusOK, open(boris, t.Context()), "there is room for others")
	leave()
	require.Eventually(t, func() bool { return open(maria, t.Context()) == http.StatusOK }, patience, 20*time.Millisecond, "who leaves makes room")
	s.console.Close()
}
