package approval_test

import (
	"context"
	"sync"
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

// process is one of several that share a store, whose alarms the test rings
// and whose death it decides.
type process struct {
	*approvaltest.Memory
	name  string
	dead  *sync.Map
	hooks approval.Hooks
}

func (p *process) Start(_ context.Context, h approval.Hooks) error {
	p.hooks = h
	return nil
}

func (p *process) Stop(context.Context) error { return nil }

func (p *process) Alive(_ context.Context, worker string) (bool, error) {
	_, dead := p.dead.Load(worker)
	return !dead, nil
}

func (p *process) ring(t *testing.T, id string) (time.Duration, error) {
	return p.hooks.Wake(t.Context(), approval.Wake{RequestID: id, Worker: p.name})
}

// TestZombie: a worker that was taken for dead, and comes back, commits
// nothing; and there is one effect, wherever it was when it was lost.
func TestZombie(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		effectFirst bool // the zombie's call has its effect before it hangs
		find        bool
		state       approval.State
		calls       int
	}{
		"lost after the effect, with read-back":     {true, true, approval.Executed, 1},
		"lost before the effect, with read-back":    {false, true, approval.Executed, 2},
		"lost after the effect, without read-back":  {true, false, approval.Uncertain, 1},
		"lost before the effect, without read-back": {false, false, approval.Uncertain, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				shared, dead := approvaltest.NewMemory(), &sync.Map{}
				log := openLog(t, audittest.NewMemory(t))
				var mu sync.Mutex
				calls, effects := 0, 0
				fences := map[string]int64{}
				release := make(chan struct{})
				newProcess := func(name string, zombie bool) (*approval.Queue, *process) {
					p := &process{Memory: shared, name: name, dead: dead}
					q, err := approval.NewQueue(p, log, allowAll, nil)
					require.NoError(t, err)
					ex := approval.Executor[note, receipt]{
						Execute: func(ctx context.Context, e approval.Execution, _ note) (receipt, error) {
							mu.Lock()
							calls++
							fences[name] = e.Fence
							if !zombie || test.effectFirst {
								effects++
							}
							mu.Unlock()
							if zombie {
								<-release
								if ctx.Err() != nil { // as an executor should
									return receipt{}, ctx.Err()
								}
							}
							return receipt{len(name)}, nil
						},
					}
					if test.find {
						ex.Find = func(context.Context, approval.Execution, note) (receipt, bool, error) {
							mu.Lock()
							defer mu.Unlock()
							return receipt{99}, effects > 0, nil
						}
					}
					require.NoError(t, approval.Register(q, ex))
					require.NoError(t, q.Start(t.Context()))
					return q, p
				}
				_, zombie := newProcess("zombie", true)
				q, second := newProcess("second", false)

				r, err := q.Propose(t.Context(), note{Text: "hello"}, proposal("key"))
				require.NoError(t, err)
				returned := make(chan struct{})
				go func() {
					defer close(returned)
					again, err := zombie.ring(t, r.ID)
					assert.NoError(t, err)
					assert.Positive(t, again, "it was told to look again")
				}()
				synctest.Wait()
				again, err := second.ring(t, r.ID)
				require.NoError(t, err)
				assert.Positive(t, again, "as long as the other one lives, it waits")
				require.Equal(t, 1, calls)

				dead.Store("zombie", true)
				for again := time.Nanosecond; again > 0; {
					time.Sleep(again)
					again, err = second.ring(t, r.ID)
					require.NoError(t, err)
				}
				settled, err := q.Get(t.Context(), r.ID)
				require.NoError(t, err)
				require.Equal(t, test.state, settled.State)

				close(release) // the zombie comes back
				<-returned
				after, err := q.Get(t.Context(), r.ID)
				require.NoError(t, err)
				assert.Equal(t, settled, after, "the zombie committed something")
				assert.Equal(t, test.calls, calls)
				assert.LessOrEqual(t, effects, 1)
				if test.calls == 2 {
					assert.Greater(t, fences["second"], fences["zombie"])
				}
				var kinds []audit.Kind
				for rec, err := range q.Trail(t.Context(), r.ID) {
					require.NoError(t, err)
					kinds = append(kinds, rec.Entry.Kind)
				}
				assert.Equal(t, test.state == approval.Executed, count(kinds, audit.KindEffect) == 1, "%v", kinds)
			})
		})
	}
}

// TestManyAlarms: however many alarms ring at once, in however many processes,
// a request is executed once.
func TestManyAlarms(t *testing.T) {
	t.Parallel()
	shared, dead := approvaltest.NewMemory(), &sync.Map{}
	log := openLog(t, audittest.NewMemory(t))
	var mu sync.Mutex
	calls := 0
	var queues []*approval.Queue
	var processes []*process
	for _, name := range []string{"a", "b", "c"} {
		p := &process{Memory: shared, name: name, dead: dead}
		q, err := approval.NewQueue(p, log, allowAll, nil)
		require.NoError(t, err)
		require.NoError(t, approval.Register(q, approval.Executor[note, receipt]{
			Execute: func(context.Context, approval.Execution, note) (receipt, error) {
				mu.Lock()
				defer mu.Unlock()
				calls++
				return receipt{}, nil
			},
		}))
		require.NoError(t, q.Start(t.Context()))
		queues, processes = append(queues, q), append(processes, p)
	}
	const rounds = 20
	for round := range rounds {
		r, err := queues[0].Propose(t.Context(), note{Text: "hello"}, proposal(string(rune('a'+round))))
		require.NoError(t, err)
		var wg sync.WaitGroup
		for range 4 {
			for _, p := range processes {
				wg.Go(func() {
					_, err := p.ring(t, r.ID)
					assert.NoError(t, err)
				})
			}
		}
		wg.Wait()
		done, err := queues[0].Get(t.Context(), r.ID)
		require.NoError(t, err)
		assert.Equal(t, approval.Executed, done.State)
	}
	assert.Equal(t, rounds, calls)
}
