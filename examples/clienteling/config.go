package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/examples/internal/demo"
)

// config is what the command line and the environment say.
type config struct {
	demo.Config
	clientID string
	crm      string
	since    date
	tag      string
	budget   demo.Budget
	eval     string

	evalPoints bool

	salesforceURL, salesforceID, salesforceSecret string
	salesforceUser, salesforceKey                 string

	simulated bool
	model     ai.Model                        // stands in for the configured one
	backoff   func(attempt int) time.Duration // of the outbox; nil is its own
}

const introduction = `Keeps a store's client book: what customers bought at the register and online,
what was noted and what they like, for associates, for the register and for a CRM.

Without flags it boots a simulated shop and shows an afternoon of it. With -serve
it is a service; with -shop, -token, -secret and -client-id it works for a real
shop.`

// simulatedClient is the app of a simulated shop.
const simulatedClient = "simulated-client"

// parseConfig reads the flags, and for each flag that is not given the variable of the
// same name.
func parseConfig(args []string, getenv func(string) string, output io.Writer) (*config, error) {
	c := &config{Config: demo.Config{Name: "clienteling"}}
	fs := c.NewFlagSet(introduction, output)
	fs.StringVar(&c.clientID, "client-id", "", "client `ID` of the app, which the register's session tokens are for")
	fs.StringVar(&c.crm, "crm", "csv", "where customers go: csv, csv:`FOLDER` (csv alone: crm in -data) or salesforce; other than csv with -serve")
	fs.StringVar(&c.salesforceURL, "salesforce-url", "", "My Domain `URL` of the org (a simulated shop without it: a simulated org)")
	fs.StringVar(&c.salesforceID, "salesforce-client-id", "", "client `ID` of the connected app")
	fs.StringVar(&c.salesforceSecret, "salesforce-client-secret", "", "its `secret`, for the client credentials flow")
	fs.StringVar(&c.salesforceUser, "salesforce-user", "", "integration `user`, for the JWT bearer flow")
	fs.StringVar(&c.salesforceKey, "salesforce-key", "", "PEM `file` with the private key that signs for that user")
	fs.Var(&c.since, "since", "`date`, such as 2024-01-01, from which the shop's orders are read (default: all; those before the last 60 days need the scope read_all_orders)")
	fs.StringVar(&c.tag, "no-sharing-tag", "do-not-share", "`tag` by which associates mark customers whose data must not reach the CRM, beside Shopify's own opt-out; empty for none")
	fs.StringVar(&c.eval, "eval", "", "measure what profiles say about the months after them, on this `file` of the Online Retail data, .csv or .csv.gz")
	fs.BoolVar(&c.evalPoints, "eval-points", false, "measure on made-up customers what talking points are worth: the baseline's, and those of -model")
	c.budget.Flags(fs)
	c.MasterKeyFlag(fs)
	if err := c.Parse(fs, args, getenv); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return c, c.budget.Read(&c.Config)
}

func (c *config) check() error {
	kind, _, _ := strings.Cut(c.crm, ":")
	switch {
	case c.Shop != "" && !c.Serve:
		return errors.New("-shop needs -serve: what happens without it is made up")
	case c.Shop != "" && c.clientID == "":
		return errors.New("-shop needs -client-id")
	case (c.eval != "" || c.evalPoints) && c.Serve:
		return errors.New("-eval and -eval-points go without -serve")
	case kind != "csv" && c.crm != "salesforce":
		return errors.New("-crm must be csv, csv:FOLDER or salesforce")
	case c.crm != "csv" && !c.Serve:
		return errors.New("-crm needs -serve: who comes to the CRM without it is made up")
	case c.crm == "salesforce" && c.Shop != "" && c.salesforceURL == "" && c.ShopURL == "":
		return errors.New("-crm salesforce needs -salesforce-url")
	case c.salesforceURL != "" && (c.salesforceID == "" || c.salesforceSecret == "" && (c.salesforceUser == "" || c.salesforceKey == "")):
		return errors.New("-salesforce-url needs -salesforce-client-id, and -salesforce-client-secret or -salesforce-user with -salesforce-key")
	}
	return c.Check()
}

// openModel returns the model that words talking points, within its budget and its time,
// for those who may have it asked; nil where there is none. Its budget is kept in dir.
func (c *config) openModel(ctx context.Context, dir string) (ai.Model, error) {
	return c.budget.Model(ctx, &c.Config, c.model, dir, map[string][]string{"clienteling": {demo.RoleManager}})
}

// date is a day, or the zero time.
type date struct{ time.Time }

func (d *date) String() string {
	if d == nil || d.IsZero() {
		return ""
	}
	return d.Format(time.DateOnly)
}

func (d *date) Set(text string) (err error) {
	if d.Time, err = time.Parse(time.DateOnly, text); err != nil {
		return errors.New("not a date such as 2024-01-01")
	}
	return nil
}
