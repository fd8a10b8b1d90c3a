package console

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// minKey is the shortest key that the console signs with, in bytes.
const minKey = 32

// maxToken bounds a token before anything is computed from it, and keeps a
// session below the 4,096 bytes that browsers store per cookie.
const maxToken = 3500

var errForged = errors.New("console: token is not ours")

var tokenEncoding = base64.RawURLEncoding.Strict()

// sealer signs small statements for one purpose. Tokens of one purpose do not
// open as another's, since each purpose has a key of its own.
type sealer struct{ key []byte }

func newSealer(key []byte, purpose string) sealer {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("posai/approval/console v1 " + purpose))
	return sealer{key: mac.Sum(nil)}
}

// seal returns v as "payload.signature". The payload is readable by whoever
// holds the token.
func (s sealer) seal(v any) (string, error) {
	payload, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("console: %w", err)
	}
	body := tokenEncoding.EncodeToString(payload)
	token := body + "." + tokenEncoding.EncodeToString(s.sum(body))
	if len(token) > maxToken {
		return "", fmt.Errorf("console: token of %d bytes is longer than %d", len(token), maxToken)
	}
	return token, nil
}

// open fills v from a token that seal of the same purpose and key has made.
func (s sealer) open(token string, v any) error {
	if len(token) > maxToken {
		return errForged
	}
	body, signature, ok := strings.Cut(token, ".")
	if !ok {
		return errForged
	}
	// Compared as text: decoders of base64 skip line ends, and a token has one
	// spelling.
	if !hmac.Equal([]byte(signature), []byte(tokenEncoding.EncodeToString(s.sum(body)))) {
		return errForged
	}
	payload, err := tokenEncoding.DecodeString(body)
	if err != nil {
		return errForged
	}
	if err := json.Unmarshal(payload, v); err != nil {
		return errForged
	}
	return nil
}

func (s sealer) sum(body string) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(body))
	return mac.Sum(nil)
}
