package auth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/posai-go/posai/shopify"
)

// Exchange trades a session token, which [App.VerifySession] or [App.Sessions]
// verified, for an access token of its shop, offline or online, and stores it. The
// shop is that of the session, never one that a request names. An [Offline] token
// ends those that the shop had before.
//
// If Shopify does not accept the session token any more the error matches
// [ErrSession]: answer 401, and App Bridge sends another. If the shop granted less
// than [Options.Scopes], the token is stored all the same, since it has ended the one
// before, and returned together with a [*ScopeError].
// Source: https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/token-exchange
func (a *App) Exchange(ctx context.Context, s *Session, access Access) (*Token, error) {
	if s == nil || s.token == "" {
		return nil, &SessionError{Reason: "missing"}
	}
	key := Key{Shop: s.Shop, Access: access}
	requested := typeOffline
	if access == Online {
		account, ok := s.AccountID()
		if !ok {
			return nil, &SessionError{Reason: "claims"}
		}
		key.Account, requested = account, typeOnline
	}
	if access != Offline && access != Online {
		return nil, fmt.Errorf("auth: %w: a session token is exchanged for an offline or online token", shopify.ErrInvalid)
	}
	return a.obtain(ctx, key, grantExchange, true, url.Values{
		"grant_type": {grantExchange}, "subject_token": {s.token}, "subject_token_type": {typeSession}, "requested_token_type": {requested}, "expiring": {"1"},
	})
}

// obtain asks for a token and stores it, while nobody refreshes the one before.
func (a *App) obtain(ctx context.Context, key Key, grant string, again bool, params url.Values) (*Token, error) {
	if err := key.check(); err != nil {
		return nil, err
	}
	var t *Token
	epoch := a.cache.now()
	err := a.opts.Store.Update(ctx, key, func(ctx context.Context, _ *Token) (*Token, error) {
		r, err := a.request(ctx, key.Shop, grant, params, again)
		if err != nil {
			return nil, err
		}
		t = r.token(key)
		return t, nil
	})
	if err != nil {
		return nil, err
	}
	a.cache.replace(t, epoch)
	if grant == grantMigrate { // there is nobody to ask for more
		return t.Clone(), nil
	}
	return t.Clone(), a.enough(t)
}

// enough compares what was granted with what the app cannot do without. The token
// is stored by then: it ended the one before, so that it is all that there is.
func (a *App) enough(t *Token) error {
	if missing := t.MissingScopes(a.opts.Scopes...); missing != nil {
		return &ScopeError{Missing: missing}
	}
	return nil
}

// exchangeCode trades the code of a callback for an access token and stores it.
func (a *App) exchangeCode(ctx context.Context, shop shopify.Domain, code string, online bool) (*Token, error) {
	params := url.Values{"code": {code}, "expiring": {"1"}}
	if !online {
		return a.obtain(ctx, Key{Shop: shop, Access: Offline}, grantCode, false, params)
	}
	// Whose token it is comes with it.
	r, err := a.request(ctx, shop, grantCode, params, false)
	if err != nil {
		return nil, err
	}
	key := Key{Shop: shop, Access: Online}
	if r.User != nil {
		key.Account = r.User.ID
	}
	if key.check() != nil {
		return nil, &TokenError{Grant: grantCode, Status: 200, problem: "the answer names no account"}
	}
	t := r.token(key)
	if err := a.Save(ctx, t); err != nil {
		return nil, err
	}
	return t.Clone(), a.enough(t)
}

// Migrate trades the stored offline token of a shop, which does not expire, for one
// that expires and is refreshed: Shopify takes no others from public apps from
// 2027-01-01 on. There is no way back. If the stored token expires already nothing
// happens.
//
// Whether Shopify accepts the old token once more after an answer was lost is not
// documented. If it does not, the error matches [ErrReauthorize].
// Source: https://shopify.dev/docs/apps/build/authentication-authorization/migrate-to-expiring-offline-access-tokens
func (a *App) Migrate(ctx context.Context, shop shopify.Domain) (*Token, error) {
	key := Key{Shop: shop, Access: Offline}
	old, err := a.opts.Store.Load(ctx, key)
	switch {
	case errors.Is(err, ErrNoToken):
		return nil, noToken(err)
	case err != nil:
		return nil, fmt.Errorf("auth: %w", err)
	case old.RefreshToken != "":
		return old, nil
	}
	return a.obtain(ctx, key, grantMigrate, true, url.Values{
		"grant_type": {grantExchange}, "subject_token": {old.AccessToken}, "subject_token_type": {typeOffline}, "requested_token_type": {typeOffline}, "expiring": {"1"},
	})
}

// Save stores a token that was got by other means, such as one of another library:
// for [App.Migrate], or for good.
func (a *App) Save(ctx context.Context, t *Token) error {
	if err := t.check(); err != nil {
		return err
	}
	if t.AccessToken == "" {
		return fmt.Errorf("auth: %w: no access token", shopify.ErrInvalid)
	}
	c := t.Clone()
	if c.Issued.IsZero() {
		c.Issued = time.Now()
	}
	if c.Granted.IsZero() {
		c.Granted = c.Issued
	}
	epoch := a.cache.now()
	err := a.opts.Store.Update(ctx, c.Key, func(context.Context, *Token) (*Token, error) { return c, nil })
	if err != nil {
		return fmt.Errorf("auth: %w", err)
	}
	a.cache.replace(c, epoch)
	return nil
}

// Forget deletes the tokens of a shop that uninstalled the app: call it for the
// webhook app/uninstalled, with the delivery's Triggered-At. Tokens that were granted
// after that stay: a webhook may come a day late, and the shop may have installed the
// app again. The zero time deletes all.
func (a *App) Forget(ctx context.Context, shop shopify.Domain, uninstalled time.Time) error {
	if err := a.opts.Store.Delete(ctx, shop, uninstalled); err != nil {
		return fmt.Errorf("auth: %w", err)
	}
	a.cache.forget(shop, uninstalled)
	return nil
}

// KeepAlive refreshes the offline tokens whose refresh tokens end within that time, and
// returns how many it did: a shop that nobody asks anything of for 90 days would
// have to authorize the app again. Run it daily with 30 days or so. It goes on after a
// shop that fails, and joins the errors.
func (a *App) KeepAlive(ctx context.Context, within time.Duration) (int, error) {
	var keys []Key
	for key, err := range a.opts.Store.Expiring(ctx, time.Now().Add(within)) {
		if err != nil {
			return 0, fmt.Errorf("auth: %w", err)
		}
		keys = append(keys, key)
	}
	var errs []error
	n := 0
	for _, key := range keys {
		t, err := a.opts.Store.Load(ctx, key)
		if err == nil {
			_, err = a.source(key).FreshToken(ctx, t.AccessToken)
		}
		if err == nil {
			n++
		} else if !errors.Is(err, ErrNoToken) { // gone since
			errs = append(errs, fmt.Errorf("%s: %w", key.Shop, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return n, errors.Join(errs...)
}
