package subscription

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/Khan/genqlient/graphql"
)

// The topics that a [Reconciler] can look after.
const (
	ordersCreate    = "orders/create"
	ordersUpdated   = "orders/updated"
	ordersCancelled = "orders/cancelled"
	refundsCreate   = "refunds/create"
	customersCreate = "customers/create"
	customersUpdate = "customers/update"
	levelsUpdate    = "inventory_levels/update"
)

// window is the span of changes that a pass looks at, both ends included.
type window struct{ from, until time.Time }

func (w window) search() string {
	return fmt.Sprintf("updated_at:>='%s' AND updated_at:<='%s'", w.from.UTC().Format(time.RFC3339), w.until.UTC().Format(time.RFC3339))
}

// has reports whether t lies in the window.
func (w window) has(t time.Time) bool { return !t.Before(w.from) && !t.After(w.until) }

// event is something that happened and should have been delivered.
type event struct {
	topic    string
	resource string    // as [inbox.Resource.ID]
	version  time.Time // if zero, it happens once
	at       time.Time // when it happened
	payload  func(context.Context) (object, error)
}

// feed is a kind of resource.
type feed struct {
	name   string
	topics []string

	// events calls visit with the events of a window, and then progress with a
	// time up to which the visits were complete, in ascending order.
	events func(ctx context.Context, r *Reconciler, w window, visit func(event) error, progress func(time.Time) error) error
}

var feeds = []feed{
	{"orders", []string{ordersCreate, ordersUpdated, ordersCancelled, refundsCreate}, orderEvents},
	{"customers", []string{customersCreate, customersUpdate}, customerEvents},
	{"inventory_levels", []string{levelsUpdate}, levelEvents},
}

const ordersOperation = `query ReconcileOrders($query: String!, $after: String) {
  orders(first: 50, after: $after, query: $query, sortKey: UPDATED_AT) {
    nodes { id createdAt updatedAt cancelledAt refunds(first: 100) { id createdAt } }
    pageInfo { hasNextPage endCursor }
  }
}`

const customersOperation = `query ReconcileCustomers($query: String!, $after: String) {
  customers(first: 100, after: $after, query: $query, sortKey: UPDATED_AT) { nodes { id createdAt updatedAt } pageInfo { hasNextPage endCursor } }
}`

const locationsOperation = `query ReconcileLocations($after: String) {
  locations(first: 100, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } }
}`

const levelsOperation = `query ReconcileInventoryLevels($location: ID!, $query: String!, $after: String) {
  location(id: $location) {
    inventoryLevels(first: 100, after: $after, query: $query) {
      nodes { id updatedAt item { id } quantities(names: ["available"]) { quantity } }
      pageInfo { hasNextPage endCursor }
    }
  }
}`

// connection is a page of a list.
type connection[T any] struct {
	Nodes    []T      `json:"nodes"`
	PageInfo pageInfo `json:"pageInfo"`
}

// pages calls visit with each page of a list. find finds the list in an answer.
func pages[D, T any](ctx context.Context, client graphql.Client, name, operation string, variables map[string]any, find func(*D) *connection[T], visit func([]T) error) error {
	variables["after"] = nil
	for {
		var data D
		if err := call(ctx, client, name, operation, variables, &data); err != nil {
			return fmt.Errorf("subscription: %w", err)
		}
		c := find(&data)
		if err := visit(c.Nodes); err != nil {
			return err
		}
		if !c.PageInfo.HasNextPage || c.PageInfo.EndCursor == "" {
			return nil
		}
		variables["after"] = c.PageInfo.EndCursor
	}
}

type changed struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

func orderEvents(ctx context.Context, r *Reconciler, w window, visit func(event) error, progress func(time.Time) error) error {
	type order struct {
		changed
		CancelledAt time.Time `json:"cancelledAt"`
		Refunds     []changed `json:"refunds"`
	}
	type data struct {
		Orders connection[order] `json:"orders"`
	}
	query := w.search()
	if r.opts.OrderQuery != "" {
		query += " AND (" + r.opts.OrderQuery + ")"
	}
	return pages(ctx, r.reader.client, "ReconcileOrders", ordersOperation, map[string]any{"query": query}, func(d *data) *connection[order] { return &d.Orders }, func(page []order) error {
		for _, o := range page {
			payload := func(ctx context.Context) (object, error) { return r.reader.order(ctx, o.ID) }
			resource := fmt.Sprint("orders/", number(o.ID))
			var events []event
			if w.has(o.CreatedAt) {
				events = append(events, event{topic: ordersCreate, resource: resource, at: o.CreatedAt, payload: payload})
			}
			for _, refund := range o.Refunds {
				if w.has(refund.CreatedAt) {
					events = append(events, event{
						topic: refundsCreate, resource: fmt.Sprint("refunds/", number(refund.ID)), at: refund.CreatedAt,
						payload: func(ctx context.Context) (object, error) { return r.reader.refund(ctx, refund.ID) },
					})
				}
			}
			if w.has(o.CancelledAt) {
				events = append(events, event{topic: ordersCancelled, resource: resource, at: o.CancelledAt, payload: payload})
			}
			if o.UpdatedAt.After(o.CreatedAt) {
				events = append(events, event{topic: ordersUpdated, resource: resource, version: o.UpdatedAt, at: o.UpdatedAt, payload: payload})
			}
			for _, e := range events {
				if err := visit(e); err != nil {
					return err
				}
			}
		}
		return progressTo(page, func(o order) time.Time { return o.UpdatedAt }, progress)
	})
}

func progressTo[T any](page []T, at func(T) time.Time, progress func(time.Time) error) error {
	if len(page) == 0 {
		return nil
	}
	return progress(at(page[len(page)-1]))
}

func customerEvents(ctx context.Context, r *Reconciler, w window, visit func(event) error, progress func(time.Time) error) error {
	type data struct {
		Customers connection[changed] `json:"customers"`
	}
	return pages(ctx, r.reader.client, "ReconcileCustomers", customersOperation, map[string]any{"query": w.search()}, func(d *data) *connection[changed] { return &d.Customers }, func(page []changed) error {
		for _, c := range page {
			e := event{
				resource: fmt.Sprint("customers/", number(c.ID)), topic: customersCreate, at: c.CreatedAt,
				payload: func(ctx context.Context) (object, error) { return r.reader.customer(ctx, c.ID) },
			}
			if w.has(c.CreatedAt) {
				if err := visit(e); err != nil {
					return err
				}
			}
			if c.UpdatedAt.After(c.CreatedAt) {
				e.topic, e.at, e.version = customersUpdate, c.UpdatedAt, c.UpdatedAt
				if err := visit(e); err != nil {
					return err
				}
			}
		}
		return progressTo(page, func(c changed) time.Time { return c.UpdatedAt }, progress)
	})
}

// levelEvents has no order to tell progress by: only a whole pass counts.
func levelEvents(ctx context.Context, r *Reconciler, w window, visit func(event) error, _ func(time.Time) error) error {
	type id struct {
		ID string `json:"id"`
	}
	type locations struct {
		Locations connection[id] `json:"locations"`
	}
	type level struct {
		changed
		Item       id `json:"item"`
		Quantities []struct {
			Quantity json.Number `json:"quantity"`
		} `json:"quantities"`
	}
	type levels struct {
		Location *struct {
			InventoryLevels connection[level] `json:"inventoryLevels"`
		} `json:"location"`
	}
	return pages(ctx, r.reader.client, "ReconcileLocations", locationsOperation, map[string]any{}, func(d *locations) *connection[id] { return &d.Locations }, func(page []id) error {
		for _, location := range page {
			find := func(d *levels) *connection[level] {
				if d.Location == nil {
					return new(connection[level])
				}
				return &d.Location.InventoryLevels
			}
			variables := map[string]any{"location": location.ID, "query": w.search()}
			err := pages(ctx, r.reader.client, "ReconcileInventoryLevels", levelsOperation, variables, find, func(page []level) error {
				for _, l := range page {
					item, place := number(l.Item.ID), number(location.ID)
					err := visit(event{
						topic: levelsUpdate, resource: fmt.Sprintf("inventory_levels/%v-%v", item, place), version: l.UpdatedAt, at: l.UpdatedAt,
						payload: func(context.Context) (object, error) {
							o := object{
								"inventory_item_id": item, "location_id": place, "available": nil,
								"updated_at": l.UpdatedAt, "admin_graphql_api_id": l.ID,
							}
							if len(l.Quantities) > 0 {
								o["available"] = l.Quantities[0].Quantity
							}
							return o, nil
						},
					})
					if err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}
