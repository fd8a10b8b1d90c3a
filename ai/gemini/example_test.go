package gemini_test

import (
	"context"
	"fmt"
	"log"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/ai/gemini"
)

func ExampleNew() {
	server := aitest.NewGeminiServer(nil, aitest.Text("Thank you, and enjoy the scarf!"))
	defer server.Close()

	model, err := gemini.New("AIza-example", "gemini-3-flash", &gemini.Options{
		BaseURL: server.BaseURL(), // leave it out for Google itself
	})
	if err != nil {
		log.Fatal(err)
	}
	resp, err := model.Generate(context.Background(), &ai.Request{
		Messages:        []ai.Message{ai.User("Thank the customer for a scarf, in one sentence.")},
		MaxOutputTokens: 100,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.Text())
	// Output: Thank you, and enjoy the scarf!
}

func ExampleNewEmbedder() {
	server := aitest.NewGeminiServer(nil, aitest.Reply{Vectors: [][]float32{{0.6, 0.8}, {1, 0}}})
	defer server.Close()

	embedder, err := gemini.NewEmbedder("AIza-example", "gemini-embedding-001", &gemini.Options{BaseURL: server.BaseURL()})
	if err != nil {
		log.Fatal(err)
	}
	resp, err := ai.EmbedAll(context.Background(), embedder, &ai.EmbedRequest{
		Texts: []string{"Harbor scarf, wool", "Cap, cotton"}, Purpose: ai.EmbedDocument,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.Vectors)
	// Output: [[0.6 0.8] [1 0]]
}
