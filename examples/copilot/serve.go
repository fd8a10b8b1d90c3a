package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/open"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// serve runs until ctx ends.
func serve(ctx context.Context, cfg *config, out io.Writer, logger *slog.Logger) (err error) {
	if cfg.Simulate {
		sim, err := shopifytest.Start(&shopifytest.Options{Seed: cfg.Seed, Plan: shopifytest.Plus, Token: cfg.Token, Secret: cfg.Secret, Logger: logger, Control: true})
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
	defer func() { err = errors.Join(err, s.stopWithin(ctx, 20*time.Second)) }()
	link, err := s.SignInLink("")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "shop            %s (%s)\nmodel           %s\nkiosk           %s\nassociate       %s (sign in at the console first)\nregister        %s/pos/ask\nwebhooks        %s/webhooks\nhealth          %s/healthz\nconsole         %s\n",
		sh.name, sh.client.Shop(), s.modelName(), s.PublicURL("/kiosk"), s.PublicURL("/associate"), s.URL, s.URL, s.URL, link)
	if cfg.Simulate {
		token := shopifytest.SignSessionToken(cfg.Secret, shopifytest.SessionClaims{Shop: cfg.Shop, ClientID: cfg.clientID, Account: "1", Issued: time.Now()})
		fmt.Fprintf(out, "\nAsk as a register does (the token is good for a minute):\n  curl -s -X POST %s/pos/ask -H 'Authorization: Bearer %s' -d '{\"conversation\":\"register-1\",\"question\":\"cashmere scarf\"}'\n", s.URL, token)
	}
	<-ctx.Done()
	fmt.Fprintln(out, "stopping")
	return nil
}

func (s *service) modelName() string {
	if s.copilot.model == nil {
		return "none: answers are search results"
	}
	info := s.copilot.model.Info()
	return info.Provider + " " + info.Model
}

// use points the configuration at a simulated shop.
func (c *config) use(sim *shopifytest.Shop) {
	c.Use(sim)
	c.simulated = true
	if c.clientID == "" {
		c.clientID = simulatedClient
	}
}

// openShop makes the client and reads what does not change.
func openShop(ctx context.Context, cfg *config, logger *slog.Logger) (*shop, error) {
	client, err := cfg.OpenClient(logger)
	if err != nil {
		return nil, err
	}
	var embedder ai.Embedder
	if cfg.embedder != "" {
		if embedder, err = open.Embedder(cfg.embedder, cfg.ModelKey, &open.Options{BaseURL: cfg.ModelURL}); err != nil {
			return nil, err
		}
	}
	s, err := newShop(ctx, client, embedder)
	if err != nil {
		return nil, err
	}
	s.minCosine, s.lookUp = cfg.minCosine, cfg.lookUp
	return s, nil
}
