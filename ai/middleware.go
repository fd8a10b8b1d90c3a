package ai

// A Middleware returns a model that does something before, after or instead of
// calling another one.
type Middleware func(Model) Model

// Wrap puts middleware around a model. The first one is the outermost: it sees
// the request first and the reply last.
func Wrap(m Model, middleware ...Middleware) Model {
	for i := len(middleware) - 1; i >= 0; i-- {
		m = middleware[i](m)
	}
	return m
}
