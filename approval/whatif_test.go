package approval_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
)

func limit(version, amount string) approval.Policy {
	return approval.Rules(version,
		approval.Rule{Name: "large", When: approval.AmountAbove(amount, "GBP"), Then: approval.Ask(approval.Role("manager"), time.Hour, "large")},
		approval.Rule{Name: "small", Then: approval.Allow("small")})
}

func fill(t *testing.T, f *fixture) {
	t.Helper()
	for i, pennies := range []int{1000, 3999, 4000, 4001, 6000} {
		f.propose(t, note{Text: "a", Pennies: pennies}, func(p *approval.Proposal) { p.Key = strconv.Itoa(i) })
	}
}

func TestReplay(t *testing.T) {
	f := newQueue(t, limit("1", "50.00"), nil)
	fill(t, f)
	c, err := f.Replay(t.Context(), approval.Filter{}, limit("what if", "40.00"))
	require.NoError(t, err)
	assert.Equal(t, "what if", c.Version)
	assert.Equal(t, 5, c.Total)
	assert.Equal(t, 1, c.Differ())
	require.Len(t, c.Differing, 1)
	assert.Equal(t, approval.RuleAllow, c.Differing[0].InForce.Verdict)
	assert.Equal(t, approval.RuleAsk, c.Differing[0].Candidate.Verdict)
	assert.Equal(t, "large", c.Differing[0].Candidate.Rule)
	assert.Equal(t, []approval.VerdictPair{{approval.RuleAllow, approval.RuleAllow}, {approval.RuleAllow, approval.RuleAsk}, {approval.RuleAsk, approval.RuleAsk}}, c.Pairs())

	broken := approval.PolicyFunc("broken", func(context.Context, *approval.Request) (approval.Ruling, error) { panic("oh") })
	c, err = f.Replay(t.Context(), approval.Filter{Limit: 2}, broken)
	require.NoError(t, err)
	assert.Equal(t, 2, c.Total, "a policy that fails asks")
}

func TestShadow(t *testing.T) {
	f := newQueue(t, limit("1", "50.00"), &approval.Options{Shadow: limit("2", "40.00")})
	fill(t, f)
	c, err := f.Compare(t.Context(), approval.Filter{})
	require.NoError(t, err)
	assert.Equal(t, "2", c.Version)
	assert.Equal(t, 1, c.Differ())
	require.Len(t, c.Differing, 1)
	r := f.get(t, c.Differing[0].RequestID)
	assert.Equal(t, approval.Approved, r.State, "the candidate has no effect")
	assert.Equal(t, "ask by 2", f.entries(t, r.ID)[1].Attributes["shadow"])

	// A candidate that fails does no harm.
	broken := approval.PolicyFunc("3", func(context.Context, *approval.Request) (approval.Ruling, error) {
		return approval.Ruling{}, errors.New("oh")
	})
	f = newQueue(t, allowAll, &approval.Options{Shadow: broken})
	r = f.propose(t, note{Text: "a"})
	assert.Equal(t, approval.Approved, r.State)
	assert.Equal(t, approval.RuleAsk, r.Shadow.Ruling.Verdict)
}

func TestExplain(t *testing.T) {
	f := newQueue(t, limit("1", "50.00"), nil)
	r := f.propose(t, note{Text: "a", Pennies: 1})
	x, err := f.Explain(t.Context(), r.ID)
	require.NoError(t, err)
	assert.Equal(t, "small", x.Ruling.Rule)
	assert.Equal(t, []approval.RuleTrace{{Rule: "large", Reached: true}, {Rule: "small", Matched: true, Reached: true}}, x.Rules)

	later, err := approval.NewQueue(f.store, f.log, limit("2", "40.00"), nil)
	require.NoError(t, err)
	x, err = later.Explain(t.Context(), r.ID)
	require.NoError(t, err)
	assert.Nil(t, x.Rules, "other rules are in force now")
	assert.Equal(t, "1", x.PolicyVersion)

	failing := approval.Rules("3", approval.Rule{When: approval.AmountAbove("1", "EUR"), Then: approval.Deny("")}, approval.Rule{Then: approval.Allow("")})
	f = newQueue(t, failing, nil)
	r = f.propose(t, note{Text: "a", Pennies: 1})
	x, err = f.Explain(t.Context(), r.ID)
	require.NoError(t, err)
	assert.Equal(t, []approval.RuleTrace{{Rule: "rule 1", Failed: true, Reached: true}, {Rule: "rule 2", Matched: true}}, x.Rules)
}

func TestDryRun(t *testing.T) {
	f := newQueue(t, limit("1", "50.00"), &approval.Options{Fuses: []approval.Fuse{{Name: "a", MaxCount: 1}}})
	for range 3 {
		r, err := f.DryRun(t.Context(), note{Text: "a", Pennies: 1}, proposal("key"))
		require.NoError(t, err)
		assert.Equal(t, approval.Approved, r.State)
		assert.Equal(t, "A note", r.Preview.Title)
	}
	r, err := f.DryRun(t.Context(), note{Text: "a", Pennies: 5001}, proposal("key"))
	require.NoError(t, err)
	assert.Equal(t, approval.Pending, r.State)
	f.requireEmpty(t)
	assert.Zero(t, f.log.Size())
	assert.Equal(t, approval.Approved, f.propose(t, note{Text: "a", Pennies: 1}).State, "no fuse was used up")
	_, err = f.DryRun(t.Context(), note{}, proposal("key"))
	require.ErrorIs(t, err, approval.ErrInvalid)
}

func TestDecideAll(t *testing.T) {
	f := newQueue(t, askManager, nil)
	fill(t, f)
	var decisions []approval.Decision
	for r, err := range f.List(t.Context(), approval.Filter{}) {
		require.NoError(t, err)
		decisions = append(decisions, approve(r, manager))
	}
	require.Len(t, decisions, 5)
	decisions[1].Digest = "sha256:00"
	decisions[2].RequestID = "nothing"
	results, err := f.DecideAll(t.Context(), decisions)
	require.NoError(t, err)
	require.ErrorIs(t, results[1].Err, approval.ErrStale)
	require.ErrorIs(t, results[2].Err, approval.ErrNotFound)
	for _, i := range []int{0, 3, 4} {
		require.NoError(t, results[i].Err)
		assert.Equal(t, approval.Approved, results[i].Request.State)
	}
	_, err = f.DecideAll(t.Context(), make([]approval.Decision, 201))
	require.ErrorIs(t, err, approval.ErrInvalid)
}

func TestAttention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newQueue(t, askManager, nil)
		fill(t, f)
		i := 0
		for r, err := range f.List(t.Context(), approval.Filter{}) {
			require.NoError(t, err)
			d := approve(r, manager)
			switch i++; i {
			case 1:
				d = reject(r, manager)
			case 2:
				d.Edit = map[string]string{"text": "b"}
				d.ShownAt = time.Now().Add(-10 * time.Second)
			case 3:
				d.By = other
			default:
				d.ShownAt = time.Now().Add(-time.Second)
			}
			_, err = f.Decide(t.Context(), d)
			require.NoError(t, err)
		}
		list, err := f.Attention(t.Context(), approval.Filter{})
		require.NoError(t, err)
		require.Len(t, list, 2)
		a := list[0]
		assert.Equal(t, manager.ID, a.Person)
		assert.Equal(t, [6]int{3, 1, 1, 2, 3, 2}, [6]int{a.Approved, a.Rejected, a.Edited, a.Streak, a.Timed, a.Fast})
		assert.InDelta(t, 0.75, a.ApproveRate(), 1e-9)
		assert.Equal(t, time.Second, a.Median)
		assert.Equal(t, 1, list[1].Streak)
	})
}

// TestShadowBesideControls: what stands above policies makes no difference between
// two of them.
func TestShadowBesideControls(t *testing.T) {
	same := limit("1", "50.00")
	fuse := []approval.Fuse{{Name: "a", MaxCount: 1}}
	f := newQueue(t, same, &approval.Options{Shadow: same, Fuses: fuse})
	propose := func(key string, pennies int) *approval.Request {
		return f.propose(t, note{Text: "a", Pennies: pennies}, func(p *approval.Proposal) { p.Key = key })
	}
	_, err := f.Grant(t.Context(), approval.StandingRule{
		Scope: approval.Scope{Kind: "test.note"}, Match: []approval.ArgMatch{{Path: "/text", Equal: []byte(`"a"`)}},
		Cap: 10, Until: time.Now().Add(time.Hour), By: manager,
	})
	require.NoError(t, err)
	r := propose("standing", 6000)
	require.Equal(t, approval.Approved, r.State)
	require.Equal(t, approval.RuleAsk, r.PolicyRuling.Verdict)
	require.NotEmpty(t, r.Ruling.Standing)
	r = propose("fuse", 1)
	require.Equal(t, approval.Pending, r.State)
	require.Equal(t, approval.RuleAllow, r.PolicyRuling.Verdict)
	r = propose("standing and fuse", 6000)
	require.Equal(t, approval.Pending, r.State)
	require.Equal(t, "large", r.PolicyRuling.Rule)
	edit := edited(r, manager, map[string]string{"text": "b"})
	r, err = f.Decide(t.Context(), edit)
	require.NoError(t, err)
	require.Nil(t, r.PolicyRuling, "the edit was ruled on by the policy alone")
	_, err = f.Halt(t.Context(), approval.Switch{Mode: approval.Kill, By: manager})
	require.NoError(t, err)
	r = propose("switch", 1)
	require.Equal(t, approval.Denied, r.State)
	require.Equal(t, approval.RuleAllow, r.PolicyRuling.Verdict)

	for name, compare := range map[string]func() (*approval.Comparison, error){
		"shadow": func() (*approval.Comparison, error) { return f.Compare(t.Context(), approval.Filter{}) },
		"replay": func() (*approval.Comparison, error) { return f.Replay(t.Context(), approval.Filter{}, same) },
	} {
		c, err := compare()
		require.NoError(t, err, name)
		assert.Equal(t, 4, c.Total, name)
		assert.Zero(t, c.Differ(), name)
		assert.Empty(t, c.Differing, name)
	}

	// A row from before the policy's own ruling was kept.
	rec, err := f.store.Get(t.Context(), f.byKey(t, "standing").ID)
	require.NoError(t, err)
	rec.Request.PolicyRuling = nil
	_, err = f.store.Update(t.Context(), rec)
	require.NoError(t, err)
	c, err := f.Compare(t.Context(), approval.Filter{})
	require.NoError(t, err)
	assert.Equal(t, []int{3, 1, 0}, []int{c.Total, c.Skipped, c.Differ()})
}

func (f *fixture) byKey(t *testing.T, key string) *approval.Request {
	t.Helper()
	for r, err := range f.List(t.Context(), approval.Filter{Key: key}) {
		require.NoError(t, err)
		return r
	}
	require.FailNow(t, "no request has the key")
	return nil
}
