package approval_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
)

// slowStore lets decisions wait to be stored.
type slowStore struct {
	*approvaltest.Memory
	hold chan struct{} // each takes one thing out of it
}

func (s *slowStore) Update(ctx context.Context, r *approval.Record, wake ...time.Time) (*approval.Record, error) {
	if len(r.Request.Decisions) > 0 {
		select {
		case <-s.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return s.Memory.Update(ctx, r, wake...)
}

// TestWhoWaitsIsTold: of many who decide at once, those behind the first are
// told who and why, each with a copy of their own; one who leaves before holds up
// nobody.
func TestWhoWaitsIsTold(t *testing.T) {
	t.Parallel()
	f := newQueue(t, askManager, nil)
	store := &slowStore{Memory: f.store, hold: make(chan struct{}, 1)}
	var err error
	f.Queue, err = approval.NewQueue(store, f.log, askManager, nil)
	require.NoError(t, err)
	require.NoError(t, approval.Register(f.Queue, approval.Executor[note, receipt]{
		Execute: func(context.Context, approval.Execution, note) (receipt, error) { return receipt{}, nil },
	}))
	r := f.propose(t, note{Text: "hello"})

	// The first one's context ends while the store is slow: nothing is decided.
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := f.Decide(ctx, approve(r, manager))
		failed <- err
	}()
	cancel()
	require.ErrorIs(t, <-failed, context.Canceled)
	require.Equal(t, approval.Pending, f.get(t, r.ID).State)

	const people = 32
	errs := make(chan error, people)
	won := make(chan *approval.Request, people)
	var ready, wg sync.WaitGroup
	for i := range people {
		ready.Add(1)
		wg.Go(func() {
			ready.Done()
			done, err := f.Decide(t.Context(), approve(r, approvaltest.Manager(fmt.Sprint("manager-", i))))
			if err == nil {
				// What the winner does with it is its own business.
				done.Decisions[0].By.Roles[0], done.Decisions[0].Reason = "changed", "changed"
				won <- done
				return
			}
			errs <- err
		})
	}
	ready.Wait()
	bot := approve(r, manager)
	bot.By.Type = approval.AI
	store.hold <- struct{}{}
	wg.Wait()
	require.Len(t, won, 1)
	winner := <-won
	close(errs)
	for err := range errs {
		late, ok := errors.AsType[*approval.DecidedError](err)
		require.True(t, ok, err)
		assert.Equal(t, winner.Decisions[0].By.ID, late.Decision.By.ID)
		assert.Equal(t, approval.Approve, late.Decision.Verdict)
		assert.Equal(t, "manager", late.Decision.By.Roles[0])
		assert.NotEqual(t, "changed", late.Decision.Reason)
		late.Decision.By.Roles[0] = "mine"
	}
	assert.Len(t, f.get(t, r.ID).Decisions, 1)
	_, err = f.Decide(t.Context(), bot)
	require.ErrorIs(t, err, approval.ErrForbidden)
}
