package webhook

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// RequestError is a request that is not from Shopify or not as Shopify sends
// it. [Refuse] answers it.
type RequestError struct {
	// Status is what to answer: 400, 401, 405 or 413.
	Status int

	// Reason says what is wrong, without anything of the request.
	Reason string

	cause error
}

func (e *RequestError) Error() string {
	return fmt.Sprintf("webhook: status %d: %s", e.Status, e.Reason)
}

// Unwrap returns what is behind it, such as [ErrSignature]; it may be nil.
func (e *RequestError) Unwrap() error { return e.cause }

// Refuse answers with the status and the reason of a [*RequestError], and with
// 500 for any other error.
func Refuse(w http.ResponseWriter, err error) {
	refused, ok := errors.AsType[*RequestError](err)
	if !ok {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	if refused.Status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", http.MethodPost)
	}
	http.Error(w, refused.Reason, refused.Status)
}

func badRequest(reason string) *RequestError {
	return &RequestError{Status: http.StatusBadRequest, Reason: reason}
}

func unauthorized(cause error) *RequestError {
	reason := "the signature does not match"
	if errors.Is(cause, ErrTimestamp) {
		reason = "the timestamp is not current"
	}
	return &RequestError{Status: http.StatusUnauthorized, Reason: reason, cause: cause}
}

// DefaultMaxBody is how long a body may be, in bytes, unless one says
// otherwise: 5 MiB.
const DefaultMaxBody = 5 << 20

// ReadSigned reads the body of a request that Shopify signs as it does
// webhooks, and verifies it. That is how carrier services, fulfillment
// services, Flow actions and their previews and validations are called. limit
// is how long the body may be, in bytes; if zero, [DefaultMaxBody].
//
// The error is a [*RequestError]: 400 if the header X-Shopify-Hmac-Sha256 is
// missing or repeated or the body is cut off, 401 if the signature does not
// match, 405 if the method is not POST, 413 if the body is too long. How long
// the sender may take is the server's ReadTimeout.
//
// https://shopify.dev/docs/apps/build/flow/actions/endpoints#verifying-requests
func ReadSigned(r *http.Request, secrets Secrets, limit int64) ([]byte, error) {
	signature, refused := signatureOf(r)
	if refused != nil {
		return nil, refused
	}
	body, refused := readBody(nil, r, limit)
	if refused != nil {
		return nil, refused
	}
	if err := secrets.Verify(body, signature, time.Now()); err != nil {
		return nil, unauthorized(err)
	}
	return body, nil
}

// signatureOf checks the method and returns the signature that a request
// carries.
func signatureOf(r *http.Request) (string, *RequestError) {
	if r.Method != http.MethodPost {
		return "", &RequestError{Status: http.StatusMethodNotAllowed, Reason: "this is sent by POST"}
	}
	signature, err := family(r.Header, "Hmac-Sha256")
	switch {
	case err != nil:
		return "", badRequest(err.Error())
	case signature == "":
		return "", badRequest("the header X-Shopify-Hmac-Sha256 is missing")
	}
	return signature, nil
}

// readBody reads a body of at most limit bytes. w may be nil.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, *RequestError) {
	if limit == 0 {
		limit = DefaultMaxBody
	}
	tooLong := &RequestError{Status: http.StatusRequestEntityTooLarge, Reason: "the body is too long"}
	if r.ContentLength > limit {
		return nil, tooLong
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLong
	}
	if err != nil {
		return nil, badRequest("the body could not be read to its end")
	}
	return body, nil
}
