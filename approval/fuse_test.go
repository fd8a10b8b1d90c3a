package approval_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
)

func TestFuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newQueue(t, allowAll, &approval.Options{Fuses: []approval.Fuse{
			{Name: "count", MaxCount: 4},
			{Name: "money", Window: 10 * time.Minute, MaxAmount: approval.Money{Amount: "10.00", Currency: "GBP"}},
		}})
		n := 0
		propose := func(pennies int) approval.State {
			n++
			return f.propose(t, note{Text: "a", Pennies: pennies}, func(p *approval.Proposal) { p.Key = strconv.Itoa(n) }).State
		}
		assert.Equal(t, approval.Approved, propose(600))
		assert.Equal(t, approval.Approved, propose(400), "10.00 in all, not more")
		assert.Equal(t, approval.Pending, propose(1), "one penny too much")
		time.Sleep(11 * time.Minute)
		assert.Equal(t, approval.Approved, propose(1000), "the window of the money has moved on")
		assert.Equal(t, approval.Approved, propose(0), "the fourth: the one that people were asked about was not counted")
		assert.Equal(t, approval.Pending, propose(0), "the window of the count has not moved on")
		time.Sleep(time.Hour)
		assert.Equal(t, approval.Approved, propose(0))
		asked := f.propose(t, note{Text: "a", Pennies: 1001}, func(p *approval.Proposal) { p.Key = "large" })
		assert.Equal(t, approval.Pending, asked.State)
		assert.Contains(t, asked.Ruling.Reason, `"money"`)
		assert.Equal(t, approval.Role("manager"), asked.Ruling.Need)
	})
}

func TestFuseHoldsInARace(t *testing.T) {
	f := newQueue(t, allowAll, &approval.Options{Fuses: []approval.Fuse{{Name: "count", MaxCount: 7}}})
	var allowed atomic.Int32
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			r, err := f.Propose(t.Context(), note{Text: "a"}, proposal(strconv.Itoa(i)))
			if assert.NoError(t, err) && r.State == approval.Approved {
				allowed.Add(1)
			}
		})
	}
	wg.Wait()
	assert.EqualValues(t, 7, allowed.Load())
}

func TestFusesRefused(t *testing.T) {
	for name, fuses := range map[string][]approval.Fuse{
		"no name":      {{MaxCount: 1}},
		"no bound":     {{Name: "a"}},
		"a negative":   {{Name: "a", MaxCount: -1}},
		"twice a name": {{Name: "a", MaxCount: 1}, {Name: "a", MaxCount: 2}},
		"a long time":  {{Name: "a", MaxCount: 1, Window: 32 * 24 * time.Hour}},
		"bad money":    {{Name: "a", MaxAmount: approval.Money{Amount: "x", Currency: "GBP"}}},
	} {
		f := newQueue(t, allowAll, nil)
		_, err := approval.NewQueue(f.store, f.log, allowAll, &approval.Options{Fuses: fuses})
		require.Error(t, err, name)
	}
}

// TestChargedOnce: proposals of the same key are one request, and count once.
func TestChargedOnce(t *testing.T) {
	askAll := approval.Rules("1", approval.Rule{Then: approval.Ask(approval.Role("manager"), time.Hour, "")})
	for name, policy := range map[string]approval.Policy{"fuse": allowAll, "standing": askAll} {
		t.Run(name, func(t *testing.T) {
			const requests, duplicates = 6, 8
			f := newQueue(t, policy, &approval.Options{Fuses: []approval.Fuse{{Name: "a", MaxCount: requests}, {Name: "b", MaxCount: requests}}})
			rule, err := f.Grant(t.Context(), approval.StandingRule{
				Scope: approval.Scope{Kind: "test.note"}, Match: []approval.ArgMatch{{Path: "/text", Equal: []byte(`"a"`)}},
				Cap: requests, Until: time.Now().Add(time.Hour), By: manager,
			})
			require.NoError(t, err)
			var wg sync.WaitGroup
			for i := range requests {
				for range duplicates {
					wg.Go(func() {
						r, err := f.Propose(t.Context(), note{Text: "a"}, proposal(strconv.Itoa(i)))
						if assert.NoError(t, err) {
							assert.Equal(t, approval.Approved, r.State)
						}
					})
				}
			}
			wg.Wait()
			if name == "standing" {
				used, err := f.Used(t.Context(), rule.ID)
				require.NoError(t, err)
				assert.Equal(t, requests, used)
			}
			r := f.propose(t, note{Text: "a"}, func(p *approval.Proposal) { p.Key = "one more" })
			assert.Equal(t, approval.Pending, r.State, "all are used up")
		})
	}
}

// TestBlownFuseAsksWhomThePolicyAsks: what a standing rule would have let pass goes
// back to the policy's own people, not to the queue's default, also where it is
// another proposal of the same moment that leaves nothing over.
func TestBlownFuseAsksWhomThePolicyAsks(t *testing.T) {
	const requests, allowed = 12, 3
	escalation := approval.Escalation{After: time.Hour, Need: approval.Role("director")}
	policy := approval.Ask(approval.Role("owner"), 3*time.Hour, "an owner").WithEscalation(escalation)
	f := newQueue(t, approval.Rules("1", approval.Rule{Then: policy}), &approval.Options{
		DefaultNeed: approval.Role("clerk"), ControlNeed: approval.Role("owner"), Fuses: []approval.Fuse{{Name: "count", MaxCount: allowed}},
	})
	_, err := f.Grant(t.Context(), approval.StandingRule{
		Scope: approval.Scope{Kind: "test.note"}, Match: []approval.ArgMatch{{Path: "/text", Equal: []byte(`"a"`)}},
		Cap: requests, Until: time.Now().Add(time.Hour), By: approvaltest.Person("owner-1", "owner"),
	})
	require.NoError(t, err)
	var pending atomic.Int32
	var wg sync.WaitGroup
	for i := range requests {
		wg.Go(func() {
			r, err := f.Propose(t.Context(), note{Text: "a"}, proposal(strconv.Itoa(i)))
			if !assert.NoError(t, err) || r.State == approval.Approved {
				return
			}
			pending.Add(1)
			assert.Equal(t, approval.Pending, r.State)
			assert.Contains(t, r.Ruling.Reason, `"count"`)
			assert.Equal(t, policy.Need, r.Ruling.Need)
			assert.Equal(t, 3*time.Hour, r.Ruling.Expiry)
			assert.Equal(t, []approval.Escalation{escalation}, r.Ruling.Escalation)
			if assert.NotNil(t, r.PolicyRuling) {
				assert.Equal(t, "an owner", r.PolicyRuling.Reason, "what the policy said is kept")
			}
		})
	}
	wg.Wait()
	assert.EqualValues(t, requests-allowed, pending.Load())
}

// TestBlownFuseLeavesTheOthers: what people are asked about after all uses nothing
// up, neither another fuse nor a standing rule.
func TestBlownFuseLeavesTheOthers(t *testing.T) {
	f := newQueue(t, askManager, &approval.Options{Fuses: []approval.Fuse{
		{Name: "count", MaxCount: 1},
		{Name: "money", MaxAmount: approval.Money{Amount: "1.00", Currency: "GBP"}},
	}})
	rule, err := f.Grant(t.Context(), approval.StandingRule{
		Scope: approval.Scope{Kind: "test.note"}, Match: []approval.ArgMatch{{Path: "/text", Equal: []byte(`"a"`)}},
		Cap: 1, Until: time.Now().Add(time.Hour), By: manager,
	})
	require.NoError(t, err)
	propose := func(key string, pennies int) approval.State {
		return f.propose(t, note{Text: "a", Pennies: pennies}, func(p *approval.Proposal) { p.Key = key }).State
	}
	assert.Equal(t, approval.Pending, propose("1", 101))
	used, err := f.Used(t.Context(), rule.ID)
	require.NoError(t, err)
	assert.Zero(t, used)
	assert.Equal(t, approval.Approved, propose("2", 100))
	assert.Equal(t, approval.Pending, propose("3", 0))
}
