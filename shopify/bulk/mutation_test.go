package bulk_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/bulk"
	"github.com/posai-go/posai/shopify/shopifytest"
)

const tagMutation = `mutation Tag($id: ID!, $tags: [String!]!) { tagsAdd(id: $id, tags: $tags) { node { id } userErrors { field message } } }`

type tagVariables struct {
	ID   string   `json:"id"`
	Tags []string `json:"tags"`
}

type tagged struct {
	TagsAdd struct{ Node *struct{ ID string } }
}

func rowsOf[V any](rows ...V) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func results[T any](t *testing.T, op *bulk.Operation, opts *bulk.ReadOptions) ([]bulk.Result[T], error) {
	t.Helper()
	var out []bulk.Result[T]
	for r, err := range bulk.Results[T](t.Context(), op, opts) {
		if err != nil {
			return out, err
		}
		out = append(out, r)
	}
	return out, nil
}

func TestMutateCarriesOutEachRow(t *testing.T) {
	shop := shopifytest.NewShop(t, nil)
	customers := shop.Customers()
	for name, memory := range map[string]int{"in memory": 0, "on disk": 1} {
		t.Run(name, func(t *testing.T) {
			runner := newRunner(t, shop, &bulk.Options{Limits: bulk.Limits{Memory: memory}})
			tag := "bulk <" + name + ">"
			var rows []any
			for _, c := range customers {
				rows = append(rows, tagVariables{c.ID, []string{tag, strings.Repeat("x", 40)}})
			}
			for range 1000 { // more than is held in memory
				rows = append(rows, tagVariables{customers[0].ID, []string{tag, strings.Repeat("y", 100)}})
			}
			rows = append(rows, tagVariables{"gid://shopify/Customer/404", []string{tag}}, map[string]any{"id": 5})
			op, err := bulk.Mutate(t.Context(), runner, tagMutation, rowsOf(rows...), &bulk.MutationOptions{ClientIdentifier: "nightly-tags"})
			require.NoError(t, err)
			got, err := results[tagged](t, op, nil)
			require.NoError(t, err)
			require.Len(t, got, len(rows))
			for i, r := range got[:len(rows)-2] {
				require.EqualValues(t, i, r.Row)
				require.NoError(t, r.Err)
				require.Equal(t, rows[i].(tagVariables).ID, r.Data.TagsAdd.Node.ID)
			}
			var ue *shopify.UserErrors
			require.ErrorAs(t, got[len(rows)-2].Err, &ue)
			var re *bulk.RowError
			require.ErrorAs(t, got[len(rows)-1].Err, &re)
			assert.Equal(t, "INVALID_VARIABLE", re.Errors[0].Code)
			assert.NotContains(t, re.Error(), "404")
			for _, c := range shop.Customers() {
				require.True(t, slices.Contains(c.Tags, tag), "the shop has it")
			}
		})
	}
}

func TestMutateThatIsNotToBe(t *testing.T) {
	shop := shopifytest.NewShop(t, nil)
	runner := newRunner(t, shop, nil)
	id := shop.Customers()[0].ID
	wrong := errors.New("the database is away")
	_, err := bulk.Mutate(t.Context(), runner, tagMutation, func(yield func(tagVariables, error) bool) {
		_ = yield(tagVariables{ID: id}, nil) && yield(tagVariables{}, wrong)
	}, nil)
	require.ErrorIs(t, err, wrong)
	_, err = bulk.Mutate(t.Context(), runner, tagMutation, rowsOf[tagVariables](), nil)
	require.ErrorIs(t, err, shopify.ErrInvalid)
	_, err = bulk.Mutate(t.Context(), runner, tagMutation, rowsOf(func() {}), nil)
	require.Error(t, err, "a function is no JSON")
	big := tagVariables{ID: id, Tags: []string{strings.Repeat("x", 1<<20)}}
	_, err = bulk.Mutate(t.Context(), runner, tagMutation, func(yield func(tagVariables, error) bool) {
		for yield(big, nil) {
		}
	}, nil)
	require.ErrorIs(t, err, bulk.ErrTooLarge)
	assert.Empty(t, shop.Journal(), "nothing was sent")
	for name, mutation := range map[string]string{
		"a query": `query { shop { name } }`, "two": `mutation($id: ID!) { a: tagsAdd(id: $id, tags: ["a"]) { userErrors { message } } b: tagsAdd(id: $id, tags: ["b"]) { userErrors { message } } }`,
		"rubbish": `mutation {`, "bulk": `mutation($id: ID!) { bulkOperationCancel(id: $id) { userErrors { message } } }`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := bulk.Mutate(t.Context(), runner, mutation, rowsOf(tagVariables{ID: id}), nil)
			var ue *shopify.UserErrors
			require.ErrorAs(t, err, &ue)
		})
	}
}

func TestMutationThatStops(t *testing.T) {
	shop := shopifytest.NewShop(t, nil)
	shop.InjectBulk(shopifytest.BulkFault{Kind: "MUTATION", StopAfter: 3, Shuffle: true})
	runner := newRunner(t, shop, nil)
	var rows []tagVariables
	for _, c := range shop.Customers()[:10] {
		rows = append(rows, tagVariables{c.ID, []string{"t"}})
	}
	op, err := bulk.Mutate(t.Context(), runner, tagMutation, rowsOf(rows...), nil)
	require.NoError(t, err)
	got, err := results[tagged](t, op, nil)
	require.ErrorIs(t, err, bulk.ErrMissing)
	assert.Len(t, got, 3)
	var missing *bulk.MissingError
	require.ErrorAs(t, err, &missing)
	assert.Equal(t, &bulk.MissingError{Count: 7, First: []int64{3, 4, 5, 6, 7, 8, 9}}, missing)

	shop.InjectBulk(shopifytest.BulkFault{Kind: "MUTATION", Fail: "TIMEOUT"})
	op, err = bulk.Mutate(t.Context(), runner, tagMutation, rowsOf(rows...), nil)
	require.NoError(t, err)
	got, err = results[tagged](t, op, nil)
	require.ErrorIs(t, err, bulk.ErrTimeout)
	assert.Empty(t, got)
	got, err = results[tagged](t, runner.Operation(op.ID()), &bulk.ReadOptions{Partial: true})
	require.ErrorIs(t, err, bulk.ErrTimeout)
	assert.Len(t, got, 5)
}

// A mutation whose start was lost must not run twice: it is found, or left to
// the caller.
func TestMutateWhoseAnswerIsLost(t *testing.T) {
	shop := shopifytest.NewShop(t, nil)
	runner := newRunner(t, shop, nil)
	row := tagVariables{shop.Customers()[0].ID, []string{"once"}}
	shop.Inject(shopifytest.Fault{Field: "bulkOperationRunMutation", LoseResponse: true})
	op, err := bulk.Mutate(t.Context(), runner, tagMutation, rowsOf(row), nil)
	require.NoError(t, err)
	got, err := results[tagged](t, op, nil)
	require.NoError(t, err)
	assert.Len(t, got, 1)

	shop.Inject(shopifytest.Fault{Field: "bulkOperationRunMutation", LoseResponse: true})
	shop.Inject(shopifytest.Fault{Operation: "RecentBulkOperations", Status: 403})
	_, err = bulk.Mutate(t.Context(), runner, tagMutation, rowsOf(row), nil)
	require.ErrorIs(t, err, shopify.ErrOutcomeUnknown)
	list, err := admin.RecentBulkOperations(t.Context(), newClient(t, shop, nil), 10, shopify.Some("operation_type:MUTATION"))
	require.NoError(t, err)
	assert.Len(t, list.BulkOperations.Nodes, 2)
}

func TestResultsRefuseWrongLines(t *testing.T) {
	for name, line := range map[string]string{
		"no number": `{"data":{}}`, "negative": `{"__lineNumber":-1}`, "huge": `{"__lineNumber":99999999999}`, "twice": `{"__lineNumber":0}`, "no object": `7`,
		"text": `{"__lineNumber":"1"}`, "another type": `{"data":{"tagsAdd":{"node":5}},"__lineNumber":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			op := served(t, fmt.Sprintf("{\"data\":null,\"errors\":[{\"message\":5,\"path\":[\"a\",0]},7],\"__lineNumber\":0}\n%s\n", line))
			got, err := results[tagged](t, op, nil)
			require.ErrorIs(t, err, bulk.ErrMalformed)
			require.Len(t, got, 1)
			var re *bulk.RowError
			require.ErrorAs(t, got[0].Err, &re)
			assert.Equal(t, "a.0", re.Errors[0].Path)
		})
	}
}
