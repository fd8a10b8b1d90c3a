package audittest

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
)

// Keys is an [audit.KeyStore] in memory. The zero Keys is empty. It is safe for
// concurrent use.
type Keys struct {
	mu   sync.Mutex
	rows []audit.Key
}

// Close does nothing.
func (*Keys) Close() error { return nil }

// Put implements [audit.KeyStore].
func (s *Keys) Put(ctx context.Context, k audit.Key) (audit.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range s.rows {
		if row.Lookup == k.Lookup {
			return clone(row), ctx.Err()
		}
	}
	s.rows = append(s.rows, clone(k))
	return clone(k), ctx.Err()
}

// Get implements [audit.KeyStore].
func (s *Keys) Get(ctx context.Context, name string) (audit.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range s.rows {
		if row.Lookup == name || row.Pseudonym == name {
			return clone(row), ctx.Err()
		}
	}
	return audit.Key{}, fmt.Errorf("audittest: key: %w", audit.ErrNotFound)
}

// Destroy implements [audit.KeyStore].
func (s *Keys) Destroy(ctx context.Context, lookup string) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var kept []audit.Key
	for _, row := range s.rows {
		if row.Lookup == lookup || row.Group == lookup {
			clear(row.Wrapped)
		} else {
			kept = append(kept, row)
		}
	}
	n := len(s.rows) - len(kept)
	s.rows = kept
	return n, ctx.Err()
}

func clone(k audit.Key) audit.Key {
	k.Wrapped = append([]byte(nil), k.Wrapped...)
	return k
}

// KeyStore is what [TestKeyStore] tests.
type KeyStore interface {
	audit.KeyStore
	io.Closer
}

// TestKeyStore checks that a key store keeps the contract of [audit.KeyStore].
// newStore prepares an empty place and returns a function that opens it; the
// suite closes each store before it opens the place again. That nothing remains
// on the medium is for the store's own test.
func TestKeyStore(t *testing.T, newStore func(t *testing.T) func() KeyStore) {
	a := audit.Key{Lookup: "a", Pseudonym: "pseudonym:1", Wrapped: []byte("key\x00a")}
	b := audit.Key{Lookup: "b", Pseudonym: "pseudonym:2", Group: "shop", Wrapped: []byte("key b")}
	c := audit.Key{Lookup: "c", Pseudonym: "pseudonym:3", Group: "shop", Wrapped: []byte("key c")}
	shop := audit.Key{Lookup: "shop", Pseudonym: "pseudonym:4", Wrapped: []byte("key shop")}
	filled := func(t *testing.T, s KeyStore) {
		for _, k := range []audit.Key{a, b, c, shop} {
			got, err := s.Put(t.Context(), k)
			require.NoError(t, err)
			require.Equal(t, k, got)
		}
	}
	gone := func(t *testing.T, s KeyStore, k audit.Key) {
		t.Helper()
		for _, name := range []string{k.Lookup, k.Pseudonym} {
			_, err := s.Get(t.Context(), name)
			require.ErrorIs(t, err, audit.ErrNotFound)
		}
	}
	there := func(t *testing.T, s KeyStore, k audit.Key) {
		t.Helper()
		for _, name := range []string{k.Lookup, k.Pseudonym} {
			got, err := s.Get(t.Context(), name)
			require.NoError(t, err)
			require.Equal(t, k, got)
		}
	}
	for name, rule := range map[string]func(*testing.T, func() KeyStore){
		"a key is found by its lookup and by its pseudonym": func(t *testing.T, open func() KeyStore) {
			s := open()
			defer s.Close()
			gone(t, s, a)
			filled(t, s)
			for _, k := range []audit.Key{a, b, c, shop} {
				there(t, s, k)
			}
			gone(t, s, audit.Key{Lookup: "", Pseudonym: "key"})
		},
		"keys are there after opening again": func(t *testing.T, open func() KeyStore) {
			s := open()
			filled(t, s)
			require.NoError(t, s.Close())
			s = open()
			defer s.Close()
			there(t, s, b)
		},
		"the first key of a lookup stays": func(t *testing.T, open func() KeyStore) {
			s := open()
			defer s.Close()
			filled(t, s)
			got, err := s.Put(t.Context(), audit.Key{Lookup: "a", Pseudonym: "pseudonym:9", Wrapped: []byte("other")})
			require.NoError(t, err)
			assert.Equal(t, a, got)
			there(t, s, a)
		},
		"of many who put at once one wins, for all": func(t *testing.T, open func() KeyStore) {
			s := open()
			defer s.Close()
			got := make([]audit.Key, 8)
			var wg sync.WaitGroup
			for i := range got {
				wg.Go(func() {
					var err error
					got[i], err = s.Put(t.Context(), audit.Key{Lookup: "x", Pseudonym: fmt.Sprint("p", i), Wrapped: []byte{byte(i)}})
					assert.NoError(t, err)
				})
			}
			wg.Wait()
			for _, k := range got {
				assert.Equal(t, got[0], k)
			}
		},
		"a destroyed key is gone, others are not": func(t *testing.T, open func() KeyStore) {
			s := open()
			filled(t, s)
			n, err := s.Destroy(t.Context(), "a")
			require.NoError(t, err)
			assert.Equal(t, 1, n)
			n, err = s.Destroy(t.Context(), "a")
			require.NoError(t, err)
			assert.Zero(t, n, "again")
			gone(t, s, a)
			there(t, s, b)
			require.NoError(t, s.Close())
			s = open()
			defer s.Close()
			gone(t, s, a)
			fresh := audit.Key{Lookup: "a", Pseudonym: "pseudonym:5", Wrapped: []byte("fresh")}
			got, err := s.Put(t.Context(), fresh)
			require.NoError(t, err)
			assert.Equal(t, fresh, got, "a subject that comes back has a new key")
		},
		"a group is destroyed with its head": func(t *testing.T, open func() KeyStore) {
			s := open()
			defer s.Close()
			filled(t, s)
			n, err := s.Destroy(t.Context(), "shop")
			require.NoError(t, err)
			assert.Equal(t, 3, n)
			for _, k := range []audit.Key{b, c, shop} {
				gone(t, s, k)
			}
			there(t, s, a)
		},
	} {
		t.Run(name, func(t *testing.T) { rule(t, newStore(t)) })
	}
}
