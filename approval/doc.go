// Package approval stands between what an AI proposes and what happens in a
// shop: code says which actions need a person, people decide, and what was
// approved is executed with one effect.
//
// Start with a type of action and a queue:
//
//	type Discount struct { Customer string; Percent int }
//
//	func (Discount) Kind() string    { return "shop.discount" }
//	func (d Discount) Validate() error { … }
//
//	policy := approval.Rules("2026-05-01",
//		approval.Rule{When: approval.AmountAbove("500.00", "GBP"), Then: approval.Ask(approval.Role("manager"), 24*time.Hour, "above 500.00")},
//		approval.Rule{Then: approval.Allow("at most 500.00")})
//	q, err := approval.NewQueue(store, log, policy, nil)  // store: approval/sqlstore, log: package audit
//	err = approval.Register(q, approval.Executor[Discount, string]{Execute: create, Find: find})
//	err = q.Start(ctx)
//
//	r, err := q.Propose(ctx, Discount{…}, approval.Proposal{Key: orderID, Proposer: model})
//	r, err = q.Decide(ctx, approval.Decision{RequestID: r.ID, Digest: r.Digest, Verdict: approval.Approve, By: person})
//	r, err = q.Wait(ctx, r.ID)
//
// People decide in channels such as approval/console and approval/slack, which
// use nothing but the exported methods of [Queue].
//
// # What a decision is bound to
//
// A request has a digest over its action, what people see of it, the policy's
// version and who is asked, see [Request.ComputeDigest]. A decision carries the
// digest of what was shown; one about anything else is refused. What is shown
// is what is executed: the digest is checked again before.
//
// # Who may decide
//
// Only a [Human], never the proposer, only for its locations, and only who
// fills an open place of the [Need]. A person fills one place, however many
// roles they have. The policy's failure asks people; it never allows.
//
// When somebody is away, another can decide in their place ([Queue.Delegate]);
// when nobody decides, others are asked as well ([Ruling.WithEscalation]). Some
// requests need not be asked about each time: [Queue.Grant] approves them in
// advance, within bounds and never further than the grantor could alone.
//
// # Stopping
//
// [Queue.Halt] stops what is in its [Scope], in all processes: executions wait,
// or end for good. A [Fuse] turns what is allowed into what is asked once it
// becomes too much.
//
// # Trying a policy
//
// [Queue.DryRun] says what would become of an action, [Queue.Explain] why a
// request got its ruling, [Queue.Replay] what another policy would have said
// about past ones, and [Options].Shadow lets a candidate rule beside the policy
// in force, without effect; [Queue.Compare] reports where they differ.
//
// # One effect
//
// Every step is a compare-and-set of the stored request. A worker claims the
// request before it calls [Executor].Execute, with a fence that grows with each
// claim; what a worker brings home after its claim was lost is refused. Where
// an attempt may have reached the outside and its outcome is not known (a
// crash, or any error that is not marked [Retry] or [Permanent]), the queue asks Executor.Find
// before it tries again, and not before the call has had time to settle. If
// Find is missing or cannot tell, the request becomes [Uncertain] and waits for
// a person, see [Queue.Resolve].
//
// So it is Find and, where the outside takes it, the idempotency key that make
// an effect happen once. The queue makes it happen at most once without them,
// as long as the marks of Execute's errors say the truth.
//
// # The record
//
// Every step is an entry of the audit log. A request is visible when its
// proposal and the ruling are durable there; nothing is executed before the
// decision and the start are. If the log fails, so does the step, with
// [ErrUnrecorded]. Entries hold identifiers and digests: what people and
// models wrote stays in the store. Their subject is of type "approval" with the
// ID of the request, see [Queue.Trail].
//
// The IDs of principals go into the log, so let them be staff numbers.
//
// # Errors and concurrency
//
// Errors match the package's sentinels with errors.Is, and structs tell more:
// [*DecidedError] who was first, [*StaleError] what is current,
// [*ForbiddenError] why not. A [Queue] is safe for concurrent use.
package approval
