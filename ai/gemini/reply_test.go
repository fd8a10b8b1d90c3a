package gemini_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"cloud.google.com/go/auth"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/ai/gemini"
	"github.com/posai-go/posai/ai/internal/sdkbench"
)

func request() *ai.Request {
	return &ai.Request{System: "You write for a shop.", Messages: []ai.Message{ai.User("Which scarf?")}}
}

func jsonReply(body string) aitest.Reply {
	return aitest.Reply{Wire: aitest.Wire{Status: http.StatusOK, Body: body, Header: http.Header{"Content-Type": {"application/json"}}}}
}

func streamReply(body string) aitest.Reply {
	return aitest.Reply{Wire: aitest.Wire{Status: http.StatusOK, Body: body, Header: http.Header{"Content-Type": {"text/event-stream"}}}}
}

// ask returns the reply whole and streamed, from one and the same text.
func ask(t *testing.T, body string) []*ai.Response {
	t.Helper()
	model, _ := newModel(t, jsonReply(body), streamReply("data: "+body+"\n\n"))
	generated, err := model.Generate(t.Context(), request())
	require.NoError(t, err)
	streamed, err := ai.Accumulate(model.Stream(t.Context(), request()))
	require.NoError(t, err)
	return []*ai.Response{generated, streamed}
}

func TestNewRefuses(t *testing.T) {
	credentials := auth.NewCredentials(&auth.CredentialsOptions{TokenProvider: token{}})
	for name, c := range map[string]struct {
		key, model string
		opts       gemini.Options
	}{
		"no key":                     {"", "m", gemini.Options{}},
		"no model":                   {testKey, "", gemini.Options{}},
		"a model that is a path":     {testKey, "../m", gemini.Options{}},
		"key with a line feed":       {testKey + "\n", "m", gemini.Options{}},
		"base URL of junk":           {testKey, "m", gemini.Options{BaseURL: "http://user:" + testKey + "@[::1/v1"}},
		"thinking budget":            {testKey, "m", gemini.Options{ThinkingBudgets: map[ai.Effort]int{ai.EffortLow: -1}}},
		"Vertex without credentials": {"", "m", gemini.Options{Vertex: &gemini.Vertex{Project: "p", Location: "global"}}},
		"Vertex without project":     {"", "m", gemini.Options{Vertex: &gemini.Vertex{Location: "global", Credentials: credentials}}},
		"Vertex with a key":          {testKey, "m", gemini.Options{Vertex: &gemini.Vertex{Project: "p", Location: "global", Credentials: credentials}}},
		"a location that is a host":  {"", "m", gemini.Options{Vertex: &gemini.Vertex{Project: "p", Location: "evil.example.com/", Credentials: credentials}}},
	} {
		t.Run(name, func(t *testing.T) {
			model, err := gemini.New(c.key, c.model, &c.opts)
			require.Error(t, err)
			assert.Nil(t, model)
			assert.NotContains(t, err.Error(), testKey)
		})
	}
}

func TestEnvironmentIsNotRead(t *testing.T) {
	elsewhere := aitest.NewGeminiServer(t) // an empty script: any request fails the test
	for _, name := range []string{"GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION"} {
		t.Setenv(name, "from-the-environment")
	}
	t.Setenv("GOOGLE_GEMINI_BASE_URL", elsewhere.BaseURL())
	t.Setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
	model, server := newModel(t, aitest.Text("hi"))
	_, err := model.Generate(t.Context(), request())
	require.NoError(t, err)
	assert.Equal(t, testKey, server.Requests()[0].Header.Get("X-Goog-Api-Key"))
	assert.NotContains(t, fmt.Sprint(server.Requests()[0]), "nvironment")
}

func TestStopReasons(t *testing.T) {
	for word, want := range map[string]ai.StopReason{
		"STOP": ai.StopEnd, "MAX_TOKENS": ai.StopLength, "SAFETY": ai.StopContentFilter, "RECITATION": ai.StopContentFilter,
		"BLOCKLIST": ai.StopContentFilter, "PROHIBITED_CONTENT": ai.StopContentFilter, "SPII": ai.StopContentFilter,
		"MALFORMED_FUNCTION_CALL": ai.StopUnknown, "LANGUAGE": ai.StopUnknown, "OTHER": ai.StopUnknown, "STEERED": ai.StopUnknown,
	} {
		for _, r := range ask(t, `{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"`+word+`"}]}`) {
			assert.Equal(t, want, r.StopReason, word)
			assert.Equal(t, word, r.ProviderStopReason)
			assert.True(t, r.Usage.Missing)
			assert.Equal(t, "gemini-test", r.Model)
		}
	}
}

func TestBlockedPrompt(t *testing.T) {
	for _, r := range ask(t, `{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":4},"responseId":"r"}`) {
		assert.Equal(t, ai.StopContentFilter, r.StopReason)
		assert.Equal(t, "PROHIBITED_CONTENT", r.ProviderStopReason)
		assert.Empty(t, r.Message.Parts)
		assert.Equal(t, ai.Usage{InputTokens: 4}, r.Usage)
	}
}

func TestPartsAndUsage(t *testing.T) {
	for _, r := range ask(t, `{"responseId":"r","candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"Hi"},{"text":"","thoughtSignature":"czE="},`+
		`{"functionCall":{"name":"f"}},{"functionCall":{"name":"f","args":{"n":1}},"thoughtSignature":"czI="},{"executableCode":{"code":"1"}}]},"finishReason":"STOP"},`+
		`{"index":1,"content":{"parts":[{"text":"other"}]},"finishReason":"STOP"}],`+
		`"usageMetadata":{"promptTokenCount":10,"toolUsePromptTokenCount":2,"cachedContentTokenCount":4,"candidatesTokenCount":3,"thoughtsTokenCount":5}}`) {
		assert.Equal(t, []ai.Part{
			ai.Reasoning{Text: "hm"},
			ai.Text{Text: "Hi"},
			ai.Reasoning{Opaque: json.RawMessage(`{"provider":"gemini","signature":"czE=","text":true}`)},
			ai.ToolCall{ID: "r-0", Name: "f", Arguments: json.RawMessage("{}"), Opaque: json.RawMessage(`{"provider":"gemini","no_id":true}`)},
			ai.ToolCall{ID: "r-1", Name: "f", Arguments: json.RawMessage(`{"n":1}`), Opaque: json.RawMessage(`{"provider":"gemini","signature":"czI=","no_id":true}`)},
			ai.Unknown{Provider: "gemini", Kind: "executableCode", Raw: json.RawMessage(`{"executableCode":{"code":"1"}}`)},
		}, r.Message.Parts)
		assert.Equal(t, ai.StopToolCalls, r.StopReason)
		assert.Equal(t, ai.Usage{InputTokens: 12, CacheReadTokens: 4, OutputTokens: 8, ReasoningTokens: 5}, r.Usage)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   error
		wait   time.Duration
	}{
		{400, `{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"API key not valid","details":[{"@type":"x/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}`, ai.ErrAuth, 0},
		{400, `{"error":{"status":"INVALID_ARGUMENT","message":"The input token count (9) exceeds the maximum number of tokens allowed (8)."}}`, ai.ErrContextTooLong, 0},
		{400, `{"error":{"status":"INVALID_ARGUMENT","message":"The specified schema produces a constraint that has too many states for serving."}}`, ai.ErrUnsupportedSchema, 0},
		{400, `{"error":{"status":"INVALID_ARGUMENT","message":"x"}}`, ai.ErrInvalidRequest, 0},
		{429, `{"error":{"status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.4s"}]}}`, ai.ErrRateLimited, 34400 * time.Millisecond},
		{429, `[{"error":{"status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"2s"}]}}]`, ai.ErrRateLimited, 2 * time.Second},
		{429, `{"error":{"status":"RESOURCE_EXHAUSTED","details":[{"violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}]}}`, ai.ErrQuota, 0},
		{503, `{"error":{"status":"UNAVAILABLE","message":"The model is overloaded."}}`, ai.ErrOverloaded, 0},
	} {
		reply := aitest.Reply{Wire: aitest.Wire{Status: c.status, Body: c.body}}
		model, _ := newModel(t, reply, reply)
		_, generated := model.Generate(t.Context(), request())
		_, streamed := ai.Accumulate(model.Stream(t.Context(), request()))
		for _, err := range []error{generated, streamed} {
			require.ErrorIs(t, err, c.want, c.body)
			var e *ai.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, c.wait, e.RetryAfter)
			assert.Equal(t, c.status, e.Status)
		}
	}
	// In a stream, with the wait.
	model, _ := newModel(t, streamReply(`data: {"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"2s"}]}}`+"\n\n"))
	_, err := ai.Accumulate(model.Stream(t.Context(), request()))
	var e *ai.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, ai.ErrRateLimited, e.Class)
	assert.Equal(t, 2*time.Second, e.RetryAfter)
}

func TestKeyAndTextsStayInside(t *testing.T) {
	const prompt, answer = "PROMPT-5ab3", "ANSWER-77e0"
	var logged bytes.Buffer
	log.SetOutput(&logged)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	req := &ai.Request{System: prompt, Messages: []ai.Message{ai.User(prompt)}}
	echo := fmt.Sprintf(`{"error":{"message":"%s %s","status":"%s"}}`, testKey, prompt, testKey)
	for name, reply := range map[string]aitest.Reply{
		"echoing error": {Wire: aitest.Wire{Status: 400, Body: echo}},
		"echoing page":  {Wire: aitest.Wire{Status: 500, Body: "<html>" + testKey + prompt}},
		"echoing event": streamReply("data: " + echo + "\n\n"),
		"bad event":     streamReply("data: " + testKey + answer + "\n\n"),
		"not JSON":      jsonReply(testKey + answer),
		"other JSON":    jsonReply(`{"candidates":"` + answer + testKey + `"}`),
		"bad part":      jsonReply(`{"candidates":[{"content":{"parts":["` + answer + testKey + `"]}}]}`),
		"cut":           {Text: answer + " more", CutAfter: 1},
		"request id":    {Wire: aitest.Wire{Status: 500, Body: "x", Header: http.Header{"X-Request-Id": {testKey}}}},
	} {
		model, _ := newModel(t, reply, reply)
		_, generated := model.Generate(t.Context(), req)
		_, streamed := ai.Accumulate(model.Stream(t.Context(), req))
		for _, err := range []error{generated, streamed} {
			if err == nil && name == "cut" {
				continue // it is whole when it is not streamed
			}
			require.Error(t, err, name)
			for _, hidden := range []string{testKey, prompt, answer} {
				assert.NotContains(t, fmt.Sprintf("%v|%+v", err, err), hidden, name)
			}
		}
	}
	assert.Empty(t, logged.String(), "the SDK logs")
}

func TestRepliesThatAreNone(t *testing.T) {
	for _, body := range []string{`{}`, `null`, `[]`, ` `, `"hi"`, `{"candidates":[]}`} {
		model, _ := newModel(t, jsonReply(body), streamReply("data: "+body+"\n\n"))
		_, err := model.Generate(t.Context(), request())
		require.ErrorIs(t, err, ai.ErrMalformedReply, "%q", body)
		_, err = ai.Accumulate(model.Stream(t.Context(), request()))
		require.Error(t, err, "%q", body)
	}
}

// token is a provider of tokens for Vertex AI.
type token struct{}

func (token) Token(context.Context) (*auth.Token, error) {
	return &auth.Token{Value: "token-example", Type: "Bearer"}, nil
}

func TestVertex(t *testing.T) {
	var paths, authorizations []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths, authorizations = append(paths, r.URL.Path), append(authorizations, r.Header.Get("Authorization"))
		const body = `{"candidates":[{"content":{"parts":[{"text":"Hello"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2}}`
		switch {
		case r.URL.Query().Get("alt") == "sse":
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: "+body+"\r\n\r\n")
		case r.URL.Path[len(r.URL.Path)-8:] == ":predict":
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"predictions":[{"embeddings":{"values":[1,0],"statistics":{"token_count":4}}}]}`)
		default:
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, body)
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("GOOGLE_API_KEY", "")
	opts := &gemini.Options{
		BaseURL: server.URL, HTTPClient: server.Client(),
		Vertex: &gemini.Vertex{Project: "project-1", Location: "europe-west1", Credentials: auth.NewCredentials(&auth.CredentialsOptions{TokenProvider: token{}})},
	}
	model, err := gemini.New("", "gemini-test", opts)
	require.NoError(t, err)
	generated, err := model.Generate(t.Context(), request())
	require.NoError(t, err)
	streamed, err := ai.Accumulate(model.Stream(t.Context(), request()))
	require.NoError(t, err)
	generated.Raw = nil
	assert.Equal(t, generated, streamed)
	assert.Equal(t, "Hello", generated.Text())
	const prefix = "/v1beta1/projects/project-1/locations/europe-west1/publishers/google/models/gemini-test:"
	assert.Equal(t, []string{prefix + "generateContent", prefix + "streamGenerateContent"}, paths)
	assert.Equal(t, []string{"Bearer token-example", "Bearer token-example"}, authorizations)

	embedder, err := gemini.NewEmbedder("", "text-embedding-005", opts)
	require.NoError(t, err)
	resp, err := embedder.Embed(t.Context(), &ai.EmbedRequest{Texts: []string{"scarf"}})
	require.NoError(t, err)
	assert.Equal(t, [][]float32{{1, 0}}, resp.Vectors)
}

func TestEmbed(t *testing.T) {
	server := aitest.NewGeminiServer(
		t, aitest.Reply{Vectors: [][]float32{{1, 0}, {0, 1}}}, aitest.Reply{Vectors: [][]float32{{1, 0}}},
		aitest.Reply{Wire: aitest.Wire{Status: 429, Body: `{"error":{"status":"RESOURCE_EXHAUSTED","details":[{"@type":"x/google.rpc.RetryInfo","retryDelay":"3s"}]}}`}},
	)
	embedder, err := gemini.NewEmbedder(testKey, "embed-test", &gemini.Options{BaseURL: server.BaseURL()})
	require.NoError(t, err)
	assert.Equal(t, ai.EmbedderInfo{Provider: "gemini", Model: "embed-test", MaxTexts: 100}, embedder.Info())
	req := &ai.EmbedRequest{Texts: []string{"a", "b"}, Purpose: ai.EmbedQuery, Dimensions: 2}
	resp, err := embedder.Embed(t.Context(), req)
	require.NoError(t, err)
	assert.Equal(t, [][]float32{{1, 0}, {0, 1}}, resp.Vectors)
	assert.EqualValues(t, 10, resp.Usage.InputTokens)
	assert.JSONEq(t, `{"requests":[
		{"model":"models/embed-test","content":{"role":"user","parts":[{"text":"a"}]},"taskType":"RETRIEVAL_QUERY","outputDimensionality":2},
		{"model":"models/embed-test","content":{"role":"user","parts":[{"text":"b"}]},"taskType":"RETRIEVAL_QUERY","outputDimensionality":2}]}`,
		string(server.Requests()[0].Body))
	_, err = embedder.Embed(t.Context(), req)
	require.ErrorIs(t, err, ai.ErrMalformedReply, "a vector too few")
	_, err = embedder.Embed(t.Context(), req)
	require.ErrorIs(t, err, ai.ErrRateLimited)
	var e *ai.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, 3*time.Second, e.RetryAfter)
	_, err = embedder.Embed(t.Context(), &ai.EmbedRequest{})
	require.ErrorIs(t, err, ai.ErrInvalidRequest)
}

// FuzzReply gives the adapter arbitrary bytes as the body of a stream and of a
// whole reply: it ends, with a reply or an error, and never with both or neither.
func FuzzReply(f *testing.F) {
	for _, seed := range []string{
		"", "\n", "data: {}\n\n", "\xef\xbb", "data: {\n\n", ": x\n\ndata: 1\ndata: 2\n\n", `data: {"error":null}` + "\n\n", `data: {"error":{}}` + "\n\n",
		`{"candidates":[{"content":{"parts":[{"functionCall":{}},{"text":null},null]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":-1,"thoughtsTokenCount":9223372036854775807}}`,
		`data: {"candidates":[{"content":{"parts":[{"text":"x","thought":true,"thoughtSignature":"eA=="}]},"finishReason":"STOP"}]}` + "\r\n\r\n",
		`data: {"candidates":[null],"promptFeedback":{"blockReason":"X"}}` + "\n\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		model, err := gemini.New(testKey, "m", &gemini.Options{MaxResponseBytes: 1 << 16, HTTPClient: &http.Client{Transport: sdkbench.Fixed{ContentType: "text/event-stream", Body: body}}})
		if err != nil {
			t.Fatal(err)
		}
		done, failed := 0, 0
		for ev, err := range model.Stream(ctx, request()) {
			switch {
			case done+failed > 0:
				t.Fatal("a value after the end")
			case err != nil:
				failed++
			case ev == nil:
				t.Fatal("neither event nor error")
			}
			if d, ok := ev.(ai.Done); ok {
				done++
				checkUsage(t, d.Response.Usage)
			}
		}
		if done+failed != 1 {
			t.Fatalf("%d replies and %d errors", done, failed)
		}
		whole, err := gemini.New(testKey, "m", &gemini.Options{HTTPClient: &http.Client{Transport: sdkbench.Fixed{ContentType: "application/json", Body: body}}})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := whole.Generate(ctx, request())
		if (resp == nil) == (err == nil) {
			t.Fatal("both or neither of reply and error")
		}
		if resp != nil {
			checkUsage(t, resp.Usage)
		}
	})
}

func checkUsage(t *testing.T, u ai.Usage) {
	if u.UncachedTokens() < 0 || u.TextTokens() < 0 || u.InputTokens < 0 || u.OutputTokens < 0 {
		t.Fatalf("usage does not add up: %+v", u)
	}
}
