package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/examples/checkoutupsell/internal/advice"
	"github.com/posai-go/posai/examples/internal/demo"
)

// config is what the command line and the environment say.
type config struct {
	demo.Config
	clientID  string
	rulesFile string
	holdout   float64
	minUnits  int
	begin     bool
	staff     staff

	discountsPerHour int
	offPerHour       amount

	eval                          string
	tuneFrom, testFrom, testUntil date

	rules *advice.Rules
}

const introduction = `Suggests what goes with a cart at the register, and a discount within the rules,
and measures what that is worth against carts that get none.

Without flags it boots a simulated shop, spends a while at its registers and shows
what happens. With -serve it is a service for the POS UI extension in the folder
extension; with -shop, -token, -secret and -client-id it works for a real shop. With
-eval it measures how well the recommendations without a model foresee what people
bought, beside popularity, raw lift and plain co-purchase cosine.`

// modelTime is how long a model has by default: somebody waits at the register.
const modelTime = 450 * time.Millisecond

// simulatedClient is the app of a simulated shop.
const simulatedClient = "simulated-client"

// parseConfig reads the flags, and for each flag that is not given the
// variable of the same name.
func parseConfig(args []string, getenv func(string) string, output io.Writer) (*config, error) {
	c := &config{Config: demo.Config{Name: "checkoutupsell"}}
	fs := c.NewFlagSet(introduction, output)
	c.ModelTimeout = modelTime
	fs.Lookup("model-timeout").DefValue = modelTime.String()
	fs.StringVar(&c.clientID, "client-id", "", "client `ID` of the app, which the register's session tokens are for")
	fs.StringVar(&c.rulesFile, "rules", "", "`file` with the rules in JSON (default: internal/advice/rules.json)")
	fs.Float64Var(&c.holdout, "holdout", 0.1, "share of carts that never get suggestions, 0 to 0.9; it cannot be changed later")
	fs.IntVar(&c.minUnits, "min-units", 200, "how many customers or carts each arm needs before the rollout goes on")
	fs.Var(&c.staff, "staff", "`NUMBER=id,…`: the IDs by which the console knows the accounts at the registers and who pins in there, such as 12345=staff:manager; who asks does not decide")
	fs.IntVar(&c.discountsPerHour, "discounts-per-hour", 40, "how many discounts a location gives in an hour before a manager is asked about each")
	c.offPerHour = amount{decimal.NewFromInt(400)}
	fs.Var(&c.offPerHour, "off-per-hour", "`amount`, in the rules' currency, that a location takes off in an hour before a manager is asked about each discount")
	fs.BoolVar(&c.begin, "begin", false, "with -serve: ask a manager for the rollout's first stage, if it has not begun")
	fs.StringVar(&c.eval, "eval", "", "measure on this `file` of the Online Retail data, .csv or .csv.gz")
	fs.Var(&c.tuneFrom, "tune-from", "with -eval: `date`, such as 2011-08-01, from which baskets choose the settings (default: with the second last sixth of the time)")
	fs.Var(&c.testFrom, "test-from", "with -eval: `date` from which baskets are tested on (default: the last sixth of the time)")
	fs.Var(&c.testUntil, "test-until", "with -eval: `date` before which the test ends (default: none)")
	if err := c.Parse(fs, args, getenv); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	var err error
	c.rules, err = readRules(c.rulesFile)
	return c, err
}

func (c *config) check() error {
	switch {
	case c.eval != "" && c.Serve:
		return errors.New("-eval and -serve exclude each other")
	case c.Shop != "" && !c.Serve:
		return errors.New("-shop needs -serve: the registers without it are made up")
	case c.Shop != "" && c.clientID == "":
		return errors.New("-shop needs -client-id")
	case !(c.holdout >= 0 && c.holdout <= 0.9):
		return errors.New("-holdout must be 0 to 0.9")
	case c.discountsPerHour < 1:
		return errors.New("-discounts-per-hour must be 1 or more")
	case c.minUnits < 2:
		return errors.New("-min-units must be 2 or more")
	case c.ModelTimeout > patience:
		return fmt.Errorf("-model-timeout must be at most %v: somebody waits at the register", patience)
	}
	return c.Check()
}

func readRules(name string) (*advice.Rules, error) {
	if name == "" {
		return advice.DefaultRules(), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	r, err := advice.ReadRules(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
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
		return errors.New("not a date such as 2011-08-01")
	}
	return nil
}

// amount is money, above zero, with at most two digits after the point.
type amount struct{ decimal.Decimal }

func (a *amount) String() string {
	if a == nil {
		return ""
	}
	return a.StringFixed(2)
}

func (a *amount) Set(text string) error {
	v, err := decimal.NewFromString(text)
	if err != nil || len(text) > 20 || !v.IsPositive() || v.Exponent() < -2 || v.Exponent() > 12 {
		return errors.New("not an amount such as 400.00")
	}
	a.Decimal = v
	return nil
}
