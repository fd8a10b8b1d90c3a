package webhook

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// ErrUnknownShop is what [Options.SecretsOf] returns for a shop that has no
// secret here.
var ErrUnknownShop = errors.New("webhook: unknown shop")

// Options are the settings of a [Handler], a [PubSubHandler] or a
// [FlowHandler]. Nil means the defaults.
type Options struct {
	// MaxBody is how long a body may be, in bytes. If zero,
	// [DefaultMaxBody].
	MaxBody int64

	// Timeout is how long the whole answer may take, from the end of the
	// request's headers on, at most 4.5 s: Shopify waits for 5 s in all. If
	// zero, 3 s.
	Timeout time.Duration

	// MaxPending is how many verified deliveries may be on their way into the
	// inbox at once; further ones are answered with 503. It bounds what an
	// inbox that does not return can hold. If zero, 512.
	MaxPending int

	// SecretsOf returns the secrets of one shop, for services that serve
	// several apps. It is asked before the signature is checked, so the shop
	// is anyone's claim: look it up, create nothing. An error that matches
	// [ErrUnknownShop] is answered with 401, any other with 503. If nil, all
	// shops have the secrets given to the constructor.
	SecretsOf func(ctx context.Context, shop string) (Secrets, error)

	// Logger gets refused requests at level Warn and failures at level Error,
	// without bodies. If nil, nothing is logged.
	Logger *slog.Logger
}

const maxTimeout = 4500 * time.Millisecond

func (o *Options) withDefaults(secrets Secrets) (Options, error) {
	var v Options
	if o != nil {
		v = *o
	}
	if v.MaxBody == 0 {
		v.MaxBody = DefaultMaxBody
	}
	if v.Timeout == 0 {
		v.Timeout = 3 * time.Second
	}
	if v.MaxPending == 0 {
		v.MaxPending = 512
	}
	if v.Logger == nil {
		v.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case v.MaxBody < 0:
		return v, errors.New("webhook: Options.MaxBody is negative")
	case v.Timeout < 0 || v.Timeout > maxTimeout:
		return v, errors.New("webhook: Options.Timeout is not between 0 and 4.5 s")
	case v.MaxPending < 0:
		return v, errors.New("webhook: Options.MaxPending is negative")
	}
	if v.SecretsOf == nil {
		return v, secrets.check()
	}
	return v, nil
}

// secretsFor returns the secrets of a shop: those of SecretsOf, if it is set.
func (o *Options) secretsFor(ctx context.Context, shop string, all Secrets) (Secrets, error) {
	if o.SecretsOf == nil {
		return all, nil
	}
	return o.SecretsOf(ctx, shop)
}
