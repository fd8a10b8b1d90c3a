package slack

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	slackapi "github.com/slack-go/slack"

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

func newVerifier(secret string) *verifier {
	return &verifier{secret: secret, seen: once.New(100_000)}
}

// read returns the body of r when Slack signed it and it was not received
// before.
func (v *verifier) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
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
	// Hexadecimal has two spellings. A timestamp may lie ahead of our clock by
	// as much as behind it, so a signature is remembered for twice the age.
	signature := strings.ToLower(r.Header.Get("X-Slack-Signature"))
	first, err := v.seen.Add(r.Context(), signature, time.Now().Add(2*signatureAge+time.Minute))
	if err != nil {
		return nil, err
	}
	if !first {
		return nil, errReplayed
	}
	return body, nil
}
