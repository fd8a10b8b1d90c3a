package approval_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
	"github.com/posai-go/posai/audit/audittest"
)

func TestNewQueueRefuses(t *testing.T) {
	t.Parallel()
	store, log := approvaltest.NewMemory(), openLog(t, audittest.NewMemory(t))
	for name, opts := range map[string]*approval.Options{
		"impossible default need": {DefaultNeed: approval.Quorum(-1, approval.Role("manager"))},
		"negative expiry":         {DefaultExpiry: -1},
		"negative attempts":       {MaxAttempts: -1},
		"negative timeout":        {ExecutionTimeout: -1},
	} {
		_, err := approval.NewQueue(store, log, askManager, opts)
		require.Error(t, err, name)
	}
	_, err := approval.NewQueue(nil, log, askManager, nil)
	require.Error(t, err)
	_, err = approval.NewQueue(store, nil, askManager, nil)
	require.Error(t, err, "there is no queue without a record")
	_, err = approval.NewQueue(store, log, nil, nil)
	require.Error(t, err)
}

func TestList(t *testing.T) {
	t.Parallel()
	f := newQueue(t, askManager, nil)
	const n = 120 // more than a page
	for i := range n {
		f.propose(t, note{Text: "hello"}, func(p *approval.Proposal) { p.Key = strconv.Itoa(i) })
	}
	count := func(filter approval.Filter, most int) (seen int) {
		ids := map[string]bool{}
		for r, err := range f.List(t.Context(), filter) {
			require.NoError(t, err)
			assert.False(t, ids[r.ID], "twice")
			ids[r.ID] = true
			if seen++; seen == most {
				break
			}
		}
		return seen
	}
	assert.Equal(t, n, count(approval.Filter{}, 0))
	assert.Equal(t, n, count(approval.Filter{Newest: true}, 0))
	assert.Equal(t, 100, count(approval.Filter{Limit: 100}, 0))
	assert.Equal(t, 110, count(approval.Filter{Limit: 110}, 0))
	assert.Equal(t, 3, count(approval.Filter{}, 3), "a break ends it")
	assert.Zero(t, count(approval.Filter{States: []approval.State{approval.Failed}}, 0))
}

func TestSubscribe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newQueue(t, byAmount, nil)
		f.start(t)
		ctx, cancel := context.WithCancel(t.Context())
		changes := f.Subscribe(ctx)
		r := f.propose(t, note{Text: "hello", Pennies: 600_00})
		_, err := f.Decide(t.Context(), edited(r, manager, map[string]string{"text": "hi"}))
		require.NoError(t, err)
		_, err = f.Decide(t.Context(), approve(f.get(t, r.ID), other))
		require.NoError(t, err)
		synctest.Wait()
		var seen []approval.Change
		for len(changes) > 0 {
			seen = append(seen, <-changes)
		}
		assert.Equal(t, []approval.Change{
			{ID: r.ID, State: approval.Pending, Revision: 1},
			{ID: r.ID, State: approval.Pending, Revision: 2},
			{ID: r.ID, State: approval.Approved, Revision: 2},
			{ID: r.ID, State: approval.Executing, Revision: 2},
			{ID: r.ID, State: approval.Executed, Revision: 2},
		}, seen)
		cancel()
		_, more := <-changes
		assert.False(t, more, "closed when the context ends")
	})
}

func TestSlowSubscriberIsToldThatItMissedSome(t *testing.T) {
	t.Parallel()
	f := newQueue(t, askManager, nil)
	changes := f.Subscribe(t.Context())
	const n = 100
	var last string
	for i := range n {
		last = f.propose(t, note{Text: "hello"}, func(p *approval.Proposal) { p.Key = strconv.Itoa(i) }).ID
	}
	var seen []approval.Change
	for len(changes) > 0 {
		seen = append(seen, <-changes)
	}
	assert.Less(t, len(seen), n)
	assert.True(t, seen[len(seen)-1].Missed)
	assert.Equal(t, last, seen[len(seen)-1].ID, "the newest is never lost")
	f.propose(t, note{Text: "hello"})
	assert.False(t, (<-changes).Missed, "it has caught up")
}

func TestWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newQueue(t, askManager, nil)
		r := f.propose(t, note{Text: "hello"})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		pending, err := f.Wait(ctx, r.ID)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, approval.Pending, pending.State)
		_, err = f.Wait(t.Context(), "nothing")
		require.ErrorIs(t, err, approval.ErrNotFound)

		// A change by another process is noticed without an announcement.
		elsewhere, err := approval.NewQueue(f.store, f.log, askManager, nil)
		require.NoError(t, err)
		var decided sync.WaitGroup
		decided.Go(func() {
			time.Sleep(10 * time.Second)
			_, err := elsewhere.Decide(t.Context(), reject(r, manager))
			assert.NoError(t, err)
		})
		began := time.Now()
		done, err := f.Wait(t.Context(), r.ID)
		require.NoError(t, err)
		assert.Equal(t, approval.Rejected, done.State)
		assert.LessOrEqual(t, time.Since(began), 11*time.Second)
		decided.Wait()
	})
}

func TestScriptedPeople(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newQueue(t, byAmount, nil)
		f.start(t)
		early := f.propose(t, note{Text: "early", Pennies: 600_00}, func(p *approval.Proposal) { p.Key = "early" })
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 4)
		for _, script := range []approvaltest.Script{
			approvaltest.Approves(clerk), // is not asked
			approvaltest.Approves(manager),
			approvaltest.Approves(other),
			func(r *approval.Request) *approval.Decision {
				if r.Preview.Summary != "bad" {
					return nil
				}
				return approvaltest.Rejects(approvaltest.Manager("strict"), "bad")(r)
			},
		} {
			go func() { ended <- approvaltest.Answer(ctx, f.Queue, script) }()
		}
		done, err := f.Wait(t.Context(), early.ID)
		require.NoError(t, err)
		assert.Equal(t, approval.Executed, done.State)
		assert.Len(t, done.Decisions, 2)
		late := f.propose(t, note{Text: "late", Pennies: 1}, func(p *approval.Proposal) { p.Key = "late" })
		done, err = f.Wait(t.Context(), late.ID)
		require.NoError(t, err)
		assert.Equal(t, approval.Executed, done.State)
		cancel()
		for range 4 {
			require.NoError(t, <-ended)
		}
	})
}

func TestErrorsSayNoMoreThanTheyShould(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	late := &approval.DecidedError{State: approval.Rejected, Decision: approval.Decision{
		Verdict: approval.Reject, Reason: "private", By: approval.Principal{ID: "staff-1", Name: "Ann"}, At: at,
	}}
	assert.Equal(t, "approval: already decided: reject by staff-1 at 2026-05-04T03:02:01Z, now rejected", late.Error())
	assert.Equal(t, "approval: expired at 2026-05-04T03:02:01Z", (&approval.ExpiredError{ExpiresAt: at}).Error())
	cause := errors.New("cause")
	require.ErrorIs(t, &approval.InvalidError{Reason: "x", Err: cause}, cause)
	require.ErrorIs(t, approval.Permanent(cause), cause)
	assert.Equal(t, "cause", approval.Unknown(cause).Error())
	assert.Equal(t, "unspecified error", approval.Unknown(nil).Error())
}
