package salesforce

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
)

// maxAnswer bounds an answer in JSON. The longest are descriptions of objects and pages
// of 2,000 records.
const maxAnswer = 32 << 20

// dataTimeout bounds a request that carries the data of a job: 100 MB over a slow line.
const dataTimeout = 30 * time.Minute

func newHTTP(o *Options, timeout time.Duration, tries int) *retryablehttp.Client {
	client := retryablehttp.NewClient()
	client.HTTPClient = &http.Client{
		Transport: o.Transport,
		Timeout:   timeout,
		// A redirect could lead a token elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	client.Logger = nil
	client.RetryMax = tries - 1
	client.RetryWaitMin, client.RetryWaitMax = o.MinWait, o.MaxWait
	client.ErrorHandler = retryablehttp.PassthroughErrorHandler
	// All that is sent may be sent again: queries, upserts by key, deletions by id. A job
	// that was created twice leaves an empty one behind.
	client.CheckRetry = func(ctx context.Context, resp *http.Response, err error) (bool, error) {
		lost := err != nil
		down := !lost && resp.StatusCode >= 500 && resp.StatusCode != http.StatusNotImplemented
		return (lost || down) && retryAfter(resp) <= o.MaxWait, ctx.Err()
	}
	client.Backoff = func(least, most time.Duration, attempt int, resp *http.Response) time.Duration {
		return max(jittered(least, most, attempt), retryAfter(resp))
	}
	return client
}

// jittered is a pause before a further try: between the half and the whole of what
// doubles with each.
func jittered(least, most time.Duration, attempt int) time.Duration {
	d := least << min(attempt, 16)
	if d <= 0 || d > most {
		d = most
	}
	return d/2 + rand.N(d/2+1)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

func retryAfter(resp *http.Response) time.Duration {
	if resp == nil {
		return 0
	}
	s, err := strconv.ParseFloat(resp.Header.Get("Retry-After"), 64)
	if err != nil || !(s > 0 && s < 1e6) {
		return 0
	}
	return time.Duration(s * float64(time.Second))
}

// send makes errors of the network ones of a sink. They quote no address: it may hold a
// customer's.
func send(ctx context.Context, client *retryablehttp.Client, req *retryablehttp.Request) (*http.Response, error) {
	resp, err := client.Do(req)
	switch {
	case err == nil:
		return resp, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err
	}
	return nil, fmt.Errorf("%w: %w", crm.ErrUnavailable, err)
}

// drain lets the connection be used again, if that costs little.
func drain(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 1<<16)
	_ = resp.Body.Close()
}

var errLongAnswer = errors.New("the answer is too long")

func readAll(r io.Reader, most int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: the answer broke off", crm.ErrUnavailable)
	case int64(len(b)) > most:
		return nil, fmt.Errorf("%w: %w", crm.ErrUnavailable, errLongAnswer)
	}
	return b, nil
}

// request is one call of the API.
type request struct {
	method string
	path   string // with its query, below the instance's address
	header http.Header
	body   any // nil, []byte of JSON, or a func() (io.Reader, error) of CSV
	// urgent requests go into the reserve of the day's calls.
	urgent bool
	// long ones read the results of a job; uploads send its data, once.
	long, upload bool
}

// open sends a request and returns a successful answer (2xx, or 300), whose body the
// caller closes. Everything else is an *APIError.
func (s *Sink) open(ctx context.Context, r request) (*http.Response, error) {
	if !r.urgent {
		if err := s.usage.check(s.opts.Reserve, time.Now()); err != nil {
			return nil, err
		}
	}
	stale := 0
	for renewals := 0; ; renewals++ {
		tok, err := s.tokens.get(ctx, stale)
		if err != nil {
			return nil, err
		}
		resp, err := s.sendAs(ctx, tok, r)
		if err != nil {
			return nil, fmt.Errorf("salesforce: %w", err)
		}
		s.usage.note(resp.Header.Get("Sforce-Limit-Info"), time.Now())
		if resp.StatusCode < 300 || resp.StatusCode == http.StatusMultipleChoices {
			return resp, nil
		}
		// Expired, or revoked. A new token is enough, unless somebody else got it some time
		// ago.
		if resp.StatusCode == http.StatusUnauthorized && renewals < 3 {
			drain(resp)
			stale = tok.number
			continue
		}
		err = failure(resp)
		drain(resp)
		if errors.Is(err, crm.ErrRefused) {
			s.forgetSchema() // somebody will change it
		}
		return nil, fmt.Errorf("salesforce: %w", err)
	}
}

func (s *Sink) sendAs(ctx context.Context, tok token, r request) (*http.Response, error) {
	req, err := retryablehttp.NewRequestWithContext(ctx, r.method, tok.instance.String()+r.path, r.body)
	if err != nil {
		return nil, err
	}
	maps.Copy(req.Header, r.header)
	if _, is := r.body.([]byte); is {
		req.Header.Set("Content-Type", "application/json")
	}
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+tok.bearer)
	switch {
	case r.upload:
		return send(ctx, s.once, req)
	case r.long:
		return send(ctx, s.data, req)
	}
	return send(ctx, s.http, req)
}

// call is open for an answer in JSON. into may be nil. An answer that breaks off, or is a
// page for people, is asked for again.
func (s *Sink) call(ctx context.Context, r request, into any) error {
	for try := 1; ; try++ {
		broken, err := s.callOnce(ctx, r, into)
		if !broken || try == s.opts.Tries || ctx.Err() != nil {
			return err
		}
		if err := pause(ctx, jittered(s.opts.MinWait, s.opts.MaxWait, try)); err != nil {
			return err
		}
	}
}

func (s *Sink) callOnce(ctx context.Context, r request, into any) (broken bool, err error) {
	resp, err := s.open(ctx, r)
	if err != nil {
		return false, err
	}
	defer drain(resp)
	if into == nil || resp.StatusCode == http.StatusNoContent {
		return false, nil
	}
	body, err := readAll(resp.Body, maxAnswer)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return true, fmt.Errorf("salesforce: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(into); err != nil {
		return true, fmt.Errorf("salesforce: %w: the answer is not the JSON that was expected", crm.ErrUnavailable)
	}
	return false, nil
}
