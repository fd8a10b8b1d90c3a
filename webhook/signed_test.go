package webhook_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/webhooktest"
)

func TestReadSigned(t *testing.T) {
	const body = `{"rate":{"origin":{},"destination":{},"items":[]}}`
	for name, test := range map[string]struct {
		change func(*http.Request)
		limit  int64
		status int // 0 for good
	}{
		"good":                      {func(*http.Request) {}, 0, 0},
		"the other family":          {func(r *http.Request) { r.Header["Shopify-Hmac-Sha256"] = []string{sign([]byte(body), secret)} }, 0, 0},
		"as long as may be":         {func(*http.Request) {}, int64(len(body)), 0},
		"GET":                       {func(r *http.Request) { r.Method = http.MethodGet }, 0, 405},
		"unsigned":                  {func(r *http.Request) { r.Header.Del("X-Shopify-Hmac-Sha256") }, 0, 400},
		"signed twice":              {func(r *http.Request) { r.Header.Add("X-Shopify-Hmac-Sha256", "x") }, 0, 400},
		"cut off":                   {func(r *http.Request) { r.Body = io.NopCloser(iotest.TimeoutReader(iotest.OneByteReader(r.Body))) }, 0, 400},
		"forged":                    {func(r *http.Request) { r.Header.Set("X-Shopify-Hmac-Sha256", sign([]byte(body), "guess")) }, 0, 401},
		"another body":              {func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("{}")) }, 0, 401},
		"too long":                  {func(*http.Request) {}, int64(len(body)) - 1, 413},
		"too long, not said before": {func(r *http.Request) { r.ContentLength = -1 }, int64(len(body)) - 1, 413},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
			r.Header.Set("X-Shopify-Hmac-Sha256", sign([]byte(body), secret))
			test.change(r)
			got, err := webhook.ReadSigned(r, webhook.Secrets{Current: secret}, test.limit)
			if test.status == 0 {
				require.NoError(t, err)
				assert.Equal(t, body, string(got))
				return
			}
			assert.Nil(t, got)
			assertStatus(t, test.status, err)
			w := httptest.NewRecorder()
			webhook.Refuse(w, fmt.Errorf("rates: %w", err))
			assert.Equal(t, test.status, w.Code)
			assert.Equal(t, test.status == 405, w.Header().Get("Allow") == http.MethodPost)
			assert.NotContains(t, w.Body.String(), "rate")
		})
	}
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.Header.Set("X-Shopify-Hmac-Sha256", sign(nil, ""))
	_, err := webhook.ReadSigned(r, webhook.Secrets{}, 0)
	require.ErrorIs(t, err, webhook.ErrSignature, "no secret verifies nothing")
}

func TestRefuseOtherErrors(t *testing.T) {
	w := httptest.NewRecorder()
	webhook.Refuse(w, io.ErrUnexpectedEOF)
	assert.Equal(t, http.StatusInternalServerError, w.Code)
	assert.NotContains(t, w.Body.String(), "EOF")
}

func TestSecretsVerify(t *testing.T) {
	body := []byte("{}")
	end := time.Now()
	s := webhook.Secrets{Current: "current", Previous: "previous", PreviousUntil: end}
	require.NoError(t, s.Verify(body, sign(body, "current"), end))
	require.NoError(t, s.Verify(body, sign(body, "previous"), end.Add(-1)))
	require.ErrorIs(t, s.Verify(body, sign(body, "previous"), end), webhook.ErrSignature)
	require.ErrorIs(t, webhook.Secrets{}.Verify(body, sign(body, ""), end), webhook.ErrSignature)
	require.ErrorIs(t, webhook.Secrets{Current: "current", Previous: "previous"}.Verify(body, sign(body, "current"), end), webhook.ErrSignature, "a previous secret without an end")
}

// A carrier service: Shopify asks for rates while a customer waits.
func ExampleReadSigned() {
	secrets := webhook.Secrets{Current: "the client secret"}
	http.HandleFunc("/rates", func(w http.ResponseWriter, r *http.Request) {
		body, err := webhook.ReadSigned(r, secrets, 0)
		if err != nil {
			webhook.Refuse(w, err)
			return
		}
		fmt.Println(len(body), "bytes of Shopify's")
		_, _ = io.WriteString(w, `{"rates":[]}`)
	})
	body := []byte(`{"rate":{}}`)
	r := httptest.NewRequest(http.MethodPost, "/rates", strings.NewReader(string(body)))
	r.Header.Set("X-Shopify-Hmac-Sha256", webhooktest.Sign(body, "the client secret"))
	http.DefaultServeMux.ServeHTTP(httptest.NewRecorder(), r)
	// Output:
	// 11 bytes of Shopify's
}
