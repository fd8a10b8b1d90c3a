package shopifytest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/posai-go/posai/shopify/schema"
	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
	"github.com/posai-go/posai/shopify/shopifytest/internal/search"
)

// The states of a bulk operation.
const (
	bulkCreated   = "CREATED"
	bulkRunning   = "RUNNING"
	bulkCanceling = "CANCELING"
	bulkCanceled  = "CANCELED"
	bulkCompleted = "COMPLETED"
	bulkExpired   = "EXPIRED"
	bulkFailed    = "FAILED"
)

// defaultBulkLimit is how many operations of a kind run at a time.
// https://shopify.dev/docs/api/usage/bulk-operations/queries
const defaultBulkLimit = 5

// bulkOperation is one bulk operation. The state's lock guards it.
type bulkOperation struct {
	head
	kind        string // QUERY or MUTATION
	query       string
	grouped     bool
	status      string
	errorCode   string
	completedAt time.Time
	objects     int
	roots       int
	file        *storedFile // of a completed one
	partial     *storedFile
	upload      []byte // variables of a mutation
	scopes      []string
	fault       BulkFault
	cancel      context.CancelFunc
}

// active tells that the operation takes one of the places.
func (o *bulkOperation) active() bool {
	return o.status == bulkCreated || o.status == bulkRunning || o.status == bulkCanceling
}

// bulkWork runs the operations of a shop, one goroutine each.
type bulkWork struct {
	shop  *Shop
	limit int
	delay time.Duration

	ctx    context.Context //nolint:containedctx // the life of the operations, ended by close
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu     sync.Mutex
	faults []*armedBulkFault
	holds  map[string]chan struct{} // by fault: those of the control surface, until they are released
}

func newBulkWork(s *Shop, limit int, delay time.Duration) *bulkWork {
	w := &bulkWork{shop: s, limit: limit, delay: delay, holds: map[string]chan struct{}{}}
	if w.limit <= 0 {
		w.limit = defaultBulkLimit
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

func (w *bulkWork) close() {
	w.cancel()
	w.done.Wait()
}

// begin files the operation and starts it. The state is locked.
func (w *bulkWork) begin(o *bulkOperation) {
	s := w.shop.state
	o.status, o.fault, o.scopes = bulkCreated, w.takeFault(o.kind), s.app.installation.scopes
	s.add(o, "BulkOperation", 0, s.now())
	s.bulk = append(s.bulk, o)
	ctx, cancel := context.WithCancel(w.ctx)
	o.cancel = cancel
	if w.ctx.Err() == nil {
		w.done.Go(func() {
			defer cancel()
			w.run(ctx, o)
		})
	}
}

// run is the life of an operation.
func (w *bulkWork) run(ctx context.Context, o *bulkOperation) {
	s := w.shop.state
	if !w.shop.clock.sleep(ctx, w.delay/2) {
		w.finish(o, bulkCanceled, "", nil)
		return
	}
	s.mu.Lock()
	if o.status == bulkCreated {
		o.status = bulkRunning
	}
	s.mu.Unlock()
	if o.fault.Hold != nil {
		select {
		case <-o.fault.Hold:
		case <-ctx.Done():
		}
	}
	if !w.shop.clock.sleep(ctx, w.delay-w.delay/2) {
		w.finish(o, bulkCanceled, "", nil)
		return
	}
	var lines [][]byte
	var roots int
	var code string
	if o.kind == "QUERY" {
		lines, roots, code = w.query(o)
	} else {
		lines, code = w.mutate(ctx, o)
		roots = len(lines)
	}
	s.mu.Lock()
	o.objects, o.roots = len(lines), roots
	s.mu.Unlock()
	if o.fault.Shuffle {
		rand.New(rand.NewPCG(uint64(o.id), 1)).Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	}
	switch {
	case ctx.Err() != nil:
		w.finish(o, bulkCanceled, "", lines)
	case o.fault.Expire:
		w.finish(o, bulkExpired, "", nil)
	case code == "" && o.fault.Fail != "":
		w.finish(o, bulkFailed, o.fault.Fail, lines[:len(lines)/2])
	case code != "":
		w.finish(o, bulkFailed, code, lines)
	default:
		w.finish(o, bulkCompleted, "", lines)
	}
}

// finish ends an operation and tells the subscribers of bulk_operations/finish.
func (w *bulkWork) finish(o *bulkOperation, status, code string, lines [][]byte) {
	if w.ctx.Err() != nil {
		return // the shop is closed
	}
	s := w.shop.state
	s.mu.Lock()
	defer s.mu.Unlock()
	o.status, o.errorCode, o.completedAt = status, code, s.now()
	s.touch(o)
	if len(lines) > 0 {
		file := w.shop.storage.store(o, append(bytes.Join(lines, []byte{'\n'}), '\n'))
		if status == bulkCompleted {
			o.file = file
		} else {
			o.partial = file
		}
	}
	o.upload = nil
	s.emit("bulk_operations/finish", o, bulkPayload(o), s.newGroup())
}

// query executes a bulk query and returns the lines of its file.
func (w *bulkWork) query(o *bulkOperation) (lines [][]byte, roots int, code string) {
	s := w.shop.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	req := graph.Request{Query: o.query}
	if o.scopes != nil {
		req.Access = accessOf(schema.Admin(), o.scopes)
	}
	op, problems := w.shop.admin.cfg.engine.PrepareBulk(req)
	if problems != nil {
		return nil, 0, "INTERNAL_SERVER_ERROR" // it was valid when it was started
	}
	tree, errs := op.ExecuteBulk(w.ctx, s)
	for _, err := range errs {
		code = "INTERNAL_SERVER_ERROR"
		if err.Code() == "ACCESS_DENIED" {
			code = "ACCESS_DENIED"
			break
		}
	}
	return flatten(tree, o.grouped), len(tree), code
}

// flatten writes the objects as lines: each directly followed by what is below
// it or, ungrouped, level by level.
func flatten(tree []*graph.BulkLine, grouped bool) [][]byte {
	type pair struct{ line, parent *graph.BulkLine }
	var out [][]byte
	var next []pair
	for _, l := range tree {
		next = append(next, pair{l, nil})
	}
	for len(next) > 0 {
		p := next[0]
		next = next[1:]
		out = append(out, p.line.WithParent(p.parent))
		below := make([]pair, len(p.line.Children))
		for i, c := range p.line.Children {
			below[i] = pair{c, p.line}
		}
		if grouped {
			next = append(below, next...)
		} else {
			next = append(next, below...)
		}
	}
	return out
}

// bulkPayload is the body of bulk_operations/finish.
func bulkPayload(o *bulkOperation) map[string]any {
	return map[string]any{
		"admin_graphql_api_id": o.gid, "completed_at": o.completedAt.UTC().Format(time.RFC3339), "created_at": o.createdAt.UTC().Format(time.RFC3339),
		"error_code": orNull(lower(o.errorCode)), "status": lower(o.status), "type": lower(o.kind),
	}
}

var bulkFields = table[*bulkOperation]{
	"type":      func(_ *state, o *bulkOperation, _ *graph.Call) any { return o.kind },
	"query":     func(_ *state, o *bulkOperation, _ *graph.Call) any { return o.query },
	"status":    func(_ *state, o *bulkOperation, _ *graph.Call) any { return o.status },
	"errorCode": func(_ *state, o *bulkOperation, _ *graph.Call) any { return orNull(o.errorCode) },
	"completedAt": func(_ *state, o *bulkOperation, _ *graph.Call) any {
		if o.completedAt.IsZero() {
			return nil
		}
		return o.completedAt
	},
	"objectCount":     func(_ *state, o *bulkOperation, _ *graph.Call) any { return strconv.Itoa(o.objects) },
	"rootObjectCount": func(_ *state, o *bulkOperation, _ *graph.Call) any { return strconv.Itoa(o.roots) },
	"fileSize": func(_ *state, o *bulkOperation, _ *graph.Call) any {
		if o.file == nil {
			return nil
		}
		return strconv.Itoa(len(o.file.body))
	},
	"url":            func(s *state, o *bulkOperation, _ *graph.Call) any { return s.fileURL(o.file) },
	"partialDataUrl": func(s *state, o *bulkOperation, _ *graph.Call) any { return s.fileURL(o.partial) },
}

func (s *state) fileURL(f *storedFile) any {
	if f == nil {
		return nil
	}
	return f.url
}

var bulkIndex = search.Index[*bulkOperation]{
	Words: func(o *bulkOperation) []string { return []string{o.gid} },
	Fields: commonIndex(map[string]search.Field[*bulkOperation]{
		"status":         one(search.Keyword, func(o *bulkOperation) any { return o.status }),
		"operation_type": one(search.Keyword, func(o *bulkOperation) any { return o.kind }),
	}),
}

var bulkSort = sorts[*bulkOperation]{
	"CREATED_AT":   byTime[*bulkOperation],
	"COMPLETED_AT": func(a, b *bulkOperation) int { return a.completedAt.Compare(b.completedAt) },
}

// currentBulk is the newest operation of the kind.
func (s *state) currentBulk(kind string) *bulkOperation {
	for _, o := range slices.Backward(s.bulk) {
		if o.kind == kind {
			return o
		}
	}
	return nil
}

// busyBulk is the user error where there is no place for another operation, or nil.
func (s *state) busyBulk(kind string, limit int) *userError {
	var running []*bulkOperation
	for _, o := range s.bulk {
		if o.kind == kind && o.active() {
			running = append(running, o)
		}
	}
	if len(running) < limit {
		return nil
	}
	return &userError{message: fmt.Sprintf("A bulk %s operation for this app and shop is already in progress: %s.", lower(kind), running[0].gid), code: "OPERATION_IN_PROGRESS"}
}
