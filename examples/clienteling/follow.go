package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/fetch"
	"github.com/posai-go/posai/examples/clienteling/internal/store"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/bulk"
	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/inbox"
)

// What this program tells itself, through the inbox as if the shop had: read something
// again. So reads of one customer, or order, are one after the other, with deliveries
// about them.
const (
	readOrder    = webhook.Topic[reread]("clienteling/read_order")
	readCustomer = webhook.Topic[reread]("clienteling/read_customer")
	missCustomer = webhook.Topic[reread]("clienteling/miss_customer")
)

type reread struct {
	ID int64 `json:"id"`
}

// follower keeps the book up with the shop.
type follower struct {
	shop   string
	store  *store.Store
	reader *fetch.Reader
	runner *bulk.Runner
	box    *inbox.Inbox
	wake   func() // the outbox
}

// register says what becomes of deliveries.
func (f *follower) register(m *webhook.Mux) {
	webhook.On(m, webhook.OrdersCreate, f.order)
	webhook.On(m, webhook.OrdersUpdated, f.order)
	webhook.On(m, webhook.OrdersCancelled, f.order)
	webhook.On(m, webhook.OrdersDelete, f.orderDeleted)
	webhook.On(m, webhook.RefundsCreate, func(ctx context.Context, ev webhook.Event[webhook.Refund]) error {
		return f.orderAgain(ctx, ev.Payload.OrderID) // a refund does not say what is left of the order
	})
	webhook.On(m, webhook.CustomersCreate, f.customer)
	webhook.On(m, webhook.CustomersUpdate, f.customer)
	webhook.On(m, webhook.CustomersDelete, f.customerDeleted)
	webhook.On(m, webhook.CustomersMerge, f.customersMerged)
	webhook.On(m, webhook.CustomersEmailMarketingConsentUpdate, f.emailConsent)
	webhook.On(m, webhook.CustomersMarketingConsentUpdate, f.smsConsent)
	webhook.On(m, webhook.ProductsCreate, f.product)
	webhook.On(m, webhook.ProductsUpdate, f.product)
	webhook.On(m, webhook.LocationsCreate, f.location)
	webhook.On(m, webhook.LocationsUpdate, f.location)
	webhook.On(m, webhook.BulkOperationsFinish, f.bulkFinished)
	webhook.On(m, readOrder, func(ctx context.Context, ev webhook.Event[reread]) error { return f.orderAgain(ctx, ev.Payload.ID) })
	webhook.On(m, missCustomer, f.missing)
	webhook.On(m, readCustomer, func(ctx context.Context, ev webhook.Event[reread]) error { return f.customerAgain(ctx, ev.Payload.ID) })
}

// topics are subscribed to; the compliance topics stand in the app's own settings.
var topics = []string{
	"orders/create", "orders/updated", "orders/cancelled", "orders/delete", "refunds/create",
	"customers/create", "customers/update", "customers/delete", "customers/merge",
	"customers_email_marketing_consent/update", "customers_marketing_consent/update",
	"products/create", "products/update", "locations/create", "locations/update", "bulk_operations/finish",
}

// resource says what a delivery is about: all that is about one customer is worked on
// one after the other, and so is all that is about one order. Who erases finds it by the
// same name.
func resource(d webhook.Delivery) inbox.Resource {
	r := inbox.ResourceOf(d)
	var p struct {
		ID         int64                   `json:"id"`
		CustomerID int64                   `json:"customer_id"`
		Customer   webhook.PrivacyCustomer `json:"customer"`
	}
	var merge webhook.CustomerMerge
	about := func(kind string, body any, id *int64) {
		if json.Unmarshal(d.Body, body) == nil && *id > 0 {
			r.Ordering = kind + strconv.FormatInt(*id, 10)
		}
	}
	switch d.Topic {
	case string(webhook.CustomersMarketingConsentUpdate), string(readCustomer), string(missCustomer):
		about("customers/", &p, &p.ID)
	case string(readOrder):
		about("orders/", &p, &p.ID)
	case string(webhook.CustomersEmailMarketingConsentUpdate):
		about("customers/", &p, &p.CustomerID)
	case string(webhook.CustomersRedact), string(webhook.CustomersDataRequest):
		about("customers/", &p, &p.Customer.ID)
	case string(webhook.CustomersMerge):
		about("customers/", &merge, &merge.KeptID)
	}
	if r.Ordering != "" {
		r.ID = r.Ordering
	}
	return r
}

// order keeps what a delivery says of an order.
func (f *follower) order(ctx context.Context, ev webhook.Event[webhook.Order]) error {
	o, whole := fetch.Order(&ev.Payload)
	if o.ID <= 0 {
		return webhook.GiveUp(errors.New("an order without an id"))
	}
	if !whole {
		return f.orderAgain(ctx, o.ID)
	}
	return f.putOrder(ctx, o, store.Told)
}

// orderAgain reads an order and keeps it.
func (f *follower) orderAgain(ctx context.Context, id int64) error {
	o, found, err := f.reader.Order(ctx, id)
	if err != nil || !found {
		return err // one that is gone is for orders/delete
	}
	return f.putOrder(ctx, o, store.Read)
}

func (f *follower) putOrder(ctx context.Context, o store.Order, from store.Source) error {
	if o.Customer != 0 {
		if err := f.complete(ctx, &o); err != nil {
			return err
		}
	}
	result, err := f.store.PutOrder(ctx, o, from)
	if err != nil {
		return err
	}
	switch result {
	case store.Conflict:
		return f.orderAgain(ctx, o.ID)
	case store.Stored:
		f.wake()
		if o.Customer != 0 {
			return f.meet(ctx, &o)
		}
	}
	return nil
}

// complete sees that the store knows what an order names.
func (f *follower) complete(ctx context.Context, o *store.Order) error {
	var variants []int64
	for _, l := range o.Lines {
		variants = append(variants, l.Variant)
	}
	unknown, err := f.store.Unknown(ctx, variants)
	if err != nil {
		return err
	}
	if len(unknown) > 0 {
		found, err := f.reader.Variants(ctx, unknown)
		if err != nil {
			return err
		}
		if err := f.store.PutVariants(ctx, found); err != nil {
			return err
		}
	}
	if known, err := f.store.KnowsLocation(ctx, o.Location); err != nil || known {
		return err
	}
	return f.reader.Locations(ctx, f.putLocation)
}

// meet has a customer read whom the book does not have yet.
func (f *follower) meet(ctx context.Context, o *store.Order) error {
	if known, err := f.store.Knows(ctx, o.Customer); err != nil || known {
		return err
	}
	return f.readAgain(ctx, string(readCustomer), o.Customer, fmt.Sprint("met/", o.Customer, "/", o.ID, "/", o.UpdatedAt.Unix()))
}

// readAgain puts a read into the inbox. The same key is the same read.
func (f *follower) readAgain(ctx context.Context, topic string, id int64, key string) error {
	body, err := json.Marshal(reread{id})
	if err != nil {
		return err
	}
	_, err = f.box.Accept(ctx, webhook.Delivery{Topic: topic, Shop: f.shop, WebhookID: "clienteling/" + key, ReceivedAt: time.Now(), Body: body})
	return err
}

// missing deletes a customer whom the shop has no more.
func (f *follower) missing(ctx context.Context, ev webhook.Event[reread]) error {
	c, found, err := f.reader.Customer(ctx, ev.Payload.ID)
	if err != nil {
		return err
	}
	if !found {
		defer f.wake()
		return f.store.Delete(ctx, ev.Payload.ID)
	}
	_, err = f.store.PutCustomer(ctx, c, store.Read)
	return err
}

// conflicts has everything read again that a file of the shop and the store disagree on.
func (f *follower) conflicts(ctx context.Context, kind string, ids []int64) error {
	topic := map[string]string{"orders": string(readOrder), "customers": string(readCustomer), "missing": string(missCustomer)}[kind]
	for _, id := range ids {
		if err := f.readAgain(ctx, topic, id, fmt.Sprint(kind, "/", id, "/", time.Now().UnixNano())); err != nil {
			return err
		}
	}
	return nil
}

func (f *follower) orderDeleted(ctx context.Context, ev webhook.Event[webhook.Deleted]) error {
	defer f.wake()
	return f.store.DeleteOrder(ctx, ev.Payload.ID)
}

// customer reads the customer whom a delivery is about: it does not say everything.
func (f *follower) customer(ctx context.Context, ev webhook.Event[webhook.Customer]) error {
	return f.customerAgain(ctx, ev.Payload.ID)
}

func (f *follower) customerAgain(ctx context.Context, id int64) error {
	c, found, err := f.reader.Customer(ctx, id)
	if err != nil || !found {
		return err // who is gone is for customers/delete and customers/merge
	}
	result, err := f.store.PutCustomer(ctx, c, store.Read)
	if result == store.Stored {
		f.wake()
	}
	return err
}

func (f *follower) customerDeleted(ctx context.Context, ev webhook.Event[webhook.Deleted]) error {
	defer f.wake()
	return f.store.Delete(ctx, ev.Payload.ID)
}

func (f *follower) customersMerged(ctx context.Context, ev webhook.Event[webhook.CustomerMerge]) error {
	p := ev.Payload
	if p.Status != "completed" || p.KeptID <= 0 || p.DeletedID <= 0 {
		return nil // it has not happened
	}
	if err := f.store.Merge(ctx, p.KeptID, p.DeletedID); err != nil {
		return err
	}
	f.wake()
	return f.customerAgain(ctx, p.KeptID)
}

func (f *follower) emailConsent(ctx context.Context, ev webhook.Event[webhook.EmailMarketingConsentUpdate]) error {
	return f.consent(ctx, ev.Payload.CustomerID, ev.Payload.EmailAddress, fetch.EmailConsent(&ev), func(c *book.Customer) (*book.Consent, string) { return &c.EmailConsent, c.Email })
}

func (f *follower) smsConsent(ctx context.Context, ev webhook.Event[webhook.SMSMarketingConsentUpdate]) error {
	return f.consent(ctx, ev.Payload.ID, ev.Payload.Phone, fetch.SMSConsent(&ev), func(c *book.Customer) (*book.Consent, string) { return &c.SMSConsent, c.Phone })
}

// consent keeps what was given or taken back for an address, and then reads the customer:
// it may be one that the book does not have yet, or one that is theirs no more.
func (f *follower) consent(ctx context.Context, id int64, address string, consent book.Consent, of func(*book.Customer) (*book.Consent, string)) error {
	if _, err := f.store.SetConsent(ctx, id, address, consent, of); err != nil {
		return err
	}
	f.wake()
	return f.customerAgain(ctx, id)
}

func (f *follower) product(ctx context.Context, ev webhook.Event[webhook.Product]) error {
	p := &ev.Payload
	if err := f.store.PutVariants(ctx, fetch.Product(p)); err != nil {
		return err
	}
	return f.store.PutCategory(ctx, p.ID, p.ProductType, p.UpdatedAt)
}

func (f *follower) location(ctx context.Context, ev webhook.Event[webhook.Location]) error {
	return f.putLocation(ctx, ev.Payload.ID, ev.Payload.Name)
}

// putLocation keeps a name. A new one stands in the purchases of many.
func (f *follower) putLocation(ctx context.Context, id int64, name string) error {
	renamed, err := f.store.PutLocation(ctx, id, name)
	if err != nil || !renamed {
		return err
	}
	defer f.wake()
	return f.store.ChangeAll(ctx)
}

func (f *follower) bulkFinished(_ context.Context, ev webhook.Event[webhook.BulkOperation]) error {
	f.runner.Finished(shopify.GID(ev.Payload.AdminGraphqlAPIID))
	return nil
}
