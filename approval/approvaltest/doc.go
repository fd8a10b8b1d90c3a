// Package approvaltest helps to test approval queues, and what is built on
// them: a store in memory, people who decide by script, and the suite that every
// [approval.Store] has to pass.
//
//	store := approvaltest.NewMemory()
//	q, err := approval.NewQueue(store, log, policy, nil)
//	…
//	manager := approvaltest.Manager("manager-7")
//	go approvaltest.Answer(ctx, q, approvaltest.Approves(manager))
//
// The store in memory lives on goroutines, channels and timers alone, so expiry
// and backoff can be tested in a bubble of [testing/synctest].
package approvaltest
