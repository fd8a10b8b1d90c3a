package audit

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// Key is the key of one subject, as a [KeyStore] keeps it.
type Key struct {
	// Lookup finds the key when the subject is known: an HMAC-SHA-256 of the
	// subject in hexadecimal, under a secret that only the vault can read.
	Lookup string

	// Pseudonym is what the log calls the subject: random, so that without this
	// row nobody can tell whose it was.
	Pseudonym string

	// Group is the Lookup of the shop in whose entry the subject first occurred,
	// or empty. Destroying a shop destroys its group.
	Group string

	// Wrapped is the key, encrypted by the [MasterKey].
	Wrapped []byte
}

// KeyStore keeps the keys of subjects, a row for each, and can forget them for
// good. Its methods are safe for concurrent use, in several processes where the
// log's store is [Shared]. audittest.TestKeyStore checks an implementation;
// package audit/keystore has one on SQLite and PostgreSQL.
type KeyStore interface {
	// Put keeps k durably, unless there is a key with its Lookup already, and
	// returns the one that is there.
	Put(ctx context.Context, k Key) (Key, error)

	// Get returns the key whose Lookup or Pseudonym is name, or [ErrNotFound].
	Get(ctx context.Context, name string) (Key, error)

	// Destroy removes all keys whose Lookup or Group is lookup, so that they
	// cannot be read from the medium again, and returns how many there were.
	// If it fails, some may be left: it is repeated then.
	Destroy(ctx context.Context, lookup string) (int, error)
}

// MasterKey encrypts the keys of subjects, such as [LocalKey] or a key management
// service. Its methods are safe for concurrent use.
type MasterKey interface {
	// Wrap encrypts key, which is 32 bytes, bound to the given context, and
	// Unwrap decrypts it, given the same context.
	Wrap(ctx context.Context, key, context []byte) ([]byte, error)
	Unwrap(ctx context.Context, wrapped, context []byte) ([]byte, error)
}

// VaultOptions are the optional settings of a [Vault].
type VaultOptions struct {
	// Personal are the types of subjects that entries name by pseudonym only.
	// If nil, "customer".
	Personal []string
}

// Vault seals the parts of entries that are not public, under a key for each
// subject, and calls people by pseudonyms. It is safe for concurrent use.
type Vault struct {
	keys     KeyStore
	master   MasterKey
	personal map[string]bool

	mu     sync.Mutex
	secret []byte            // of the lookups
	cache  map[string][]byte // keys by hash of their wrapped form
}

// maxCachedKeys bounds the keys in memory; 32 bytes each.
const maxCachedKeys = 4096

const (
	pseudonymPrefix = "pseudonym:"
	secretName      = "lookup-secret" // the row of the secret of the lookups
	shopType        = "shop"          // type of the subject that a shop is
)

// NewVault returns a vault on the key store. Destroying the master key destroys
// everything that was ever sealed; losing it does too.
func NewVault(keys KeyStore, master MasterKey, opts *VaultOptions) (*Vault, error) {
	if keys == nil || master == nil {
		return nil, errors.New("audit: a vault needs a key store and a master key")
	}
	types := []string{"customer"}
	if opts != nil && opts.Personal != nil {
		types = opts.Personal
	}
	v := &Vault{keys: keys, master: master, personal: map[string]bool{}, cache: map[string][]byte{}}
	for _, t := range types {
		v.personal[t] = true
	}
	return v, nil
}

// isPseudonym reports whether the identifier is one that a vault made.
func isPseudonym(id string) bool { return strings.HasPrefix(id, pseudonymPrefix) }

// wrapContext binds a wrapped key to its row.
func wrapContext(pseudonym string) []byte { return []byte("posai/audit/key/1\n" + pseudonym) }

// lookup returns the Lookup of the subject.
func (v *Vault) lookup(ctx context.Context, s Subject) (string, error) {
	v.mu.Lock()
	secret := v.secret
	v.mu.Unlock()
	if secret == nil {
		row, err := v.keys.Get(ctx, secretName)
		if errors.Is(err, ErrNotFound) {
			row, err = v.create(ctx, Key{Lookup: secretName, Pseudonym: secretName})
		}
		if err != nil {
			return "", err
		}
		if secret, err = v.master.Unwrap(ctx, row.Wrapped, wrapContext(row.Pseudonym)); err != nil {
			return "", fmt.Errorf("audit: unwrap: %w", err)
		}
		v.mu.Lock()
		v.secret = secret
		v.mu.Unlock()
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("posai/audit/lookup/1\n" + s.Type + "\n" + s.ID))
	return hex.EncodeToString(mac.Sum(nil)), nil
}

// create makes a key for the row.
func (v *Vault) create(ctx context.Context, row Key) (Key, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	var err error
	if row.Wrapped, err = v.master.Wrap(ctx, key, wrapContext(row.Pseudonym)); err != nil {
		return Key{}, fmt.Errorf("audit: wrap: %w", err)
	}
	return v.keys.Put(ctx, row)
}

// find returns the row of the subject, or [ErrNotFound].
func (v *Vault) find(ctx context.Context, s Subject) (Key, error) {
	lookup, err := v.lookup(ctx, s)
	if err != nil {
		return Key{}, err
	}
	return v.keys.Get(ctx, lookup)
}

// ensure returns the row of the subject, which it makes if needed.
func (v *Vault) ensure(ctx context.Context, s Subject, shop string) (Key, error) {
	row, err := v.find(ctx, s)
	if !errors.Is(err, ErrNotFound) {
		return row, err
	}
	row = Key{Pseudonym: pseudonymPrefix + strings.ToLower(rand.Text())}
	if row.Lookup, err = v.lookup(ctx, s); err != nil {
		return Key{}, err
	}
	if of := (Subject{shopType, shop}); shop != "" && s != of {
		if row.Group, err = v.lookup(ctx, of); err != nil {
			return Key{}, err
		}
	}
	return v.create(ctx, row)
}

// unwrap returns the key in the row. Rows are read from the store each time, so
// a key that was destroyed elsewhere is not used again from the cache.
func (v *Vault) unwrap(ctx context.Context, row Key) ([]byte, error) {
	sum := sha256.Sum256(append(wrapContext(row.Pseudonym), row.Wrapped...))
	name := string(sum[:])
	v.mu.Lock()
	key := bytes.Clone(v.cache[name]) // destroy overwrites what is in the cache
	v.mu.Unlock()
	if key != nil {
		return key, nil
	}
	key, err := v.master.Unwrap(ctx, row.Wrapped, wrapContext(row.Pseudonym))
	if err != nil {
		return nil, fmt.Errorf("audit: unwrap: %w", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.cache) >= maxCachedKeys {
		for other := range v.cache { // any one
			delete(v.cache, other)
			break
		}
	}
	v.cache[name] = key
	return bytes.Clone(key), nil
}

// destroy destroys the keys of the subject, and of its group where it is a shop.
func (v *Vault) destroy(ctx context.Context, s Subject) (int, error) {
	lookup, err := v.lookup(ctx, s)
	if err != nil {
		return 0, err
	}
	n, err := v.keys.Destroy(ctx, lookup)
	v.mu.Lock()
	defer v.mu.Unlock()
	for name, key := range v.cache {
		clear(key)
		delete(v.cache, name)
	}
	return n, err
}
