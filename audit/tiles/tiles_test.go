package tiles_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/monitor"
	"github.com/posai-go/posai/audit/tiles"
)

// serve serves a log of n entries and returns its store, prefix and keys.
func serve(t testing.TB, n int) (store *audittest.Memory, prefix string, signer note.Signer, known note.Verifiers) {
	t.Helper()
	signer, known = audittest.NewKey(t)
	store = audittest.NewMemory(t)
	fill(t, store, signer, n)
	mux := http.NewServeMux()
	mux.Handle("/audit/", http.StripPrefix("/audit", tiles.Handler(store)))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return store, server.URL + "/audit", signer, known
}

func fill(t testing.TB, store *audittest.Memory, signer note.Signer, sizes ...int) {
	t.Helper()
	for _, b := range audittest.Batches(t, signer, sizes...) {
		if msg, err := store.Checkpoint(t.Context()); err == nil && msg != nil {
			if c, err := audit.UnverifiedCheckpoint(msg); err == nil && c.Size > b.First {
				continue
			}
		}
		require.NoError(t, store.Append(t.Context(), b))
	}
}

func get(t testing.TB, url string) (status int, body []byte, header http.Header) {
	t.Helper()
	resp, err := http.Get(url) //nolint:gosec,noctx // of this test's server
	require.NoError(t, err)
	defer resp.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, b.Bytes(), resp.Header
}

// The example of the specification, scaled: the tiles of a log of 70,000 entries
// are many, those of 600 are two full ones and a partial one, and one above.
func TestHandlerServesWhatTheSpecificationSays(t *testing.T) {
	_, prefix, _, known := serve(t, 600)
	status, msg, header := get(t, prefix+"/checkpoint")
	require.Equal(t, 200, status)
	assert.Equal(t, "text/plain; charset=utf-8", header.Get("Content-Type"))
	c, err := audit.ParseCheckpoint(msg, known)
	require.NoError(t, err)
	assert.EqualValues(t, 600, c.Size)

	for path, size := range map[string]int{
		"tile/0/000": 256 * 32, "tile/0/001": 256 * 32, "tile/0/002.p/88": 88 * 32, "tile/0/002.p/1": 32, "tile/1/000.p/2": 2 * 32, "tile/1/000.p/1": 32,
		"tile/0/000.p/7": 7 * 32,
	} {
		status, body, header := get(t, prefix+"/"+path)
		assert.Equal(t, 200, status, path)
		assert.Len(t, body, size, path)
		assert.Equal(t, "application/octet-stream", header.Get("Content-Type"))
		assert.Contains(t, header.Get("Cache-Control"), "immutable")
	}
	_, body, _ := get(t, prefix+"/tile/entries/002.p/88")
	e, err := audittest.Entry(512).MarshalJSON()
	require.NoError(t, err)
	assert.Equal(t, append(e, '\n'), body[2:2+len(e)+1])

	for _, path := range []string{
		"tile/0/003", "tile/0/002", "tile/0/002.p/89", "tile/1/000", "tile/2/000.p/1", "tile/1/000.p/3", "tile/0/002.p/0", "tile/0/002.p/256",
		"tile/0/2.p/88", "tile/00/000", "tile/8/000", "tile/-1/000", "tile/0/x000/000", "tile/0/x999/x999/x999/x999/x999/x999/999", "tile/entries/003",
		"", "tile", "tile/", "key", "checkpoint/", "..%2fkey", "tile/0/000.p/01", "tile/0/%2e%2e/000", "entries.log",
	} {
		status, _, header := get(t, prefix+"/"+path)
		assert.Equal(t, 404, status, path)
		assert.Empty(t, header.Get("Cache-Control"), path)
	}
	resp, err := http.Post(prefix+"/checkpoint", "text/plain", strings.NewReader("x")) //nolint:noctx // of this test's server
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, 405, resp.StatusCode)
}

func TestEmptyLog(t *testing.T) {
	_, known := audittest.NewKey(t)
	server := httptest.NewServer(tiles.Handler(audittest.NewMemory(t)))
	defer server.Close()
	status, _, _ := get(t, server.URL+"/checkpoint")
	assert.Equal(t, 404, status)
	r, err := tiles.NewReader(tiles.HTTP(server.URL, nil), known)
	require.NoError(t, err)
	report, err := audit.Verify(t.Context(), r, nil)
	require.NoError(t, err)
	assert.Zero(t, report.Entries)
	_, err = tiles.NewReader(nil, nil)
	require.Error(t, err)
}

// A stranger with the URL and the key verifies, searches, proves and follows.
func TestReader(t *testing.T) {
	store, prefix, signer, known := serve(t, 600)
	r, err := tiles.NewReader(tiles.HTTP(prefix+"/", nil), known)
	require.NoError(t, err)
	report, err := audit.Verify(t.Context(), r, &audit.VerifyOptions{Entries: true})
	require.NoError(t, err)
	assert.EqualValues(t, 600, report.Entries)

	log, err := audit.OpenReader(t.Context(), r, nil)
	require.NoError(t, err)
	assert.EqualValues(t, 600, log.Size())
	found, err := log.Get(t.Context(), "entry-333")
	require.NoError(t, err)
	assert.EqualValues(t, 333, found.Index)
	_, err = log.Get(t.Context(), "entry-600")
	require.ErrorIs(t, err, audit.ErrNotFound)
	n := 0
	for r, err := range log.Trail(t.Context(), audit.Query{Correlation: "flow-99", Descending: true}) {
		require.NoError(t, err)
		assert.EqualValues(t, 299-n, r.Index)
		n++
	}
	assert.Equal(t, 3, n)
	for _, i := range []int64{0, 255, 256, 511, 512, 599} {
		receipt, err := log.Receipt(t.Context(), i)
		require.NoError(t, err)
		_, _, err = receipt.Verify(known)
		require.NoError(t, err)
	}
	_, err = r.Leaf(t.Context(), 600)
	require.ErrorIs(t, err, audit.ErrNotFound)
	_, err = r.Hashes(t.Context(), []int64{tlog.StoredHashCount(600)})
	require.ErrorIs(t, err, audit.ErrNotFound)

	m := monitor.New(known, monitor.File(filepath.Join(t.TempDir(), "state")))
	_, err = m.Check(t.Context(), log)
	require.NoError(t, err)
	size := 600
	more := []int{600}
	for _, n := range []int{1, 166, 1, 332} { // past full tiles, and onto them
		size, more = size+n, append(more, n)
		fill(t, store, signer, more...)
		require.NoError(t, log.Refresh(t.Context()))
		seen, err := m.Check(t.Context(), log)
		require.NoError(t, err)
		assert.EqualValues(t, size, seen.Size)
	}
}

// Every hash and every leaf, in trees of many sizes, is the store's own.
func TestReaderReadsWhatTheStoreHolds(t *testing.T) {
	for _, size := range []int{1, 2, 255, 256, 257, 512, 700} {
		store, prefix, _, known := serve(t, size)
		r, err := tiles.NewReader(tiles.HTTP(prefix, nil), known)
		require.NoError(t, err)
		var indexes []int64
		for i := range tlog.StoredHashCount(int64(size)) {
			indexes = append(indexes, i)
		}
		want, err := store.Hashes(t.Context(), indexes)
		require.NoError(t, err)
		got, err := r.Hashes(t.Context(), indexes)
		require.NoError(t, err)
		require.Equal(t, want, got, "size %d", size)
		for i := range int64(size) {
			want, err := store.Leaf(t.Context(), i)
			require.NoError(t, err)
			got, err := r.Leaf(t.Context(), i)
			require.NoError(t, err)
			require.Equal(t, string(want.Data), string(got.Data))
		}
	}
}

// From a directory of files, whose partial tiles are gone where full ones are.
func TestDirectory(t *testing.T) {
	_, prefix, _, known := serve(t, 600)
	dir := t.TempDir()
	for _, path := range []string{"checkpoint", "tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2", "tile/entries/000", "tile/entries/001", "tile/entries/002.p/88"} {
		status, body, _ := get(t, prefix+"/"+path)
		require.Equal(t, 200, status)
		name := filepath.Join(dir, filepath.FromSlash(path))
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
		require.NoError(t, os.WriteFile(name, body, 0o600))
	}
	r, err := tiles.NewReader(tiles.Dir(dir), known)
	require.NoError(t, err)
	_, err = audit.Verify(t.Context(), r, nil)
	require.NoError(t, err)
	_, err = audit.OpenReader(t.Context(), r, nil)
	require.NoError(t, err)

	// Each file that is changed, cut or gone is noticed.
	check := func(name string) {
		r, err := tiles.NewReader(tiles.Dir(dir), known)
		require.NoError(t, err)
		_, verify := audit.Verify(t.Context(), r, nil)
		log, err := audit.OpenReader(t.Context(), r, nil)
		if err == nil {
			for i := range log.Size() {
				if _, err = log.At(t.Context(), i); err != nil {
					break
				}
			}
		}
		assert.False(t, verify == nil && err == nil, name)
	}
	err = filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Base(name) == "checkpoint" {
			return err
		}
		original, err := os.ReadFile(name)
		require.NoError(t, err)
		for change, content := range map[string][]byte{
			"flipped": append(append(bytes.Clone(original[:40]), original[40]^1), original[41:]...), "cut": original[:len(original)-1],
			"empty": {}, "longer": append(bytes.Clone(original), 0),
		} {
			require.NoError(t, os.WriteFile(name, content, 0o600))
			check(name + " " + change)
		}
		require.NoError(t, os.Remove(name))
		check(name + " removed")
		return os.WriteFile(name, original, 0o600)
	})
	require.NoError(t, err)
	_, err = audit.Verify(t.Context(), r, nil)
	require.NoError(t, err)
}

func TestSealedPartsStayAtHome(t *testing.T) {
	signer, known := audittest.NewKey(t)
	store := audittest.NewMemory(t)
	master, err := audit.NewLocalKey(make([]byte, audit.MasterKeySize))
	require.NoError(t, err)
	vault, err := audit.NewVault(new(audittest.Keys), master, nil)
	require.NoError(t, err)
	log, err := audit.Open(t.Context(), store, &audit.Options{Signer: signer, Verifiers: known, Vault: vault, MaxWait: time.Minute})
	require.NoError(t, err)
	_, err = log.Append(t.Context(), audit.Entry{
		Kind: audit.KindRead, Actor: audit.Actor{Type: audit.AI}, Subjects: []audit.Subject{{Type: "customer", ID: "gid://shopify/Customer/5"}},
		Sealed: []audit.Part{{Name: "prompt", Data: []byte("Dear Ada Example")}},
	})
	require.NoError(t, err)
	require.NoError(t, log.Close())
	server := httptest.NewServer(tiles.Handler(store))
	defer server.Close()
	_, body, _ := get(t, server.URL+"/tile/entries/000.p/1")
	assert.Contains(t, string(body), "sealed ", "its hash")
	leaf, err := store.Leaf(t.Context(), 0)
	require.NoError(t, err)
	require.Len(t, leaf.Sealed, 1)
	assert.NotContains(t, string(body), string(leaf.Sealed[0]))
	r, err := tiles.NewReader(tiles.HTTP(server.URL, nil), known)
	require.NoError(t, err)
	_, err = audit.Verify(t.Context(), r, nil)
	require.NoError(t, err)
}

func TestHostileServer(t *testing.T) {
	_, known := audittest.NewKey(t)
	for name, answer := range map[string]http.HandlerFunc{
		"an error": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"endless":  func(w http.ResponseWriter, _ *http.Request) { endless(w) },
		"another key": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "example.com/log\n9\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n— x AAAAAAAA\n")
		},
		"no checkpoint": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") },
		"a redirect out": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(answer)
			defer server.Close()
			r, err := tiles.NewReader(tiles.HTTP(server.URL, nil), known)
			require.NoError(t, err)
			_, err = audit.Verify(t.Context(), r, nil)
			require.Error(t, err)
			_, err = audit.OpenReader(t.Context(), r, nil)
			require.Error(t, err)
			_, err = r.Leaf(t.Context(), 0)
			require.Error(t, err)
			_, err = r.Hashes(t.Context(), []int64{0})
			require.Error(t, err)
		})
	}
}

func endless(w http.ResponseWriter) {
	junk := bytes.Repeat([]byte("x"), 1<<20)
	for range 64 {
		if _, err := w.Write(junk); err != nil {
			return
		}
	}
}

func FuzzReader(f *testing.F) {
	signer, known := audittest.NewKey(f)
	batch := audittest.Batches(f, signer, 3)[0]
	f.Add([]byte{0, 1, 'x', 0, 0, 0, 2, 'y', 'z'})
	f.Add(bytes.Repeat([]byte{0}, 96))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := tiles.NewReader(func(_ context.Context, path string) ([]byte, error) {
			if path == "checkpoint" {
				return batch.Checkpoint, nil
			}
			return data, nil
		}, known)
		require.NoError(t, err)
		_, err = audit.Verify(t.Context(), r, nil)
		require.ErrorIs(t, err, audit.ErrCorrupt)
		_, err = audit.OpenReader(t.Context(), r, nil)
		require.ErrorIs(t, err, audit.ErrCorrupt)
	})
}
