package shopify

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// UserErrors is what a mutation says about why it did not do what was asked.
// The client turns it into an error, unless [Options.AllowUserErrors] is set;
// the response holds the data as it came.
type UserErrors struct {
	Operation string
	List      []UserError

	secrets *redactor
}

// UserError is one entry of a mutation's userErrors.
type UserError struct {
	// Mutation is the name of the root field in the response.
	Mutation string
	// Field is the path of the input that is wrong, array indexes as text:
	// ["input", "lineItems", "0", "quantity"]. Nil if it is the whole.
	Field []string
	// Message is meant for people. It may repeat parts of the input.
	Message string
	// Code is empty where the mutation's errors have none, or where the
	// document does not select it.
	Code string
}

// Error lists the errors. Values of the request's variables are left out.
func (e *UserErrors) Error() string {
	var b strings.Builder
	b.WriteString("shopify: ")
	if e.Operation != "" {
		b.WriteString(e.Operation + ": ")
	}
	for i, u := range e.List {
		if i == maxListed {
			fmt.Fprintf(&b, "; and %d more", len(e.List)-i)
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		if len(u.Field) > 0 {
			b.WriteString(e.secrets.clean(strings.Join(u.Field, ".")) + ": ")
		}
		b.WriteString(e.secrets.clean(u.Message))
		if u.Code != "" {
			b.WriteString(" (" + e.secrets.clean(u.Code) + ")")
		}
	}
	return b.String()
}

// Has reports whether one of the errors has this code.
func (e *UserErrors) Has(code string) bool {
	return slices.ContainsFunc(e.List, func(u UserError) bool { return u.Code == code })
}

// Is joins the codes that programs branch on with the sentinels of this package.
func (e *UserErrors) Is(target error) bool {
	switch target {
	case ErrStale:
		return e.Has("CHANGE_FROM_QUANTITY_STALE") || e.Has("COMPARE_QUANTITY_STALE") || e.Has("STALE_OBJECT")
	case ErrKeyMismatch:
		return e.Has("IDEMPOTENCY_KEY_PARAMETER_MISMATCH")
	case ErrKeyFailed:
		return e.Has("IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED")
	case ErrKeyBusy:
		return e.Has("IDEMPOTENCY_CONCURRENT_REQUEST")
	}
	return false
}

// maxUserErrors bounds how many errors of one response are kept.
const maxUserErrors = 1000

// ReadUserErrors returns what the data of a mutation list in userErrors, or nil.
// The client does this by itself; it is for results that come another way, as
// those of bulk mutations do. It is an error like the client's.
func ReadUserErrors(data json.RawMessage) *UserErrors {
	if list := findUserErrors(data); len(list) > 0 {
		return &UserErrors{List: list}
	}
	return nil
}

// findUserErrors looks for them in the data of a mutation. Most payloads call
// the list userErrors; some add mediaUserErrors (which repeats it), and a few
// have odd names such as orderCancelUserErrors.
func findUserErrors(data json.RawMessage) []UserError {
	var fields map[string]json.RawMessage
	if len(data) == 0 || json.Unmarshal(data, &fields) != nil {
		return nil
	}
	var out []UserError
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		var payload map[string]json.RawMessage
		if json.Unmarshal(fields[name], &payload) != nil {
			continue // a scalar, or null beside a top-level error
		}
		for _, key := range slices.Sorted(maps.Keys(payload)) {
			if key == "userErrors" || strings.HasSuffix(key, "UserErrors") {
				out = appendUserErrors(out, name, payload[key])
			}
		}
	}
	return out
}

func appendUserErrors(out []UserError, mutation string, raw json.RawMessage) []UserError {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return out
	}
	for _, entry := range list {
		u := UserError{Mutation: mutation}
		var parts map[string]json.RawMessage
		// What an error of an unforeseen shape holds is left out, but that
		// there is an error counts.
		_ = json.Unmarshal(entry, &parts)
		_ = json.Unmarshal(parts["field"], &u.Field)
		_ = json.Unmarshal(parts["message"], &u.Message)
		_ = json.Unmarshal(parts["code"], &u.Code)
		same := func(o UserError) bool {
			return o.Mutation == u.Mutation && o.Message == u.Message && slices.Equal(o.Field, u.Field)
		}
		if len(out) < maxUserErrors && !slices.ContainsFunc(out, same) {
			out = append(out, u)
		}
	}
	return out
}
