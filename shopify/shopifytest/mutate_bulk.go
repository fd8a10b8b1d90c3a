package shopifytest

import (
	"strings"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

const maxBulkQuery = 65_535 // bytes

func lower(s string) string { return strings.ToLower(s) }

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/bulkOperationRunQuery
func bulkOperationRunQuery(s *state, c *graph.Call) (any, error) {
	query := text(c.Args, "query")
	grouped, _ := c.Args["groupObjects"].(bool)
	var errs []userError
	if len(query) > maxBulkQuery {
		errs = append(errs, userError{[]string{"query"}, "Query is too long.", "INVALID"})
	} else if _, problems := s.work.shop.admin.cfg.engine.PrepareBulk(graph.Request{Query: query}); problems != nil {
		for _, p := range problems {
			errs = append(errs, userError{[]string{"query"}, p, "INVALID"})
		}
	}
	if errs == nil {
		if busy := s.busyBulk("QUERY", s.work.limit); busy != nil {
			errs = append(errs, *busy)
		}
	}
	if errs != nil {
		return refused(errs...), nil
	}
	o := &bulkOperation{kind: "QUERY", query: query, grouped: grouped}
	s.work.begin(o)
	return done("bulkOperation", object(o)), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/bulkOperationRunMutation
func bulkOperationRunMutation(s *state, c *graph.Call) (any, error) {
	mutation := text(c.Args, "mutation")
	if id, ok := c.Args["clientIdentifier"].(string); ok && len(id) < 10 {
		return refused(userError{[]string{"clientIdentifier"}, "is too short (minimum is 10 characters)", "INVALID_MUTATION"}), nil
	}
	if e := s.work.checkMutation(mutation); e != nil {
		return refused(*e), nil
	}
	upload, ok := s.work.shop.storage.uploaded(text(c.Args, "stagedUploadPath"))
	if !ok {
		return refused(userError{nil, "The JSONL file could not be found. Try uploading the file again, and check that you've entered the URL correctly for the stagedUploadPath mutation argument.", "NO_SUCH_FILE"}), nil
	}
	if len(upload) > maxUpload {
		return refused(userError{[]string{"stagedUploadPath"}, "The JSONL file exceeds the maximum allowed size of 100 MB.", "INVALID_MUTATION"}), nil
	}
	if busy := s.busyBulk("MUTATION", s.work.limit); busy != nil {
		return refused(*busy), nil
	}
	o := &bulkOperation{kind: "MUTATION", query: mutation, upload: upload}
	s.work.begin(o)
	return done("bulkOperation", object(o)), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/bulkOperationCancel
func bulkOperationCancel(s *state, c *graph.Call) (any, error) {
	o, ok := find[*bulkOperation](s, text(c.Args, "id"))
	if !ok {
		return refused(userError{field: []string{"id"}, message: "Bulk operation does not exist"}), nil
	}
	if !o.active() {
		return refused(userError{field: []string{"id"}, message: "A bulk operation cannot be canceled when it is " + lower(o.status)}), nil
	}
	o.status = bulkCanceling
	s.touch(o)
	o.cancel()
	return done("bulkOperation", object(o)), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/stagedUploadsCreate
func stagedUploadsCreate(s *state, c *graph.Call) (any, error) {
	targets := graph.List{}
	for _, in := range objects(c.Args["input"]) {
		t := s.work.shop.storage.stage(text(in, "filename"), text(in, "mimeType"), text(in, "resource"), text(in, "httpMethod"))
		parameters := graph.List{}
		for _, p := range t.parameters {
			parameters = append(parameters, graph.Object{"__typename": "StagedUploadParameter", "name": p.Key, "value": p.Value})
		}
		targets = append(targets, graph.Object{
			"__typename": "StagedMediaUploadTarget", "url": t.url, "resourceUrl": orNull(t.resourceURL), "parameters": parameters, graph.Closed: true,
		})
	}
	return done("stagedTargets", targets), nil
}
