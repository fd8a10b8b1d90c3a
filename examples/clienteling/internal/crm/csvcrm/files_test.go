package csvcrm_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/crmtest"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/csvcrm"
)

func Example() {
	dir, err := os.MkdirTemp("", "csvcrm-*")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx := context.Background()
	sink, err := csvcrm.Open(ctx, dir, nil)
	if err != nil {
		panic(err)
	}
	if _, err := sink.Save(ctx, []crm.Record{
		{Key: "alder-and-wren.myshopify.com/7001", FirstName: "Robin", LastName: "Sample", Email: "robin@example.com", Phone: "+15550001", Preferences: "=1+1"},
	}); err != nil {
		panic(err)
	}
	if err := sink.Close(); err != nil { // the files say what was saved
		panic(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, csvcrm.Contacts))
	if err != nil {
		panic(err)
	}
	fmt.Print(string(b))
	// Output:
	// key,first_name,last_name,email,phone,city,country,locale,no_email,no_sms,segment,lifetime_value,currency,orders,last_visit,preferences,service_notes
	// alder-and-wren.myshopify.com/7001,Robin,Sample,robin@example.com,+15550001,,,,false,false,,,,0,,'=1+1,
}

func both(t *testing.T, dir string) string {
	t.Helper()
	var all []byte
	for _, name := range []string{csvcrm.Contacts, csvcrm.Purchases} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		all = append(append(all, name...), b...)
	}
	return string(all)
}

func TestSameStateSameBytes(t *testing.T) {
	want := ""
	for range 4 {
		dir := t.TempDir()
		s := open(t, dir, &csvcrm.Options{Every: -1})
		for range 2 {
			records := append(crmtest.Records(0, 30, 2), crmtest.Records(30, 60, 1)...)
			rand.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
			for _, r := range records {
				r.Purchases = append([]crm.Purchase(nil), r.Purchases...)
				rand.Shuffle(len(r.Purchases), func(i, j int) { r.Purchases[i], r.Purchases[j] = r.Purchases[j], r.Purchases[i] })
			}
			_, err := s.Save(t.Context(), records)
			require.NoError(t, err)
		}
		got := both(t, dir)
		if want == "" {
			want = got
		}
		require.Equal(t, want, got)
	}
}

func TestUnchangedLeavesTheFilesAlone(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, &csvcrm.Options{Every: -1})
	_, err := s.Save(t.Context(), crmtest.Records(0, 3, 1))
	require.NoError(t, err)
	before, err := os.Stat(filepath.Join(dir, csvcrm.Contacts))
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o600), before.Mode().Perm())
	out, err := s.Save(t.Context(), crmtest.Records(0, 3, 1))
	require.NoError(t, err)
	assert.Equal(t, crm.Unchanged, out[0].State)
	after, err := os.Stat(filepath.Join(dir, csvcrm.Contacts))
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after))
}

func TestFilesFollow(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, &csvcrm.Options{Every: time.Millisecond})
	_, err := s.Save(t.Context(), crmtest.Records(0, 3, 1))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		b, err := os.ReadFile(filepath.Join(dir, csvcrm.Contacts))
		return err == nil && bytes.Count(b, []byte("\n")) == 4
	}, 5*time.Minute, 5*time.Millisecond)
}

// What cannot be written is not tried without a pause, however soon the files are to
// follow.
func TestFailedFilesAreLeftForAWhile(t *testing.T) {
	dir := t.TempDir()
	failed := make(chan time.Time, 1000)
	s, err := csvcrm.Open(t.Context(), dir, &csvcrm.Options{Every: -1, Failed: func(error) { failed <- time.Now() }})
	require.NoError(t, err)
	// Nothing takes the place of a folder with something in it.
	require.NoError(t, os.Remove(filepath.Join(dir, csvcrm.Contacts)))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, csvcrm.Contacts, "inside"), 0o700))
	broken := errors.New("the input broke off")
	for _, err := range s.Load(t.Context(), func(yield func(crm.Record, error) bool) {
		for n := range 500 { // which are saved at once
			if !yield(crmtest.Record(n, 0), nil) {
				return
			}
		}
		yield(crm.Record{}, broken)
	}) {
		if err != nil {
			require.ErrorIs(t, err, broken)
		}
	}
	first, second := <-failed, <-failed
	assert.GreaterOrEqual(t, second.Sub(first), time.Second)
	require.NoError(t, os.RemoveAll(filepath.Join(dir, csvcrm.Contacts)))
	require.NoError(t, s.Close())
	assert.Len(t, readBack(t, dir), 500)
	left, err := filepath.Glob(filepath.Join(dir, ".tmp-*"))
	require.NoError(t, err)
	assert.Empty(t, left, "nothing half stays behind")
}

func TestForgottenIsNowhere(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, nil)
	r := crmtest.Record(1, 2)
	r.ServiceNotes, r.Purchases[0].Items = "a-word-to-find", "another-word-to-find"
	_, err := s.Save(t.Context(), []crm.Record{r, crmtest.Record(2, 2)})
	require.NoError(t, err)
	found := func() (all []string) {
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, e := range entries {
			b, err := os.ReadFile(filepath.Join(dir, e.Name()))
			require.NoError(t, err)
			if bytes.Contains(b, []byte("word-to-find")) {
				all = append(all, e.Name())
			}
		}
		return all
	}
	require.NotEmpty(t, found())
	out, err := s.Forget(t.Context(), []string{r.Key})
	require.NoError(t, err)
	require.Equal(t, crm.Deleted, out[0].State)
	require.Empty(t, found(), "not in the files, the database or its journal")
}

func TestFoldersOfOthers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, csvcrm.Contacts)
	require.NoError(t, os.WriteFile(path, []byte("name,email\nRobin,robin@example.com\n"), 0o600))
	_, err := csvcrm.Open(t.Context(), dir, nil)
	require.ErrorIs(t, err, csvcrm.ErrForeign)
	assert.NotContains(t, err.Error(), "robin")
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "name,email\nRobin,robin@example.com\n", string(b), "it is not written over")
}

func TestDatabaseIsLost(t *testing.T) {
	dir := t.TempDir()
	s, err := csvcrm.Open(t.Context(), dir, nil)
	require.NoError(t, err)
	_, err = s.Save(t.Context(), crmtest.Records(0, 20, 2))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	want := both(t, dir)
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(filepath.Join(dir, csvcrm.State+end)); err != nil {
			require.ErrorIs(t, err, os.ErrNotExist)
		}
	}
	require.NoError(t, csvcrm.Adopt(t.Context(), dir), "and the process dies once it has read the files")
	s = open(t, dir, &csvcrm.Options{Every: -1})
	require.Equal(t, want, both(t, dir))
	out, err := s.Save(t.Context(), crmtest.Records(0, 20, 2))
	require.NoError(t, err)
	for _, o := range out {
		assert.Equal(t, crm.Unchanged, o.State)
	}
}

func TestFolderIsMade(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	open(t, dir, nil)
	require.NotEmpty(t, both(t, dir))
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := csvcrm.Open(t.Context(), file, nil)
	require.Error(t, err)
}

// TestMain is also the program that TestKilled kills.
func TestMain(m *testing.M) {
	dir := os.Getenv("CSVCRM_WRITES_TO")
	if dir == "" {
		os.Exit(m.Run())
	}
	ctx := context.Background()
	s, err := csvcrm.Open(ctx, dir, &csvcrm.Options{Every: time.Millisecond})
	if err != nil {
		panic(err)
	}
	for v := 1; ; v++ {
		for n := range 40 {
			if _, err := s.Save(ctx, []crm.Record{crmtest.Record(n, v)}); err != nil {
				panic(err)
			}
			fmt.Println(n, v)
		}
	}
}

// TestKilled kills a process that writes, at any time: what it was told is saved is there,
// and the files are whole.
func TestKilled(t *testing.T) {
	kills := 8
	if os.Getenv("POSAI_FULL") == "1" {
		kills = 200
	}
	dir := t.TempDir()
	for range kills {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), "CSVCRM_WRITES_TO="+dir)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		saved := make(map[int]int)
		lines := bufio.NewScanner(out)
		left := 1 + rand.IntN(120)
		for lines.Scan() {
			var n, v int
			_, err := fmt.Sscan(lines.Text(), &n, &v)
			require.NoError(t, err)
			saved[n] = v
			if left--; left == 0 {
				require.NoError(t, cmd.Process.Kill())
			}
		}
		_ = cmd.Wait()
		_ = readBack(t, dir) // whole, and every purchase has its contact
		s, err := csvcrm.Open(t.Context(), dir, nil)
		require.NoError(t, err)
		states := make(map[string]crm.Record)
		for _, r := range readBack(t, dir) {
			states[r.Key] = r
		}
		for n, v := range saved {
			got := states[crmtest.Record(n, v).Key]
			if strings.TrimPrefix(got.ServiceNotes, "version ") != strconv.Itoa(v) { // the next may have been saved and not told
				assert.Equal(t, fmt.Sprintf("version %d", v+1), got.ServiceNotes)
			}
		}
		require.NoError(t, s.Close())
		left2, err := filepath.Glob(filepath.Join(dir, ".tmp-*"))
		require.NoError(t, err)
		require.Empty(t, left2)
	}
}

// TestManyCustomers saves one customer among very many, and writes them all.
func TestManyCustomers(t *testing.T) {
	many := 5_000
	if os.Getenv("POSAI_FULL") == "1" {
		many = 100_000
	}
	dir := t.TempDir()
	s := open(t, dir, nil)
	start := time.Now()
	for o, err := range s.Load(t.Context(), func(yield func(crm.Record, error) bool) {
		for n := range many {
			if !yield(crmtest.Record(n, 2), nil) {
				return
			}
		}
	}) {
		require.NoError(t, err)
		require.Equal(t, crm.Created, o.State)
	}
	loaded := time.Since(start)
	start = time.Now()
	out, err := s.Save(t.Context(), []crm.Record{crmtest.Record(many/2, 3)})
	require.NoError(t, err)
	require.Equal(t, crm.Updated, out[0].State)
	saved := time.Since(start)
	start = time.Now()
	require.NoError(t, s.Flush(t.Context()))
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	b, err := os.ReadFile(filepath.Join(dir, csvcrm.Contacts))
	require.NoError(t, err)
	require.Equal(t, many+1, bytes.Count(b, []byte("\n")))
	t.Logf("%d customers: loaded in %v, one saved in %v, files of %d kB written in %v, %d MB of live heap", many, loaded, saved, len(b)>>10, time.Since(start), m.HeapAlloc>>20)
}
