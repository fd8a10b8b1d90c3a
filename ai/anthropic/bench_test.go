package anthropic_test

import (
	"bytes"
	"net/http"
	"testing"

	sdk "github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/anthropic"
	"github.com/posai-go/posai/ai/internal/sdkbench"
)

const wholeReply = `{"id":"msg_1","type":"message","role":"assistant","model":"claude-test","content":[{"type":"text",` +
	`"text":"Thank you for your visit, and enjoy the scarf!"}],"stop_reason":"end_turn","stop_sequence":null,` +
	`"usage":{"input_tokens":200,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":12}}`

func streamReply() []byte {
	var b bytes.Buffer
	event := func(name, data string) { b.WriteString("event: " + name + "\ndata: " + data + "\n\n") }
	event("message_start", `{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-test","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":200,"output_tokens":1}}}`)
	event("content_block_start", `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`)
	for range 50 {
		event("content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"word "}}`)
	}
	event("content_block_stop", `{"type":"content_block_stop","index":0}`)
	event("message_delta", `{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":51}}`)
	event("message_stop", `{"type":"message_stop"}`)
	return b.Bytes()
}

// benchmark gives the adapter and the bare SDK the same transport.
func benchmark(b *testing.B, transport sdkbench.Fixed) (*anthropic.Model, sdk.MessageService, sdk.MessageNewParams) {
	b.Helper()
	client := &http.Client{Transport: transport}
	model, err := anthropic.New(testKey, "claude-test", &anthropic.Options{HTTPClient: client})
	if err != nil {
		b.Fatal(err)
	}
	bare := sdk.NewMessageService(option.WithAPIKey(testKey), option.WithHTTPClient(client), option.WithMaxRetries(0),
		option.WithBaseURL("https://api.anthropic.com/"), option.WithoutOpenTelemetry())
	return model, bare, sdk.MessageNewParams{
		Model: "claude-test", MaxTokens: 8192,
		System:   []sdk.TextBlockParam{{Text: "You write for a shop."}},
		Messages: []sdk.MessageParam{sdk.NewUserMessage(sdk.NewTextBlock("Which scarf?"))},
	}
}

func BenchmarkGenerate(b *testing.B) {
	model, bare, params := benchmark(b, sdkbench.Fixed{ContentType: "application/json", Body: []byte(wholeReply)})
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
	model, bare, params := benchmark(b, sdkbench.Fixed{ContentType: "text/event-stream", Body: streamReply()})
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
