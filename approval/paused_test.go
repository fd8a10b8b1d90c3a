package approval_test

import (
	"context"
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

// lookedAt counts the wake-ups of a store.
type lookedAt struct {
	approval.Store
	looks atomic.Int32
}

func (s *lookedAt) Start(ctx context.Context, h approval.Hooks) error {
	wake := h.Wake
	h.Wake = func(ctx context.Context, w approval.Wake) (time.Duration, error) {
		s.looks.Add(1)
		return wake(ctx, w)
	}
	return s.Store.Start(ctx, h)
}

// waking is a lookedAt that is an [approval.Waker].
type waking struct {
	*lookedAt
	approval.Waker
}

// TestPausedForLong: what a switch holds is looked at seldom, and at once when the
// switch is cleared or becomes a kill, whoever does that.
func TestPausedForLong(t *testing.T) {
	for name, test := range map[string]struct {
		waker bool
		kill  bool
		until time.Duration
	}{
		"cleared":                 {waker: true},
		"cleared without a Waker": {},
		"killed":                  {waker: true, kill: true},
		"over by itself":          {until: 2 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				memory := approvaltest.NewMemory()
				counted := &lookedAt{Store: memory}
				var store approval.Store = counted
				if test.waker {
					store = waking{counted, memory}
				}
				log := openLog(t, audittest.NewMemory(t))
				queue := func() *fixture {
					f := &fixture{store: memory, log: log}
					var err error
					f.Queue, err = approval.NewQueue(store, log, allowAll, nil)
					require.NoError(t, err)
					require.NoError(t, approval.Register(f.Queue, approval.Executor[note, receipt]{
						Execute: func(context.Context, approval.Execution, note) (receipt, error) { return receipt{}, nil },
					}))
					return f
				}
				f, elsewhere := queue(), queue()
				f.start(t)
				pause := approval.Switch{Mode: approval.Pause, Scope: approval.Scope{Kind: "test.note"}, By: manager}
				if test.until > 0 {
					pause.Until = time.Now().Add(test.until)
				}
				s, err := elsewhere.Halt(t.Context(), pause)
				require.NoError(t, err)
				r := f.propose(t, note{Text: "a"})
				time.Sleep(2*time.Hour - time.Second)
				synctest.Wait()
				assert.Equal(t, approval.Approved, f.get(t, r.ID).State)
				assert.Less(t, counted.looks.Load(), int32(80), "instead of 2,400")
				want := approval.Executed
				switch {
				case test.kill:
					want = approval.Failed
					_, err = elsewhere.Halt(t.Context(), approval.Switch{Mode: approval.Kill, By: manager})
				case test.until == 0:
					err = elsewhere.Clear(t.Context(), s.ID, manager, "")
				}
				require.NoError(t, err)
				time.Sleep(2 * time.Second)
				synctest.Wait()
				assert.Equal(t, want, f.get(t, r.ID).State)
			})
		})
	}
}
