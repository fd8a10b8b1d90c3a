package ai

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"
)

// LoopOptions are the options of [NewLoop]. The zero value is the default. No
// limit can be turned off.
type LoopOptions struct {
	// MaxSteps is how often the model is asked at most. If zero, 10.
	MaxSteps int

	// MaxTokens is the number of tokens, input and output of all steps together,
	// after which no more tools run. If zero, 200,000.
	MaxTokens int64

	// MaxTime is the longest that everything takes, tools and gate included. If
	// zero, 2 minutes.
	MaxTime time.Duration

	// MaxCalls is the largest number of tool calls in one reply; the model is told
	// that those beyond did not run. If zero, 16.
	MaxCalls int

	// MaxCost is the amount, at the prices of Prices, after which no more tools
	// run. If zero, money is limited by MaxTokens alone. For a cap that holds
	// beyond one loop see [Budget].
	MaxCost Cost

	// Prices is needed for MaxCost and for [LoopResult.Cost].
	Prices *Prices

	// Parallel is how many tools of effect read run at once. If zero, 4. All other
	// tools run alone, in the model's order.
	Parallel int

	// Gate decides about tools that change something. If nil, tools of effect
	// write run unless the conversation is tainted, those of effect money and
	// irreversible never.
	Gate Gate

	// Around is called around every tool that runs, from several goroutines at
	// once, such as to trace it. It must call run and return its result. If nil,
	// nothing is.
	Around func(ctx context.Context, call GatedCall, run func(context.Context) (ToolResult, error)) (ToolResult, error)

	// Tainted: the conversation holds text from outside that is not marked, such
	// as in [Request.System].
	Tainted bool
}

// A Loop asks a model, runs the tools that it calls, tells it the results, and
// asks again until it answers without a call. It is immutable and safe for
// concurrent use if its tools are.
type Loop struct {
	model Model
	tools map[string]*BoundTool
	specs []Tool
	opts  LoopOptions
}

// NewLoop returns a loop over the tools, whose names must differ. Nil options are
// the defaults.
func NewLoop(m Model, tools []*BoundTool, opts *LoopOptions) (*Loop, error) {
	l := &Loop{model: m, tools: map[string]*BoundTool{}}
	if opts != nil {
		l.opts = *opts
	}
	o := &l.opts
	o.MaxSteps = orDefault(o.MaxSteps, 10)
	o.MaxTokens = orDefault(o.MaxTokens, 200_000)
	o.MaxTime = orDefault(o.MaxTime, 2*time.Minute)
	o.MaxCalls = orDefault(o.MaxCalls, 16)
	o.Parallel = orDefault(o.Parallel, 4)
	if o.Gate == nil {
		o.Gate = defaultGate
	}
	switch {
	case o.MaxCost < 0:
		return nil, invalid("negative LoopOptions.MaxCost")
	case o.MaxCost > 0 && o.Prices == nil:
		return nil, invalid("LoopOptions.MaxCost without Prices")
	}
	for _, t := range tools {
		if l.tools[t.tool.Name] != nil {
			return nil, invalid("two tools of one name")
		}
		l.tools[t.tool.Name] = t
		l.specs = append(l.specs, t.tool)
	}
	return l, nil
}

// orDefault returns v, or def if v is not positive.
func orDefault[N int | int64 | time.Duration](v, def N) N {
	if v <= 0 {
		return def
	}
	return v
}

// A LoopResult is what a [Loop] did.
type LoopResult struct {
	// Response is the model's last reply, the answer if there was no error.
	Response *Response

	// Messages were added to those of the request: the model's replies and the
	// results of its calls. Together they are the conversation so far.
	Messages []Message

	// Steps is how often the model answered.
	Steps int

	// Usage and Cost of all steps. Cost is zero without [LoopOptions.Prices].
	Usage Usage
	Cost  Cost

	// Calls are the tool calls in the order in which they ended, refused ones
	// included.
	Calls []CallRecord

	// Pending are the calls that wait for a decision. Then the last of Messages is
	// the model's reply that holds them; go on with [LoopResult.Resume].
	Pending []GatedCall

	request *Request
	results []ToolResult // of the calls of the last reply
	waiting []int        // which of them are those of Pending
}

// A CallRecord is one tool call and what became of it.
type CallRecord struct {
	GatedCall

	// Result is what the model was told.
	Result ToolResult

	// Err is why it failed, for the program; nil also for a call that the gate
	// refused by an IsError result.
	Err error

	// Duration includes the wait for the gate.
	Duration time.Duration
}

// Events of [Loop.Stream], beside the deltas of the model's replies.
type (
	// ToolStarted says that a tool call is about to run or to be decided about.
	ToolStarted struct{ Call GatedCall }

	// ToolEnded says what became of it.
	ToolEnded struct{ Record CallRecord }

	// LoopDone is the last event.
	LoopDone struct{ Result *LoopResult }
)

func (ToolStarted) event() {}
func (ToolEnded) event()   {}
func (LoopDone) event()    {}

// Run runs the loop. The request must have neither Tools nor Output; its
// ToolChoice is for the first step alone.
//
// Errors: [ErrLimit] when a limit of the options was reached, [ErrToolPending]
// when a gate left a call undecided, [ErrTruncated] when a reply with tool calls
// was cut off, and what [Model.Generate] returns. The result is not nil whenever
// the model answered, also beside an error. A reply that was refused or cut off
// without a tool call is no error; see [Response.StopReason].
func (l *Loop) Run(ctx context.Context, req *Request) (*LoopResult, error) {
	r := l.newRun(req, nil)
	err := r.loop(ctx)
	return r.outcome(), err
}

// Stream runs the loop and yields what happens: [TextDelta], [ReasoningDelta] and
// [ToolCallDelta] of every reply, [ToolStarted] and [ToolEnded] of every call,
// and [LoopDone] at the end, unless there was an error, which is that of
// [Loop.Run]; what had happened until then is in a [*LoopError]. Leaving the loop early
// cancels the tools that run and waits for them.
func (l *Loop) Stream(ctx context.Context, req *Request) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		r := l.newRun(req, func(ev Event) bool { return yield(ev, nil) })
		err := r.loop(ctx)
		switch {
		case errors.Is(err, errLoopLeft):
		case err != nil && r.outcome() != nil:
			yield(nil, &LoopError{Result: r.result, Err: err})
		case err != nil:
			yield(nil, err)
		default:
			yield(LoopDone{Result: r.outcome()}, nil)
		}
	}
}

// A LoopError is a [Loop.Stream] that failed after the model had answered.
type LoopError struct {
	Result *LoopResult
	Err    error
}

// Error returns the text of Err.
func (e *LoopError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *LoopError) Unwrap() error { return e.Err }

// Resume returns the request that goes on after the calls in Pending were
// decided: with one result for each of them. It is for [Loop.Run] or
// [Loop.Stream], whose limits begin anew.
func (r *LoopResult) Resume(decided ...ToolResult) (*Request, error) {
	if len(r.waiting) == 0 || len(decided) != len(r.waiting) {
		return nil, invalid("Resume needs one result for each pending call")
	}
	results := slices.Clone(r.results)
	waiting := slices.Clone(r.waiting)
	for _, d := range decided {
		at := slices.IndexFunc(waiting, func(i int) bool { return results[i].CallID == d.CallID })
		if at < 0 {
			return nil, invalid("a result that no pending call waits for")
		}
		d.Name = results[waiting[at]].Name
		results[waiting[at]] = d
		waiting = slices.Delete(waiting, at, at+1)
	}
	req := *r.request
	req.Tools, req.ToolChoice = nil, ToolChoice{}
	req.Messages = slices.Concat(req.Messages, r.Messages, []Message{ToolResults(results...)})
	return &req, nil
}
