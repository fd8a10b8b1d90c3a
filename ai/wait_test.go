package ai_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/posai-go/posai/ai"
)

func TestParseRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const year = 365 * 24 * time.Hour
		for _, tt := range []struct {
			name   string
			header map[string]string
			want   time.Duration
			final  bool
		}{
			{"nothing", nil, 0, false},
			{"seconds", map[string]string{"Retry-After": "7"}, 7 * time.Second, false},
			{"fractions", map[string]string{"Retry-After": "0.25"}, 250 * time.Millisecond, false},
			{"milliseconds first", map[string]string{"Retry-After": "7", "Retry-After-Ms": "1500"}, 1500 * time.Millisecond, false},
			{"date", map[string]string{"Retry-After": time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat)}, 90 * time.Second, false},
			{"date that has passed", map[string]string{"Retry-After": time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)}, 0, false},
			{"negative", map[string]string{"Retry-After": "-7"}, 0, false},
			{"absurd", map[string]string{"Retry-After": "1e300"}, year, false},
			{"not a number", map[string]string{"Retry-After": "NaN"}, 0, false},
			{"infinite", map[string]string{"Retry-After-Ms": "Inf"}, year, false},
			{"words", map[string]string{"Retry-After": "soon"}, 0, false},
			{"final", map[string]string{"X-Should-Retry": "false", "Retry-After": "1"}, time.Second, true},
			{"not final", map[string]string{"X-Should-Retry": "true"}, 0, false},
		} {
			h := http.Header{}
			for k, v := range tt.header {
				h.Set(k, v)
			}
			wait, final := ai.ParseRetryAfter(h)
			assert.Equal(t, tt.want, wait, tt.name)
			assert.Equal(t, tt.final, final, tt.name)
		}
	})
}

func TestParseRetryInfo(t *testing.T) {
	const info = `{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.4s"}`
	for body, want := range map[string]time.Duration{
		`{"error":{"code":429,"details":[{"@type":"type.googleapis.com/google.rpc.Help"},` + info + `]}}`: 34400 * time.Millisecond,
		`[{"error":{"details":[` + info + `]}}]`:                                                          34400 * time.Millisecond,
		`{"error":{"details":[{"@type":"other","retryDelay":"34.4s"}]}}`:                                  0,
		`{"error":{"details":[` + info[:len(info)-3] + `"}]}}`:                                            0,
		`{"error":"no"}`: 0, `[]`: 0, `<html>`: 0, ``: 0,
	} {
		assert.Equal(t, want, ai.ParseRetryInfo([]byte(body)), body)
	}
}

func FuzzParseRetry(f *testing.F) {
	f.Add("7", `{"error":{"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.4s"}]}}`)
	f.Add("-1e999", `[{"error":{"details":[{"@type":"/google.rpc.RetryInfo","retryDelay":"-NaNs"}]}}]`)
	f.Fuzz(func(t *testing.T, header, body string) {
		h := http.Header{"Retry-After": {header}, "Retry-After-Ms": {body}}
		wait, _ := ai.ParseRetryAfter(h)
		for _, d := range []time.Duration{wait, ai.ParseRetryInfo([]byte(body))} {
			if d < 0 || d > 365*24*time.Hour {
				t.Fatalf("a wait of %s", d)
			}
		}
	})
}
