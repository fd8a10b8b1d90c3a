package crm_test

import (
	"encoding/csv"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
)

func TestLastOfEach(t *testing.T) {
	one, two, again := crm.Record{Key: "a", Orders: 1}, crm.Record{Key: "b"}, crm.Record{Key: "a", Orders: 2}
	all := []crm.Record{one, two, again}
	assert.Equal(t, []crm.Record{two, again}, crm.LastOfEach(all))
	assert.Equal(t, []crm.Record{one, two, again}, all, "the argument is left alone")
	assert.Equal(t, all[1:], crm.LastOfEach(all[1:]))
	assert.Empty(t, crm.LastOfEach(nil))
	r := crm.Record{Purchases: []crm.Purchase{{Key: "p", Name: "old"}, {Key: "q"}, {Key: "p", Name: "new"}}}
	assert.Equal(t, []crm.Purchase{{Key: "q"}, {Key: "p", Name: "new"}}, r.LastPurchases())
}

func TestRows(t *testing.T) {
	const most = 64 << 10
	read := func(file string) (n int, err error) {
		rows := crm.NewRows(strings.NewReader(file), most)
		r := csv.NewReader(rows)
		for ; ; n++ {
			rows.Next()
			if _, err := r.Read(); err != nil {
				return n, err
			}
		}
	}
	n, err := read(strings.Repeat(strings.Repeat("c", 1000)+"\n", 1000))
	require.ErrorIs(t, err, io.EOF)
	assert.Equal(t, 1000, n, "each row has its own allowance")
	n, err = read("fine\n\"never closed " + strings.Repeat("c", 2*most))
	require.ErrorIs(t, err, crm.ErrLongRow)
	assert.Equal(t, 1, n)
}
