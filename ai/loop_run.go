package ai

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// errLoopLeft is the end of a stream that its consumer left.
var errLoopLeft = errors.New("ai: loop left")

// A loopRun is one run of a [Loop].
type loopRun struct {
	*Loop
	req    *Request // the conversation so far, with the tools
	emit   func(Event) bool
	result *LoopResult
	price  tokenPrice
}

func (l *Loop) newRun(req *Request, emit func(Event) bool) *loopRun {
	r := &loopRun{Loop: l, req: req, emit: emit, result: &LoopResult{request: req}}
	if l.opts.Prices != nil {
		r.price, _ = l.opts.Prices.at(l.model.Info(), time.Now())
	}
	return r
}

// outcome is nil as long as the model never answered.
func (r *loopRun) outcome() *LoopResult {
	if r.result.Steps == 0 {
		return nil
	}
	return r.result
}

func (r *loopRun) send(ev Event) bool { return r.emit == nil || r.emit(ev) }

func (r *loopRun) limit(detail string) error {
	return &Error{Class: ErrLimit, Provider: r.model.Info().Provider, Detail: detail}
}

func (r *loopRun) loop(ctx context.Context) error {
	if err := r.prepare(); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, r.opts.MaxTime)
	defer cancel()
	for {
		more, err := r.step(limited)
		switch {
		case err != nil && ctx.Err() == nil && limited.Err() != nil && !errors.Is(err, errLoopLeft):
			return &Error{Class: ErrLimit, Detail: "no answer within " + r.opts.MaxTime.String(), Err: err}
		case err != nil || !more:
			return err
		case r.result.Steps >= r.opts.MaxSteps:
			return r.limit(fmt.Sprintf("%d steps", r.opts.MaxSteps))
		}
	}
}

func (r *loopRun) prepare() error {
	switch {
	case r.req == nil:
		return invalid("request is nil")
	case r.req.Output != nil || len(r.req.Tools) > 0:
		return invalid("Loop needs a request without Output and Tools")
	case r.opts.MaxCost > 0 && r.price == (tokenPrice{}):
		return &Error{Class: ErrBudget, Provider: r.model.Info().Provider, Detail: "no price for the model"}
	}
	req := *r.req
	req.Tools = r.specs
	r.req = &req
	return r.req.Validate()
}

// step asks the model once and runs the tools that it calls. It reports whether
// the model wants to know their results.
func (r *loopRun) step(ctx context.Context) (more bool, err error) {
	resp, err := r.ask(ctx)
	if err != nil {
		return false, err
	}
	res := r.result
	res.Response = resp
	res.Steps++
	res.Usage = res.Usage.Add(resp.Usage)
	res.Cost = res.Cost.plus(r.price.cost(resp.Usage))
	res.Messages = append(res.Messages, resp.Message)
	calls := resp.ToolCalls()
	if len(calls) == 0 || resp.StopReason == StopRefusal || resp.StopReason == StopContentFilter {
		return false, nil
	}
	switch {
	case resp.StopReason == StopLength:
		return false, &Error{Class: ErrTruncated, Provider: r.model.Info().Provider, Detail: "a reply with tool calls"}
	case res.Usage.Total() >= r.opts.MaxTokens:
		return false, r.limit(fmt.Sprintf("%d tokens", r.opts.MaxTokens))
	case r.opts.MaxCost > 0 && res.Cost >= r.opts.MaxCost:
		return false, r.limit("cost of " + r.opts.MaxCost.String())
	}
	results, err := r.runAll(ctx, calls)
	if err != nil {
		return false, err
	}
	if len(res.Pending) > 0 {
		res.results = results
		return false, &Error{Class: ErrToolPending, Detail: fmt.Sprintf("%d calls", len(res.Pending))}
	}
	answer := ToolResults(results...)
	res.Messages = append(res.Messages, answer)
	next := *r.req
	next.Messages = append(slices.Clip(next.Messages), resp.Message, answer)
	next.ToolChoice = ToolChoice{} // or the model could never answer
	r.req = &next
	return true, nil
}

func (r *loopRun) ask(ctx context.Context) (*Response, error) {
	if r.emit == nil {
		return r.model.Generate(ctx, r.req)
	}
	for ev, err := range r.model.Stream(ctx, r.req) {
		if err != nil {
			return nil, err
		}
		if done, ok := ev.(Done); ok {
			return done.Response, nil
		}
		if !r.emit(ev) {
			return nil, errLoopLeft
		}
	}
	return Accumulate(func(func(Event, error) bool) {}) // the model broke its contract
}

// runAll runs the calls of one reply: those that only read at once, in groups,
// and each of the others alone after what came before it.
func (r *loopRun) runAll(ctx context.Context, calls []ToolCall) ([]ToolResult, error) {
	tainted := r.opts.Tainted || r.req.Tainted()
	results := make([]ToolResult, len(calls))
	var reads []int
	for i, c := range calls {
		tool, problem := r.find(i, c)
		gated := GatedCall{Call: c, Tainted: tainted, Step: r.result.Steps}
		if problem == "" && tool.effect != EffectRead && len(r.result.Pending) > 0 {
			problem = "This call did not run, because an earlier one waits for a decision."
		}
		if problem != "" {
			results[i] = toolFailure(c, problem)
			record := CallRecord{GatedCall: gated, Result: results[i], Err: &Error{Class: ErrInvalidRequest, Detail: "tool call not accepted"}}
			if !r.started(gated) || !r.ended(record) {
				return nil, errLoopLeft
			}
			continue
		}
		gated.Effect = tool.effect
		if tool.effect == EffectRead {
			reads = append(reads, i)
			continue
		}
		if err := r.runReads(ctx, calls, reads, results, tainted); err != nil {
			return nil, err
		}
		reads = nil
		decided, err := r.runGated(ctx, tool, gated, &results[i])
		if err != nil {
			return nil, err
		}
		if !decided {
			r.result.Pending = append(r.result.Pending, gated)
			r.result.waiting = append(r.result.waiting, i)
		}
	}
	return results, r.runReads(ctx, calls, reads, results, tainted)
}

// find returns the tool of a call, or what to tell the model.
func (r *loopRun) find(i int, c ToolCall) (tool *BoundTool, problem string) {
	tool = r.tools[c.Name]
	switch {
	case i >= r.opts.MaxCalls:
		return nil, fmt.Sprintf("This call did not run: at most %d calls at once.", r.opts.MaxCalls)
	case tool == nil:
		return nil, "There is no tool of that name."
	}
	if rejected := tool.check(c.Arguments); rejected != nil {
		return nil, "The arguments were not accepted: " + rejected.forModel() + "."
	}
	return tool, ""
}

func (r *loopRun) started(call GatedCall) bool { return r.send(ToolStarted{Call: call}) }

func (r *loopRun) ended(record CallRecord) bool {
	r.result.Calls = append(r.result.Calls, record)
	return r.send(ToolEnded{Record: record})
}

// runReads runs calls of tools that only read, some at once. The events go out on
// this goroutine, and no other is left when it returns.
func (r *loopRun) runReads(ctx context.Context, calls []ToolCall, which []int, results []ToolResult, tainted bool) error {
	if len(which) == 0 {
		return nil
	}
	gated := func(i int) GatedCall {
		return GatedCall{Call: calls[i], Effect: EffectRead, Tainted: tainted, Step: r.result.Steps}
	}
	for _, i := range which {
		if !r.started(gated(i)) {
			return errLoopLeft
		}
	}
	if len(which) == 1 {
		record := r.run(ctx, r.tools[calls[which[0]].Name], gated(which[0]))
		results[which[0]] = record.Result
		if !r.ended(record) {
			return errLoopLeft
		}
		return ctx.Err()
	}
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	type outcome struct {
		index    int
		record   CallRecord
		panicked any
	}
	done := make(chan outcome, len(which))
	slots := make(chan struct{}, r.opts.Parallel)
	for _, i := range which {
		group.Go(func() {
			slots <- struct{}{}
			out := outcome{index: i}
			defer func() {
				out.panicked = recover()
				<-slots
				done <- out
			}()
			out.record = r.run(ctx, r.tools[calls[i].Name], gated(i))
		})
	}
	for range which {
		out := <-done
		if out.panicked != nil {
			panic(out.panicked) // on the goroutine of who called the loop
		}
		results[out.index] = out.record.Result
		if !r.ended(out.record) {
			return errLoopLeft
		}
	}
	return ctx.Err()
}

// runGated asks the gate about a call and reports whether it decided.
func (r *loopRun) runGated(ctx context.Context, tool *BoundTool, call GatedCall, result *ToolResult) (decided bool, err error) {
	if !r.started(call) {
		return false, errLoopLeft
	}
	began := time.Now()
	var ran *CallRecord
	answer, err := r.opts.Gate(ctx, call, func(ctx context.Context) (ToolResult, error) {
		record := r.run(ctx, tool, call)
		ran = &record
		return record.Result, record.Err
	})
	switch {
	case errors.Is(err, ErrToolPending):
		*result = ToolResult{CallID: call.Call.ID, Name: call.Call.Name}
		return false, ctx.Err()
	case err != nil && ran == nil:
		answer = toolFailure(call.Call, "This action was not allowed.")
	case err != nil:
		answer = ran.Result
	}
	answer.CallID, answer.Name = call.Call.ID, call.Call.Name
	*result = answer
	if !r.ended(CallRecord{GatedCall: call, Result: answer, Err: err, Duration: time.Since(began)}) {
		return false, errLoopLeft
	}
	return true, ctx.Err()
}

// run runs a tool.
func (r *loopRun) run(ctx context.Context, tool *BoundTool, call GatedCall) CallRecord {
	began := time.Now()
	record := CallRecord{GatedCall: call}
	run := func(ctx context.Context) (ToolResult, error) { return tool.Run(ctx, call.Call) }
	switch {
	case ctx.Err() != nil:
		record.Result, record.Err = toolFailure(call.Call, "This call did not run."), ctx.Err()
	case r.opts.Around != nil:
		record.Result, record.Err = r.opts.Around(ctx, call, run)
	default:
		record.Result, record.Err = run(ctx)
	}
	record.Duration = time.Since(began)
	return record
}
