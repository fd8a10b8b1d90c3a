package audit

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// MasterKeySize is the size of a local master key, in bytes.
const MasterKeySize = 32

// ErrMasterKey means that a master key is malformed, or not the one that a key
// was wrapped with.
var ErrMasterKey = errors.New("audit: wrong master key")

// LocalKey is a [MasterKey] in memory. Wrapped keys are AES-256-GCM.
type LocalKey struct {
	keys []localKey // the first one wraps, all unwrap
}

type localKey struct {
	id   [4]byte
	aead cipher.AEAD
}

// NewLocalKey returns the master key with the given secret of [MasterKeySize]
// random bytes. Older secrets only unwrap: what was wrapped with them stays
// readable after a change of the key.
func NewLocalKey(secret []byte, older ...[]byte) (*LocalKey, error) {
	k := &LocalKey{}
	for _, s := range append([][]byte{secret}, older...) {
		if len(s) != MasterKeySize {
			return nil, fmt.Errorf("%w: want %d bytes", ErrMasterKey, MasterKeySize)
		}
		derived, err := hkdf.Key(sha256.New, s, nil, "posai/audit/master/1", 32+4)
		if err != nil {
			return nil, fmt.Errorf("audit: master key: %w", err)
		}
		aead, err := newAEAD(derived[:32])
		if err != nil {
			return nil, err
		}
		k.keys = append(k.keys, localKey{[4]byte(derived[32:]), aead})
	}
	return k, nil
}

// ParseLocalKey returns the master key whose secret is the base64 in text, such
// as the content of an environment variable. More secrets, separated by spaces,
// are older ones.
func ParseLocalKey(text string) (*LocalKey, error) {
	var secrets [][]byte
	for field := range strings.FieldsSeq(text) {
		secret, err := base64.StdEncoding.DecodeString(field)
		if err != nil {
			return nil, fmt.Errorf("%w: not base64", ErrMasterKey) // the error would repeat a byte of it
		}
		secrets = append(secrets, secret)
	}
	if len(secrets) == 0 {
		return nil, fmt.Errorf("%w: empty", ErrMasterKey)
	}
	return NewLocalKey(secrets[0], secrets[1:]...)
}

// OpenLocalKey returns the master key in the file, in the form of
// [ParseLocalKey]. A file that does not exist is made, with a new secret and mode
// 0600. Keep it on another medium than the key store, and a copy of it safe.
func OpenLocalKey(name string) (*LocalKey, error) {
	name = filepath.Clean(name)
	text, err := readKeyFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeKeyFile(name); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("audit: make master key: %w", err)
		}
		text, err = readKeyFile(name)
	}
	if err != nil {
		return nil, fmt.Errorf("audit: master key: %w", err)
	}
	return ParseLocalKey(text)
}

func readKeyFile(name string) (string, error) {
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 1<<16))
	return string(b), err
}

// makeKeyFile makes a durable file, whole or not at all: nobody may use a key
// that a crash takes back.
func makeKeyFile(name string) error {
	secret := make([]byte, MasterKeySize)
	_, _ = rand.Read(secret) // never fails
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(secret) + "\n")
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	// A link, unlike a rename, does not replace what another process made.
	if err := os.Link(f.Name(), name); err != nil {
		return err
	}
	if dir, err := os.Open(filepath.Dir(name)); err == nil {
		_ = dir.Sync() // Windows cannot
		_ = dir.Close()
	}
	return nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return aead, nil
}

// Wrap implements [MasterKey]. The result is 4 bytes that name the key, 12 of
// nonce, and the ciphertext.
func (k *LocalKey) Wrap(_ context.Context, key, context []byte) ([]byte, error) {
	with := k.keys[0]
	nonce := make([]byte, with.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return with.aead.Seal(append(with.id[:], nonce...), nonce, key, context), nil
}

// Unwrap implements [MasterKey]. An error matches [ErrMasterKey].
func (k *LocalKey) Unwrap(_ context.Context, wrapped, context []byte) ([]byte, error) {
	for _, with := range k.keys {
		n := len(with.id) + with.aead.NonceSize()
		if len(wrapped) < n || [4]byte(wrapped[:4]) != with.id {
			continue
		}
		key, err := with.aead.Open(nil, wrapped[len(with.id):n], wrapped[n:], context)
		if err == nil {
			return key, nil
		}
	}
	return nil, ErrMasterKey
}
