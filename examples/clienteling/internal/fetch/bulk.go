package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/Khan/genqlient/graphql"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/store"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/bulk"
)

const (
	// batch is how many states are put into the store in one transaction.
	batch = 200
	// Overlap is how far a look at what changed reaches back behind the last one:
	// Shopify's search learns of changes late.
	Overlap = time.Hour

	leaseName = "backfill"
	leaseTime = 2 * time.Minute
	markTime  = "backfill/complete"
)

// kinds are the bulk operations of a run.
var kinds = []string{"variants", "customers", "orders", "numbers"}

// Report is what a backfill came to.
type Report struct {
	Since                       time.Time // zero: everything
	Resumed                     bool      // an operation of an earlier process was gone on with
	Variants, Customers, Orders Figures
}

// Figures count what was read, and what of it was news.
type Figures struct{ Read, Stored int }

// Backfill reads the whole shop, or what of it changed, by bulk operations.
type Backfill struct {
	Store  *store.Store
	Runner *bulk.Runner
	Reader *Reader
	// Tag is the tag of who opted out of sharing; "" is none.
	Tag string
	// First is how far back orders go the first time. If zero, as far as the token sees.
	First time.Time
	// Reread makes sure that what cannot be told apart by its version is read again: of
	// the kind "orders" or "customers". Of the kind "missing" are customers whom the shop
	// does not list any more.
	Reread func(ctx context.Context, kind string, ids []int64) error
	// Now tells the time. If nil, [time.Now].
	Now func() time.Time
}

// operation is a bulk operation at work, as it is kept to be found by the next process.
type operation struct {
	ID    shopify.GID `json:"id"`
	Since time.Time   `json:"since"`
	Began time.Time   `json:"began"`
}

// Complete reports when the last look began that came to its end; zero if none did.
func (b *Backfill) Complete(ctx context.Context) (time.Time, error) {
	text, err := b.Store.Mark(ctx, markTime)
	if err != nil || text == "" {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339, text)
}

// Run reads everything the first time, and then what changed since the last run. A
// process that dies in between leaves its operations to the next, which reads their
// results. It reports false if another process is at it.
func (b *Backfill) Run(ctx context.Context) (report Report, ran bool, err error) {
	lease, ok, err := b.Store.Acquire(ctx, leaseName, leaseTime)
	if err != nil || !ok {
		return report, false, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var keeping sync.WaitGroup
	defer func() {
		cancel(nil)
		keeping.Wait()
		err = errors.Join(err, b.Store.Release(context.WithoutCancel(ctx), lease))
	}()
	keeping.Go(func() {
		for tick := time.NewTicker(leaseTime / 6); ; {
			select {
			case <-tick.C:
			case <-ctx.Done():
				tick.Stop()
				return
			}
			if err := b.Store.Renew(ctx, lease, leaseTime); err != nil && ctx.Err() == nil {
				cancel(err)
			}
		}
	})
	last, err := b.Complete(ctx)
	if err != nil {
		return report, false, err
	}
	began := b.now()
	r := &run{Backfill: b, report: &report}
	if !last.IsZero() {
		report.Since = last.Add(-Overlap)
	}
	// Where and what can be bought comes first, so that a profile is complete as soon as
	// its orders are there.
	steps := []func() error{
		func() error { return b.Reader.Locations(ctx, b.putLocation) },
		func() error { return r.variants(ctx, began) },
		func() error { return r.customers(ctx, began) },
		func() error { return r.orders(ctx, began) },
		func() error { return r.missing(ctx, began) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return report, true, err
		}
	}
	for _, kind := range kinds {
		op, err := r.kept(ctx, kind)
		if err != nil {
			return report, true, err
		}
		if op != nil && op.Began.Before(began) {
			began = op.Began
		}
	}
	if err := b.Store.SetMark(ctx, markTime, began.UTC().Format(time.RFC3339)); err != nil {
		return report, true, err
	}
	for _, kind := range kinds {
		if err := b.Store.SetMark(ctx, markOf(kind), ""); err != nil {
			return report, true, err
		}
	}
	return report, true, nil
}

func (b *Backfill) putLocation(ctx context.Context, id int64, name string) error {
	_, err := b.Store.PutLocation(ctx, id, name)
	return err
}

func (b *Backfill) now() time.Time {
	if b.Now != nil {
		return b.Now()
	}
	return time.Now()
}

type run struct {
	*Backfill
	report *Report
}

func (r *run) variants(ctx context.Context, began time.Time) error {
	return stream(ctx, r, "variants", began, changedSince(r.report.Since), AllVariants, &r.report.Variants, func(f VariantFacts) (store.Variant, error) { return variantOf(&f) },
		func(ctx context.Context, vs []store.Variant) (int, []int64, error) {
			return len(vs), nil, r.Store.PutVariants(ctx, vs)
		})
}

func (r *run) customers(ctx context.Context, began time.Time) error {
	return stream(ctx, r, "customers", began, changedSince(r.report.Since), AllCustomers, &r.report.Customers,
		func(f CustomerFacts) (book.Customer, error) { return customerOf(&f, r.Tag), nil }, r.Store.PutCustomers)
}

func (r *run) orders(ctx context.Context, began time.Time) error {
	filter := changedSince(r.report.Since)
	if filter == "" && !r.First.IsZero() {
		filter = "processed_at:>='" + r.First.UTC().Format(time.RFC3339) + "'"
	}
	return stream(ctx, r, "orders", began, filter, AllOrders, &r.report.Orders,
		func(f bulkOrder) (store.Order, error) { return orderOf(&f.OrderFacts, f.Lines) }, r.Store.PutOrders)
}

// missing finds those whom the book has and the shop has not: the delivery that they are
// gone was lost. The first time there is nobody to be missed.
func (r *run) missing(ctx context.Context, began time.Time) error {
	if r.report.Since.IsZero() {
		return nil
	}
	there := map[int64]bool{}
	err := stream(ctx, r, "numbers", began, "", AllNumbers, new(Figures), func(f CustomerRef) (int64, error) { return f.ID.Number() },
		func(_ context.Context, ids []int64) (int, []int64, error) {
			for _, id := range ids {
				there[id] = true
			}
			return len(ids), nil, nil
		})
	if err != nil {
		return err
	}
	missing, err := r.Store.Missing(ctx, there)
	if err != nil || len(missing) == 0 {
		return err
	}
	return r.Reread(ctx, "missing", missing)
}

// bulkOrder is an order in a file of results.
type bulkOrder struct {
	OrderFacts
	Lines []LineFacts `bulk:"LineItem"`
}

func changedSince(since time.Time) string {
	if since.IsZero() {
		return ""
	}
	return "updated_at:>='" + since.UTC().Format(time.RFC3339) + "'"
}

// stream runs one bulk query, or goes on with one, and puts what it found.
func stream[F, T, R any](
	ctx context.Context, r *run, kind string, began time.Time, filter string, query func(context.Context, graphql.Client) (R, error), figures *Figures,
	convert func(F) (T, error), put func(context.Context, []T) (int, []int64, error),
) error {
	fail := func(err error) error { return fmt.Errorf("backfill of %s: %w", kind, err) }
	op, err := r.operation(ctx, kind, began, filter, textOf(ctx, query))
	if err != nil {
		return fail(err)
	}
	*figures = Figures{}
	var pending []T
	flush := func() error {
		stored, conflicts, err := put(ctx, pending)
		if err != nil {
			return err
		}
		figures.Stored += stored
		pending = pending[:0]
		if len(conflicts) > 0 {
			return r.Reread(ctx, kind, conflicts)
		}
		return nil
	}
	for f, err := range bulk.Objects[F](ctx, op, nil) {
		if err != nil {
			if errors.Is(err, bulk.ErrExpired) || errors.Is(err, bulk.ErrCanceled) || errors.Is(err, bulk.ErrTimeout) || errors.Is(err, shopify.ErrServer) || errors.Is(err, shopify.ErrNotFound) {
				// Nothing comes of it any more: the next attempt starts another.
				err = errors.Join(err, r.Store.SetMark(context.WithoutCancel(ctx), markOf(kind), ""))
			}
			return fail(err)
		}
		v, err := convert(f)
		if err != nil {
			return fail(err)
		}
		figures.Read++
		if pending = append(pending, v); len(pending) == batch {
			if err := flush(); err != nil {
				return fail(err)
			}
		}
	}
	if err := flush(); err != nil {
		return fail(err)
	}
	return nil
}

// operation is the one that was started before, or a new one.
func (r *run) operation(ctx context.Context, kind string, began time.Time, filter, text string) (*bulk.Operation, error) {
	have, err := r.kept(ctx, kind)
	if err != nil {
		return nil, err
	}
	if have != nil && !have.Since.After(r.report.Since) {
		r.report.Resumed = true
		return r.Runner.Operation(have.ID), nil
	}
	op, err := r.Runner.Query(ctx, withFilter(text, filter), nil)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(operation{op.ID(), r.report.Since, began})
	if err != nil {
		return nil, err
	}
	return op, r.Store.SetMark(ctx, markOf(kind), string(b))
}

func (r *run) kept(ctx context.Context, kind string) (*operation, error) {
	text, err := r.Store.Mark(ctx, markOf(kind))
	if err != nil || text == "" {
		return nil, err
	}
	var op operation
	return &op, json.Unmarshal([]byte(text), &op)
}

func markOf(kind string) string { return "backfill/" + kind }

// textOf returns the document that a generated function sends.
func textOf[R any](ctx context.Context, query func(context.Context, graphql.Client) (R, error)) string {
	var c capture
	_, _ = query(ctx, &c) // nothing is sent
	return c.text
}

type capture struct{ text string }

func (c *capture) MakeRequest(_ context.Context, req *graphql.Request, _ *graphql.Response) error {
	c.text = req.Query
	return errors.New("not sent")
}

// withFilter gives the root connection of a document a search query.
func withFilter(document, filter string) string {
	if filter == "" {
		return document
	}
	quoted, _ := json.Marshal(filter) // a string always does, and GraphQL's strings are JSON's
	before, body, _ := strings.Cut(document, "query ")
	header, root, _ := strings.Cut(body, "{")
	field, rest, _ := strings.Cut(root, "{")
	return before + "query " + header + "{" + strings.TrimRight(field, " \n\t") + "(query: " + string(quoted) + ") {" + rest
}
