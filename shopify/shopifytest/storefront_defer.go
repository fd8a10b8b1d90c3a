package shopifytest

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// answerPart is one part of the answer to an operation that defers fragments: the first
// has data, the others are incremental.
type answerPart struct {
	answer
	Incremental []graph.Part `json:"incremental,omitempty"`
	HasNext     bool         `json:"hasNext"`
}

// stream answers an operation that defers fragments: in parts, whatever the request's
// Accept header says.
// Source: https://shopify.dev/docs/storefronts/headless/building-with-the-storefront-api/defer
func (x *exchange) stream(first answer, later []graph.Part, fault Fault) {
	x.note(first.Errors)
	for _, p := range later {
		x.sign(p.Errors)
		x.note(p.Errors)
	}
	if fault.LoseResponse {
		x.cut()
	}
	x.entry.Status = http.StatusOK
	x.api.journal.add(x.entry)
	x.w.Header().Set("Content-Type", "multipart/mixed; boundary=graphql")
	x.part(answerPart{answer: first, HasNext: true})
	for i, p := range later {
		x.part(answerPart{Incremental: []graph.Part{p}, HasNext: i < len(later)-1})
	}
	_, _ = fmt.Fprint(x.w, "--graphql--\r\n")
}

// part sends one part at once.
func (x *exchange) part(p answerPart) {
	b, err := json.Marshal(p)
	if err != nil {
		x.api.cfg.logger.Error("shopifytest: an answer cannot be written", "error", err)
		panic(http.ErrAbortHandler)
	}
	_, _ = fmt.Fprintf(x.w, "--graphql\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s\r\n", len(b), b)
	_ = http.NewResponseController(x.w).Flush() // without a socket there is nothing to flush
}
