package openai_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/ai/openai"
)

func ExampleNew() {
	server := aitest.NewOpenAIServer(nil, aitest.Text("Thank you, and enjoy the scarf!"))

	model, err := openai.New("sk-example", "gpt-5-mini", &openai.Options{
		BaseURL: server.BaseURL(), // leave it out for OpenAI itself
	})
	if err != nil {
		log.Fatal(err)
	}
	withTimeout := ai.Wrap(model, ai.Timeout(30*time.Second))
	resp, err := withTimeout.Generate(context.Background(), &ai.Request{
		System:          "You write for a small shop.",
		Messages:        []ai.Message{ai.User("Thank the customer for a scarf, in one sentence.")},
		MaxOutputTokens: 100,
	})
	switch {
	case errors.Is(err, ai.ErrQuota):
		log.Fatal("the account is used up: waiting will not help")
	case err != nil:
		log.Fatal(err)
	}
	fmt.Println(resp.Text())
	fmt.Println(resp.Usage.InputTokens, "tokens in,", resp.Usage.OutputTokens, "out")
	server.Close()
	// Output:
	// Thank you, and enjoy the scarf!
	// 10 tokens in, 5 out
}
