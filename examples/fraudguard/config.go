package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
	"github.com/posai-go/posai/examples/internal/demo"
)

// config is what the command line and the environment say.
type config struct {
	demo.Config
	clientID   string
	policyFile string
	eval       string
	seeds      int

	policy *risk.Policy
}

const introduction = `Scores sales and returns at the register before they are approved and after
they are done, flags at most one in a hundred for a manager to look at, and
writes what was found to the order.

Without flags it boots a simulated shop, spends a morning at its registers and
shows what happens. With -serve it is a service; with -shop, -token, -secret and
-client-id it works for a real shop. With -eval it measures how well it finds
fraud, beside the rule that looks at the amount alone.`

// simulatedClient is the app of a simulated shop.
const simulatedClient = "simulated-client"

// parseConfig reads the flags, and for each flag that is not given the
// variable of the same name.
func parseConfig(args []string, getenv func(string) string, output io.Writer) (*config, error) {
	c := &config{Config: demo.Config{Name: "fraudguard"}}
	fs := c.NewFlagSet(introduction, output)
	fs.StringVar(&c.clientID, "client-id", "", "client `ID` of the app, which the register's session tokens are for")
	fs.StringVar(&c.policyFile, "policy", "", "`file` with the policy in JSON (default: internal/risk/default_policy.json)")
	c.MasterKeyFlag(fs)
	fs.StringVar(&c.eval, "eval", "", "measure on this `file` of the Online Retail data, .csv or .csv.gz, and on simulated stores; \"simulated\" for the latter alone")
	fs.IntVar(&c.seeds, "seeds", 10, "with -eval: how many times fraud is injected anew")
	if err := c.Parse(fs, args, getenv); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	var err error
	c.policy, err = readPolicy(c.policyFile)
	return c, err
}

func (c *config) check() error {
	switch {
	case c.Shop != "" && !c.Serve:
		return errors.New("-shop needs -serve: the morning without it is made up")
	case c.Shop != "" && c.clientID == "":
		return errors.New("-shop needs -client-id")
	case c.eval != "" && c.Serve:
		return errors.New("-eval and -serve exclude each other")
	case c.seeds < 1 || c.seeds > 1000:
		return errors.New("-seeds must be 1 to 1000")
	}
	return c.Check()
}

func readPolicy(name string) (*risk.Policy, error) {
	if name == "" {
		return risk.DefaultPolicy(), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	p, err := risk.ReadPolicy(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}
