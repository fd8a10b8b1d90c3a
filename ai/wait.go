package ai

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter keeps absurd waits within what a duration can hold.
const maxRetryAfter = 365 * 24 * time.Hour

// ParseRetryAfter reads how long a provider asks to wait: Retry-After-Ms in
// milliseconds, else Retry-After in seconds or as an HTTP date (RFC 9110, 10.2.3).
// The wait is zero if there is none, and at most a year. Final is true for
// X-Should-Retry: false, which says that waiting does not help. It is meant for
// adapters, see [Error].
func ParseRetryAfter(h http.Header) (wait time.Duration, final bool) {
	final = strings.EqualFold(h.Get("X-Should-Retry"), "false")
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil {
		return clampWait(ms * float64(time.Millisecond)), final
	}
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		return clampWait(seconds * float64(time.Second)), final
	}
	if at, err := http.ParseTime(value); err == nil {
		return clampWait(float64(time.Until(at))), final
	}
	return 0, final
}

// ParseRetryInfo reads the wait from the body of a Google API's error, where it is
// the retryDelay of a google.rpc.RetryInfo, such as "34.4s". The body is one error
// or a list of them. The wait is zero if there is none, and at most a year.
// https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto
func ParseRetryInfo(body []byte) time.Duration {
	type status struct {
		Error struct {
			Details []struct {
				Type       string `json:"@type"`
				RetryDelay string `json:"retryDelay"`
			} `json:"details"`
		} `json:"error"`
	}
	list := make([]status, 1)
	if json.Unmarshal(body, &list[0]) != nil && json.Unmarshal(body, &list) != nil {
		return 0
	}
	for _, s := range list {
		for _, d := range s.Error.Details {
			number, isDuration := strings.CutSuffix(d.RetryDelay, "s")
			if !isDuration || !strings.HasSuffix(d.Type, "/google.rpc.RetryInfo") {
				continue
			}
			if seconds, err := strconv.ParseFloat(number, 64); err == nil {
				return clampWait(seconds * float64(time.Second))
			}
		}
	}
	return 0
}

func clampWait(nanoseconds float64) time.Duration {
	switch {
	case nanoseconds >= float64(maxRetryAfter):
		return maxRetryAfter
	case nanoseconds > 0:
		return time.Duration(nanoseconds)
	}
	return 0 // negative or not a number
}
