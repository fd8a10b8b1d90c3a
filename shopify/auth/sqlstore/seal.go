package sqlstore

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/auth"
)

// ErrKey says that a token is sealed under a key that the store was not given.
var ErrKey = errors.New("sqlstore: no key with the ID of the token's")

// ErrSealed says that a token does not open: its row was changed or moved, or the secret
// under its key's ID is another one. [auth.App.Forget] and a new installation help.
var ErrSealed = errors.New("sqlstore: a sealed token does not open")

// Key is a key for the encryption of tokens. It prints without its secret.
type Key struct {
	// ID names the key in the database. 1 to 64 letters, digits, dots, dashes and
	// underscores.
	ID string
	// Secret is 32 random bytes.
	Secret []byte
}

// String returns the ID.
func (k Key) String() string { return "key " + k.ID }

// Format prints the ID, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue returns the ID.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// sealer seals and opens tokens.
type sealer struct {
	first string // the key that seals
	keys  map[string]cipher.AEAD
}

func newSealer(keys []Key) (*sealer, error) {
	if len(keys) == 0 {
		return nil, fmt.Errorf("sqlstore: %w: no key", shopify.ErrInvalid)
	}
	s := &sealer{first: keys[0].ID, keys: map[string]cipher.AEAD{}}
	for _, k := range keys {
		_, twice := s.keys[k.ID]
		plain := strings.Trim(k.ID, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == ""
		if k.ID == "" || len(k.ID) > 64 || !plain || twice {
			return nil, fmt.Errorf("sqlstore: %w: a key's ID", shopify.ErrInvalid)
		}
		if len(k.Secret) != 32 {
			return nil, fmt.Errorf("sqlstore: %w: a key's secret has %d bytes instead of 32", shopify.ErrInvalid, len(k.Secret))
		}
		block, err := aes.NewCipher(k.Secret)
		if err != nil {
			return nil, fmt.Errorf("sqlstore: %w", err)
		}
		if s.keys[k.ID], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, fmt.Errorf("sqlstore: %w", err)
		}
	}
	return s, nil
}

// content is what is sealed.
type content struct {
	AccessToken    string     `json:"access_token"`
	Scopes         []string   `json:"scopes,omitempty"`
	Expires        time.Time  `json:"expires,omitzero"`
	RefreshToken   string     `json:"refresh_token,omitempty"`
	RefreshExpires time.Time  `json:"refresh_expires,omitzero"`
	Granted        time.Time  `json:"granted,omitzero"`
	Issued         time.Time  `json:"issued,omitzero"`
	User           *auth.User `json:"user,omitempty"`
}

// bound is what a seal is about.
func bound(key auth.Key, id string) []byte {
	return []byte(strings.Join([]string{"posai shopify/auth token v1", string(key.Shop), string(key.Access), strconv.FormatInt(key.Account, 10), id}, "\x00"))
}

func (s *sealer) seal(t *auth.Token) (id string, sealed []byte, err error) {
	plain, err := json.Marshal(content{t.AccessToken, t.Scopes, t.Expires, t.RefreshToken, t.RefreshExpires, t.Granted, t.Issued, t.User})
	if err != nil {
		return "", nil, errors.New("sqlstore: a token cannot be encoded") // err may quote it
	}
	return s.first, s.keys[s.first].Seal(nil, nil, plain, bound(t.Key, s.first)), nil
}

func (s *sealer) open(key auth.Key, id string, sealed []byte) (*auth.Token, error) {
	aead, ok := s.keys[id]
	if !ok {
		return nil, ErrKey
	}
	plain, err := aead.Open(nil, nil, sealed, bound(key, id))
	if err != nil {
		return nil, ErrSealed
	}
	var c content
	if json.Unmarshal(plain, &c) != nil {
		return nil, ErrSealed
	}
	return &auth.Token{
		Key: key, AccessToken: c.AccessToken, Scopes: c.Scopes, Expires: c.Expires, RefreshToken: c.RefreshToken, RefreshExpires: c.RefreshExpires,
		Granted: c.Granted, Issued: c.Issued, User: c.User,
	}, nil
}
