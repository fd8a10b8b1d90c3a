package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// ErrSignature reports a body that none of the secrets signed.
var ErrSignature = errors.New("webhook: the signature does not match the body")

// Verify checks that signature, the value of the header X-Shopify-Hmac-Sha256,
// is the base64 of the HMAC-SHA256 of the raw body under one of the secrets,
// which are the app's client secret and, for a while after it was rotated, the
// one before. It returns nil or [ErrSignature]. An empty secret verifies
// nothing. The comparison takes the same time wherever the signatures differ.
//
// https://shopify.dev/docs/apps/build/webhooks/subscribe/https#verify-the-webhook
func Verify(body []byte, signature string, secrets ...string) error {
	const encoded = (sha256.Size + 2) / 3 * 4
	if len(signature) != encoded {
		return ErrSignature
	}
	var buf [encoded]byte
	var given [sha256.Size + 1]byte // 44 characters without padding are 33 bytes
	n, err := strict.Decode(given[:], append(buf[:0], signature...))
	if err != nil || n != sha256.Size {
		return ErrSignature
	}
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		var want [sha256.Size]byte
		if hmac.Equal(mac.Sum(want[:0]), given[:n]) {
			return nil
		}
	}
	return ErrSignature
}

var strict = base64.StdEncoding.Strict()

// Secrets are what deliveries are signed with.
type Secrets struct {
	// Current is the app's client secret.
	Current string

	// Previous is the secret before the last rotation: Shopify may go on
	// signing with it for about an hour. Optional.
	Previous string

	// PreviousUntil is when Previous stops to be accepted. Required if there
	// is one.
	PreviousUntil time.Time
}

// Format does not tell the secrets.
func (Secrets) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[redacted]")) }

// LogValue does not tell the secrets.
func (Secrets) LogValue() slog.Value { return slog.StringValue("[redacted]") }

func (s Secrets) get() Secrets { return s }

func (s Secrets) check() error {
	switch {
	case s.Current == "":
		return errors.New("webhook: Secrets.Current is empty")
	case s.Previous != "" && s.PreviousUntil.IsZero():
		return errors.New("webhook: Secrets.Previous without PreviousUntil would be accepted for ever")
	}
	return nil
}

// Verify checks a signature as the function [Verify] does, with the secrets
// that are accepted at a time. It returns nil or [ErrSignature]. Secrets that
// [NewHandler] would refuse verify nothing.
func (s Secrets) Verify(body []byte, signature string, at time.Time) error {
	if s.check() != nil {
		return ErrSignature
	}
	if s.Previous != "" && at.Before(s.PreviousUntil) {
		return Verify(body, signature, s.Current, s.Previous)
	}
	return Verify(body, signature, s.Current)
}
