package aitest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
)

// recorder is a test that only remembers its failures.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper()        {}
func (r *recorder) Cleanup(func()) {}
func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func hello() *ai.Request {
	return &ai.Request{Messages: []ai.Message{ai.User("Hello")}}
}

func TestModelScriptEnds(t *testing.T) {
	rec := &recorder{}
	model := aitest.NewModel(rec, aitest.Text("one"))
	_, err := model.Generate(t.Context(), hello())
	require.NoError(t, err)
	assert.Zero(t, model.Remaining())
	assert.Empty(t, rec.failures)

	_, err = model.Generate(t.Context(), hello())
	require.ErrorIs(t, err, aitest.ErrScriptEnded)
	_, err = ai.Accumulate(model.Stream(t.Context(), hello()))
	require.ErrorIs(t, err, aitest.ErrScriptEnded)
	assert.Equal(t, []string{
		"aitest: call 2 of the model, but its script has 1 replies",
		"aitest: call 3 of the model, but its script has 1 replies",
	}, rec.failures)
	assert.Len(t, model.Requests(), 3)
}

func TestServerScriptEnds(t *testing.T) {
	rec := &recorder{}
	server := aitest.NewOpenAIServer(rec)
	defer server.Close()
	assert.Equal(t, http.StatusInternalServerError, post(t, server, "/chat/completions", `{"model":"m","messages":[{}]}`))
	assert.Equal(t, []string{"aitest: a request to the server, but the 0 replies of its script are used up"}, rec.failures)
}

func TestServerChecksRequests(t *testing.T) {
	schema := func(strict, schema string) string {
		return `{"model":"m","messages":[{}],"response_format":{"type":"json_schema","json_schema":{"name":"x","strict":` + strict + `,"schema":` + schema + `}}}`
	}
	const fine = `{"type":"object","properties":{"a":{"type":["string","null"]}},"required":["a"],"additionalProperties":false}`
	for _, c := range []struct {
		name, path, body string
		want             int
	}{
		{"fine", "/chat/completions", schema("true", fine), 200},
		{"not strict", "/chat/completions", schema("false", `{"type":"array"}`), 200},
		{"unknown path", "/images", `{}`, 404},
		{"not JSON", "/chat/completions", `{`, 400},
		{"no model", "/chat/completions", `{"messages":[{}]}`, 400},
		{"no messages", "/responses", `{"model":"m"}`, 400},
		{"property that is not required", "/chat/completions", schema("true", strings.Replace(fine, `["a"]`, `[]`, 1)), 400},
		{"open object", "/chat/completions", schema("true", strings.Replace(fine, `,"additionalProperties":false`, ``, 1)), 400},
		{"unsupported keyword", "/chat/completions", schema("true", strings.Replace(fine, `"null"]`, `"null"],"minLength":1`, 1)), 400},
		{"siblings of $ref", "/chat/completions", schema("true", strings.Replace(fine, `{"type":["string","null"]}`, `{"$ref":"#","description":"x"}`, 1)), 400},
		{"root that is no object", "/chat/completions", schema("true", `{"type":"array","items":{"type":"string"}}`), 400},
		{"bad element", "/chat/completions", schema("true", strings.Replace(fine, `{"type":["string","null"]}`, `{"type":"array","items":{"type":"object"}}`, 1)), 400},
		{"bad tool", "/chat/completions", `{"model":"m","messages":[{}],"tools":[{"function":{"name":"f","strict":true,"parameters":{"type":"object"}}}]}`, 400},
		{"bad tool in Responses", "/responses", `{"model":"m","input":[{}],"tools":[{"name":"f","strict":true,"parameters":{"type":"object"}}]}`, 400},
		{"bad format in Responses", "/responses", `{"model":"m","input":[{}],"text":{"format":{"name":"f","strict":true,"schema":{"type":"object"}}}}`, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := aitest.NewOpenAIServer(t, aitest.Text("hi"))
			assert.Equal(t, c.want, post(t, server, c.path, c.body))
		})
	}
}

func post(t *testing.T, server *aitest.Server, path, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.BaseURL()+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer sk-test")
	res, err := server.Client().Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

func ExampleNewModel() {
	model := aitest.NewModel(nil, // in a test: t
		aitest.JSON(map[string]string{"occasion": "gift"}),
		aitest.Truncated(`{"occasion":`),
		aitest.Error(&ai.Error{Class: ai.ErrRateLimited}),
	)
	type answer struct {
		Occasion string `json:"occasion"`
	}
	for range 3 {
		got, _, err := ai.Extract[answer](context.Background(), model, hello(), nil)
		fmt.Printf("%q %v\n", got.Occasion, err)
	}
	// Output:
	// "gift" <nil>
	// "" ai: aitest: reply cut off
	// "" ai: rate limited
}
