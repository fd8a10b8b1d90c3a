package shopify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/vektah/gqlparser/v2/gqlerror"
)

// answer is one response of the API.
type answer struct {
	Data, Errors, Extensions json.RawMessage // parts of the body

	errors    []GraphQLError
	rawErrors []json.RawMessage // of errors, if they came as a list
	message   string            // instead of errors
	cost      *Cost             // nil if there is none
	ext       map[string]any
	decodeErr error
	decoded   bool // data was given to the caller
}

// maxGraphQLErrors bounds how many errors of one response are kept.
const maxGraphQLErrors = 1000

var errNotJSON = errors.New("the answer is not JSON")

// parseAnswer reads a body. It fails if the status is 200 and the body is not a
// GraphQL response. What "data" holds is checked by decode.
func parseAnswer(status int, body []byte) (*answer, error) {
	var a answer
	ok := splitObject(body, func(key string, value json.RawMessage) {
		switch key {
		case "data":
			a.Data = value
		case "errors":
			a.Errors = value
		case "extensions":
			a.Extensions = value
		}
	})
	if ok && len(a.Extensions) > 0 {
		ok = json.Unmarshal(a.Extensions, &a.ext) == nil || json.Valid(a.Extensions)
	}
	if ok && len(a.Errors) > 0 {
		ok = json.Valid(a.Errors)
	}
	if !ok {
		if status == http.StatusOK {
			return nil, errNotJSON
		}
		return &answer{}, nil // a proxy's page: its text says nothing
	}
	a.readCost()
	a.readErrors()
	if status == http.StatusOK && !a.hasData() && len(a.errors) == 0 {
		if a.message == "" {
			return &a, errors.New("the answer holds neither data nor errors")
		}
		a.errors = []GraphQLError{{Message: a.message}}
	}
	return &a, nil
}

// decode gives the data to the caller, once. It fails if they are not JSON at
// all; that they do not fit the Go type is kept for later.
func (a *answer) decode(into any) error {
	if a.decoded || !a.hasData() {
		return nil
	}
	if into == nil {
		if !json.Valid(a.Data) {
			return errNotJSON
		}
		return nil
	}
	a.decodeErr = json.Unmarshal(a.Data, into)
	if _, syntax := errors.AsType[*json.SyntaxError](a.decodeErr); syntax && !json.Valid(a.Data) {
		return errNotJSON
	}
	a.decoded = true
	return nil
}

// readCost reads extensions.cost. If any of it is of another type, there is
// none.
func (a *answer) readCost() {
	cost, ok := a.ext["cost"].(map[string]any)
	if !ok {
		return
	}
	number := func(in map[string]any, key string) float64 {
		switch v := in[key].(type) {
		case float64:
			return v
		case nil:
			return 0
		}
		ok = false
		return 0
	}
	c := &Cost{Requested: number(cost, "requestedQueryCost"), Actual: number(cost, "actualQueryCost")}
	switch t := cost["throttleStatus"].(type) {
	case map[string]any:
		c.Throttle = Throttle{number(t, "maximumAvailable"), number(t, "currentlyAvailable"), number(t, "restoreRate")}
	case nil:
	default:
		ok = false
	}
	if ok {
		a.cost = c
	}
}

// readErrors reads "errors": a list of GraphQL errors, or a plain text, or an
// object of texts as the REST API has it.
func (a *answer) readErrors() {
	if len(a.Errors) == 0 {
		return
	}
	var list []json.RawMessage
	if json.Unmarshal(a.Errors, &list) != nil {
		if json.Unmarshal(a.Errors, &a.message) != nil && len(a.Errors) > 0 {
			a.message = string(a.Errors)
		}
		return
	}
	a.rawErrors = list[:min(len(list), maxGraphQLErrors)]
	for _, raw := range a.rawErrors {
		var e struct {
			Message    string
			Path       []any
			Extensions json.RawMessage
		}
		if json.Unmarshal(raw, &e) != nil {
			e.Message = "an error of unknown shape"
		}
		g := GraphQLError{Message: e.Message, Path: joinPath(e.Path)}
		if len(e.Extensions) > 0 && !bytes.Equal(e.Extensions, []byte("null")) {
			g.Extensions = e.Extensions
		}
		var ext map[string]json.RawMessage
		_ = json.Unmarshal(e.Extensions, &ext)
		_ = json.Unmarshal(ext["code"], &g.Code)
		_ = json.Unmarshal(ext["requiredAccess"], &g.RequiredAccess)
		_ = json.Unmarshal(ext["cost"], &g.Cost)
		_ = json.Unmarshal(ext["maxCost"], &g.MaxCost)
		g.Problems = readProblems(ext["problems"])
		a.errors = append(a.errors, g)
	}
}

// readProblems reads what INVALID_VARIABLE lists.
func readProblems(raw json.RawMessage) []VariableProblem {
	var list []struct {
		Path        []any
		Explanation string
	}
	if len(raw) == 0 || json.Unmarshal(raw, &list) != nil {
		return nil
	}
	var out []VariableProblem
	for _, p := range list[:min(len(list), maxGraphQLErrors)] {
		out = append(out, VariableProblem{Path: joinPath(p.Path), Explanation: p.Explanation})
	}
	return out
}

func joinPath(path []any) string {
	parts := make([]string, len(path))
	for i, p := range path {
		parts[i] = fmt.Sprint(p)
	}
	return strings.Join(parts, ".")
}

// hasData reports whether there are data other than null.
func (a *answer) hasData() bool {
	return len(a.Data) > 0 && !bytes.Equal(a.Data, []byte("null"))
}

// brokeDown reports whether Shopify failed while it ran the operation, so that
// it may have run half or whole.
func (a *answer) brokeDown(op Operation) bool {
	if len(a.errors) == 0 {
		return false
	}
	var internal, unclear bool
	for _, e := range a.errors {
		internal = internal || e.Code == "INTERNAL_SERVER_ERROR"
		unclear = unclear || !refused(e.Code)
	}
	if op.Kind == Query {
		return internal && !a.hasData()
	}
	if a.hasPayload() {
		return false
	}
	// By the GraphQL specification, a response without "data" did not run.
	return internal || unclear && len(a.Data) > 0
}

// neverRan reports whether the answer says that Shopify refused the operation as
// a whole before it ran it.
func (a *answer) neverRan() bool {
	if len(a.errors) == 0 || a.hasData() {
		return false
	}
	for _, e := range a.errors {
		if e.Code == "INTERNAL_SERVER_ERROR" || len(a.Data) > 0 && !refused(e.Code) {
			return false
		}
	}
	return true
}

// hasPayload reports whether a root field of a mutation has a value.
func (a *answer) hasPayload() bool {
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(a.Data, &fields)
	for name, raw := range fields {
		if name != "__typename" && !bytes.Equal(raw, []byte("null")) {
			return true
		}
	}
	return false
}

// refused reports whether an error code means that the operation did not run.
func refused(code string) bool {
	switch code {
	case "THROTTLED", "MAX_COST_EXCEEDED", "ACCESS_DENIED", "BAD_REQUEST", "NOT_FOUND", "RESOURCE_NOT_FOUND",
		"MAX_INPUT_SIZE_EXCEEDED", "INVALID_FIELD_ARGUMENTS", "INVALID_VARIABLE":
		return true
	}
	// Validation: undefinedField, argumentNotAccepted, …
	return code != "" && 'a' <= code[0] && code[0] <= 'z'
}

// keyBusy reports whether another request with the same idempotency key is
// still running.
func (a *answer) keyBusy() bool {
	for _, u := range findUserErrors(a.Data) {
		if u.Code == "IDEMPOTENCY_CONCURRENT_REQUEST" {
			return true
		}
	}
	return false
}

// searchWarnings returns what Shopify did not understand of search filters.
func (a *answer) searchWarnings() []SearchWarning {
	if a.ext["search"] == nil {
		return nil
	}
	var ext struct {
		Search []struct {
			Path     []any
			Query    string
			Warnings []json.RawMessage
		}
	}
	if json.Unmarshal(a.Extensions, &ext) != nil {
		return nil
	}
	var out []SearchWarning
	for _, s := range ext.Search {
		if len(s.Warnings) > 0 {
			raw, _ := json.Marshal(s.Warnings) // was JSON a moment ago
			out = append(out, SearchWarning{Path: joinPath(s.Path), Query: s.Query, Warnings: raw})
		}
	}
	return out
}

// list returns the errors as genqlient has them.
func (a *answer) list() gqlerror.List {
	var out gqlerror.List
	for i, e := range a.errors {
		g := &gqlerror.Error{Message: e.Message}
		_ = json.Unmarshal(e.Extensions, &g.Extensions)
		if i < len(a.rawErrors) {
			// What is of another shape is left out.
			var where struct{ Path, Locations json.RawMessage }
			_ = json.Unmarshal(a.rawErrors[i], &where)
			if json.Unmarshal(where.Path, &g.Path) != nil {
				g.Path = nil
			}
			if json.Unmarshal(where.Locations, &g.Locations) != nil {
				g.Locations = nil
			}
		}
		out = append(out, g)
	}
	return out
}
