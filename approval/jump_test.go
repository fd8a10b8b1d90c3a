package approval_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
	"github.com/posai-go/posai/audit/audittest"
)

// jumpingStore has a clock that the test sets forward or back.
type jumpingStore struct {
	*approvaltest.Memory
	offset atomic.Int64
}

func (s *jumpingStore) jump(d time.Duration) { s.offset.Add(int64(d)) }

func (s *jumpingStore) Now(ctx context.Context) (time.Time, error) {
	now, err := s.Memory.Now(ctx)
	return now.Add(time.Duration(s.offset.Load())), err
}

// TestClockJumps: whenever the store's clock is set forward or back by an hour,
// as much is called, and as soon, as without that.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	type course struct {
		calls, finds, effects int
		state                 approval.State
		took                  time.Duration
	}
	// The first call fails as said, and its effect comes late or never; then it
	// is read back or tried again.
	run := func(t *testing.T, fails func(error) error, late time.Duration, when string, jump time.Duration) (c course) {
		synctest.Test(t, func(t *testing.T) {
			store := &jumpingStore{Memory: approvaltest.NewMemory()}
			log := openLog(t, audittest.NewMemory(t))
			q, err := approval.NewQueue(store, log, askManager, &approval.Options{Backoff: func(int) time.Duration { return 10 * time.Second }})
			require.NoError(t, err)
			at := func(moment string) {
				if moment == when {
					store.jump(jump)
				}
			}
			var calls, finds, effects atomic.Int32
			require.NoError(t, approval.Register(q, approval.Executor[note, receipt]{
				Settle: 20 * time.Second,
				Execute: func(context.Context, approval.Execution, note) (receipt, error) {
					at("during the call")
					if calls.Add(1) > 1 {
						effects.Add(1)
						return receipt{}, nil
					}
					if late > 0 {
						time.AfterFunc(late, func() { effects.Add(1) })
					}
					time.AfterFunc(time.Second, func() { at("after the call") })
					return receipt{}, fails(errors.New("no answer"))
				},
				Find: func(context.Context, approval.Execution, note) (receipt, bool, error) {
					finds.Add(1)
					return receipt{}, effects.Load() > 0, nil
				},
			}))
			require.NoError(t, q.Start(t.Context()))
			r, err := q.Propose(t.Context(), note{Text: "hello"}, proposal("key"))
			require.NoError(t, err)
			if jump < 0 { // forward it would expire, as it should
				at("before the decision")
			}
			began := time.Now()
			_, err = q.Decide(t.Context(), approve(r, manager))
			require.NoError(t, err)
			at("after the decision")
			done, err := q.Wait(t.Context(), r.ID)
			require.NoError(t, err)
			c = course{int(calls.Load()), int(finds.Load()), 0, done.State, time.Since(began)}
			time.Sleep(time.Minute)
			c.effects = int(effects.Load())
			require.NoError(t, q.Stop(t.Context()))
		})
		return c
	}
	for name, test := range map[string]struct {
		fails func(error) error
		late  time.Duration
		calls int
	}{
		"refused, then tried again":           {func(err error) error { return err }, 0, 2},
		"unknown, and it did not happen":      {approval.Unknown, 0, 2},
		"unknown, and it happens a bit later": {approval.Unknown, 15 * time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := run(t, test.fails, test.late, "never", 0)
			require.Equal(t, course{test.calls, want.finds, 1, approval.Executed, want.took}, want)
			for _, when := range []string{"before the decision", "after the decision", "during the call", "after the call"} {
				for _, jump := range []time.Duration{time.Hour, -time.Hour} {
					got := run(t, test.fails, test.late, when, jump)
					assert.InDelta(t, want.took.Seconds(), got.took.Seconds(), 12, "%s by %v", when, jump)
					got.took, got.finds = want.took, want.finds
					assert.Equal(t, want, got, "%s by %v", when, jump)
				}
			}
		})
	}
}
