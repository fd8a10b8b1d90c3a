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

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/compliance"
	"github.com/posai-go/posai/audit/export"
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
	log    *compliance.Handler
	wake   func()
	logger *slog.Logger
}

func newRights(log *audit.Log, r rights) (*rights, error) {
	var err error
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
	orders, err := r.store.Orders(ctx, p.Customer.ID)
	if err != nil {
		return err
	}
	job := store.Erasure{Topic: ev.Topic, ShopID: p.ShopID, Customer: p.Customer.ID, Orders: p.OrdersToRedact, WebhookID: ev.WebhookID, TriggeredAt: ev.TriggeredAt}
	if err := r.store.Erase(ctx, job); err != nil {
		return err
	}
	r.wake()
	names := []string{fmt.Sprint("customers/", p.Customer.ID), fmt.Sprint("customers_email_marketing_consent/", p.Customer.ID), fmt.Sprint("customers_marketing_consent/", p.Customer.ID)}
	for _, o := range orders {
		names = append(names, fmt.Sprint("orders/", o.ID))
	}
	for _, id := range p.OrdersToRedact {
		names = append(names, fmt.Sprint("orders/", id))
	}
	for _, name := range names {
		if err := r.dropDeliveries(ctx, ev.Shop, name); err != nil {
			return err
		}
	}
	return nil
}

// dropDeliveries removes what was delivered about something, bodies and all. What is yet
// to be processed stays: it finds the customer erased.
func (r *rights) dropDeliveries(ctx context.Context, shop, resource string) error {
	var ids []int64
	for rec, err := range r.box.List(ctx, inbox.Query{Shop: shop, Resource: resource, WithoutBodies: true}) {
		if err != nil {
			return err
		}
		ids = append(ids, rec.ID)
	}
	for _, id := range ids {
		if err := r.box.Delete(ctx, id); err != nil && !errors.Is(err, inbox.ErrActive) && !errors.Is(err, inbox.ErrNotFound) {
			return err
		}
	}
	return nil
}

// EraseShop erases the whole book.
func (r *rights) EraseShop(ctx context.Context, ev webhook.Event[webhook.ShopRedaction]) error {
	defer r.wake()
	return r.store.EraseAll(ctx, store.Erasure{Topic: ev.Topic, ShopID: ev.Payload.ShopID, WebhookID: ev.WebhookID, TriggeredAt: ev.TriggeredAt})
}

// erased erases in the audit log, which is the record that it is done everywhere.
func (r *rights) erased(shop string) func(context.Context, store.Erasure) error {
	return func(ctx context.Context, e store.Erasure) error {
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
	err = errors.Join(r.writeExport(ctx, f, ev.Payload.Customer.ID, records), f.Close())
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

func (r *rights) writeExport(ctx context.Context, f *os.File, customer int64, records iter.Seq2[audit.Record, error]) error {
	entry, err := r.store.Entry(ctx, customer)
	switch {
	case err == nil:
		if err := json.NewEncoder(f).Encode(map[string]any{"book": entry}); err != nil {
			return err
		}
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	return export.Unsealed(f, records)
}
