package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/compliance"
	"github.com/posai-go/posai/audit/export"
	"github.com/posai-go/posai/examples/clienteling/internal/outbox"
	"github.com/posai-go/posai/examples/clienteling/internal/store"
	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/inbox"
)

// rights answers what a customer or the shop may ask for. An erasure is on record as
// done when the CRM has forgotten the customer too, and not before.
type rights struct {
	dir    string
	store  *store.Store
	box    *inbox.Inbox
	audit  *audit.Log
	log    *compliance.Handler
	wake   func()
	logger *slog.Logger
}

func newRights(log *audit.Log, r rights) (*rights, error) {
	var err error
	r.audit = log
	r.log, err = compliance.New(log, r.export, nil)
	return &r, err
}

// register says what becomes of the compliance topics.
func (r *rights) register(m *webhook.Mux) error {
	return webhook.OnCompliance(m, webhook.Compliance{Exporters: []webhook.Exporter{r.log}, Erasers: []webhook.Eraser{r}})
}

// EraseCustomer erases a customer from the book at once; the rest is done by who drains
// the outbox, however long the CRM takes.
func (r *rights) EraseCustomer(ctx context.Context, ev webhook.Event[webhook.CustomerRedaction]) error {
	p := &ev.Payload
	// Deliveries go first: what they are about the book tells until it has erased.
	customers, err := r.store.MergedInto(ctx, p.Customer.ID)
	if err != nil {
		return err
	}
	orders, err := r.store.Orders(ctx, p.Customer.ID)
	if err != nil {
		return err
	}
	ids := slices.Clone(p.OrdersToRedact)
	for _, o := range orders {
		ids = append(ids, o.ID)
	}
	if _, err := r.dropDeliveries(ctx, ev.Shop, resources(append(customers, p.Customer.ID), ids)); err != nil {
		return err
	}
	defer r.wake()
	return r.store.Erase(ctx, store.Erasure{
		Topic: ev.Topic, ShopID: p.ShopID, Customer: p.Customer.ID, Orders: p.OrdersToRedact, WebhookID: ev.WebhookID, TriggeredAt: ev.TriggeredAt,
	})
}

// EraseShop erases the whole book.
func (r *rights) EraseShop(ctx context.Context, ev webhook.Event[webhook.ShopRedaction]) error {
	if _, err := r.dropDeliveries(ctx, ev.Shop, everything); err != nil {
		return err
	}
	defer r.wake()
	return r.store.EraseAll(ctx, store.Erasure{Topic: ev.Topic, ShopID: ev.Payload.ShopID, WebhookID: ev.WebhookID, TriggeredAt: ev.TriggeredAt})
}

// everything is all that was delivered, as dropDeliveries takes it.
var everything = []string{""}

// resources names customers and orders as deliveries about them are named.
func resources(customers, orders []int64) (names []string) {
	for _, id := range customers {
		names = append(names, fmt.Sprint("customers/", id))
	}
	for _, id := range orders {
		names = append(names, fmt.Sprint("orders/", id))
	}
	return names
}

// dropDeliveries removes what was delivered about something, bodies and all, and counts
// what is yet to be processed and cannot be removed before.
func (r *rights) dropDeliveries(ctx context.Context, shop string, resources []string) (active int, err error) {
	for _, resource := range resources {
		var ids []int64
		for rec, err := range r.box.List(ctx, inbox.Query{Shop: shop, Resource: resource, WithoutBodies: true}) {
			if err != nil {
				return 0, err
			}
			ids = append(ids, rec.ID)
		}
		for _, id := range ids {
			switch err := r.box.Delete(ctx, id); {
			case errors.Is(err, inbox.ErrActive):
				active++
			case err != nil && !errors.Is(err, inbox.ErrNotFound):
				return 0, err
			}
		}
	}
	return active, nil
}

// erased erases in the audit log, which is the record that it is done everywhere. What was
// being delivered when the book was erased, the demand itself among it, is removed before.
func (r *rights) erased(shop string) func(context.Context, store.Erasure) error {
	return func(ctx context.Context, e store.Erasure) error {
		about := everything
		if e.Customer != 0 {
			about = resources([]int64{e.Customer}, e.Orders)
		}
		switch active, err := r.dropDeliveries(ctx, shop, about); {
		case err != nil:
			return err
		case active > 0:
			return fmt.Errorf("%d deliveries are yet to be processed: %w", active, outbox.ErrNotYet)
		}
		d := webhook.Delivery{Topic: e.Topic, Shop: shop, WebhookID: e.WebhookID, TriggeredAt: e.TriggeredAt}
		if e.Customer == 0 {
			return r.log.EraseShop(ctx, webhook.Event[webhook.ShopRedaction]{Delivery: d, Payload: webhook.ShopRedaction{ShopID: e.ShopID, ShopDomain: shop}})
		}
		return r.log.EraseCustomer(ctx, webhook.Event[webhook.CustomerRedaction]{Delivery: d, Payload: webhook.CustomerRedaction{
			ShopID: e.ShopID, ShopDomain: shop, Customer: webhook.PrivacyCustomer{ID: e.Customer}, OrdersToRedact: e.Orders,
		}})
	}
}

// export writes what the book and the log have about a customer to a file, for whoever
// runs the service to hand on.
func (r *rights) export(ctx context.Context, ev webhook.Event[webhook.DataRequest], records iter.Seq2[audit.Record, error]) (err error) {
	dir := filepath.Join(r.dir, "exports")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "*.tmp") // for its owner alone
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = errors.Join(r.writeExport(ctx, f, ev, records), f.Close())
	if err != nil {
		return err
	}
	name := filepath.Join(dir, fmt.Sprintf("data-request-%d.jsonl", ev.Payload.DataRequest.ID))
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	r.logger.Warn("a customer asked for their data: send the file to the merchant, then remove it", "file", name, "shop", ev.Shop)
	return nil
}

func (r *rights) writeExport(ctx context.Context, f *os.File, ev webhook.Event[webhook.DataRequest], records iter.Seq2[audit.Record, error]) error {
	customer := ev.Payload.Customer.ID
	entry, err := r.store.Entry(ctx, customer)
	switch {
	case err == nil:
		if err := json.NewEncoder(f).Encode(map[string]any{"book": entry}); err != nil {
			return err
		}
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	if err := export.Unsealed(f, records); err != nil {
		return err
	}
	// The log has who was merged into them under the number that they had.
	before, err := r.store.MergedInto(ctx, customer)
	if err != nil {
		return err
	}
	for _, id := range before {
		more := r.audit.Export(ctx, audit.Subject{Type: "customer", ID: string(store.GID(id))}, audit.DataRequest{
			ID: fmt.Sprintf("%s/%d", ev.WebhookID, id), Shop: ev.Shop, Note: "A customer who was merged into another one asked for their data.",
			Actor: audit.Actor{Type: audit.System, ID: "shopify", Channel: "webhook"},
		})
		if err := export.Unsealed(f, more); err != nil {
			return err
		}
	}
	return nil
}
