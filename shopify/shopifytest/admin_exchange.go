package shopifytest

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// An exchange is one request to the Admin API and its answer.
type exchange struct {
	api   *adminAPI
	w     http.ResponseWriter
	entry JournalEntry
}

// answer is the body of an answer with HTTP status 200.
type answer struct {
	Data       json.RawMessage `json:"data,omitempty"`
	Errors     []*graph.Error  `json:"errors,omitempty"`
	Extensions map[string]any  `json:"extensions,omitempty"`
}

// queryCost is extensions.cost of an answer.
type queryCost struct {
	RequestedQueryCost int            `json:"requestedQueryCost"`
	ActualQueryCost    *int           `json:"actualQueryCost"`
	ThrottleStatus     throttleStatus `json:"throttleStatus"`
}

const throttledDocumentation = "https://shopify.dev/api/usage/rate-limits"

// handle answers a request that could be read.
func (x *exchange) handle(ctx context.Context, req graph.Request) {
	x.entry.Operation = req.OperationName
	op, errs := x.api.cfg.engine.Prepare(req)
	if op != nil {
		x.entry.Operation, x.entry.Mutation = op.Name, op.Mutation
		x.entry.RootFields, x.entry.RequestedCost = op.RootFields, op.RequestedCost
	}
	fault, hit := x.api.faults.take(x.entry.Operation, x.entry.RootFields)
	x.entry.Faulted = hit
	if fault.fails() {
		wait(ctx, fault.Delay)
		x.breakdown(fault)
		return
	}
	if op == nil {
		wait(ctx, fault.Delay)
		x.send(answer{Errors: errs}, fault)
		return
	}
	if op.Deprecated {
		x.w.Header().Set("X-Shopify-API-Deprecated-Reason", deprecationURL)
	}
	if !x.api.cfg.uncounted && !x.api.bucket.take(op.RequestedCost) {
		x.send(x.throttled(x.api.bucket.status()), fault)
		return
	}
	x.run(ctx, op, fault)
}

// handleBad answers a request that could not be read. Faults for any operation
// hit it, too.
func (x *exchange) handleBad(ctx context.Context, bad *badRequest) {
	fault, hit := x.api.faults.take("", nil)
	x.entry.Faulted = hit
	wait(ctx, fault.Delay)
	if fault.fails() {
		x.breakdown(fault)
		return
	}
	x.fail(bad.status, bad.errors)
}

// run executes the operation. It is not given up when the client is gone: what
// has been asked for happens.
func (x *exchange) run(ctx context.Context, op *graph.Operation, fault Fault) {
	keyed := x.api.keys.begin(op)
	defer keyed.end()
	shop := graph.ResolverFunc(func(c *graph.Call) (any, bool, error) {
		v, handled, err := x.api.cfg.resolver.Resolve(c)
		if c.ParentType == "Mutation" && handled && err == nil {
			x.entry.Effect = true
		}
		return v, handled, err
	})
	noted := &improvisations{api: x.api, next: x.spoiled(fault, keyed.resolver(shop))}
	unlock := x.api.cfg.lock(op.Mutation)
	resp := func() *graph.Response {
		defer unlock()
		return op.Execute(context.WithoutCancel(ctx), noted)
	}()
	x.entry.ActualCost, x.entry.Improvised = resp.ActualCost, noted.some
	if !x.api.cfg.uncounted {
		x.api.bucket.refund(op.RequestedCost - resp.ActualCost)
	}
	for _, cause := range resp.Causes {
		x.api.cfg.logger.Error("shopifytest: a field failed", "error", cause, "request_id", x.entry.RequestID)
	}
	x.sign(resp.Errors)
	out := answer{Data: resp.Data, Errors: resp.Errors, Extensions: resp.Extensions}
	if resp.Data != nil && !x.api.cfg.uncounted {
		if out.Extensions == nil {
			out.Extensions = map[string]any{}
		}
		out.Extensions["cost"] = queryCost{op.RequestedCost, &resp.ActualCost, x.api.bucket.status()}
	}
	wait(ctx, fault.Delay)
	if resp.Deferred != nil {
		x.stream(out, resp.Deferred, fault)
		return
	}
	x.send(out, fault)
}

// sign puts the request ID into internal errors, as Shopify does.
func (x *exchange) sign(errs []*graph.Error) {
	for _, err := range errs {
		if err.Code() == "INTERNAL_SERVER_ERROR" {
			err.Message += "\nRequest ID: " + x.entry.RequestID + " (include this in support requests)."
			err.Extensions = map[string]any{"code": "INTERNAL_SERVER_ERROR", "requestId": x.entry.RequestID}
		}
	}
}

// throttled is the answer when the bucket does not hold enough.
func (x *exchange) throttled(status throttleStatus) answer {
	return answer{
		Errors: []*graph.Error{{
			Message:    "Throttled",
			Extensions: map[string]any{"code": "THROTTLED", "documentation": throttledDocumentation},
		}},
		Extensions: map[string]any{"cost": queryCost{x.entry.RequestedCost, nil, status}},
	}
}

// breakdown answers as the fault wants, without handling the request.
func (x *exchange) breakdown(fault Fault) {
	switch {
	case fault.Cut:
		x.cut()
	case fault.Status != 0:
		if fault.RetryAfter != "" {
			x.w.Header().Set("Retry-After", fault.RetryAfter)
		}
		x.fail(fault.Status, statusText(fault.Status))
	case fault.Throttle, !fault.InternalError && fault.Code == "THROTTLED":
		status := x.api.bucket.status()
		status.CurrentlyAvailable = max(0, min(status.CurrentlyAvailable, float64(x.entry.RequestedCost-1)))
		x.send(x.throttled(status), Fault{})
	default:
		err := x.faultError(fault)
		x.sign([]*graph.Error{err})
		x.send(answer{Data: json.RawMessage("null"), Errors: []*graph.Error{err}}, Fault{})
	}
}

// cut closes the connection.
func (x *exchange) cut() {
	x.api.journal.add(x.entry)
	panic(http.ErrAbortHandler)
}

// note keeps the codes of errors for the journal.
func (x *exchange) note(errs []*graph.Error) {
	for _, err := range errs {
		if code := err.Code(); code != "" {
			x.entry.Codes = append(x.entry.Codes, code)
		}
	}
}

// send answers with status 200, unless the fault loses the answer.
func (x *exchange) send(out answer, fault Fault) {
	x.note(out.Errors)
	if fault.LoseResponse {
		x.cut()
	}
	x.write(http.StatusOK, out)
}

// fail answers with an HTTP error; errors is a text or an object.
func (x *exchange) fail(status int, errors any) {
	x.write(status, map[string]any{"errors": errors})
}

// write writes the answer; the journal has it before the client does.
func (x *exchange) write(status int, body any) {
	x.entry.Status = status
	x.api.journal.add(x.entry)
	b, err := json.Marshal(body)
	if err != nil {
		x.api.cfg.logger.Error("shopifytest: an answer cannot be written", "error", err)
		status, b = http.StatusInternalServerError, []byte(`{"errors":"Internal Server Error"}`)
	}
	x.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	x.w.WriteHeader(status)
	_, _ = x.w.Write(b)
}
