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
	clientID   string
	policyFile string
	budget     demo.Budget
	embedder   string
	minCosine  float64
	answerIn   time.Duration // how long people are waited for
	lookUp     time.Duration // how long the shop is

	simulated bool
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
	c := &config{Config: demo.Config{Name: "copilot"}, lookUp: lookUp}
	fs := c.NewFlagSet(introduction, output)
	fs.StringVar(&c.clientID, "client-id", "", "client `ID` of the app, which the register's session tokens are for")
	fs.StringVar(&c.policyFile, "policies", "", "Markdown `file` with the shop's policies (default: those that the shop itself has)")
	c.budget.Flags(fs)
	fs.Lookup("staff-budget").Usage = "the same for one person, or one store's kiosk"
	fs.StringVar(&c.embedder, "embedder", "", "`model` of the vectors, such as openai:text-embedding-3-small, at -model-url and with -model-key; without one words alone are searched")
	fs.Float64Var(&c.minCosine, "min-cosine", 0.35, "with -embedder: how like a question a text must be to count as found, 0 to 1; models differ")
	fs.DurationVar(&c.answerIn, "answer-in", 10*time.Minute, "how long a person who is called may take")
	if err := c.Parse(fs, args, getenv); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return c, c.budget.Read(&c.Config)
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
	case !(c.minCosine >= 0 && c.minCosine <= 1):
		return errors.New("-min-cosine must be from 0 to 1")
	case c.answerIn < time.Second:
		return errors.New("-answer-in must be at least a second")
	}
	return nil
}
