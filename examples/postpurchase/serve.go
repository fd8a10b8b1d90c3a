package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/posai-go/posai/shopify/shopifytest"
)

// serve runs until ctx ends.
func serve(ctx context.Context, cfg *config, out io.Writer, logger *slog.Logger) (err error) {
	var anySKU string // of the simulated shop
	if cfg.Simulate {
		sim, err := shopifytest.Start(&shopifytest.Options{Seed: cfg.Seed, Token: cfg.Token, Secret: cfg.Secret, Logger: logger, Control: true})
		if err != nil {
			return err
		}
		defer func() { _ = sim.Close() }()
		cfg.Use(sim)
		p := picker{sim: sim, location: sim.Locations()[0].ID}
		if anySKU = p.sku("Soy Candle"); p.err != nil {
			return p.err
		}
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
	defer func() { err = errors.Join(err, s.StopWithin(ctx, 20*time.Second)) }()
	if cfg.PublicURL != "" || cfg.Simulate {
		if err := s.subscribe(ctx); err != nil {
			return fmt.Errorf("webhook subscription: %w", err)
		}
	}
	link, err := s.SignInLink("")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "shop            %s (%s)\nwebhooks        %s/webhooks\nhealth          %s/healthz\nconsole         %s\n", sh.name, sh.client.Shop(), s.URL, s.URL, link)
	if cfg.Simulate {
		fmt.Fprintf(out, "\nRing up a sale with:\n  curl -s -X POST %s/_sim/sales -d '{\"lines\":[{\"sku\":\"%s\"}]}'\n", cfg.ShopURL, anySKU)
	}
	<-ctx.Done()
	fmt.Fprintln(out, "stopping")
	return nil
}

// openShop makes the client and reads what does not change: name, currency,
// locations.
func openShop(ctx context.Context, cfg *config, logger *slog.Logger) (*shop, error) {
	client, err := cfg.OpenClient(logger)
	if err != nil {
		return nil, err
	}
	return newShop(ctx, client)
}
