package crmtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
)

func sizes(t *testing.T, open func(t *testing.T) CRM) {
	c := open(t)
	out, err := c.Sink.Save(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, out)
	from := 0
	var all []crm.Record
	for _, n := range []int{1, 200, 201, 1000} {
		some := Records(from, from+n, 1)
		from += n
		all = append(all, some...)
		for _, o := range save(t, c.Sink, some) {
			// After a lost answer a record that was just created is there already.
			assert.Contains(t, []crm.State{crm.Created, crm.Updated, crm.Unchanged}, o.State, "%v", o.Err)
			assert.NotEmpty(t, o.ID)
		}
		for _, o := range save(t, c.Sink, some[:min(n, 3)]) {
			assert.Contains(t, []crm.State{crm.Updated, crm.Unchanged}, o.State, "the same again creates nothing")
		}
	}
	requireState(t, c, all)
}

func sameKey(t *testing.T, open func(t *testing.T) CRM) {
	c := open(t)
	out := save(t, c.Sink, []crm.Record{Record(1, 1), Record(2, 1), Record(1, 5), Record(1, 3)})
	require.Len(t, out, 4)
	requireState(t, c, []crm.Record{Record(1, 3), Record(2, 1)})

	// A state that no CRM takes is none: the one before it counts.
	bad := Record(1, 5)
	bad.Purchases[0].Key = ""
	out = save(t, c.Sink, []crm.Record{Record(1, 4), bad})
	assert.Contains(t, []crm.State{crm.Created, crm.Updated, crm.Unchanged}, out[0].State, "%v", out[0].Err)
	assert.Equal(t, crm.Invalid, out[1].State)
	requireState(t, c, []crm.Record{Record(1, 4), Record(2, 1)})
}

func purchases(t *testing.T, open func(t *testing.T) CRM) {
	c := open(t)
	one, two := Record(1, 2), Record(2, 2) // three purchases each
	save(t, c.Sink, []crm.Record{one, two})
	one.Purchases = one.Purchases[1:]
	save(t, c.Sink, []crm.Record{one})
	requireState(t, c, []crm.Record{one, two})

	// One moves to the other customer, as when two customers are merged.
	moved := one.Purchases[0]
	one.Purchases = one.Purchases[1:]
	two.Purchases = append(two.Purchases, moved)
	save(t, c.Sink, []crm.Record{two, one})
	requireState(t, c, []crm.Record{one, two})

	one.Purchases = nil
	twice := two
	twice.Purchases = append([]crm.Purchase{{Key: moved.Key, Name: "before"}}, two.Purchases...)
	save(t, c.Sink, []crm.Record{one, twice})
	requireState(t, c, []crm.Record{one, two})
}

func hostile(t *testing.T, open func(t *testing.T) CRM) {
	c := open(t)
	values := map[string]string{
		"emoji":     "Zoë 👩🏽‍🚀🎉 de la Crème",
		"quotes":    `O'Brien "Bo" \ Böhm, 'x'; --`,
		"lines":     "one\r\ntwo\rthree\nfour",
		"formula":   `=HYPERLINK("https://example.com","x")`,
		"plus":      "+SUM(1+1)",
		"minus":     "-2+3",
		"at":        "@SUM(A1)",
		"tab":       "\t=1+1",
		"return":    "\r=1+1",
		"rtl":       "مرحبا \u202Eabc\u202C שלום",
		"nul":       "a\x00b\x1b[31mc",
		"bad utf8":  "a\xff\xfeb",
		"markup":    `<script>alert(1)</script> & <b>`,
		"not a nil": "#N/A", // what Bulk API takes for null
		"apostr":    "'=1",
		"spaces":    "  two  spaces  ",
	}
	var records []crm.Record
	n := 0
	for name, value := range values {
		r := Record(n, 1)
		r.FirstName, r.City, r.Preferences, r.ServiceNotes = value, value, value, name+"\n"+value
		r.Purchases[0].Items = value
		records = append(records, r)
		n++
	}
	long := Record(n, 1)
	long.ServiceNotes = strings.Repeat("0123456789 ", 930) // 10 kB
	bare := crm.Record{Key: Record(n+1, 1).Key, LastName: "Sample"}
	records = append(records, long, bare)
	for i, o := range save(t, c.Sink, records) {
		assert.Contains(t, []crm.State{crm.Created, crm.Updated}, o.State, "record %d: %v", i, o.Err)
	}
	requireState(t, c, records)

	// And gone again: every value of the state counts, the empty ones too.
	for i, r := range records {
		records[i] = crm.Record{Key: r.Key, LastName: "Sample"}
	}
	save(t, c.Sink, records[:len(records)/2])
	loadAll(t, c.Sink, records[len(records)/2:])
	requireState(t, c, records)

	// A name that is empty is a name that the CRM may fill in.
	nameless := Record(500, 1)
	nameless.FirstName, nameless.LastName = "", ""
	o := save(t, c.Sink, []crm.Record{nameless})[0]
	assert.Contains(t, []crm.State{crm.Created, crm.Updated}, o.State, "%v", o.Err)
}

func badKeys(t *testing.T, open func(t *testing.T) CRM) {
	c := open(t)
	records := Records(0, 6, 1)
	records[1].Key = ""
	records[2].Key = strings.Repeat("k", crm.MaxKey+1)
	records[3].Key = "shop/7 001"
	records[4].Purchases[0].Key = ""
	out := save(t, c.Sink, records)
	for _, n := range []int{1, 2, 3, 4} {
		assert.Equal(t, crm.Invalid, out[n].State, "record %d", n)
		assert.Error(t, out[n].Err)
	}
	requireState(t, c, []crm.Record{records[0], records[5]})
}

// replays writes histories of several customers, each state once or more and in any
// order but for the last, mixed with one another, in pieces of any size: the same each
// time, and others with POSAI_FULL=1.
func replays(t *testing.T, open func(t *testing.T) CRM) {
	seed := uint64(1)
	if os.Getenv("POSAI_FULL") == "1" {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	const customers, versions = 12, 6
	want := Records(0, customers, versions)
	for round := range 3 {
		c := open(t)
		histories := make([][]crm.Record, customers)
		for n := range customers {
			for range rng.IntN(10) {
				histories[n] = append(histories[n], Record(n, 1+rng.IntN(versions)))
			}
			histories[n] = append(histories[n], Record(n, versions))
		}
		var all []crm.Record
		for left := customers; left > 0; {
			n := rng.IntN(customers)
			if len(histories[n]) == 0 {
				continue
			}
			all = append(all, histories[n][0])
			if histories[n] = histories[n][1:]; len(histories[n]) == 0 {
				left--
			}
		}
		for len(all) > 0 {
			n := min(1+rng.IntN(20), len(all))
			if rng.IntN(4) == 0 {
				loadAll(t, c.Sink, crm.LastOfEach(all[:n])) // Load has no order
			} else {
				save(t, c.Sink, all[:n])
			}
			all = all[n:]
		}
		requireState(t, c, want)
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
}

func canceled(t *testing.T, open func(t *testing.T) CRM) {
	c := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	records := Records(0, 3, 1)
	out, err := c.Sink.Save(ctx, records)
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, out, 3)
	for i, o := range out {
		assert.Equal(t, records[i].Key, o.Key)
		assert.Equal(t, crm.Retry, o.State)
		assert.Error(t, o.Err)
	}
	var failed error
	for _, err := range c.Sink.Load(ctx, each(records)) {
		failed = err
	}
	require.ErrorIs(t, failed, context.Canceled)
	out, err = c.Sink.Forget(ctx, []string{records[0].Key})
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, out, 1)
	assert.Equal(t, crm.Retry, out[0].State)
	requireState(t, c, nil)
	save(t, c.Sink, records)
	requireState(t, c, records)
}

func concurrent(t *testing.T, open func(t *testing.T) CRM) {
	c := open(t)
	var group sync.WaitGroup
	failed := make(chan string, 100)
	for g := range 4 {
		group.Go(func() {
			for v := 1; v <= 2; v++ {
				records := Records(100*g, 100*g+20, v)
				for try := 0; len(records) > 0 && try < tries; try++ {
					out, err := c.Sink.Save(t.Context(), records)
					if err != nil && !errors.Is(err, crm.ErrUnavailable) && !errors.Is(err, crm.ErrLimit) {
						failed <- err.Error()
						return
					}
					var again []crm.Record
					for i, o := range out {
						if o.State == crm.Retry {
							again = append(again, records[i])
						}
					}
					records = again
				}
				if len(records) > 0 {
					failed <- fmt.Sprintf("%d records were never saved", len(records))
				}
			}
		})
	}
	group.Wait()
	close(failed)
	for f := range failed {
		assert.Fail(t, f)
	}
	var want []crm.Record
	for g := range 4 {
		want = append(want, Records(100*g, 100*g+20, 2)...)
	}
	requireState(t, c, want)
}
