package main_test

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/filestore"
	"github.com/posai-go/posai/audit/keystore"
	"github.com/posai-go/posai/audit/sqlstore"
	"github.com/posai-go/posai/audit/tiles"
	"github.com/posai-go/posai/internal/testpg"
)

func keyOf(t *testing.T, place string) string {
	t.Helper()
	vkey, errs, status := posaudit(t, "key", place)
	require.Zero(t, status, errs)
	return strings.TrimSpace(vkey)
}

func TestTrailFormats(t *testing.T) {
	dir := t.TempDir()
	writeLog(t, dir, 9)
	out, errs, status := posaudit(t, "trail", dir, "-format", "csv", "-order", "1004")
	require.Zero(t, status, errs)
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 2)
	assert.Equal(t, "4", rows[1][0])

	out, _, status = posaudit(t, "trail", dir, "-format", "ocsf", "-newest", "-limit", "2")
	require.Zero(t, status)
	var sequences []int64
	for line := range strings.Lines(out) {
		var e struct {
			ClassUID int `json:"class_uid"`
			Metadata struct {
				Sequence int64
				LogName  string `json:"log_name"`
			}
		}
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		assert.Equal(t, 6003, e.ClassUID)
		assert.Equal(t, "example.com/audit", e.Metadata.LogName)
		sequences = append(sequences, e.Metadata.Sequence)
	}
	assert.Equal(t, []int64{8, 7}, sequences)

	out, _, status = posaudit(t, "trail", dir, "-format", "cloudevents", "-first", "5", "-limit", "1")
	require.Zero(t, status)
	assert.Contains(t, out, `"specversion":"1.0","id":"entry-5"`)
	_, _, status = posaudit(t, "trail", dir, "-format", "pdf")
	assert.Equal(t, 2, status)
	_, _, status = posaudit(t, "trail", dir, "-format", "csv", "-json")
	assert.Equal(t, 2, status)
}

func TestVerifyShowsProgress(t *testing.T) {
	dir := t.TempDir()
	writeLog(t, dir, 30)
	_, errs, status := posaudit(t, "verify", dir, "-progress", "-entries", "-workers", "1")
	require.Zero(t, status, errs)
	assert.Contains(t, errs, "100%  30 of 30 entries")
	assert.NotContains(t, errs, "\r", "not a terminal")
	_, errs, _ = posaudit(t, "verify", dir)
	assert.Empty(t, errs, "not asked for")
}

func TestProveAll(t *testing.T) {
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "receipts")
	writeLog(t, dir, 9)
	vkey := keyOf(t, dir)
	text, errs, status := posaudit(t, "prove", dir, "-dir", out, "-correlation", "flow-1")
	require.Zero(t, status, errs)
	assert.Contains(t, text, "3 receipts")
	files, err := filepath.Glob(filepath.Join(out, "*.tlog-proof"))
	require.NoError(t, err)
	require.Len(t, files, 3)
	text, errs, status = posaudit(t, append([]string{"prove-verify", "-key", vkey, "-json"}, files...)...)
	require.Zero(t, status, errs)
	var proofs []struct {
		File   string
		Valid  bool
		Digest string
		Record audit.Record
	}
	require.NoError(t, json.Unmarshal([]byte(text), &proofs))
	require.Len(t, proofs, 3)
	for i, p := range proofs {
		assert.True(t, p.Valid)
		assert.EqualValues(t, 3+i, p.Record.Index)
		assert.Regexp(t, "^sha256:", p.Digest)
	}

	require.NoError(t, os.WriteFile(files[1], []byte("c2sp.org/tlog-proof@v1\n"), 0o600))
	text, errs, status = posaudit(t, append([]string{"prove-verify", "-key", vkey}, files...)...)
	assert.Equal(t, 1, status)
	assert.Equal(t, 2, strings.Count(text, "proven:"), "the others are checked all the same")
	assert.Contains(t, errs, files[1])

	for _, wrong := range [][]string{{"prove", dir}, {"prove", dir, "entry-1", "-dir", out}} {
		_, _, status = posaudit(t, wrong...)
		assert.Equal(t, 2, status)
	}
	text, _, status = posaudit(t, "prove", dir, "6", "-json")
	require.Zero(t, status, "by index")
	assert.Contains(t, text, `"index": 6`)
}

// A policy file, a witness on the network, and a receipt that anyone checks
// offline.
func TestWitnesses(t *testing.T) {
	dir := t.TempDir()
	writeLog(t, dir, 5)
	vkey := keyOf(t, dir)
	v, err := note.NewVerifier(vkey)
	require.NoError(t, err)
	w := audittest.NewWitness(t, "witness.example.com", note.VerifierList(v))
	server := httptest.NewServer(w)
	defer server.Close()
	policy := keep(t, fmt.Sprintf("witness W %s %s\nquorum W\n", w.MLDSAKey(), server.URL))

	cosigned, errs, status := posaudit(t, "checkpoint", dir, "-cosign", policy)
	require.Zero(t, status, errs)
	plain, _, _ := posaudit(t, "checkpoint", dir)
	assert.True(t, strings.HasPrefix(cosigned, plain))
	assert.Contains(t, cosigned, "— witness.example.com ")

	writeLog(t, dir, 8)
	receipt, errs, status := posaudit(t, "prove", dir, "entry-2", "-checkpoint", keep(t, cosigned))
	require.Zero(t, status, errs)
	text, errs, status := posaudit(t, "prove-verify", keep(t, receipt), "-key", vkey, "-policy", policy)
	require.Zero(t, status, errs)
	assert.Contains(t, text, "entry 2 of the 5 that example.com/audit signed")
	assert.Contains(t, text, "witness: W, ")

	alone, _, status := posaudit(t, "prove", dir, "entry-2")
	require.Zero(t, status)
	_, errs, status = posaudit(t, "prove-verify", keep(t, alone), "-key", vkey, "-policy", policy)
	assert.Equal(t, 1, status)
	assert.Contains(t, errs, "quorum")
	_, _, status = posaudit(t, "prove-verify", keep(t, alone), "-policy", policy)
	assert.Equal(t, 2, status, "the policy names no log")
	full := keep(t, "log "+vkey+"\nquorum none\n")
	_, _, status = posaudit(t, "prove-verify", keep(t, alone), "-policy", full)
	assert.Zero(t, status)

	server.Close()
	_, errs, status = posaudit(t, "checkpoint", dir, "-cosign", policy)
	assert.Equal(t, 1, status, errs)
}

func TestStats(t *testing.T) {
	dir := t.TempDir()
	writeLog(t, dir, 7)
	out, errs, status := posaudit(t, "stats", dir)
	require.Zero(t, status, errs)
	assert.Contains(t, out, "entries      7, ")
	assert.Contains(t, out, "kind                 7  proposed")
	out, _, status = posaudit(t, "stats", dir, "-json")
	require.Zero(t, status)
	var n struct {
		Entries int64
		Kinds   map[string]int64
		First   time.Time
	}
	require.NoError(t, json.Unmarshal([]byte(out), &n))
	assert.EqualValues(t, 7, n.Entries)
	assert.EqualValues(t, 7, n.Kinds["proposed"])
	assert.True(t, audittest.Entry(0).Time.Equal(n.First))
}

// A person asks what the log holds, and then to be forgotten.
func TestExportAndErase(t *testing.T) {
	dir, keys, master := t.TempDir(), "sqlite:"+filepath.Join(t.TempDir(), "keys.db"), filepath.Join(t.TempDir(), "master")
	secret, err := audit.OpenLocalKey(master)
	require.NoError(t, err)
	keyStore, err := keystore.Open(t.Context(), keys)
	require.NoError(t, err)
	vault, err := audit.NewVault(keyStore, secret, nil)
	require.NoError(t, err)
	store, err := filestore.Open(dir, nil)
	require.NoError(t, err)
	log, err := audit.Open(t.Context(), store, &audit.Options{Vault: vault, MaxWait: time.Minute})
	require.NoError(t, err)
	customer := audit.Subject{Type: "customer", ID: "gid://shopify/Customer/5"}
	_, err = log.Append(t.Context(), audit.Entry{
		ID: "read-1", Kind: audit.KindRead, Actor: audit.Actor{Type: audit.AI}, Subjects: []audit.Subject{customer},
		Sealed: []audit.Part{{Name: "prompt", Data: []byte("Dear Ada Example")}},
	})
	require.NoError(t, err)
	receipt, err := log.Receipt(t.Context(), 0)
	require.NoError(t, err)
	text, err := receipt.MarshalText()
	require.NoError(t, err)

	require.NoError(t, keyStore.Close())
	with := []string{"-customer", "5", "-keys", keys, "-master", master}
	_, errs, status := posaudit(t, append([]string{"export", dir}, with...)...)
	assert.Equal(t, 3, status, "the log is in use")
	assert.Contains(t, errs, "in use")
	require.NoError(t, log.Close())
	require.NoError(t, store.Close())

	out, errs, status := posaudit(t, append([]string{"trail", dir}, with...)...)
	require.Zero(t, status, errs)
	assert.Contains(t, out, "read", "found by the name that the log does not hold")
	out, _, status = posaudit(t, "trail", dir, "-customer", "5")
	require.Zero(t, status)
	assert.Empty(t, out)

	out, errs, status = posaudit(t, append([]string{"export", dir, "-json", "-request", "r-1"}, with...)...)
	require.Zero(t, status, errs)
	assert.Contains(t, out, "Dear Ada Example")
	out, _, status = posaudit(t, append([]string{"export", dir, "-request", "r-1"}, with...)...)
	require.Zero(t, status)
	assert.Contains(t, out, "prompt      Dear Ada Example")
	out, _, status = posaudit(t, "trail", dir)
	require.Zero(t, status)
	assert.NotContains(t, out, "Ada Example") // "Ada" may be in a hash
	assert.Contains(t, out, "audit.export", "that it was read is in the log")

	_, _, status = posaudit(t, append([]string{"erase", dir}, with...)...)
	assert.Equal(t, 2, status, "without -request")
	out, errs, status = posaudit(t, append([]string{"erase", dir, "-request", "r-2", "-json"}, with...)...)
	require.Zero(t, status, errs)
	var report audit.ErasureReport
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	assert.Equal(t, 1, report.Keys)
	out, errs, status = posaudit(t, append([]string{"erase", dir, "-request", "r-2"}, with...)...)
	require.Zero(t, status, errs)
	assert.Contains(t, out, "keys destroyed  0", "again is the same")

	out, _, status = posaudit(t, append([]string{"export", dir, "-json", "-request", "r-3"}, with...)...)
	require.Zero(t, status)
	assert.NotContains(t, out, "Ada Example")
	_, errs, status = posaudit(t, "verify", dir, "-entries")
	assert.Zero(t, status, errs)
	_, errs, status = posaudit(t, "prove-verify", keep(t, string(text)), "-key", keyOf(t, dir))
	assert.Zero(t, status, errs)

	for name, tt := range map[string]struct {
		args []string
		want int
	}{
		"no keys":       {[]string{"erase", dir, "-customer", "5", "-request", "x"}, 2},
		"no master":     {[]string{"erase", dir, "-customer", "5", "-request", "x", "-keys", keys}, 2},
		"another file":  {[]string{"erase", dir, "-customer", "5", "-request", "x", "-keys", keys, "-master", master + "2"}, 3},
		"no subject":    {[]string{"export", dir, "-keys", keys, "-master", master}, 2},
		"no such place": {[]string{"export", dir + "/none", "-customer", "5", "-keys", keys, "-master", master}, 3},
	} {
		_, errs, status := posaudit(t, tt.args...)
		assert.Equal(t, tt.want, status, "%s: %s", name, errs)
	}
	assert.NoFileExists(t, master+"2", "no key is made by mistake")
}

func TestWatchOnce(t *testing.T) {
	dir, copied := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	state := filepath.Join(t.TempDir(), "state")
	writeLog(t, dir, 3)
	require.NoError(t, os.CopyFS(copied, os.DirFS(dir)))
	out, errs, status := posaudit(t, "watch", dir, "-state", state, "-once")
	require.Zero(t, status, errs)
	assert.Empty(t, out, "what was there before is not news")
	writeLog(t, dir, 6)
	out, errs, status = posaudit(t, "watch", dir, "-state", state, "-once", "-json")
	require.Zero(t, status, errs)
	assert.Equal(t, 3, strings.Count(out, "\n"))
	assert.Contains(t, out, `{"index":3,`)
	out, _, status = posaudit(t, "watch", dir, "-state", state, "-once")
	require.Zero(t, status)
	assert.Empty(t, out)
	_, errs, status = posaudit(t, "verify", dir, "-state", state)
	assert.Zero(t, status, errs)

	_, errs, status = posaudit(t, "watch", copied, "-state", state, "-once")
	assert.Equal(t, 1, status)
	assert.Contains(t, errs, "put back")
	assert.Equal(t, 2, strings.Count(errs, "— example.com/audit "), "both signed checkpoints are shown")
	_, _, status = posaudit(t, "verify", copied, "-state", state)
	assert.Equal(t, 1, status)
	// The copy goes on in another way.
	store, err := filestore.Open(copied, nil)
	require.NoError(t, err)
	log, err := audit.Open(t.Context(), store, patient)
	require.NoError(t, err)
	for i := 20; i < 27; i++ {
		_, err = log.Append(t.Context(), audittest.Entry(i))
		require.NoError(t, err)
	}
	require.NoError(t, log.Close())
	require.NoError(t, store.Close())
	_, errs, status = posaudit(t, "watch", copied, "-state", state, "-once")
	assert.Equal(t, 1, status)
	assert.Contains(t, errs, "another history")
	_, errs, status = posaudit(t, "watch", dir, "-state", state, "-once")
	assert.Zero(t, status, errs)

	_, _, status = posaudit(t, "watch", dir)
	assert.Equal(t, 2, status)
	_, _, status = posaudit(t, "verify", dir, "-state", state+"x")
	assert.Equal(t, 3, status)
}

// A watcher beside a program that writes prints what is new, publishes cosigned
// checkpoints, and ends when it is told to.
func TestWatchGoesOn(t *testing.T) {
	dir := t.TempDir()
	store, err := filestore.Open(dir, nil)
	require.NoError(t, err)
	defer store.Close()
	log, err := audit.Open(t.Context(), store, patient)
	require.NoError(t, err)
	defer log.Close()
	v, err := note.NewVerifier(keyOf(t, dir))
	require.NoError(t, err)
	w := audittest.NewWitness(t, "witness.example.com", note.VerifierList(v))
	server := httptest.NewServer(w)
	defer server.Close()
	policy, published := keep(t, fmt.Sprintf("witness W %s %s\nquorum W\n", w.Ed25519Key(), server.URL)), filepath.Join(t.TempDir(), "cosigned")

	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, "watch", dir, "-state", filepath.Join(t.TempDir(), "state"), "-interval", "20ms",
		"-cosign", policy, "-publish", published, "-kind", "proposed")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() { _ = cmd.Process.Kill() }()
	lines := bufio.NewScanner(out)
	for i := range 3 {
		_, err = log.Append(t.Context(), audittest.Entry(i))
		require.NoError(t, err)
		if i == 0 {
			// The first checkpoint that it sees is taken on trust; wait for it.
			require.Eventually(t, func() bool { return w.Size(log.Origin()) >= 1 }, time.Minute, 5*time.Millisecond)
			continue
		}
		require.True(t, lines.Scan())
		assert.Contains(t, lines.Text(), "proposed")
		require.True(t, lines.Scan())
		assert.Contains(t, lines.Text(), fmt.Sprintf("Order/%d", 1000+i))
	}
	require.Eventually(t, func() bool {
		msg, err := os.ReadFile(published)
		return err == nil && strings.Contains(string(msg), "\n3\n") && strings.Contains(string(msg), "— witness.example.com ")
	}, time.Minute, 5*time.Millisecond)
	if runtime.GOOS == "windows" {
		return // which has no interrupt to send
	}
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	_, _ = io.Copy(io.Discard, out)
	require.Error(t, cmd.Wait())
	assert.Equal(t, 4, cmd.ProcessState.ExitCode())
}

// An interrupt while a witness thinks is an interrupt, not a witness that refuses.
func TestInterruptedCosigning(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no interrupt to send")
	}
	dir := t.TempDir()
	writeLog(t, dir, 3)
	v, err := note.NewVerifier(keyOf(t, dir))
	require.NoError(t, err)
	w := audittest.NewWitness(t, "witness.example.com", note.VerifierList(v))
	asked := make(chan struct{}, 1)
	w.SetFault(func(_ http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case asked <- struct{}{}:
		default:
		}
		<-r.Context().Done()
		return true
	})
	server := httptest.NewServer(w)
	defer server.Close()
	policy := keep(t, fmt.Sprintf("witness W %s %s\nquorum W\n", w.Ed25519Key(), server.URL))
	cmd := exec.CommandContext(t.Context(), program, "checkpoint", dir, "-cosign", policy)
	require.NoError(t, cmd.Start())
	<-asked
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.Error(t, cmd.Wait())
	assert.Equal(t, 4, cmd.ProcessState.ExitCode())
}

// A stranger with the URL and the key.
func TestPublished(t *testing.T) {
	dir := t.TempDir()
	writeLog(t, dir, 300)
	vkey := keyOf(t, dir)
	r, err := filestore.OpenReader(dir)
	require.NoError(t, err)
	defer r.Close()
	server := httptest.NewServer(tiles.Handler(r))
	defer server.Close()
	out, errs, status := posaudit(t, "verify", server.URL, "-key", vkey, "-entries")
	require.Zero(t, status, errs)
	assert.Contains(t, out, "300 entries")
	receipt, errs, status := posaudit(t, "prove", server.URL, "entry-257", "-key", vkey)
	require.Zero(t, status, errs)
	_, errs, status = posaudit(t, "prove-verify", keep(t, receipt), "-key", vkey)
	assert.Zero(t, status, errs)
	out, _, status = posaudit(t, "trail", server.URL, "-key", vkey, "-order", "1299")
	assert.Zero(t, status)
	assert.Contains(t, out, "   299  ")
	_, errs, status = posaudit(t, "watch", server.URL, "-key", vkey, "-state", filepath.Join(t.TempDir(), "s"), "-once")
	assert.Zero(t, status, errs)
	_, _, status = posaudit(t, "verify", server.URL)
	assert.Equal(t, 2, status, "without a key")
	_, _, status = posaudit(t, "erase", server.URL, "-customer", "5", "-request", "r", "-keys", "sqlite:"+filepath.Join(t.TempDir(), "k"), "-master", filepath.Join(dir, "key"))
	assert.NotZero(t, status)
}

// All of it works on PostgreSQL, too.
func TestPostgreSQL(t *testing.T) {
	database := testpg.URL(t)
	store, err := sqlstore.Open(t.Context(), database, &sqlstore.Options{Log: "pos", Origin: "example.com/audit"})
	require.NoError(t, err)
	defer store.Close()
	log, err := audit.Open(t.Context(), store, patient)
	require.NoError(t, err)
	defer log.Close()
	for i := range 5 {
		_, err := log.Append(t.Context(), audittest.Entry(i))
		require.NoError(t, err)
	}
	out, errs, status := posaudit(t, "verify", database, "-log", "pos")
	require.Zero(t, status, errs)
	assert.Contains(t, out, "5 entries")
	vkey, errs, status := posaudit(t, "key", database, "-log", "pos")
	require.Zero(t, status, errs)
	receipt, errs, status := posaudit(t, "prove", database, "-log", "pos", "entry-3")
	require.Zero(t, status, errs)
	_, errs, status = posaudit(t, "prove-verify", keep(t, receipt), "-key", strings.TrimSpace(vkey))
	require.Zero(t, status, errs)
	out, errs, status = posaudit(t, "trail", database, "-log", "pos", "-order", "1002")
	require.Zero(t, status, errs)
	assert.Contains(t, out, "Order/1002")
	_, errs, status = posaudit(t, "trail", database)
	assert.Equal(t, 3, status, "no such log")
	assert.Contains(t, errs, "no such log")
	_, errs, status = posaudit(t, "verify", "postgres://nobody:secret-word@127.0.0.1:1/none")
	assert.Equal(t, 3, status)
	assert.NotContains(t, errs, "secret-word")

	state := filepath.Join(t.TempDir(), "state")
	_, errs, status = posaudit(t, "watch", database, "-log", "pos", "-state", state, "-once")
	require.Zero(t, status, errs)
	_, err = log.Append(t.Context(), audittest.Entry(5))
	require.NoError(t, err)
	out, errs, status = posaudit(t, "watch", database, "-log", "pos", "-state", state, "-once")
	require.Zero(t, status, errs)
	assert.Contains(t, out, "Order/1005")
}
