package anthropic_test

import (
	"context"
	"fmt"
	"log"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/ai/anthropic"
)

func ExampleNew() {
	server := aitest.NewAnthropicServer(nil, aitest.Text("Thank you, and enjoy the scarf!"))
	defer server.Close()

	model, err := anthropic.New("sk-ant-example", "claude-haiku-4-5", &anthropic.Options{
		BaseURL: server.BaseURL(), // leave it out for Anthropic itself
	})
	if err != nil {
		log.Fatal(err)
	}
	resp, err := model.Generate(context.Background(), &ai.Request{
		System:          "You write for a small shop.",
		Messages:        []ai.Message{ai.User("Thank the customer for a scarf, in one sentence.")},
		MaxOutputTokens: 100,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.Text())
	fmt.Println(resp.Usage.InputTokens, "tokens in,", resp.Usage.OutputTokens, "out")
	// Output:
	// Thank you, and enjoy the scarf!
	// 10 tokens in, 5 out
}
