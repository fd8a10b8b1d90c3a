package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/toolgate"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/shopify/auth"
	"github.com/posai-go/posai/webhook/inbox"
)

//go:embed policies.md
var samplePolicies string

// service is the whole: deliveries keep the index up, pages and registers ask, people
// are called, and a record of it.
type service struct {
	*demo.Service
	shop    *shop
	copilot *copilot
	budget  *demo.Budget
	app     *auth.App

	stopEmbedding func()
}

// startService opens what cfg says in the folder dir and serves on addr. A model that
// is given stands in for the one of cfg. The caller stops the service.
func startService(ctx context.Context, cfg *config, sh *shop, model ai.Model, dir, addr string, logger *slog.Logger, observe func(inbox.Event)) (_ *service, err error) {
	base, err := demo.Open(ctx, &cfg.Config, &demo.Parts{
		Shop: string(sh.client.Shop()), Dir: dir, Addr: addr, Title: sh.name, Policy: policyOf(cfg.answerIn, cfg.Expiry),
		LocationName: sh.locationName, Logger: logger, Observe: observe,
	})
	if err != nil {
		return nil, err
	}
	s := &service{Service: base, shop: sh, budget: &cfg.budget}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop(context.WithoutCancel(ctx)))
		}
	}()
	s.copilot = &copilot{shop: sh, queue: base.Queue, log: base.Log, timeout: cfg.ModelTimeout, answerIn: cfg.answerIn, sessions: newSessions(), logger: logger}
	c := s.copilot
	if err := approval.Register(s.Queue, approval.Executor[Help, struct{}]{Execute: helped, Find: helpedAlready}); err != nil {
		return nil, err
	}
	if c.hold, err = sh.newHoldTool(); err != nil {
		return nil, err
	}
	// A person who decides takes longer than an answer may: the call is pending at once.
	if c.gate, err = toolgate.New(s.Queue, []*ai.BoundTool{c.hold}, &toolgate.Options{
		Wait: -1, Title: sh.holdTitle, Find: map[string]func(context.Context, toolgate.Call) (ai.ToolResult, bool, error){holdTool: sh.findHold},
	}); err != nil {
		return nil, err
	}
	if c.model, err = s.openModel(ctx, cfg, model); err != nil {
		return nil, err
	}
	sh.register(s.Topics)
	// It verifies the registers' session tokens; the access token is the configured one.
	secrets := auth.Secrets{Current: cfg.Secret}
	if cfg.OldSecret != "" {
		secrets.Previous, secrets.PreviousUntil = cfg.OldSecret, time.Now().Add(2*time.Hour)
	}
	app, err := auth.New(cfg.clientID, secrets, &auth.Options{Logger: logger})
	if err != nil {
		return nil, err
	}
	s.app = app
	pages := newWeb(c, app)
	pages.routes(s.Pages)
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	pages.links.Store(s.Links)
	// Deliveries arrive from here on, so that nothing is missed while the shop is read.
	if cfg.PublicURL != "" || cfg.ShopURL != "" {
		if err := demo.Subscribe(ctx, sh.client, s.WebhookURL(), topics...); err != nil {
			return nil, fmt.Errorf("webhook subscription: %w", err)
		}
	}
	if err := s.fill(ctx, cfg); err != nil {
		return nil, err
	}
	if cfg.embedder != "" {
		s.embed(ctx, logger)
	}
	return s, nil
}

// embed makes vectors in the background until the service stops.
func (s *service) embed(ctx context.Context, logger *slog.Logger) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var embedding sync.WaitGroup
	embedding.Go(func() { s.shop.keepEmbedding(ctx, logger) })
	s.stopEmbedding = func() {
		cancel()
		embedding.Wait()
	}
}

func (s *service) fill(ctx context.Context, cfg *config) error {
	markdown := ""
	switch {
	case cfg.policyFile != "":
		text, err := os.ReadFile(cfg.policyFile)
		if err != nil {
			return err
		}
		markdown = string(text)
	case cfg.simulated:
		markdown = samplePolicies
	}
	policies, err := s.shop.readPolicies(ctx, markdown)
	if err != nil {
		return err
	}
	return s.shop.fill(ctx, policies)
}

// openModel puts what is needed around the model: who may ask it, what it must not
// read, retries, its time, and its budget.
func (s *service) openModel(ctx context.Context, cfg *config, model ai.Model) (ai.Model, error) {
	model, err := cfg.budget.Model(ctx, &cfg.Config, model, s.Dir, map[string][]string{"copilot.associate": {string(associate)}, "copilot.kiosk": {string(kiosk)}})
	if err != nil || model == nil {
		return nil, err
	}
	return ai.Wrap(model, ai.Redact(nil)), nil
}

func (s *service) stop(ctx context.Context) error {
	if s.stopEmbedding != nil {
		s.stopEmbedding()
	}
	err := s.Stop(ctx)
	if s.app != nil {
		err = errors.Join(err, s.app.Close())
		s.app = nil
	}
	return errors.Join(err, s.budget.Close())
}

func (s *service) stopWithin(ctx context.Context, d time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d)
	defer cancel()
	return s.stop(ctx)
}
