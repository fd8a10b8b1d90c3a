package openai_test

import (
	"bytes"
	"net/http"
	"testing"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/internal/sdkbench"
	"github.com/posai-go/posai/ai/openai"
)

const wholeReply = `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-test","choices":[{"index":0,` +
	`"message":{"role":"assistant","content":"Thank you for your visit, and enjoy the scarf!","refusal":null},"logprobs":null,"finish_reason":"stop"}],` +
	`"usage":{"prompt_tokens":200,"completion_tokens":12,"total_tokens":212,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}}`

func streamReply() []byte {
	var b bytes.Buffer
	for range 50 {
		b.WriteString(`data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-test","choices":[{"index":0,"delta":{"content":"word "},"logprobs":null,"finish_reason":null}],"usage":null}` + "\n\n")
	}
	b.WriteString(`data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-test","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}` + "\n\ndata: [DONE]\n\n")
	return b.Bytes()
}

// The benchmarks time a call through the adapter and the same call through the
// bare SDK, in turn, and report how many times longer the adapter takes.

func BenchmarkGenerate(b *testing.B) {
	client := &http.Client{Transport: sdkbench.Fixed{ContentType: "application/json", Body: []byte(wholeReply)}}
	model, bare := pair(b, client)
	params := sdk.ChatCompletionNewParams{
		Model:    "gpt-test",
		Messages: []sdk.ChatCompletionMessageParamUnion{sdk.SystemMessage("You write for a shop."), sdk.UserMessage("Which scarf?")},
	}
	req := request()
	sdkbench.Compare(b, func() error {
		_, err := model.Generate(b.Context(), req)
		return err
	}, func() error {
		_, err := bare.New(b.Context(), params)
		return err
	})
}

func BenchmarkStream50(b *testing.B) {
	client := &http.Client{Transport: sdkbench.Fixed{ContentType: "text/event-stream", Body: streamReply()}}
	model, bare := pair(b, client)
	params := sdk.ChatCompletionNewParams{
		Model:    "gpt-test",
		Messages: []sdk.ChatCompletionMessageParamUnion{sdk.SystemMessage("You write for a shop."), sdk.UserMessage("Which scarf?")},
	}
	req := request()
	sdkbench.Compare(b, func() error {
		_, err := ai.Accumulate(model.Stream(b.Context(), req))
		return err
	}, func() error {
		stream := bare.NewStreaming(b.Context(), params)
		for stream.Next() {
			_ = stream.Current()
		}
		return stream.Err()
	})
}

func pair(b *testing.B, client *http.Client) (*openai.Model, sdk.ChatCompletionService) {
	b.Helper()
	model, err := openai.New(testKey, "gpt-test", &openai.Options{HTTPClient: client})
	if err != nil {
		b.Fatal(err)
	}
	return model, sdk.NewChatCompletionService(option.WithAPIKey(testKey), option.WithHTTPClient(client),
		option.WithMaxRetries(0), option.WithBaseURL("https://api.openai.com/v1"))
}
