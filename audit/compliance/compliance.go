// Package compliance lets an audit log answer the compliance webhooks of a shop:
// a customer asks for their data, or it shall be erased
// (https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance).
//
//	c, err := compliance.New(log, deliver, nil)
//	if err != nil {
//		return err
//	}
//	err = webhook.OnCompliance(mux, c.Webhooks())
//
// The log needs a vault ([audit.NewVault]): what is sealed about the customer can
// then no longer be read by anybody, nor tied to them, and every proof stays
// valid.
//
// This is the one package of the module that knows both webhook and audit.
package compliance

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/webhook"
)

// Log is what answers: an [*audit.Log] with a vault.
type Log interface {
	Seals() bool
	Export(ctx context.Context, subject audit.Subject, req audit.DataRequest) iter.Seq2[audit.Record, error]
	Erase(ctx context.Context, subject audit.Subject, req audit.DataRequest) (*audit.ErasureReport, error)
}

// Deliver sees that the merchant gets what the log has about a customer, as
// Shopify takes no answer: export.Unsealed of package audit/export writes a file.
// That it was read is on record before the first one is yielded. After an error it
// is called again for the same request, whose number is ev.Payload.DataRequest.ID.
type Deliver func(ctx context.Context, ev webhook.Event[webhook.DataRequest], records iter.Seq2[audit.Record, error]) error

// Options are the optional settings of a [Handler].
type Options struct {
	// Orders says that parts are sealed about orders too ([audit.Part].Subjects),
	// with their GIDs: the keys of the orders that a redaction names are destroyed
	// like the customer's. If false, the customer's are.
	Orders bool

	// Erased is told of each erasure that is done. If nil, nobody is told; the log
	// has it anyway.
	Erased func(ctx context.Context, report *audit.ErasureReport)
}

// Handler answers compliance webhooks from a log. It implements
// [webhook.Exporter] and [webhook.Eraser] and is safe for concurrent use. A
// delivery that comes again is answered again and recorded once.
type Handler struct {
	log     Log
	deliver Deliver
	opts    Options
}

var (
	_ webhook.Exporter = (*Handler)(nil)
	_ webhook.Eraser   = (*Handler)(nil)
)

// New returns a handler. A log without a vault is refused: it could erase nothing.
// opts may be nil.
func New(log Log, deliver Deliver, opts *Options) (*Handler, error) {
	if log == nil || deliver == nil {
		return nil, errors.New("compliance: a log and a way to deliver are needed")
	}
	if !log.Seals() {
		return nil, errors.New("compliance: the log has no vault")
	}
	h := &Handler{log: log, deliver: deliver}
	if opts != nil {
		h.opts = *opts
	}
	return h, nil
}

// Webhooks is what [webhook.OnCompliance] takes, where the log is all that stores
// something. Else add the handler to the exporters and erasers of the others.
func (h *Handler) Webhooks() webhook.Compliance {
	return webhook.Compliance{Exporters: []webhook.Exporter{h}, Erasers: []webhook.Eraser{h}}
}

// ExportCustomer implements [webhook.Exporter].
func (h *Handler) ExportCustomer(ctx context.Context, ev webhook.Event[webhook.DataRequest]) error {
	req := request(ev.Delivery, "The customer asked for their data.")
	return h.deliver(ctx, ev, h.log.Export(ctx, customer(ev.Payload.Customer), req))
}

// EraseCustomer implements [webhook.Eraser].
func (h *Handler) EraseCustomer(ctx context.Context, ev webhook.Event[webhook.CustomerRedaction]) error {
	req := request(ev.Delivery, "The customer's data is to be erased.")
	if err := h.erase(ctx, customer(ev.Payload.Customer), req); err != nil || !h.opts.Orders {
		return err
	}
	for _, id := range ev.Payload.OrdersToRedact {
		of := req
		of.ID = fmt.Sprintf("%s/%d", req.ID, id)
		if err := h.erase(ctx, audit.Subject{Type: "order", ID: fmt.Sprintf("gid://shopify/Order/%d", id)}, of); err != nil {
			return err
		}
	}
	return nil
}

// EraseShop implements [webhook.Eraser]: nothing that was sealed in entries of the
// shop can be read any more.
func (h *Handler) EraseShop(ctx context.Context, ev webhook.Event[webhook.ShopRedaction]) error {
	return h.erase(ctx, audit.Subject{Type: "shop", ID: ev.Shop}, request(ev.Delivery, "The shop uninstalled the app 48 hours ago."))
}

func (h *Handler) erase(ctx context.Context, subject audit.Subject, req audit.DataRequest) error {
	report, err := h.log.Erase(ctx, subject, req)
	if err != nil {
		return fmt.Errorf("compliance: %w", err)
	}
	if h.opts.Erased != nil {
		h.opts.Erased(ctx, report)
	}
	return nil
}

func customer(c webhook.PrivacyCustomer) audit.Subject {
	return audit.Subject{Type: "customer", ID: fmt.Sprintf("gid://shopify/Customer/%d", c.ID)}
}

// request is the same for every attempt of a delivery.
func request(d webhook.Delivery, note string) audit.DataRequest {
	return audit.DataRequest{ID: d.WebhookID, Shop: d.Shop, Note: note, Actor: audit.Actor{Type: audit.System, ID: "shopify", Channel: "webhook"}}
}
