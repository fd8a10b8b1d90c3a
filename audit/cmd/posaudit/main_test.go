package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/filestore"
)

// program is the built posaudit.
var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "posaudit")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "posaudit")
		if runtime.GOOS == "windows" {
			program += ".exe"
		}
		if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// posaudit runs the program and returns its output and exit status.
func posaudit(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return out.String(), errs.String(), exit.ExitCode()
	}
	require.NoError(t, err)
	return out.String(), errs.String(), 0
}

// patient is for a machine that is busy.
var patient = &audit.Options{MaxWait: time.Minute}

// writeLog makes a log of n entries, or continues it up to n.
func writeLog(t *testing.T, dir string, n int) {
	t.Helper()
	store, err := filestore.Open(dir, &filestore.Options{Origin: "example.com/audit"})
	require.NoError(t, err)
	log, err := audit.Open(t.Context(), store, patient)
	require.NoError(t, err)
	for i := range n {
		_, err := log.Append(t.Context(), audittest.Entry(i))
		require.NoError(t, err)
	}
	require.NoError(t, log.Close())
	require.NoError(t, store.Close())
}

// keep writes text to a file outside of the log.
func keep(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "kept")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

func TestVerify(t *testing.T) {
	dir := t.TempDir()
	writeLog(t, dir, 5)
	early, _, status := posaudit(t, "checkpoint", dir)
	require.Zero(t, status)
	assert.True(t, strings.HasPrefix(early, "example.com/audit\n5\n"))
	writeLog(t, dir, 9)
	vkey, _, status := posaudit(t, "key", dir)
	require.Zero(t, status)

	out, errs, status := posaudit(t, "verify", dir)
	assert.Zero(t, status, errs)
	assert.Contains(t, out, "9 entries")
	assert.Contains(t, out, "OK")

	out, _, status = posaudit(t, "verify", "-key", strings.TrimSpace(vkey), dir, "-checkpoint", keep(t, early), "-json")
	assert.Zero(t, status)
	var report audit.Report
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	assert.EqualValues(t, 9, report.Entries)
	assert.Equal(t, 1, report.Remembered)
	assert.Nil(t, report.Problem)
}

func TestVerifyWhileTheLogIsOpen(t *testing.T) {
	dir := t.TempDir()
	store, err := filestore.Open(dir, nil)
	require.NoError(t, err)
	defer store.Close()
	log, err := audit.Open(t.Context(), store, patient)
	require.NoError(t, err)
	defer log.Close()
	_, errs, status := posaudit(t, "verify", dir)
	assert.Zero(t, status, errs)
	_, err = log.Append(t.Context(), audittest.Entry(0))
	require.NoError(t, err)
	out, errs, status := posaudit(t, "verify", dir)
	assert.Zero(t, status, errs)
	assert.Contains(t, out, "1 entries")
}

func TestVerifyNamesTheFirstBadEntry(t *testing.T) {
	dir := t.TempDir()
	writeLog(t, dir, 5)
	f := audittest.Tamper(t, filepath.Join(dir, "entries.log"))
	f.Flip(bytes.Index(f.Original(), []byte("Order/1003")), 1)
	out, errs, status := posaudit(t, "verify", dir)
	assert.Equal(t, 1, status)
	assert.Contains(t, out, "3 entries")
	assert.Contains(t, out, "FAILED")
	assert.Contains(t, errs, "entry 3")

	out, _, status = posaudit(t, "verify", "-json", dir)
	assert.Equal(t, 1, status)
	var report audit.Report
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	require.NotNil(t, report.Problem)
	assert.Contains(t, out, `"index": 3`)
	assert.EqualValues(t, 3, report.Problem.Index)

	for _, command := range [][]string{{"trail", dir}, {"checkpoint", dir}, {"prove", dir, "entry-0"}} {
		_, _, status = posaudit(t, command...)
		assert.Equal(t, 1, status, command)
	}
}

func TestVerifyFindsRollback(t *testing.T) {
	dir, copied := t.TempDir(), t.TempDir()
	writeLog(t, dir, 3)
	require.NoError(t, os.CopyFS(filepath.Join(copied, "log"), os.DirFS(dir)))
	writeLog(t, dir, 6)
	later, _, status := posaudit(t, "checkpoint", dir)
	require.Zero(t, status)
	old := filepath.Join(copied, "log")
	_, _, status = posaudit(t, "verify", old)
	assert.Zero(t, status, "an old state is a good log")
	_, errs, status := posaudit(t, "verify", old, "-checkpoint", keep(t, later))
	assert.Equal(t, 1, status)
	assert.Contains(t, errs, "truncated at entry 3")
}

// Another log in the place of this one has another key.
func TestVerifyFindsExchangedLog(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	writeLog(t, dir, 3)
	writeLog(t, other, 3)
	vkey, _, _ := posaudit(t, "key", dir)
	kept, _, _ := posaudit(t, "checkpoint", dir)
	_, _, status := posaudit(t, "verify", other)
	assert.Zero(t, status)
	_, _, status = posaudit(t, "verify", other, "-key", keep(t, vkey))
	assert.Equal(t, 1, status)
	_, _, status = posaudit(t, "verify", other, "-checkpoint", keep(t, kept))
	assert.Equal(t, 1, status)
}

func TestTrail(t *testing.T) {
	dir := t.TempDir()
	writeLog(t, dir, 9)
	out, errs, status := posaudit(t, "trail", dir, "-subject", "order=gid://shopify/Order/1004")
	assert.Zero(t, status, errs)
	assert.Equal(t, "     4  2026-10-01 09:00:04Z  proposed    system test: postpurchase.followup\n"+
		"        about       order gid://shopify/Order/1004\n", out)

	out, _, status = posaudit(t, "trail", dir, "-correlation", "flow-1", "-json")
	assert.Zero(t, status)
	var got []int64
	for line := range strings.Lines(out) {
		var r audit.Record
		require.NoError(t, json.Unmarshal([]byte(line), &r))
		got = append(got, r.Index)
	}
	assert.Equal(t, []int64{3, 4, 5}, got)

	out, _, status = posaudit(t, "trail", dir, "-actor", "test", "-kind", "proposed",
		"-since", "2026-10-01T09:00:02Z", "-until", "2026-10-01T11:00:03+02:00")
	assert.Zero(t, status)
	assert.Equal(t, 2, strings.Count(out, "\n"))

	out, _, status = posaudit(t, "trail", dir, "-correlation", "none")
	assert.Zero(t, status, "nothing found is no failure")
	assert.Empty(t, out)
}

func TestProve(t *testing.T) {
	dir := t.TempDir()
	writeLog(t, dir, 9)
	vkey, _, _ := posaudit(t, "key", dir)
	vkey = strings.TrimSpace(vkey)
	receipt, errs, status := posaudit(t, "prove", dir, "entry-4")
	require.Zero(t, status, errs)
	assert.True(t, strings.HasPrefix(receipt, "c2sp.org/tlog-proof@v1\n"))

	out, errs, status := posaudit(t, "prove-verify", keep(t, receipt), "-key", vkey)
	assert.Zero(t, status, errs)
	assert.Contains(t, out, "order gid://shopify/Order/1004")
	assert.Contains(t, out, "entry 4 of the 9 that example.com/audit signed")
	_, _, status = posaudit(t, "prove-verify", keep(t, receipt), "-key", vkey, "-json")
	assert.Zero(t, status)

	_, _, status = posaudit(t, "prove-verify", keep(t, strings.Replace(receipt, "index 4", "index 5", 1)), "-key", vkey)
	assert.Equal(t, 1, status)
	_, _, status = posaudit(t, "prove-verify", keep(t, "no receipt"), "-key", vkey)
	assert.Equal(t, 1, status)
	other := t.TempDir()
	writeLog(t, other, 1)
	_, _, status = posaudit(t, "prove-verify", keep(t, receipt), "-key", filepath.Join(other, "key.pub"))
	assert.Equal(t, 1, status)
	_, _, status = posaudit(t, "prove", dir, "entry-99")
	assert.Equal(t, 3, status)
}

func TestExitStatus(t *testing.T) {
	dir := t.TempDir()
	writeLog(t, dir, 1)
	empty := t.TempDir()
	for _, tt := range []struct {
		name string
		args []string
		want int
	}{
		{"no command", nil, 2},
		{"unknown command", []string{"destroy", dir}, 2},
		{"no directory", []string{"verify"}, 2},
		{"two directories", []string{"verify", dir, dir}, 2},
		{"unknown flag", []string{"verify", dir, "-force"}, 2},
		{"flag of another command", []string{"key", dir, "-kind", "read"}, 2},
		{"malformed subject", []string{"trail", dir, "-subject", "1001"}, 2},
		{"malformed time", []string{"trail", dir, "-since", "yesterday"}, 2},
		{"malformed key", []string{"verify", dir, "-key", "a+b+c"}, 2},
		{"receipt without key", []string{"prove-verify", filepath.Join(dir, "key")}, 2},
		{"no such directory", []string{"verify", filepath.Join(empty, "none")}, 3},
		{"a directory without a log", []string{"trail", empty}, 3},
		{"no such checkpoint", []string{"verify", dir, "-checkpoint", filepath.Join(empty, "none")}, 3},
		{"no such key file", []string{"verify", dir, "-key", filepath.Join(empty, "none")}, 3},
		{"a checkpoint that is none", []string{"verify", dir, "-checkpoint", filepath.Join(dir, "key.pub")}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, errs, status := posaudit(t, tt.args...)
			assert.Equal(t, tt.want, status, errs)
			assert.Empty(t, out)
			assert.NotEmpty(t, errs)
			assert.NotContains(t, errs, "PRIVATE")
		})
	}
}
