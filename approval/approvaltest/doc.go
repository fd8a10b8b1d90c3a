// Package approvaltest helps to test approval queues, what is built on them,
// and the stores below them.
//
// # Queues
//
// [Memory] is a store in memory; [Answer] lets people decide by script:
//
//	store := approvaltest.NewMemory()
//	q, err := approval.NewQueue(store, log, policy, nil)
//	…
//	manager := approvaltest.Manager("manager-7")
//	go approvaltest.Answer(ctx, q, approvaltest.Approves(manager))
//
// The store in memory lives on goroutines, channels and timers alone, so expiry
// and backoff can be tested in a bubble of [testing/synctest].
//
// # Stores
//
// An [approval.Store] of your own has to pass [TestStore], which checks the
// contract method by method, and [TestCrash], which kills the process at every
// step of a request and looks at what is left. A store that several processes
// may open at once has to pass [TestPause] too. That is all an author writes:
//
//	func TestStore(t *testing.T) {
//		approvaltest.TestStore(t, func(t *testing.T) approval.Store {
//			s, err := mystore.Open(t.Context(), t.TempDir())
//			require.NoError(t, err)
//			t.Cleanup(func() { require.NoError(t, s.Close()) })
//			return s
//		})
//	}
//
//	func TestCrash(t *testing.T) {
//		approvaltest.TestCrash(t, func(ctx context.Context, at approvaltest.CrashPlace) (approval.Store, error) {
//			return mystore.Open(ctx, at.Dir)
//		}, nil)
//	}
package approvaltest
