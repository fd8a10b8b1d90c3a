// Package tables holds what Shopify's introspection says beyond GraphQL, as
// static data: sorted slices that cost nothing at start-up.
package tables

// Table is one API's data. All slices are sorted by their first field.
type Table struct {
	Version    string
	Prose      []Prose
	Access     []Access
	Protected  []Protected
	GIDs       []GIDs
	Idempotent []string
}

// Prose is one distinct text about access and what was understood of it.
type Prose struct {
	Text   string
	AllOf  [][]string
	Also   string
	Parsed bool
}

// Access says which Prose applies at a schema coordinate.
type Access struct {
	At    string
	Prose int
}

// Protected marks a field that holds a customer's personal data.
type Protected struct {
	At, Content, Subject string
}

// GIDs says which GID types an argument or input field takes.
type GIDs struct {
	At    string
	Types []string
}
