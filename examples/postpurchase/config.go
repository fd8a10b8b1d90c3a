package main

import (
	"errors"
	"io"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/examples/internal/demo"
)

// config is what the command line and the environment say.
type config struct {
	demo.Config
	payload string
	limit   decimal.Decimal
	bundle  bool
}

const introduction = `Follows up on sales at the register: a thank-you message, one or two products
that go with the purchase, and, where somebody asked for it, a draft order.

Without flags it boots a simulated shop, rings up three sales and shows what
happens. With -serve it is a service; with -shop, -token and -secret it works
for a real shop.`

// parseConfig reads the flags, and for each flag that is not given the
// variable of the same name.
func parseConfig(args []string, getenv func(string) string, output io.Writer) (*config, error) {
	c := &config{Config: demo.Config{Name: "postpurchase"}}
	limit := "500.00"
	fs := c.NewFlagSet(introduction, output)
	fs.StringVar(&c.payload, "payload", "", "`file` with the body of an orders/create delivery to process instead of the three sales")
	fs.StringVar(&limit, "limit", limit, "order total in the shop's currency above which a manager decides")
	fs.BoolVar(&c.bundle, "bundle", false, "create a draft order for every sale, not only where the associate asked for one")
	if err := c.Parse(fs, args, getenv); err != nil {
		return nil, err
	}
	var err error
	if c.limit, err = decimal.NewFromString(limit); err != nil || c.limit.IsNegative() {
		return nil, errors.New("-limit must be an amount such as 500.00")
	}
	return c, c.check()
}

func (c *config) check() error {
	switch {
	case c.Shop != "" && !c.Serve && c.payload == "":
		if err := c.Check(); err != nil {
			return err
		}
		return errors.New("-shop needs -serve or -payload: the three sales are made up")
	case c.Serve && c.payload != "":
		return errors.New("-payload and -serve exclude each other")
	}
	return c.Check()
}
