package subscription

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/Khan/genqlient/graphql"

	"github.com/posai-go/posai/webhook"
)

// Inbox is what a [Reconciler] asks what arrived, and feeds; an inbox.Inbox is
// one.
type Inbox interface {
	// Arrived reports whether a delivery of the topic about the resource is
	// here, with this version or a later one. If version is zero, any counts.
	Arrived(ctx context.Context, shop, topic, resource string, version time.Time) (bool, error)

	// AcceptMissed makes a delivery durable that Shopify did not make. One with
	// the same shop and webhook ID is a duplicate and not kept again.
	AcceptMissed(ctx context.Context, d webhook.Delivery) (duplicate bool, err error)

	// Watermark returns the time set under a name, or the zero time.
	Watermark(ctx context.Context, name string) (time.Time, error)

	// SetWatermark keeps a time under a name. It never goes back.
	SetWatermark(ctx context.Context, name string, at time.Time) error
}

// ReconcilerOptions are the settings of a [Reconciler]. Nil means the defaults.
type ReconcilerOptions struct {
	// Topics are what is looked after, of orders/create, orders/updated,
	// orders/cancelled, refunds/create, customers/create, customers/update and
	// inventory_levels/update. If nil, all of them. List those that are
	// subscribed: of another topic everything counts as missing.
	Topics []string

	// Interval is how often [Reconciler.Run] looks. If zero, 10 min. By the
	// simulated shop's reckoning a look asks for about 40 points of query cost
	// and 30 for each location, and each order that was missed for 300 more,
	// most of which are given back.
	Interval time.Duration

	// Settle is how old a change must be before its delivery is missed. If
	// zero, 5 min; at least 1 min. A shorter time means more that is found and
	// then arrives after all.
	Settle time.Duration

	// Overlap is how far each look reaches back behind the last one: Shopify's
	// search learns of changes late. If zero, 1 h.
	Overlap time.Duration

	// Since is where the first look begins that ever is made for a shop, as far
	// back as the token may see orders. If zero, at the present, so that a new
	// service is not fed the past. The inbox must keep processed deliveries
	// longer than any look reaches back.
	Since time.Time

	// OrderQuery is a search query that orders must match, such as
	// "source_name:pos", for subscriptions with a filter. Optional.
	//
	// https://shopify.dev/docs/api/admin-graphql/2026-10/queries/orders#argument-query
	OrderQuery string

	// APIVersion is what the deliveries say that they are written in. If
	// empty, 2026-10.
	APIVersion string

	// Logger gets what was missing at level Warn, without payloads, and looks
	// that failed. If nil, nothing is logged.
	Logger *slog.Logger

	// Now tells the time. If nil, [time.Now].
	Now func() time.Time
}

// Reconciler asks a shop what changed, and feeds an inbox what of it never
// arrived. It is safe for concurrent use. Several of them, in one process or
// in several, feed nothing twice, but each of them asks.
type Reconciler struct {
	reader reader
	shop   string
	inbox  Inbox
	opts   ReconcilerOptions
	wake   chan struct{}
}

// NewReconciler returns a reconciler for the shop with this domain, such as
// "example.myshopify.com", which client calls. It calls nothing yet. The error
// matches [ErrInvalid].
//
// What it feeds is read through the GraphQL Admin API and given the form of
// Shopify's webhook payloads. It lacks what that API does not tell: of an
// order, device_id, client_details but for browser_ip, the tokens and links of
// the checkout and the weights of lines; of line items, fulfillment_service,
// grams and duties; of a refund, duties and its shipping lines; of a
// transaction, source_name and authorization. A payload is as of the time that
// it is read, which is later than the event.
func NewReconciler(client graphql.Client, shop string, inbox Inbox, opts *ReconcilerOptions) (*Reconciler, error) {
	r := &Reconciler{reader: reader{client}, shop: shop, inbox: inbox, wake: make(chan struct{}, 1)}
	if opts != nil {
		r.opts = *opts
	}
	o := &r.opts
	known := make([]string, 0, 7)
	for _, f := range feeds {
		known = append(known, f.topics...)
	}
	if o.Topics == nil {
		o.Topics = known
	}
	o.Topics = slices.Clone(o.Topics)
	setDefault(&o.Interval, 10*time.Minute)
	setDefault(&o.Settle, 5*time.Minute)
	setDefault(&o.Overlap, time.Hour)
	if o.APIVersion == "" {
		o.APIVersion = "2026-10"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	switch {
	case client == nil || shop == "" || inbox == nil:
		return nil, fmt.Errorf("%w: a reconciler needs a client, a shop and an inbox", ErrInvalid)
	case o.Interval < 0 || o.Overlap < 0:
		return nil, fmt.Errorf("%w: a time in ReconcilerOptions is negative", ErrInvalid)
	case o.Settle < time.Minute:
		return nil, fmt.Errorf("%w: ReconcilerOptions.Settle is less than a minute", ErrInvalid)
	}
	for _, topic := range o.Topics {
		if !slices.Contains(known, topic) {
			return nil, fmt.Errorf("%w: %s cannot be reconciled", ErrInvalid, topic)
		}
	}
	return r, nil
}

func setDefault(d *time.Duration, def time.Duration) {
	if *d == 0 {
		*d = def
	}
}

// Missed is an event that was never delivered.
type Missed struct {
	Topic    string
	Resource string    // such as "orders/820982911946154508"
	At       time.Time // when it happened
}

// Report is what a look came to.
type Report struct {
	// Checked is how many events were held against what had arrived.
	Checked int

	// Missed are those that were fed to the inbox.
	Missed []Missed
}

// Reconcile looks once, from where the last look ended to a moment ago, and
// feeds the inbox what is missing. When it fails in the middle, what was found
// is fed, and the next look goes over the rest. It goes on with customers after
// it failed at orders; the error joins both.
func (r *Reconciler) Reconcile(ctx context.Context) (Report, error) {
	var report Report
	var errs []error
	for _, f := range feeds {
		wanted := func(topic string) bool { return slices.Contains(r.opts.Topics, topic) }
		if !slices.ContainsFunc(f.topics, wanted) {
			continue
		}
		if err := r.pass(ctx, f, wanted, &report); err != nil {
			errs = append(errs, fmt.Errorf("subscription: reconcile %s: %w", f.name, err))
		}
	}
	return report, errors.Join(errs...)
}

func (r *Reconciler) pass(ctx context.Context, f feed, wanted func(topic string) bool, report *Report) error {
	name := "reconcile " + r.shop + " " + f.name
	until := r.opts.Now().Add(-r.opts.Settle).Truncate(time.Second)
	mark, err := r.inbox.Watermark(ctx, name)
	if err != nil {
		return err
	}
	w := window{from: mark.Add(-r.opts.Overlap), until: until}
	if mark.IsZero() {
		if w.from = r.opts.Since; w.from.IsZero() {
			return r.inbox.SetWatermark(ctx, name, until)
		}
	} else if !r.opts.Since.IsZero() && w.from.Before(r.opts.Since) {
		w.from = r.opts.Since
	}
	var failed []error
	visit := func(e event) error {
		if !wanted(e.topic) {
			return nil
		}
		report.Checked++
		missed, err := r.check(ctx, w, e)
		if missed {
			report.Missed = append(report.Missed, Missed{e.topic, e.resource, e.at})
		}
		if err == nil {
			return nil
		}
		// One that cannot be read must not hide those behind it.
		if failed = append(failed, fmt.Errorf("%s %s: %w", e.topic, e.resource, err)); ctx.Err() != nil || len(failed) > maxFailed {
			return errStop
		}
		return nil
	}
	progress := func(at time.Time) error {
		if len(failed) > 0 {
			return nil // the next look begins before it
		}
		// What shares the second may be on the next page.
		return r.inbox.SetWatermark(ctx, name, at.Add(-time.Second))
	}
	err = f.events(ctx, r, w, visit, progress)
	if err == nil && len(failed) == 0 {
		return r.inbox.SetWatermark(ctx, name, until)
	}
	if !errors.Is(err, errStop) {
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// maxFailed is how many events of a look may fail before it ends: then it is
// not about the events.
const maxFailed = 10

var errStop = errors.New("subscription: too many failures")

// check feeds an event unless it arrived, and reports whether it did so.
func (r *Reconciler) check(ctx context.Context, w window, e event) (bool, error) {
	if e.at.After(w.until) {
		return false, nil // not settled: the next look's
	}
	arrived, err := r.inbox.Arrived(ctx, r.shop, e.topic, e.resource, e.version)
	if err != nil || arrived {
		return false, err
	}
	payload, err := e.payload(ctx)
	switch {
	case errors.Is(err, errGone):
		return false, nil
	case err != nil:
		return false, err
	}
	if updated, ok := payload["updated_at"].(string); ok && !e.version.IsZero() {
		if at, err := time.Parse(time.RFC3339, updated); err == nil && at.After(e.version) {
			return false, nil // it has changed again, and that is the next look's
		}
	}
	body, err := json.Marshal(payload)
	if err != nil {
		return false, fmt.Errorf("subscription: %w", err)
	}
	id := "reconcile:" + e.topic + ":" + e.resource
	if !e.version.IsZero() {
		id += ":" + e.version.UTC().Format(time.RFC3339)
	}
	duplicate, err := r.inbox.AcceptMissed(ctx, webhook.Delivery{
		Topic: e.topic, Shop: r.shop, WebhookID: id, APIVersion: r.opts.APIVersion, TriggeredAt: e.at, ReceivedAt: r.opts.Now(), Body: body,
	})
	if err != nil || duplicate {
		return false, err
	}
	r.opts.Logger.WarnContext(ctx, "subscription: never delivered", "topic", e.topic, "resource", e.resource, "at", e.at)
	return true, nil
}

// Now makes [Reconciler.Run] look at once, for instance after a [Keeper]
// restored a subscription.
func (r *Reconciler) Now() {
	select {
	case r.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// Run reconciles at once and then every [ReconcilerOptions.Interval], until ctx
// ends, and returns ctx's error. A failed look is logged and made up for by the
// next.
func (r *Reconciler) Run(ctx context.Context) error {
	return every(ctx, r.opts.Interval, r.wake, func() {
		if _, err := r.Reconcile(ctx); err != nil && ctx.Err() == nil {
			r.opts.Logger.WarnContext(ctx, "subscription: reconciling failed", "error", err.Error())
		}
	})
}
