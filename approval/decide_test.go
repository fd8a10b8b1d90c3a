package approval_test

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
	"github.com/posai-go/posai/audit"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	f := newQueue(t, askManager, nil)
	yes := f.propose(t, note{Text: "yes"}, func(p *approval.Proposal) { p.Key = "yes" })
	no := f.propose(t, note{Text: "no"}, func(p *approval.Proposal) { p.Key = "no" })

	shown := time.Now().Add(-time.Minute)
	d := approve(yes, manager)
	d.ShownAt, d.Reason = shown, "Ann likes it"
	r, err := f.Decide(t.Context(), d)
	require.NoError(t, err)
	assert.Equal(t, approval.Approved, r.State)
	require.Len(t, r.Decisions, 1)
	assert.Equal(t, manager, r.Decisions[0].By)
	assert.Equal(t, 1, r.Decisions[0].Revision)
	assert.Equal(t, r, f.get(t, yes.ID))

	entries := f.entries(t, yes.ID)
	last := entries[len(entries)-1]
	assert.Equal(t, audit.KindDecided, last.Kind)
	assert.Equal(t, audit.Actor{Type: audit.Human, ID: "manager-1", Role: "manager", Channel: "test"}, last.Actor)
	assert.Equal(t, "approve", last.Decision.Verdict)
	assert.Equal(t, yes.Digest, last.Decision.Digest)
	assert.Empty(t, last.Decision.Reason, "what people write is not in the log")
	assert.NotEmpty(t, last.Attributes["reason_digest"])

	r, err = f.Decide(t.Context(), reject(no, other))
	require.NoError(t, err)
	assert.Equal(t, approval.Rejected, r.State)
	f.start(t)
	_, err = f.Wait(t.Context(), yes.ID)
	require.NoError(t, err)
	assert.EqualValues(t, 1, f.calls.Load(), "the rejected one is not executed")
}

func TestLateDecisionIsTold(t *testing.T) {
	t.Parallel()
	f := newQueue(t, askManager, nil)
	r := f.propose(t, note{Text: "hello"})
	_, err := f.Decide(t.Context(), reject(r, manager))
	require.NoError(t, err)
	for name, d := range map[string]approval.Decision{
		"another verdict": approve(r, other), "the same again": reject(r, manager), "a stale one": {RequestID: r.ID, Digest: "old", Verdict: approval.Approve, By: other},
	} {
		_, err = f.Decide(t.Context(), d)
		require.ErrorIs(t, err, approval.ErrDecided, name)
		late, ok := errors.AsType[*approval.DecidedError](err)
		require.True(t, ok)
		assert.Equal(t, approval.Rejected, late.State)
		assert.Equal(t, manager, late.Decision.By)
		assert.Equal(t, approval.Reject, late.Decision.Verdict)
		assert.Equal(t, "no", late.Decision.Reason)
		assert.False(t, late.Decision.At.IsZero())
	}
	assert.Len(t, f.get(t, r.ID).Decisions, 1)

	allowed := newQueue(t, allowAll, nil)
	_, err = allowed.Decide(t.Context(), approve(allowed.propose(t, note{Text: "x"}), manager))
	late, ok := errors.AsType[*approval.DecidedError](err)
	require.True(t, ok)
	assert.Equal(t, "policy", late.Decision.By.ID)
}

func TestWhoMayDecide(t *testing.T) {
	t.Parallel()
	location := "gid://shopify/Location/1"
	at := func(p approval.Principal, locations ...string) approval.Principal {
		p.Locations = locations
		return p
	}
	typed := func(p approval.Principal, kind approval.PrincipalType) approval.Principal {
		p.Type = kind
		return p
	}
	human := approvaltest.Manager("proposer")
	for name, test := range map[string]struct {
		by       approval.Principal
		proposer approval.Principal
		location string
		why      approval.Why // empty: may
	}{
		"manager":                            {by: manager},
		"clerk":                              {by: clerk, why: approval.WhyRole},
		"nobody in particular":               {by: approvaltest.Person("x"), why: approval.WhyRole},
		"an AI with the role":                {by: typed(manager, approval.AI), why: approval.WhyNotHuman},
		"a system with the role":             {by: typed(manager, approval.System), why: approval.WhyNotHuman},
		"the proposer":                       {by: human, proposer: human, why: approval.WhyProposer},
		"the proposer under another name":    {by: func() approval.Principal { p := human; p.Name = "X"; return p }(), proposer: human, why: approval.WhyProposer},
		"another than the human proposer":    {by: manager, proposer: human},
		"of the location":                    {by: at(manager, "gid://shopify/Location/2", location), location: location},
		"of another location":                {by: at(manager, "gid://shopify/Location/2"), location: location, why: approval.WhyLocation},
		"of a location, about the shop":      {by: at(manager, location), why: approval.WhyLocation},
		"of all locations, about a location": {by: manager, location: location},
	} {
		t.Run(name, func(t *testing.T) {
			f := newQueue(t, askManager, nil)
			r := f.propose(t, note{Text: "hello"}, func(p *approval.Proposal) {
				p.Location = test.location
				if test.proposer.ID != "" {
					p.Proposer = test.proposer
				}
			})
			may := f.MayDecide(t.Context(), r, test.by)
			for _, d := range []approval.Decision{reject(r, test.by), approve(r, test.by)} {
				if test.why == "" && d.Verdict == approval.Reject {
					continue
				}
				_, err := f.Decide(t.Context(), d)
				if test.why == "" {
					require.NoError(t, may)
					require.NoError(t, err)
					continue
				}
				for _, err := range []error{err, may} {
					forbidden, ok := errors.AsType[*approval.ForbiddenError](err)
					require.True(t, ok, "%v", err)
					require.ErrorIs(t, err, approval.ErrForbidden)
					assert.Equal(t, test.why, forbidden.Why)
					assert.NotEmpty(t, forbidden.Reason)
				}
				assert.Equal(t, approval.Pending, f.get(t, r.ID).State)
			}
		})
	}
}

func TestDecisionsThatAreForgedAlteredOrReplayed(t *testing.T) {
	t.Parallel()
	f := newQueue(t, askManager, nil)
	r := f.propose(t, note{Text: "hello"}, func(p *approval.Proposal) { p.Key = "a" })
	twin := f.propose(t, note{Text: "hello"}, func(p *approval.Proposal) { p.Key = "b" })
	require.NotEqual(t, r.Digest, twin.Digest, "the same action of another request")
	for name, test := range map[string]struct {
		change func(*approval.Decision)
		want   error
	}{
		"no digest":               {func(d *approval.Decision) { d.Digest = "" }, approval.ErrStale},
		"another's digest":        {func(d *approval.Decision) { d.Digest = twin.Digest }, approval.ErrStale},
		"one digit off":           {func(d *approval.Decision) { d.Digest = d.Digest[:len(d.Digest)-1] + "x" }, approval.ErrStale},
		"upper case":              {func(d *approval.Decision) { d.Digest = "SHA256" + d.Digest[6:] }, approval.ErrStale},
		"no request":              {func(d *approval.Decision) { d.RequestID = "" }, approval.ErrInvalid},
		"unknown request":         {func(d *approval.Decision) { d.RequestID = "nothing" }, approval.ErrNotFound},
		"no verdict":              {func(d *approval.Decision) { d.Verdict = "" }, approval.ErrInvalid},
		"unknown verdict":         {func(d *approval.Decision) { d.Verdict = "Approve" }, approval.ErrInvalid},
		"nobody":                  {func(d *approval.Decision) { d.By = approval.Principal{} }, approval.ErrInvalid},
		"somebody of no type":     {func(d *approval.Decision) { d.By.Type = "" }, approval.ErrInvalid},
		"reject with an edit":     {func(d *approval.Decision) { d.Verdict = approval.Reject; d.Edit = map[string]string{"text": "x"} }, approval.ErrInvalid},
		"too many roles":          {func(d *approval.Decision) { d.By.Roles = make([]string, 33) }, approval.ErrInvalid},
		"control character in ID": {func(d *approval.Decision) { d.By.ID = "a\x00" }, approval.ErrInvalid},
		"forged result":           {func(d *approval.Decision) { d.Revision, d.At = 99, time.Now(); d.Digest = "" }, approval.ErrStale},
	} {
		t.Run(name, func(t *testing.T) {
			d := approve(r, manager)
			test.change(&d)
			_, err := f.Decide(t.Context(), d)
			require.ErrorIs(t, err, test.want)
			if stale, ok := errors.AsType[*approval.StaleError](err); ok {
				assert.Equal(t, &approval.StaleError{Revision: 1, Digest: r.Digest}, stale, "the present one is told")
			}
			assert.Empty(t, f.get(t, r.ID).Decisions)
		})
	}
}

func TestQuorum(t *testing.T) {
	t.Parallel()
	need := approval.All(approval.Role("clerk"), approval.Quorum(2, approval.Role("manager")))
	f := newQueue(t, approval.Rules("1", approval.Rule{Then: approval.Ask(need, 0, "")}), nil)
	f.start(t)
	r := f.propose(t, note{Text: "hello"})
	for _, step := range []struct {
		by    approval.Principal
		state approval.State
		why   approval.Why
	}{
		{manager, approval.Pending, ""},
		{manager, "", approval.WhyFilled},
		{clerk, approval.Pending, ""},
		{approvaltest.Person("clerk-2", "clerk"), "", approval.WhyFilled},
		{other, approval.Approved, ""},
	} {
		may := f.MayDecide(t.Context(), f.get(t, r.ID), step.by)
		after, err := f.Decide(t.Context(), approve(r, step.by))
		if step.why != "" {
			for _, err := range []error{err, may} {
				forbidden, ok := errors.AsType[*approval.ForbiddenError](err)
				require.True(t, ok, "%v", err)
				assert.Equal(t, step.why, forbidden.Why)
			}
			continue
		}
		require.NoError(t, err)
		require.NoError(t, may)
		assert.Equal(t, step.state, after.State)
	}
	done, err := f.Wait(t.Context(), r.ID)
	require.NoError(t, err)
	assert.Equal(t, approval.Executed, done.State)

	r = f.propose(t, note{Text: "hello"}, func(p *approval.Proposal) { p.Key = "other" })
	_, err = f.Decide(t.Context(), approve(r, manager))
	require.NoError(t, err)
	after, err := f.Decide(t.Context(), reject(r, manager)) // on second thought
	require.NoError(t, err)
	assert.Equal(t, approval.Rejected, after.State)
	assert.EqualValues(t, 1, f.calls.Load())
}

// TestDecisionRace: of many who decide at once, in one queue or several on the
// same store, exactly one is first, and all others learn of that one.
func TestDecisionRace(t *testing.T) {
	t.Parallel()
	const rounds, deciders = 200, 32
	f := newQueue(t, askManager, nil)
	second, err := approval.NewQueue(f.store, f.log, askManager, nil)
	require.NoError(t, err)
	for round := range rounds {
		r := f.propose(t, note{Text: "hello"}, func(p *approval.Proposal) { p.Key = strconv.Itoa(round) })
		var mu sync.Mutex
		var winners, told []string
		var wg sync.WaitGroup
		for i := range deciders {
			wg.Go(func() {
				by := approvaltest.Manager(fmt.Sprint("manager-", i))
				q, d := f.Queue, approve(r, by)
				if i%2 == 1 {
					q, d = second, reject(r, by)
				}
				_, err := q.Decide(t.Context(), d)
				late, isLate := errors.AsType[*approval.DecidedError](err)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					winners = append(winners, by.ID)
				case isLate:
					told = append(told, late.Decision.By.ID)
				default:
					assert.NoError(t, err)
				}
			})
		}
		wg.Wait()
		require.Len(t, winners, 1)
		require.Len(t, told, deciders-1)
		for _, id := range told {
			assert.Equal(t, winners[0], id)
		}
		assert.Len(t, f.get(t, r.ID).Decisions, 1)
		assert.Equal(t, 1, count(f.trail(t, r.ID), audit.KindDecided))
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newQueue(t, askManager, nil)
		f.start(t)
		r := f.propose(t, note{Text: "hello"})
		time.Sleep(time.Hour - time.Millisecond)
		synctest.Wait()
		require.Equal(t, approval.Pending, f.get(t, r.ID).State)
		waited := make(chan *approval.Request, 1)
		go func() {
			done, err := f.Wait(t.Context(), r.ID)
			assert.NoError(t, err)
			waited <- done
		}()
		time.Sleep(time.Millisecond)
		done := <-waited
		assert.Equal(t, approval.Expired, done.State)
		synctest.Wait()
		assert.Equal(t, []audit.Kind{audit.KindProposed, audit.KindRuled, audit.KindExpired}, f.trail(t, r.ID))
		assert.Zero(t, f.calls.Load())
		_, err := f.Decide(t.Context(), approve(r, manager))
		expired, ok := errors.AsType[*approval.ExpiredError](err)
		require.True(t, ok)
		assert.Equal(t, r.ExpiresAt, expired.ExpiresAt)
	})
}

func TestDecisionAfterExpiryBeforeTheAlarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newQueue(t, askManager, nil) // not started: no alarm
		r := f.propose(t, note{Text: "hello"})
		time.Sleep(time.Hour)
		_, err := f.Decide(t.Context(), approve(r, manager))
		require.ErrorIs(t, err, approval.ErrExpired)
		assert.Empty(t, f.get(t, r.ID).Decisions)
	})
}

func TestMarkShown(t *testing.T) {
	t.Parallel()
	f := newQueue(t, askManager, nil)
	r := f.propose(t, note{Text: "hello"})
	promoted := manager
	promoted.Roles = append(promoted.Roles, "owner")
	for range 2 {
		require.NoError(t, f.MarkShown(t.Context(), r.ID, r.Digest, manager, "console"))
		require.NoError(t, f.MarkShown(t.Context(), r.ID, r.Digest, promoted, "console"))
		require.NoError(t, f.MarkShown(t.Context(), r.ID, r.Digest, manager, "slack"))
	}
	assert.Equal(t, 2, count(f.trail(t, r.ID), audit.KindShown), "once per person and channel")
	require.ErrorIs(t, f.MarkShown(t.Context(), r.ID, "old", manager, "console"), approval.ErrStale)
	require.ErrorIs(t, f.MarkShown(t.Context(), "nothing", r.Digest, manager, "console"), approval.ErrNotFound)
}
