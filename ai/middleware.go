package ai

// A Middleware returns a model that does something before, after or instead of
// calling another one.
type Middleware func(Model) Model

// Wrap puts middleware around a model. The first one is the outermost: it sees
// the request first and the reply last.
//
// All of this package's middleware can be combined. The order in which each does its
// work best is, from the outside:
//
//	ai.Access(…)            denies before anything else happens
//	ai.Guard(…)             sees what the reader will see
//	ai.Redact(…)            from here on, only placeholders
//	cache.Middleware        what is cached costs nothing below
//	ai.Fallback(…)          each of its models with the following of its own:
//	ai.Hedge(…)             a second try when the first is late
//	ai.Retry(…)             each attempt:
//	limiter.Middleware      waits for its turn,
//	ai.Timeout(…)           has its own time,
//	budget.Middleware       and is paid for
//
// Package tracing's belongs around the innermost model, to see every attempt, or
// outside of everything, to see the calls of the program; in both places if need be.
func Wrap(m Model, middleware ...Middleware) Model {
	for i := len(middleware) - 1; i >= 0; i-- {
		m = middleware[i](m)
	}
	return m
}
