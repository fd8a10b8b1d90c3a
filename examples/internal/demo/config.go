package demo

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/posai-go/posai/ai/open"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// Config is what the command line and the environment say, as far as all
// examples understand it. Its methods are used in this order: NewFlagSet, Parse,
// Check.
type Config struct {
	// Name is the program's: of its SQLite file and its folder.
	Name string

	Serve, Simulate bool
	Addr, PublicURL string

	Shop, ShopURL, Token, Secret, OldSecret string

	Database, Data string
	MasterKey      string // see [Config.MasterKeyFlag]
	Seed           uint64

	Model, ModelURL, ModelKey string
	ModelTimeout              time.Duration

	Expiry                                                        time.Duration
	SlackToken, SlackSecret, SlackAppToken, SlackChan, SlackUsers string
}

// NewFlagSet returns a flag set with the common flags, for the program to add
// its own. Usage is printed to output, introduction first.
func (c *Config) NewFlagSet(introduction string, output io.Writer) *flag.FlagSet {
	fs := flag.NewFlagSet(c.Name, flag.ContinueOnError)
	fs.SetOutput(output)
	fs.Usage = func() {
		_, _ = fmt.Fprintf(output, `Usage: %s [flags]

%s

Every flag can be set in the environment instead: -shop as POSAI_SHOP,
-slack-token as POSAI_SLACK_TOKEN, and so on. Give secrets that way: a command
line can be read by others on the machine.

Flags:
`, c.Name, strings.TrimSpace(introduction))
		fs.PrintDefaults()
	}
	fs.BoolVar(&c.Serve, "serve", false, "run as a service until interrupted")
	fs.BoolVar(&c.Simulate, "simulate", false, "with -serve: work for a simulated shop")
	fs.StringVar(&c.Addr, "addr", "127.0.0.1:8080", "with -serve: `address` to listen on")
	fs.StringVar(&c.PublicURL, "public-url", "", "https `URL` under which the shop and people reach this service; webhooks are registered for it")
	fs.StringVar(&c.Shop, "shop", "", "`domain` of the shop, something.myshopify.com")
	fs.StringVar(&c.ShopURL, "shop-url", "", "`URL` of the shop's API where it is not https://{shop}: a simulated shop, a proxy")
	fs.StringVar(&c.Token, "token", "", "Admin API access `token`")
	fs.StringVar(&c.Secret, "secret", "", "client `secret` that signs the webhooks")
	fs.StringVar(&c.OldSecret, "old-secret", "", "`secret` before the last rotation, accepted as well")
	fs.StringVar(&c.Database, "database", "", "sqlite:///path or postgres:// `URL` (default: a SQLite file in -data)")
	fs.StringVar(&c.Data, "data", "", "`folder` for the keys, and without PostgreSQL for the audit log and the SQLite file (default: a temporary one, or ./"+c.Name+"-data with -serve)")
	fs.StringVar(&c.Model, "model", "", "`model` to ask, such as openai:gpt-5; without one the baseline judges")
	fs.StringVar(&c.ModelURL, "model-url", "", "base `URL` of a server that speaks the provider's protocol")
	fs.StringVar(&c.ModelKey, "model-key", "", "API `key` of the model's provider (also OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY)")
	fs.DurationVar(&c.ModelTimeout, "model-timeout", 20*time.Second, "how long the model may take before the baseline judges")
	fs.DurationVar(&c.Expiry, "expiry", 48*time.Hour, "how long a request waits for a manager")
	fs.Uint64Var(&c.Seed, "seed", 1, "`number` that decides what the simulated shop looks like")
	fs.StringVar(&c.SlackToken, "slack-token", "", "Slack bot `token`; asks managers in Slack as well")
	fs.StringVar(&c.SlackSecret, "slack-secret", "", "Slack signing `secret`")
	fs.StringVar(&c.SlackAppToken, "slack-app-token", "", "Slack app-level `token` for socket mode, in place of the signing secret")
	fs.StringVar(&c.SlackChan, "slack-channel", "", "Slack channel `ID` that is asked")
	fs.StringVar(&c.SlackUsers, "slack-users", "", "who may decide in Slack: `USERID=role,…`, such as U024BE7LH=manager")
	return fs
}

// Parse reads the flags, and for each flag that is not given the variable of
// the same name. An error about a variable does not show its value, which may
// be a secret.
func (c *Config) Parse(fs *flag.FlagSet, args []string, getenv func(string) string) error {
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var bad error
	fs.VisitAll(func(f *flag.Flag) {
		name := envName(f.Name)
		if value := getenv(name); value != "" && !given[f.Name] {
			if err := fs.Set(f.Name, value); err != nil {
				bad = fmt.Errorf("%s: not a valid value for -%s", name, f.Name)
			}
		}
	})
	if bad != nil {
		return bad
	}
	if variable := open.KeyVariable(c.Model); c.ModelKey == "" && variable != "" {
		c.ModelKey = getenv(variable)
	}
	return nil
}

func envName(flagName string) string {
	return "POSAI_" + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

// Check says what is wrong with the common flags, or nil.
func (c *Config) Check() error {
	real := c.Shop != ""
	switch {
	case real && (c.Token == "" || c.Secret == ""):
		return errors.New("-shop needs -token and -secret")
	case real && c.Simulate:
		return errors.New("-simulate and -shop exclude each other")
	case c.Serve && !real && !c.Simulate:
		return errors.New("-serve needs -shop, or -simulate")
	case c.Simulate && !c.Serve:
		return errors.New("-simulate goes with -serve; without -serve the shop is simulated anyway")
	case (c.SlackToken == "") != (c.SlackSecret+c.SlackAppToken == "") || (c.SlackToken == "") != (c.SlackChan == ""):
		return errors.New("-slack-token, -slack-channel and one of -slack-secret and -slack-app-token go together")
	case c.Expiry <= 0 || c.ModelTimeout <= 0:
		return errors.New("-expiry and -model-timeout must be above zero")
	}
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
			return errors.New("-public-url must be an https URL")
		}
	}
	if c.Model != "" {
		variable := open.KeyVariable(c.Model)
		if variable == "" {
			return errors.New("-model must be PROVIDER:NAME, of the providers openai, openai-responses, anthropic and gemini")
		}
		if c.ModelKey == "" && c.ModelURL == "" {
			return errors.New("-model needs -model-key or " + variable)
		}
	}
	_, err := parseSlackUsers(c.SlackUsers)
	return err
}

// Use points the configuration at a simulated shop.
func (c *Config) Use(sim *shopifytest.Shop) {
	c.Shop, c.ShopURL, c.Token, c.Secret = sim.Domain(), sim.URL(), sim.Token(), sim.Secret()
}

// ServeDir is the folder of a service that runs until it is interrupted.
func (c *Config) ServeDir() string {
	if c.Data != "" {
		return c.Data
	}
	return c.Name + "-data"
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
