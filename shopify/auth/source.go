package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/posai-go/posai/shopify"
)

// Source gives the access token of one shop, and of one account if it is an online
// one: the stored token, or a new one when that is about to end. It is a
// [shopify.TokenSource] for [shopify.NewClient]. All sources of an app share what is
// known; make them where you need them. Safe for concurrent use.
//
// However many goroutines want a token, one asks Shopify, and with a [Store] that
// processes share, one of all processes. Who has to wait obeys the context.
//
// Errors: [ErrReauthorize] if only the merchant can help, [ErrNoToken] if there is no
// token at all, [TokenError] for what Shopify says, and those of the store. When
// Shopify cannot be reached, a token that is still valid is given.
type Source struct {
	app *App
	key Key
	err error
}

var _ shopify.FreshTokenSource = (*Source)(nil)

// Offline returns the source of a shop's offline token.
func (a *App) Offline(shop shopify.Domain) *Source { return a.source(Key{Shop: shop, Access: Offline}) }

// Online returns the source of an account's online token. It cannot be refreshed: when
// it ends, so does the source, until [App.Exchange] or an installation with
// [InstallOptions.Online] brings another.
func (a *App) Online(shop shopify.Domain, account int64) *Source {
	return a.source(Key{Shop: shop, Access: Online, Account: account})
}

// ClientCredentials returns a source for a shop of the organization that owns the app,
// which needs no installation by OAuth.
// Source: https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/client-credentials-grant
func (a *App) ClientCredentials(shop shopify.Domain) *Source {
	return a.source(Key{Shop: shop, Access: ClientCredentials})
}

func (a *App) source(key Key) *Source { return &Source{app: a, key: key, err: key.check()} }

// Token returns the access token.
func (s *Source) Token(ctx context.Context) (string, error) { return s.text(ctx, "") }

// FreshToken returns an access token other than the refused one: the stored one, if
// somebody replaced it meanwhile, or else a new one.
func (s *Source) FreshToken(ctx context.Context, refused string) (string, error) {
	return s.text(ctx, refused)
}

func (s *Source) text(ctx context.Context, refused string) (string, error) {
	t, err := s.load(ctx, refused)
	if err != nil {
		return "", err
	}
	return t.AccessToken, nil
}

// Current returns the whole token of which [Source.Token] gives the access token. It
// is a copy.
func (s *Source) Current(ctx context.Context) (*Token, error) {
	t, err := s.load(ctx, "")
	return t.Clone(), err
}

func (s *Source) load(ctx context.Context, refused string) (*Token, error) {
	if s.err != nil {
		return nil, s.err
	}
	for {
		if t := s.app.cache.get(s.key); t != nil && t.AccessToken != refused && t.fresh(time.Now(), s.app.opts.RefreshBefore) {
			return t, nil
		}
		f, first := s.app.cache.join(s.key, refused)
		if first {
			if err := s.app.fly(func() { s.app.renew(ctx, s.key, f) }); err != nil {
				s.app.cache.land(s.key, f, nil, err)
			}
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		// Somebody else's flight may bring the very token that was refused, or fail
		// because of another.
		if first || f.refused == refused || f.err == nil && f.token.AccessToken != refused {
			return f.token, f.err
		}
	}
}

// renew gets the token for all who wait for it. It does not end with the context of
// who came first: the answer of a refresh must not get lost.
func (a *App) renew(ctx context.Context, key Key, f *flight) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.opts.Timeout)
	defer cancel()
	t, err := a.current(ctx, key, f.refused)
	a.cache.land(key, f, t, err)
}

// current returns the stored token or its successor.
func (a *App) current(ctx context.Context, key Key, refused string) (*Token, error) {
	good := func(t *Token) bool {
		return t != nil && t.AccessToken != refused && t.fresh(time.Now(), a.opts.RefreshBefore)
	}
	stored, err := a.opts.Store.Load(ctx, key)
	switch {
	case err == nil && good(stored):
		return stored, nil // it is new to this process
	case err != nil && !errors.Is(err, ErrNoToken):
		return nil, fmt.Errorf("auth: %w", err)
	case err != nil && key.Access != ClientCredentials:
		return nil, noToken(err)
	}
	if failed := a.cache.failed(key, stored); failed != nil {
		return a.usable(stored, refused, failed)
	}
	var result *Token
	err = a.opts.Store.Update(ctx, key, func(ctx context.Context, now *Token) (*Token, error) {
		stored = now
		if good(now) {
			result = now // another process was quicker
			return nil, nil
		}
		var err error
		result, err = a.successor(ctx, key, now)
		return result, err
	})
	if err != nil {
		a.cache.fail(key, stored, err)
		a.opts.Logger.LogAttrs(ctx, slog.LevelWarn, "auth: an access token could not be replaced",
			slog.String("shop", string(key.Shop)), slog.String("access", string(key.Access)), slog.Any("error", err))
		return a.usable(stored, refused, err)
	}
	return result, nil
}

// usable returns a token that ends soon but works, rather than an error.
func (a *App) usable(t *Token, refused string, err error) (*Token, error) {
	if t != nil && t.AccessToken != refused && t.alive(time.Now()) {
		return t, nil
	}
	return nil, err
}

// successor asks Shopify for the token after t, which may be nil.
func (a *App) successor(ctx context.Context, key Key, t *Token) (*Token, error) {
	switch {
	case key.Access == ClientCredentials:
		r, err := a.request(ctx, key.Shop, grantClient, url.Values{"grant_type": {grantClient}}, true)
		if err != nil {
			return nil, err
		}
		return r.token(key), nil
	case t == nil:
		return nil, noToken(ErrNoToken)
	case t.RefreshToken == "":
		return nil, fmt.Errorf("auth: %w: the token ended and cannot be refreshed", ErrReauthorize)
	}
	r, err := a.request(ctx, key.Shop, grantRefresh, url.Values{"grant_type": {grantRefresh}, "refresh_token": {t.RefreshToken}}, true)
	if err != nil {
		return nil, err
	}
	next := r.token(key)
	next.Granted = t.Granted
	if next.RefreshToken == "" { // RFC 6749, section 6: then the old one stays
		next.RefreshToken, next.RefreshExpires = t.RefreshToken, t.RefreshExpires
	}
	if len(next.Scopes) == 0 {
		next.Scopes = t.Scopes
	}
	return next, nil
}

// noToken is what a source says where there is no token.
func noToken(err error) error { return fmt.Errorf("auth: %w: %w", err, ErrReauthorize) }

// cache is what a process knows of the tokens, and who is fetching them.
type cache struct {
	mu       sync.Mutex
	tokens   map[Key]*Token
	flights  map[Key]*flight
	failures map[Key]failure
	epoch    uint64
}

// flight is a token being fetched for everybody who waits for done.
type flight struct {
	refused string
	done    chan struct{}
	token   *Token
	err     error
}

// failure is why a token could not be replaced a moment ago.
type failure struct {
	refresh string // the refresh token that it was about
	until   time.Time
	err     error
}

// maxCached bounds the tokens in memory; those beyond are read from the store.
const maxCached = 10_000

// How long Shopify is not asked again after it failed, and after it refused a refresh
// token for good.
const (
	failurePause = time.Second
	refusedPause = 10 * time.Second
)

func (c *cache) get(key Key) *Token {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tokens[key]
}

// join returns the flight of the key, and whether it is the caller's to start.
func (c *cache) join(key Key, refused string) (*flight, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, ok := c.flights[key]; ok {
		return f, false
	}
	f := &flight{refused: refused, done: make(chan struct{})}
	if c.flights == nil {
		c.flights = map[Key]*flight{}
	}
	c.flights[key] = f
	return f, true
}

// land ends a flight.
func (c *cache) land(key Key, f *flight, t *Token, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.token, f.err = t, err
	if c.flights[key] == f {
		delete(c.flights, key)
		if err == nil {
			c.put(t)
		} else {
			delete(c.tokens, key)
		}
	}
	close(f.done)
}

// put remembers a token. The lock is held.
func (c *cache) put(t *Token) {
	if c.tokens == nil {
		c.tokens = map[Key]*Token{}
	}
	if len(c.tokens) >= maxCached {
		for key := range c.tokens {
			delete(c.tokens, key)
			break
		}
	}
	c.tokens[t.Key] = t
}

// replace remembers a token that came from elsewhere than a flight; what is in
// flight is older. If tokens were forgotten since the epoch, this may be one of
// them, and the store has to be asked.
func (c *cache) replace(t *Token, epoch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.flights, t.Key)
	if c.epoch != epoch {
		delete(c.tokens, t.Key)
		return
	}
	c.put(t.Clone())
}

// now returns the epoch, which ends whenever tokens are forgotten.
func (c *cache) now() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epoch
}

// forget drops a shop's tokens.
func (c *cache) forget(shop shopify.Domain, before time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	for key, t := range c.tokens {
		if key.Shop == shop && (before.IsZero() || t.Granted.Before(before)) {
			delete(c.tokens, key)
		}
	}
	// What is in flight may have read the store before it was deleted there. It
	// lands for those who wait for it, and is not remembered.
	for key := range c.flights {
		if key.Shop == shop {
			delete(c.flights, key)
		}
	}
}

func refreshOf(t *Token) string {
	if t == nil {
		return ""
	}
	return t.RefreshToken
}

// fail remembers that a token could not be replaced.
func (c *cache) fail(key Key, t *Token, err error) {
	te, ok := errors.AsType[*TokenError](err)
	if !ok { // the network, or the store: each call may try
		return
	}
	until := time.Now().Add(refusedPause)
	if te.temporary() {
		until = time.Now().Add(failurePause)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.failures) >= maxCached {
		clear(c.failures)
	}
	if c.failures == nil {
		c.failures = map[Key]failure{}
	}
	c.failures[key] = failure{refreshOf(t), until, err}
}

// failed returns why the token could not be replaced a moment ago, nil if it is worth
// asking.
func (c *cache) failed(key Key, t *Token) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, ok := c.failures[key]
	if !ok || f.refresh != refreshOf(t) || !time.Now().Before(f.until) {
		return nil
	}
	return f.err
}
