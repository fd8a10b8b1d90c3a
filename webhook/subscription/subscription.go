package subscription

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/posai-go/posai/webhook"
)

// ErrInvalid reports a subscription that Shopify would not take.
var ErrInvalid = errors.New("subscription: invalid")

// Subscription is a subscription as it shall be.
//
// https://shopify.dev/docs/api/admin-graphql/2026-10/input-objects/WebhookSubscriptionInput
type Subscription struct {
	// Topic is the topic as deliveries name it, such as "orders/create". The
	// compliance topics are not subscribed through the API.
	Topic string

	// URI is where deliveries go: an https address, "pubsub://project:topic",
	// or the ARN of an EventBridge partner event source. An http address is
	// taken on this machine alone, for simulated shops.
	URI string

	// Name tells subscriptions to one topic apart, and stands in the header of
	// their deliveries: letters, digits, "_" and "-", at most 50. It is the
	// identity of a subscription: under the same name the rest may change.
	// Optional.
	Name string

	// Filter is a search query over the payload, such as "source_name:pos".
	// Optional.
	//
	// https://shopify.dev/docs/apps/build/webhooks/customize/filters
	Filter string

	// IncludeFields are the fields that deliveries carry. If empty, all.
	IncludeFields []string

	// Metafields are what deliveries carry of the resource's metafields.
	Metafields []Metafield

	// MetafieldNamespaces are the namespaces of which deliveries carry all
	// metafields.
	MetafieldNamespaces []string
}

// Metafield names a metafield. A namespace "$app" or "$app:name" is the app's
// own.
type Metafield struct {
	Namespace string `json:"namespace"`
	Key       string `json:"key"`
}

var (
	topicRE  = regexp.MustCompile(`^[a-z][a-z0-9_]*[/.][a-z0-9_]+$`)
	nameRE   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,50}$`)
	pubsubRE = regexp.MustCompile(`^pubsub://[a-z][a-z0-9.:-]{4,61}[a-z0-9]:[A-Za-z][A-Za-z0-9._~+%-]{2,254}$`)
	arnRE    = regexp.MustCompile(`^arn:aws:events:[a-z0-9-]+::event-source/aws\.partner/shopify\.com(\.test)?/[0-9]+/.+$`)
)

// compliance topics are declared in the app's configuration file only.
var compliance = []string{"customers/data_request", "customers/redact", "shop/redact"}

func (s Subscription) validate() error {
	fail := func(why string) error { return fmt.Errorf("%w: %s: %s", ErrInvalid, s.Topic, why) }
	switch {
	case !topicRE.MatchString(s.Topic):
		return fmt.Errorf("%w: the topic is not such as \"orders/create\"", ErrInvalid)
	case slices.Contains(compliance, s.Topic):
		return fail("compliance topics are declared in the app's configuration, not through the API")
	case !validURI(s.URI):
		return fail("the URI is neither https nor Pub/Sub nor EventBridge")
	case s.Name != "" && !nameRE.MatchString(s.Name):
		return fail("the name has more than letters, digits, _ and -, or more than 50 of them")
	}
	for _, m := range s.Metafields {
		if m.Namespace == "" || m.Key == "" {
			return fail("a metafield needs a namespace and a key")
		}
	}
	if slices.Contains(s.MetafieldNamespaces, "") || slices.Contains(s.IncludeFields, "") {
		return fail("a field or a namespace is empty")
	}
	return nil
}

func validURI(raw string) bool {
	if pubsubRE.MatchString(raw) || arnRE.MatchString(raw) {
		return true
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// enum is the topic as the API names it.
func (s Subscription) enum() string { return webhook.Topic[json.RawMessage](s.Topic).Enum() }

// same reports whether a subscription of the shop's is as declared.
func (s Subscription) same(f Found) bool {
	return s.enum() == f.enum && f.format == "JSON" && s.URI == f.URI && s.Name == f.Name && s.Filter == f.Filter &&
		sameSet(s.IncludeFields, f.IncludeFields, func(a, b string) bool { return a == b }) &&
		sameSet(s.MetafieldNamespaces, f.MetafieldNamespaces, sameNamespace) &&
		sameSet(s.Metafields, f.Metafields, func(a, b Metafield) bool { return a.Key == b.Key && sameNamespace(a.Namespace, b.Namespace) })
}

// sameSet reports whether two lists hold the same things, in whatever order.
func sameSet[T any](declared, found []T, same func(declared, found T) bool) bool {
	for _, d := range declared {
		if !slices.ContainsFunc(found, func(f T) bool { return same(d, f) }) {
			return false
		}
	}
	for _, f := range found {
		if !slices.ContainsFunc(declared, func(d T) bool { return same(d, f) }) {
			return false
		}
	}
	return true
}

var appNamespaceRE = regexp.MustCompile(`^app--[0-9]+(?:--(.+))?$`)

// sameNamespace knows that Shopify answers "$app:x" as "app--123--x", with the
// app's id.
func sameNamespace(declared, found string) bool {
	if declared == found {
		return true
	}
	own, isOwn := strings.CutPrefix(declared, "$app")
	m := appNamespaceRE.FindStringSubmatch(found)
	return isOwn && m != nil && strings.TrimPrefix(own, ":") == m[1]
}
