package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/console"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/webhook/inbox"
)

// service is the whole middleware: deliveries in, reasons on orders out, a record
// of it, and the summary as a page.
type service struct {
	*demo.Service
	shop     *shop
	follower *follower
	reporter *reporter
}

// topics are what is listened for.
var topics = []admin.WebhookSubscriptionTopic{
	admin.WebhookSubscriptionTopicRefundsCreate,
	admin.WebhookSubscriptionTopicReturnsRequest, admin.WebhookSubscriptionTopicReturnsApprove, admin.WebhookSubscriptionTopicReturnsUpdate,
	admin.WebhookSubscriptionTopicReturnsProcess, admin.WebhookSubscriptionTopicReturnsClose, admin.WebhookSubscriptionTopicReturnsReopen,
	admin.WebhookSubscriptionTopicReturnsDecline, admin.WebhookSubscriptionTopicReturnsCancel,
}

// startService opens what cfg says in the folder dir and serves on addr. The
// caller stops it.
func startService(ctx context.Context, cfg *config, sh *shop, dir, addr string, logger *slog.Logger, observe func(inbox.Event)) (_ *service, err error) {
	base, err := demo.Open(ctx, &cfg.Config, &demo.Parts{
		Shop:         string(sh.client.Shop()),
		Dir:          dir,
		Addr:         addr,
		Title:        sh.name,
		Policy:       policy(cfg.confidence, cfg.Expiry),
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
	f := &follower{shop: sh, queue: base.Queue, log: base.Log, model: model, timeout: cfg.ModelTimeout}
	s := &service{Service: base, shop: sh, follower: f, reporter: newReporter(sh, cfg.minCount)}
	if err := approval.Register(s.Queue, approval.Executor[Record, Result]{Execute: f.write, Find: f.find}); err != nil {
		return nil, err
	}
	f.register(s.Topics)
	s.Pages.Handle("GET /returns", s.signedIn(s.reporter))
	return s, s.Start(ctx)
}

// signedIn shows a page to people who are signed in at the console alone: the
// summary has no personal data, but it is the shop's own business.
func (s *service) signedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch _, err := s.Links.Authenticate(r); {
		case errors.Is(err, console.ErrSignedOut):
			// The console says how to sign in.
			http.Redirect(w, r, "/approvals/", http.StatusSeeOther)
		case err != nil:
			http.Error(w, "Sign-in is not possible at the moment.", http.StatusServiceUnavailable)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// subscribe makes sure that the shop delivers to the service.
func (s *service) subscribe(ctx context.Context) error {
	return demo.Subscribe(ctx, s.shop.client, s.WebhookURL(), topics...)
}
