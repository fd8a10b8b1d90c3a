package audit_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
)

func TestTrail(t *testing.T) {
	log := filled(t, 9)
	special := full()
	special.Subjects = append(special.Subjects, special.Subjects[0], audit.Subject{Type: "order", ID: "gid://shopify/Order/1002"})
	_, err := log.Append(t.Context(), special)
	require.NoError(t, err)
	order := func(id string) audit.Subject { return audit.Subject{Type: "order", ID: "gid://shopify/Order/" + id} }
	at := audittest.Entry(0).Time
	for _, tt := range []struct {
		name string
		q    audit.Query
		want []int64
	}{
		{"all", audit.Query{}, []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{"subject", audit.Query{Subject: order("1002")}, []int64{2, 9}},
		{"subject named twice in an entry", audit.Query{Subject: order("1001")}, []int64{1, 9}},
		{"subject of any type", audit.Query{Subject: audit.Subject{ID: order("1001").ID}}, []int64{1, 9}},
		{"type of subject", audit.Query{Subject: audit.Subject{Type: "customer"}}, []int64{9}},
		{"subject of another type", audit.Query{Subject: audit.Subject{Type: "customer", ID: order("1001").ID}}, nil},
		{"correlation", audit.Query{Correlation: "flow-1"}, []int64{3, 4, 5}},
		{"correlation and subject", audit.Query{Correlation: "flow-1", Subject: order("1004")}, []int64{4}},
		{"unknown correlation", audit.Query{Correlation: "flow-77"}, nil},
		{"kind", audit.Query{Kind: audit.KindDecided}, []int64{9}},
		{"actor", audit.Query{Actor: "manager-7"}, []int64{9}},
		{"action", audit.Query{Action: "none"}, nil},
		{"shop", audit.Query{Shop: "example.myshopify.com"}, []int64{9}},
		{"since", audit.Query{Since: at.Add(7 * time.Second)}, []int64{7, 8, 9}},
		{"until", audit.Query{Until: at.Add(2 * time.Second)}, []int64{0, 1}},
		{"page", audit.Query{First: 4, Limit: 2}, []int64{4, 5}},
		{"page of a correlation", audit.Query{Correlation: "flow-1", First: 4, Limit: 5}, []int64{4, 5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []int64
			for r, err := range log.Trail(t.Context(), tt.q) {
				require.NoError(t, err)
				got = append(got, r.Index)
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestTrailEnds(t *testing.T) {
	log := filled(t, 5)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var errs []error
	for _, err := range log.Trail(ctx, audit.Query{}) {
		errs = append(errs, err)
		cancel()
	}
	require.Len(t, errs, 2)
	require.ErrorIs(t, errs[1], context.Canceled)

	n := 0
	for _, err := range log.Trail(t.Context(), audit.Query{}) {
		require.NoError(t, err)
		if n++; n == 2 {
			break
		}
	}
	assert.Equal(t, 2, n)
	_, err := log.At(t.Context(), 5)
	require.ErrorIs(t, err, audit.ErrNotFound)
	_, err = log.At(t.Context(), -1)
	require.ErrorIs(t, err, audit.ErrNotFound)
}

// liar gives another leaf than was written.
type liar struct{ *audittest.Memory }

func (l liar) Leaf(ctx context.Context, index int64) (audit.Leaf, error) {
	if index == 2 {
		index = 3
	}
	return l.Memory.Leaf(ctx, index)
}

func TestTrailChecksWhatItReads(t *testing.T) {
	log := open(t, liar{audittest.NewMemory(t)}, nil)
	for i := range 5 {
		appendTo(t, log, i)
	}
	var got int
	var last error
	for _, err := range log.Trail(t.Context(), audit.Query{}) {
		last = err
		got++
	}
	assert.Equal(t, 3, got)
	require.ErrorIs(t, last, audit.ErrCorrupt)
	_, err := log.Receipt(t.Context(), 2)
	require.ErrorIs(t, err, audit.ErrCorrupt)
}
