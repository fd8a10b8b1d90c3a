// Package toolgate puts the tool calls of a model behind an approval queue: a
// call that changes something becomes a request, the policy rules on it, people
// are asked where it says so, and the tool runs once, recorded like every other
// action.
//
//	gate, err := toolgate.New(queue, tools, nil) // before queue.Start
//	…
//	loop, err := ai.NewLoop(model, tools, &ai.LoopOptions{
//		Gate: gate.For(toolgate.Session{
//			ID: conversationID, Shop: shop,
//			Proposer: approval.Principal{ID: "copilot", Type: approval.AI},
//		}),
//	})
//	result, err := loop.Run(ctx, request)
//
// Tools that only read run without being asked about; the loop does not bring
// them here.
//
// # What the policy sees
//
// The action of a request is a [Call]. [ToolIs], [EffectAtLeast] and [Tainted]
// are conditions on it; [Rules] is a policy to start from: what can be changed
// back is allowed unless the model had read text from outside before, everything
// else asks.
//
// # While a person thinks
//
// The gate waits for as long as [Options].Wait. After that the call is pending:
// the loop ends with [ai.ErrToolPending], and [Gate.Resume] goes on with the
// conversation once the requests are settled, in another process or days later
// too.
//
// # Once
//
// A request's key is made of the session, the step, the call and its arguments,
// so a conversation that is replayed after a crash finds what it asked for
// before. The tool runs in the queue's worker, where [Execution] gives its
// function the idempotency key to hand on. If the outcome of a run gets lost,
// [Options].Find reads back whether it happened; without it a person looks.
//
// The model is told what became of a call, but nothing of what people wrote,
// unless [Options].TellReasons is set.
package toolgate
