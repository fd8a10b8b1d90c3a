package slack

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/internal/once"
)

// Refusals of a callback. They are not told apart to the sender.
var (
	errSignature = errors.New("slack: signature is missing or wrong")
	errOld       = errors.New("slack: callback is older than five minutes")
	errReplayed  = errors.New("slack: callback was received already")
	errTooLarge  = errors.New("slack: callback is too large")
)

// maxBody bounds a callback. Slack's own are a few kilobytes; a message's
// blocks are echoed in them.
const maxBody = 1 << 20

// signatureAge is how old a signed callback may be, and so how long its
// signature must be remembered.
// https://docs.slack.dev/authentication/verifying-requests-from-slack/
const signatureAge = 5 * time.Minute

// verifier checks that a callback comes from Slack, is recent and is new.
type verifier struct {
	secret string
	seen   *once.Set
}

// newVerifier remembers what was received in a store, or in memory if it is nil.
func newVerifier(secret string, store approval.DocumentStore) *verifier {
	v := &verifier{secret: secret, seen: once.New(100_000)}
	if store != nil {
		v.seen = once.In(store, "slack/seen")
	}
	return v
}

// read returns the body of r when Slack signed it and it was not received
// before.
func (v *verifier) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	// It refuses everything where there is no secret, as in socket mode alone.
	check, err := slackapi.NewSecretsVerifier(r.Header, v.secret)
	if errors.Is(err, slackapi.ErrExpiredTimestamp) {
		return nil, errOld
	}
	if err != nil {
		return nil, errSignature
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, errTooLarge
	}
	if err != nil {
		return nil, err
	}
	if _, err := check.Write(body); err != nil {
		return nil, errSignature
	}
	if check.Ensure() != nil {
		return nil, errSignature
	}
	// Only what Slack signed gets here, so nobody else can fill the memory.
	// Hexadecimal has two spellings. What is remembered until when follows from
	// the signed time alone, so that every process forgets it at the same time.
	seconds, err := strconv.ParseInt(r.Header.Get("X-Slack-Request-Timestamp"), 10, 64)
	if err != nil {
		return nil, errSignature
	}
	signature := strings.ToLower(r.Header.Get("X-Slack-Signature"))
	// A callback that has arrived is not lost because Slack hung up meanwhile.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), decideTime)
	defer cancel()
	first, err := v.seen.Add(ctx, signature, time.Unix(seconds, 0).Add(signatureAge+time.Minute))
	if err != nil {
		return nil, &rememberError{err}
	}
	if !first {
		return nil, errReplayed
	}
	return body, nil
}

// rememberError says that it could not be remembered that a callback was
// received, so that it must not be taken.
type rememberError struct{ err error }

func (e *rememberError) Error() string { return "slack: callback cannot be remembered" }
func (e *rememberError) Unwrap() error { return e.err }
