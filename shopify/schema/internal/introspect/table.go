package introspect

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/posai-go/posai/shopify/schema/internal/tables"
)

// requiresKey is how the description of a mutation says that it takes the
// @idempotent directive.
const requiresKey = "using the `@idempotent` directive"

// Table extracts access, protected fields, GID types and idempotent mutations.
func (s *Schema) Table(version string) *tables.Table {
	t := &tables.Table{Version: version}
	access := map[string]string{} // coordinate to prose
	note := func(at, prose string) {
		if strings.TrimSpace(prose) != "" {
			access[at] = prose
		}
	}
	gids := func(at string, types []string) {
		if len(types) > 0 {
			t.GIDs = append(t.GIDs, tables.GIDs{At: at, Types: slices.Sorted(slices.Values(types))})
		}
	}
	for _, typ := range s.Types {
		note(typ.Name, typ.RequiredAccess)
		for _, f := range typ.Fields {
			at := typ.Name + "." + f.Name
			note(at, f.RequiredAccess)
			if f.IsProtected {
				t.Protected = append(t.Protected, tables.Protected{At: at, Content: f.ProtectedContent, Subject: f.ProtectedSubject})
			}
			for _, a := range f.Args {
				gids(at+"("+a.Name+":)", a.GIDTypes)
			}
			if s.MutationType != nil && typ.Name == s.MutationType.Name && strings.Contains(f.Description, requiresKey) {
				t.Idempotent = append(t.Idempotent, f.Name)
			}
		}
		for _, v := range typ.InputFields {
			gids(typ.Name+"."+v.Name, v.GIDTypes)
		}
	}

	index := map[string]int{}
	for i, text := range slices.Compact(slices.Sorted(maps.Values(access))) {
		a := ParseAccess(text)
		index[text] = i
		t.Prose = append(t.Prose, tables.Prose{Text: text, AllOf: a.AllOf, Also: a.Also, Parsed: a.Parsed})
	}
	for _, at := range slices.Sorted(maps.Keys(access)) {
		t.Access = append(t.Access, tables.Access{At: at, Prose: index[access[at]]})
	}
	slices.SortFunc(t.Protected, func(a, b tables.Protected) int { return cmp.Compare(a.At, b.At) })
	slices.SortFunc(t.GIDs, func(a, b tables.GIDs) int { return cmp.Compare(a.At, b.At) })
	slices.Sort(t.Idempotent)
	return t
}
