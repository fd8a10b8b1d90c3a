package graph

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// maxValidationErrors is how many validation errors are told.
const maxValidationErrors = 100

// validate returns what is wrong with the document, or nil. gqlparser's rules,
// which are those of the GraphQL specification, decide; the linter finds the
// words and codes in which Shopify (graphql-ruby) tells it.
func (e *Engine) validate(doc *ast.QueryDocument) []*Error {
	validator.Walk(e.schema, doc, &validator.Events{}) // links the nodes
	l := newLinter(e, doc)
	l.document()
	if l.errs == nil {
		for _, err := range validator.ValidateWithRules(e.schema, doc, e.rules) {
			l.errs = append(l.errs, foreignError(err))
		}
	}
	if l.errs == nil {
		for _, op := range doc.Operations {
			if err := e.merges(op); err != nil {
				l.errs = append(l.errs, err)
			}
		}
	}
	if len(l.errs) > maxValidationErrors {
		l.errs = l.errs[:maxValidationErrors]
	}
	return l.errs
}

// specifiedRules are the rules of the GraphQL specification, without the
// suggestions of names, which are expensive and not Shopify's, and without the
// rule that a [merger] checks in less time.
func specifiedRules() *rules.Rules {
	out := rules.NewDefaultRules()
	out.RemoveRule(rules.OverlappingFieldsCanBeMergedRule.Name)
	for _, r := range []struct {
		name string
		rule core.Rule
	}{
		{"FieldsOnCorrectType", rules.FieldsOnCorrectTypeRuleWithoutSuggestions},
		{"KnownArgumentNames", rules.KnownArgumentNamesRuleWithoutSuggestions},
		{"KnownTypeNames", rules.KnownTypeNamesRuleWithoutSuggestions},
		{"ValuesOfCorrectType", rules.ValuesOfCorrectTypeRuleWithoutSuggestions},
	} {
		out.ReplaceRule(r.name, r.rule.RuleFunc)
	}
	return out
}

// ruleCodes are Shopify's codes for those rules of which the linter does not
// tell every case.
var ruleCodes = map[string]string{
	"ValuesOfCorrectType":        "argumentLiteralsIncompatible",
	"VariablesInAllowedPosition": "variableMismatch",
	"NoFragmentCycles":           "infiniteLoop",
	"KnownDirectives":            "directiveCannotBeApplied",
	"UniqueInputFieldNames":      "inputFieldNotUnique",
	"LoneAnonymousOperation":     "uniquelyNamedOperations",
	"MaxIntrospectionDepth":      "introspectionDepth",
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
