package profile_test

import (
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/profile"
	"github.com/posai-go/posai/shopify"
)

// FuzzOf gives it entries in which anything may be anything: it does not panic, its
// shares are shares, its texts are bounded, and the same entry backwards is the same.
func FuzzOf(f *testing.F) {
	f.Add([]byte("seed"), "Größe", "M\u202e", int64(1), int32(-2), 3, int64(0))
	f.Add([]byte{}, "Size", "", int64(-5), int32(1<<30), -1<<62, int64(1<<62))
	f.Add([]byte("x"), "\xff\xfe", strings.Repeat("w", 9000), int64(1<<62), int32(-1<<31), 1<<62, int64(-1<<62))
	f.Fuzz(func(t *testing.T, seed []byte, name, value string, coefficient int64, exponent int32, n int, at int64) {
		var s [8]byte
		copy(s[:], seed)
		r := rand.New(rand.NewPCG(6, binary.LittleEndian.Uint64(s[:])))
		e := randomEntry(r)
		odd := func() shopify.Money {
			return shopify.Money{Amount: decimal.New(coefficient, exponent), CurrencyCode: pick(r, "USD", "JPY", value)}
		}
		for i := range e.Orders {
			o := &e.Orders[i]
			if r.IntN(2) == 0 {
				o.At, o.UpdatedAt = time.Unix(at, 0), time.Unix(at/2, 0)
			}
			if r.IntN(3) == 0 {
				o.Total, o.Refunded, o.Channel, o.Location = odd(), odd(), book.Channel(name), value
			}
			for j := range o.Lines {
				l := &o.Lines[j]
				if r.IntN(3) == 0 {
					l.Quantity, l.Returned, l.Paid, l.Title, l.Category, l.Vendor = n, n/2+j, odd(), name, value, name
					l.Options = append(l.Options, book.Option{Name: name, Value: value})
				}
			}
		}
		for i := range e.Notes {
			e.Notes[i].Kind, e.Notes[i].Settles, e.Notes[i].Due = book.NoteKind(name), value, time.Unix(at, 0)
		}
		shop := randomShop(t, r, 40, 30)
		p := profile.Of(e, shop, now)
		back := e
		back.Orders = nil
		for i := range e.Orders {
			back.Orders = append(back.Orders, e.Orders[len(e.Orders)-1-i])
		}
		if time.Unix(at, 0).Year() > 0 && time.Unix(at, 0).Year() < 9999 { // others are no JSON
			require.Equal(t, withoutOrders(t, p), withoutOrders(t, profile.Of(back, shop, now)))
		}
		all := append(append(append(append([]profile.Preference{}, p.Categories...), p.Sizes...), p.Colors...), p.Brands...)
		for _, x := range p.Habits() {
			all = append(all, *x)
		}
		for _, x := range all {
			require.GreaterOrEqual(t, x.Pieces, profile.MinPieces)
			require.LessOrEqual(t, x.Pieces, x.Of)
			require.True(t, x.Percent() >= 0 && x.Percent() <= 100)
			require.LessOrEqual(t, utf8.RuneCountInString(x.Value), 80)
			require.True(t, utf8.ValidString(x.Value))
		}
		for _, b := range p.PriceBands {
			require.False(t, b.Low.Amount.GreaterThan(b.Median.Amount) || b.Median.Amount.GreaterThan(b.High.Amount))
		}
		require.True(t, p.ReturnRate() >= 0 && p.ReturnRate() <= 100)
		require.LessOrEqual(t, len(profile.Amount(p.Lifetime)), 120)
		for _, score := range []int{p.RFM.Recency, p.RFM.Frequency, p.RFM.Monetary} {
			require.True(t, score >= 0 && score <= 5)
		}
	})
}

// withoutOrders is a profile as a text, but for the orders themselves, whose amounts may
// be too long to be written down.
func withoutOrders(t *testing.T, p profile.Profile) string {
	t.Helper()
	for i := range p.Visits {
		p.Visits[i].Orders = nil
	}
	b, err := json.Marshal(p)
	require.NoError(t, err)
	return string(b)
}
