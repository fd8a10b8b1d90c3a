package graph

import "slices"

// A SearchWarning tells that a part of a search query was not understood, or
// matched nothing, as extensions.search of a response does.
// See https://shopify.dev/docs/api/usage/search-syntax#search-query-warnings.
type SearchWarning struct {
	// Path of the field that searches. If nil, that of the call.
	Path []any `json:"path"`
	// Query as it was sent.
	Query string `json:"query"`
	// Parsed is the query as it was understood.
	Parsed any `json:"parsed"`
	// Warnings, at least one.
	Warnings []SearchProblem `json:"warnings"`
}

// A SearchProblem is one warning of a [SearchWarning].
type SearchProblem struct {
	Field   string `json:"field"`
	Message string `json:"message"`
	Code    string `json:"code,omitempty"`
}

// WarnSearch adds a warning to the response.
func (c *Call) WarnSearch(w SearchWarning) {
	if c.exec == nil {
		return
	}
	if w.Path == nil {
		w.Path = slices.Clone(c.Path)
	}
	c.exec.search = append(c.exec.search, w)
}
