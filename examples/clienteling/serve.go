package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// serve runs until ctx ends.
func serve(ctx context.Context, cfg *config, out io.Writer, logger *slog.Logger) (err error) {
	if cfg.Simulate {
		sim, err := shopifytest.Start(&shopifytest.Options{Seed: cfg.Seed, Plan: shopifytest.Plus, Token: cfg.Token, Secret: cfg.Secret, Logger: logger, Control: true, RetrySchedule: demo.RetrySoon()})
		if err != nil {
			return err
		}
		defer func() { _ = sim.Close() }()
		cfg.use(sim)
		fmt.Fprintf(out, "simulated shop  %s at %s\n", sim.Domain(), sim.URL())
	}
	sh, err := openShop(ctx, cfg, logger)
	if err != nil {
		return err
	}
	s, err := startService(ctx, cfg, sh, nil, cfg.ServeDir(), cfg.Addr, logger, nil)
	if err != nil {
		return err
	}
	// What is at work may finish: its effects are on the way.
	defer func() { err = errors.Join(err, s.end(ctx)) }()
	link, err := s.SignInLink("")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "shop            %s (%s)\nCRM             %s\nbook            %s (sign in at the console first)\nCRM page        %s\nregister        %s/pos/customers/{id}\nwebhooks        %s/webhooks\nhealth          %s/healthz\nmetrics         %s/metrics\nconsole         %s\n",
		sh.name, sh.domain, s.sink.Name(), s.PublicURL("/clients"), s.PublicURL("/sync"), s.URL, s.URL, s.URL, s.URL, link)
	if report, err := s.ready(ctx); err == nil {
		fmt.Fprintf(out, "read            %d customers, %d orders, %d variants\n", report.Customers.Read, report.Orders.Read, report.Variants.Read)
	}
	if cfg.Simulate && ctx.Err() == nil {
		token := shopifytest.SignSessionToken(cfg.Secret, shopifytest.SessionClaims{Shop: cfg.Shop, ClientID: cfg.clientID, Account: "1", Issued: time.Now()})
		id, err := s.somebody(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "\nAsk as a register does (the token is good for a minute):\n  curl -s %s/pos/customers/%d -H 'Authorization: Bearer %s'\n", s.URL, id, token)
	}
	<-ctx.Done()
	fmt.Fprintln(out, "stopping")
	return nil
}

// somebody is a customer to try things with: whoever bought most often.
func (s *service) somebody(ctx context.Context) (id int64, err error) {
	most := 0
	for e, err := range s.store.Entries(ctx) {
		if err != nil {
			return 0, err
		}
		if len(e.Orders) > most {
			most = len(e.Orders)
			if id, err = e.Customer.ID.Number(); err != nil {
				return 0, err
			}
		}
	}
	return id, nil
}

// use points the configuration at a simulated shop.
func (c *config) use(sim *shopifytest.Shop) {
	c.Use(sim)
	c.simulated = true
	if c.clientID == "" {
		c.clientID = simulatedClient
	}
}
