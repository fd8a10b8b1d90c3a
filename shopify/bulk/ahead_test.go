package bulk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/bulk"
)

// A probe is a field that calls a function whenever it is decoded.
type probe string

var onProbe atomic.Pointer[func(p probe) error]

func (p *probe) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, (*string)(p)); err != nil {
		return err
	}
	return (*onProbe.Load())(*p)
}

type probed struct {
	ID       string
	Probe    probe
	Children []struct{ ID string } `bulk:"*"`
}

// probing sets what probes do.
func probing(t *testing.T, do func(p probe) error) {
	t.Helper()
	onProbe.Store(&do)
	t.Cleanup(func() { onProbe.Store(nil) })
}

// probedParts makes n partitions of so many objects, p-0, p-1, … each with a
// child.
func probedParts(n, objects int) [][]string {
	parts := make([][]string, n)
	for p := range parts {
		for i := range objects {
			parts[p] = append(parts[p],
				fmt.Sprintf(`{"id":"c","__parentId":"%d-%d"}`, p, i),
				fmt.Sprintf(`{"id":"%d-%d","probe":"%d-%d"}`, p, i, p, i))
		}
	}
	return parts
}

// of counts the objects of a partition.
func of(part int, seen []string) (n int) {
	for _, id := range seen {
		if strings.HasPrefix(id, fmt.Sprint(part, "-")) {
			n++
		}
	}
	return n
}

// TestAheadGivesOutEverything: also when there are more goroutines than
// partitions, or none of them.
func TestAheadGivesOutEverything(t *testing.T) {
	probing(t, func(probe) error { return nil })
	for _, n := range []int{0, 1, 2, 3, 40} {
		synctest.Test(t, func(t *testing.T) {
			seen := map[string]bool{}
			for v, err := range bulk.JoinAhead[probed](t.Context(), t.TempDir(), probedParts(n, 150)) {
				require.NoError(t, err)
				require.Len(t, v.Children, 1)
				require.False(t, seen[v.ID])
				seen[v.ID] = true
			}
			require.Len(t, seen, n*150)
		})
	}
}

// TestAheadIsBounded: while the loop's body takes its time, two partitions are
// opened and a chunk of each is decoded, beside the one that the body has.
func TestAheadIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var decoded atomic.Int64
		var parts sync.Map
		probing(t, func(p probe) error {
			decoded.Add(1)
			part, _, _ := strings.Cut(string(p), "-")
			parts.Store(part, true)
			return nil
		})
		given := int64(0)
		for v, err := range bulk.JoinAhead[probed](t.Context(), t.TempDir(), probedParts(5, 1000)) {
			require.NoError(t, err)
			if given++; given%500 == 1 {
				time.Sleep(time.Hour)
				synctest.Wait() // until nothing goes on
				assert.LessOrEqual(t, decoded.Load()-given, int64(3*bulk.ChunkObjects))
			}
			if given == 1 {
				opened := 0
				parts.Range(func(_, _ any) bool { opened++; return true })
				assert.Equal(t, 2, opened)
			}
			_ = v
		}
		assert.EqualValues(t, 5000, given)
	})
}

// TestAheadEndsWithTheLoop: whichever way it ends, its goroutines end before
// it; synctest fails if one is left.
func TestAheadEndsWithTheLoop(t *testing.T) {
	var active, after atomic.Int64
	over := false
	probing(t, func(probe) error {
		active.Add(1)
		defer active.Add(-1)
		if over {
			after.Add(1)
		}
		runtime.Gosched()
		return nil
	})
	for name, end := range map[string]func(t *testing.T, n int, cancel func()) (more bool){
		"break":           func(_ *testing.T, n int, _ func()) bool { return n < 100 },
		"break at once":   func(*testing.T, int, func()) bool { return false },
		"panic":           func(*testing.T, int, func()) bool { panic("stop") },
		"runtime.Goexit":  func(*testing.T, int, func()) bool { runtime.Goexit(); return true },
		"context":         func(_ *testing.T, _ int, cancel func()) bool { cancel(); return true },
		"context, behind": func(_ *testing.T, n int, cancel func()) bool { cancel(); return n < 100 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				why := errors.New("why")
				over = false
				n := 0
				loop := make(chan struct{})
				go func() { // for Goexit
					defer close(loop)
					defer func() {
						over = true
						assert.Zero(t, active.Load())
						if name == "panic" {
							assert.Equal(t, "stop", recover())
						}
					}()
					for _, err := range bulk.JoinAhead[probed](ctx, t.TempDir(), probedParts(9, 400)) {
						if err != nil {
							assert.ErrorIs(t, err, why)
							assert.Equal(t, 1, n, "nothing is given out after the context's end")
							return
						}
						if n++; !end(t, n, func() { cancel(why) }) {
							break
						}
					}
				}()
				<-loop
				synctest.Wait()
				assert.Zero(t, after.Load(), "decoded after the loop's end")
				assert.Less(t, n, 9*400)
			})
		})
	}
}

// TestAheadFailuresComeInOrder: what goes wrong in the second partition while
// the first is given out appears after the first.
func TestAheadFailuresComeInOrder(t *testing.T) {
	wrong := errors.New("wrong")
	for name, fail := range map[string]func() error{
		"error":          func() error { return wrong },
		"panic":          func() error { panic(wrong) },
		"runtime.Goexit": func() error { runtime.Goexit(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				failed := make(chan struct{})
				probing(t, func(p probe) error {
					if p == "1-3" {
						defer close(failed)
						return fail()
					}
					return nil
				})
				var seen []string
				var last error
				panicked, exited := any(nil), true
				loop := make(chan struct{})
				go func() {
					defer close(loop)
					defer func() { panicked = recover() }()
					for v, err := range bulk.JoinAhead[probed](t.Context(), t.TempDir(), probedParts(8, 500)) {
						if err != nil {
							last = err
							continue // it is the last
						}
						if len(seen) == 0 {
							<-failed // it has gone wrong already
						}
						assert.NoError(t, last)
						seen = append(seen, v.ID)
					}
					exited = false
				}()
				<-loop
				assert.Equal(t, 500, of(0, seen), "the partition before is given out whole")
				assert.Equal(t, 3, of(1, seen), "and what comes before the failure")
				assert.Zero(t, of(5, seen))
				switch name {
				case "error":
					var line *bulk.LineError
					require.ErrorAs(t, last, &line)
					assert.EqualValues(t, 1000+2*4, line.Line)
					assert.False(t, exited)
				case "panic":
					assert.Equal(t, any(wrong), panicked)
				default:
					require.NoError(t, last)
					assert.Nil(t, panicked)
					assert.True(t, exited)
				}
			})
		})
	}
}

// TestAheadFirstFailureWins: of two partitions that go wrong, the loop sees the
// first, whichever went wrong before the other.
func TestAheadFirstFailureWins(t *testing.T) {
	for _, first := range []probe{"0-70", "1-70"} {
		synctest.Test(t, func(t *testing.T) {
			failed := make(chan struct{})
			probing(t, func(p probe) error {
				switch p {
				case first:
					close(failed)
				case "0-70", "1-70":
					<-failed
					synctest.Wait()
				default:
					return nil
				}
				return errors.New("wrong")
			})
			n := 0
			var line *bulk.LineError
			for v, err := range bulk.JoinAhead[probed](t.Context(), t.TempDir(), probedParts(8, 200)) {
				if err != nil {
					require.ErrorAs(t, err, &line)
					break
				}
				if strings.HasPrefix(v.ID, "0-") {
					n++
				}
			}
			require.NotNil(t, line)
			assert.EqualValues(t, 2*71, line.Line)
			assert.Equal(t, 70, n)
		})
	}
}

// processors lets the test have two at least.
func processors(t *testing.T) {
	t.Helper()
	was := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(max(was, 2))
	t.Cleanup(func() { runtime.GOMAXPROCS(was) })
}

// A failingReader gives the file, then an error.
type failingReader struct {
	file io.Reader
	err  error
}

func (r *failingReader) Read(b []byte) (int, error) {
	n, err := r.file.Read(b)
	if errors.Is(err, io.EOF) {
		err = r.err
	}
	return n, err
}

// TestDecodeLeavesNoGoroutine: whether the loop ends while the file is read or
// while it is joined.
func TestDecodeLeavesNoGoroutine(t *testing.T) {
	processors(t)
	_, lines := catalog(2000)
	file := strings.Join(shuffled(lines, 2), "\n")
	lost := errors.New("lost")
	for name, tt := range map[string]struct {
		file io.Reader
		stop int // after so many objects
		is   error
	}{
		"all":                  {file: strings.NewReader(file)},
		"break":                {file: strings.NewReader(file), stop: 900},
		"break at once":        {file: strings.NewReader(file), stop: 1},
		"the reader fails":     {file: &failingReader{strings.NewReader(file), lost}, is: lost},
		"the last line is bad": {file: strings.NewReader(file + "\n{"), is: bulk.ErrMalformed},
		"a type is wrong":      {file: strings.NewReader(file + "\n" + `{"id":"x","title":5}`), is: bulk.ErrMalformed},
		"an orphan":            {file: strings.NewReader(file + "\n" + `{"id":"gid://shopify/Video/1","__parentId":"y"}`), is: bulk.ErrOrphan},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				n := 0
				var last error
				for _, err := range bulk.Decode[product](t.Context(), tt.file, &bulk.DecodeOptions{Limits: bulk.Limits{Memory: 1, Dir: dir}}) {
					if last = err; err != nil {
						continue // it is the last
					}
					if n++; n == tt.stop {
						break
					}
				}
				require.ErrorIs(t, last, tt.is)
				if tt.is == nil && tt.stop == 0 {
					require.Equal(t, 2000, n)
				}
				assert.Empty(t, openFiles(t, dir))
			})
		})
	}
}

// TestDecodeSerial: nothing is decoded in other goroutines if so asked for.
func TestDecodeSerial(t *testing.T) {
	processors(t)
	for _, serial := range []bool{true, false} {
		var here, elsewhere atomic.Int64
		probing(t, func(probe) error {
			buf := make([]byte, 64<<10)
			if strings.Contains(string(buf[:runtime.Stack(buf, false)]), "bulk_test.TestDecodeSerial(") {
				here.Add(1)
			} else {
				elsewhere.Add(1)
			}
			return nil
		})
		lines := slices.Concat(probedParts(10, 200)...)
		got, err := collect[probed](t, lines, &bulk.DecodeOptions{Limits: bulk.Limits{Memory: 1, Dir: t.TempDir(), Serial: serial}})
		require.NoError(t, err)
		require.Len(t, got, 2000)
		if serial {
			assert.Zero(t, elsewhere.Load())
		} else {
			assert.Zero(t, here.Load())
		}
	}
}

// TestWriteBehind: an error of a write that goes on in the background is not
// lost.
func TestWriteBehind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, bulk.WriteBehind(f, []byte("one "), []byte("two "), []byte("three")))
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "one two three", string(got))

	readOnly, err := os.Open(path)
	require.NoError(t, err)
	defer readOnly.Close()
	var pe *os.PathError
	require.ErrorAs(t, bulk.WriteBehind(readOnly, []byte("x")), &pe)
	many := make([][]byte, 100)
	for i := range many {
		many[i] = []byte("x")
	}
	require.ErrorAs(t, bulk.WriteBehind(readOnly, many...), &pe)
}
