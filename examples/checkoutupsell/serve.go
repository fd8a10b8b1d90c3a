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
		sim, err := shopifytest.Start(&shopifytest.Options{Data: simulatedShop(shopifytest.GenerateData(cfg.Seed, time.Now())), Token: cfg.Token, Secret: cfg.Secret, Logger: logger, Control: true, RetrySchedule: demo.RetrySoon()})
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
	if err != nil && ctx.Err() != nil {
		return nil // interrupted before it was up
	}
	if err != nil {
		return err
	}
	// What is at work may finish: its effects are on the way.
	defer func() { err = errors.Join(err, s.stopWithin(ctx, 20*time.Second)) }()
	if cfg.PublicURL != "" || cfg.Simulate {
		if err := s.subscribe(ctx); err != nil && ctx.Err() == nil {
			return fmt.Errorf("webhook subscription: %w", err)
		}
	}
	if cfg.begin {
		if err := s.askToBegin(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
	if len(cfg.staff) == 0 {
		logger.Warn("without -staff, somebody who asks at a register can decide it at the console")
	}
	link, err := s.SignInLink("rollouts")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "shop            %s (%s)\nrules           %s\nregister        %s/pos/offers\nwebhooks        %s/webhooks\nhealth          %s/healthz\nconsole         %s\nfigures         %s (once signed in at the console)\n",
		sh.name, sh.till.Shop(), cfg.rules.Version(), s.URL, s.URL, s.URL, link, s.PublicURL("/upsell"))
	fmt.Fprintln(out, "\nNothing is suggested before a manager takes the rollout to its first stage at the console.")
	if cfg.Simulate {
		token := shopifytest.SignSessionToken(cfg.Secret, shopifytest.SessionClaims{Shop: cfg.Shop, ClientID: cfg.clientID, Account: "71", Issued: time.Now()})
		fmt.Fprintf(out, "\nAsk as a register does (the token is good for a minute):\n  curl -s -X POST %s/pos/offers -H 'Authorization: Bearer %s' -d '{\"cart\":\"first-cart\",\"location_id\":%d,\"currency\":\"%s\",\"lines\":[]}'\n", s.URL, token, number(firstOf(sh.locations)), sh.currency)
	}
	<-ctx.Done()
	fmt.Fprintln(out, "stopping")
	return nil
}

// askToBegin asks for the first stage, once.
func (s *service) askToBegin(ctx context.Context) error {
	state, err := s.desk.rollout.State(ctx)
	if err != nil || state.Stage >= 0 {
		return err
	}
	_, err = s.desk.rollout.Promote(ctx, self, "The service was started with -begin.")
	return err
}

// use points the configuration at a simulated shop.
func (c *config) use(sim *shopifytest.Shop) {
	c.Use(sim)
	if c.clientID == "" {
		c.clientID = simulatedClient
	}
	if c.staff == nil {
		c.staff = simulatedStaff()
	}
}
