package rollout_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/rollout"
	"github.com/posai-go/posai/approval/sqlstore"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
)

// again is a process with another plan over what is stored.
func (f *fixture) again(t *testing.T, change ...func(*rollout.Plan)) *rollout.Rollout {
	t.Helper()
	r, err := rollout.New(plan(change...), f.state, f.log, f.observations)
	require.NoError(t, err)
	return r
}

func TestAPlanMayNarrow(t *testing.T) {
	f := newFixture(t)
	require.Equal(t, approval.Executed, f.settle(t, f.promote(t), approval.Approve).State)
	next := f.again(t, func(p *rollout.Plan) { p.Version = "2"; p.Stages[0].Share = 0.1 })
	require.NoError(t, next.Begin(t.Context()))
	s, err := next.State(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "2", s.Version)
	assert.Equal(t, 0, s.Stage, "it stays where it is")
	assert.InDelta(t, 0.1, s.Running.Share, 0)
	require.ErrorIs(t, f.Begin(t.Context()), rollout.ErrWidened, "the way back is wider")

	moved := f.again(t, func(p *rollout.Plan) { p.Holdout = 0.3 })
	require.ErrorIs(t, moved.Begin(t.Context()), rollout.ErrReassigned)
	assert.Equal(t, rollout.Off, moved.Arm(t.Context(), rollout.Subject{Unit: "a", Location: main, Role: "lead"}))
}

// TestAPlanDoesNotWiden: another file reaches nobody whom no person let have it,
// whether or not the program heeds the error.
func TestAPlanDoesNotWiden(t *testing.T) {
	f := newFixture(t)
	require.Equal(t, approval.Executed, f.settle(t, f.promote(t), approval.Approve).State)
	reached := func(r *rollout.Rollout) (n int) {
		for _, role := range []string{"lead", "clerk"} {
			for _, location := range []string{main, other} {
				for i := range 100 {
					if r.Arm(t.Context(), rollout.Subject{Unit: strconv.Itoa(i), Location: location, Role: role}) == rollout.Treatment {
						n++
					}
				}
			}
		}
		return n
	}
	before := reached(f.Rollout)
	assert.Positive(t, before)
	for name, change := range map[string]func(*rollout.Plan){
		"everybody":  func(p *rollout.Plan) { p.Stages = []rollout.Stage{{Name: "all", Share: 1}} },
		"a share":    func(p *rollout.Plan) { p.Stages[0].Share = 0.26 },
		"all stores": func(p *rollout.Plan) { p.Stages[0].Locations, p.Stages[1].Locations = nil, nil },
		"a store": func(p *rollout.Plan) {
			p.Stages[0].Locations = []string{main, other}
			p.Stages[1].Locations = p.Stages[0].Locations
		},
		"a role":    func(p *rollout.Plan) { p.Stages[0].Roles = []string{"lead", "clerk"} },
		"all roles": func(p *rollout.Plan) { p.Stages[0].Roles = nil },
		"another store": func(p *rollout.Plan) {
			p.Stages[0].Locations = []string{other}
			p.Stages = []rollout.Stage{p.Stages[0]}
		},
	} {
		next := f.again(t, func(p *rollout.Plan) { p.Version = "2" }, change)
		require.ErrorIs(t, next.Begin(t.Context()), rollout.ErrWidened, name)
		assert.Equal(t, before, reached(next), name)
		_, err := next.Promote(t.Context(), analyst, "")
		require.ErrorIs(t, err, rollout.ErrNotBegun, name)
	}
	s, err := f.State(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "1", s.Version)
	assert.Equal(t, []string{"plan"}, only(f.steps(t), "plan"), "what did not begin is not in the log")

	// Before the first stage nobody has it, so any plan will do.
	g := newFixture(t)
	require.NoError(t, g.again(t, func(p *rollout.Plan) { p.Stages = p.Stages[2:] }).Begin(t.Context()))
}

func only(steps []string, wanted string) (list []string) {
	for _, s := range steps {
		if s == wanted {
			list = append(list, s)
		}
	}
	return list
}

// TestNobodyPromotes: a policy that allows, or a standing rule, is no person.
func TestNobodyPromotes(t *testing.T) {
	log, err := audit.Open(t.Context(), audittest.NewMemory(t), nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, log.Close()) })
	store, err := sqlstore.Open(t.Context(), "sqlite://"+filepath.ToSlash(filepath.Join(t.TempDir(), "q.db")), nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	q, err := approval.NewQueue(store, log, approval.Rules("1", approval.Rule{Then: approval.Allow("all is well")}), nil)
	require.NoError(t, err)
	r, err := rollout.New(plan(), store, log, nil)
	require.NoError(t, err)
	require.NoError(t, r.Register(q))
	require.NoError(t, q.Start(t.Context()))
	t.Cleanup(func() { assert.NoError(t, q.Stop(context.Background())) })
	require.NoError(t, r.Begin(t.Context()))

	wait := func(req *approval.Request, err error) *approval.Request {
		t.Helper()
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		req, err = q.Wait(ctx, req.ID)
		require.NoError(t, err)
		return req
	}
	assert.Equal(t, approval.Failed, wait(r.Promote(t.Context(), analyst, "")).State)
	require.NoError(t, r.Pause(t.Context(), manager, "complaints"))
	assert.Equal(t, approval.Failed, wait(r.Resume(t.Context(), analyst, "")).State)
	s, err := r.State(t.Context())
	require.NoError(t, err)
	assert.Equal(t, -1, s.Stage)
	assert.True(t, s.Paused)
}

// TestFiguresCannotBeLeftOut: a promotion that somebody proposes past Promote.
func TestFiguresCannotBeLeftOut(t *testing.T) {
	f := newFixture(t, measured)
	require.Equal(t, approval.Executed, f.settle(t, f.promote(t), approval.Approve).State)
	s, err := f.State(t.Context())
	require.NoError(t, err)
	r, err := f.queue.Propose(t.Context(), rollout.Promotion{Plan: "upsell", Digest: s.Plan, From: 0, To: 1, Before: "pilot", After: "store"},
		approval.Proposal{Key: "mine", Proposer: analyst})
	require.NoError(t, err)
	assert.Equal(t, approval.Failed, f.settle(t, r, approval.Approve).State)
	assert.Equal(t, 0, f.stage(t))
}

func TestSeveralPlansInOneQueue(t *testing.T) {
	f := newFixture(t)
	named := func(name string) *rollout.Rollout {
		return f.again(t, func(p *rollout.Plan) { p.Name = name })
	}
	policy := approval.Rules("1", approval.Rule{Then: approval.Ask(approval.Role("manager"), time.Hour, "a step")})
	q, err := approval.NewQueue(f.state, f.log, policy, nil)
	require.NoError(t, err)
	a, b := named("a"), named("b")
	require.NoError(t, f.queue.Stop(t.Context()))
	require.NoError(t, rollout.Register(q, a, b))
	require.NoError(t, q.Start(t.Context()))
	f.queue = q
	for _, r := range []*rollout.Rollout{a, b} {
		require.NoError(t, r.Begin(t.Context()))
	}
	req, err := b.Promote(t.Context(), analyst, "")
	require.NoError(t, err)
	require.Equal(t, approval.Executed, f.settle(t, req, approval.Approve).State)
	for r, want := range map[*rollout.Rollout]int{a: -1, b: 0} {
		s, err := r.State(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, s.Stage, r.Plan().Name)
	}
	require.NoError(t, a.Pause(t.Context(), manager, "x"))
	s, err := b.State(t.Context())
	require.NoError(t, err)
	assert.False(t, s.Paused)

	late := named("late")
	require.ErrorContains(t, late.Register(q), "one call of Register")
	_, err = late.Promote(t.Context(), analyst, "")
	require.ErrorIs(t, err, rollout.ErrNotBegun)
	require.NoError(t, late.Begin(t.Context()))
	_, err = late.Promote(t.Context(), analyst, "")
	require.ErrorContains(t, err, "Register comes first", "a registration that failed did not happen")
	fresh, err := approval.NewQueue(f.state, f.log, policy, nil)
	require.NoError(t, err)
	require.Error(t, rollout.Register(fresh, named("c"), named("c")))
	require.Error(t, rollout.Register(fresh, named("c"), nil))
	require.Error(t, rollout.Register(fresh))
	require.Error(t, rollout.Register(fresh, a), "it belongs to another queue")
	require.NoError(t, rollout.Register(fresh, named("c"), late))
}

// plans are the plans in the log, oldest first.
func (f *fixture) plans(t *testing.T, log *audit.Log) (list []rollout.Plan) {
	t.Helper()
	var text strings.Builder
	for rec, err := range log.Trail(t.Context(), audit.Query{Kind: audit.KindConfigured, Subject: audit.Subject{Type: "rollout", ID: "upsell"}}) {
		require.NoError(t, err)
		at := rec.Entry.Attributes
		if at["step"] != "plan" {
			continue
		}
		for n := 1; at["plan_0"+strconv.Itoa(n)] != ""; n++ {
			text.WriteString(at["plan_0"+strconv.Itoa(n)])
		}
		if part, of, _ := strings.Cut(at["part"], " of "); part == of {
			var p rollout.Plan
			require.NoError(t, json.Unmarshal([]byte(text.String()), &p))
			list = append(list, p)
			text.Reset()
		}
	}
	return list
}

// TestEachPlanIsOnRecord: whole, and each time that it begins.
func TestEachPlanIsOnRecord(t *testing.T) {
	f := newFixture(t)
	long := func(p *rollout.Plan) {
		p.Version = "2"
		for i := range 400 {
			p.Stages[1].Locations = append(p.Stages[1].Locations, "gid://shopify/Location/9"+strconv.Itoa(i))
		}
	}
	b := f.again(t, long)
	require.NoError(t, b.Begin(t.Context()))
	require.NoError(t, b.Begin(t.Context()), "once")
	require.NoError(t, f.Begin(t.Context()))
	want := []rollout.Plan{plan(), plan(long), plan()}
	assert.Equal(t, want, f.plans(t, f.log))
	s, err := f.State(t.Context())
	require.NoError(t, err)
	assert.Empty(t, s.Outbox)
}

// TestTheLogFails: the change is kept with its entry until the log takes it, and
// nothing goes further before.
func TestTheLogFails(t *testing.T) {
	f := newFixture(t)
	require.Equal(t, approval.Executed, f.settle(t, f.promote(t), approval.Approve).State)
	f.down.Store(true)
	require.ErrorIs(t, f.Pause(t.Context(), manager, "complaints"), approval.ErrUnrecorded)
	assert.Equal(t, rollout.Off, f.Arm(t.Context(), rollout.Subject{Unit: "3", Location: main, Role: "lead"}))
	s, err := f.State(t.Context())
	require.NoError(t, err)
	assert.True(t, s.Paused, "stopping does not wait for the log")
	require.Len(t, s.Outbox, 1)
	narrow := f.again(t, func(p *rollout.Plan) { p.Version = "2"; p.Stages[0].Share = 0.1 })
	require.ErrorIs(t, narrow.Begin(t.Context()), approval.ErrUnrecorded)
	_, err = f.Resume(t.Context(), analyst, "")
	require.ErrorIs(t, err, approval.ErrUnrecorded)

	// The next process finds it.
	f.down.Store(false)
	log, err := audit.Open(t.Context(), f.disk, nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, log.Close()) })
	next, err := rollout.New(plan(), f.state, log, nil)
	require.NoError(t, err)
	require.NoError(t, next.Begin(t.Context()))
	s, err = next.State(t.Context())
	require.NoError(t, err)
	assert.Empty(t, s.Outbox)
	var paused []string
	for rec, err := range log.Trail(t.Context(), audit.Query{Kind: audit.KindConfigured}) {
		require.NoError(t, err)
		if rec.Entry.Attributes["step"] == "paused" {
			paused = append(paused, rec.Entry.Actor.ID)
		}
	}
	assert.Equal(t, []string{manager.ID}, paused)
	require.NoError(t, next.Begin(t.Context()), "once")
}
