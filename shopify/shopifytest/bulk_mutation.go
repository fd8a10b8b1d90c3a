package shopifytest

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"github.com/posai-go/posai/shopify/schema"
	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// notInBulk are mutations that a bulk operation does not run.
var notInBulk = []string{"bulkOperationRunQuery", "bulkOperationRunMutation", "bulkOperationCancel", "stagedUploadsCreate"}

// checkMutation says why a document cannot be run in bulk, or nil. What it
// wants of variables is found line by line.
func (w *bulkWork) checkMutation(document string) *userError {
	mutation, roots, err := w.shop.admin.cfg.engine.Roots(document)
	switch {
	case err != nil:
		return &userError{message: "Failed to parse the mutation - " + err.Message, code: "INVALID_MUTATION"}
	case !mutation:
		return &userError{message: "Invalid operation type. Only `mutation` operations are supported.", code: "INVALID_MUTATION"}
	case len(roots) != 1:
		return &userError{field: []string{"mutation"}, message: "You must specify a single top level mutation."}
	case slices.Contains(notInBulk, roots[0]):
		return &userError{field: []string{"mutation"}, message: "You must use an allowed mutation name."}
	}
	return nil
}

// mutate carries out each line of the uploaded variables, one after the other,
// like requests of their own without their cost.
func (w *bulkWork) mutate(ctx context.Context, o *bulkOperation) (rows [][]byte, code string) {
	n := 0
	for line := range bytes.Lines(o.upload) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if ctx.Err() != nil || o.fault.StopAfter > 0 && n >= o.fault.StopAfter {
			break
		}
		rows = append(rows, w.mutateLine(ctx, o, line, n))
		n++
		w.shop.state.mu.Lock()
		o.objects, o.roots = n, n
		w.shop.state.mu.Unlock()
	}
	return rows, ""
}

// A bulkRow is one line of a mutation's results.
type bulkRow struct {
	Data   json.RawMessage `json:"data,omitempty"`
	Errors []*graph.Error  `json:"errors,omitempty"`
	Line   int             `json:"__lineNumber"`
}

func (w *bulkWork) mutateLine(ctx context.Context, o *bulkOperation, line []byte, n int) []byte {
	row := bulkRow{Line: n}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	req := graph.Request{Query: o.query}
	if o.scopes != nil {
		req.Access = accessOf(schema.Admin(), o.scopes)
	}
	if dec.Decode(&req.Variables) != nil || dec.More() {
		row.Errors = []*graph.Error{graph.NewError("INVALID_VARIABLE", "The line is not a JSON object of variables.")}
	} else if op, errs := w.shop.admin.cfg.engine.Prepare(req); errs != nil {
		row.Errors = errs
	} else {
		keyed := w.shop.admin.keys.begin(op)
		defer keyed.end()
		unlock := w.shop.lock(true)
		resp := func() *graph.Response {
			defer unlock()
			return op.Execute(context.WithoutCancel(ctx), &improvisations{api: w.shop.admin, next: keyed.resolver(w.shop.state)})
		}()
		row.Data, row.Errors = resp.Data, resp.Errors
	}
	b, _ := json.Marshal(row) //nolint:errchkjson // made of JSON and texts
	return b
}
