package rollout_test

import (
	"context"
	"errors"
	"iter"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
	"github.com/posai-go/posai/approval/rollout"
	"github.com/posai-go/posai/approval/sqlstore"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
)

var (
	analyst = approvaltest.Person("analyst", "analyst")
	manager = approvaltest.Manager("manager-1")
)

const patience = time.Minute // never reached by a test that passes

// fixture is a plan that runs, with observations that the test makes up.
type fixture struct {
	*rollout.Rollout
	queue *approval.Queue
	state approval.Store
	log   *audit.Log
	disk  *audittest.Memory
	down  atomic.Bool  // the disk takes nothing
	lift  atomic.Int64 // of the treatment, in tenths
	harm  atomic.Int64 // complaints of the treatment, in thousandths
	units atomic.Int64
}

func measured(p *rollout.Plan) {
	p.Primary = rollout.Goal{Metric: "basket", MinUnits: 100, MaxP: 0.05}
	p.Guardrails = []rollout.Guardrail{{Metric: "complaint", Max: 0.05, MinUnits: 50}}
}

func newFixture(t *testing.T, change ...func(*rollout.Plan)) *fixture {
	t.Helper()
	f := &fixture{}
	f.units.Store(2000)
	var err error
	f.disk = audittest.NewMemory(t)
	f.disk.Before = func(audit.Batch) error {
		if f.down.Load() {
			return errors.New("the disk is full")
		}
		return nil
	}
	f.log, err = audit.Open(t.Context(), f.disk, nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, f.log.Close()) })
	store, err := sqlstore.Open(t.Context(), "sqlite://"+filepath.ToSlash(filepath.Join(t.TempDir(), "q.db")), nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	f.state = store
	policy := approval.Rules("1", approval.Rule{Then: approval.Ask(approval.Role("manager"), time.Hour, "a step")})
	f.queue, err = approval.NewQueue(store, f.log, policy, nil)
	require.NoError(t, err)
	f.Rollout, err = rollout.New(plan(change...), store, f.log, f.observations)
	require.NoError(t, err)
	require.NoError(t, f.Register(f.queue))
	require.NoError(t, f.queue.Start(t.Context()))
	t.Cleanup(func() { assert.NoError(t, f.queue.Stop(context.Background())) })
	require.NoError(t, f.Begin(t.Context()))
	return f
}

// observations are those of customers who all shop at the main store.
func (f *fixture) observations(_ context.Context, p *rollout.Plan, since time.Time) iter.Seq2[rollout.Observation, error] {
	return func(yield func(rollout.Observation, error) bool) {
		if since.IsZero() {
			yield(rollout.Observation{}, errors.New("nothing has begun"))
			return
		}
		for i := range int(f.units.Load()) {
			unit := "customer-" + strconv.Itoa(i)
			arm := p.Assign(1, rollout.Subject{Unit: unit, Location: main})
			value, complaint := float64(20+i*7%13), 0.0
			if arm == rollout.Treatment {
				value += float64(f.lift.Load()) / 10
				complaint = float64(f.harm.Load()) / 1000
			}
			if !yield(rollout.Observation{Unit: unit, Arm: arm, Metric: "basket", Value: value}, nil) ||
				!yield(rollout.Observation{Unit: unit, Arm: arm, Metric: "complaint", Value: complaint}, nil) {
				return
			}
		}
	}
}

func (f *fixture) settle(t *testing.T, r *approval.Request, verdict approval.Verdict) *approval.Request {
	t.Helper()
	_, err := f.queue.Decide(t.Context(), approval.Decision{RequestID: r.ID, Digest: r.Digest, Verdict: verdict, By: manager})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err = f.queue.Wait(ctx, r.ID)
	require.NoError(t, err)
	if r.Execution != nil {
		// Its last entry follows the change that it is about.
		require.Eventually(t, func() bool { return f.ended(t, r.ID) }, patience, 10*time.Millisecond)
	}
	return r
}

// ended reports whether the log says what became of an execution.
func (f *fixture) ended(t *testing.T, id string) (ended bool) {
	t.Helper()
	for rec, err := range f.queue.Trail(context.WithoutCancel(t.Context()), id) {
		if !assert.NoError(t, err) {
			return false
		}
		ended = ended || rec.Entry.Kind == audit.KindEffect || rec.Entry.Kind == audit.KindFailed
	}
	return ended
}

func (f *fixture) promote(t *testing.T) *approval.Request {
	t.Helper()
	r, err := f.Promote(t.Context(), analyst, "it is time")
	require.NoError(t, err)
	return r
}

func (f *fixture) stage(t *testing.T) int {
	t.Helper()
	s, err := f.State(t.Context())
	require.NoError(t, err)
	return s.Stage
}

func TestPromotionNeedsAPersonAndData(t *testing.T) {
	f := newFixture(t, measured)
	shopper := rollout.Subject{Unit: "customer-1", Location: main, Role: "lead"}
	assert.Equal(t, rollout.Off, f.Arm(t.Context(), shopper), "not begun")

	// The first stage has no data to go by.
	r := f.promote(t)
	assert.Equal(t, approval.Pending, r.State)
	assert.Equal(t, r.ID, f.promote(t).ID, "the same step is asked about once")
	assert.Equal(t, approval.Rejected, f.settle(t, r, approval.Reject).State)
	assert.Equal(t, -1, f.stage(t))
	again := f.promote(t)
	assert.NotEqual(t, r.ID, again.ID, "after a no it can be asked again")
	require.Equal(t, approval.Executed, f.settle(t, again, approval.Approve).State)
	assert.Equal(t, 0, f.stage(t))
	p := f.Plan()
	assert.Equal(t, p.Assign(0, shopper), f.Arm(t.Context(), shopper))

	// No difference: no further.
	_, err := f.Promote(t.Context(), analyst, "")
	require.ErrorIs(t, err, rollout.ErrGate)
	gate, ok := errors.AsType[*rollout.GateError](err)
	require.True(t, ok)
	assert.Contains(t, gate.Reasons[0], "basket is not shown to be better")
	// Worse: no further either, though it is significant.
	f.lift.Store(-30)
	_, err = f.Promote(t.Context(), analyst, "")
	require.ErrorIs(t, err, rollout.ErrGate)
	// Too few.
	f.lift.Store(30)
	f.units.Store(150)
	_, err = f.Promote(t.Context(), analyst, "")
	require.ErrorContains(t, err, "100 of each are needed")
	f.units.Store(2000)

	r = f.promote(t)
	assert.Contains(t, r.Preview.Fields[0].Value, "a difference of +2.933", "the person sees the figures")
	require.Equal(t, approval.Executed, f.settle(t, r, approval.Approve).State)
	assert.Equal(t, 1, f.stage(t))
	require.Equal(t, approval.Executed, f.settle(t, f.promote(t), approval.Approve).State)
	_, err = f.Promote(t.Context(), analyst, "")
	require.ErrorIs(t, err, rollout.ErrLastStage)
}

func TestGuardrailPausesByItself(t *testing.T) {
	f := newFixture(t, measured)
	require.Equal(t, approval.Executed, f.settle(t, f.promote(t), approval.Approve).State)
	rep, err := f.Check(t.Context())
	require.NoError(t, err)
	assert.False(t, rep.Guardrails[0].Broken)
	f.harm.Store(60)
	rep, err = f.Check(t.Context())
	require.NoError(t, err)
	assert.True(t, rep.Guardrails[0].Broken)
	everybody := rollout.Subject{Location: main, Role: "lead"}
	for i := range 50 {
		everybody.Unit = strconv.Itoa(i)
		require.Equal(t, rollout.Off, f.Arm(t.Context(), everybody))
	}
	_, err = f.Promote(t.Context(), analyst, "")
	require.ErrorIs(t, err, rollout.ErrPaused)
	assert.Contains(t, err.Error(), "the guardrail complaint broke: 0.06")

	r, err := f.Resume(t.Context(), analyst, "fixed")
	require.NoError(t, err)
	assert.Contains(t, r.Preview.Summary, "complaint broke")
	require.Equal(t, approval.Executed, f.settle(t, r, approval.Approve).State)
	s, err := f.State(t.Context())
	require.NoError(t, err)
	assert.False(t, s.Paused)
	assert.Equal(t, 0, s.Stage)
	_, err = f.Resume(t.Context(), analyst, "")
	require.ErrorIs(t, err, rollout.ErrInvalid)

	assert.Equal(t, []string{"plan", "proposed", "ruled", "decided", "started", "effect", "paused", "proposed", "ruled", "decided", "started", "effect"}, f.steps(t))
}

// steps is what the log says of the plan.
func (f *fixture) steps(t *testing.T) (steps []string) {
	t.Helper()
	for rec, err := range f.log.Trail(t.Context(), audit.Query{Subject: audit.Subject{Type: "rollout", ID: "upsell"}}) {
		require.NoError(t, err)
		step := string(rec.Entry.Kind)
		if rec.Entry.Kind == audit.KindConfigured {
			step = rec.Entry.Attributes["step"]
		}
		steps = append(steps, step)
	}
	return steps
}

// TestAPauseBeforeTheExecution: what was approved does not go on over it.
func TestAPauseBeforeTheExecution(t *testing.T) {
	f := newFixture(t)
	r := f.promote(t)
	require.NoError(t, f.Pause(t.Context(), manager, "stocktaking"))
	assert.Equal(t, approval.Failed, f.settle(t, r, approval.Approve).State)
	assert.Equal(t, -1, f.stage(t))
}
