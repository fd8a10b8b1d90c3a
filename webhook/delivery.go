package webhook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"regexp"
	"strings"
	"time"
)

// Delivery is one signed request of Shopify's.
//
// https://shopify.dev/docs/apps/build/webhooks/delivery-methods/https#headers
type Delivery struct {
	// Topic is what happened, such as "orders/create".
	Topic string

	// Shop is the shop's permanent domain in lower case, such as
	// "example.myshopify.com".
	Shop string

	// WebhookID names this delivery: a repetition carries the same. Empty if
	// the sender did not give one; see [Delivery.Key].
	WebhookID string

	// EventID names what the merchant did: all deliveries that come of it,
	// whatever their topics, carry the same. Use it to correlate, not to
	// deduplicate. May be empty.
	EventID string

	// APIVersion is the version in which the body is written, such as
	// "2026-10". May be empty.
	APIVersion string

	// Name is the name of the subscription, if it has one.
	Name string

	// TriggeredAt is when it happened by Shopify's clock; zero if unknown.
	TriggeredAt time.Time

	// ReceivedAt is when the delivery arrived here.
	ReceivedAt time.Time

	// Attempt counts the attempts to process the delivery from 1. It is 0
	// while it is being received.
	Attempt int

	// Body is what was signed, byte for byte.
	Body []byte
}

// Key is what deliveries of one shop are deduplicated by: the webhook ID, or,
// where that is missing, a hash of topic and body. By the latter two events
// that look the same to the last byte count as one; bodies of Shopify's carry
// the time of the change, so that does not happen to them.
func (d Delivery) Key() string {
	if d.WebhookID != "" {
		return d.WebhookID
	}
	h := sha256.New()
	_, _ = io.WriteString(h, d.Topic)
	h.Write([]byte{0})
	h.Write(d.Body)
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// Inbox keeps deliveries until they are processed.
type Inbox interface {
	// Accept makes d durable and returns nil, or returns an error and
	// promises nothing. A delivery that is there already by shop and
	// [Delivery.Key] is a duplicate: it is not kept again, and that is no
	// error. Accept returns soon after ctx has ended, whatever the storage
	// does. It may keep d.Body but not change it.
	Accept(ctx context.Context, d Delivery) (duplicate bool, err error)
}

// shopDomain is what Shopify's own libraries accept.
var shopDomain = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*\.(myshopify\.com|shopify\.com|myshopify\.io|shop\.dev)$`)

// topicName covers the irregular ones such as "customer.tags_added", too.
var topicName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./-]*$`)

const maxHeader = 255 // bytes of one header's value that go into a Delivery

func validShop(s string) bool { return len(s) <= maxHeader && shopDomain.MatchString(s) }

func validTopic(s string) bool { return len(s) <= maxHeader && topicName.MatchString(s) }

// validText reports whether s is printable ASCII of bounded length, as ids,
// versions and names are.
func validText(s string) bool {
	return len(s) <= maxHeader && strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}
