package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/openai"
	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/console"
	"github.com/posai-go/posai/approval/slack"
	"github.com/posai-go/posai/approval/sqlstore"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore"
	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/inbox"
)

// service is the whole middleware: webhooks in, a judged and approved action
// out, and a record of it.
type service struct {
	shop     *shop
	log      *audit.Log
	queue    *approval.Queue
	inbox    *inbox.Inbox
	links    *console.SignedLinks
	follower *follower
	url      string // where the server listens, without a slash at the end

	closers []func(context.Context) error // in the order of opening
}

// startService opens what cfg says in the folder dir and serves on addr. The
// caller stops it.
func startService(ctx context.Context, cfg *config, sh *shop, dir, addr string, logger *slog.Logger, observe func(inbox.Event)) (_ *service, err error) {
	s := &service{shop: sh}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop(context.WithoutCancel(ctx)))
		}
	}()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := s.openLog(ctx, filepath.Join(dir, "audit")); err != nil {
		return nil, err
	}
	database, err := databaseURL(cfg, dir)
	if err != nil {
		return nil, err
	}
	if err := s.openQueue(ctx, cfg, database, logger); err != nil {
		return nil, err
	}
	model, err := openModel(cfg)
	if err != nil {
		return nil, err
	}
	s.follower = &follower{shop: sh, queue: s.queue, log: s.log, model: model, timeout: cfg.modelTimeout, bundle: cfg.bundle}
	if err := s.openInbox(ctx, database, logger, observe); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	if err := s.mountWebhooks(mux, cfg, logger); err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	s.url = "http://" + listener.Addr().String()
	if err := s.mountPeople(ctx, mux, cfg, dir, logger); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	s.serve(listener, mux)
	// The server answers before anything is processed: whatever was left by a
	// crash is taken over now.
	if err := s.queue.Start(ctx); err != nil {
		return nil, err
	}
	s.closers = append(s.closers, s.queue.Stop)
	if err := s.inbox.Start(ctx); err != nil {
		return nil, err
	}
	s.closers = append(s.closers, s.inbox.Stop)
	return s, nil
}

// stop undoes what startService did, last things first.
func (s *service) stop(ctx context.Context) error {
	var errs []error
	for _, closer := range slices.Backward(s.closers) {
		errs = append(errs, closer(ctx))
	}
	s.closers = nil
	return errors.Join(errs...)
}

func (s *service) openLog(ctx context.Context, dir string) error {
	store, err := filestore.Open(dir, nil)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, func(context.Context) error { return store.Close() })
	s.log, err = audit.Open(ctx, store, nil)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, func(context.Context) error { return s.log.Close() })
	return nil
}

func (s *service) openQueue(ctx context.Context, cfg *config, database string, logger *slog.Logger) error {
	store, err := sqlstore.Open(ctx, database, nil)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, func(context.Context) error { return store.Close() })
	s.queue, err = approval.NewQueue(store, s.log, policy(cfg.limit.StringFixed(2), s.shop.currency, cfg.expiry), &approval.Options{Logger: logger})
	if err != nil {
		return err
	}
	return approval.Register(s.queue, approval.Executor[FollowUp, Result]{Execute: s.shop.write, Find: s.shop.find})
}

func (s *service) openInbox(ctx context.Context, database string, logger *slog.Logger, observe func(inbox.Event)) error {
	mux := new(webhook.Mux)
	webhook.On(mux, webhook.OrdersCreate, s.follower.sold)
	webhook.On(mux, webhook.OrdersPaid, s.follower.sold)
	box, err := inbox.Open(ctx, database, mux.Process, &inbox.Options{Logger: logger, Observe: observe})
	if err != nil {
		return err
	}
	s.inbox = box
	s.closers = append(s.closers, func(context.Context) error { return box.Close() })
	return nil
}

func (s *service) mountWebhooks(mux *http.ServeMux, cfg *config, logger *slog.Logger) error {
	secrets := webhook.Secrets{Current: cfg.secret}
	if cfg.oldSecret != "" {
		// Shopify signs with it for about an hour after the rotation, and this
		// process was started with the new one.
		secrets.Previous, secrets.PreviousUntil = cfg.oldSecret, time.Now().Add(2*time.Hour)
	}
	// The shop's name is a header that nobody signed.
	ours := string(s.shop.client.Shop())
	handler, err := webhook.NewHandler(s.inbox, secrets, &webhook.Options{Logger: logger, SecretsOf: func(_ context.Context, shop string) (webhook.Secrets, error) {
		if shop != ours {
			return webhook.Secrets{}, webhook.ErrUnknownShop
		}
		return secrets, nil
	}})
	if err != nil {
		return err
	}
	mux.Handle("/webhooks", handler)
	mux.HandleFunc("GET /healthz", s.health)
	return nil
}

func (s *service) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	stats, err := s.inbox.Stats(ctx)
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"status":"the database does not answer"}` + "\n"))
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"status": "ok", "pending": stats.Pending + stats.Processing, "dead": stats.Dead,
		"lag_seconds": stats.Lag.Seconds(), "audit_entries": s.log.Size(),
	})
}

// mountPeople serves the console, and Slack if it is configured.
func (s *service) mountPeople(ctx context.Context, mux *http.ServeMux, cfg *config, dir string, logger *slog.Logger) error {
	key, err := keyFile(filepath.Join(dir, "console.key"))
	if err != nil {
		return err
	}
	if s.links, err = console.NewSignedLinks(key, nil); err != nil {
		return err
	}
	pages, err := console.New(s.queue, s.links, &console.Options{
		Title: s.shop.name, Key: key, LocationName: s.shop.locationName, Logger: logger,
	})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, func(context.Context) error {
		pages.Close()
		return nil
	})
	mux.Handle("/approvals/", http.StripPrefix("/approvals", pages))
	if cfg.slackToken == "" {
		return nil
	}

	roles, err := parseSlackUsers(cfg.slackUsers)
	if err != nil {
		return err
	}
	messages, err := slack.OpenFileMessages(filepath.Join(dir, "slack"))
	if err != nil {
		return err
	}
	channel, err := slack.New(s.queue, slack.Credentials{BotToken: cfg.slackToken, SigningSecret: cfg.slackSecret}, cfg.slackChan,
		slack.PeopleFunc(func(_ context.Context, u slack.User) (approval.Principal, error) {
			role, ok := roles[u.ID]
			if !ok {
				return approval.Principal{}, slack.ErrUnknownUser
			}
			return approval.Principal{ID: "slack:" + u.ID, Type: approval.Human, Roles: []string{role}}, nil
		}),
		&slack.Options{Messages: messages, LocationName: s.shop.locationName, ConsoleURL: s.consoleURL(cfg), Logger: logger})
	if err != nil {
		return err
	}
	if err := channel.Start(ctx); err != nil {
		return err
	}
	s.closers = append(s.closers, channel.Stop)
	mux.Handle("/slack/interactions", channel)
	return nil
}

// consoleURL is where people reach the console.
func (s *service) consoleURL(cfg *config) string {
	base := s.url
	if cfg.publicURL != "" {
		base = strings.TrimSuffix(cfg.publicURL, "/")
	}
	return base + "/approvals/"
}

func (s *service) serve(listener net.Listener, handler http.Handler) {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // ends with http.ErrServerClosed
	}()
	s.closers = append(s.closers, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		err := server.Shutdown(ctx)
		if err != nil { // open pages that wait for live updates
			err = server.Close()
		}
		<-done
		return err
	})
}

func databaseURL(cfg *config, dir string) (string, error) {
	if cfg.database != "" {
		return cfg.database, nil
	}
	path, err := filepath.Abs(filepath.Join(dir, "postpurchase.db"))
	if err != nil {
		return "", err
	}
	return (&url.URL{Scheme: "sqlite", Path: filepath.ToSlash(path)}).String(), nil
}

func openModel(cfg *config) (ai.Model, error) {
	_, name, ok := strings.Cut(cfg.model, ":")
	if !ok {
		return nil, nil
	}
	model, err := openai.New(cfg.modelKey, name, &openai.Options{BaseURL: cfg.modelURL})
	if err != nil {
		return nil, err
	}
	return ai.Wrap(model, ai.Retry(nil)), nil
}

// keyFile returns the key in a file, which it makes if there is none.
func keyFile(path string) ([]byte, error) {
	key, err := os.ReadFile(path)
	if err == nil && len(key) != 32 {
		return nil, fmt.Errorf("%s does not hold a key", path)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key = make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return key, os.WriteFile(path, key, 0o600)
}
