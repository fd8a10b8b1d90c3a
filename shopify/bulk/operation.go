package bulk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
)

// Operation is a bulk operation of the shop. Safe for concurrent use.
type Operation struct {
	runner  *Runner
	id      shopify.GID
	grouped bool
	rows    int64 // of a mutation that this program sent; 0 if not known
}

// ID returns the operation's id. Keep it to go on after a restart, with
// [Runner.Operation].
func (o *Operation) ID() shopify.GID { return o.id }

// Get looks at the operation. The error matches [shopify.ErrNotFound] if there
// is none with this id.
func (o *Operation) Get(ctx context.Context) (*admin.BulkOperation, error) {
	resp, err := admin.GetBulkOperation(ctx, o.runner.client, o.id)
	if err != nil {
		return nil, err
	}
	if resp.BulkOperation == nil {
		return nil, fmt.Errorf("bulk: %w: operation %s", shopify.ErrNotFound, o.id)
	}
	o.progress(resp.BulkOperation, 0)
	return resp.BulkOperation, nil
}

func (o *Operation) progress(op *admin.BulkOperation, read int64) {
	if o.runner.opts.Progress == nil {
		return
	}
	p := Progress{ID: op.ID, Status: op.Status, Objects: uint64(op.ObjectCount), RootObjects: uint64(op.RootObjectCount), Read: read}
	if op.FileSize != nil {
		p.Size = uint64(*op.FileSize)
	}
	o.runner.opts.Progress(p)
}

// maxFailedLooks is how many looks in a row may fail.
const maxFailedLooks = 8

// Wait waits until the operation has ended. What ended otherwise than well is
// an [*OperationError], beside the operation. A few looks in a row may fail, for
// Shopify's sake; ctx bounds the whole.
func (o *Operation) Wait(ctx context.Context) (*admin.BulkOperation, error) {
	wait, failed := o.runner.opts.MinPoll, 0
	for {
		bell := o.runner.bell(o.id)
		op, err := o.Get(ctx)
		switch {
		case err == nil && ended(op.Status):
			// Ending says that there is room, also without a webhook.
			o.runner.Finished(o.id)
			return op, o.outcome(op)
		case err == nil:
			failed = 0
		case ctx.Err() != nil:
			return nil, fmt.Errorf("bulk: waiting for %s: %w", o.id, context.Cause(ctx))
		case errors.Is(err, shopify.ErrServer), errors.Is(err, shopify.ErrThrottled), isNetwork(err):
			if failed++; failed >= maxFailedLooks {
				return nil, err
			}
		default:
			return nil, err
		}
		if err := pause(ctx, wait, bell); err != nil {
			return nil, fmt.Errorf("bulk: waiting for %s: %w", o.id, err)
		}
		wait = min(wait*3/2, o.runner.opts.MaxPoll)
	}
}

func ended(s admin.BulkOperationStatus) bool {
	switch s {
	case admin.BulkOperationStatusCompleted, admin.BulkOperationStatusFailed, admin.BulkOperationStatusCanceled, admin.BulkOperationStatusExpired:
		return true
	}
	return false
}

func (o *Operation) outcome(op *admin.BulkOperation) error {
	if op.Status == admin.BulkOperationStatusCompleted {
		return nil
	}
	return &OperationError{
		ID: op.ID, Status: op.Status, Code: op.ErrorCode, Objects: uint64(op.ObjectCount),
		Partial: op.URL != "" || op.PartialDataURL != "",
	}
}

// Cancel asks Shopify to stop the operation. It ends some time later: see
// [Operation.Wait], which then returns an error that matches [ErrCanceled]. What
// a mutation has done by then is done.
func (o *Operation) Cancel(ctx context.Context) error {
	_, err := admin.BulkOperationCancel(ctx, o.runner.client, o.id)
	return err
}

// ReadOptions are the optional settings of [Objects], [Rows] and [Results].
// Zero fields are the defaults.
type ReadOptions struct {
	// Partial reads what an operation that failed or was canceled had found
	// until then, and yields the [*OperationError] after it. If false, nothing
	// is read of such an operation.
	Partial bool
	// Grouped says that the operation was started with GroupObjects. For
	// operations that [Runner.Query] returned this is known.
	Grouped bool
}

// Objects waits until a bulk query has ended and yields its objects, each with
// its children in place, straight from the download: see the package
// documentation for how T says where children go, and [Decode] for the order
// and for the errors of lines. A download that breaks off is gone on with.
// Ranging again downloads again.
func Objects[T any](ctx context.Context, op *Operation, opts *ReadOptions) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		err := op.read(ctx, opts, func(file io.Reader, o *DecodeOptions) error {
			return decode(ctx, file, o, yield)
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(zero, err)
		}
	}
}

// read waits for the operation and calls do with its file, if there is one.
func (o *Operation) read(ctx context.Context, opts *ReadOptions, do func(io.Reader, *DecodeOptions) error) error {
	var ro ReadOptions
	if opts != nil {
		ro = *opts
	}
	op, err := o.Wait(ctx)
	failed, isOutcome := errors.AsType[*OperationError](err)
	if err != nil && (!isOutcome || !ro.Partial || !failed.Partial) {
		return err
	}
	address := fileOf(op)
	if address == "" {
		if err == nil && op.ObjectCount > 0 {
			return fmt.Errorf("bulk: %w: the results of %s are gone", ErrExpired, o.id)
		}
		return err // no results
	}
	d := o.runner.download(ctx, address, func(ctx context.Context) (string, error) {
		op, err := o.Get(ctx)
		if err != nil {
			return "", err
		}
		return fileOf(op), nil
	})
	d.progress = func(read int64) { o.progress(op, read) }
	defer d.Close()
	file, ferr := d.plain()
	if ferr != nil {
		return ferr
	}
	do1 := &DecodeOptions{Limits: o.runner.opts.Limits, Grouped: o.grouped || ro.Grouped, Size: 1 << 30}
	if op.FileSize != nil && *op.FileSize > 0 {
		do1.Size = int64(min(uint64(*op.FileSize), 1<<62))
	}
	if derr := do(file, do1); derr != nil {
		return derr
	}
	return err
}

// fileOf is where the results are: of an operation that did not complete, what
// there is of them.
func fileOf(op *admin.BulkOperation) string {
	if op.URL != "" {
		return op.URL
	}
	return op.PartialDataURL
}

// hasMarker reports whether a document that Shopify stored is the one with the
// marker.
func hasMarker(document, marker string) bool { return strings.Contains(document, marker) }
