package bulk

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
)

// Options are the optional settings of a [Runner]. Zero fields are the
// defaults.
type Options struct {
	// Limits bound what reading results takes.
	Limits
	// HTTPClient gets and sends files at the storage host. The runner uses a
	// copy without its cookie jar; it must not add credentials. If nil, one
	// with Go's default transport. A Timeout would cut long downloads: they
	// are given up, and gone on with, when nothing came for StallTimeout.
	HTTPClient *http.Client
	// StallTimeout is how long the storage host may be silent. If zero, 1 min.
	StallTimeout time.Duration
	// MinPoll and MaxPoll bound the pause between two looks at an operation,
	// which grows by half each time. [Runner.Finished] ends it early. A look
	// costs one point. If zero, 1 s and 20 s.
	MinPoll, MaxPoll time.Duration
	// Progress is called after each look and now and then during a download,
	// from the goroutine that waits or reads. If nil, nobody is told.
	Progress func(Progress)
}

// Progress tells how far an operation and the reading of its results are.
type Progress struct {
	ID     shopify.GID
	Status admin.BulkOperationStatus
	// Objects and RootObjects are how many Shopify has written.
	Objects, RootObjects uint64
	// Size is the length of the file in bytes; 0 before it is known.
	Size uint64
	// Read is how many bytes have been downloaded, as they were sent.
	Read int64
}

// Runner runs the bulk operations of one shop. Safe for concurrent use.
type Runner struct {
	client *shopify.Client // in the background lane
	base   *url.URL
	http   *http.Client
	opts   Options

	mu sync.Mutex
	// bells are rung when somebody says that an operation has finished: by its
	// id, and under no id for any.
	bells map[shopify.GID]chan struct{}
}

// NewRunner returns a runner that works through the client, in the background
// lane. It sends nothing yet. The error matches [shopify.ErrInvalid].
func NewRunner(client *shopify.Client, opts *Options) (*Runner, error) {
	if client == nil {
		return nil, fmt.Errorf("bulk: %w: no client", shopify.ErrInvalid)
	}
	base, err := url.Parse(client.BaseURL())
	if err != nil {
		return nil, fmt.Errorf("bulk: %w: BaseURL", shopify.ErrInvalid)
	}
	r := &Runner{client: client.With(shopify.CallOptions{Lane: shopify.Background}), base: base, bells: map[shopify.GID]chan struct{}{}}
	if opts != nil {
		r.opts = *opts
	}
	r.opts.setDefaults()
	if r.opts.StallTimeout <= 0 {
		r.opts.StallTimeout = time.Minute
	}
	if r.opts.MinPoll <= 0 {
		r.opts.MinPoll = time.Second
	}
	if r.opts.MaxPoll <= 0 {
		r.opts.MaxPoll = 20 * time.Second
	}
	r.opts.MaxPoll = max(r.opts.MaxPoll, r.opts.MinPoll)
	r.http = &http.Client{}
	if r.opts.HTTPClient != nil {
		*r.http = *r.opts.HTTPClient
	}
	r.http.Jar = nil
	r.http.CheckRedirect = r.checkRedirect
	return r, nil
}

// QueryOptions are the optional settings of [Runner.Query]. Zero fields are the
// defaults.
type QueryOptions struct {
	// GroupObjects asks Shopify to write children directly after their parent.
	// Then [Objects] gives each object out at once, in order and without
	// temporary files. It makes the operation slower, and more likely to time
	// out on large shops.
	GroupObjects bool
	// NoWait fails with [ErrBusy] where as many operations run as the shop
	// allows, instead of waiting for one to end.
	NoWait bool
}

// maxQuery is the longest query in bytes.
// Source: https://shopify.dev/docs/api/usage/bulk-operations/queries
const maxQuery = 65_535

// Query starts a bulk query:
//
//	op, err := runner.Query(ctx, `{ products { edges { node { id title } } } }`, nil)
//
// Connections take no first or last, and are selected through edges and node; a
// node with connections in it must select id. At most five connections, at most
// two levels below the first.
//
// Shopify runs five queries (and five mutations) of an app at a time. Query
// waits until there is room or ctx ends. If the answer is lost, it looks whether
// the operation was started, by a comment that it adds to the text. What Shopify
// dislikes about the query is a [*shopify.UserErrors].
func (r *Runner) Query(ctx context.Context, query string, opts *QueryOptions) (*Operation, error) {
	var o QueryOptions
	if opts != nil {
		o = *opts
	}
	if len(query) > maxQuery {
		return nil, fmt.Errorf("bulk: %w: the query has more than %d bytes", ErrTooLarge, maxQuery)
	}
	s := start{kind: admin.BulkOperationTypeQuery, noWait: o.NoWait}
	text := s.mark(query, maxQuery)
	id, err := r.start(ctx, s, func(ctx context.Context) (*admin.BulkOperation, error) {
		resp, err := admin.BulkOperationRunQuery(ctx, r.client, text, o.GroupObjects)
		if resp == nil || resp.BulkOperationRunQuery == nil {
			return nil, err
		}
		return resp.BulkOperationRunQuery.BulkOperation, err
	})
	if err != nil {
		return nil, err
	}
	return &Operation{runner: r, id: id, grouped: o.GroupObjects}, nil
}

// Operation returns an operation by its id: after a restart of the program, or
// from a webhook. It sends nothing.
func (r *Runner) Operation(id shopify.GID) *Operation { return &Operation{runner: r, id: id} }

// Finished says that an operation has ended, so that whoever waits for it, or
// for room to start another, looks at once. Call it for the topic
// bulk_operations/finish with the payload's admin_graphql_api_id. It is a hint:
// waiting also ends without it, later.
func (r *Runner) Finished(id shopify.GID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range []shopify.GID{id, ""} {
		if bell, ok := r.bells[key]; ok {
			close(bell)
			delete(r.bells, key)
		}
	}
}

// bell returns a channel that is closed when the operation, or any, is said to
// have ended.
func (r *Runner) bell(id shopify.GID) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	bell, ok := r.bells[id]
	if !ok {
		bell = make(chan struct{})
		r.bells[id] = bell
	}
	return bell
}

// pause waits for the time, for the bell or until ctx ends.
func pause(ctx context.Context, d time.Duration, bell <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-bell:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// A start is an operation that is to be started.
type start struct {
	kind   admin.BulkOperationType
	noWait bool
	marker string
}

// mark adds a comment to a document, by which the operation can be found. If
// there is no room for it, the document stays as it is.
func (s *start) mark(document string, limit int) string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	s.marker = "# posai:" + hex.EncodeToString(b[:])
	if len(document)+len(s.marker)+1 > limit {
		s.marker = ""
		return document
	}
	return document + "\n" + s.marker
}

// maxQueuePause is the longest time between two attempts to start an operation.
const maxQueuePause = 30 * time.Second

// start starts an operation, waiting for room.
func (r *Runner) start(ctx context.Context, s start, run func(context.Context) (*admin.BulkOperation, error)) (shopify.GID, error) {
	wait := r.opts.MinPoll
	for {
		bell := r.bell("")
		op, err := run(ctx)
		if errors.Is(err, shopify.ErrOutcomeUnknown) {
			found, findErr := r.find(ctx, s)
			switch {
			case found != "":
				return found, nil
			case findErr != nil || s.marker == "" || s.kind == admin.BulkOperationTypeMutation:
				return "", err // a mutation that was started after all must not run twice
			}
			// A query that runs a second time takes room, and changes nothing.
			continue
		}
		if err == nil {
			if op == nil || op.ID == "" {
				return "", errors.New("bulk: Shopify answered without an operation")
			}
			return op.ID, nil
		}
		if !busy(err) {
			return "", err
		}
		if s.noWait {
			return "", fmt.Errorf("bulk: %w: %w", ErrBusy, err)
		}
		if cause := pause(ctx, wait, bell); cause != nil {
			return "", fmt.Errorf("bulk: %w: %w", ErrBusy, cause)
		}
		wait = min(wait*3/2, max(maxQueuePause, r.opts.MaxPoll))
	}
}

// busy reports that there is no room for another operation.
func busy(err error) bool {
	ue, ok := errors.AsType[*shopify.UserErrors](err)
	return ok && (ue.Has("OPERATION_IN_PROGRESS") || ue.Has("LIMIT_REACHED"))
}

// find looks for an operation whose answer was lost. It looks more than once: a
// list may lag behind.
func (r *Runner) find(ctx context.Context, s start) (shopify.GID, error) {
	if s.marker == "" {
		return "", nil
	}
	for attempt := range 3 {
		if err := pause(ctx, time.Duration(attempt)*r.opts.MinPoll, nil); err != nil {
			return "", err
		}
		resp, err := admin.RecentBulkOperations(ctx, r.client, 20, shopify.Some("operation_type:"+string(s.kind)))
		if err != nil {
			return "", err
		}
		for _, op := range resp.BulkOperations.Nodes {
			if hasMarker(op.Query, s.marker) {
				return op.ID, nil
			}
		}
	}
	return "", nil
}
