package shopifytest

import "github.com/posai-go/posai/shopify/shopifytest/internal/graph"

// job is work that Shopify does in the background. Here it is done before it is answered.
type job struct{ head }

// addJob files a job, whose GID has no number.
func (s *state) addJob(n node) {
	n.common().gid = "gid://shopify/Job/" + s.uuid()
	s.add(n, "Job", 0, s.now())
}

// jobObject is a job that is done.
func jobObject(n node) graph.Object {
	return graph.Object{"__typename": "Job", "id": n.common().gid, "done": true, "query": graph.Object{"__typename": "QueryRoot"}}
}

// https://shopify.dev/docs/api/admin-graphql/latest/queries/job
func jobRoot(s *state, c *graph.Call) (any, error) {
	n, ok := s.byID[text(c.Args, "id")]
	if !ok || n.common().typename != "Job" {
		return nil, nil
	}
	return jobObject(n), nil
}
