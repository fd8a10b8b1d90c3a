package toolgate

import (
	"context"
	"errors"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/approval"
)

// Result is what a call returned, as it is stored.
type Result struct {
	Parts   []ResultPart `json:"parts,omitempty"`
	IsError bool         `json:"is_error,omitzero"`
}

// ResultPart is one part of a [Result]: a text or an image.
type ResultPart struct {
	Text      string `json:"text,omitzero"`
	Untrusted bool   `json:"untrusted,omitzero"`
	MediaType string `json:"media_type,omitzero"`
	Data      []byte `json:"data,omitempty"`
	URL       string `json:"url,omitzero"`
}

func newResult(t ai.ToolResult) Result {
	r := Result{IsError: t.IsError}
	for _, part := range t.Content {
		switch p := part.(type) {
		case ai.Text:
			r.Parts = append(r.Parts, ResultPart{Text: p.Text, Untrusted: p.Untrusted})
		case ai.Image:
			r.Parts = append(r.Parts, ResultPart{MediaType: p.MediaType, Data: p.Data, URL: p.URL})
		}
	}
	return r
}

func (r Result) tool() ai.ToolResult {
	t := ai.ToolResult{IsError: r.IsError}
	for _, p := range r.Parts {
		if p.MediaType != "" || p.URL != "" {
			t.Content = append(t.Content, ai.Image{MediaType: p.MediaType, Data: p.Data, URL: p.URL})
		} else {
			t.Content = append(t.Content, ai.Text{Text: p.Text, Untrusted: p.Untrusted})
		}
	}
	return t
}

type executionKey struct{}

// Execution returns what the queue says of the run that a tool's function is
// called for: its idempotency key, attempt and request. It is for functions of
// tools; ok is false where the tool was called otherwise.
func Execution(ctx context.Context) (e approval.Execution, ok bool) {
	e, ok = ctx.Value(executionKey{}).(approval.Execution)
	return e, ok
}

// execute runs the tool of an approved call. The tool's function says by
// [approval.Retry] and [approval.Permanent] which of its errors mean that nothing
// happened, and by [ai.ToolErrorf] what the model is to be told, which is a
// result: nothing was done, and nothing is tried again. After any other error the
// tool may have done its work.
func (g *Gate) execute(ctx context.Context, e approval.Execution, call Call) (Result, error) {
	tool := g.tools[call.Tool]
	if tool == nil {
		return Result{}, approval.Permanent(errors.New("no such tool is registered"))
	}
	if tool.Effect() != call.Effect {
		return Result{}, approval.Permanent(errors.New("the tool declares another effect by now"))
	}
	ctx = context.WithValue(ctx, executionKey{}, e)
	result, err := tool.Run(ctx, ai.ToolCall{ID: e.RequestID, Name: call.Tool, Arguments: call.Arguments})
	switch {
	case err == nil:
		return newResult(result), nil
	case errors.Is(err, ai.ErrInvalidOutput), errors.Is(err, ai.ErrMalformedReply):
		return Result{}, approval.Permanent(err) // the arguments do not fit any more
	case ai.IsToolError(err):
		return newResult(result), nil
	}
	return Result{}, err
}

func (g *Gate) find(ctx context.Context, e approval.Execution, call Call) (Result, bool, error) {
	find := g.opts.Find[call.Tool]
	if find == nil {
		return Result{}, false, approval.ErrNoReadBack
	}
	result, found, err := find(context.WithValue(ctx, executionKey{}, e), call)
	if err != nil || !found {
		return Result{}, false, err
	}
	return newResult(result), true, nil
}
