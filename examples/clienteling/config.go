package main

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/posai-go/posai/examples/internal/demo"
)

// config is what the command line and the environment say.
type config struct {
	demo.Config
	clientID string
	crm      string
	since    date
	tag      string

	simulated bool
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
	fs.StringVar(&c.crm, "crm", "csv", "where customers go: csv, or csv:`FOLDER` (default: crm in -data)")
	fs.Var(&c.since, "since", "`date`, such as 2024-01-01, from which the shop's orders are read (default: all; those before the last 60 days need the scope read_all_orders)")
	fs.StringVar(&c.tag, "no-sharing-tag", "do-not-share", "`tag` by which associates mark customers whose data must not reach the CRM, beside Shopify's own opt-out; empty for none")
	if err := c.Parse(fs, args, getenv); err != nil {
		return nil, err
	}
	return c, c.check()
}

func (c *config) check() error {
	kind, _, _ := strings.Cut(c.crm, ":")
	switch {
	case c.Shop != "" && !c.Serve:
		return errors.New("-shop needs -serve: what happens without it is made up")
	case c.Shop != "" && c.clientID == "":
		return errors.New("-shop needs -client-id")
	case kind != "csv":
		return errors.New("-crm must be csv or csv:FOLDER")
	}
	return c.Check()
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
