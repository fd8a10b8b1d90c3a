package keystore_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/filestore"
	"github.com/posai-go/posai/audit/keystore"
	"github.com/posai-go/posai/internal/testpg"
)

func open(t *testing.T, url string) *keystore.Store {
	t.Helper()
	s, err := keystore.Open(t.Context(), url)
	require.NoError(t, err)
	return s
}

func TestSQLite(t *testing.T) {
	audittest.TestKeyStore(t, func(t *testing.T) func() audittest.KeyStore {
		url := "sqlite:" + filepath.Join(t.TempDir(), "keys.db")
		return func() audittest.KeyStore { return open(t, url) }
	})
}

func TestPostgreSQL(t *testing.T) {
	audittest.TestKeyStore(t, func(t *testing.T) func() audittest.KeyStore {
		url := testpg.URL(t)
		return func() audittest.KeyStore { return open(t, url) }
	})
}

// spy is a master key that remembers the keys it has seen, in clear and wrapped.
type spy struct {
	audit.MasterKey
	clear, wrapped [][]byte
}

func (s *spy) Wrap(ctx context.Context, key, bound []byte) ([]byte, error) {
	w, err := s.MasterKey.Wrap(ctx, key, bound)
	s.clear, s.wrapped = append(s.clear, bytes.Clone(key)), append(s.wrapped, bytes.Clone(w))
	return w, err
}

func newSpy(t *testing.T) *spy {
	t.Helper()
	secret := make([]byte, audit.MasterKeySize)
	_, _ = rand.Read(secret)
	master, err := audit.NewLocalKey(secret)
	require.NoError(t, err)
	return &spy{MasterKey: master}
}

// scan returns which of the needles are in files below dir.
func scan(t *testing.T, dir string, needles map[string][]byte, skip func(path string) bool) (found []string) {
	t.Helper()
	files := 0
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the server has removed it meanwhile
		}
		if err != nil || d.IsDir() || !d.Type().IsRegular() || skip != nil && skip(path) {
			return err
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		files++
		for name, needle := range needles {
			if bytes.Contains(content, needle) {
				found = append(found, name+" in "+filepath.Base(path))
			}
		}
		return nil
	}))
	require.NotZero(t, files)
	return found
}

var customer = audit.Subject{Type: "customer", ID: "gid://shopify/Customer/207119551"}

const secret = "Priya asked us to call +44 20 7946 0018 after six"

// erase writes entries about a customer among others, erases the customer, and
// returns the log's directory, what must be gone, and the log's end.
func erase(t *testing.T, keys audit.KeyStore, master *spy, before func(gone map[string][]byte)) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "log")
	store, err := filestore.Open(dir, nil)
	require.NoError(t, err)
	defer store.Close()
	vault, err := audit.NewVault(keys, master, nil)
	require.NoError(t, err)
	log, err := audit.Open(t.Context(), store, &audit.Options{Vault: vault, MaxWait: time.Minute})
	require.NoError(t, err)
	defer log.Close()

	var receipts []*audit.Receipt
	add := func(who audit.Subject, text string) {
		r, err := log.Append(t.Context(), audit.Entry{
			Kind: audit.KindDecided, Actor: audit.Actor{Type: audit.Human, ID: "manager-7"},
			Subjects: []audit.Subject{{Type: "order", ID: "gid://shopify/Order/1001"}, who},
			Sealed:   []audit.Part{{Name: "reason", Data: []byte(text)}},
		})
		require.NoError(t, err)
		receipt, err := log.Receipt(t.Context(), r.Index)
		require.NoError(t, err)
		receipts = append(receipts, receipt)
	}
	for i := range 40 { // others, so that pages fill, split and are reused
		add(audit.Subject{Type: "customer", ID: fmt.Sprint("gid://shopify/Customer/", i)}, fmt.Sprint("reason ", i))
	}
	n := len(master.clear)
	add(customer, secret)
	require.Len(t, master.clear, n+1, "one key for the customer")
	gone := map[string][]byte{
		"the text": []byte(secret), "the customer": []byte(customer.ID),
		"the key": master.clear[n], "the wrapped key": master.wrapped[n],
	}
	for i := range 40 {
		add(audit.Subject{Type: "customer", ID: fmt.Sprint("gid://shopify/Customer/x", i)}, fmt.Sprint("reason ", i))
	}
	add(customer, secret)
	before(gone)

	report, err := log.Erase(t.Context(), customer, audit.DataRequest{ID: "redact-1"})
	require.NoError(t, err)
	assert.Equal(t, 1, report.Keys)
	assert.EqualValues(t, 2, report.Entries)
	assert.EqualValues(t, 2, report.Parts)
	assert.Zero(t, report.Plain)
	verifiers, err := store.Verifiers()
	require.NoError(t, err)
	for _, r := range receipts {
		_, _, err := r.Verify(verifiers)
		require.NoError(t, err, "every proof from before stays valid")
	}
	verified, err := log.Verify(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 82+2, verified.Entries)
	for r, err := range log.Trail(t.Context(), audit.Query{Subject: customer}) {
		require.NoError(t, err)
		require.Fail(t, "found again", "%+v", r)
	}
	r, err := log.Unseal(t.Context(), must(log.At(t.Context(), 40)))
	require.NoError(t, err)
	assert.True(t, r.Entry.Sealed[0].Erased)
	assert.Nil(t, r.Entry.Sealed[0].Data)
	r, err = log.Unseal(t.Context(), must(log.At(t.Context(), 41)))
	require.NoError(t, err)
	assert.Equal(t, "reason 0", string(r.Entry.Sealed[0].Data), "others are still there")
	assert.Empty(t, scan(t, dir, gone, nil))
	return dir
}

func must(r audit.Record, err error) audit.Record {
	if err != nil {
		panic(err)
	}
	return r
}

func TestErasedFromSQLite(t *testing.T) {
	dir := t.TempDir()
	keys := open(t, "sqlite:"+filepath.Join(dir, "keys.db"))
	defer keys.Close()
	var gone map[string][]byte
	erase(t, keys, newSpy(t), func(needles map[string][]byte) {
		gone = needles
		assert.Len(t, scan(t, dir, gone, nil), 1, "before, the wrapped key is there, and nothing else")
	})
	assert.Empty(t, scan(t, dir, gone, nil))
}

// The server's files are scanned. Its write-ahead log keeps the wrapped row until
// it is recycled, as the package says, but never the key itself.
func TestErasedFromPostgreSQL(t *testing.T) {
	url := testpg.URL(t)
	keys := open(t, url)
	defer keys.Close()
	db, err := sql.Open("pgx", url)
	require.NoError(t, err)
	defer db.Close()
	var dir string
	require.NoError(t, db.QueryRowContext(t.Context(), `SHOW data_directory`).Scan(&dir))
	wal := func(path string) bool { return filepath.Base(filepath.Dir(path)) == "pg_wal" }
	checkpoint := func() {
		_, err := db.ExecContext(t.Context(), `CHECKPOINT`)
		require.NoError(t, err)
	}
	var gone map[string][]byte
	erase(t, keys, newSpy(t), func(needles map[string][]byte) {
		gone = needles
		checkpoint()
		assert.NotEmpty(t, scan(t, dir, gone, wal), "before, the wrapped key is there")
	})
	checkpoint()
	assert.Empty(t, scan(t, dir, gone, wal))
	delete(gone, "the wrapped key")
	assert.Empty(t, scan(t, dir, gone, nil))
}

// A transaction that began before, such as a backup's or the server's own analysis,
// does not keep the row in the table.
func TestErasedBesideAnOlderTransaction(t *testing.T) {
	url := testpg.URL(t)
	keys := open(t, url)
	defer keys.Close()
	db, err := sql.Open("pgx", url)
	require.NoError(t, err)
	defer db.Close()
	wrapped := make([]byte, 76)
	_, _ = rand.Read(wrapped)
	_, err = keys.Put(t.Context(), audit.Key{Lookup: "a", Pseudonym: "pseudonym:a", Wrapped: wrapped})
	require.NoError(t, err)
	other := audit.Key{Lookup: "b", Pseudonym: "pseudonym:b", Group: "shop", Wrapped: []byte("key b")}
	_, err = keys.Put(t.Context(), other)
	require.NoError(t, err)
	older, err := db.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
	require.NoError(t, err)
	defer func() { _ = older.Rollback() }()
	var one int
	require.NoError(t, older.QueryRowContext(t.Context(), `SELECT 1`).Scan(&one))

	n, err := keys.Destroy(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, 1, n)
	kept, err := keys.Get(t.Context(), "b")
	require.NoError(t, err)
	assert.Equal(t, other, kept)
	_, err = db.ExecContext(t.Context(), `CHECKPOINT`)
	require.NoError(t, err)
	var dir string
	require.NoError(t, db.QueryRowContext(t.Context(), `SHOW data_directory`).Scan(&dir))
	assert.Empty(t, scan(t, filepath.Join(dir, "base"), map[string][]byte{"the wrapped key": wrapped}, nil))
}

// Many deletions in any order leave nothing behind in the pages of SQLite.
func TestNothingRemainsInSQLite(t *testing.T) {
	dir := t.TempDir()
	keys := open(t, "sqlite:"+filepath.Join(dir, "keys.db"))
	defer keys.Close()
	const n = 600
	wrapped := map[string][]byte{}
	for i := range n {
		name := fmt.Sprint("lookup-", rand.Text())
		w := make([]byte, 76)
		_, _ = rand.Read(w)
		_, err := keys.Put(t.Context(), audit.Key{Lookup: name, Pseudonym: fmt.Sprintf("pseudonym:%d", i), Wrapped: w})
		require.NoError(t, err)
		wrapped[name] = w
	}
	gone := map[string][]byte{}
	for name, w := range wrapped { // in random order
		if len(gone) == n/2 {
			break
		}
		_, err := keys.Destroy(t.Context(), name)
		require.NoError(t, err)
		gone[name] = w
		if len(gone)%50 == 0 {
			require.Empty(t, scan(t, dir, gone, nil))
		}
	}
	for name, w := range wrapped {
		if gone[name] == nil {
			k, err := keys.Get(t.Context(), name)
			require.NoError(t, err)
			require.Equal(t, w, k.Wrapped)
		}
	}
}
