package anthropic_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go/bedrock"
	"github.com/anthropics/anthropic-sdk-go/option"
	"github.com/anthropics/anthropic-sdk-go/vertex"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream/eventstreamapi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/anthropic"
)

const cloudMessage = `{"id":"m","type":"message","role":"assistant","model":"claude-test","content":[{"type":"text","text":"Hello"}],` +
	`"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":2}}`

var cloudEvents = []string{
	`{"type":"message_start","message":{"id":"m","model":"claude-test","usage":{"input_tokens":3,"output_tokens":1}}}`,
	`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
	`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}`,
	`{"type":"content_block_stop","index":0}`,
	`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}`,
	`{"type":"message_stop"}`,
}

// A cloud is an HTTP server in the place of Amazon's or Google's.
type cloud struct {
	paths  []string
	bodies []map[string]any
	auth   []string
	answer func(w http.ResponseWriter, path string)
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	data, _ := io.ReadAll(r.Body)
	var body map[string]any
	_ = json.Unmarshal(data, &body)
	c.paths, c.bodies, c.auth = append(c.paths, r.URL.Path), append(c.bodies, body), append(c.auth, r.Header.Get("Authorization"))
	c.answer(w, r.URL.Path)
}

// ask generates and streams once each and checks that the replies are the same.
func (c *cloud) ask(t *testing.T, model *anthropic.Model) {
	t.Helper()
	generated, err := model.Generate(t.Context(), request())
	require.NoError(t, err)
	streamed, err := ai.Accumulate(model.Stream(t.Context(), request()))
	require.NoError(t, err)
	generated.Raw = nil
	assert.Equal(t, generated, streamed)
	assert.Equal(t, "Hello", streamed.Text())
	assert.Equal(t, ai.Usage{InputTokens: 3, OutputTokens: 2}, streamed.Usage)
}

// bedrockStream is a stream in Amazon's binary framing.
func bedrockStream(t *testing.T, events []string, exception string) []byte {
	t.Helper()
	var out bytes.Buffer
	encoder := eventstream.NewEncoder()
	message := func(headers map[string]string, payload []byte) {
		m := eventstream.Message{Payload: payload}
		for name, value := range headers {
			m.Headers.Set(name, eventstream.StringValue(value))
		}
		require.NoError(t, encoder.Encode(&out, m))
	}
	for _, e := range events {
		payload, err := json.Marshal(map[string][]byte{"bytes": []byte(e)})
		require.NoError(t, err)
		message(map[string]string{eventstreamapi.MessageTypeHeader: eventstreamapi.EventMessageType, eventstreamapi.EventTypeHeader: "chunk"}, payload)
	}
	if exception != "" {
		message(map[string]string{
			eventstreamapi.MessageTypeHeader: eventstreamapi.ExceptionMessageType, eventstreamapi.ExceptionTypeHeader: exception,
		}, []byte(`{"message":"slow down"}`))
	}
	return out.Bytes()
}

func TestBedrock(t *testing.T) {
	c := &cloud{}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	t.Setenv("AWS_BEARER_TOKEN_BEDROCK", "")
	config := aws.Config{Region: "eu-central-1", Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
	})}
	model, err := anthropic.New("", "eu.anthropic.claude-test-v1:0", &anthropic.Options{
		BaseURL: server.URL, HTTPClient: server.Client(), SDK: []option.RequestOption{bedrock.WithConfig(config)},
	})
	require.NoError(t, err)
	c.answer = func(w http.ResponseWriter, path string) {
		if strings.HasSuffix(path, "/invoke") {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, cloudMessage)
			return
		}
		w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
		_, _ = w.Write(bedrockStream(t, cloudEvents, ""))
	}
	c.ask(t, model)
	assert.Equal(t, []string{"/model/eu.anthropic.claude-test-v1:0/invoke", "/model/eu.anthropic.claude-test-v1:0/invoke-with-response-stream"}, c.paths)
	assert.Equal(t, "bedrock-2023-05-31", c.bodies[0]["anthropic_version"])
	assert.NotContains(t, c.bodies[0], "model")
	assert.Contains(t, c.auth[0], "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")

	// An exception inside of the stream, and a throttled call.
	c.answer = func(w http.ResponseWriter, _ string) {
		w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
		_, _ = w.Write(bedrockStream(t, cloudEvents[:3], "throttlingException"))
	}
	_, err = ai.Accumulate(model.Stream(t.Context(), request()))
	require.ErrorIs(t, err, ai.ErrRateLimited)
	assert.NotContains(t, err.Error(), "slow down")
	var partial *ai.PartialError
	require.ErrorAs(t, err, &partial)
	assert.Equal(t, "Hello", partial.Response.Text())
	assert.True(t, partial.Response.Usage.Missing, "the output is not counted yet")
	c.answer = func(w http.ResponseWriter, _ string) {
		w.Header().Set("X-Amzn-Requestid", "amzn-1")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"message":"Too many requests, please wait before trying again."}`)
	}
	_, err = model.Generate(t.Context(), request())
	require.ErrorIs(t, err, ai.ErrRateLimited)
	assert.ErrorContains(t, err, "amzn-1")
}

func TestVertex(t *testing.T) {
	c := &cloud{answer: func(w http.ResponseWriter, path string) {
		if strings.HasSuffix(path, ":rawPredict") {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, cloudMessage)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for _, e := range cloudEvents {
			var kind struct{ Type string }
			_ = json.Unmarshal([]byte(e), &kind)
			_, _ = io.WriteString(w, event(kind.Type, e))
		}
	}}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	credentials := &google.Credentials{TokenSource: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token-example"})}
	model, err := anthropic.New("", "claude-test@20261101", &anthropic.Options{
		BaseURL: server.URL, HTTPClient: server.Client(),
		SDK: []option.RequestOption{vertex.WithCredentials(t.Context(), "europe-west1", "project-1", credentials)},
	})
	require.NoError(t, err)
	c.ask(t, model)
	const prefix = "/v1/projects/project-1/locations/europe-west1/publishers/anthropic/models/claude-test@20261101:"
	assert.Equal(t, []string{prefix + "rawPredict", prefix + "streamRawPredict"}, c.paths)
	assert.Equal(t, []string{"Bearer token-example", "Bearer token-example"}, c.auth)
	assert.Equal(t, "vertex-2023-10-16", c.bodies[0]["anthropic_version"])
}
