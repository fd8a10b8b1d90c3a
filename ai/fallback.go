package ai

import (
	"context"
	"errors"
	"iter"
)

// FallbackOptions are the options of [Fallback]. The zero value is the default.
type FallbackOptions struct {
	// When says after which errors the next model is asked. If nil, after all but
	// these: the caller's own context has ended, the stream had delivered something,
	// [ErrInvalidRequest], [ErrContentFiltered], [ErrNotRedacted], [ErrBudget],
	// [ErrAccessDenied] and [ErrBlocked]. Another model is not a way around a rule.
	When func(error) bool
}

// Fallback returns middleware that asks other models, in order, when a model
// fails. A stream falls back as long as it has delivered nothing. A reply by
// another model than the first has a [Warning] about the setting "Model". When
// all fail, the error joins theirs.
//
// [Model.Info] is that of the first, with the capabilities that all have, so that
// [Extract] asks in a way that suits all of them. Budget, limits and retries of each
// model belong inside: wrap the models first.
func Fallback(opts *FallbackOptions, others ...Model) Middleware {
	when := fallsBack
	if opts != nil && opts.When != nil {
		when = opts.When
	}
	return func(m Model) Model {
		f := &fallback{models: append([]Model{m}, others...), when: when, info: m.Info()}
		for _, other := range others {
			can := other.Info().Capabilities
			f.info.Capabilities.StructuredOutput = f.info.Capabilities.StructuredOutput && can.StructuredOutput
			f.info.Capabilities.Tools = f.info.Capabilities.Tools && can.Tools
		}
		return f
	}
}

func fallsBack(err error) bool {
	for _, class := range []error{
		ErrInvalidRequest, ErrContentFiltered, ErrNotRedacted, ErrBudget, ErrAccessDenied, ErrBlocked,
	} {
		if errors.Is(err, class) {
			return false
		}
	}
	return true
}

type fallback struct {
	models []Model
	when   func(error) bool
	info   Info
}

// Info implements [Model].
func (f *fallback) Info() Info { return f.info }

// more reports whether to ask the next model after an error.
func (f *fallback) more(ctx context.Context, i int, err error) bool {
	if _, partial := errors.AsType[*PartialError](err); partial {
		return false
	}
	return i+1 < len(f.models) && ctx.Err() == nil && f.when(err)
}

// mark notes on a response that another model gave it.
func (f *fallback) mark(i int, resp *Response) *Response {
	if i == 0 {
		return resp
	}
	marked := *resp
	info := f.models[i].Info()
	marked.Warnings = mergeWarnings(resp.Warnings, []Warning{{
		Setting: "Model", Detail: "answered by " + info.Provider + " " + info.Model + ", since those before it failed",
	}})
	return &marked
}

// Generate implements [Model].
func (f *fallback) Generate(ctx context.Context, req *Request) (*Response, error) {
	var errs []error
	for i, m := range f.models {
		resp, err := m.Generate(ctx, req)
		if err == nil {
			return f.mark(i, resp), nil
		}
		errs = append(errs, err)
		if !f.more(ctx, i, err) {
			break
		}
	}
	return nil, joined(errs)
}

// Stream implements [Model].
func (f *fallback) Stream(ctx context.Context, req *Request) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		var errs []error
		for i, m := range f.models {
			delivered := false
			for ev, err := range m.Stream(ctx, req) {
				if err != nil && !delivered {
					errs = append(errs, err)
					break
				}
				delivered = true
				if done, ok := ev.(Done); ok {
					ev = Done{Response: f.mark(i, done.Response)}
				}
				if !yield(ev, err) || err != nil {
					return
				}
			}
			if delivered {
				return
			}
			if len(errs) <= i { // the model broke its contract: neither event nor error
				errs = append(errs, &Error{Class: ErrEmptyReply, Provider: m.Info().Provider})
			}
			if !f.more(ctx, i, errs[i]) {
				break
			}
		}
		yield(nil, joined(errs))
	}
}

// joined returns the errors as one; a single one as it is.
func joined(errs []error) error {
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}
