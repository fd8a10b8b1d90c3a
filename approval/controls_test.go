package approval_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
)

const patience = time.Minute

// guardrail is a program of the caller that may stop things.
var guardrail = approval.Principal{ID: "guardrail", Type: approval.System}

func (f *fixture) reaches(t *testing.T, id string, state approval.State) *approval.Request {
	t.Helper()
	var r *approval.Request
	require.Eventually(t, func() bool {
		r = f.get(t, id)
		return r.State == state
	}, patience, 5*time.Millisecond, "state %s", state)
	return r
}

func TestPauseHolds(t *testing.T) {
	f := newQueue(t, allowAll, nil)
	f.start(t)
	s, err := f.Halt(t.Context(), approval.Switch{Mode: approval.Pause, Scope: approval.Scope{Kind: "test.note"}, By: manager, Reason: "stocktaking"})
	require.NoError(t, err)
	r := f.propose(t, note{Text: "a"})
	assert.Equal(t, approval.Approved, r.State, "rulings go on")
	time.Sleep(50 * time.Millisecond)
	assert.Zero(t, f.calls.Load(), "but nothing is executed")
	assert.Equal(t, approval.Approved, f.get(t, r.ID).State)

	require.NoError(t, f.Clear(t.Context(), s.ID, other, "done"))
	f.reaches(t, r.ID, approval.Executed)
	assert.EqualValues(t, 1, f.calls.Load())
	assert.Equal(t, []string{"set", "cleared"}, steps(t, f.log, "approval_switch", s.ID))
}

// steps returns what the log says happened to a setting.
func steps(t *testing.T, log *audit.Log, typ, id string) []string {
	t.Helper()
	var list []string
	for rec, err := range log.Trail(t.Context(), audit.Query{Subject: audit.Subject{Type: typ, ID: id}}) {
		require.NoError(t, err)
		assert.Equal(t, audit.KindConfigured, rec.Entry.Kind)
		list = append(list, rec.Entry.Attributes["step"])
	}
	return list
}

func TestKillStopsForGood(t *testing.T) {
	f := newQueue(t, allowAll, nil)
	early := f.propose(t, note{Text: "approved, not executed yet"})
	_, err := f.Halt(t.Context(), approval.Switch{Mode: approval.Kill, By: guardrail, Reason: "the model misbehaves"})
	require.NoError(t, err)
	f.start(t)
	failed := f.reaches(t, early.ID, approval.Failed)
	assert.Contains(t, failed.Execution.Error, "stopped by a switch on everything")

	late := f.propose(t, note{Text: "b"}, func(p *approval.Proposal) { p.Key = "late" })
	assert.Equal(t, approval.Denied, late.State)
	assert.Contains(t, late.Ruling.Reason, "the model misbehaves")
	assert.Zero(t, f.calls.Load())
}

func TestKillRefusesApprovals(t *testing.T) {
	f := newQueue(t, askManager, nil)
	r := f.propose(t, note{Text: "a"})
	s, err := f.Halt(t.Context(), approval.Switch{Mode: approval.Kill, By: manager})
	require.NoError(t, err)
	_, err = f.Decide(t.Context(), approve(r, manager))
	require.ErrorIs(t, err, approval.ErrStopped)
	stopped, ok := errors.AsType[*approval.StoppedError](err)
	require.True(t, ok)
	assert.Equal(t, s.ID, stopped.Switch.ID)
	r, err = f.Decide(t.Context(), reject(r, manager))
	require.NoError(t, err, "a no does no harm")
	assert.Equal(t, approval.Rejected, r.State)
}

// TestKillFencesWorkInFlight: a call under way is canceled, found out about,
// and not tried again.
func TestKillFencesWorkInFlight(t *testing.T) {
	for name, happened := range map[string]bool{"it had its effect": true, "it had none": false} {
		t.Run(name, func(t *testing.T) {
			f := newBareQueue(t, allowAll, nil)
			calling := make(chan struct{})
			require.NoError(t, approval.Register(f.Queue, approval.Executor[note, receipt]{
				Settle: -1,
				Execute: func(ctx context.Context, _ approval.Execution, _ note) (receipt, error) {
					f.calls.Add(1)
					close(calling)
					<-ctx.Done()
					assert.ErrorIs(t, context.Cause(ctx), approval.ErrStopped)
					return receipt{}, ctx.Err()
				},
				Find: func(context.Context, approval.Execution, note) (receipt, bool, error) {
					return receipt{7}, happened, nil
				},
			}))
			f.start(t)
			r := f.propose(t, note{Text: "a"})
			<-calling
			_, err := f.Halt(t.Context(), approval.Switch{Mode: approval.Kill, Scope: approval.Scope{Actor: model.ID}, By: manager})
			require.NoError(t, err)
			if happened {
				f.reaches(t, r.ID, approval.Executed)
			} else {
				f.reaches(t, r.ID, approval.Failed)
			}
			assert.EqualValues(t, 1, f.calls.Load())
		})
	}
}

func TestSwitchesEndByThemselves(t *testing.T) {
	f := newQueue(t, allowAll, nil)
	_, err := f.Halt(t.Context(), approval.Switch{Mode: approval.Kill, By: manager, Until: time.Now().Add(-time.Second)})
	require.NoError(t, err)
	assert.Equal(t, approval.Approved, f.propose(t, note{Text: "a"}).State)
	c, err := f.Controls(t.Context())
	require.NoError(t, err)
	assert.Empty(t, c.Switches)
}

func TestScope(t *testing.T) {
	r := &approval.Request{Kind: "k", Proposal: approval.Proposal{
		Shop: "s", Location: "l", Proposer: approval.Principal{ID: "a"}, Model: &audit.Model{Name: "m"},
	}}
	for name, test := range map[string]struct {
		scope  approval.Scope
		covers bool
	}{
		"everything":       {approval.Scope{}, true},
		"all of it":        {approval.Scope{Shop: "s", Location: "l", Kind: "k", Model: "m", Actor: "a"}, true},
		"another shop":     {approval.Scope{Shop: "x"}, false},
		"another location": {approval.Scope{Shop: "s", Location: "x"}, false},
		"another kind":     {approval.Scope{Kind: "x"}, false},
		"another model":    {approval.Scope{Model: "x"}, false},
		"another actor":    {approval.Scope{Actor: "x"}, false},
	} {
		assert.Equal(t, test.covers, test.scope.Covers(r), name)
	}
	assert.False(t, approval.Scope{Model: "m"}.Covers(&approval.Request{}), "no model at all")
}

func TestWhoMayHalt(t *testing.T) {
	f := newQueue(t, allowAll, nil)
	local := manager
	local.Locations = []string{"gid://shopify/Location/1"}
	for name, test := range map[string]struct {
		by    approval.Principal
		scope approval.Scope
		why   approval.Why // empty: allowed
	}{
		"a manager":                      {by: manager},
		"a system":                       {by: guardrail},
		"an AI":                          {by: model, why: approval.WhyNotHuman},
		"a clerk":                        {by: clerk, why: approval.WhyRole},
		"a manager of a store, for it":   {by: local, scope: approval.Scope{Location: "gid://shopify/Location/1"}},
		"a manager of a store, for all":  {by: local, why: approval.WhyLocation},
		"a manager of a store, for some": {by: local, scope: approval.Scope{Location: "gid://shopify/Location/2"}, why: approval.WhyLocation},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := f.Halt(t.Context(), approval.Switch{Mode: approval.Pause, By: test.by, Scope: test.scope})
			if test.why == "" {
				require.NoError(t, err)
				require.ErrorIs(t, f.Clear(t.Context(), s.ID, guardrail, ""), approval.ErrForbidden, "only a person lets things go on")
				require.ErrorIs(t, f.Clear(t.Context(), s.ID, clerk, ""), approval.ErrForbidden)
				require.NoError(t, f.Clear(t.Context(), s.ID, manager, ""))
				require.ErrorIs(t, f.Clear(t.Context(), s.ID, manager, ""), approval.ErrNotFound)
				return
			}
			forbidden, ok := errors.AsType[*approval.ForbiddenError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, test.why, forbidden.Why)
		})
	}
	_, err := f.Halt(t.Context(), approval.Switch{By: manager})
	require.ErrorIs(t, err, approval.ErrInvalid, "no mode")
}

// TestUnrecordedControls: a switch holds although the log fails, and goes on
// holding where its end cannot be recorded; what is lenient does not hold.
func TestUnrecordedControls(t *testing.T) {
	store := audittest.NewMemory(t)
	f := &fixture{store: approvaltest.NewMemory()}
	log, err := audit.Open(t.Context(), store, nil)
	require.NoError(t, err)
	f.Queue, err = approval.NewQueue(f.store, log, askManager, nil)
	require.NoError(t, err)
	require.NoError(t, approval.Register(f.Queue, approval.Executor[note, receipt]{
		Execute: func(context.Context, approval.Execution, note) (receipt, error) { return receipt{}, nil },
	}))
	r := f.propose(t, note{Text: "a"})
	require.NoError(t, log.Close()) // from here on it takes nothing

	_, err = f.Halt(t.Context(), approval.Switch{Mode: approval.Kill, By: manager})
	require.ErrorIs(t, err, approval.ErrUnrecorded)
	_, err = f.Decide(t.Context(), approve(r, manager))
	require.ErrorIs(t, err, approval.ErrStopped, "it holds all the same")
	c, err := f.Controls(t.Context())
	require.NoError(t, err)
	require.Len(t, c.Switches, 1)
	require.ErrorIs(t, f.Clear(t.Context(), c.Switches[0].ID, manager, ""), approval.ErrUnrecorded)
	_, err = f.Decide(t.Context(), approve(r, manager))
	require.ErrorIs(t, err, approval.ErrStopped, "and is not cleared in secret")

	_, err = f.Grant(t.Context(), rule(manager))
	require.ErrorIs(t, err, approval.ErrUnrecorded)
	_, err = f.Delegate(t.Context(), approval.Delegation{From: manager, To: clerk.ID, By: manager, Until: time.Now().Add(time.Hour)})
	require.ErrorIs(t, err, approval.ErrUnrecorded)
	c, err = f.Controls(t.Context())
	require.NoError(t, err)
	assert.Empty(t, c.Standing)
	assert.Empty(t, c.Delegations)

	// With a log that works, whoever looks next records what is due.
	f.log = openLog(t, store)
	again, err := approval.NewQueue(f.store, f.log, askManager, nil)
	require.NoError(t, err)
	id := c.Switches[0].ID
	c, err = again.Controls(t.Context())
	require.NoError(t, err)
	assert.Empty(t, c.Switches, "the end of the switch is recorded, so it has ended")
	assert.Len(t, c.Standing, 1)
	assert.Len(t, c.Delegations, 1)
	assert.Equal(t, []string{"set", "cleared"}, steps(t, f.log, "approval_switch", id))
}
