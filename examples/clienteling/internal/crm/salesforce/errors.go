package salesforce

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
)

// APIError is what Salesforce answered. It keeps the code and the names of fields, not
// the message, which quotes values.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm
type APIError struct {
	Status int      // of the answer; 0 for an error about one of its records
	Code   string   // "REQUIRED_FIELD_MISSING"; empty if there was none
	Fields []string // API names

	kind     error
	problems []problem
}

func (e *APIError) Error() string {
	var b strings.Builder
	if e.Status != 0 {
		fmt.Fprintf(&b, "status %d", e.Status)
	}
	if e.Code != "" {
		b.WriteString(strings.Repeat(" ", min(b.Len(), 1)) + e.Code)
	}
	if len(e.Fields) > 0 {
		b.WriteString(" (" + strings.Join(e.Fields, ", ") + ")")
	}
	if e.kind != nil {
		return e.kind.Error() + ": " + b.String()
	}
	return b.String()
}

// Unwrap gives the sentinel of package crm that it matches.
func (e *APIError) Unwrap() error { return e.kind }

// problem is an error as Salesforce writes it: with errorCode about a request, with
// statusCode about one record.
type problem struct {
	ErrorCode  string          `json:"errorCode"`
	StatusCode string          `json:"statusCode"`
	Fields     json.RawMessage `json:"fields"`
	Duplicate  *struct {
		MatchResults []struct {
			MatchRecords []struct {
				Record struct {
					ID string `json:"Id"`
				} `json:"record"`
			} `json:"matchRecords"`
		} `json:"matchResults"`
	} `json:"duplicateResult"`
}

func (p problem) code() string {
	if p.StatusCode != "" {
		return clean(p.StatusCode)
	}
	return clean(p.ErrorCode)
}

func (p problem) fields() []string {
	var names, kept []string
	_ = json.Unmarshal(p.Fields, &names)
	for _, n := range names {
		if nameForm.MatchString(n) && len(kept) < 20 {
			kept = append(kept, n)
		}
	}
	return kept
}

// duplicates are the ids of records that a duplicate rule found.
func (p problem) duplicates() []string {
	if p.Duplicate == nil {
		return nil
	}
	var ids []string
	for _, result := range p.Duplicate.MatchResults {
		for _, match := range result.MatchRecords {
			if idForm.MatchString(match.Record.ID) && len(ids) < MaxCollection {
				ids = append(ids, match.Record.ID)
			}
		}
	}
	return ids
}

var idForm = regexp.MustCompile(`^[A-Za-z0-9]{15}([A-Za-z0-9]{3})?$`)

var codeForm = regexp.MustCompile(`^[A-Za-z0-9_]{1,80}$`)

// clean keeps a code that looks like one.
func clean(code string) string {
	if codeForm.MatchString(code) {
		return code
	}
	return ""
}

// parseProblems reads the body of an error: a list of problems, or one of them. What is
// something else, such as a page for people, has none.
func parseProblems(body []byte) []problem {
	var all []problem
	if json.Unmarshal(body, &all) == nil {
		return all
	}
	var one problem
	if json.Unmarshal(body, &one) == nil && one.code() != "" {
		return []problem{one}
	}
	return nil
}

// failure reads an answer that is none.
func failure(resp *http.Response) *APIError {
	body, err := readAll(resp.Body, 1<<20)
	if err != nil {
		body = nil
	}
	return failureOf(resp.StatusCode, body, retryAfter(resp))
}

func failureOf(status int, body []byte, wait time.Duration) *APIError {
	e := &APIError{Status: status}
	if all := parseProblems(body); len(all) > 0 {
		e.problems = all
		e.Code, e.Fields = all[0].code(), all[0].fields()
	}
	switch {
	case e.Code == "REQUEST_LIMIT_EXCEEDED", status == http.StatusTooManyRequests:
		e.kind = &crm.LimitError{Limit: cmp.Or(e.Code, "TOO_MANY_REQUESTS"), RetryAfter: wait}
	case passing[e.Code], status >= 500, status == http.StatusRequestTimeout, status < 400:
		e.kind = crm.ErrUnavailable // a redirect is that of an org that moves
	case status == http.StatusPreconditionFailed:
		e.kind = crm.ErrUnavailable // it changed meanwhile
	default:
		e.kind = crm.ErrRefused
	}
	return e
}

// passing are codes of what may go better later.
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_concepts_core_data_objects.htm
var passing = map[string]bool{
	"UNABLE_TO_LOCK_ROW": true, "SERVER_UNAVAILABLE": true, "QUERY_TIMEOUT": true, "REQUEST_RUNNING_TOO_LONG": true,
	"OPERATION_TOO_LARGE": true, "UNKNOWN_EXCEPTION": true, "PROCESSING_HALTED": true, "ALL_OR_NONE_OPERATION_ROLLED_BACK": true,
	"ENTITY_IS_LOCKED": true, "ENTITY_IS_DELETED": true, "TXN_SECURITY_METERING_ERROR": true,
}

// atOnce are codes of what is worth trying again in the same call.
var atOnce = map[string]bool{"UNABLE_TO_LOCK_ROW": true, "SERVER_UNAVAILABLE": true, "QUERY_TIMEOUT": true}

// forbidden are codes of what somebody has to set up.
var forbidden = map[string]bool{
	"INSUFFICIENT_ACCESS": true, "INSUFFICIENT_ACCESS_OR_READONLY": true, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": true,
	"INVALID_FIELD_FOR_INSERT_UPDATE": true, "INVALID_TYPE": true, "NOT_FOUND": true,
	"TRANSFER_REQUIRES_READ": true, "FUNCTIONALITY_NOT_ENABLED": true, "API_DISABLED_FOR_ORG": true, "API_CURRENTLY_DISABLED": true,
}

// verdict is what an error about one record makes of it.
func verdict(code string, fields []string) (crm.State, *APIError) {
	e := &APIError{Code: code, Fields: fields}
	switch {
	case code == "STORAGE_LIMIT_EXCEEDED", code == "LIMIT_EXCEEDED", code == "REQUEST_LIMIT_EXCEEDED":
		e.kind = &crm.LimitError{Limit: code}
		return crm.Retry, e
	case forbidden[code], code == "INVALID_FIELD":
		e.kind = crm.ErrRefused
		return crm.Retry, e
	case passing[code], code == "":
		e.kind = crm.ErrUnavailable
		return crm.Retry, e
	}
	return crm.Invalid, e // REQUIRED_FIELD_MISSING, INVALID_EMAIL_ADDRESS, FIELD_CUSTOM_VALIDATION_EXCEPTION, …
}

// SetupError says by name what an org lacks. It matches crm.ErrRefused.
type SetupError struct {
	// Problems are sentences such as "Contact.Posai_Key__c: is not an external id".
	Problems []string
}

func (e *SetupError) Error() string {
	return "salesforce: not set up: " + strings.Join(e.Problems, "; ")
}

// Is makes it match crm.ErrRefused.
func (e *SetupError) Is(target error) bool { return target == crm.ErrRefused }
