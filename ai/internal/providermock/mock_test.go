// Package providermock_test drives the three adapters against a mock of the
// providers that other people wrote (https://github.com/CopilotKit/aimock), over
// real HTTP: what the adapters and our own servers in package aitest might
// misunderstand alike shows here. It wants Node and `npm ci` in testdata.
package providermock_test

import (
	"bufio"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/anthropic"
	"github.com/posai-go/posai/ai/gemini"
	"github.com/posai-go/posai/ai/openai"
)

const key = "sk-test-0123456789"

// start starts the mock and returns its URL.
func start(t *testing.T) string {
	t.Helper()
	missing := func(what string) {
		if os.Getenv("POSAI_NO_SKIP") == "1" {
			t.Fatalf("no %s on this machine, and POSAI_NO_SKIP=1", what)
		}
		t.Skipf("no %s on this machine", what)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		missing("Node")
	}
	script, err := filepath.Abs("testdata/node_modules/@copilotkit/aimock/dist/cli.js")
	require.NoError(t, err)
	if _, err := os.Stat(script); err != nil {
		missing("aimock (npm ci --prefix ai/internal/providermock/testdata)")
	}
	cmd := exec.Command(node, script, "-p", "0", "-f", "fixtures.json", "--strict", "--validate-on-load")
	cmd.Dir = "testdata"
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = cmd.Stdout
	require.NoError(t, cmd.Start())
	lines := make(chan string, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for scan := bufio.NewScanner(out); scan.Scan(); {
			if _, url, ok := strings.Cut(scan.Text(), "listening on "); ok {
				select {
				case lines <- url:
				default: // nobody waits any more
				}
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
		_ = cmd.Wait()
	})
	select {
	case url := <-lines:
		return url
	case <-done:
		t.Fatal("the mock ended")
	case <-time.After(2 * time.Minute):
		t.Fatal("the mock does not start")
	}
	return ""
}

// client drops idle connections before Node does, which would break requests that
// are about to go out.
var client = &http.Client{Transport: &http.Transport{IdleConnTimeout: time.Second}}

// generators are the two ways to ask; they must come to the same.
var generators = map[string]func(context.Context, ai.Model, *ai.Request) (*ai.Response, error){
	"generated": func(ctx context.Context, m ai.Model, req *ai.Request) (*ai.Response, error) {
		return m.Generate(ctx, req)
	},
	"streamed": func(ctx context.Context, m ai.Model, req *ai.Request) (*ai.Response, error) {
		return ai.Accumulate(m.Stream(ctx, req))
	},
}

type answer struct {
	SKU   string `json:"sku"`
	Count int    `json:"count"`
}

func TestAdapters(t *testing.T) {
	url := start(t)
	chat, err := openai.New(key, "gpt-4o", &openai.Options{BaseURL: url + "/v1", HTTPClient: client})
	require.NoError(t, err)
	responses, err := openai.New(key, "gpt-4o", &openai.Options{BaseURL: url + "/v1", HTTPClient: client, API: openai.Responses})
	require.NoError(t, err)
	claude, err := anthropic.New(key, "claude-sonnet-4-5", &anthropic.Options{BaseURL: url, HTTPClient: client})
	require.NoError(t, err)
	google, err := gemini.New(key, "gemini-2.5-flash", &gemini.Options{BaseURL: url, HTTPClient: client})
	require.NoError(t, err)
	for name, model := range map[string]ai.Model{"chat": chat, "responses": responses, "anthropic": claude, "gemini": google} {
		t.Run(name, func(t *testing.T) {
			for way, ask := range generators {
				t.Run(way, func(t *testing.T) {
					t.Run("text", func(t *testing.T) { testText(t, model, ask) })
					t.Run("tools", func(t *testing.T) { testTools(t, model, ask) })
					t.Run("errors", func(t *testing.T) { testErrors(t, model, ask) })
				})
			}
			t.Run("structured output", func(t *testing.T) {
				for _, mode := range []ai.Mode{ai.ModeNative, ai.ModeTool, ai.ModePrompt} {
					got, _, err := ai.Extract(t.Context(), model, request("structured"), &ai.ExtractOptions[answer]{Mode: mode})
					require.NoError(t, err, "mode %s", mode)
					assert.Equal(t, answer{SKU: "SCARF-1", Count: 3}, got)
				}
			})
			t.Run("cut stream", func(t *testing.T) { testCut(t, model) })
		})
	}
}

func request(text string) *ai.Request {
	return &ai.Request{System: "You help in a shop.", Messages: []ai.Message{ai.User(text)}, MaxOutputTokens: 500}
}

type asker = func(context.Context, ai.Model, *ai.Request) (*ai.Response, error)

func testText(t *testing.T, model ai.Model, ask asker) {
	resp, err := ask(t.Context(), model, request("say hello"))
	require.NoError(t, err)
	assert.Equal(t, "Hello from an independent server: größe ☂ and a text that is long enough for several chunks.", resp.Text())
	assert.Equal(t, ai.StopEnd, resp.StopReason)
	assert.False(t, resp.Usage.Missing, "usage")
	assert.NotEmpty(t, resp.Model)
}

func testTools(t *testing.T, model ai.Model, ask asker) {
	input, err := ai.SchemaFor[struct {
		SKU string `json:"sku"`
	}]()
	require.NoError(t, err)
	req := request("how many")
	req.Tools = []ai.Tool{{Name: "stock", Description: "Counts.", Input: input}}
	resp, err := ask(t.Context(), model, req)
	require.NoError(t, err)
	assert.Equal(t, ai.StopToolCalls, resp.StopReason)
	calls := resp.ToolCalls()
	require.Len(t, calls, 2)
	var results []ai.ToolResult
	for i, c := range calls {
		assert.Equal(t, "stock", c.Name)
		assert.NotEmpty(t, c.ID)
		assert.JSONEq(t, []string{`{"sku":"SCARF-1"}`, `{"sku":"SCARF-2"}`}[i], string(c.Arguments))
		results = append(results, ai.ToolResult{CallID: c.ID, Name: c.Name, Content: []ai.Part{ai.Text{Text: "3"}}})
	}
	req.Messages = append(req.Messages, resp.Message, ai.ToolResults(results...))
	resp, err = ask(t.Context(), model, req)
	require.NoError(t, err)
	assert.Equal(t, "Three scarves are left.", resp.Text())
	assert.Equal(t, ai.StopEnd, resp.StopReason)
}

func testErrors(t *testing.T, model ai.Model, ask asker) {
	for text, want := range map[string]error{"too many": ai.ErrRateLimited, "overloaded": ai.ErrOverloaded, "bad key": ai.ErrAuth} {
		_, err := ask(t.Context(), model, request(text))
		require.ErrorIs(t, err, want, text)
		assert.NotContains(t, err.Error(), "SECRET-TEXT")
		var e *ai.Error
		require.ErrorAs(t, err, &e)
		if text == "too many" {
			assert.Equal(t, 7*time.Second, e.RetryAfter)
		}
		assert.Equal(t, text != "bad key", ai.Retryable(err))
	}
}

func testCut(t *testing.T, model ai.Model) {
	resp, err := ai.Accumulate(model.Stream(t.Context(), request("cut off")))
	require.ErrorIs(t, err, ai.ErrTransport)
	assert.Nil(t, resp)
	var partial *ai.PartialError
	require.ErrorAs(t, err, &partial)
	assert.NotEmpty(t, partial.Response.Text())
	assert.Contains(t, "This reply breaks off in the middle of the stream, long before it has come to its end.", partial.Response.Text())
	assert.False(t, ai.Retryable(err))
}

// What the model thought comes apart from what it said.
func TestReasoning(t *testing.T) {
	url := start(t)
	claude, err := anthropic.New(key, "claude-sonnet-4-5", &anthropic.Options{BaseURL: url, HTTPClient: client})
	require.NoError(t, err)
	google, err := gemini.New(key, "gemini-2.5-flash", &gemini.Options{BaseURL: url, HTTPClient: client})
	require.NoError(t, err)
	for name, model := range map[string]ai.Model{"anthropic": claude, "gemini": google} {
		for way, ask := range generators {
			t.Run(name+" "+way, func(t *testing.T) {
				req := request("think")
				req.Effort = ai.EffortLow
				resp, err := ask(t.Context(), model, req)
				require.NoError(t, err)
				assert.Equal(t, "Forty-two.", resp.Text())
				require.NotEmpty(t, resp.Message.Parts)
				reasoning, ok := resp.Message.Parts[0].(ai.Reasoning)
				require.True(t, ok, "%T", resp.Message.Parts[0])
				assert.Equal(t, "Six times seven.", reasoning.Text)
			})
		}
	}
}

// The mock knows Gemini's embeddings of one text only, not those of several.
func TestEmbedder(t *testing.T) {
	embedder, err := openai.NewEmbedder(key, "text-embedding-3-small", &openai.Options{BaseURL: start(t) + "/v1", HTTPClient: client})
	require.NoError(t, err)
	resp, err := embedder.Embed(t.Context(), &ai.EmbedRequest{Texts: []string{"a scarf", "another scarf"}, Purpose: ai.EmbedDocument})
	require.NoError(t, err)
	assert.Equal(t, [][]float32{{0.6, 0.8}, {0.6, 0.8}}, resp.Vectors)
}
