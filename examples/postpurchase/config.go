package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// config is what the command line and the environment say.
type config struct {
	serve, simulate bool
	addr            string
	publicURL       string
	payload         string

	shop, shopURL, token, secret, oldSecret string
	database, data                          string
	model, modelURL, modelKey               string
	modelTimeout                            time.Duration

	limit       decimal.Decimal
	expiry      time.Duration
	bundle      bool
	seed        uint64
	slackToken  string
	slackSecret string
	slackChan   string
	slackUsers  string
}

const usage = `Usage: postpurchase [flags]

Follows up on sales at the register: a thank-you message, one or two products
that go with the purchase, and, where somebody asked for it, a draft order.

Without flags it boots a simulated shop, rings up three sales and shows what
happens. With -serve it is a service; with -shop, -token and -secret it works
for a real shop. Every flag can be set in the environment instead: -shop as
POSAI_SHOP, -slack-token as POSAI_SLACK_TOKEN, and so on. Give secrets that
way: a command line can be read by others on the machine.

Flags:
`

// parseConfig reads the flags, and for each flag that is not given the
// variable of the same name.
func parseConfig(args []string, getenv func(string) string, output io.Writer) (*config, error) {
	c := &config{}
	limit := "500.00"
	fs := flag.NewFlagSet("postpurchase", flag.ContinueOnError)
	fs.SetOutput(output)
	fs.Usage = func() {
		_, _ = io.WriteString(output, usage)
		fs.PrintDefaults()
	}
	fs.BoolVar(&c.serve, "serve", false, "run as a service until interrupted")
	fs.BoolVar(&c.simulate, "simulate", false, "with -serve: work for a simulated shop")
	fs.StringVar(&c.addr, "addr", "127.0.0.1:8080", "with -serve: `address` to listen on")
	fs.StringVar(&c.publicURL, "public-url", "", "https `URL` under which the shop and people reach this service; webhooks are registered for it")
	fs.StringVar(&c.payload, "payload", "", "`file` with the body of an orders/create delivery to process instead of the three sales")
	fs.StringVar(&c.shop, "shop", "", "`domain` of the shop, something.myshopify.com")
	fs.StringVar(&c.shopURL, "shop-url", "", "`URL` of the shop's API where it is not https://{shop}: a simulated shop, a proxy")
	fs.StringVar(&c.token, "token", "", "Admin API access `token`")
	fs.StringVar(&c.secret, "secret", "", "client `secret` that signs the webhooks")
	fs.StringVar(&c.oldSecret, "old-secret", "", "`secret` before the last rotation, accepted as well")
	fs.StringVar(&c.database, "database", "", "sqlite:///path or postgres:// `URL` (default: a SQLite file in -data)")
	fs.StringVar(&c.data, "data", "", "`folder` for the audit log and the SQLite file (default: a temporary one, or ./postpurchase-data with -serve)")
	fs.StringVar(&c.model, "model", "", "`model` to ask, such as openai:gpt-5; without one the baseline judges")
	fs.StringVar(&c.modelURL, "model-url", "", "base `URL` of a server that speaks OpenAI's protocol")
	fs.StringVar(&c.modelKey, "model-key", "", "API `key` of the model's provider (also OPENAI_API_KEY)")
	fs.DurationVar(&c.modelTimeout, "model-timeout", 20*time.Second, "how long the model may take before the baseline judges")
	fs.StringVar(&limit, "limit", limit, "order total in the shop's currency above which a manager decides")
	fs.DurationVar(&c.expiry, "expiry", 48*time.Hour, "how long a request waits for a manager")
	fs.BoolVar(&c.bundle, "bundle", false, "create a draft order for every sale, not only where the associate asked for one")
	fs.Uint64Var(&c.seed, "seed", 1, "`number` that decides what the simulated shop looks like")
	fs.StringVar(&c.slackToken, "slack-token", "", "Slack bot `token`; asks managers in Slack as well")
	fs.StringVar(&c.slackSecret, "slack-secret", "", "Slack signing `secret`")
	fs.StringVar(&c.slackChan, "slack-channel", "", "Slack channel `ID` that is asked")
	fs.StringVar(&c.slackUsers, "slack-users", "", "who may decide in Slack: `USERID=role,…`, such as U024BE7LH=manager")

	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if fs.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var bad error
	fs.VisitAll(func(f *flag.Flag) {
		name := envName(f.Name)
		if value := getenv(name); value != "" && !given[f.Name] {
			if err := fs.Set(f.Name, value); err != nil {
				bad = fmt.Errorf("%s: not a valid value for -%s", name, f.Name) // the value may be a secret
			}
		}
	})
	if bad != nil {
		return nil, bad
	}
	if c.modelKey == "" {
		c.modelKey = getenv("OPENAI_API_KEY")
	}
	var err error
	if c.limit, err = decimal.NewFromString(limit); err != nil || c.limit.IsNegative() {
		return nil, errors.New("-limit must be an amount such as 500.00")
	}
	return c, c.check()
}

func envName(flagName string) string {
	return "POSAI_" + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

func (c *config) check() error {
	real := c.shop != ""
	switch {
	case real && (c.token == "" || c.secret == ""):
		return errors.New("-shop needs -token and -secret")
	case real && c.simulate:
		return errors.New("-simulate and -shop exclude each other")
	case real && !c.serve && c.payload == "":
		return errors.New("-shop needs -serve or -payload: the three sales are made up")
	case c.serve && !real && !c.simulate:
		return errors.New("-serve needs -shop, or -simulate")
	case c.serve && c.payload != "":
		return errors.New("-payload and -serve exclude each other")
	case c.simulate && !c.serve:
		return errors.New("-simulate goes with -serve; without -serve the shop is simulated anyway")
	case (c.slackToken == "") != (c.slackSecret == "") || (c.slackToken == "") != (c.slackChan == ""):
		return errors.New("-slack-token, -slack-secret and -slack-channel go together")
	case c.expiry <= 0 || c.modelTimeout <= 0:
		return errors.New("-expiry and -model-timeout must be above zero")
	}
	if c.publicURL != "" {
		u, err := url.Parse(c.publicURL)
		if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
			return errors.New("-public-url must be an https URL")
		}
	}
	if c.model != "" {
		provider, name, ok := strings.Cut(c.model, ":")
		if !ok || provider != "openai" || name == "" {
			return errors.New("-model must be openai:NAME")
		}
		if c.modelKey == "" && c.modelURL == "" {
			return errors.New("-model needs -model-key or OPENAI_API_KEY")
		}
	}
	_, err := parseSlackUsers(c.slackUsers)
	return err
}

// loopback says whether a host is this machine, as a simulated shop's is.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// parseSlackUsers reads "U1=manager,U2=associate" into roles by user.
func parseSlackUsers(s string) (map[string]string, error) {
	roles := map[string]string{}
	for pair := range strings.SplitSeq(s, ",") {
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		user, role, ok := strings.Cut(pair, "=")
		if !ok || user == "" || role == "" {
			return nil, errors.New("-slack-users must be USERID=role,…")
		}
		roles[user] = role
	}
	return roles, nil
}
