package shopifytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// maxAdminBody is how long the body of a request may be, in bytes.
const maxAdminBody = 10 << 20

// badRequest is why a request cannot be read: the status and the value of
// "errors" in the answer.
type badRequest struct {
	status int
	errors any
}

var missingQuery = &badRequest{http.StatusBadRequest, map[string]string{"query": "Required parameter missing or invalid"}}

// readAdminRequest reads a GraphQL request from the body.
func readAdminRequest(w http.ResponseWriter, r *http.Request) (graph.Request, *badRequest) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAdminBody))
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return graph.Request{}, &badRequest{http.StatusRequestEntityTooLarge, "Request Entity Too Large"}
		}
		return graph.Request{}, &badRequest{http.StatusBadRequest, "Bad Request"}
	}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch media {
	case "application/json":
		return parseAdminRequest(body)
	case "application/graphql":
		if len(bytes.TrimSpace(body)) == 0 {
			return graph.Request{}, missingQuery
		}
		return graph.Request{Query: string(body)}, nil
	}
	return graph.Request{}, missingQuery // Shopify does not look into other bodies
}

// parseAdminRequest parses a JSON body.
func parseAdminRequest(body []byte) (graph.Request, *badRequest) {
	var in struct {
		Query         *string         `json:"query"`
		OperationName *string         `json:"operationName"`
		Variables     json.RawMessage `json:"variables"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return graph.Request{}, missingQuery
		}
		return graph.Request{}, &badRequest{http.StatusBadRequest, map[string]string{"json": "The request body is not valid JSON"}}
	}
	if in.Query == nil || *in.Query == "" {
		return graph.Request{}, missingQuery
	}
	req := graph.Request{Query: *in.Query}
	if in.OperationName != nil {
		req.OperationName = *in.OperationName
	}
	variables := []byte(in.Variables)
	var text string // some clients send the variables as a string of JSON
	if json.Unmarshal(variables, &text) == nil {
		variables = []byte(text)
	}
	if len(bytes.TrimSpace(variables)) == 0 {
		return req, nil
	}
	dec := json.NewDecoder(bytes.NewReader(variables))
	dec.UseNumber() // numbers of more than 53 bits stay what they are
	if err := dec.Decode(&req.Variables); err != nil {
		return graph.Request{}, &badRequest{http.StatusBadRequest, map[string]string{"variables": "Variables must be a JSON object"}}
	}
	return req, nil
}
