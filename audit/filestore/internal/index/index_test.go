package index_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/filestore/internal/index"
)

func entries(from, to int) (out []*audit.Entry) {
	for i := from; i < to; i++ {
		e := audittest.Entry(i)
		if i%5 == 0 {
			e.Kind = audit.KindDecided
		}
		if i%7 == 0 {
			e.Effect = &audit.Effect{RequestID: fmt.Sprint("r", i)}
			e.TraceID = fmt.Sprint("t", i)
			e.Sealed = []audit.Part{{Name: "a", Of: []string{"pseudonym:x"}}}
		}
		out = append(out, &e)
	}
	return out
}

func TestSearch(t *testing.T) {
	const n = 3000
	path := filepath.Join(t.TempDir(), "index.db")
	x, err := index.Open(t.Context(), path, false)
	require.NoError(t, err)
	all := entries(0, n)
	for first := 0; first < n; first += 500 {
		require.NoError(t, x.Add(t.Context(), int64(first), all[first:first+500], []byte{byte(first)}))
	}
	require.Error(t, x.Add(t.Context(), 0, all[:1], nil), "entries that do not follow")
	at := all[0].Time
	check := func(x *index.Index, before int64) {
		for _, q := range []audit.Query{
			{},
			{ID: "entry-77"},
			{ID: "entry-99999"},
			{Subject: audit.Subject{Type: "order", ID: "gid://shopify/Order/1042"}},
			{Subject: audit.Subject{ID: "pseudonym:x"}},
			{Correlation: "flow-11"},
			{Kind: audit.KindDecided},
			{Kind: audit.KindDecided, Correlation: "flow-11"},
			{Actor: "test", First: 100, Before: 2900},
			{Action: "postpurchase.followup", Before: 20},
			{RequestID: "r21"},
			{TraceID: "t28"},
			{Shop: "none"},
			{Since: at.Add(600 * time.Second), Until: at.Add(700 * time.Second)},
			{First: 10, Before: 20},
		} {
			for _, q.Descending = range []bool{false, true} {
				var want, got []int64
				for i, e := range all[:before] {
					if q.Match(audit.Record{Index: int64(i), Entry: *e}) {
						want = append(want, int64(i))
					}
				}
				if q.Descending {
					slices.Reverse(want)
				}
				candidates, last := 0, int64(-1)
				for i, err := range x.Search(t.Context(), q, before) {
					require.NoError(t, err)
					require.True(t, i >= 0 && i < before && (last < 0 || (i > last) != q.Descending), "%+v: %d after %d", q, i, last)
					last = i
					candidates++
					if q.Match(audit.Record{Index: i, Entry: *all[i]}) {
						got = append(got, i)
					}
				}
				require.Equal(t, want, got, "%+v", q)
				switch {
				case q.Kind != "" && q.Correlation != "":
					require.Equal(t, 3, candidates, "the flow narrows more than the kind")
				case q.ID != "" || q.Correlation != "" || q.Subject.ID != "" || q.RequestID != "":
					require.Len(t, want, candidates, "%+v finds nothing else", q)
				case !q.Since.IsZero():
					require.LessOrEqual(t, candidates, 1000)
				}
			}
		}
	}
	check(x, n)
	check(x, 777)
	for i, err := range x.Search(t.Context(), audit.Query{Actor: "test"}, n) {
		require.NoError(t, err)
		if i == 5 {
			break
		}
	}
	require.NoError(t, x.Close())
	x, err = index.Open(t.Context(), path, true)
	require.NoError(t, err)
	defer x.Close()
	check(x, n)
	size, root, err := x.State(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, n, size)
	assert.Equal(t, []byte{2500 % 256}, root)
}

func TestOpenRefusesWhatIsNoIndex(t *testing.T) {
	_, err := index.Open(t.Context(), filepath.Join(t.TempDir(), "none.db"), true)
	require.Error(t, err)
}

func BenchmarkAdd(b *testing.B) {
	x, err := index.Open(b.Context(), filepath.Join(b.TempDir(), "index.db"), false)
	require.NoError(b, err)
	defer x.Close()
	n := 0
	for b.Loop() {
		b.StopTimer()
		part := entries(n, n+7000)
		b.StartTimer()
		require.NoError(b, x.Add(b.Context(), int64(n), part, []byte{1}))
		n += 7000
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "entries/s")
}
