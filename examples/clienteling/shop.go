package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/posai-go/posai/examples/clienteling/internal/fetch"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
)

// shop is the shop whose customers the book is about.
type shop struct {
	client   *shopify.Client
	domain   string
	name     string
	currency string
	zone     *time.Location
}

// recent is how far back a token sees orders without the scope read_all_orders.
const recent = 60 * 24 * time.Hour

// openShop makes the client, checks that the merchant granted what is needed, and reads
// what does not change.
func openShop(ctx context.Context, cfg *config, logger *slog.Logger) (*shop, error) {
	client, err := cfg.OpenClient(logger)
	if err != nil {
		return nil, err
	}
	installed, err := admin.GetAppInstallation(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("reading what the app may do: %w", err)
	}
	var granted []string
	for _, s := range installed.CurrentAppInstallation.AccessScopes {
		granted = append(granted, s.Handle)
	}
	if err := shopify.CheckScopes(granted, fetch.Operations()...); err != nil {
		return nil, err
	}
	if !slices.Contains(granted, "read_all_orders") {
		if !cfg.since.IsZero() && cfg.since.Before(time.Now().Add(-recent)) {
			return nil, fmt.Errorf("-since %s needs the scope read_all_orders: without it Shopify shows the orders of the last 60 days", cfg.since.Format(time.DateOnly))
		}
		if !cfg.simulated { // whose token sees everything
			logger.Warn("without the scope read_all_orders the book begins 60 days ago")
		}
	}
	resp, err := admin.GetShop(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("reading the shop: %w", err)
	}
	s := &shop{client: client, domain: string(client.Shop()), name: resp.Shop.Name, currency: resp.Shop.CurrencyCode, zone: time.UTC}
	if zone, err := time.LoadLocation(resp.Shop.IanaTimezone); err == nil {
		s.zone = zone
	}
	return s, nil
}
