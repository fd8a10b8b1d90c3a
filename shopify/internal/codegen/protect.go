package codegen

import (
	"go/ast"
	"maps"
	"regexp"
	"slices"

	gql "github.com/vektah/gqlparser/v2/ast"
)

// typeRE finds the schema's type in the comment that genqlient gives to a
// struct of a response.
var typeRE = regexp.MustCompile(`(?:of the GraphQL type|includes the GraphQL fields of) (\w+)`)

// schemaType returns the name of the schema's type of which a struct holds the
// requested fields, or "".
func (r *rewriter) schemaType(d *ast.GenDecl, name string) string {
	if f := r.doc.Fragments.ForName(name); f != nil {
		return f.TypeCondition
	}
	if m := typeRE.FindStringSubmatch(d.Doc.Text()); m != nil {
		return m[1]
	}
	return ""
}

// protect marks a field of a response that holds a customer's personal data
// with a tag, which [shopify.Protected] reads.
func (r *rewriter) protect(schemaType string, f *ast.Field) {
	key := jsonName(f)
	if schemaType == "" || key == "" {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(r.aliases[schemaType+"."+key])) {
		if p, ok := r.cfg.Schema.Protected(schemaType + "." + name); ok {
			r.replace(f.Tag, "`json:\""+key+"\" protected:\""+p.Coordinate+","+p.Content+"\"`")
			return
		}
	}
}

// collectAliases lists, for each type and response key, the fields that the
// documents ask for under this key.
func (r *rewriter) collectAliases() {
	r.aliases = map[string]map[string]bool{}
	for _, op := range r.doc.Operations {
		r.collectAliasesOf(op.SelectionSet)
	}
	for _, f := range r.doc.Fragments {
		r.collectAliasesOf(f.SelectionSet)
	}
}

func (r *rewriter) collectAliasesOf(set gql.SelectionSet) {
	for _, sel := range set {
		switch s := sel.(type) {
		case *gql.Field:
			// A field of an interface is a field of whatever implements it.
			for _, typ := range append(r.schema.GetPossibleTypes(s.ObjectDefinition), s.ObjectDefinition) {
				at := typ.Name + "." + s.Alias
				if r.aliases[at] == nil {
					r.aliases[at] = map[string]bool{}
				}
				r.aliases[at][s.Name] = true
			}
			r.collectAliasesOf(s.SelectionSet)
		case *gql.InlineFragment:
			r.collectAliasesOf(s.SelectionSet)
		}
	}
}
