package aitest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/posai-go/posai/ai"
)

// ErrScriptEnded is returned by a [Model] that was asked more often than it has
// replies.
var ErrScriptEnded = errors.New("aitest: the script has no more replies")

// A Model is a scripted [ai.Model]: it gives its replies in order and remembers
// what it was asked. It is safe for concurrent use.
type Model struct {
	t    testing.TB
	info ai.Info

	mu       sync.Mutex
	replies  []Reply
	next     int
	requests []*ai.Request
}

// NewModel returns a model that gives the replies in order. When it is asked once
// more, the test t fails and the call returns [ErrScriptEnded]. A nil t is
// allowed outside of tests.
//
// It calls itself "aitest" and "scripted" and has all capabilities; see
// [Model.SetInfo].
func NewModel(t testing.TB, replies ...Reply) *Model {
	return &Model{
		t:       t,
		replies: slices.Clone(replies),
		info: ai.Info{
			Provider:     "aitest",
			Model:        "scripted",
			Capabilities: ai.Capabilities{StructuredOutput: true, Tools: true},
		},
	}
}

// SetInfo changes what Info returns. Call it before the model is used.
func (m *Model) SetInfo(info ai.Info) { m.info = info }

// Info implements [ai.Model].
func (m *Model) Info() ai.Info { return m.info }

// Requests returns copies of the requests so far, in the order in which they
// came.
func (m *Model) Requests() []*ai.Request {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.requests)
}

// Remaining returns the number of replies that were not yet asked for.
func (m *Model) Remaining() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.replies) - m.next
}

// Generate implements [ai.Model].
func (m *Model) Generate(ctx context.Context, req *ai.Request) (*ai.Response, error) {
	reply, resp, err := m.take(ctx, req)
	if err != nil {
		return nil, err
	}
	if reply.Err != nil {
		return nil, reply.Err
	}
	return resp, nil
}

// Stream implements [ai.Model].
func (m *Model) Stream(ctx context.Context, req *ai.Request) iter.Seq2[ai.Event, error] {
	return func(yield func(ai.Event, error) bool) {
		reply, resp, err := m.take(ctx, req)
		if err != nil {
			yield(nil, err)
			return
		}
		for ev, err := range reply.play(ctx, resp) {
			if !yield(ev, err) || err != nil {
				return
			}
		}
	}
}

// take records the request, takes the next reply and waits for its delay.
func (m *Model) take(ctx context.Context, req *ai.Request) (Reply, *ai.Response, error) {
	if err := req.Validate(); err != nil {
		return Reply{}, nil, err
	}
	m.mu.Lock()
	record := *req
	record.Messages = slices.Clone(req.Messages)
	m.requests = append(m.requests, &record)
	if m.next == len(m.replies) {
		asked, scripted := len(m.requests), len(m.replies)
		m.mu.Unlock()
		if m.t != nil {
			m.t.Helper()
			m.t.Errorf("aitest: call %d of the model, but its script has %d replies", asked, scripted)
		}
		return Reply{}, nil, ErrScriptEnded
	}
	reply := m.replies[m.next]
	m.next++
	number := m.next
	m.mu.Unlock()

	if err := sleep(ctx, reply.Delay); err != nil {
		return Reply{}, nil, err
	}
	return reply, m.response(reply, number), nil
}

func (m *Model) response(r Reply, number int) *ai.Response {
	resp := &ai.Response{
		Message:            ai.Message{Role: ai.RoleAssistant},
		StopReason:         r.stopReason(),
		ProviderStopReason: r.ProviderStopReason,
		Refusal:            r.Refusal,
		Usage:              r.usage(),
		Model:              r.Model,
		ID:                 r.ID,
		Warnings:           slices.Clone(r.Warnings),
	}
	if resp.ProviderStopReason == "" {
		resp.ProviderStopReason = string(resp.StopReason)
	}
	if resp.Model == "" {
		resp.Model = m.info.Model
	}
	if resp.ID == "" {
		resp.ID = fmt.Sprintf("reply-%d", number)
	}
	if r.Reasoning != "" {
		resp.Message.Parts = append(resp.Message.Parts, ai.Reasoning{Text: r.Reasoning})
	}
	if text := r.text(); text != "" {
		resp.Message.Parts = append(resp.Message.Parts, ai.Text{Text: text})
	}
	for _, c := range r.ToolCalls {
		resp.Message.Parts = append(resp.Message.Parts, c)
	}
	return resp
}

// play yields the reply piece by piece.
func (r Reply) play(ctx context.Context, resp *ai.Response) iter.Seq2[ai.Event, error] {
	return func(yield func(ai.Event, error) bool) {
		var sent []ai.Part
		var text strings.Builder
		fail := func(err error) {
			if text.Len() > 0 {
				sent = append(sent, ai.Text{Text: text.String()})
			}
			if len(sent) > 0 {
				err = &ai.PartialError{
					Response: &ai.Response{Message: ai.Message{Role: ai.RoleAssistant, Parts: sent}, StopReason: ai.StopUnknown},
					Err:      err,
				}
			}
			yield(nil, err)
		}
		if r.Reasoning != "" {
			if !yield(ai.ReasoningDelta{Text: r.Reasoning}, nil) {
				return
			}
			sent = append(sent, ai.Reasoning{Text: r.Reasoning})
		}
		for i, chunk := range r.chunks() {
			if r.cut(i) {
				fail(r.failure())
				return
			}
			if i > 0 {
				if err := sleep(ctx, r.ChunkDelay); err != nil {
					fail(err)
					return
				}
			}
			if chunk == "" {
				continue
			}
			if !yield(ai.TextDelta{Text: chunk}, nil) {
				return
			}
			text.WriteString(chunk)
		}
		if r.Err != nil || r.CutAfter != 0 {
			fail(r.failure())
			return
		}
		for i, c := range r.ToolCalls {
			if !yield(ai.ToolCallDelta{Index: i, ID: c.ID, Name: c.Name, Arguments: string(c.Arguments)}, nil) {
				return
			}
		}
		yield(ai.Done{Response: resp}, nil)
	}
}

// cut reports whether the stream ends before chunk i.
func (r Reply) cut(i int) bool {
	return (r.CutAfter != 0 || r.Err != nil) && i == max(r.CutAfter, 0)
}

func (r Reply) failure() error {
	if r.Err != nil {
		return r.Err
	}
	return &ai.Error{Class: ai.ErrTransport, Provider: "aitest", Detail: "stream cut by the script"}
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if err := ctx.Err(); err != nil {
		return ai.ContextError("aitest", err)
	}
	return nil
}
