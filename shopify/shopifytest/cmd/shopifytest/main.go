// Command shopifytest runs a simulated Shopify shop, for tests in any language and for trying things out.
//
//	go run ./shopify/shopifytest/cmd/shopifytest -addr 127.0.0.1:8090 -token T -secret S
//
// It answers the GraphQL Admin API at /admin/api/{version}/graphql.json and the Storefront API at /api/{version}/graphql.json, installs the app at /admin/oauth/authorize
// and gives tokens at /admin/oauth/access_token, sends webhooks to whoever subscribes through the API, and runs until it gets SIGINT or SIGTERM. The shop is a small retailer of
// clothes and things for the home with a year of orders; -seed makes up another one, -data FILE takes one
// from a file and -export prints it as such a file instead of running. The format is that of
// shopifytest.Data.
//
// The flags:
//
//	-addr ADDR            where to listen; 127.0.0.1:0, a free port, by default
//	-token TOKEN          the access token that is accepted; made up by default
//	-storefront-token T   the Storefront API's token; made up by default
//	-plan PLAN            standard, advanced, plus or enterprise: how much query cost is allowed; standard by default
//	-secret SECRET        the client secret that signs webhooks, callbacks and session tokens; made up by default
//	-client-id ID         the app's client ID; made up by default
//	-oauth JSON           more of the tokens: {"old_secret":…,"redirect_urls":[…],"grant":[…],"require_expiring":true} and, as durations such as
//	                      "10m", "access_lifetime", "refresh_lifetime", "retry_lifetime", "online_lifetime", "client_lifetime"
//	-bulk-delay DURATION  how long a bulk operation takes at least, on the shop's clock; 0s by default
//	-bulk-limit N         how many bulk operations of a kind run at a time; 5 by default
//	-compliance-uri URL   where customers/data_request and customers/redact go; nowhere by default
//	-seed N               which shop is made up; 1 by default
//	-today YYYY-MM-DD     the day on which the made-up year of orders ends; the present day by default
//	-data FILE            take the shop from a file
//	-export               print the shop's data and exit
//	-scopes LIST          the token's access scopes, with commas between; all by default
//	-retry-schedule LIST  the waits before the retries of a webhook, such as 100ms,1s,5s; Shopify's eight over four hours by default
//	-webhook-timeout D    how long an attempt at a webhook takes at most; Shopify's 5s by default
//	-strict               refuse what the shop does not carry out, with the error NOT_SIMULATED
//	-v                    log more than warnings
//
// Every operation that is valid for the schema is executed: a mutation that the shop does not carry out is answered
// with made-up values, as if it had succeeded, and writes nothing. The log on standard error tells so once per
// mutation, the journal ("Improvised") for every request; -strict refuses it instead.
//
// Under /_sim/ there is a surface to control the shop, for programs on the same machine only. Bodies are JSON.
//
//	POST   /_sim/sales                              ring up a sale: {"location":…,"customer":…,"lines":[{"sku":…,"quantity":1}],"tender":"card"}; 201 and the order
//	POST   /_sim/returns                            take goods back: {"order":…,"lines":[{"line":0,"quantity":1}]}; 201 and the order
//	POST   /_sim/return_requests                    ask for a return: {"order":…,"lines":[{"line":0,"reason":"too-small","note":…}]}; 201 and the return
//	GET    /_sim/orders, /_sim/orders/{id}          orders with tags and metafields; the id is numeric
//	GET    /_sim/draft_orders                       draft orders
//	GET    /_sim/customers, /_sim/products, /_sim/locations, /_sim/subscriptions
//	POST   /_sim/customers                          add a customer: {"first_name":…,"last_name":…,"email":…}; 201 and the customer
//	POST   /_sim/customers/{id}/consent             what they say about marketing: {"email":"UNSUBSCRIBED"} or "sms"
//	POST   /_sim/customers/{id}/data_requests       customers/data_request
//	POST   /_sim/customers/{id}/erase               erase their personal data: customers/redact
//	DELETE /_sim/customers/{id}                     delete a customer without orders; 409 for one with orders
//	GET    /_sim/deliveries                         the log of webhook deliveries with all attempts
//	POST   /_sim/deliveries/{webhook_id}/redeliver  send a webhook once more
//	POST   /_sim/faults                             make the API fail: {"operation":…,"field":…,"skip":0,"times":1} and one or more of
//	                                                "delay_ms", "cut", "status" with "retry_after", "throttle", "internal_error", "lose_response",
//	                                                "code" with "message" (a top-level error, or one on the field at "path", such as "order.customer", beside
//	                                                the other data), "user_error":{"field":[…],"message":…,"code":…} (of a mutation that is not carried out),
//	                                                with "grant" (refresh_token, …, *) at the token endpoint, with "oauth_error" or "omit_expiry", too
//	                                                201 and {"id":…}
//	GET    /_sim/faults                             those that are armed, with what is left of "skip" and "times"
//	DELETE /_sim/faults, /_sim/faults/{id}          disarm all, or one
//	POST   /_sim/bulk_faults                        make bulk operations go wrong: {"kind":"QUERY","times":1} and one or more of "shuffle", "fail" (an
//	                                                error code), "expire", "stop_after", "cut_after" with "cuts", "change", "no_ranges", "gzip", "expired_url", "status",
//	                                                "hold" (stays RUNNING until released); 201 and {"id":…}
//	POST   /_sim/bulk_faults/{id}/release           let go what the fault holds
//	GET    /_sim/bulk_faults                        those that are armed
//	DELETE /_sim/bulk_faults, /_sim/bulk_faults/{id} disarm all, or one, and let go what they hold
//	POST   /_sim/clock                              put the shop's clock forward: {"advance_ms":3600000}; GET tells the time
//	POST   /_sim/session_tokens                     a session token: {"account":1}
//	POST   /_sim/launches                           the signed URL that opens the app from the admin: {"url":…,"account":1}
//	POST   /_sim/expire_tokens                      end the access tokens that expire
//	POST   /_sim/uninstall                          uninstall the app: its tokens end, app/uninstalled is sent
//	GET    /_sim/token_requests                     what the token endpoint was asked
//	GET    /_sim/journal                            what the API was asked
//	DELETE /_sim/journal                            forget that
//
// The exit status is 0 after a signal, 2 for a wrong flag, and 1 for everything else.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/posai-go/posai/shopify/shopifytest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// errUsage is a wrong flag; what is wrong was said already.
var errUsage = errors.New("usage")

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cfg, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	}
	if err == nil {
		err = serve(ctx, cfg, stdout)
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

var plans = map[string]shopifytest.Plan{
	"standard": shopifytest.Standard, "advanced": shopifytest.Advanced, "plus": shopifytest.Plus, "enterprise": shopifytest.Enterprise,
}

type config struct {
	opts   shopifytest.Options
	export bool
}

func parse(args []string, stderr io.Writer) (config, error) {
	var (
		cfg                        config
		data, today, scopes, retry string
		plan, oauth                string
		verbose, strict            bool
		fs                         = flag.NewFlagSet("shopifytest", flag.ContinueOnError)
	)
	fs.SetOutput(stderr)
	fs.StringVar(&cfg.opts.Addr, "addr", "127.0.0.1:0", "`address` to listen on")
	fs.StringVar(&cfg.opts.Token, "token", "", "access `token` that is accepted (made up if empty)")
	fs.StringVar(&cfg.opts.StorefrontToken, "storefront-token", "", "Storefront API access `token` that is accepted (made up if empty)")
	fs.StringVar(&plan, "plan", "standard", "`plan` of the shop: standard, advanced, plus or enterprise")
	fs.StringVar(&cfg.opts.Secret, "secret", "", "client `secret` that signs webhooks, callbacks and session tokens (made up if empty)")
	fs.StringVar(&cfg.opts.OAuth.ClientID, "client-id", "", "the app's client `ID` (made up if empty)")
	fs.StringVar(&oauth, "oauth", "", "further settings of the tokens, as `JSON`")
	fs.DurationVar(&cfg.opts.BulkDelay, "bulk-delay", 0, "`duration` that a bulk operation takes at least, on the shop's clock")
	fs.IntVar(&cfg.opts.BulkLimit, "bulk-limit", 0, "`number` of bulk operations of a kind that run at a time (5 if 0)")
	fs.StringVar(&cfg.opts.ComplianceURI, "compliance-uri", "", "`URL` that customers/data_request and customers/redact go to (none if empty)")
	fs.Uint64Var(&cfg.opts.Seed, "seed", 1, "`number` of the made-up shop")
	fs.StringVar(&today, "today", "", "last `day` of the made-up year, as 2006-01-02 (the present day if empty)")
	fs.StringVar(&data, "data", "", "`file` with the shop's data")
	fs.BoolVar(&cfg.export, "export", false, "print the shop's data and exit")
	fs.StringVar(&scopes, "scopes", "", "access scopes of the token, a comma-separated `list` (all if empty)")
	fs.StringVar(&retry, "retry-schedule", "", "waits before the retries of a webhook, a comma-separated `list` of durations")
	fs.DurationVar(&cfg.opts.WebhookTimeout, "webhook-timeout", 0, "`duration` that an attempt at a webhook takes at most (5s if 0)")
	fs.BoolVar(&verbose, "v", false, "log more than warnings")
	fs.BoolVar(&strict, "strict", false, "refuse mutations that the shop does not carry out, instead of answering with made-up values")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return cfg, err
		}
		return cfg, errUsage
	}
	wrong := func(name string, err error) (config, error) {
		_, _ = fmt.Fprintf(stderr, "-%s: %v\n", name, err)
		return cfg, errUsage
	}
	if fs.NArg() > 0 {
		return wrong(fs.Arg(0), errors.New("not a flag"))
	}
	var known bool
	if cfg.opts.Plan, known = plans[plan]; !known {
		return wrong("plan", errors.New("must be standard, advanced, plus or enterprise"))
	}
	if cfg.opts.BulkDelay < 0 {
		return wrong("bulk-delay", errors.New("must not be negative"))
	}
	if cfg.opts.WebhookTimeout < 0 {
		return wrong("webhook-timeout", errors.New("must not be negative"))
	}
	if cfg.opts.BulkLimit < 0 {
		return wrong("bulk-limit", errors.New("must not be negative"))
	}
	if oauth != "" {
		if err := readOAuth(oauth, &cfg.opts.OAuth); err != nil {
			return wrong("oauth", err)
		}
	}
	if today != "" {
		day, err := time.Parse(time.DateOnly, today)
		if err != nil {
			return wrong("today", errors.New("must be a day such as 2006-01-02"))
		}
		cfg.opts.Today = day.Add(12 * time.Hour)
	}
	for part := range strings.SplitSeq(retry, ",") {
		if part == "" {
			continue
		}
		wait, err := time.ParseDuration(strings.TrimSpace(part))
		if err != nil {
			return wrong("retry-schedule", err)
		}
		cfg.opts.RetrySchedule = append(cfg.opts.RetrySchedule, wait)
	}
	for scope := range strings.SplitSeq(scopes, ",") {
		if scope = strings.TrimSpace(scope); scope != "" {
			cfg.opts.Scopes = append(cfg.opts.Scopes, scope)
		}
	}
	cfg.opts.Control, cfg.opts.Improvise = true, !strict
	level := slog.LevelWarn
	if verbose {
		level = slog.LevelDebug
	}
	cfg.opts.Logger = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))
	if data == "" {
		return cfg, nil
	}
	var err error
	cfg.opts.Data, err = readData(data)
	return cfg, err
}

func readData(name string) (*shopifytest.Data, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return shopifytest.ReadData(f)
}

func serve(ctx context.Context, cfg config, stdout io.Writer) error {
	if cfg.export {
		data := cfg.opts.Data
		if data == nil {
			data = shopifytest.GenerateData(cfg.opts.Seed, cfg.opts.Today)
		}
		return data.Write(stdout)
	}
	shop, err := shopifytest.Start(&cfg.opts)
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Simulated shop %s\n", shop.Domain())
	fmt.Fprintf(&b, "Admin API      %s/admin/api/2026-10/graphql.json\n", shop.URL())
	fmt.Fprintf(&b, "Storefront API %s/api/2026-10/graphql.json\n", shop.URL())
	fmt.Fprintf(&b, "Control        %s/_sim/\n", shop.URL())
	// What was given is known; what was made up has to be shown somewhere.
	if cfg.opts.Token == "" {
		fmt.Fprintf(&b, "Access token   %s\n", shop.Token())
	}
	if cfg.opts.StorefrontToken == "" {
		fmt.Fprintf(&b, "Public token   %s (Storefront API)\n", shop.StorefrontToken())
	}
	if cfg.opts.OAuth.ClientID == "" {
		fmt.Fprintf(&b, "Client ID      %s\n", shop.ClientID())
	}
	if cfg.opts.Secret == "" {
		fmt.Fprintf(&b, "Client secret  %s\n", shop.Secret())
	}
	b.WriteString("Stop with Ctrl-C.\n")
	_, err = io.WriteString(stdout, b.String())
	if err == nil {
		<-ctx.Done()
	}
	return errors.Join(err, shop.Close())
}
