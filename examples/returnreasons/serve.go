package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/posai-go/posai/examples/returnreasons/weekly"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// serve runs until ctx ends.
func serve(ctx context.Context, cfg *config, out io.Writer, logger *slog.Logger) (err error) {
	var anyOrder string // of the simulated shop, to take back
	if cfg.Simulate {
		data, err := simulatedShop(cfg.Seed, time.Now())
		if err != nil {
			return err
		}
		sim, err := shopifytest.Start(&shopifytest.Options{Data: data, Plan: shopifytest.Plus, Token: cfg.Token, Secret: cfg.Secret, Logger: logger, Control: true})
		if err != nil {
			return err
		}
		defer func() { _ = sim.Close() }()
		cfg.Use(sim)
		for _, o := range sim.Orders() {
			if o.FulfillmentStatus == "FULFILLED" && len(sim.Returns(o.ID)) == 0 {
				anyOrder = o.Name
			}
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
	fmt.Fprintf(out, "shop            %s (%s)\nwebhooks        %s/webhooks\nhealth          %s/healthz\nconsole         %s\nsummary         %s (sign in at the console first); each week's also in %s\n",
		sh.name, sh.client.Shop(), s.URL, s.URL, link, s.PublicURL("/returns"), cfg.ServeDir())
	if cfg.Simulate {
		fmt.Fprintf(out, "\nTake something back with:\n  curl -s -X POST %s/_sim/returns -d '{\"order\":\"%s\",\"note\":\"The zip is broken.\"}'\n", cfg.ShopURL, anyOrder)
	}
	s.reporter.keep(ctx, cfg.ServeDir(), logger) // until ctx ends
	fmt.Fprintln(out, "stopping")
	return nil
}

// reportOnly writes the summary of a week of a real shop.
func reportOnly(ctx context.Context, cfg *config, out io.Writer, logger *slog.Logger) error {
	sh, err := openShop(ctx, cfg, logger)
	if err != nil {
		return err
	}
	return writeReport(ctx, newReporter(sh, cfg.minCount), cfg.week, cfg.report, out)
}

// writeReport writes the page to a file, and the text to out.
func writeReport(ctx context.Context, r *reporter, week, file string, out io.Writer) (err error) {
	var at time.Time
	if week != "" {
		if at, err = weekly.ParseWeek(week, r.shop.zone); err != nil {
			return fmt.Errorf("-week: %w", err)
		}
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return r.write(ctx, f, out, at)
}

// openShop makes the client and reads what does not change.
func openShop(ctx context.Context, cfg *config, logger *slog.Logger) (*shop, error) {
	client, err := cfg.OpenClient(logger)
	if err != nil {
		return nil, err
	}
	return newShop(ctx, client)
}
