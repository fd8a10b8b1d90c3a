package aitest_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/ai/anthropic"
	"github.com/posai-go/posai/ai/gemini"
	"github.com/posai-go/posai/ai/openai"
)

const recordKey = "sk-record-SECRET-0123456789"

// vault knows one person.
func vault() *ai.Vault {
	v := ai.NewVault()
	v.Know(ai.KindName, "Dana Whitfield")
	return v
}

// A conversation of each adapter, streamed and not, with a failure and a cut, is
// the same from the file as it was from the server, and the file holds neither
// secrets nor personal data.
func TestRecordAndReplay(t *testing.T) {
	replies := []aitest.Reply{
		{Text: "Thank you, Dana Whitfield! Write to dana@example.com about 9007199254740993 <b>.", ID: "one"},
		{Chunks: []string{"Größe ", "☂ ", "42."}, ID: "two"},
		{Wire: aitest.Wire{Status: 429, Body: `{"error":{"message":"` + recordKey + `","type":"rate_limit_error"}}`, Header: http.Header{"Retry-After": {"7"}}}},
		{Text: "one two three", CutAfter: 2},
	}
	adapters := map[string]func(*testing.T) (*aitest.Server, func(*http.Client) (ai.Model, error)){
		"openai": func(t *testing.T) (*aitest.Server, func(*http.Client) (ai.Model, error)) {
			s := aitest.NewOpenAIServer(t, replies...)
			return s, func(c *http.Client) (ai.Model, error) {
				return openai.New(recordKey, "m", &openai.Options{BaseURL: s.BaseURL(), HTTPClient: c})
			}
		},
		"anthropic": func(t *testing.T) (*aitest.Server, func(*http.Client) (ai.Model, error)) {
			s := aitest.NewAnthropicServer(t, replies...)
			return s, func(c *http.Client) (ai.Model, error) {
				return anthropic.New(recordKey, "m", &anthropic.Options{BaseURL: s.BaseURL(), HTTPClient: c})
			}
		},
		"gemini": func(t *testing.T) (*aitest.Server, func(*http.Client) (ai.Model, error)) {
			s := aitest.NewGeminiServer(t, replies...)
			return s, func(c *http.Client) (ai.Model, error) {
				return gemini.New(recordKey, "m", &gemini.Options{BaseURL: s.BaseURL(), HTTPClient: c})
			}
		},
	}
	converse := func(t *testing.T, m ai.Model) (responses []*ai.Response, errs []error) {
		for i := range replies {
			req := &ai.Request{Messages: []ai.Message{ai.User("Thank Dana Whitfield, dana@example.com, +1 415 555 0132, for SKU SCARF-1.")}}
			var resp *ai.Response
			var err error
			if i%2 == 0 {
				resp, err = m.Generate(t.Context(), req)
			} else {
				resp, err = ai.Accumulate(m.Stream(t.Context(), req))
			}
			responses, errs = append(responses, resp), append(errs, err)
		}
		return responses, errs
	}
	for name, start := range adapters {
		t.Run(name, func(t *testing.T) {
			server, open := start(t)
			opts := &aitest.RecordOptions{Transport: server.Client().Transport, Secrets: []string{recordKey}, Vault: vault}
			recorder := aitest.NewRecorder(opts)
			model, err := open(&http.Client{Transport: recorder})
			require.NoError(t, err)
			live, liveErrs := converse(t, model)
			path := filepath.Join(t.TempDir(), "recording.json")
			require.NoError(t, recorder.WriteFile(path))
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			for _, hidden := range []string{recordKey, "Dana", "dana@example.com", "415 555"} {
				assert.NotContains(t, string(data), hidden)
			}
			assert.Contains(t, string(data), "SCARF-1")
			server.Close() // from here on, there is no network

			model, err = open(&http.Client{Transport: aitest.Replay(t, path, opts)})
			require.NoError(t, err)
			_, err = model.Generate(t.Context(), &ai.Request{Messages: []ai.Message{ai.User("Something else")}})
			require.Error(t, err, "a request that was not recorded")
			require.ErrorIs(t, err, ai.ErrTransport)
			replayed, replayedErrs := converse(t, model)
			assert.Contains(t, live[0].Text(), "Dana Whitfield")
			assert.NotContains(t, replayed[0].Text(), "Dana")
			assert.Contains(t, replayed[0].Text(), "9007199254740993 <b>.")
			assert.Equal(t, live[1].Text(), replayed[1].Text())
			assert.Equal(t, live[1].Usage, replayed[1].Usage)
			require.ErrorIs(t, replayedErrs[2], ai.ErrRateLimited)
			assert.Equal(t, liveErrs[2].Error(), replayedErrs[2].Error())
			require.ErrorIs(t, replayedErrs[3], ai.ErrTransport)
			var partial *ai.PartialError
			require.ErrorAs(t, replayedErrs[3], &partial)
			assert.Equal(t, "one two ", partial.Response.Text())
		})
	}
}

// The bytes of a body are kept, whatever they are.
func TestReplayIsExact(t *testing.T) {
	bodies := []string{"", "plain\r\n", "{\"a\" : 1.50,\n\"b\":\"\\u00e9\\/\"}", "data: {\"x\":\"y\"}\r\n\r\n: c\n", `{"broken":"`, "\"\\", `{"n":4155550132}`}
	for _, body := range bodies {
		recorder := aitest.NewRecorder(&aitest.RecordOptions{Transport: answering(body)})
		require.Equal(t, body, exchangeOnce(t, recorder))
		path := filepath.Join(t.TempDir(), "r.json")
		require.NoError(t, recorder.WriteFile(path))
		assert.Equal(t, body, exchangeOnce(t, aitest.Replay(t, path, nil)))
	}
}

// Personal data that a stream brings in pieces cannot be cut out of it.
func TestSplitPersonalDataIsNotWritten(t *testing.T) {
	recorder := aitest.NewRecorder(&aitest.RecordOptions{
		Transport: answering("data: {\"delta\":\"dana@exa\"}\n\ndata: {\"delta\":\"mple.com\"}\n\n"),
	})
	exchangeOnce(t, recorder)
	path := filepath.Join(t.TempDir(), "r.json")
	require.ErrorContains(t, recorder.WriteFile(path), "split")
	assert.NoFileExists(t, path)
}

type answering string

func (a answering) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(a))), Request: req}, nil
}

func exchangeOnce(t *testing.T, transport http.RoundTripper) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://user:"+recordKey+"@example.com/v1?key="+recordKey, strings.NewReader("{}"))
	require.NoError(t, err)
	res, err := transport.RoundTrip(req)
	require.NoError(t, err)
	data, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return string(data)
}
