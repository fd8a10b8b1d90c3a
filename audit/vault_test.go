package audit_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/filestore"
)

var (
	priya = audit.Subject{Type: "customer", ID: "gid://shopify/Customer/5"}
	noor  = audit.Subject{Type: "customer", ID: "gid://shopify/Customer/6"}
	staff = audit.Subject{Type: "staff", ID: "manager-7"}
	order = audit.Subject{Type: "order", ID: "gid://shopify/Order/1001"}
)

func TestKeysInMemory(t *testing.T) {
	audittest.TestKeyStore(t, func(*testing.T) func() audittest.KeyStore {
		keys := new(audittest.Keys)
		return func() audittest.KeyStore { return keys }
	})
}

func newVault(t *testing.T, keys audit.KeyStore) *audit.Vault {
	t.Helper()
	secret := make([]byte, audit.MasterKeySize)
	_, _ = rand.Read(secret)
	master, err := audit.NewLocalKey(secret)
	require.NoError(t, err)
	vault, err := audit.NewVault(keys, master, nil)
	require.NoError(t, err)
	return vault
}

// vaulted is a log with a vault, and its store.
func vaulted(t *testing.T) (*audit.Log, *audittest.Memory) {
	t.Helper()
	store := audittest.NewMemory(t)
	return open(t, store, &audit.Options{Vault: newVault(t, new(audittest.Keys))}), store
}

func sealedEntry(id string, parts ...audit.Part) audit.Entry {
	return audit.Entry{
		ID: id, Kind: audit.KindDecided, Actor: audit.Actor{Type: audit.Human, ID: "manager-7"},
		Subjects: []audit.Subject{order, priya}, Sealed: parts,
	}
}

func collect(t *testing.T, log *audit.Log, q audit.Query) (found []audit.Record) {
	t.Helper()
	for r, err := range log.Trail(t.Context(), q) {
		require.NoError(t, err)
		found = append(found, r)
	}
	return found
}

func TestSealAndUnseal(t *testing.T) {
	log, store := vaulted(t)
	e := sealedEntry("e1",
		audit.Part{Name: "reason", Data: []byte("Priya is a regular")},
		audit.Part{Name: "prompt", Subjects: []audit.Subject{priya, staff}, Data: []byte{}})
	r, err := log.Append(t.Context(), e)
	require.NoError(t, err)
	assert.Equal(t, priya.ID, e.Subjects[1].ID, "the caller's entry is not touched")
	assert.Equal(t, order, r.Entry.Subjects[0])
	pseudonym := r.Entry.Subjects[1]
	assert.Equal(t, "customer", pseudonym.Type)
	assert.Regexp(t, `^pseudonym:[a-z2-7]{26}$`, pseudonym.ID)
	require.Len(t, r.Entry.Sealed, 2)
	assert.Equal(t, audit.Part{Name: "reason", Of: []string{pseudonym.ID}}, r.Entry.Sealed[0])
	assert.Len(t, r.Entry.Sealed[1].Of, 2)

	leaf, err := store.Leaf(t.Context(), 0)
	require.NoError(t, err)
	everything := bytes.Join(append(leaf.Sealed, leaf.Data), nil)
	assert.NotContains(t, string(everything), "Priya is")
	assert.NotContains(t, string(everything), priya.ID)

	opened, err := log.Unseal(t.Context(), r)
	require.NoError(t, err)
	assert.Equal(t, "Priya is a regular", string(opened.Entry.Sealed[0].Data))
	assert.NotNil(t, opened.Entry.Sealed[1].Data)
	assert.Empty(t, opened.Entry.Sealed[1].Data)
	assert.Nil(t, r.Entry.Sealed[0].Data, "the caller's record is not touched")
	report, err := log.Verify(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 1, report.Entries)
}

func TestSealedAppendTwice(t *testing.T) {
	log, _ := vaulted(t)
	e := sealedEntry("e1", audit.Part{Name: "reason", Data: []byte("one")})
	first, err := log.Append(t.Context(), e)
	require.NoError(t, err)
	again, err := log.Append(t.Context(), e)
	require.NoError(t, err)
	assert.Equal(t, first, again)
	_, err = log.Append(t.Context(), sealedEntry("e1", audit.Part{Name: "reason", Data: []byte("two")}))
	require.ErrorIs(t, err, audit.ErrConflict, "another content")
	other := sealedEntry("e1", audit.Part{Name: "reason", Data: []byte("one")})
	other.Subjects[1] = noor
	_, err = log.Append(t.Context(), other)
	require.ErrorIs(t, err, audit.ErrConflict, "another person")

	// A step that is repeated after the person was erased is still that step.
	_, err = log.Erase(t.Context(), priya, audit.DataRequest{ID: "r1"})
	require.NoError(t, err)
	again, err = log.Append(t.Context(), e)
	require.NoError(t, err)
	assert.Equal(t, first, again)
	e.Note = "changed"
	_, err = log.Append(t.Context(), e)
	require.ErrorIs(t, err, audit.ErrConflict)
}

func TestSealRefuses(t *testing.T) {
	log, _ := vaulted(t)
	plain := open(t, audittest.NewMemory(t), nil)
	nobody := sealedEntry("x", audit.Part{Name: "reason", Data: []byte("x")})
	nobody.Subjects = nil
	var much []audit.Part
	for i := range 5 {
		much = append(much, audit.Part{Name: string(rune('a' + i)), Data: make([]byte, audit.MaxPartSize)})
	}
	for name, tt := range map[string]struct {
		log   *audit.Log
		entry audit.Entry
	}{
		"too much":      {log, sealedEntry("x", much...)},
		"no vault":      {plain, sealedEntry("x", audit.Part{Name: "reason", Data: []byte("x")})},
		"no content":    {log, sealedEntry("x", audit.Part{Name: "reason"})},
		"about nobody":  {log, nobody},
		"name":          {log, sealedEntry("x", audit.Part{Name: "A", Data: []byte("x")})},
		"too large":     {log, sealedEntry("x", audit.Part{Name: "a", Data: make([]byte, audit.MaxPartSize+1)})},
		"empty subject": {log, sealedEntry("x", audit.Part{Name: "a", Data: []byte("x"), Subjects: []audit.Subject{{Type: "staff"}}})},
	} {
		_, err := tt.log.Append(t.Context(), tt.entry)
		require.ErrorIs(t, err, audit.ErrInvalid, name)
	}
	assert.Zero(t, log.Size())
	_, err := plain.Erase(t.Context(), priya, audit.DataRequest{})
	require.Error(t, err)
	for _, err := range plain.Export(t.Context(), priya, audit.DataRequest{}) {
		require.Error(t, err)
	}
	_, err = sealedEntry("x", audit.Part{Name: "a", Data: []byte("x")}).MarshalJSON()
	require.ErrorIs(t, err, audit.ErrInvalid, "what is not sealed yet has no signed form")
}

// The largest entry that the schema allows fits every store.
func TestLargestSealedEntry(t *testing.T) {
	store, err := filestore.Open(t.TempDir(), nil)
	require.NoError(t, err)
	defer store.Close()
	log := open(t, store, &audit.Options{Vault: newVault(t, new(audittest.Keys)), MaxWait: time.Minute})
	var parts []audit.Part
	for i := range 4 {
		parts = append(parts, audit.Part{Name: string(rune('a' + i)), Data: bytes.Repeat([]byte{byte(i)}, audit.MaxPartSize)})
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := log.Append(t.Context(), sealedEntry("", parts...))
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	r, err := log.At(t.Context(), 7)
	require.NoError(t, err)
	r, err = log.Unseal(t.Context(), r)
	require.NoError(t, err)
	assert.Equal(t, parts[3].Data, r.Entry.Sealed[3].Data)
}

// A part about two people is gone as soon as one of them is.
func TestEraseOneOfTwo(t *testing.T) {
	log, _ := vaulted(t)
	r, err := log.Append(t.Context(), sealedEntry("e1",
		audit.Part{Name: "both", Subjects: []audit.Subject{priya, noor}, Data: []byte("gift from Noor to Priya")},
		audit.Part{Name: "one", Subjects: []audit.Subject{noor}, Data: []byte("Noor")},
	))
	require.NoError(t, err)
	_, err = log.Erase(t.Context(), priya, audit.DataRequest{})
	require.NoError(t, err)
	opened, err := log.Unseal(t.Context(), r)
	require.NoError(t, err)
	assert.True(t, opened.Entry.Sealed[0].Erased)
	assert.Nil(t, opened.Entry.Sealed[0].Data)
	assert.Equal(t, "Noor", string(opened.Entry.Sealed[1].Data))
}

func TestEraseAndProve(t *testing.T) {
	log, store := vaulted(t)
	for i := range 5 {
		e := sealedEntry("", audit.Part{Name: "reason", Data: []byte{byte(i)}})
		if i == 3 {
			e.Subjects[1] = noor
		}
		_, err := log.Append(t.Context(), e)
		require.NoError(t, err)
	}
	known, err := store.Verifiers()
	require.NoError(t, err)
	var receipts []*audit.Receipt
	for i := range int64(5) {
		receipt, err := log.Receipt(t.Context(), i)
		require.NoError(t, err)
		receipts = append(receipts, receipt)
	}
	require.Len(t, collect(t, log, audit.Query{Subject: priya}), 4)
	pseudonym := collect(t, log, audit.Query{Subject: priya})[0].Entry.Subjects[1].ID

	req := audit.DataRequest{ID: "webhook-1", Shop: "example.myshopify.com", Note: "customers/redact"}
	report, err := log.Erase(t.Context(), priya, req)
	require.NoError(t, err)
	assert.Equal(t, pseudonym, report.Pseudonym)
	assert.Equal(t, 1, report.Keys)
	assert.EqualValues(t, 4, report.Entries)
	assert.EqualValues(t, 4, report.Parts)
	assert.Equal(t, audit.KindErased, report.Record.Entry.Kind)
	assert.Equal(t, []audit.Subject{{Type: "customer", ID: pseudonym}}, report.Record.Entry.Subjects)
	assert.EqualValues(t, 7, log.Size(), "started and erased")

	again, err := log.Erase(t.Context(), priya, req)
	require.NoError(t, err)
	assert.Equal(t, report.Record, again.Record, "the delivery came twice")
	assert.Zero(t, again.Keys)
	assert.EqualValues(t, 4, again.Entries)
	assert.EqualValues(t, 7, log.Size())

	assert.Empty(t, collect(t, log, audit.Query{Subject: priya}))
	assert.Len(t, collect(t, log, audit.Query{Subject: noor}), 1)
	for _, r := range receipts {
		_, _, err := r.Verify(known)
		require.NoError(t, err)
	}
	_, err = log.Verify(t.Context())
	require.NoError(t, err)

	fresh, err := log.Append(t.Context(), sealedEntry("new", audit.Part{Name: "reason", Data: []byte("back")}))
	require.NoError(t, err)
	assert.NotEqual(t, pseudonym, fresh.Entry.Subjects[1].ID, "who comes back is somebody new")

	nobody, err := log.Erase(t.Context(), audit.Subject{Type: "customer", ID: "unknown"}, audit.DataRequest{ID: "webhook-2"})
	require.NoError(t, err)
	assert.Zero(t, nobody.Keys)
	assert.Empty(t, nobody.Record.Entry.Subjects, "an unknown person is not named by the erasure itself")
}

// brokenKeys fail to destroy.
type brokenKeys struct {
	audittest.Keys
	err error
}

func (k *brokenKeys) Destroy(ctx context.Context, lookup string) (int, error) {
	if k.err != nil {
		return 0, k.err
	}
	return k.Keys.Destroy(ctx, lookup)
}

// An erasure that is interrupted is not recorded as done, and the repetition still
// knows whom it concerns.
func TestEraseIsRepeated(t *testing.T) {
	keys := &brokenKeys{err: errMedium}
	log := open(t, audittest.NewMemory(t), &audit.Options{Vault: newVault(t, keys)})
	_, err := log.Append(t.Context(), sealedEntry("e1", audit.Part{Name: "reason", Data: []byte("x")}))
	require.NoError(t, err)
	_, err = log.Erase(t.Context(), priya, audit.DataRequest{ID: "r1"})
	require.ErrorIs(t, err, errMedium)
	assert.Empty(t, collect(t, log, audit.Query{Kind: audit.KindErased}))
	assert.Len(t, collect(t, log, audit.Query{Kind: audit.KindStarted}), 1)

	keys.err = nil
	lookup := collect(t, log, audit.Query{Kind: audit.KindStarted})[0].Entry.Subjects[0].ID
	row, err := keys.Get(t.Context(), lookup)
	require.NoError(t, err)
	_, err = keys.Destroy(t.Context(), row.Lookup) // the crash came after the destruction
	require.NoError(t, err)
	report, err := log.Erase(t.Context(), priya, audit.DataRequest{ID: "r1"})
	require.NoError(t, err)
	assert.Equal(t, lookup, report.Pseudonym)
	assert.EqualValues(t, 1, report.Entries)
	assert.EqualValues(t, 1, report.Parts)
}

// shop/redact takes everybody who was seen in that shop.
func TestEraseShop(t *testing.T) {
	log, _ := vaulted(t)
	var records []audit.Record
	for i, shop := range []string{"a.myshopify.com", "a.myshopify.com", "b.myshopify.com"} {
		e := sealedEntry("", audit.Part{Name: "reason", Data: []byte("x")})
		e.Shop = shop
		e.Subjects[1].ID += "-" + string(rune('0'+i))
		r, err := log.Append(t.Context(), e)
		require.NoError(t, err)
		assert.Len(t, r.Entry.Sealed[0].Of, 2, "the shop's key too")
		records = append(records, r)
	}
	report, err := log.Erase(t.Context(), audit.Subject{Type: "shop", ID: "a.myshopify.com"}, audit.DataRequest{ID: "s1"})
	require.NoError(t, err)
	assert.Equal(t, 3, report.Keys, "two customers and the shop")
	assert.EqualValues(t, 2, report.Parts)
	for i, r := range records {
		r, err := log.Unseal(t.Context(), r)
		require.NoError(t, err)
		assert.Equal(t, i < 2, r.Entry.Sealed[0].Erased)
	}
}

func TestExport(t *testing.T) {
	log, _ := vaulted(t)
	_, err := log.Append(t.Context(), sealedEntry("e1",
		audit.Part{Name: "hers", Data: []byte("about Priya")},
		audit.Part{Name: "other", Subjects: []audit.Subject{noor}, Data: []byte("about Noor")},
	))
	require.NoError(t, err)
	_, err = log.Append(t.Context(), audit.Entry{
		ID: "e2", Kind: audit.KindRead, Actor: audit.Actor{Type: audit.AI},
		Sealed: []audit.Part{{Name: "hers", Subjects: []audit.Subject{priya}, Data: []byte("not among the subjects")}},
	})
	require.NoError(t, err)
	req := audit.DataRequest{ID: "d1", Actor: audit.Actor{Type: audit.Human, ID: "privacy-officer"}}
	var got []audit.Record
	for r, err := range log.Export(t.Context(), priya, req) {
		require.NoError(t, err)
		got = append(got, r)
	}
	require.Len(t, got, 3)
	assert.Equal(t, "about Priya", string(got[0].Entry.Sealed[0].Data))
	assert.Nil(t, got[0].Entry.Sealed[1].Data, "what is about others stays sealed")
	assert.Equal(t, "not among the subjects", string(got[1].Entry.Sealed[0].Data))
	assert.Equal(t, audit.KindRead, got[2].Entry.Kind, "the export itself is on record")
	assert.Equal(t, "privacy-officer", got[2].Entry.Actor.ID)
}

// What was written before there was a vault names people in the clear: it is
// found, and counted as what cannot be erased.
func TestVaultOnAnOlderLog(t *testing.T) {
	store := audittest.NewMemory(t)
	before, err := audit.Open(t.Context(), store, nil)
	require.NoError(t, err)
	_, err = before.Append(t.Context(), sealedEntry("e1"))
	require.NoError(t, err)
	require.NoError(t, before.Close())
	log := open(t, store, &audit.Options{Vault: newVault(t, new(audittest.Keys))})
	for _, id := range []string{"e2", "e3"} {
		_, err = log.Append(t.Context(), sealedEntry(id))
		require.NoError(t, err)
	}
	indexes := func(q audit.Query) (out []int64) {
		for _, r := range collect(t, log, q) {
			out = append(out, r.Index)
		}
		return out
	}
	assert.Equal(t, []int64{0, 1, 2}, indexes(audit.Query{Subject: priya}))
	assert.Equal(t, []int64{2, 1, 0}, indexes(audit.Query{Subject: priya, Descending: true}))
	assert.Equal(t, []int64{1, 2}, indexes(audit.Query{Subject: priya, First: 1}))
	assert.Equal(t, []int64{0}, indexes(audit.Query{Subject: priya, Limit: 1}))
	report, err := log.Erase(t.Context(), priya, audit.DataRequest{})
	require.NoError(t, err)
	assert.EqualValues(t, 1, report.Plain)
	assert.EqualValues(t, 2, report.Entries)
}

// failing is a key management service that is away.
type failing struct{ audit.MasterKey }

func (failing) Wrap(context.Context, []byte, []byte) ([]byte, error) { return nil, errMedium }

func TestVaultFailsClosed(t *testing.T) {
	vault, err := audit.NewVault(new(audittest.Keys), failing{}, nil)
	require.NoError(t, err)
	log := open(t, audittest.NewMemory(t), &audit.Options{Vault: vault})
	_, err = log.Append(t.Context(), sealedEntry("e1"))
	require.ErrorIs(t, err, audit.ErrUnavailable)
	require.ErrorIs(t, err, errMedium)
	assert.Zero(t, log.Size())
}

func TestExchangedSealedPartIsFound(t *testing.T) {
	store := audittest.NewMemory(t)
	log := open(t, swapped{store}, &audit.Options{Vault: newVault(t, new(audittest.Keys))})
	for range 2 {
		_, err := log.Append(t.Context(), sealedEntry("", audit.Part{Name: "reason", Data: []byte("x")}))
		require.NoError(t, err)
	}
	r, err := log.At(t.Context(), 1)
	require.NoError(t, err)
	_, err = log.Unseal(t.Context(), r)
	require.ErrorIs(t, err, audit.ErrCorrupt)
}

// swapped gives the sealed parts of another entry.
type swapped struct{ *audittest.Memory }

func (s swapped) Leaf(ctx context.Context, index int64) (audit.Leaf, error) {
	leaf, err := s.Memory.Leaf(ctx, index)
	other, _ := s.Memory.Leaf(ctx, 0)
	leaf.Sealed = other.Sealed
	return leaf, err
}

func TestLocalKey(t *testing.T) {
	one, two := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	old, err := audit.NewLocalKey(one)
	require.NoError(t, err)
	key := bytes.Repeat([]byte{7}, 32)
	wrapped, err := old.Wrap(t.Context(), key, []byte("c"))
	require.NoError(t, err)
	both, err := audit.NewLocalKey(two, one)
	require.NoError(t, err)
	got, err := both.Unwrap(t.Context(), wrapped, []byte("c"))
	require.NoError(t, err)
	assert.Equal(t, key, got, "an older secret still unwraps")
	newer, err := both.Wrap(t.Context(), key, []byte("c"))
	require.NoError(t, err)
	_, err = old.Unwrap(t.Context(), newer, []byte("c"))
	require.ErrorIs(t, err, audit.ErrMasterKey, "the newer wraps")
	for name, bad := range map[string][]byte{
		"nothing": nil, "short": wrapped[:10], "changed": append(bytes.Clone(wrapped[:len(wrapped)-1]), wrapped[len(wrapped)-1]^1),
	} {
		_, err = both.Unwrap(t.Context(), bad, []byte("c"))
		require.ErrorIs(t, err, audit.ErrMasterKey, name)
	}
	_, err = both.Unwrap(t.Context(), wrapped, []byte("d"))
	require.ErrorIs(t, err, audit.ErrMasterKey, "another row's")

	for _, bad := range []string{"", "  ", "x", base64.StdEncoding.EncodeToString(one[:31]), "!!!!"} {
		_, err := audit.ParseLocalKey(bad)
		require.ErrorIs(t, err, audit.ErrMasterKey)
		assert.False(t, len(bad) > 4 && strings.Contains(err.Error(), bad), "a secret is not repeated")
	}
}

func TestLocalKeyFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "master.key")
	keys := make([]*audit.LocalKey, 8)
	errs := make([]error, len(keys))
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() { keys[i], errs[i] = audit.OpenLocalKey(name) })
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	wrapped, err := keys[0].Wrap(t.Context(), []byte("key"), nil)
	require.NoError(t, err)
	for _, k := range keys {
		_, err := k.Unwrap(t.Context(), wrapped, nil)
		require.NoError(t, err, "all who begin at once have the same key")
	}
	info, err := os.Stat(name)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	left, err := os.ReadDir(filepath.Dir(name))
	require.NoError(t, err)
	assert.Len(t, left, 1)
	require.NoError(t, os.WriteFile(name, []byte("nonsense"), 0o600))
	_, err = audit.OpenLocalKey(name)
	require.ErrorIs(t, err, audit.ErrMasterKey)
}

func FuzzSealedPart(f *testing.F) {
	part := audit.Part{Name: "reason", Of: []string{"pseudonym:a"}, Data: []byte("text")}
	keys := [][]byte{bytes.Repeat([]byte{1}, 32)}
	good, err := audit.SealPart(keys, "e1", &part)
	require.NoError(f, err)
	f.Add(good)
	f.Add(good[:37])
	f.Add([]byte("part1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := audit.UnsealPart(keys, "e1", &part, data)
		if bytes.Equal(data, good) {
			require.NoError(t, err)
			require.Equal(t, "text", string(got))
			return
		}
		require.Error(t, err)
		require.Nil(t, got)
	})
}

func FuzzWrappedKey(f *testing.F) {
	master, err := audit.NewLocalKey(bytes.Repeat([]byte{2}, 32))
	require.NoError(f, err)
	good, err := master.Wrap(context.Background(), []byte("key"), nil)
	require.NoError(f, err)
	f.Add(good)
	f.Add(good[:5])
	f.Fuzz(func(t *testing.T, data []byte) {
		key, err := master.Unwrap(t.Context(), data, nil)
		if err == nil { // another run's seed
			require.Equal(t, "key", string(key))
			return
		}
		require.ErrorIs(t, err, audit.ErrMasterKey)
	})
}

func FuzzLeaf(f *testing.F) {
	e := sealedEntry("x", audit.Part{Name: "a", Of: []string{"p"}})
	e.Time = audittest.Entry(0).Time
	header, err := e.MarshalJSON()
	require.NoError(f, err)
	f.Add(audit.AppendLeaf(header, tlog.Hash{1}))
	f.Add(audit.AppendLeaf(header))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, hashes, err := audit.SplitLeaf(data)
		if err != nil {
			require.ErrorIs(t, err, audit.ErrInvalid)
			return
		}
		header, err := e.MarshalJSON()
		require.NoError(t, err)
		require.Equal(t, string(data), string(audit.AppendLeaf(header, hashes...)))
	})
}
