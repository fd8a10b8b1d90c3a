package demo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/console"
	"github.com/posai-go/posai/approval/rollout"
	"github.com/posai-go/posai/approval/sqlstore"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/inbox"
)

// Parts is what a [Service] is made of, beside its [Config].
type Parts struct {
	Shop   string // domain: deliveries for another one are refused
	Dir    string // folder of the keys, and of the audit log and the SQLite file where there is no PostgreSQL
	Addr   string // to listen on; "127.0.0.1:0" if empty
	Title  string // of the console
	Policy approval.Policy
	// LocationName names a location for people. If nil, they see the GID.
	LocationName func(gid string) string
	Logger       *slog.Logger
	Observe      func(inbox.Event) // may be nil
	Queue        *approval.Options // Logger is set; may be nil
	Inbox        *inbox.Options    // Logger and Observe are set; may be nil
	// Health adds to what /healthz says, and may replace its "status". May be nil.
	Health func(ctx context.Context) (map[string]any, error)
	// Personal are the types of subjects, such as "customer", whom the audit log
	// names by pseudonym and whose parts it seals. If nil, the log has no vault.
	Personal []string
}

// Service is the whole middleware of an example: webhooks in, approved actions
// out, people in between, and a record of it all.
type Service struct {
	Log    *audit.Log
	Queue  *approval.Queue
	Store  approval.Store // of the queue
	Topics *webhook.Mux   // what to do with a delivery; complete it before Start
	Pages  *http.ServeMux // what is served beside webhooks, health and console; complete it before Start
	Inbox  *inbox.Inbox
	Links  *console.SignedLinks // set by Start
	// Rollouts are shown and moved at the console; complete them before Start.
	Rollouts []*rollout.Rollout
	URL      string // where the server listens, without a slash at the end; set by Start
	Dir      string

	cfg     *Config
	parts   Parts
	keys    note.Verifiers                // of the audit log
	store   approval.DocumentStore        // of the queue
	closers []func(context.Context) error // in the order of opening
}

// Open opens the audit log, the approval queue and the inbox. The caller stops
// the service, started or not.
func Open(ctx context.Context, cfg *Config, parts *Parts) (_ *Service, err error) {
	s := &Service{Topics: new(webhook.Mux), Pages: http.NewServeMux(), Dir: parts.Dir, cfg: cfg, parts: *parts}
	if s.parts.Logger == nil {
		s.parts.Logger = slog.Default()
	}
	if s.parts.Addr == "" {
		s.parts.Addr = "127.0.0.1:0"
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
		}
	}()
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, err
	}
	if err := s.openLog(ctx); err != nil {
		return nil, err
	}
	database, err := cfg.DatabaseURL(s.Dir)
	if err != nil {
		return nil, err
	}
	if err := s.openQueue(ctx, database); err != nil {
		return nil, err
	}
	inboxOptions := inbox.Options{}
	if s.parts.Inbox != nil {
		inboxOptions = *s.parts.Inbox
	}
	inboxOptions.Logger, inboxOptions.Observe = s.parts.Logger, s.parts.Observe
	box, err := inbox.Open(ctx, database, s.Topics.Process, &inboxOptions)
	if err != nil {
		return nil, err
	}
	s.Inbox = box
	s.closers = append(s.closers, func(context.Context) error { return box.Close() })
	return s, nil
}

// Start listens, and processes what comes and what was left by a crash.
func (s *Service) Start(ctx context.Context) error {
	if err := s.mountWebhooks(); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.parts.Addr)
	if err != nil {
		return err
	}
	s.URL = "http://" + listener.Addr().String()
	if err := s.mountPeople(ctx); err != nil {
		return errors.Join(err, listener.Close())
	}
	s.serve(listener)
	// The server answers before anything is processed: whatever was left by a
	// crash is taken over now.
	if err := s.Queue.Start(ctx); err != nil {
		return err
	}
	s.closers = append(s.closers, s.Queue.Stop)
	if err := s.Inbox.Start(ctx); err != nil {
		return err
	}
	s.closers = append(s.closers, s.Inbox.Stop)
	return nil
}

// Stop undoes what Open and Start did, last things first. It may be called
// again.
func (s *Service) Stop(ctx context.Context) error {
	var errs []error
	for _, closer := range slices.Backward(s.closers) {
		errs = append(errs, closer(ctx))
	}
	s.closers = nil
	return errors.Join(errs...)
}

// StopWithin is Stop for the end of a program: what is at work may finish,
// whether or not ctx has ended, for at most the given time.
func (s *Service) StopWithin(ctx context.Context, d time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d)
	defer cancel()
	return s.Stop(ctx)
}

// WebhookURL is where the shop delivers to: below Config.PublicURL, or this
// machine's address for a simulated shop. It is "" where a real shop has no way
// to reach the service.
func (s *Service) WebhookURL() string {
	switch {
	case s.cfg.PublicURL != "":
		return strings.TrimSuffix(s.cfg.PublicURL, "/") + "/webhooks"
	case s.cfg.ShopURL != "":
		return s.URL + "/webhooks"
	}
	return ""
}

// PublicURL is where people reach a path of the service, which begins with a
// slash.
func (s *Service) PublicURL(path string) string {
	if s.cfg.PublicURL != "" {
		return strings.TrimSuffix(s.cfg.PublicURL, "/") + path
	}
	return s.URL + path
}

func (s *Service) openQueue(ctx context.Context, database string) error {
	store, err := sqlstore.Open(ctx, database, nil)
	if err != nil {
		return err
	}
	s.store = store
	s.closers = append(s.closers, func(context.Context) error { return store.Close() })
	s.Store = store
	opts := approval.Options{}
	if s.parts.Queue != nil {
		opts = *s.parts.Queue
	}
	opts.Logger = s.parts.Logger
	s.Queue, err = approval.NewQueue(store, s.Log, s.parts.Policy, &opts)
	return err
}

func (s *Service) mountWebhooks() error {
	secrets := webhook.Secrets{Current: s.cfg.Secret}
	if s.cfg.OldSecret != "" {
		// Shopify signs with it for about an hour after the rotation, and this
		// process was started with the new one.
		secrets.Previous, secrets.PreviousUntil = s.cfg.OldSecret, time.Now().Add(2*time.Hour)
	}
	// The shop's name is a header that nobody signed.
	handler, err := webhook.NewHandler(s.Inbox, secrets, &webhook.Options{Logger: s.parts.Logger, SecretsOf: func(_ context.Context, shop string) (webhook.Secrets, error) {
		if shop != s.parts.Shop {
			return webhook.Secrets{}, webhook.ErrUnknownShop
		}
		return secrets, nil
	}})
	if err != nil {
		return err
	}
	s.Pages.Handle("/webhooks", handler)
	s.Pages.HandleFunc("GET /healthz", s.health)
	return nil
}

func (s *Service) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	stats, err := s.Inbox.Stats(ctx)
	var more map[string]any
	if err == nil && s.parts.Health != nil {
		more, err = s.parts.Health(ctx)
	}
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"status":"the database does not answer"}` + "\n"))
		return
	}
	facts := map[string]any{
		"status": "ok", "pending": stats.Pending + stats.Processing, "dead": stats.Dead,
		"lag_seconds": stats.Lag.Seconds(), "audit_entries": s.Log.Size(),
	}
	maps.Copy(facts, more)
	_ = json.NewEncoder(w).Encode(facts)
}

func (s *Service) serve(listener net.Listener) {
	server := &http.Server{
		Handler:           s.Pages,
		ReadHeaderTimeout: 30 * time.Second,
		IdleTimeout:       2 * time.Minute, // longer than Go's clients keep one, so that none is ended as it is used again
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

// DatabaseURL is the database that the configuration names: if none, the SQLite file in
// the folder dir, which everything that is opened in this process shares.
func (c *Config) DatabaseURL(dir string) (string, error) {
	if c.Database != "" {
		return c.Database, nil
	}
	path, err := filepath.Abs(filepath.Join(dir, c.Name+".db"))
	if err != nil {
		return "", err
	}
	return SQLiteURL(path), nil
}

// SQLiteURL is the database URL of a SQLite file, whose path is absolute.
func SQLiteURL(path string) string {
	return (&url.URL{Scheme: "sqlite", Path: filepath.ToSlash(path)}).String()
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
	// Whole or not at all, whenever the process dies.
	draft := path + ".new"
	if err := os.WriteFile(draft, key, 0o600); err != nil {
		return nil, err
	}
	return key, os.Rename(draft, path)
}
