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

type callIDKey struct{}

// CallID returns the ID under which a [Budget] has entered the call of this
// context in its ledger, or "". Adapters send it where their provider takes a
// request ID of the client's, so that even a call that never ended is found in
// the provider's records.
func CallID(ctx context.Context) string {
	if c, ok := ctx.Value(callIDKey{}).(*callContext); ok {
		return c.id
	}
	return ""
}

// callContext is a context with a call ID, in one allocation.
type callContext struct {
	context.Context //nolint:containedctx // it is one
	id              string
}

// Value implements [context.Context].
func (c *callContext) Value(key any) any {
	if key == (callIDKey{}) {
		return c
	}
	return c.Context.Value(key)
}
