package approval_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
)

// timeout is an error that says so of itself, as those of package net do.
type timeout struct{}

func (timeout) Error() string { return "took too long" }
func (timeout) Timeout() bool { return true }

var (
	errRefused = approval.Retry(errors.New("refused"))
	errLost    = approval.Unknown(errors.New("connection lost"))
)

// answer is what a scripted executor does at one call.
type answer struct {
	effect bool
	err    error
	panics bool
	hangs  bool // until its context ends
}

// world is the outside: it counts effects.
type world struct {
	mu       sync.Mutex
	answers  []answer
	calls    []approval.Execution
	at       []time.Time
	effects  int
	finds    int
	findErrs int // of the first finds
}

func (w *world) execute(ctx context.Context, e approval.Execution, _ note) (receipt, error) {
	w.mu.Lock()
	w.calls, w.at = append(w.calls, e), append(w.at, time.Now())
	a := answer{effect: true}
	if n := len(w.calls); n <= len(w.answers) {
		a = w.answers[n-1]
	}
	if a.effect {
		w.effects++
	}
	n := w.effects
	w.mu.Unlock()
	if a.panics {
		panic("no")
	}
	if a.hangs {
		<-ctx.Done()
		return receipt{}, fmt.Errorf("call: %w", ctx.Err())
	}
	return receipt{n}, a.err
}

func (w *world) called() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.calls)
}

func (w *world) find(context.Context, approval.Execution, note) (receipt, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.finds++; w.finds <= w.findErrs {
		return receipt{}, false, errors.New("cannot tell")
	}
	return receipt{w.effects}, w.effects > 0, nil
}

func TestExecution(t *testing.T) {
	t.Parallel()
	happens, lost, hanging := answer{effect: true}, answer{err: errLost}, answer{hangs: true}
	refused := answer{err: errRefused}
	started, failed, effect := audit.KindStarted, audit.KindFailed, audit.KindEffect
	for name, test := range map[string]struct {
		answers  []answer
		find     bool
		findErrs int
		state    approval.State
		calls    int
		effects  int
		finds    int
		after    time.Duration // at least, since the proposal
		trail    []audit.Kind
	}{
		"at once": {
			[]answer{happens}, true, 0, approval.Executed, 1, 1, 0, 0, []audit.Kind{started, effect},
		},
		"did not happen, then did": {
			[]answer{refused, refused, happens},
			false, 0, approval.Executed, 3, 1, 0, 3 * time.Second,
			[]audit.Kind{started, failed, started, failed, started, effect},
		},
		"did not happen, says the executor, but the read-back knows better": {
			[]answer{{effect: true, err: errRefused}},
			true, 0, approval.Executed, 1, 1, 1, time.Second,
			[]audit.Kind{started, failed, effect},
		},
		"never happens": {
			[]answer{refused, refused, refused, refused, refused, happens},
			false, 0, approval.Failed, 5, 0, 0, 15 * time.Second,
			[]audit.Kind{started, failed, started, failed, started, failed, started, failed, started, failed},
		},
		"permanent": {
			[]answer{{err: approval.Permanent(errors.New("refused"))}, happens}, true, 0, approval.Failed, 1, 0, 0, 0, []audit.Kind{started, failed},
		},
		"permanent, wrapped": {
			[]answer{{err: fmt.Errorf("shop: %w", approval.Permanent(errors.New("refused")))}}, false, 0, approval.Failed, 1, 0, 0, 0, []audit.Kind{started, failed},
		},
		"lost, nobody can tell": {
			[]answer{lost, happens}, false, 0, approval.Uncertain, 1, 0, 0, 0, []audit.Kind{started, failed, failed},
		},
		"lost after the effect": {
			[]answer{{effect: true, err: errLost}}, true, 0, approval.Executed, 1, 1, 1, 0, []audit.Kind{started, failed, effect},
		},
		"lost before the effect": {
			[]answer{lost, happens}, true, 0, approval.Executed, 2, 1, 2, 5 * time.Second, []audit.Kind{started, failed, started, effect},
		},
		"lost, read back at the third try": {
			[]answer{{effect: true, err: errLost}}, true, 2, approval.Executed, 1, 1, 3, 3 * time.Second, []audit.Kind{started, failed, effect},
		},
		"lost, and the read-back never tells": {
			[]answer{lost, happens}, true, 99, approval.Uncertain, 1, 0, 5, 15 * time.Second, []audit.Kind{started, failed, failed},
		},
		"lost every time": {
			[]answer{lost, lost, lost, lost, lost, happens},
			true, 0, approval.Failed, 5, 0, 10, 25 * time.Second,
			[]audit.Kind{started, failed, started, failed, started, failed, started, failed, started, failed, failed},
		},
		"panic after the effect": {
			[]answer{{effect: true, panics: true}}, true, 0, approval.Executed, 1, 1, 1, 0, []audit.Kind{started, failed, effect},
		},
		"panic, nobody can tell": {
			[]answer{{panics: true}}, false, 0, approval.Uncertain, 1, 0, 0, 0, []audit.Kind{started, failed, failed},
		},
		"takes too long after the effect": {
			[]answer{{effect: true, hangs: true}}, true, 0, approval.Executed, 1, 1, 1, time.Minute, []audit.Kind{started, failed, effect},
		},
		"takes too long, nobody can tell": {
			[]answer{hanging}, false, 0, approval.Uncertain, 1, 0, 0, time.Minute, []audit.Kind{started, failed, failed},
		},
		"a timeout of its own": {
			[]answer{{err: fmt.Errorf("http: %w", timeout{})}}, false, 0, approval.Uncertain, 1, 0, 0, 0, []audit.Kind{started, failed, failed},
		},
		"without a mark, nobody can tell": {
			[]answer{{effect: true, err: errors.New("oh")}, happens}, false, 0, approval.Uncertain, 1, 1, 0, 0, []audit.Kind{started, failed, failed},
		},
		"without a mark, after the effect": {
			[]answer{{effect: true, err: io.ErrUnexpectedEOF}}, true, 0, approval.Executed, 1, 1, 1, 0, []audit.Kind{started, failed, effect},
		},
		"without a mark, before the effect": {
			[]answer{{err: errors.New("oh")}, happens}, true, 0, approval.Executed, 2, 1, 2, 5 * time.Second, []audit.Kind{started, failed, started, effect},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newBareQueue(t, askManager, nil)
				w := &world{answers: test.answers, findErrs: test.findErrs}
				ex := approval.Executor[note, receipt]{Execute: w.execute}
				if test.find {
					ex.Find = w.find
				}
				require.NoError(t, approval.Register(f.Queue, ex))
				f.start(t)
				r := f.propose(t, note{Text: "hello"})
				synctest.Wait()
				require.Zero(t, w.called(), "before the decision")
				_, err := f.Decide(t.Context(), approve(r, manager))
				require.NoError(t, err)
				time.Sleep(10 * time.Minute)
				synctest.Wait()

				done := f.get(t, r.ID)
				assert.Equal(t, test.state, done.State)
				assert.Len(t, w.calls, test.calls, "calls")
				assert.Equal(t, test.effects, w.effects, "effects")
				assert.Equal(t, test.finds, w.finds, "read-backs")
				x := done.Execution
				assert.GreaterOrEqual(t, done.ChangedAt.Sub(r.CreatedAt), test.after)
				assert.Less(t, done.ChangedAt.Sub(r.CreatedAt), test.after+10*time.Second)
				assert.Equal(t, test.calls, x.Attempt)
				for i, call := range w.calls {
					assert.Equal(t, i+1, call.Attempt)
					assert.Equal(t, x.IdempotencyKey, call.IdempotencyKey)
					assert.Equal(t, r.ID, call.RequestID)
					if i > 0 {
						assert.Greater(t, call.Fence, w.calls[i-1].Fence)
					}
				}
				trail := f.trail(t, r.ID)
				assert.Equal(t, append([]audit.Kind{audit.KindProposed, audit.KindRuled, audit.KindDecided}, test.trail...), trail)
				result, err := approval.ResultOf[receipt](done)
				if test.state == approval.Executed {
					require.NoError(t, err)
					assert.Equal(t, receipt{1}, result)
					assert.Empty(t, x.Error)
					entries := f.entries(t, r.ID)
					assert.Equal(t, []string{"gid://shopify/Metafield/1"}, entries[len(entries)-1].Effect.IDs)
				} else {
					require.Error(t, err)
					assert.NotEmpty(t, x.Error)
				}
				if test.state.Final() {
					assert.False(t, x.FinishedAt.IsZero())
				}
			})
		})
	}
}

func TestBackoffIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newBareQueue(t, allowAll, &approval.Options{MaxAttempts: 9})
		w := &world{}
		for range 8 {
			w.answers = append(w.answers, answer{err: errRefused})
		}
		require.NoError(t, approval.Register(f.Queue, approval.Executor[note, receipt]{Execute: w.execute}))
		f.start(t)
		r := f.propose(t, note{Text: "hello"})
		_, err := f.Wait(t.Context(), r.ID)
		require.NoError(t, err)
		var waits []time.Duration
		for i := range w.at[1:] {
			waits = append(waits, w.at[i+1].Sub(w.at[i]))
		}
		assert.Equal(t, []time.Duration{1, 2, 4, 8, 16, 32, 60, 60}, divide(waits, time.Second))
	})
}

func divide(list []time.Duration, by time.Duration) (out []time.Duration) {
	for _, d := range list {
		out = append(out, d.Round(by)/by)
	}
	return out
}

func TestResolve(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		outcome approval.Outcome
		find    bool
		state   approval.State
		calls   int
	}{
		"happened":                         {approval.Happened, false, approval.Executed, 1},
		"try again":                        {approval.TryAgain, false, approval.Executed, 2},
		"try again, still without answers": {approval.TryAgain, true, approval.Executed, 2},
		"abandon":                          {approval.Abandon, false, approval.Failed, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newBareQueue(t, askManager, nil)
				w := &world{answers: []answer{{err: errLost}}, findErrs: 99}
				ex := approval.Executor[note, receipt]{Execute: w.execute}
				if test.find {
					ex.Find = w.find
				}
				require.NoError(t, approval.Register(f.Queue, ex))
				f.start(t)
				r := f.propose(t, note{Text: "hello"})
				_, err := f.Resolve(t.Context(), r.ID, test.outcome, manager, "")
				require.ErrorIs(t, err, approval.ErrInvalid, "it is not uncertain")
				_, err = f.Decide(t.Context(), approve(r, manager))
				require.NoError(t, err)
				time.Sleep(10 * time.Minute)
				r = f.get(t, r.ID)
				require.Equal(t, approval.Uncertain, r.State)
				assert.False(t, r.State.Final())

				for who, why := range map[*approval.Principal]approval.Why{&clerk: approval.WhyRole, &model: approval.WhyNotHuman} {
					_, err := f.Resolve(t.Context(), r.ID, test.outcome, *who, "")
					forbidden, ok := errors.AsType[*approval.ForbiddenError](err)
					require.True(t, ok, "%v", err)
					assert.Equal(t, why, forbidden.Why)
					require.ErrorIs(t, f.MayResolve(r, *who), approval.ErrForbidden)
				}
				_, err = f.Resolve(t.Context(), r.ID, "whatever", manager, "")
				require.ErrorIs(t, err, approval.ErrInvalid)

				require.NoError(t, f.MayResolve(r, other))
				_, err = f.Resolve(t.Context(), r.ID, test.outcome, other, "looked in the admin")
				require.NoError(t, err)
				done, err := f.Wait(t.Context(), r.ID)
				require.NoError(t, err)
				synctest.Wait()
				assert.Equal(t, test.state, done.State)
				assert.Len(t, w.calls, test.calls)
				assert.Equal(t, other, done.Resolution.By)
				trail := f.trail(t, r.ID)
				assert.Equal(t, 2, count(trail, audit.KindDecided))
				assert.Equal(t, test.state == approval.Executed, count(trail, audit.KindEffect) == 1)

				_, err = f.Resolve(t.Context(), r.ID, approval.Abandon, manager, "")
				late, ok := errors.AsType[*approval.DecidedError](err)
				require.True(t, ok, "%v", err)
				assert.Equal(t, other, late.Decision.By)
			})
		})
	}
}

func TestNothingIsExecutedThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		logStore := audittest.NewMemory(t)
		logStore.Before = func(audit.Batch) error {
			if broken.Load() {
				return errors.New("disk full")
			}
			return nil
		}
		store := approvaltest.NewMemory()
		w := &world{answers: []answer{{err: errRefused}}}
		queue := func() *fixture {
			f := &fixture{store: store, log: openLog(t, logStore)}
			var err error
			f.Queue, err = approval.NewQueue(store, f.log, askManager, nil)
			require.NoError(t, err)
			require.NoError(t, approval.Register(f.Queue, approval.Executor[note, receipt]{Execute: w.execute}))
			require.NoError(t, f.Start(t.Context()))
			return f
		}
		f := queue()
		r := f.propose(t, note{Text: "hello"})

		// The decision cannot be recorded.
		broken.Store(true)
		_, err := f.Decide(t.Context(), approve(r, manager))
		require.ErrorIs(t, err, approval.ErrUnrecorded)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Zero(t, w.called())

		// It can, but after the first attempt the start of the second cannot.
		require.NoError(t, f.Stop(t.Context()))
		broken.Store(false)
		f = queue()
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		for w.called() == 0 {
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
		}
		broken.Store(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, 1, w.called())
		assert.Equal(t, approval.Approved, f.get(t, r.ID).State, "not started, and it is known")

		require.NoError(t, f.Stop(t.Context()))
		broken.Store(false)
		f = queue()
		done, err := f.Wait(t.Context(), r.ID)
		require.NoError(t, err)
		synctest.Wait()
		assert.Equal(t, approval.Executed, done.State)
		assert.Equal(t, 2, w.called())
		assert.Equal(t, []audit.Kind{
			audit.KindProposed, audit.KindRuled, audit.KindDecided,
			audit.KindStarted, audit.KindFailed, audit.KindStarted, audit.KindEffect,
		}, f.trail(t, r.ID))
		require.NoError(t, f.Stop(t.Context()))
	})
}

// TestRecordedBeforeCalled: when the executor is called, the log has the
// decision and the start.
func TestRecordedBeforeCalled(t *testing.T) {
	t.Parallel()
	f := newBareQueue(t, askManager, nil)
	seen := make(chan []audit.Kind, 1)
	require.NoError(t, approval.Register(f.Queue, approval.Executor[note, receipt]{
		Execute: func(_ context.Context, e approval.Execution, _ note) (receipt, error) {
			seen <- f.trail(t, e.RequestID)
			return receipt{}, nil
		},
	}))
	f.start(t)
	r := f.propose(t, note{Text: "hello"})
	_, err := f.Decide(t.Context(), approve(r, manager))
	require.NoError(t, err)
	assert.Equal(t, []audit.Kind{audit.KindProposed, audit.KindRuled, audit.KindDecided, audit.KindStarted}, <-seen)
}

func TestStopLetsAnExecutionFinish(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newBareQueue(t, allowAll, nil)
		entered := make(chan struct{})
		require.NoError(t, approval.Register(f.Queue, approval.Executor[note, receipt]{
			Execute: func(ctx context.Context, _ approval.Execution, _ note) (receipt, error) {
				close(entered)
				select {
				case <-time.After(3 * time.Second):
					return receipt{1}, nil
				case <-ctx.Done():
					return receipt{}, ctx.Err()
				}
			},
		}))
		require.NoError(t, f.Start(t.Context()))
		r := f.propose(t, note{Text: "hello"})
		<-entered
		require.NoError(t, f.Stop(t.Context()))
		assert.Equal(t, approval.Executed, f.get(t, r.ID).State)
	})
	synctest.Test(t, func(t *testing.T) {
		f := newBareQueue(t, allowAll, nil)
		w := &world{answers: []answer{{hangs: true}}}
		require.NoError(t, approval.Register(f.Queue, approval.Executor[note, receipt]{Execute: w.execute}))
		require.NoError(t, f.Start(t.Context()))
		r := f.propose(t, note{Text: "hello"})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, f.Stop(ctx), context.DeadlineExceeded)
		assert.Equal(t, approval.Uncertain, f.get(t, r.ID).State, "what is known of an interrupted call is stored")
		assert.Equal(t, audit.KindFailed, f.trail(t, r.ID)[4])
	})
}

func TestUnknownKindWaitsForAProgramThatKnowsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newQueue(t, allowAll, nil)
		r := f.propose(t, note{Text: "hello"})
		ignorant, err := approval.NewQueue(f.store, f.log, allowAll, nil)
		require.NoError(t, err)
		require.NoError(t, ignorant.Start(t.Context()))
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Equal(t, approval.Approved, f.get(t, r.ID).State)
		require.NoError(t, ignorant.Stop(t.Context()))
		f.start(t)
		done, err := f.Wait(t.Context(), r.ID)
		require.NoError(t, err)
		assert.Equal(t, approval.Executed, done.State)
	})
}

// TestAlteredRequestIsNotExecuted: somebody wrote into the store.
func TestAlteredRequestIsNotExecuted(t *testing.T) {
	t.Parallel()
	for name, alter := range map[string]func(*approval.Request){
		"arguments": func(r *approval.Request) { r.Args = []byte(`{"pennies":5,"text":"hello"}`) },
		"arguments and digest": func(r *approval.Request) {
			r.Args = []byte(`{"pennies":5,"text":"hello"}`)
			r.Digest, _ = r.ComputeDigest()
		},
		"need":               func(r *approval.Request) { r.Ruling.Need = approval.Role("clerk"); r.Digest, _ = r.ComputeDigest() },
		"approval of nobody": func(r *approval.Request) { r.Decisions = nil },
		"approver":           func(r *approval.Request) { r.Decisions[0].By.Roles = nil },
		"ruling":             func(r *approval.Request) { r.Ruling.Verdict = "" },
		"verdict": func(r *approval.Request) {
			r.Ruling.Verdict, r.Decisions = approval.RuleAllow, nil
		},
		"expiry": func(r *approval.Request) { r.Proposal.ExpiresAt = time.Now().Add(time.Hour) },
		"not in canonical form": func(r *approval.Request) {
			r.Args = []byte(`{"text":"hello","unknown":1}`)
			r.Digest, _ = r.ComputeDigest()
			r.Decisions[0].Digest = r.Digest
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newQueue(t, askManager, nil)
			r := f.propose(t, note{Text: "hello"})
			_, err := f.Decide(t.Context(), approve(r, manager))
			require.NoError(t, err)
			rec, err := f.store.Get(t.Context(), r.ID)
			require.NoError(t, err)
			alter(&rec.Request)
			_, err = f.store.Update(t.Context(), rec)
			require.NoError(t, err)
			f.start(t)
			done, err := f.Wait(t.Context(), r.ID)
			require.NoError(t, err)
			assert.Equal(t, approval.Failed, done.State)
			assert.Zero(t, f.calls.Load())
		})
	}
}

// TestAlteredEscalationIsNotExecuted: somebody wrote into the store that it is time
// for others to approve.
func TestAlteredEscalationIsNotExecuted(t *testing.T) {
	t.Parallel()
	deputy := approvaltest.Person("deputy-1", "deputy")
	policy := approval.Rules("1", approval.Rule{Then: approval.Ask(approval.Role("manager"), 4*time.Hour, "").WithEscalation(
		approval.Escalation{After: time.Hour, Need: approval.Role("deputy")})})
	for name, alter := range map[string]func(*approval.Request){
		"step":               func(r *approval.Request) { r.Escalated = 1 },
		"step and its time":  func(r *approval.Request) { r.Escalated, r.EscalatedAt = 1, []time.Time{time.Now()} },
		"steps there are no": func(r *approval.Request) { r.Escalated, r.EscalatedAt = 2, []time.Time{{}, {}} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newQueue(t, policy, nil)
			r := f.propose(t, note{Text: "hello"})
			rec, err := f.store.Get(t.Context(), r.ID)
			require.NoError(t, err)
			alter(&rec.Request)
			_, err = f.store.Update(t.Context(), rec)
			require.NoError(t, err)
			_, err = f.Decide(t.Context(), approve(r, deputy))
			require.NoError(t, err)
			f.start(t)
			done, err := f.Wait(t.Context(), r.ID)
			require.NoError(t, err)
			assert.Equal(t, approval.Failed, done.State)
			assert.Zero(t, f.calls.Load())
		})
	}
}

// TestRequestWithAFirstDigest: what was stored before the digest covered the verdict
// is executed still.
func TestRequestWithAFirstDigest(t *testing.T) {
	t.Parallel()
	f := newQueue(t, askManager, nil)
	r := f.propose(t, note{Text: "hello"})
	rec, err := f.store.Get(t.Context(), r.ID)
	require.NoError(t, err)
	rec.Request.Digest = approval.FirstDigest(&rec.Request)
	require.NotEqual(t, r.Digest, rec.Request.Digest)
	_, err = f.store.Update(t.Context(), rec)
	require.NoError(t, err)
	_, err = f.Decide(t.Context(), approve(&rec.Request, manager))
	require.NoError(t, err)
	f.start(t)
	done, err := f.Wait(t.Context(), r.ID)
	require.NoError(t, err)
	assert.Equal(t, approval.Executed, done.State)
}
