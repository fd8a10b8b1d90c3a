package approval_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
)

// TestProposalExpires: the earlier of the ruling's and the proposal's expiry holds.
func TestProposalExpires(t *testing.T) {
	policy := approval.Rules("1", approval.Rule{Then: approval.Ask(approval.Role("manager"), time.Hour, "").WithEscalation(
		approval.Escalation{After: 10 * time.Minute, Need: approval.Role("deputy")},
		approval.Escalation{After: 40 * time.Minute, Need: approval.Role("owner")},
	)})
	for name, test := range map[string]struct {
		asked, holds time.Duration
		steps        int
	}{
		"earlier":                      {30 * time.Minute, 30 * time.Minute, 1},
		"before anything is escalated": {5 * time.Minute, 5 * time.Minute, 0},
		"later":                        {2 * time.Hour, time.Hour, 2},
		"none":                         {0, time.Hour, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newQueue(t, policy, nil)
				f.start(t)
				now := time.Now()
				var expires time.Time
				if test.asked > 0 {
					expires = now.Add(test.asked)
				}
				r := f.propose(t, note{Text: "a"}, func(p *approval.Proposal) { p.ExpiresAt = expires })
				assert.WithinDuration(t, now.Add(test.holds), r.ExpiresAt, time.Millisecond)
				assert.Len(t, r.Ruling.Escalation, test.steps)
				assert.Nil(t, r.PolicyRuling, "nothing but the time is another")
				time.Sleep(test.holds - time.Second)
				r = f.get(t, r.ID)
				assert.Equal(t, approval.Pending, r.State)
				assert.Equal(t, test.steps, r.Escalated)
				if test.asked > 0 && test.asked < time.Hour {
					// An edit does not buy time.
					var err error
					r, err = f.Decide(t.Context(), edited(r, manager, map[string]string{"text": "b"}))
					require.NoError(t, err)
					assert.Equal(t, approval.Approved, r.State)
					assert.WithinDuration(t, expires, r.ExpiresAt, time.Millisecond)
					next := f.propose(t, note{Text: "a"}, func(p *approval.Proposal) { p.Key, p.ExpiresAt = "next", expires })
					time.Sleep(10 * time.Second)
					synctest.Wait()
					_, err = f.Decide(t.Context(), approve(next, manager))
					require.ErrorIs(t, err, approval.ErrExpired)
					assert.Equal(t, approval.Expired, f.get(t, next.ID).State)
				}
			})
		})
	}
}

func TestProposalExpired(t *testing.T) {
	f := newQueue(t, askManager, nil)
	p := proposal("key")
	p.ExpiresAt = time.Now().Add(-time.Second)
	_, err := f.Propose(t.Context(), note{Text: "a"}, p)
	require.ErrorIs(t, err, approval.ErrInvalid)
	_, err = f.DryRun(t.Context(), note{Text: "a"}, p)
	require.ErrorIs(t, err, approval.ErrInvalid)

	// It is part of what is decided.
	p.ExpiresAt = time.Now().Add(time.Hour)
	r, err := f.Propose(t.Context(), note{Text: "a"}, p)
	require.NoError(t, err)
	r.Proposal.ExpiresAt = r.Proposal.ExpiresAt.Add(time.Hour)
	digest, err := r.ComputeDigest()
	require.NoError(t, err)
	assert.NotEqual(t, r.Digest, digest)

	// A known key is known, however late.
	p.ExpiresAt = time.Now().Add(-time.Second)
	again, err := f.Propose(t.Context(), note{Text: "a"}, p)
	require.NoError(t, err)
	assert.Equal(t, r.ID, again.ID)
}

func TestKeyReused(t *testing.T) {
	f := newQueue(t, askManager, nil)
	first := f.propose(t, note{Text: "a"})
	again := f.propose(t, note{Text: "a"})
	assert.Equal(t, first.ID, again.ID)
	edit, err := f.Decide(t.Context(), edited(first, manager, map[string]string{"text": "b"}))
	require.NoError(t, err)

	again = f.propose(t, note{Text: "a"})
	assert.Equal(t, edit, again, "what counts is what was proposed first")
	r, err := f.Propose(t.Context(), note{Text: "b"}, proposal("key"))
	require.ErrorIs(t, err, approval.ErrKeyReused)
	assert.Equal(t, edit, r)
	kept, err := approval.KeepFirst(r, err)
	require.NoError(t, err)
	assert.Equal(t, edit, kept)
	_, err = approval.KeepFirst(f.Propose(t.Context(), note{}, proposal("key")))
	require.ErrorIs(t, err, approval.ErrInvalid)

	// A record from before the arguments were noted.
	rec, err := f.store.Get(t.Context(), first.ID)
	require.NoError(t, err)
	rec.Proposed = ""
	_, err = f.store.Update(t.Context(), rec)
	require.NoError(t, err)
	_, err = f.Propose(t.Context(), note{Text: "c"}, proposal("key"))
	require.NoError(t, err, "it was edited since, so nobody knows")
}
