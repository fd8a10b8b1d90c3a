package ai

import "context"

// A Caller says for whom a model is called. [Access] and [Budget] decide by it,
// and package tracing names the feature. Fields may be empty; none of them goes
// to the provider.
type Caller struct {
	// Shop is the shop's domain.
	Shop string

	// Staff identifies the person who works with the answer, such as a staff
	// member's GID.
	Staff string

	// Role of that person, such as "associate" or "manager".
	Role string

	// Feature is the part of the program that asks, such as "copilot".
	Feature string
}

type callerKey struct{}

// WithCaller returns a context that carries the caller. It replaces one that the
// context already has, as a whole.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerFrom returns the caller of [WithCaller], or the zero Caller and false.
func CallerFrom(ctx context.Context) (Caller, bool) {
	c, ok := ctx.Value(callerKey{}).(Caller)
	return c, ok
}
