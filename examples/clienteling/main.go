// Command clienteling keeps a store's client book: what customers bought at the register
// and online, what associates noted, what they like and what may be talked about. It
// reads the shop's past by bulk operations and keeps up by webhooks, shows the book to a
// POS extension and to associates, and keeps a CRM in step: whatever comes twice, late or
// in the wrong order ends in the same state. Who takes a consent back, opts out of
// sharing, is deleted or erased is so in the CRM too; and where a customer may be a
// record that the CRM has already, a person says which.
//
//	go run ./examples/clienteling                      # a simulated shop, an afternoon
//	go run ./examples/clienteling -serve -simulate     # a service for a simulated shop
//	go run ./examples/clienteling -serve -shop …       # a service for a real shop
//	go run ./examples/clienteling -eval retail.csv.gz  # what profiles say about later months
//	go run ./examples/clienteling -eval-points         # what talking points are worth
//
// Run it with -help for all flags. Where to read on: internal/book is what is known of a
// customer, internal/profile and internal/talk what follows from it, internal/desk who
// sees it; internal/fetch reads the shop, internal/store keeps it, internal/outbox brings
// it to the CRM by a sink of internal/crm. Here are follow.go, what becomes of a
// delivery; match.go, what a person is asked; comply.go, the rights of customers; and
// service.go, which ties it together. What all examples share is in
// examples/internal/demo.
package main

import (
	"context"
	"os"

	"github.com/posai-go/posai/examples/internal/demo"
)

func main() { demo.Main("clienteling", run) }

func run(ctx context.Context, args []string, getenv func(string) string, in, out, errOut *os.File) error {
	cfg, err := parseConfig(args, getenv, errOut)
	if err != nil {
		return err
	}
	switch {
	case cfg.eval != "" || cfg.evalPoints:
		return evaluation(ctx, cfg, out)
	case cfg.Serve:
		return serve(ctx, cfg, out, demo.NewLogger(errOut))
	}
	return demonstrate(ctx, cfg, in, out)
}
