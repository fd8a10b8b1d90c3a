package shopify

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/Khan/genqlient/graphql"
	"github.com/hashicorp/go-retryablehttp"
)

// call is one operation on its way, through all its attempts.
type call struct {
	client    *Client
	op        Operation
	lane      Lane
	variables json.RawMessage
	body      []byte
	key       string // of @idempotent
	costKey   costKey
	into      any // what data is decoded into
	info      Info
	start     time.Time

	// of the attempt under way
	answer *answer
	points *waiter // taken from the bucket; nil when settled
	token  string
	trace  *connTrace
	queued time.Duration // for the points
	sentAt time.Time     // zero if it was not

	// of all attempts
	retries   int           // after failures
	throttles int           // after throttling
	pause     time.Duration // before the next attempt
	told      bool          // it is Shopify's Retry-After
	wait      time.Duration // for points so far
	// of those that were sent
	firstSent, lastSent time.Time
	answered            string // the X-Request-Id of the last answer
	// arrived says that an attempt may have reached Shopify and no answer told
	// what became of it.
	arrived bool
	// renewed says that token is the one in place of a refused one.
	renewed bool
}

func (c *Client) newCall(req *graphql.Request, into any) (*call, error) {
	if c.err != nil {
		return nil, c.err
	}
	d := c.shared.operations.get(req.Query, req.OpName)
	k := &call{client: c, lane: c.lane, start: time.Now(), op: d.op, into: into}
	if k.op.Kind == Subscription {
		return nil, fmt.Errorf("shopify: %w: Shopify has no GraphQL subscriptions; use webhooks", ErrInvalid)
	}
	var err error
	if req.Variables != nil {
		if k.variables, err = json.Marshal(req.Variables); err != nil {
			return nil, fmt.Errorf("shopify: %s: encoding the variables: %w", k.op.Name, err)
		}
	}
	head := d.head
	if c.key != "" {
		document, err := k.useKey(req.Query, d)
		if err != nil {
			return nil, err
		}
		head = bodyHead(document, req.OpName)
	} else if k.op.Safety == SafetyKeyed {
		if err = k.findKey(d); err != nil {
			return nil, err
		}
	}
	if k.op.Safety == SafetyIdempotent && d.conditional(k.variables) {
		k.op.Safety = SafetyUnsafe
	}
	k.info.Operation = k.op
	k.costKey = costKeyOf(d, k.variables)
	k.body = make([]byte, 0, len(head)+len(k.variables)+len(`,"variables":}`))
	k.body = append(k.body, head...)
	if len(k.variables) > 0 {
		k.body = append(append(k.body, `,"variables":`...), k.variables...)
	}
	k.body = append(k.body, '}')
	return k, nil
}

// bodyHead returns the beginning of a request's body, which is the same for all
// calls of an operation: without variables and closing bracket.
func bodyHead(document, name string) []byte {
	wire := struct {
		Query         string `json:"query"`
		OperationName string `json:"operationName,omitempty"`
	}{document, name}
	head, _ := json.Marshal(wire) // texts can always be encoded
	return head[:len(head)-1]
}

// run sends the request until there is an answer that stands.
func (k *call) run(ctx context.Context) error {
	k.trace = &connTrace{}
	req, err := retryablehttp.NewRequestWithContext(k.trace.into(ctx), http.MethodPost, k.client.url, k.body)
	if err != nil {
		return fmt.Errorf("shopify: %w: request", ErrInvalid)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "posai-go")
	maps.Copy(req.Header, k.client.header)
	req.SetResponseHandler(k.receive)
	rc := &retryablehttp.Client{
		HTTPClient:   k.client.shared.http,
		RetryMax:     1 << 20, // decide counts
		CheckRetry:   k.decide,
		Backoff:      func(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return k.pause },
		PrepareRetry: k.prepare,
		ErrorHandler: func(resp *http.Response, err error, _ int) (*http.Response, error) { return resp, err },
	}
	if err := k.prepare(req.Request); err != nil {
		return err
	}
	resp, err := rc.Do(req)
	k.settle(ctx, PointUse{})
	if resp != nil {
		_ = resp.Body.Close() // read already, or of no use
	}
	k.info.Waited += k.wait
	return k.verdict(err)
}

// prepare gets the token and the points for the next attempt.
func (k *call) prepare(req *http.Request) error {
	k.trace.reset()
	k.answer, k.pause, k.told = nil, 0, false
	if err := k.takeToken(req.Context()); err != nil {
		return err
	}
	if header := k.client.shared.opts.API.TokenHeader; header != "" {
		req.Header.Set(header, k.token)
	}
	if err := k.takePoints(req.Context()); err != nil {
		return err
	}
	// Transports do not tell an end before they began from one under way, after
	// which the outcome is not known.
	if err := req.Context().Err(); err != nil {
		k.settle(req.Context(), PointUse{Unused: true})
		return &transportError{k.op.Name, err}
	}
	k.sentAt = time.Now()
	if k.firstSent.IsZero() {
		k.firstSent = k.sentAt
	}
	k.lastSent = k.sentAt
	k.info.Attempts++
	k.info.Status, k.info.RequestID, k.info.Cost = 0, "", Cost{}
	return nil
}

// takePoints waits for what the next attempt will cost.
func (k *call) takePoints(ctx context.Context) error {
	k.sentAt, k.queued = time.Time{}, 0
	if k.client.shared.opts.API.Uncounted {
		return nil
	}
	start := time.Now()
	points, err := k.client.shared.bucket.take(ctx, k.lane, k.costKey, k.client.shared.opts.MaxWait-k.wait)
	k.queued = time.Since(start)
	k.wait += k.queued
	k.info.WaitedForPoints += k.queued
	if te, ok := errors.AsType[*ThrottledError](err); ok {
		te.Operation = k.op.Name
	}
	if err != nil {
		return err
	}
	k.points = points
	return nil
}

// takeToken gets the token for the next attempt. The one that came in place of a
// refused token stays for all attempts that follow.
func (k *call) takeToken(ctx context.Context) error {
	if k.renewed || k.client.shared.opts.API.TokenHeader == "" {
		return nil
	}
	var err error
	if k.token, err = k.client.shared.tokens.Token(ctx); err != nil {
		return fmt.Errorf("shopify: %s: access token: %w", k.op.Name, err)
	}
	if k.token == "" {
		return fmt.Errorf("shopify: %s: %w: the token source gave an empty token", k.op.Name, ErrUnauthorized)
	}
	return nil
}

// settle tells the bucket what became of the points of the attempt under way,
// once.
func (k *call) settle(ctx context.Context, use PointUse) {
	if k.points != nil {
		k.client.shared.bucket.settle(ctx, k.points, use)
		k.points = nil
	}
}

// receive reads one answer. An error that it returns goes to decide.
func (k *call) receive(resp *http.Response) error {
	defer func() { _ = resp.Body.Close() }()
	k.info.Status = resp.StatusCode
	k.info.RequestID = resp.Header.Get("X-Request-Id")
	k.answered = k.info.RequestID
	k.info.APIVersion = resp.Header.Get("X-Shopify-API-Version")
	k.info.DeprecatedReason = resp.Header.Get("X-Shopify-API-Deprecated-Reason")
	if wait, ok := retryAfter(resp.Header.Get("Retry-After")); ok {
		k.pause, k.told = wait, wait > 0
	}

	limit := k.client.shared.opts.MaxResponse
	body, err := readAll(resp, limit+1)
	if err != nil {
		return &lostError{&transportError{k.op.Name, err}}
	}
	if int64(len(body)) > limit {
		return &failedError{err: fmt.Errorf("shopify: %s: %w: more than %d bytes", k.op.Name, ErrTooLarge, limit), mayHaveRun: true}
	}
	a, err := parseAnswer(resp.StatusCode, body)
	if a != nil && a.cost != nil {
		k.info.Cost = *a.cost
		k.settle(resp.Request.Context(), PointUse{Cost: *a.cost})
	}
	k.client.report(k, resp)
	if err != nil {
		return &lostError{fmt.Errorf("shopify: %s: %w", k.op.Name, err)}
	}
	k.answer = a
	if err := k.judge(resp.StatusCode, a); err != nil {
		return err
	}
	if a.neverRan() {
		k.settle(resp.Request.Context(), PointUse{Unused: true})
	}
	if err := a.decode(k.into); err != nil {
		k.answer = nil
		return &lostError{fmt.Errorf("shopify: %s: %w", k.op.Name, err)}
	}
	return nil
}

// readAll reads a body up to a limit, into a buffer of the right size if the
// server told it.
func readAll(resp *http.Response, limit int64) ([]byte, error) {
	var b bytes.Buffer
	if n := resp.ContentLength; n > 0 && n < limit {
		b.Grow(int(n) + bytes.MinRead)
	}
	_, err := b.ReadFrom(io.LimitReader(resp.Body, limit))
	return b.Bytes(), err
}

// report logs what an answer's headers say.
func (c *Client) report(k *call, resp *http.Response) {
	ctx, log := resp.Request.Context(), c.shared.opts.Logger
	log.LogAttrs(ctx, slog.LevelDebug, "shopify: answer",
		slog.String("operation", k.op.Name), slog.String("kind", string(k.op.Kind)), slog.Int("status", k.info.Status),
		slog.String("request_id", k.info.RequestID), slog.Int("attempt", k.info.Attempts),
		slog.Float64("requested_cost", k.info.Cost.Requested), slog.Float64("actual_cost", k.info.Cost.Actual),
		slog.Duration("since_start", time.Since(k.start)))
	if k.info.DeprecatedReason != "" && c.shared.deprecations.first(k.op.Name, k.info.DeprecatedReason) {
		log.LogAttrs(ctx, slog.LevelWarn, "shopify: deprecated use",
			slog.String("operation", k.op.Name), slog.String("reason", k.info.DeprecatedReason))
	}
	v := k.info.APIVersion
	if v == "" || v == c.version {
		return
	}
	if last := c.shared.answered.Swap(&v); last == nil || *last != v {
		log.LogAttrs(ctx, slog.LevelWarn, "shopify: another API version answers than was asked for",
			slog.String("asked", c.version), slog.String("answered", v))
	}
}

// deliver hands the answer to the caller and turns what it says about failure
// into errors.
func (k *call) deliver(ctx context.Context, resp *graphql.Response) error {
	a := k.answer
	var errs []error
	if err := cmp.Or(a.decode(resp.Data), a.decodeErr); err != nil {
		errs = append(errs, &decodeError{k.op.Name, err})
	}
	resp.Extensions = a.ext
	resp.Errors = a.list()
	if len(a.errors) > 0 {
		errs = append(errs, k.responseError(a))
	}
	if k.op.Kind == Mutation && !k.client.shared.opts.AllowUserErrors {
		if list := findUserErrors(a.Data); len(list) > 0 {
			errs = append(errs, &UserErrors{Operation: k.op.Name, List: list, secrets: newRedactor(k.variables)})
		}
	}
	if err := k.reportProtected(ctx, resp.Data); err != nil {
		errs = append(errs, err)
	}
	if k.info.Search = a.searchWarnings(); len(k.info.Search) > 0 {
		err := &SearchError{Operation: k.op.Name, Warnings: k.info.Search}
		if k.client.shared.opts.AllowSearchWarnings {
			k.client.shared.opts.Logger.Warn(err.Error())
		} else {
			errs = append(errs, err)
		}
	}
	err := errors.Join(errs...)
	if len(errs) == 1 {
		err = errs[0]
	}
	if err != nil && k.op.Kind == Mutation && a.hasPayload() && len(findUserErrors(a.Data)) == 0 {
		// It ran, at least in part: whoever takes this for a failure and calls
		// again has the effect twice.
		return k.outcomeUnknown(err)
	}
	return err
}

func costKeyOf(d *parsedDocument, variables json.RawMessage) costKey {
	key := costKey{operation: d.costs}
	if len(d.pages) == 0 || len(variables) == 0 {
		return key
	}
	var values map[string]json.RawMessage
	if json.Unmarshal(variables, &values) != nil {
		return key
	}
	var numbers []byte
	for _, v := range d.pages {
		if len(values[v]) > maxDigits { // no length of a page
			return key
		}
		numbers = append(append(numbers, ' '), values[v]...)
	}
	key.numbers = string(numbers)
	return key
}

func (k *call) responseError(a *answer) *ResponseError {
	return &ResponseError{
		Operation: k.op.Name,
		Status:    k.info.Status,
		RequestID: k.info.RequestID,
		Errors:    a.errors,
		Message:   a.message,
		secrets:   newRedactor(k.variables),
	}
}

// decodeError is data that does not fit the Go type. Its text leaves out the
// value, which may be a customer's.
type decodeError struct {
	operation string
	err       error
}

func (e *decodeError) Error() string {
	s := "shopify: " + e.operation + ": decoding the data"
	if te, ok := errors.AsType[*json.UnmarshalTypeError](e.err); ok {
		return s + ": " + te.Field + " does not fit " + te.Type.String()
	}
	return s + ": a value does not fit its type"
}

func (e *decodeError) Unwrap() error { return e.err }

// connTrace tells whether an attempt got a connection.
type connTrace struct{ asked, got atomic.Bool }

func (t *connTrace) reset() {
	t.asked.Store(false)
	t.got.Store(false)
}

func (t *connTrace) into(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { t.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { t.got.Store(true) },
	})
}
