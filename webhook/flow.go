package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// FlowAction is what Shopify Flow sends to an app whose action is a step of a
// workflow. T is what the fields of the action are decoded into.
//
// https://shopify.dev/docs/apps/build/flow/actions/endpoints#flow-action-execution
type FlowAction[T any] struct {
	ShopID     int64  `json:"shop_id"`
	ShopDomain string `json:"shopify_domain"`

	// RunID names the run of the action: a repetition carries the same.
	RunID string `json:"action_run_id"`

	// Handle is the action's, from the app's configuration. DefinitionID is
	// what older actions have instead.
	Handle       string `json:"handle"`
	DefinitionID string `json:"action_definition_id"`

	// StepReference names the step of the workflow.
	StepReference string `json:"step_reference"`

	Properties T `json:"properties"`

	Extra Extra `json:"-"`
}

// UnmarshalJSON decodes an action and keeps in Extra what it does not know.
func (a *FlowAction[T]) UnmarshalJSON(data []byte) error {
	type plain FlowAction[T]
	return unmarshalExtra(data, (*plain)(a), &a.Extra)
}

// MarshalJSON encodes an action together with its Extra.
func (a FlowAction[T]) MarshalJSON() ([]byte, error) {
	type plain FlowAction[T]
	return marshalExtra(plain(a), a.Extra)
}

// ParseFlowAction decodes the verified body of a Flow action; see [ReadSigned].
// The error is a [*PayloadError].
func ParseFlowAction[T any](body []byte) (FlowAction[T], error) {
	var action FlowAction[T]
	if err := json.Unmarshal(body, &action); err != nil {
		return action, &PayloadError{Topic: "flow action", cause: err}
	}
	action.ShopDomain = strings.ToLower(action.ShopDomain)
	switch {
	case !validShop(action.ShopDomain):
		return action, &PayloadError{Topic: "flow action", cause: errors.New("shopify_domain is missing or malformed")}
	case action.RunID == "" || !validText(action.RunID):
		return action, &PayloadError{Topic: "flow action", cause: errors.New("action_run_id is missing or malformed")}
	}
	return action, nil
}

// FlowHandler runs a Flow action over HTTP. What it answers:
//
//   - 200: fn returned nil. Its result, if not nil, is the action's return
//     value.
//   - 202: fn asked for a later attempt with [RetryLater], or did not get it
//     done in time. Flow sends the same again.
//   - 400, 401, 405, 413: as [Handler] does.
//   - 422: the body does not decode, or fn returned [GiveUp]. Flow stops.
//   - 500: any other error. Flow sends the same again.
//
// https://shopify.dev/docs/apps/build/flow/actions/endpoints
type FlowHandler[T any] struct {
	secrets func() Secrets // a function, into which fmt does not look
	fn      func(context.Context, FlowAction[T]) (result any, err error)
	opts    Options
}

// NewFlowHandler returns a handler that verifies Flow actions with secrets and
// gives them to fn, whose context ends after [Options.Timeout]. A run may come
// again, even while fn works on it: keep its RunID together with the effect.
func NewFlowHandler[T any](secrets Secrets, fn func(context.Context, FlowAction[T]) (result any, err error), opts *Options) (*FlowHandler[T], error) {
	o, err := opts.withDefaults(secrets)
	if err != nil {
		return nil, err
	}
	if fn == nil {
		return nil, errors.New("webhook: a Flow handler needs a function")
	}
	return &FlowHandler[T]{secrets: secrets.get, fn: fn, opts: o}, nil
}

// ServeHTTP runs one action.
func (h *FlowHandler[T]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	received := time.Now()
	deadline := received.Add(h.opts.Timeout)
	refuse := func(e *RequestError) {
		h.opts.Logger.WarnContext(r.Context(), "webhook: Flow action refused", "status", e.Status, "reason", e.Reason)
		Refuse(w, e)
	}
	signature, refused := signatureOf(r)
	if refused != nil {
		refuse(refused)
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(deadline)
	body, refused := readBody(w, r, h.opts.MaxBody)
	if refused != nil {
		refuse(refused)
		return
	}
	ctx, cancel := context.WithDeadline(r.Context(), deadline)
	defer cancel()
	action, err := ParseFlowAction[T](body)
	// Whose secrets to check is said in the body, which is a claim until they
	// are checked.
	secrets, unknown := h.opts.secretsFor(ctx, action.ShopDomain, h.secrets())
	switch {
	case errors.Is(unknown, ErrUnknownShop):
		refuse(unauthorized(ErrSignature))
		return
	case unknown != nil:
		h.answer(ctx, w, action.RunID, nil, unknown)
		return
	}
	if bad := secrets.Verify(body, signature, received); bad != nil {
		refuse(unauthorized(bad))
		return
	}
	if err != nil {
		refuse(&RequestError{Status: http.StatusUnprocessableEntity, Reason: "the body is not a Flow action", cause: err})
		return
	}
	result, err := h.fn(ctx, action)
	h.answer(ctx, w, action.RunID, result, err)
}

func (h *FlowHandler[T]) answer(ctx context.Context, w http.ResponseWriter, run string, result any, err error) {
	_, later := errors.AsType[*LaterError](err)
	_, over := errors.AsType[*GiveUpError](err)
	status, text := http.StatusOK, ""
	switch {
	case err == nil && result == nil:
	case err == nil:
		if err = h.write(w, result); err == nil {
			return
		}
		status, text = http.StatusInternalServerError, "the result could not be encoded"
	case later, errors.Is(err, context.DeadlineExceeded):
		status, text = http.StatusAccepted, "not yet"
	case over:
		status, text = http.StatusUnprocessableEntity, "the action cannot be done"
	default:
		status, text = http.StatusInternalServerError, "the action failed"
	}
	if err != nil {
		h.opts.Logger.Log(ctx, slog.LevelError, "webhook: Flow action", "status", status, "run", run, "error", err.Error())
	}
	if text == "" {
		w.WriteHeader(status)
		return
	}
	http.Error(w, text, status)
}

func (h *FlowHandler[T]) write(w http.ResponseWriter, result any) error {
	data, err := json.Marshal(map[string]any{"return_value": result})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(data) // a sender that has gone asks again
	return nil
}
