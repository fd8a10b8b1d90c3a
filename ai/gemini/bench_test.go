package gemini_test

import (
	"net/http"
	"strings"
	"testing"

	"google.golang.org/genai"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/gemini"
	"github.com/posai-go/posai/ai/internal/sdkbench"
)

const wholeReply = `{"candidates":[{"content":{"role":"model","parts":[{"text":"Thank you for your visit, and enjoy the scarf!"}]},"finishReason":"STOP","index":0}],` +
	`"usageMetadata":{"promptTokenCount":200,"candidatesTokenCount":12,"totalTokenCount":212},"modelVersion":"gemini-test","responseId":"r-1"}`

func streamedReply() []byte {
	var b strings.Builder
	for range 50 {
		b.WriteString(`data: {"candidates":[{"content":{"role":"model","parts":[{"text":"word "}]},"index":0}],"modelVersion":"gemini-test","responseId":"r-1"}` + "\r\n\r\n")
	}
	b.WriteString(`data: ` + wholeReply + "\r\n\r\n")
	return []byte(b.String())
}

// benchmark gives the adapter and the bare SDK the same transport.
func benchmark(b *testing.B, transport sdkbench.Fixed) (*gemini.Model, *genai.Models, *genai.GenerateContentConfig) {
	b.Helper()
	client := &http.Client{Transport: transport}
	model, err := gemini.New(testKey, "gemini-test", &gemini.Options{HTTPClient: client})
	if err != nil {
		b.Fatal(err)
	}
	bare, err := genai.NewClient(b.Context(), &genai.ClientConfig{APIKey: testKey, Backend: genai.BackendGeminiAPI, HTTPClient: client})
	if err != nil {
		b.Fatal(err)
	}
	return model, bare.Models, &genai.GenerateContentConfig{SystemInstruction: genai.NewContentFromText("You write for a shop.", genai.RoleUser)}
}

func BenchmarkGenerate(b *testing.B) {
	model, bare, config := benchmark(b, sdkbench.Fixed{ContentType: "application/json", Body: []byte(wholeReply)})
	req := request()
	sdkbench.Compare(b, func() error {
		_, err := model.Generate(b.Context(), req)
		return err
	}, func() error {
		_, err := bare.GenerateContent(b.Context(), "gemini-test", genai.Text("Which scarf?"), config)
		return err
	})
}

func BenchmarkStream50(b *testing.B) {
	model, bare, config := benchmark(b, sdkbench.Fixed{ContentType: "text/event-stream", Body: streamedReply()})
	req := request()
	sdkbench.Compare(b, func() error {
		_, err := ai.Accumulate(model.Stream(b.Context(), req))
		return err
	}, func() error {
		for _, err := range bare.GenerateContentStream(b.Context(), "gemini-test", genai.Text("Which scarf?"), config) {
			if err != nil {
				return err
			}
		}
		return nil
	})
}
