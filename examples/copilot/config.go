package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/examples/internal/demo"
)

// config is what the command line and the environment say.
type config struct {
	demo.Config
	clientID   string
	policyFile string
	priceFile  string
	embedder   string
	minCosine  float64
	answerIn   time.Duration // how long people are waited for
	perDay     string
	perStaff   string

	simulated        bool
	prices           *ai.Prices
	shopCap, eachCap ai.Cost
}

const introduction = `Answers questions of associates and customers about the shop's products, their
stock and its policies.

Without flags it boots a simulated shop, asks some questions and shows what is
answered. With -serve it serves the pages; with -shop, -token, -secret and
-client-id it works for a real shop. A model is asked within a budget, for which
it needs the prices of its tokens: -prices.`

// simulatedClient is the app of a simulated shop.
const simulatedClient = "simulated-client"

// parseConfig reads the flags, and for each flag that is not given the variable of the
// same name.
func parseConfig(args []string, getenv func(string) string, output io.Writer) (*config, error) {
	c := &config{Config: demo.Config{Name: "copilot"}}
	fs := c.NewFlagSet(introduction, output)
	fs.StringVar(&c.clientID, "client-id", "", "client `ID` of the app, which the register's session tokens are for")
	fs.StringVar(&c.policyFile, "policies", "", "Markdown `file` with the shop's policies (default: those that the shop itself has)")
	fs.StringVar(&c.priceFile, "prices", "", "JSON `file` with the prices of the model's tokens, see ai.ReadPrices; needed with -model")
	fs.StringVar(&c.embedder, "embedder", "", "`model` of the vectors, such as openai:text-embedding-3-small, at -model-url and with -model-key; without one words alone are searched")
	fs.Float64Var(&c.minCosine, "min-cosine", 0.35, "with -embedder: how like a question a text must be to count as found, 0 to 1; models differ")
	fs.StringVar(&c.perDay, "budget", "5", "the most that the model may cost in a day, in the currency of -prices")
	fs.StringVar(&c.perStaff, "staff-budget", "1", "the same for one person, or one store's kiosk")
	fs.DurationVar(&c.answerIn, "answer-in", 10*time.Minute, "how long a person who is called may take")
	if err := c.Parse(fs, args, getenv); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return c, c.readPrices()
}

func (c *config) check() error {
	if err := c.Check(); err != nil {
		return err
	}
	switch {
	case c.Shop != "" && !c.Serve:
		return errors.New("-shop needs -serve: the questions without it are made up")
	case c.Shop != "" && c.clientID == "":
		return errors.New("-shop needs -client-id")
	case c.Model != "" && c.priceFile == "":
		return errors.New("-model needs -prices: without them there is no budget")
	case !(c.minCosine >= 0 && c.minCosine <= 1):
		return errors.New("-min-cosine must be from 0 to 1")
	case c.answerIn < time.Second:
		return errors.New("-answer-in must be at least a second")
	}
	return nil
}

func (c *config) readPrices() (err error) {
	if c.shopCap, err = ai.ParseCost(c.perDay); err != nil || c.shopCap <= 0 {
		return errors.New("-budget must be an amount such as 5 or 2.50")
	}
	if c.eachCap, err = ai.ParseCost(c.perStaff); err != nil || c.eachCap <= 0 {
		return errors.New("-staff-budget must be an amount such as 1 or 0.50")
	}
	if c.priceFile == "" {
		return nil
	}
	f, err := os.Open(c.priceFile)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if c.prices, err = ai.ReadPrices(f); err != nil {
		return fmt.Errorf("%s: %w", c.priceFile, err)
	}
	return nil
}
