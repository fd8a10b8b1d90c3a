package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/auth"
	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/inbox"
)

// service is the whole guard at work.
type service struct {
	*demo.Service
	guard   *guard
	shop    *shop
	learned chan struct{} // closed once the shop's past is known

	stopLearning func()
}

// shop is what does not change while the program runs.
type shop struct {
	client         *shopify.Client
	name, currency string
	zone           *time.Location
	locations      map[string]string // name by GID
}

// openShop makes the client and reads name, currency, time zone and locations.
func openShop(ctx context.Context, cfg *config, logger *slog.Logger) (*shop, error) {
	client, err := cfg.OpenClient(logger)
	if err != nil {
		return nil, err
	}
	resp, err := admin.GetShop(ctx, client)
	if err != nil {
		return nil, err
	}
	s := &shop{client: client, name: resp.Shop.Name, currency: resp.Shop.CurrencyCode, locations: map[string]string{}}
	if s.zone, err = time.LoadLocation(resp.Shop.IanaTimezone); err != nil {
		return nil, fmt.Errorf("the shop's time zone: %w", err)
	}
	for l, err := range admin.Locations(ctx, client) {
		if err != nil {
			return nil, err
		}
		s.locations[string(l.ID)] = l.Name
	}
	return s, nil
}

func (s *shop) locationName(gid string) string { return s.locations[gid] }

// startService opens what cfg says in the folder dir and serves on addr. The
// caller stops it.
func startService(ctx context.Context, cfg *config, sh *shop, dir, addr string, logger *slog.Logger, observe func(inbox.Event)) (_ *service, err error) {
	if sh.currency != cfg.policy.Currency {
		return nil, fmt.Errorf("the policy counts in %s and the shop in %s", cfg.policy.Currency, sh.currency)
	}
	domain := string(sh.client.Shop())
	s := &service{shop: sh, learned: make(chan struct{}), stopLearning: func() {}}
	s.Service, err = demo.Open(ctx, &cfg.Config, &demo.Parts{
		Shop: domain, Dir: dir, Addr: addr, Title: sh.name, Policy: approvalPolicy(cfg.policy, cfg.Expiry), LocationName: sh.locationName, Logger: logger, Observe: observe,
		Personal: personal,
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop(context.WithoutCancel(ctx)))
		}
	}()
	model, err := cfg.OpenModel()
	if err != nil {
		return nil, err
	}
	s.guard = &guard{
		log: s.Log, queue: s.Queue, engine: risk.NewEngine(cfg.policy), budget: risk.NewBudget(cfg.policy.Budget, sh.zone), tenders: map[string]map[string]string{},
		shop: domain, money: sh.currency, zone: sh.zone, now: time.Now, logger: logger, names: sh.locationName,
		explainer: explainer{model: model, timeout: cfg.ModelTimeout},
	}
	if err := register(s.Service, sh.client); err != nil {
		return nil, err
	}
	if err := s.guard.configured(ctx, "policy", cfg.policy.Digest(), "Policy "+cfg.policy.Name()+" is in force."); err != nil {
		return nil, err
	}
	if err := s.guard.recall(ctx); err != nil {
		return nil, err
	}
	webhook.On(s.Topics, webhook.OrdersCreate, s.guard.sold)
	webhook.On(s.Topics, webhook.RefundsCreate, s.guard.refunded)
	webhook.On(s.Topics, webhook.TenderTransactionsCreate, s.guard.tendered)
	if err := s.comply(); err != nil {
		return nil, err
	}
	secrets := auth.Secrets{Current: cfg.Secret}
	if cfg.OldSecret != "" { // it signs for a while after the rotation
		secrets.Previous, secrets.PreviousUntil = cfg.OldSecret, time.Now().Add(2*time.Hour)
	}
	app, err := auth.New(cfg.clientID, secrets, &auth.Options{Logger: logger})
	if err != nil {
		return nil, err
	}
	s.Pages.Handle("/pos/", http.StripPrefix("/pos", s.guard.register(app)))
	s.Pages.Handle("/flags", s.flagsPage())
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	s.learn(ctx)
	return s, s.guard.reviewAgain(ctx)
}

// learn learns in the background until the service stops.
func (s *service) learn(ctx context.Context) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var learning sync.WaitGroup
	learning.Go(func() { s.guard.keepLearning(ctx, s.shop.client, 24*time.Hour, s.learned) })
	s.stopLearning = func() {
		cancel()
		learning.Wait()
	}
}

// ready waits until the shop's past is known.
func (s *service) ready(ctx context.Context) error {
	select {
	case <-s.learned:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *service) stop(ctx context.Context) error {
	s.stopLearning()
	if s.guard != nil {
		s.guard.atWork.close()
	}
	return s.Stop(ctx)
}

func (s *service) stopWithin(ctx context.Context, d time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d)
	defer cancel()
	return s.stop(ctx)
}

// subscribe makes sure that the shop delivers what is done.
func (s *service) subscribe(ctx context.Context) error {
	return demo.Subscribe(ctx, s.shop.client, s.WebhookURL(),
		admin.WebhookSubscriptionTopicOrdersCreate, admin.WebhookSubscriptionTopicRefundsCreate, admin.WebhookSubscriptionTopicTenderTransactionsCreate)
}
