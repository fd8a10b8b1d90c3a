package demo

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"reflect"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
)

// OpenClient makes the client of the shop that the configuration names. It
// does no I/O.
func (c *Config) OpenClient(logger *slog.Logger) (*shopify.Client, error) {
	domain, err := shopify.ParseDomain(c.Shop)
	if err != nil {
		return nil, err
	}
	if c.ShopURL != "" {
		// The access token is sent there: over plain http only to this machine.
		u, err := url.Parse(c.ShopURL)
		if err != nil || u.Scheme != "https" && !loopback(u.Hostname()) {
			return nil, errors.New("-shop-url must be an https URL")
		}
	}
	return shopify.NewClient(domain, shopify.StaticToken(c.Token), &shopify.Options{BaseURL: c.ShopURL, Logger: logger})
}

// RetrySoon is when a simulated shop delivers again what was not acknowledged: within
// seconds and for minutes, where Shopify takes hours. A machine so busy that the service
// cannot keep a delivery in time is no reason for a run to wait for the next hour.
func RetrySoon() []time.Duration {
	waits := make([]time.Duration, 60)
	for i := range waits {
		waits[i] = min(100*time.Millisecond<<min(i, 10), 3*time.Second)
	}
	return waits
}

// Subscribe makes sure that the shop delivers the topics to address.
func Subscribe(ctx context.Context, client *shopify.Client, address string, topics ...admin.WebhookSubscriptionTopic) error {
	for _, topic := range topics {
		if err := subscribe(ctx, client, address, topic); err != nil {
			return err
		}
	}
	return nil
}

func subscribe(ctx context.Context, client *shopify.Client, address string, topic admin.WebhookSubscriptionTopic) error {
	for sub, err := range admin.WebhookSubscriptions(ctx, client, topic) {
		if err != nil {
			return err
		}
		if sub.URI == address {
			return nil
		}
	}
	_, err := admin.WebhookSubscriptionCreate(ctx, client, topic, admin.WebhookSubscriptionInput{URI: shopify.Some(address)})
	return err
}

// Outcome tells the queue what an error of the shop's API means for an effect.
func Outcome(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, shopify.ErrOutcomeUnknown):
		return approval.Unknown(err)
	case errors.Is(err, shopify.ErrBadRequest), errors.Is(err, shopify.ErrInvalid):
		return approval.Permanent(err)
	}
	if _, ok := errors.AsType[*shopify.UserErrors](err); ok {
		return approval.Permanent(err) // Shopify refuses the input
	}
	if errors.Is(err, shopify.ErrThrottled) || errors.Is(err, shopify.ErrUnauthorized) {
		return approval.Retry(err) // Shopify turned it away
	}
	return err // and so counts as unknown
}

// SameMetafield compares a metafield with what was to be written. Shopify may
// write the same JSON in other bytes.
func SameMetafield(want admin.MetafieldsSetInput, got admin.Metafield) bool {
	if want.Key != got.Key {
		return false
	}
	if want.Value == got.Value {
		return true
	}
	var a, b any
	return want.Type.Or("") == "json" &&
		json.Unmarshal([]byte(want.Value), &a) == nil && json.Unmarshal([]byte(got.Value), &b) == nil &&
		reflect.DeepEqual(a, b)
}
