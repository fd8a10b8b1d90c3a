package audittest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
)

// Store is what the suite tests.
type Store interface {
	audit.Store
	io.Closer
}

// TestStore checks that a store keeps the contract of [audit.Store]. For every
// rule it calls newStore, which prepares an empty place and returns a function
// that opens the store there; the suite closes each store before it opens the
// place again. A failure names the rule.
func TestStore(t *testing.T, newStore func(t *testing.T) func() Store) {
	for name, rule := range map[string]func(*suite){
		"an empty store has no batches, no leaf, no checkpoint": (*suite).empty,
		"batches come back as they were appended, in order":     (*suite).order,
		"an iteration can begin at any entry":                   (*suite).from,
		"each leaf is found by its index":                       (*suite).leaves,
		"the hashes of the tree come back":                      (*suite).hashes,
		"a search finds all that the query selects, in order":   (*suite).search,
		"the published checkpoint is that of the last batch":    (*suite).checkpoint,
		"a batch that does not follow is refused":               (*suite).follows,
		"all is there after opening again":                      (*suite).reopen,
		"a search by pseudonym finds entries by sealed parts":   (*suite).pseudonym,
		"sealed parts come back with their leaf":                (*suite).sealed,
		"slices belong to whom they were given":                 (*suite).ownership,
		"an iteration can be left early and begun again":        (*suite).early,
		"an ended context ends an iteration":                    (*suite).canceled,
		"reading beside appending sees whole batches":           (*suite).concurrent,
		"a log on the store appends, verifies and reopens":      (*suite).log,
	} {
		t.Run(name, func(t *testing.T) {
			signer, verifiers := NewKey(t)
			s := &suite{T: t, open: newStore(t), signer: signer, verifiers: verifiers}
			s.batches = Batches(t, signer, 1, 3, 2, 1)
			rule(s)
		})
	}
}

type suite struct {
	*testing.T
	open      func() Store
	signer    note.Signer
	verifiers note.Verifiers
	batches   []audit.Batch
}

// filled opens the place and appends all batches.
func (s *suite) filled() Store {
	store := s.open()
	for _, b := range s.batches {
		require.NoError(s, store.Append(s.Context(), b))
	}
	return store
}

func (s *suite) read(r audit.Reader) []audit.Batch {
	s.Helper()
	var got []audit.Batch
	for b, err := range r.Batches(s.Context(), 0) {
		require.NoError(s, err)
		got = append(got, b)
	}
	return got
}

// Stored returns what of the batches comes back from a store.
func Stored(batches []audit.Batch) []audit.Batch {
	batches = slices.Clone(batches)
	for i := range batches {
		batches[i].Entries, batches[i].Hashes = nil, nil
	}
	return batches
}

func (s *suite) close(store Store) {
	s.Helper()
	require.NoError(s, store.Close())
}

func (s *suite) empty() {
	store := s.open()
	defer s.close(store)
	assert.Empty(s, s.read(store))
	_, err := store.Leaf(s.Context(), 0)
	require.ErrorIs(s, err, audit.ErrNotFound)
	msg, err := store.Checkpoint(s.Context())
	require.NoError(s, err)
	assert.Nil(s, msg)
}

func (s *suite) order() {
	store := s.filled()
	defer s.close(store)
	assert.Equal(s, Stored(s.batches), s.read(store))
}

func (s *suite) from() {
	store := s.filled()
	defer s.close(store)
	for first := range int64(7) {
		next := int64(0)
		for b, err := range store.Batches(s.Context(), first) {
			require.NoError(s, err)
			if next == 0 {
				next = b.First
				require.LessOrEqual(s, b.First, first)
				require.Greater(s, b.First+int64(len(b.Leaves)), first, "nothing before the batch that holds the first")
			}
			require.Equal(s, next, b.First)
			next += int64(len(b.Leaves))
		}
		require.EqualValues(s, 7, next)
	}
	for _, err := range store.Batches(s.Context(), 7) {
		require.NoError(s, err)
		require.Fail(s, "there is no such entry")
	}
}

func (s *suite) hashes() {
	store := s.filled()
	var want []tlog.Hash
	for _, b := range s.batches {
		want = append(want, b.Hashes...)
	}
	check := func() {
		var indexes []int64
		for i := range want {
			indexes = append(indexes, int64(len(want)-1-i))
		}
		got, err := store.Hashes(s.Context(), indexes)
		require.NoError(s, err)
		slices.Reverse(got)
		require.Equal(s, want, got)
		for _, outside := range []int64{-1, int64(len(want)), 1 << 40} {
			_, err = store.Hashes(s.Context(), []int64{0, outside})
			require.ErrorIs(s, err, audit.ErrNotFound, "index %d", outside)
		}
	}
	check()
	s.close(store)
	store = s.open()
	defer s.close(store)
	check()
}

func (s *suite) search() {
	store := s.filled()
	check := func() {
		for _, q := range searches() {
			var want, got []int64
			for i := range int64(7) {
				if q.Match(audit.Record{Index: i, Entry: Entry(int(i))}) {
					want = append(want, i)
				}
			}
			if q.Descending {
				slices.Reverse(want)
			}
			last := int64(-1)
			for i, err := range store.Search(s.Context(), q) {
				require.NoError(s, err)
				require.True(s, last < 0 || (i > last) != q.Descending, "%+v: %d after %d", q, i, last)
				last = i
				require.True(s, i >= 0 && i < 7)
				if q.ID != "" || q.Match(audit.Record{Index: i, Entry: Entry(int(i))}) {
					got = append(got, i)
				}
			}
			require.Equal(s, want, got, "%+v", q)
		}
	}
	check()
	s.close(store)
	store = s.open()
	defer s.close(store)
	check()
}

// withParts appends two entries, of which the second has sealed parts.
func (s *suite) withParts(store Store) audit.Batch {
	b := Batches(s.T, s.signer, 2)[0]
	parts := [][]byte{[]byte("sealed\x00one\n"), {}}
	e := b.Entries[1]
	e.Sealed = []audit.Part{{Name: "a", Of: []string{"pseudonym:p"}}, {Name: "b", Of: []string{"pseudonym:p", "pseudonym:q"}}}
	header, err := e.MarshalJSON()
	require.NoError(s, err)
	data := slices.Concat(header, []byte("\n"))
	for _, part := range parts {
		sum := sha256.Sum256(part)
		data = fmt.Appendf(data, "sealed %s\n", base64.StdEncoding.EncodeToString(sum[:]))
	}
	b.Leaves[1] = audit.Leaf{Data: data, Sealed: parts}
	b = Complete([]audit.Batch{b})[0]
	root, err := tlog.TreeHash(2, tlog.HashReaderFunc(func(indexes []int64) (out []tlog.Hash, _ error) {
		for _, i := range indexes {
			out = append(out, b.Hashes[i])
		}
		return out, nil
	}))
	require.NoError(s, err)
	b.Checkpoint, err = note.Sign(&note.Note{Text: fmt.Sprintf("%s\n2\n%s\n", s.signer.Name(), root)}, s.signer)
	require.NoError(s, err)
	require.NoError(s, store.Append(s.Context(), b))
	return b
}

func (s *suite) sealed() {
	store := s.open()
	b := s.withParts(store)
	for range 2 {
		leaf, err := store.Leaf(s.Context(), 1)
		require.NoError(s, err)
		require.Equal(s, string(b.Leaves[1].Data), string(leaf.Data))
		require.Len(s, leaf.Sealed, 2)
		for i, part := range leaf.Sealed {
			require.Equal(s, string(b.Leaves[1].Sealed[i]), string(part))
		}
		report, err := audit.Verify(s.Context(), store, &audit.VerifyOptions{Verifiers: s.verifiers})
		require.NoError(s, err)
		require.EqualValues(s, 2, report.Entries)
		s.close(store)
		store = s.open()
	}
	s.close(store)
}

func (s *suite) pseudonym() {
	store := s.open()
	s.withParts(store)
	for range 2 {
		for _, name := range []string{"pseudonym:p", "pseudonym:q"} {
			found := false
			for i, err := range store.Search(s.Context(), audit.Query{Subject: audit.Subject{ID: name}}) {
				require.NoError(s, err)
				found = found || i == 1
			}
			require.True(s, found, name)
		}
		s.close(store)
		store = s.open()
	}
	s.close(store)
}

func searches() []audit.Query {
	at := Entry(0).Time
	queries := []audit.Query{
		{},
		{ID: "entry-3"},
		{ID: "entry-77"},
		{Subject: audit.Subject{Type: "order", ID: "gid://shopify/Order/1004"}},
		{Subject: audit.Subject{ID: "gid://shopify/Order/1004"}},
		{Subject: audit.Subject{Type: "customer", ID: "gid://shopify/Order/1004"}},
		{Subject: audit.Subject{Type: "order"}},
		{Correlation: "flow-1"},
		{Correlation: "flow-9"},
		{Actor: "test"},
		{Actor: "nobody"},
		{Kind: audit.KindProposed},
		{Kind: audit.KindDecided},
		{Action: "postpurchase.followup"},
		{Shop: "none"},
		{RequestID: "none"},
		{TraceID: "none"},
		{Since: at.Add(3 * time.Second), Until: at.Add(6 * time.Second)},
		{First: 2, Before: 5},
		{First: 5, Before: 2},
		{First: 99},
		{Correlation: "flow-1", First: 4},
		{Correlation: "flow-1", Before: 4},
		{Correlation: "flow-1", Actor: "test", Kind: audit.KindProposed},
	}
	for _, q := range queries {
		q.Descending = true
		queries = append(queries, q)
	}
	return queries
}

func (s *suite) leaves() {
	store := s.filled()
	defer s.close(store)
	n := int64(0)
	for _, b := range s.batches {
		for _, want := range b.Leaves {
			got, err := store.Leaf(s.Context(), n)
			require.NoError(s, err)
			assert.Equal(s, string(want.Data), string(got.Data))
			n++
		}
	}
	for _, outside := range []int64{-1, n, n + 1000} {
		_, err := store.Leaf(s.Context(), outside)
		require.ErrorIs(s, err, audit.ErrNotFound, "index %d", outside)
	}
}

func (s *suite) checkpoint() {
	store := s.open()
	defer s.close(store)
	for _, b := range s.batches {
		require.NoError(s, store.Append(s.Context(), b))
		got, err := store.Checkpoint(s.Context())
		require.NoError(s, err)
		assert.Equal(s, string(b.Checkpoint), string(got))
	}
}

func (s *suite) follows() {
	store := s.open()
	defer s.close(store)
	require.NoError(s, store.Append(s.Context(), s.batches[0]))
	require.Error(s, store.Append(s.Context(), s.batches[2]), "a gap")
	require.Error(s, store.Append(s.Context(), s.batches[0]), "the same again")
	assert.Equal(s, Stored(s.batches[:1]), s.read(store))
}

func (s *suite) reopen() {
	s.close(s.filled())
	store := s.open()
	defer s.close(store)
	assert.Equal(s, Stored(s.batches), s.read(store))
	leaf, err := store.Leaf(s.Context(), 1)
	require.NoError(s, err)
	assert.Equal(s, string(s.batches[1].Leaves[0].Data), string(leaf.Data))
	more := Batches(s.T, s.signer, 1, 3, 2, 1, 2)
	require.NoError(s, store.Append(s.Context(), more[4]))
	assert.Equal(s, Stored(more), s.read(store))
}

func (s *suite) ownership() {
	store := s.open()
	defer s.close(store)
	mine := cloneBatch(s.batches[0])
	require.NoError(s, store.Append(s.Context(), mine))
	spoil := func(b []byte) { copy(b, bytes.Repeat([]byte{'x'}, len(b))) }
	spoil(mine.Leaves[0].Data)
	spoil(mine.Checkpoint)
	for _, b := range s.read(store) {
		spoil(b.Leaves[0].Data)
		spoil(b.Checkpoint)
	}
	leaf, err := store.Leaf(s.Context(), 0)
	require.NoError(s, err)
	spoil(leaf.Data)
	assert.Equal(s, Stored(s.batches[:1]), s.read(store))
}

func (s *suite) early() {
	store := s.filled()
	defer s.close(store)
	all := store.Batches(s.Context(), 0)
	for b, err := range all {
		require.NoError(s, err)
		assert.Equal(s, Stored(s.batches)[0], b)
		break
	}
	n := 0
	for _, err := range all {
		require.NoError(s, err)
		n++
	}
	assert.Len(s, s.batches, n)
}

func (s *suite) canceled() {
	store := s.filled()
	defer s.close(store)
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	var errs []error
	for _, err := range store.Batches(ctx, 0) {
		cancel()
		errs = append(errs, err)
	}
	require.Len(s, errs, 2)
	require.NoError(s, errs[0])
	require.ErrorIs(s, errs[1], context.Canceled)
}

func (s *suite) concurrent() {
	store := s.open()
	defer s.close(store)
	sizes := make([]int, 30)
	for i := range sizes {
		sizes[i] = 1 + i%4
	}
	batches := Batches(s.T, s.signer, sizes...)
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				var got []audit.Batch
				for b, err := range store.Batches(s.Context(), 0) {
					if !assert.NoError(s, err) {
						return
					}
					got = append(got, b)
				}
				if !assert.Equal(s, Stored(batches[:len(got)]), append([]audit.Batch{}, got...)) {
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for _, b := range batches {
		require.NoError(s, store.Append(s.Context(), b))
	}
	close(stop)
	readers.Wait()
}

func (s *suite) log() {
	opts := &audit.Options{Signer: s.signer, Verifiers: s.verifiers, MaxWait: time.Minute}
	store := s.open()
	log, err := audit.Open(s.Context(), store, opts)
	require.NoError(s, err)
	const writers, each = 8, 5
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				_, err := log.Append(s.Context(), Entry(w*each+i))
				assert.NoError(s, err)
			}
		})
	}
	wg.Wait()
	before, err := log.Verify(s.Context())
	require.NoError(s, err)
	require.NoError(s, log.Close())
	s.close(store)

	store = s.open()
	defer s.close(store)
	log, err = audit.Open(s.Context(), store, opts)
	require.NoError(s, err)
	defer log.Close()
	after, err := log.Verify(s.Context())
	require.NoError(s, err)
	assert.Equal(s, before, after)
	assert.EqualValues(s, writers*each, after.Entries)
	for i := range writers * each {
		r, err := log.Get(s.Context(), Entry(i).ID)
		require.NoError(s, err)
		assert.Equal(s, Entry(i), r.Entry)
	}
}
