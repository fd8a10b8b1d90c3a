package main

import (
	"errors"
	"io"

	"github.com/posai-go/posai/examples/internal/demo"
)

// config is what the command line and the environment say.
type config struct {
	demo.Config
	eval       bool
	report     string // file
	week       string
	confidence float64
	minCount   int
}

const introduction = `Says why goods come back: reads returns and refunds with their notes, sorts each
item by reason, writes the reasons to the order, and makes a weekly summary.

Without flags it boots a simulated shop, takes a few things back and shows what
happens. With -serve it is a service; with -shop, -token and -secret it works
for a real shop. With -report it writes the summary of a week and ends; with
-eval it measures the baseline, and the model if one is named, on labeled notes.`

// parseConfig reads the flags, and for each flag that is not given the
// variable of the same name.
func parseConfig(args []string, getenv func(string) string, output io.Writer) (*config, error) {
	c := &config{Config: demo.Config{Name: "returnreasons"}}
	fs := c.NewFlagSet(introduction, output)
	fs.BoolVar(&c.eval, "eval", false, "measure the baseline and the model on labeled notes, and end")
	fs.StringVar(&c.report, "report", "", "write the weekly summary to this HTML `file`; with -shop and without -serve, and end")
	fs.StringVar(&c.week, "week", "", "`week` of the summary, such as 2026-W47 (default: the last complete one)")
	fs.Float64Var(&c.confidence, "confidence", 0.75, "how certain a reason must be to be written without a manager, 0 to 1")
	fs.IntVar(&c.minCount, "min-count", 5, "fewest `orders` that a figure of the summary is shown for, at least 2")
	if err := c.Parse(fs, args, getenv); err != nil {
		return nil, err
	}
	return c, c.check()
}

func (c *config) check() error {
	if err := c.Check(); err != nil {
		return err
	}
	switch {
	case !(c.confidence >= 0 && c.confidence <= 1):
		return errors.New("-confidence must be from 0 to 1")
	case c.minCount < 2:
		return errors.New("-min-count must be at least 2")
	case c.eval && (c.Serve || c.report != ""):
		return errors.New("-eval goes with neither -serve nor -report")
	case c.Serve && c.report != "":
		return errors.New("-serve serves the summary; -report goes without it")
	case c.Shop != "" && !c.Serve && !c.eval && c.report == "":
		return errors.New("-shop needs -serve or -report: the returns of the quick start are made up")
	}
	return nil
}
