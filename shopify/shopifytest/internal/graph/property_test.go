package graph_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/posai-go/posai/shopify/schema"
	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// TestEveryRootField executes random valid operations on every root field of
// the Admin schema and has each response judged by the checker.
func TestEveryRootField(t *testing.T) {
	e := engine(t)
	parsed, err := gqlparser.LoadSchema(&ast.Source{Input: schema.Admin().SDL()})
	require.NoError(t, err)
	rounds := uint64(3)
	if testing.Short() {
		rounds = 1
	}
	ran, costly := 0, 0
	for _, root := range []struct {
		kind string
		def  *ast.Definition
	}{{"query", parsed.Query}, {"mutation", parsed.Mutation}} {
		for i, field := range root.def.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			for round := range rounds {
				w := newWriter(parsed, uint64(i)*100+round)
				query := w.operation(root.kind, root.def, field)
				req := graph.Request{Query: query, Variables: roundTrip(t, w.values)}
				op, errs := e.Prepare(req)
				if len(errs) == 1 && errs[0].Code() == "MAX_COST_EXCEEDED" {
					costly++
					continue
				}
				require.Empty(t, errs, "%s\n%v", query, w.values)
				resp := op.Execute(t.Context(), nil)
				for _, err := range resp.Errors {
					require.Equal(t, "RESOURCE_NOT_FOUND", err.Code(), "%s: %v %v\n%s", err.Message, err.Path, resp.Causes, query)
				}
				require.LessOrEqual(t, resp.ActualCost, op.RequestedCost)
				again := op.Execute(t.Context(), nil)
				require.JSONEq(t, string(resp.Data), string(again.Data), "not the same twice: %s", query)
				ran++
				if len(resp.Errors) > 0 {
					continue // a root field was null; there is nothing to see
				}
				doc, err := parser.ParseQuery(&ast.Source{Input: query})
				require.NoError(t, err)
				c := checker{schema: parsed, doc: doc}
				c.document(decode(t, resp.Data))
				require.Empty(t, c.report(), query)
			}
		}
	}
	t.Logf("%d operations ran, %d were too costly", ran, costly)
	require.Greater(t, ran, 700*int(rounds))
}

func decode(t testing.TB, data []byte) map[string]any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var out map[string]any
	require.NoError(t, dec.Decode(&out))
	return out
}

func roundTrip(t testing.TB, values map[string]any) map[string]any {
	t.Helper()
	b, err := json.Marshal(values)
	require.NoError(t, err)
	return decode(t, b)
}
