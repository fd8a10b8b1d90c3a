package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/examples/clienteling/internal/desk"
	"github.com/posai-go/posai/examples/clienteling/internal/fetch"
	"github.com/posai-go/posai/examples/clienteling/internal/outbox"
	"github.com/posai-go/posai/examples/clienteling/internal/store"
	"github.com/posai-go/posai/examples/clienteling/internal/talk"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/auth"
	"github.com/posai-go/posai/shopify/bulk"
	"github.com/posai-go/posai/webhook/inbox"
	"github.com/posai-go/posai/webhook/subscription"
)

// lookAgain is how often what changed in the shop is read, for what was never delivered.
const lookAgain = 24 * time.Hour

// service is the whole: deliveries and bulk operations fill the book, the outbox brings
// it to the CRM, and people look at it.
type service struct {
	*demo.Service
	cfg      *config
	shop     *shop
	store    *store.Store
	sink     crm.Sink
	outbox   *outbox.Outbox
	clients  *clients
	backfill *fetch.Backfill
	app      *auth.App
	logger   *slog.Logger

	filled chan fetch.Report // what the first look after the start came to
	closes []func() error    // in the order of opening
	stops  []func()          // of what runs
}

// startService opens what cfg says in the folder dir and serves on addr. A sink that is
// given stands in for the one of cfg. The caller stops the service.
func startService(ctx context.Context, cfg *config, sh *shop, sink crm.Sink, dir, addr string, logger *slog.Logger, observe func(inbox.Event)) (_ *service, err error) {
	s := &service{cfg: cfg, shop: sh, sink: sink, logger: logger, filled: make(chan fetch.Report, 1)}
	s.Service, err = demo.Open(ctx, &cfg.Config, &demo.Parts{
		Shop: sh.domain, Dir: dir, Addr: addr, Title: sh.name, Policy: policy(cfg), Logger: logger, Observe: observe,
		Personal: []string{"customer"}, Inbox: &inbox.Options{Order: inbox.OneByOne, Resource: resource}, Health: s.health,
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop(context.WithoutCancel(ctx)))
		}
	}()
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	model, err := cfg.openModel(ctx, s.Dir)
	if err != nil {
		return nil, err
	}
	s.closes = append(s.closes, cfg.budget.Close)
	if err := s.assemble(model); err != nil {
		return nil, err
	}
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	s.run(s.outbox.Run)
	s.run(s.keepUp)
	return s, nil
}

// open opens the book and the way to the CRM.
func (s *service) open(ctx context.Context) (err error) {
	database, err := s.cfg.DatabaseURL(s.Dir)
	if err != nil {
		return err
	}
	if s.store, err = store.Open(ctx, database, s.shop.domain); err != nil {
		return err
	}
	s.closes = append(s.closes, s.store.Close)
	if s.sink != nil {
		return nil
	}
	sink, closing, err := openSink(ctx, s.cfg, s.crmDir(), s.logger)
	if err != nil {
		return err
	}
	s.sink = sink
	s.closes = append(s.closes, closing)
	return nil
}

// assemble ties the parts together.
func (s *service) assemble(model ai.Model) error {
	runner, err := bulk.NewRunner(s.shop.client, nil)
	if err != nil {
		return err
	}
	s.clients = &clients{store: s.store, log: s.Log, shop: s.shop.domain, currency: s.shop.currency, zone: s.shop.zone, wake: s.wake}
	match := &matcher{
		shop: s.shop.domain, queue: s.Queue, store: s.store, sink: s.sink, wake: s.wake,
		page: func(customer int64) string { return s.PublicURL(fmt.Sprint("/matches/", customer)) },
	}
	if err := match.register(); err != nil {
		return err
	}
	rights, err := newRights(s.Log, rights{dir: s.Dir, store: s.store, box: s.Inbox, wake: s.wake, logger: s.logger})
	if err != nil {
		return err
	}
	if err := rights.register(s.Topics); err != nil {
		return err
	}
	reader := fetch.NewReader(s.shop.client, s.cfg.tag)
	follow := &follower{shop: s.shop.domain, store: s.store, reader: reader, runner: runner, box: s.Inbox, wake: s.wake}
	follow.register(s.Topics)
	s.backfill = &fetch.Backfill{Store: s.store, Runner: runner, Reader: reader, Tag: s.cfg.tag, First: s.cfg.since.Time, Reread: follow.conflicts}
	s.outbox = outbox.New(outbox.Options{
		Store: s.store, Sink: s.sink, Profile: s.clients.profile, Ask: match.ask, Answered: match.answered, Erased: rights.erased(s.shop.domain), Logger: s.logger, Backoff: s.cfg.backoff,
	})
	// It verifies the registers' session tokens; the access token is the configured one.
	secrets := auth.Secrets{Current: s.cfg.Secret}
	if s.cfg.OldSecret != "" {
		secrets.Previous, secrets.PreviousUntil = s.cfg.OldSecret, time.Now().Add(2*time.Hour)
	}
	if s.app, err = auth.New(s.cfg.clientID, secrets, &auth.Options{Logger: s.logger}); err != nil {
		return err
	}
	s.closes = append(s.closes, s.app.Close)
	pages := desk.New(s.clients, &desk.Options{
		Title: s.shop.name, Authenticate: s.who, SignIn: "/approvals/", App: s.app, Shop: shopify.Domain(s.shop.domain), Seen: s.seen, Location: s.shop.zone, Logger: s.logger,
		Talk: talk.New(model, &talk.Options{Timeout: s.cfg.ModelTimeout, Record: s.asked}),
	})
	s.Pages.Handle("/clients", pages)
	s.Pages.Handle("/clients/", pages)
	s.Pages.Handle("/pos/", pages)
	s.Pages.Handle("GET /sync", s.syncPage())
	s.Pages.Handle("GET /matches/{customer}", s.sidesPage())
	s.Pages.Handle("GET /metrics", s.metrics())
	return nil
}

func (s *service) wake() { s.outbox.Wake() }

// run runs something until the service stops.
func (s *service) run(fn func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { fn(ctx) })
	s.stops = append(s.stops, func() {
		cancel()
		running.Wait()
	})
}

// keepUp keeps the subscriptions, reads the shop at the start and daily, and counts.
func (s *service) keepUp(ctx context.Context) {
	var working sync.WaitGroup
	defer working.Wait()
	if address := s.WebhookURL(); address != "" {
		// Deliveries arrive from here on, so that nothing is missed while the shop is read.
		keeper, err := s.keeper(address)
		for wait := time.Second; err == nil && ctx.Err() == nil; wait = min(2*wait, time.Minute) {
			if _, err := keeper.Sync(ctx); err == nil || ctx.Err() != nil {
				break
			} else {
				s.logger.Warn("the shop's subscriptions could not be seen to", "error", err)
			}
			pause(ctx, wait)
		}
		if err != nil {
			s.logger.Error("no webhooks", "error", err)
		} else {
			working.Go(func() { _ = keeper.Guard(ctx) })
		}
	}
	for wait := time.Second; ctx.Err() == nil; {
		report, ran, err := s.backfill.Run(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.logger.Warn("the shop could not be read", "error", err)
			pause(ctx, wait)
			wait = min(2*wait, 5*time.Minute)
			continue
		case !ran: // another process is at it
			pause(ctx, 10*time.Second)
			continue
		}
		wait = time.Second
		s.wake()
		select {
		case s.filled <- report:
			working.Go(func() { s.clients.keepCounting(ctx, s.logger) })
		default:
		}
		if err := errors.Join(s.store.Purge(ctx), s.store.ChangeAll(ctx)); err != nil {
			s.logger.Warn("the daily round failed", "error", err)
		}
		pause(ctx, lookAgain)
	}
}

func (s *service) keeper(address string) (*subscription.Keeper, error) {
	declared := make([]subscription.Subscription, len(topics))
	for i, t := range topics {
		declared[i] = subscription.Subscription{Topic: t, URI: address}
	}
	return subscription.NewKeeper(s.shop.client.With(shopify.CallOptions{Lane: shopify.Background}), declared, &subscription.KeeperOptions{Logger: s.logger})
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// ready waits until the shop was read.
func (s *service) ready(ctx context.Context) (fetch.Report, error) {
	select {
	case r := <-s.filled:
		return r, nil
	case <-ctx.Done():
		return fetch.Report{}, fmt.Errorf("waiting for the shop to be read: %w", ctx.Err())
	}
}

func (s *service) stop(ctx context.Context) error {
	for _, stop := range s.stops {
		stop()
	}
	s.stops = nil
	err := s.Stop(ctx)
	for i := len(s.closes) - 1; i >= 0; i-- {
		err = errors.Join(err, s.closes[i]())
	}
	s.closes = nil
	return err
}

// end stops the service; what is at work may finish, for a while.
func (s *service) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	return s.stop(ctx)
}
