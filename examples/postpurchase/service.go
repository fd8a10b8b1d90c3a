package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/inbox"
)

// service is the whole middleware: webhooks in, a judged and approved action
// out, and a record of it.
type service struct {
	*demo.Service
	shop     *shop
	follower *follower
}

// startService opens what cfg says in the folder dir and serves on addr. The
// caller stops it.
func startService(ctx context.Context, cfg *config, sh *shop, dir, addr string, logger *slog.Logger, observe func(inbox.Event)) (_ *service, err error) {
	base, err := demo.Open(ctx, &cfg.Config, &demo.Parts{
		Shop:         string(sh.client.Shop()),
		Dir:          dir,
		Addr:         addr,
		Title:        sh.name,
		Policy:       policy(cfg.limit.StringFixed(2), sh.currency, cfg.Expiry),
		LocationName: sh.locationName,
		Logger:       logger,
		Observe:      observe,
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, base.Stop(context.WithoutCancel(ctx)))
		}
	}()
	model, err := cfg.OpenModel()
	if err != nil {
		return nil, err
	}
	s := &service{Service: base, shop: sh, follower: &follower{
		shop: sh, queue: base.Queue, log: base.Log, model: model, timeout: cfg.ModelTimeout, bundle: cfg.bundle,
	}}
	executor := demo.WithProof(base, sh.client, func(f FollowUp) (order, key string) { return f.OrderID, keyProof },
		approval.Executor[FollowUp, Result]{Execute: sh.write, Find: sh.find})
	if err := approval.Register(s.Queue, executor); err != nil {
		return nil, err
	}
	webhook.On(s.Topics, webhook.OrdersCreate, s.follower.sold)
	webhook.On(s.Topics, webhook.OrdersPaid, s.follower.sold)
	return s, s.Start(ctx)
}

// subscribe makes sure that the shop delivers new orders to the service.
func (s *service) subscribe(ctx context.Context) error {
	return demo.Subscribe(ctx, s.shop.client, s.WebhookURL(), admin.WebhookSubscriptionTopicOrdersCreate)
}
