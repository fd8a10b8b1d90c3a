package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// manager is who the printed sign-in link is for. A real shop has its own
// sign-in: see console.Authenticator.
var manager = approval.Principal{ID: "staff:manager", Name: "Store manager", Type: approval.Human, Roles: []string{roleManager}}

// serve runs until ctx ends.
func serve(ctx context.Context, cfg *config, out io.Writer, logger *slog.Logger) (err error) {
	var anySKU string // of the simulated shop
	if cfg.simulate {
		sim, err := shopifytest.Start(&shopifytest.Options{Seed: cfg.seed, Token: cfg.token, Secret: cfg.secret, Logger: logger, Control: true})
		if err != nil {
			return err
		}
		defer func() { _ = sim.Close() }()
		use(cfg, sim)
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
	dir := cfg.data
	if dir == "" {
		dir = "postpurchase-data"
	}
	s, err := startService(ctx, cfg, sh, dir, cfg.addr, logger, nil)
	if err != nil {
		return err
	}
	defer func() {
		// What is at work may finish: its effects are on the way.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer cancel()
		err = errors.Join(err, s.stop(ctx))
	}()
	hook := strings.TrimSuffix(cfg.publicURL, "/")
	if hook == "" && cfg.simulate {
		hook = s.url
	}
	if hook != "" {
		if err := sh.subscribe(ctx, hook+"/webhooks"); err != nil {
			return fmt.Errorf("webhook subscription: %w", err)
		}
	}
	link, err := s.links.Link(s.consoleURL(cfg), manager, "")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "shop            %s (%s)\nwebhooks        %s/webhooks\nhealth          %s/healthz\nconsole         %s\n", sh.name, sh.client.Shop(), s.url, s.url, link)
	if cfg.simulate {
		fmt.Fprintf(out, "\nRing up a sale with:\n  curl -s -X POST %s/_sim/sales -d '{\"lines\":[{\"sku\":\"%s\"}]}'\n", cfg.shopURL, anySKU)
	}
	<-ctx.Done()
	fmt.Fprintln(out, "stopping")
	return nil
}

// use points the configuration at a simulated shop.
func use(cfg *config, sim *shopifytest.Shop) {
	cfg.shop, cfg.shopURL, cfg.token, cfg.secret = sim.Domain(), sim.URL(), sim.Token(), sim.Secret()
}

// openShop makes the client and reads what does not change: name, currency,
// locations.
func openShop(ctx context.Context, cfg *config, logger *slog.Logger) (*shop, error) {
	domain, err := shopify.ParseDomain(cfg.shop)
	if err != nil {
		return nil, err
	}
	if cfg.shopURL != "" {
		// The access token is sent there: over plain http only to this machine.
		u, err := url.Parse(cfg.shopURL)
		if err != nil || u.Scheme != "https" && !loopback(u.Hostname()) {
			return nil, errors.New("-shop-url must be an https URL")
		}
	}
	client, err := shopify.NewClient(domain, shopify.StaticToken(cfg.token), &shopify.Options{BaseURL: cfg.shopURL, Logger: logger})
	if err != nil {
		return nil, err
	}
	return newShop(ctx, client)
}
