package ai_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
)

// Advice is what the shop wants to know. Its Validate method knows what the
// schema cannot: which products there are.
type Advice struct {
	Occasion string   `json:"occasion" jsonschema:"enum=gift|replenishment|discovery|unknown"`
	Message  string   `json:"message" description:"a thank-you note" jsonschema:"minLength=1,maxLength=120"`
	Products []string `json:"products" jsonschema:"maxItems=2,uniqueItems"`
}

func (a Advice) Validate() error {
	for _, sku := range a.Products {
		if sku != "SCARF-1" && sku != "HAT-2" {
			return errors.New("products: " + sku + " is not in stock")
		}
	}
	return nil
}

func ExampleExtract() {
	// A program uses a model of package openai; this one plays a script, in which
	// the first answer invents a product.
	script := aitest.NewModel(nil,
		aitest.Text(`{"occasion":"gift","message":"Thank you!","products":["CAPE-9"]}`),
		aitest.Text(`{"occasion":"gift","message":"Thank you!","products":["SCARF-1"]}`),
	)
	model := ai.Wrap(script, ai.Timeout(30*time.Second))

	advice, resp, err := ai.Extract[Advice](context.Background(), model, &ai.Request{
		System:   "You write for a small home and apparel shop.",
		Messages: []ai.Message{ai.User("One green coat, gift-wrapped. In stock: SCARF-1, HAT-2.")},
	}, nil)
	if err != nil {
		log.Fatal(err) // here a program takes its answer without a model
	}
	fmt.Println(advice.Occasion, advice.Products, resp.Usage.Total(), "tokens")
	// Output: gift [SCARF-1] 30 tokens
}

func ExampleModel_stream() {
	var model ai.Model = aitest.NewModel(nil, aitest.Text("Thank you, see you soon!"))
	request := &ai.Request{Messages: []ai.Message{ai.User("Thank the customer.")}}
	for event, err := range model.Stream(context.Background(), request) {
		if err != nil {
			log.Fatal(err)
		}
		switch event := event.(type) {
		case ai.TextDelta:
			fmt.Print(event.Text)
		case ai.Done:
			fmt.Println("\nstopped:", event.Response.StopReason)
		}
	}
	// Output:
	// Thank you, see you soon!
	// stopped: end
}

func ExampleWrap() {
	script := aitest.NewModel(nil,
		aitest.Error(&ai.Error{Class: ai.ErrOverloaded, Provider: "openai", Status: 503}),
		aitest.Text("Welcome back."),
	)
	model := ai.Wrap(script,
		ai.Retry(&ai.RetryOptions{MinWait: time.Millisecond}), // around each attempt:
		ai.Timeout(30*time.Second),
	)
	resp, err := model.Generate(context.Background(), &ai.Request{Messages: []ai.Message{ai.User("Greet.")}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.Text())
	// Output: Welcome back.
}

func ExampleSchemaFor() {
	schema, err := ai.SchemaFor[struct {
		SKU   string `json:"sku" description:"stock keeping unit" jsonschema:"pattern=^[A-Z]+-[0-9]+$"`
		Count int    `json:"count,omitempty" jsonschema:"minimum=1"`
	}]()
	if err != nil {
		log.Fatal(err)
	}
	data, _ := schema.MarshalJSON()
	fmt.Println(strings.ReplaceAll(string(data), `},"`, "},\n\""))
	// Output:
	// {"type":"object","properties":{"sku":{"type":"string","description":"stock keeping unit","pattern":"^[A-Z]+-[0-9]+$"},
	// "count":{"type":"integer","minimum":1}},
	// "required":["sku"],"additionalProperties":false}
}

func ExampleRequest_Digest() {
	request := &ai.Request{Messages: []ai.Message{ai.User("Hi")}}
	fmt.Println(request.Digest())
	// Output: f47016f77869899826920f685de9b5f88d6ec4fc1c8af0548bd836e24d9a40e5
}
