package gemini

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/internal/adapter"
)

// An apiError is a google.rpc.Status.
// https://cloud.google.com/apis/design/errors
type apiError struct {
	Code    int
	Status  string
	Message string
	Details []struct {
		Reason     string // of google.rpc.ErrorInfo
		Violations []struct {
			QuotaID string `json:"quotaId"` // of google.rpc.QuotaFailure
		}
	}
}

// parseError reads {"error":{…}} or a list of one such object, and whether it was
// one.
func parseError(body []byte) (apiError, bool) {
	type outer struct{ Error *apiError }
	list := make([]outer, 1)
	if json.Unmarshal(body, &list[0]) != nil && json.Unmarshal(body, &list) != nil {
		return apiError{}, false
	}
	if len(list) == 0 || list[0].Error == nil {
		return apiError{}, false
	}
	return *list[0].Error, true
}

// describe is the error of an answer that is not a success.
func describe(g *adapter.Guard, status int, body []byte) *ai.Error {
	api, _ := parseError(body)
	return &ai.Error{Class: classify(status, api), Code: g.Public(api.Status), RetryAfter: ai.ParseRetryInfo(body)}
}

// classify finds the class by what the error says, which is more exact, then by
// the HTTP status.
// https://ai.google.dev/gemini-api/docs/troubleshooting
func classify(status int, api apiError) error {
	for _, d := range api.Details {
		if d.Reason == "API_KEY_INVALID" {
			return ai.ErrAuth // with the status 400
		}
		for _, v := range d.Violations {
			if strings.Contains(v.QuotaID, "PerDay") {
				return ai.ErrQuota // tomorrow is too far to wait
			}
		}
	}
	if status == http.StatusBadRequest {
		switch {
		case strings.Contains(api.Message, "exceeds the maximum number of tokens"):
			return ai.ErrContextTooLong
		case aboutSchema(api.Message):
			return ai.ErrUnsupportedSchema
		}
	}
	if status == 0 {
		return ai.ErrUnavailable
	}
	return adapter.ClassOfStatus(status)
}

// aboutSchema recognizes a schema that is not supported, which has no code of its
// own.
func aboutSchema(message string) bool {
	for _, mark := range []string{"response_json_schema", "responseJsonSchema", "response_schema", "parameters_json_schema", "too many states"} {
		if strings.Contains(message, mark) {
			return true
		}
	}
	return false
}
