package graph_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/posai-go/posai/shopify/schema"
	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// TestMergingAgreesWithGqlparser compares the verdict on random documents, full
// of conflicts, with gqlparser's slower rule.
func TestMergingAgreesWithGqlparser(t *testing.T) {
	parsed, err := gqlparser.LoadSchema(&ast.Source{Input: schema.Admin().SDL()})
	require.NoError(t, err)
	rule := rules.NewRules(rules.OverlappingFieldsCanBeMergedRule)
	verdicts := map[bool]int{}
	for seed := range uint64(3000) {
		query := conflicting(rand.New(rand.NewPCG(seed, 7)))
		doc, err := parser.ParseQuery(&ast.Source{Input: query})
		require.NoError(t, err, query)
		want := len(validator.ValidateWithRules(parsed, doc, rule)) == 0
		_, errs := engine(t).Prepare(graph.Request{Query: query})
		for _, e := range errs {
			require.Equal(t, "fieldConflict", e.Code(), "%s\n%s", e.Message, query)
		}
		require.Equal(t, want, errs == nil, query)
		verdicts[want]++
	}
	require.Greater(t, verdicts[true], 300)
	require.Greater(t, verdicts[false], 300)
}

// conflicting writes a document whose aliases are few.
func conflicting(r *rand.Rand) string {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	alias := func() string { return pick("a", "b", "c", "d") }
	var fragments []string
	var product, order func(depth int) string
	fields := func(leaf func() string) string {
		var out []string
		for range 1 + r.IntN(2) {
			out = append(out, leaf())
		}
		return "{ " + strings.Join(out, " ") + " }"
	}
	product = func(depth int) string {
		return fields(func() string {
			switch n := r.IntN(6); {
			case n == 0 && depth > 0:
				return alias() + ": featuredMedia { " + alias() + ": " + pick("id", "alt", "status") + " }"
			case n == 1 && depth > 0:
				i := len(fragments)
				fragments = append(fragments, "")
				fragments[i] = fmt.Sprintf("fragment F%d on Product %s", i, product(depth-1))
				return fmt.Sprintf("...F%d", i)
			case n == 2:
				return alias() + `: translations(locale: "` + pick("en", "de") + `") { key }`
			case n == 3 && depth > 0:
				return "... on Node { " + alias() + ": id }"
			}
			return alias() + ": " + pick("title", "handle", "tags", "totalInventory", "productType")
		})
	}
	order = func(depth int) string {
		return fields(func() string {
			if r.IntN(3) == 0 {
				return alias() + ": customer { " + alias() + ": " + pick("id", "displayName") + " }"
			}
			return alias() + ": " + pick("name", "note", "tags", "email", "id")
		})
	}
	body := `{ node(id: "gid://shopify/Order/1") { ... on Product ` + product(2) + ` ... on Order ` + order(2)
	if r.IntN(2) == 0 {
		body += ` ... on Product ` + product(2)
	}
	return body + " } }\n" + strings.Join(fragments, "\n")
}
