package toolgate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
)

// Options are the optional settings of [New].
type Options struct {
	// Wait is how long a call waits for people before it is pending. If zero,
	// 30 s; if negative, not at all.
	Wait time.Duration

	// Find reads back, by the name of a tool, whether a call had its effect
	// though its outcome got lost, see [approval.Executor].
	Find map[string]func(ctx context.Context, call Call) (result ai.ToolResult, found bool, err error)

	// Amount says what is at stake in a call, for policies with thresholds. If
	// nil, nothing.
	Amount func(call ai.ToolCall) approval.Money

	// Title is the line that people see first, such as "Refund 12.00 USD". If
	// nil, or empty for a call, "Run" and the tool's name.
	Title func(call ai.ToolCall) string

	// TellReasons tells the model why a call was denied or rejected, in the
	// words of the policy or of the person.
	TellReasons bool
}

// Gate makes requests of tool calls. It is safe for concurrent use.
type Gate struct {
	queue *approval.Queue
	tools map[string]*ai.BoundTool
	opts  Options
}

// New returns a gate, and registers the execution of the tools with the queue,
// so it comes before [approval.Queue.Start], and once per queue. Tools that the
// queue may still have requests of must be among them.
func New(q *approval.Queue, tools []*ai.BoundTool, opts *Options) (*Gate, error) {
	if q == nil {
		return nil, errors.New("toolgate: a queue is needed")
	}
	g := &Gate{queue: q, tools: make(map[string]*ai.BoundTool, len(tools))}
	if opts != nil {
		g.opts = *opts
	}
	if g.opts.Wait == 0 {
		g.opts.Wait = 30 * time.Second
	}
	for _, t := range tools {
		name := t.Tool().Name
		if g.tools[name] != nil {
			return nil, fmt.Errorf("toolgate: two tools have the name %s", name)
		}
		g.tools[name] = t
	}
	return g, approval.Register(q, approval.Executor[Call, Result]{Execute: g.execute, Find: g.find})
}

// Session is the conversation that calls are made in.
type Session struct {
	// ID names the conversation, the same after a restart; required, at most
	// 100 bytes.
	ID string

	// Proposer is the model in its role, of type [approval.AI]; required.
	Proposer approval.Principal

	Shop        string          // shop domain
	Location    string          // GID
	Correlation string          // if empty, ID
	Subjects    []audit.Subject // what the conversation is about
	Model       *audit.Model    // what makes the calls
}

// For returns the gate of one conversation, for [ai.LoopOptions].
func (g *Gate) For(s Session) ai.Gate {
	return func(ctx context.Context, call ai.GatedCall, _ func(context.Context) (ai.ToolResult, error)) (ai.ToolResult, error) {
		return g.decide(ctx, s, call, g.opts.Wait)
	}
}

// PendingError says that a call waits for people. It matches
// [ai.ErrToolPending].
type PendingError struct {
	RequestID string // of the queue
}

func (e *PendingError) Error() string { return "toolgate: request " + e.RequestID + " is not settled" }

// Is reports whether target is [ai.ErrToolPending].
func (e *PendingError) Is(target error) bool { return target == ai.ErrToolPending }

// decide proposes a call and waits for what becomes of it.
func (g *Gate) decide(ctx context.Context, s Session, gated ai.GatedCall, wait time.Duration) (ai.ToolResult, error) {
	r, err := g.propose(ctx, s, gated)
	if err != nil {
		return ai.ToolResult{}, err
	}
	if !r.State.Final() && r.State != approval.Uncertain {
		waiting, cancel := context.WithTimeout(ctx, max(wait, 0))
		defer cancel()
		last, err := g.wait(waiting, r.ID)
		switch {
		case ctx.Err() != nil:
			return ai.ToolResult{}, ctx.Err()
		case err != nil && waiting.Err() == nil:
			return ai.ToolResult{}, err
		case last != nil:
			r = last
		}
	}
	if !r.State.Final() && r.State != approval.Uncertain {
		return ai.ToolResult{}, &PendingError{RequestID: r.ID}
	}
	return g.told(r)
}

// wait is [approval.Queue.Wait] that also returns for what a person has to
// settle.
func (g *Gate) wait(ctx context.Context, id string) (*approval.Request, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changes := g.queue.Subscribe(ctx)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var last *approval.Request
	for {
		r, err := g.queue.Get(ctx, id)
		if err != nil {
			return last, err
		}
		if last = r; r.State.Final() || r.State == approval.Uncertain {
			return r, nil
		}
		select {
		case <-changes:
		case <-tick.C:
		case <-ctx.Done():
			return last, context.Cause(ctx)
		}
	}
}

func (g *Gate) propose(ctx context.Context, s Session, gated ai.GatedCall) (*approval.Request, error) {
	tool := g.tools[gated.Call.Name]
	if tool == nil {
		return nil, fmt.Errorf("toolgate: no tool of the name %.64q", gated.Call.Name)
	}
	call := Call{Tool: gated.Call.Name, Effect: gated.Effect, Tainted: gated.Tainted, Arguments: gated.Call.Arguments}
	if len(call.Arguments) == 0 {
		call.Arguments = json.RawMessage("{}")
	}
	if g.opts.Amount != nil {
		call.Amount = g.opts.Amount(gated.Call)
	}
	if g.opts.Title != nil {
		call.Title = label(g.opts.Title(gated.Call))
	}
	p := approval.Proposal{
		Key: key(s, gated), Shop: s.Shop, Location: s.Location, Correlation: s.Correlation, Proposer: s.Proposer,
		Subjects: s.Subjects, Model: s.Model,
	}
	if p.Correlation == "" {
		p.Correlation = s.ID
	}
	return approval.KeepFirst(g.queue.Propose(ctx, call, p))
}

// key is the same for the same call of the same conversation.
func key(s Session, gated ai.GatedCall) string {
	h := sha256.New()
	for _, part := range []string{s.ID, strconv.Itoa(gated.Step), gated.Call.ID, gated.Call.Name, string(gated.Call.Arguments)} {
		fmt.Fprintf(h, "%d\n%s\n", len(part), part)
	}
	return s.ID + "/" + hex.EncodeToString(h.Sum(nil)[:16])
}

// Resume returns the request that goes on with a conversation whose loop ended
// with [ai.ErrToolPending], for [ai.Loop.Run]. The result is the loop's. While
// one of the calls is still not settled, it fails with a [*PendingError].
func (g *Gate) Resume(ctx context.Context, s Session, result *ai.LoopResult) (*ai.Request, error) {
	decided := make([]ai.ToolResult, len(result.Pending))
	for i, call := range result.Pending {
		answer, err := g.decide(ctx, s, call, 0)
		if err != nil {
			return nil, err
		}
		answer.CallID, answer.Name = call.Call.ID, call.Call.Name
		decided[i] = answer
	}
	return result.Resume(decided...)
}

// told is what the model is told about a settled request.
func (g *Gate) told(r *approval.Request) (ai.ToolResult, error) {
	refuse := func(text, reason string) (ai.ToolResult, error) {
		if g.opts.TellReasons && reason != "" {
			text += " The reason: " + reason
		}
		return ai.ToolResult{IsError: true, Content: []ai.Part{ai.Text{Text: text}}}, nil
	}
	switch r.State {
	case approval.Executed:
		if result, err := approval.ResultOf[Result](r); err == nil {
			return result.tool(), nil
		}
		// A person saw that it happened; what it returned is not known.
		return ai.ToolResult{Content: []ai.Part{ai.Text{Text: "It was done. The result is not known."}}}, nil
	case approval.Denied:
		return refuse("This action is not allowed, and was not done.", r.Ruling.Reason)
	case approval.Rejected:
		return refuse("A person rejected this action. It was not done.", r.Decisions[len(r.Decisions)-1].Reason)
	case approval.Expired:
		return refuse("Nobody approved this action in time. It was not done.", "")
	case approval.Uncertain:
		return refuse("It is not known whether this action was done. A person will look. Do not try it again.", "")
	}
	return refuse("The action failed. It was not done.", "")
}
