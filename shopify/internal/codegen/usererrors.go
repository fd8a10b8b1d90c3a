package codegen

import (
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// checkUserErrors refuses mutations that do not ask for their user errors, or
// ask under a name where the client does not look: their failures would go
// unnoticed.
func (g *generator) checkUserErrors() error {
	for _, op := range g.doc.Operations {
		if op.Operation != ast.Mutation {
			continue
		}
		for _, root := range fieldsOf(op.SelectionSet) {
			payload := g.schema.Types[root.Definition.Type.Name()]
			want := ""
			for _, f := range payload.Fields {
				if isUserErrors(f.Name) && f.Name != "mediaUserErrors" && want != "userErrors" {
					want = f.Name
				}
			}
			asked := want == ""
			for _, f := range fieldsOf(root.SelectionSet) {
				asked = asked || isUserErrors(f.Name) && isUserErrors(f.Alias)
			}
			if !asked {
				return fmt.Errorf("%s:%d: %s does not select %s, without which its failures go unnoticed", root.Position.Src.Name, root.Position.Line, op.Name, want)
			}
		}
	}
	return nil
}

func isUserErrors(name string) bool {
	return name == "userErrors" || strings.HasSuffix(name, "UserErrors")
}

// fieldsOf returns the fields of a selection, those in fragments included.
func fieldsOf(set ast.SelectionSet) []*ast.Field {
	var out []*ast.Field
	for _, sel := range set {
		switch s := sel.(type) {
		case *ast.Field:
			out = append(out, s)
		case *ast.InlineFragment:
			out = append(out, fieldsOf(s.SelectionSet)...)
		case *ast.FragmentSpread:
			out = append(out, fieldsOf(s.Definition.SelectionSet)...)
		}
	}
	return out
}
