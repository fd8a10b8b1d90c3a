package shopifytest

import (
	"log/slog"
	"net/http"
	"time"
)

// Options are the settings of a [Shop]. The zero value of each field is its default.
type Options struct {
	// Addr is the TCP address that the shop listens on.
	// If empty, a free port of 127.0.0.1.
	Addr string

	// Socketless makes a shop that does not listen and is reached through [Shop.Transport]
	// only, as testing/synctest wants it. Addr is not used then.
	Socketless bool

	// Token is an Admin API access token that the shop accepts and that does not expire,
	// beside those that its token endpoint issues. If empty, a random one.
	Token string

	// StorefrontToken is the Storefront API access token that the shop accepts. If
	// empty, a random one.
	StorefrontToken string

	// Secret is the app's client secret: it signs webhooks, OAuth callbacks and session
	// tokens. If empty, a random one.
	Secret string

	// OAuth are the settings of the token endpoints.
	OAuth OAuth

	// Seed decides what the made-up data looks like: the same seed and the same
	// [Options.Today] give the same shop. If zero, 1.
	Seed uint64

	// Today is the day on which the made-up year of orders ends. If zero, the present day.
	Today time.Time

	// Data is what the shop starts with instead of made-up data.
	// It is not written to and may be shared. If nil, [GenerateData].
	Data *Data

	// RetrySchedule is how long after a failed attempt the next one starts; its
	// length is the number of retries. If nil, Shopify's: eight retries over
	// four hours, at growing distance. Empty but not nil: no retries.
	RetrySchedule []time.Duration

	// ComplianceURI is where customers/data_request and customers/redact go ([Shop.RequestCustomerData],
	// [Shop.EraseCustomer]): an app's configuration file names it to Shopify, no subscription does. If empty, they
	// are not sent.
	ComplianceURI string

	// WebhookTransport carries the deliveries. If nil, a transport of the shop's own
	// that connects within 1 s. Set it to reach a handler without sockets, or a
	// server with a private certificate.
	WebhookTransport http.RoundTripper

	// WebhookTimeout is how long an attempt at a delivery takes at most, in real time and not on the shop's clock. If
	// zero, 5 s, as at Shopify. Where a test is not about slow subscribers, a minute keeps a busy machine from turning a
	// delivery into a retry; connecting may take as long then, too.
	WebhookTimeout time.Duration

	// Plan is the size and the refill of the query cost bucket. If zero, [Standard].
	Plan Plan

	// Requests is the size and the leak of the bucket of REST requests, in requests. If
	// zero, that of Shopify's plan with the restore rate of Plan: 40 and 2 on Standard.
	Requests Plan

	// BulkDelay is how long a bulk operation takes at least. If zero, no longer than it must.
	BulkDelay time.Duration

	// BulkLimit is how many bulk queries, and how many bulk mutations, run at a time. If zero, 5.
	BulkLimit int

	// Scopes are the access scopes of the token, such as "read_orders". If nil, all.
	Scopes []string

	// Improvise answers mutations that the shop does not carry out, or not with this input, with made-up
	// payloads without user errors, instead of refusing them with NOT_SIMULATED: for tests of
	// whether a program can read such answers. Nothing is written, and [JournalEntry.Improvised] and,
	// once per mutation, the log tell so.
	Improvise bool

	// Control adds the control surface of the command under /_sim/: anyone who reaches the
	// address can ring up sales and read the log.
	Control bool

	// Now tells the time; [Shop.Advance] puts the shop's clock forward of it. If nil,
	// [time.Now].
	Now func() time.Time

	// Logger hears of deliveries that failed for good, of subscriptions deleted
	// for it and of mutations that were improvised; no payloads, tokens or secrets. If nil, nothing is logged.
	Logger *slog.Logger
}
