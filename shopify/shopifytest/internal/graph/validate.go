package graph

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
)

// maxValidationErrors is how many validation errors are told.
const maxValidationErrors = 100

// validate returns what is wrong with the document, or nil. gqlparser's rules,
// which are those of the GraphQL specification, decide; the linter finds the
// words and codes in which Shopify (graphql-ruby) tells it.
func (e *Engine) validate(doc *ast.QueryDocument) []*Error {
	found := validator.ValidateWithRules(e.schema, doc, nil)
	l := newLinter(e, doc)
	l.document()
	if l.errs == nil && len(found) > 0 {
		for _, err := range found {
			l.errs = append(l.errs, foreignError(err))
		}
	}
	if len(l.errs) > maxValidationErrors {
		l.errs = l.errs[:maxValidationErrors]
	}
	return l.errs
}

// ruleCodes are Shopify's codes for those rules of which the linter does not
// tell every case.
var ruleCodes = map[string]string{
	"OverlappingFieldsCanBeMerged": "fieldConflict",
	"ValuesOfCorrectType":          "argumentLiteralsIncompatible",
	"VariablesInAllowedPosition":   "variableMismatch",
	"NoFragmentCycles":             "infiniteLoop",
	"KnownDirectives":              "directiveCannotBeApplied",
	"UniqueInputFieldNames":        "inputFieldNotUnique",
	"LoneAnonymousOperation":       "uniquelyNamedOperations",
	"MaxIntrospectionDepth":        "introspectionDepth",
}

// foreignError puts an error of gqlparser into Shopify's shape.
func foreignError(err *gqlerror.Error) *Error {
	code := ruleCodes[err.Rule]
	if code == "" && err.Rule != "" {
		code = strings.ToLower(err.Rule[:1]) + err.Rule[1:]
	}
	out := NewError(code, err.Message)
	for _, l := range err.Locations {
		out.Locations = append(out.Locations, Location{Line: l.Line, Column: l.Column})
	}
	return out
}
