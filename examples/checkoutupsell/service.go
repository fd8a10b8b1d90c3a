package main

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/rollout"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/auth"
	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/inbox"
)

// guardrailEvery is how often the rollout's guardrails are looked at.
const guardrailEvery = 2 * time.Minute

// service is the whole example at work.
type service struct {
	*demo.Service
	desk    *desk
	shop    *shop
	learned chan struct{} // closed once the shop's past is known

	stopBackground func()
}

// startService opens what cfg says in the folder dir and serves on addr. The caller
// stops it.
func startService(ctx context.Context, cfg *config, sh *shop, dir, addr string, logger *slog.Logger, observe func(inbox.Event)) (_ *service, err error) {
	s := &service{shop: sh, learned: make(chan struct{}), stopBackground: func() {}}
	domain := string(sh.till.Shop())
	s.Service, err = demo.Open(ctx, &cfg.Config, &demo.Parts{
		Shop: domain, Dir: dir, Addr: addr, Title: sh.name, Policy: policy(cfg.rules, sh.locations), LocationName: sh.locationName, Logger: logger, Observe: observe,
		// What a fuse asks about waits at the register like the rest.
		Queue: &approval.Options{Fuses: fuses(cfg, sh.locations), DefaultExpiry: time.Duration(cfg.rules.DecideMinutes) * time.Minute},
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
	s.desk = &desk{
		shop: sh, log: s.Log, queue: s.Queue, rules: cfg.rules, model: model, timeout: cfg.ModelTimeout, domain: domain, currency: sh.currency, now: time.Now, logger: logger,
		slots: make(chan struct{}, maxAtWork), staff: cfg.staff, seed: maphash.MakeSeed(), asked: map[string]*inquiry{},
	}
	if err := s.desk.registerActions(); err != nil {
		return nil, err
	}
	if s.desk.rollout, err = rollout.New(plan(cfg, sh, firstOf(sh.locations)), s.Store, s.Log, s.desk.observe); err != nil {
		return nil, err
	}
	if err := s.desk.rollout.Register(s.Queue); err != nil {
		return nil, err
	}
	if err := s.desk.rollout.Begin(ctx); err != nil {
		return nil, err
	}
	s.Rollouts = []*rollout.Rollout{s.desk.rollout}
	app, err := auth.New(cfg.clientID, secrets(cfg), &auth.Options{Logger: logger})
	if err != nil {
		return nil, err
	}
	webhook.On(s.Topics, webhook.OrdersCreate, s.desk.sold)
	s.Pages.Handle("/pos/", http.StripPrefix("/pos", s.desk.routes(app)))
	s.Pages.Handle("/upsell", s.figuresPage())
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	s.background(ctx)
	return s, nil
}

func secrets(cfg *config) auth.Secrets {
	out := auth.Secrets{Current: cfg.Secret}
	if cfg.OldSecret != "" {
		// Tokens live for a minute; two hours is as long as for webhooks.
		out.Previous, out.PreviousUntil = cfg.OldSecret, time.Now().Add(2*time.Hour)
	}
	return out
}

// firstOf is the location of the pilot: the one with the first name.
func firstOf(locations map[string]string) string {
	ids := slices.SortedFunc(maps.Keys(locations), func(a, b string) int {
		return cmp.Or(cmp.Compare(locations[a], locations[b]), cmp.Compare(a, b))
	})
	if len(ids) == 0 {
		return ""
	}
	return ids[0]
}

// background learns from the shop's orders and looks at the guardrails until the service
// stops.
func (s *service) background(ctx context.Context) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var working sync.WaitGroup
	working.Go(func() { s.shop.keepLearning(ctx, s.desk.logger, s.learned) })
	working.Go(func() {
		for {
			select {
			case <-time.After(guardrailEvery):
			case <-ctx.Done():
				return
			}
			if _, err := s.desk.rollout.Check(ctx); err != nil && ctx.Err() == nil {
				s.desk.logger.Warn("the guardrails could not be looked at", "error", err)
			}
		}
	})
	s.stopBackground = func() {
		cancel()
		working.Wait()
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
	s.stopBackground()
	if s.desk != nil {
		s.desk.close()
	}
	return s.Stop(ctx)
}

func (s *service) stopWithin(ctx context.Context, d time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d)
	defer cancel()
	return s.stop(ctx)
}

// subscribe makes sure that the shop delivers what is sold.
func (s *service) subscribe(ctx context.Context) error {
	return demo.Subscribe(ctx, s.shop.calm, s.WebhookURL(), admin.WebhookSubscriptionTopicOrdersCreate)
}
