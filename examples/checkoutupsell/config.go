package main

import (
	"errors"
	"io"
	"time"

	"github.com/posai-go/posai/examples/internal/demo"
)

// config is what the command line and the environment say.
type config struct {
	demo.Config
	eval                          string
	tuneFrom, testFrom, testUntil date
}

const introduction = `Suggests what goes with a cart at the register. With -eval it measures how well the
recommendations without a model foresee what people bought.`

// parseConfig reads the flags, and for each flag that is not given the
// variable of the same name.
func parseConfig(args []string, getenv func(string) string, output io.Writer) (*config, error) {
	c := &config{Config: demo.Config{Name: "checkoutupsell"}}
	fs := c.NewFlagSet(introduction, output)
	fs.StringVar(&c.eval, "eval", "", "measure on this `file` of the Online Retail data, .csv or .csv.gz")
	fs.Var(&c.tuneFrom, "tune-from", "with -eval: `date`, such as 2011-08-01, from which baskets choose the settings (default: with the second last sixth of the time)")
	fs.Var(&c.testFrom, "test-from", "with -eval: `date` from which baskets are tested on (default: the last sixth of the time)")
	fs.Var(&c.testUntil, "test-until", "with -eval: `date` before which the test ends (default: none)")
	if err := c.Parse(fs, args, getenv); err != nil {
		return nil, err
	}
	return c, c.check()
}

func (c *config) check() error {
	if c.eval != "" && c.Serve {
		return errors.New("-eval and -serve exclude each other")
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
		return errors.New("not a date such as 2011-08-01")
	}
	return nil
}
