package subscription

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/Khan/genqlient/graphql"
)

// KeeperOptions are the settings of a [Keeper]. Nil means the defaults.
type KeeperOptions struct {
	// Owns says whether a subscription that is not declared is the keeper's to
	// delete. If nil, one whose URI is that of a declared one: so a topic that
	// is no longer declared goes, and what other parts of the app made stays.
	// To clean up after a move to another address, own the old address, too.
	Owns func(Found) bool

	// Interval is how often [Keeper.Guard] looks. If zero, 10 min: about 20
	// points of query cost each.
	Interval time.Duration

	// OnChange is told what [Keeper.Sync] and [Keeper.Guard] changed. If nil,
	// nobody is.
	OnChange func(context.Context, Change)

	// Logger gets changes at level Info and failures at level Warn. If nil,
	// nothing is logged.
	Logger *slog.Logger
}

// Keeper keeps a shop's subscriptions as they are declared. It is safe for
// concurrent use; several keepers of one app do each other no harm.
type Keeper struct {
	client   graphql.Client
	declared []Subscription
	opts     KeeperOptions

	mu   sync.Mutex   // one Sync at a time
	seen map[int]bool // declared ones, by index, that the shop had
}

// NewKeeper returns a keeper for the shop that client calls, such as a
// shopify.Client. It calls nothing yet. The error matches [ErrInvalid].
func NewKeeper(client graphql.Client, declared []Subscription, opts *KeeperOptions) (*Keeper, error) {
	k := &Keeper{client: client, seen: make(map[int]bool)}
	if opts != nil {
		k.opts = *opts
	}
	if client == nil {
		return nil, fmt.Errorf("%w: no client", ErrInvalid)
	}
	if k.opts.Interval < 0 {
		return nil, fmt.Errorf("%w: KeeperOptions.Interval is negative", ErrInvalid)
	}
	if k.opts.Interval == 0 {
		k.opts.Interval = 10 * time.Minute
	}
	if k.opts.Logger == nil {
		k.opts.Logger = slog.New(slog.DiscardHandler)
	}
	if k.opts.OnChange == nil {
		k.opts.OnChange = func(context.Context, Change) {}
	}
	for i, s := range declared {
		if err := s.validate(); err != nil {
			return nil, err
		}
		for _, other := range declared[:i] {
			if s.Topic == other.Topic && (s.Name != "" && s.Name == other.Name || s.Name == other.Name && s.URI == other.URI && s.Filter == other.Filter) {
				return nil, fmt.Errorf("%w: %s: declared twice", ErrInvalid, s.Topic)
			}
		}
		s.IncludeFields, s.Metafields = slices.Clone(s.IncludeFields), slices.Clone(s.Metafields)
		s.MetafieldNamespaces = slices.Clone(s.MetafieldNamespaces)
		k.declared = append(k.declared, s)
	}
	if k.opts.Owns == nil {
		k.opts.Owns = func(f Found) bool {
			return slices.ContainsFunc(k.declared, func(s Subscription) bool { return s.URI == f.URI })
		}
	}
	return k, nil
}

// Plan returns what Sync would change, in the order in which it would.
func (k *Keeper) Plan(ctx context.Context) ([]Change, error) {
	found, err := list(ctx, k.client)
	if err != nil {
		return nil, err
	}
	for i, f := range found {
		if j := slices.IndexFunc(k.declared, func(s Subscription) bool { return s.enum() == f.enum }); j >= 0 {
			found[i].Topic = k.declared[j].Topic
		}
	}
	return plan(k.declared, found, k.opts.Owns), nil
}

// Sync makes the shop's subscriptions what is declared, and returns what it
// changed. It goes on after a change that failed; the error joins all of them,
// a refusal as a [*UserError].
func (k *Keeper) Sync(ctx context.Context) ([]Change, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	done, moot, err := k.sync(ctx)
	if moot { // somebody else was at it: look again
		var more []Change
		more, _, err = k.sync(ctx)
		done = append(done, more...)
	}
	return done, err
}

func (k *Keeper) sync(ctx context.Context) (done []Change, moot bool, err error) {
	changes, err := k.Plan(ctx)
	if err != nil {
		return nil, false, err
	}
	var errs []error
	failed := make(map[int]bool)
	for _, c := range changes {
		i := k.index(c)
		if c.Lost = c.Action == Create && k.seen[i]; c.Lost {
			k.opts.Logger.WarnContext(ctx, "subscription: lost", "topic", c.Subscription.Topic, "uri", c.Subscription.URI)
		}
		id, err := k.apply(ctx, c)
		if err != nil {
			failed[i] = true
			refused, isUser := errors.AsType[*UserError](err)
			moot = moot || isUser && refused.moot()
			errs = append(errs, fmt.Errorf("subscription: %s %s: %w", c.Action, c.Subscription.Topic, err))
			continue
		}
		c.ID = id
		k.opts.Logger.InfoContext(ctx, "subscription: changed", "action", c.Action, "topic", c.Subscription.Topic, "id", c.ID)
		k.opts.OnChange(ctx, c)
		done = append(done, c)
	}
	for i := range k.declared {
		if !failed[i] {
			k.seen[i] = true
		}
	}
	return done, moot, errors.Join(errs...)
}

// index is which of the declared ones a change is about, or -1.
func (k *Keeper) index(c Change) int {
	if c.Action == Delete {
		return -1
	}
	return slices.IndexFunc(k.declared, func(s Subscription) bool {
		return s.Topic == c.Subscription.Topic && s.Name == c.Subscription.Name && s.URI == c.Subscription.URI && s.Filter == c.Subscription.Filter
	})
}

func (k *Keeper) apply(ctx context.Context, c Change) (string, error) {
	switch c.Action {
	case Create:
		return change(ctx, k.client, "SubscriptionCreate", createOperation, map[string]any{"topic": c.Subscription.enum(), "input": c.Subscription.input()})
	case Update:
		return change(ctx, k.client, "SubscriptionUpdate", updateOperation, map[string]any{"id": c.ID, "input": c.Subscription.input()})
	case Delete:
		return change(ctx, k.client, "SubscriptionDelete", deleteOperation, map[string]any{"id": c.ID})
	}
	panic("subscription: no such action: " + c.Action)
}

// Guard syncs at once and then every [KeeperOptions.Interval], until ctx ends,
// and returns ctx's error. A failed look is logged and made up for by the next.
func (k *Keeper) Guard(ctx context.Context) error {
	return every(ctx, k.opts.Interval, nil, func() {
		if _, err := k.Sync(ctx); err != nil && ctx.Err() == nil {
			k.opts.Logger.WarnContext(ctx, "subscription: sync failed", "error", err.Error())
		}
	})
}

// every calls fn at once, after each interval, and when it is woken, until ctx
// ends.
func every(ctx context.Context, interval time.Duration, wake <-chan struct{}, fn func()) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		fn()
		select {
		case <-ctx.Done():
		case <-wake:
		case <-tick.C:
		}
	}
}
