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
		sim, err := shopifytest.Start(&shopifytest.Options{Data: simulatedShop(cfg.Seed), Token: cfg.Token, Secret: cfg.Secret, Logger: logger, Control: true, RetrySchedule: demo.RetrySoon()})
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
	s, err := startService(ctx, cfg, sh, cfg.ServeDir(), cfg.Addr, logger, nil)
	if err != nil {
		return err
	}
	// What is at work may finish: its effects are on the way.
	defer func() { err = errors.Join(err, s.stopWithin(ctx, 20*time.Second)) }()
	if cfg.PublicURL != "" || cfg.Simulate {
		if err := s.subscribe(ctx); err != nil {
			return fmt.Errorf("webhook subscription: %w", err)
		}
	}
	link, err := s.SignInLink("")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "shop            %s (%s)\npolicy          %s\nregister        %s/pos/transactions\nwebhooks        %s/webhooks\nhealth          %s/healthz\nconsole         %s\nflags           %s (once signed in at the console)\n",
		sh.name, sh.client.Shop(), cfg.policy.Name(), s.URL, s.URL, s.URL, link, s.PublicURL("/flags"))
	if cfg.Simulate {
		token := shopifytest.SignSessionToken(cfg.Secret, shopifytest.SessionClaims{Shop: cfg.Shop, ClientID: cfg.clientID, Account: "1", Issued: time.Now()})
		fmt.Fprintf(out, "\nAsk as a register does (the token is good for a minute):\n  curl -s -X POST %s/pos/transactions -H 'Authorization: Bearer %s' -d '{\"id\":\"first-question\",\"kind\":\"return\",\"location_id\":1,\"currency\":\"%s\",\"total\":\"420.00\"}'\n", s.URL, token, sh.currency)
	}
	<-ctx.Done()
	fmt.Fprintln(out, "stopping")
	return nil
}

// use points the configuration at a simulated shop.
func (c *config) use(sim *shopifytest.Shop) {
	c.Use(sim)
	if c.clientID == "" {
		c.clientID = simulatedClient
	}
}
