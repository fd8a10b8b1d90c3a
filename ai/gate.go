package ai

import "context"

// A GatedCall is a tool call of a [Loop] that is about to run.
type GatedCall struct {
	// Call is what the model wants. Its arguments meet the tool's schema.
	Call ToolCall

	// Effect that the tool declares.
	Effect Effect

	// Tainted: the model had read text from outside before it made the call, see
	// [Request.Tainted], so the call may be the wish of whoever wrote it.
	Tainted bool

	// Step is the number of the model's reply in the loop, from 1.
	Step int
}

// A Gate stands before the tools of a [Loop] that change something: those whose
// effect is not [EffectRead]. It calls run to allow the call, or returns a result
// of its own without it: an IsError result that says why not, or the result of the
// same action run elsewhere. The gate may wait, as long as ctx lasts. An error
// that matches [ErrToolPending] leaves the call undecided and ends the loop, see
// [LoopResult.Pending]; any other error denies the call, and the model is not told
// why.
//
// A gate is called from one goroutine at a time, for the calls in the order in
// which the model made them.
type Gate func(ctx context.Context, call GatedCall, run func(context.Context) (ToolResult, error)) (ToolResult, error)

// defaultGate rules where the program has none: changes that can be undone are
// allowed as long as nobody outside can have asked for them.
func defaultGate(ctx context.Context, call GatedCall, run func(context.Context) (ToolResult, error)) (ToolResult, error) {
	if call.Effect == EffectWrite && !call.Tainted {
		return run(ctx)
	}
	return toolFailure(call.Call, "This action is not allowed without the approval of a person, and nobody can give it here."), nil
}
