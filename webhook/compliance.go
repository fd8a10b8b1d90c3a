package webhook

import (
	"context"
	"errors"
	"strings"
	"time"
)

// ComplianceTerm is how long an app has to do what a compliance topic asks for.
const ComplianceTerm = 30 * 24 * time.Hour

// ErrMismatch reports a compliance delivery whose signed body is about another
// shop than its header says, or belongs to another topic.
var ErrMismatch = errors.New("webhook: the body does not belong to the topic and shop of the header")

// Exporter collects what a part of an app stores about a customer.
type Exporter interface {
	// ExportCustomer collects what is stored about the customer in
	// ev.Payload and sees that the merchant gets it: Shopify takes no answer.
	ExportCustomer(ctx context.Context, ev Event[DataRequest]) error
}

// Eraser erases what a part of an app stores.
type Eraser interface {
	// EraseCustomer erases what is stored about the customer in ev.Payload
	// and about those of their orders that it names. What the law obliges the
	// app to keep may stay.
	EraseCustomer(ctx context.Context, ev Event[CustomerRedaction]) error

	// EraseShop erases what is stored about the shop and its customers.
	EraseShop(ctx context.Context, ev Event[ShopRedaction]) error
}

// Uninstaller ends an installation.
type Uninstaller interface {
	// Uninstall ends what runs for the shop and forgets its access token,
	// which is dead. Data stays until EraseShop: merchants come back within
	// 48 hours. Deliveries are unordered: do nothing if the shop has
	// installed the app again since ev.TriggeredAt.
	Uninstall(ctx context.Context, ev Event[Shop]) error
}

// Compliance is what an app does on the topics customers/data_request,
// customers/redact, shop/redact and app/uninstalled. All methods may be called
// again for the same request, and must do no harm then.
//
// https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance
type Compliance struct {
	// Exporters and Erasers are the parts of the app that store something.
	// All are asked, even if one fails, and again until none fails.
	Exporters []Exporter
	Erasers   []Eraser

	// StoresNothing says that the app stores nothing about customers or
	// shops. It is what stands in for Exporters and Erasers.
	StoresNothing bool

	// Uninstaller is told of app/uninstalled. If nil, that topic is not
	// registered.
	Uninstaller Uninstaller

	// Observe is told after each attempt what came of it, as the record that
	// it was done. If nil, nobody is told.
	Observe func(ctx context.Context, result ComplianceResult)
}

// ComplianceResult says what came of one attempt to do what a compliance topic
// asks for. It names people by ids alone.
type ComplianceResult struct {
	Topic      string
	Shop       string
	ShopID     int64
	CustomerID int64 // 0 for topics about a shop
	RequestID  int64 // of customers/data_request, else 0
	WebhookID  string
	Attempt    int

	// Due is by when it must be done; zero for app/uninstalled.
	Due time.Time

	// Err is nil if it is done. It will be tried again unless it matches
	// [ErrMismatch].
	Err error
}

// OnCompliance registers c for its topics. It returns an error if c has
// neither Exporters and Erasers nor StoresNothing, and panics like [On] if
// there is a function for one of the topics already.
//
// Only the body of a delivery is signed. Who got hold of one could send it
// again under another topic or shop, and have a whole shop erased for a
// customer. So a body counts for the shop that it names itself, and only in
// the form that is its topic's; other deliveries are given up with
// [ErrMismatch]. The body of app/uninstalled is the same as that of
// shop/update: let Uninstall do what can be undone.
func OnCompliance(m *Mux, c Compliance) error {
	if !c.StoresNothing && (len(c.Exporters) == 0 || len(c.Erasers) == 0) {
		return errors.New("webhook: Compliance needs Exporters and Erasers, or StoresNothing")
	}
	if c.Observe == nil {
		c.Observe = func(context.Context, ComplianceResult) {}
	}
	On(m, CustomersDataRequest, c.dataRequest)
	On(m, CustomersRedact, c.customerRedact)
	On(m, ShopRedact, c.shopRedact)
	if c.Uninstaller != nil {
		On(m, AppUninstalled, c.uninstalled)
	}
	return nil
}

func (c *Compliance) dataRequest(ctx context.Context, ev Event[DataRequest]) error {
	p := ev.Payload
	result := resultOf(ev.Delivery, p.ShopID, p.Customer.ID)
	result.RequestID = p.DataRequest.ID
	fits := p.Customer.ID != 0 && p.DataRequest.ID != 0
	return c.finish(ctx, result, fits && names(p.ShopDomain, ev.Shop), each(c.Exporters, func(e Exporter) error { return e.ExportCustomer(ctx, ev) }))
}

func (c *Compliance) customerRedact(ctx context.Context, ev Event[CustomerRedaction]) error {
	p := ev.Payload
	result := resultOf(ev.Delivery, p.ShopID, p.Customer.ID)
	fits := p.Customer.ID != 0 && !has(p.Extra, "data_request") && !has(p.Extra, "orders_requested")
	return c.finish(ctx, result, fits && names(p.ShopDomain, ev.Shop), each(c.Erasers, func(e Eraser) error { return e.EraseCustomer(ctx, ev) }))
}

func (c *Compliance) shopRedact(ctx context.Context, ev Event[ShopRedaction]) error {
	p := ev.Payload
	result := resultOf(ev.Delivery, p.ShopID, 0)
	fits := p.ShopID != 0 && !has(p.Extra, "customer") && !has(p.Extra, "data_request")
	return c.finish(ctx, result, fits && names(p.ShopDomain, ev.Shop), each(c.Erasers, func(e Eraser) error { return e.EraseShop(ctx, ev) }))
}

func (c *Compliance) uninstalled(ctx context.Context, ev Event[Shop]) error {
	p := ev.Payload
	result := resultOf(ev.Delivery, p.ID, 0)
	result.Due = time.Time{}
	fits := p.MyshopifyDomain == "" || names(p.MyshopifyDomain, ev.Shop) // often null
	return c.finish(ctx, result, fits, func() error { return c.Uninstaller.Uninstall(ctx, ev) })
}

func (c *Compliance) finish(ctx context.Context, result ComplianceResult, fits bool, do func() error) (err error) {
	if fits {
		err = do()
	} else {
		err = GiveUp(ErrMismatch)
	}
	result.Err = err
	c.Observe(ctx, result)
	return err
}

func resultOf(d Delivery, shop, customer int64) ComplianceResult {
	since := d.TriggeredAt
	if since.IsZero() {
		since = d.ReceivedAt
	}
	return ComplianceResult{
		Topic: d.Topic, Shop: d.Shop, ShopID: shop, CustomerID: customer, WebhookID: d.WebhookID,
		Attempt: d.Attempt, Due: since.Add(ComplianceTerm),
	}
}

// each calls do for all parts and joins their errors.
func each[T any](parts []T, do func(T) error) func() error {
	return func() error {
		var errs []error
		for _, part := range parts {
			errs = append(errs, do(part))
		}
		return errors.Join(errs...)
	}
}

func has(extra Extra, name string) bool {
	_, ok := extra[name]
	return ok
}

// names reports whether domain, as a body has it, is the shop of the header.
func names(domain, shop string) bool { return strings.EqualFold(domain, shop) }
