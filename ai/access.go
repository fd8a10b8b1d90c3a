package ai

import (
	"context"
	"iter"
	"slices"
)

// AnyRole stands for every role in [Access], but not for a caller without one.
const AnyRole = "*"

// Access returns middleware that lets a [Caller] through if its role may use its
// feature: allowed maps features to roles. What is not allowed is denied, with
// [ErrAccessDenied], and so is a call without a caller. The map is copied.
func Access(allowed map[string][]string) Middleware {
	rules := make(map[string][]string, len(allowed))
	for feature, roles := range allowed {
		rules[feature] = slices.Clone(roles)
	}
	return func(m Model) Model { return &guardedByRole{Model: m, rules: rules} }
}

type guardedByRole struct {
	Model
	rules map[string][]string
}

func (g *guardedByRole) check(ctx context.Context) error {
	caller, _ := CallerFrom(ctx)
	for _, role := range g.rules[caller.Feature] {
		if caller.Role != "" && (role == caller.Role || role == AnyRole) {
			return nil
		}
	}
	return &Error{Class: ErrAccessDenied}
}

// Generate implements [Model].
func (g *guardedByRole) Generate(ctx context.Context, req *Request) (*Response, error) {
	if err := g.check(ctx); err != nil {
		return nil, err
	}
	return g.Model.Generate(ctx, req)
}

// Stream implements [Model].
func (g *guardedByRole) Stream(ctx context.Context, req *Request) iter.Seq2[Event, error] {
	if err := g.check(ctx); err != nil {
		return func(yield func(Event, error) bool) { yield(nil, err) }
	}
	return g.Model.Stream(ctx, req)
}
