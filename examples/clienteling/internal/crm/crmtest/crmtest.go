// Package crmtest holds every implementation of crm.Sink against the same rules.
//
// The suite works with a CRM that fails now and then: it writes again what came back as
// Retry, as a caller does.
package crmtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/shopify"
)

// A CRM is one that the suite may fill, empty at first.
type CRM struct {
	Sink crm.Sink

	// State reads back, not through the sink, what the CRM has that is tied to a key:
	// sorted by key, purchases too.
	State func(t *testing.T) []crm.Record

	// Add gives the CRM a record of its own and returns its id. It is nil for a CRM that
	// has no others.
	Add func(t *testing.T, first, last, email, phone string) string

	// Own reads back the key and the first name of a record that Add gave it.
	Own func(t *testing.T, id string) (key, first string)
}

// Run runs the suite. open gives an empty CRM each time.
func Run(t *testing.T, open func(t *testing.T) CRM) {
	t.Run("saves any number, in order, the same twice", func(t *testing.T) { sizes(t, open) })
	t.Run("of one key the last record counts", func(t *testing.T) { sameKey(t, open) })
	t.Run("purchases are those of the state", func(t *testing.T) { purchases(t, open) })
	t.Run("values of any kind come back", func(t *testing.T) { hostile(t, open) })
	t.Run("bad keys keep nobody else from being saved", func(t *testing.T) { badKeys(t, open) })
	t.Run("replays in any order end alike", func(t *testing.T) { replays(t, open) })
	t.Run("load does what save does", func(t *testing.T) { load(t, open) })
	t.Run("load ends with the error of its input", func(t *testing.T) { loadError(t, open) })
	t.Run("forgets, also twice", func(t *testing.T) { forget(t, open) })
	t.Run("a canceled context is no state", func(t *testing.T) { canceled(t, open) })
	t.Run("is safe for concurrent use", func(t *testing.T) { concurrent(t, open) })
	t.Run("asks a person about records of its own", func(t *testing.T) { ambiguous(t, open) })
}

// Record is customer n in version v: two versions differ, and so do two customers.
func Record(n, v int) crm.Record {
	r := crm.Record{
		Key:       fmt.Sprintf("alder-and-wren.myshopify.com/%d", 7000+n),
		FirstName: fmt.Sprintf("Robin%d", n), LastName: fmt.Sprintf("Sample %d", v),
		Email: fmt.Sprintf("robin%d@example.com", n), Phone: fmt.Sprintf("+1555%07d", n),
		City: "Portland", Country: "US", Locale: "en-US",
		NoEmail: v%2 == 0, NoSMS: v%3 == 0, Segment: "LOYAL", Orders: v,
		LifetimeValue: usd(fmt.Sprintf("%d.25", 100*v+n)),
		LastVisit:     time.Date(2026, 11, 1+v%28, 10, 30, 0, 0, time.UTC),
		Preferences:   "Outerwear; size M", ServiceNotes: fmt.Sprintf("version %d", v),
	}
	for i := range 1 + v%3 {
		r.Purchases = append(r.Purchases, Purchase(n, i, v))
	}
	return r
}

// Purchase is the purchase i of customer n in version v.
func Purchase(n, i, v int) crm.Purchase {
	return crm.Purchase{
		Key: fmt.Sprintf("alder-and-wren.myshopify.com/o/%d-%d", 9000+n, i), Name: fmt.Sprintf("#%d%d", n, i),
		At: time.Date(2026, 10, 1+i, 9, 0, 0, 0, time.UTC), Channel: "register", Store: "Pearl Street",
		Net: usd(fmt.Sprintf("%d.5", 10*v+i)), Items: "Wool coat; size M",
	}
}

func usd(amount string) shopify.Money {
	m, err := shopify.ParseMoney(amount, "USD")
	if err != nil {
		panic(err)
	}
	return m
}

// Records are customers from to to-1 in version v.
func Records(from, to, v int) []crm.Record {
	var all []crm.Record
	for n := from; n < to; n++ {
		all = append(all, Record(n, v))
	}
	return all
}

// tries bounds how often the suite writes again. A CRM under test may fail often.
const tries = 60

// save writes records until none of them is to be tried again.
func save(t *testing.T, sink crm.Sink, records []crm.Record) []crm.Outcome {
	t.Helper()
	final := make([]crm.Outcome, len(records))
	open := make([]int, len(records)) // those to be written
	for i := range open {
		open[i] = i
	}
	for range tries {
		some := make([]crm.Record, len(open))
		for i, n := range open {
			some[i] = records[n]
		}
		out, err := sink.Save(t.Context(), some)
		passing(t, err)
		require.Len(t, out, len(some), "one outcome for each record")
		var again []int
		for i, o := range out {
			require.Equal(t, some[i].Key, o.Key, "outcomes come in the order of the records")
			final[open[i]] = o
			if o.State == crm.Retry {
				require.Error(t, o.Err, "who is to try again is told why")
				again = append(again, open[i])
			}
		}
		if open = again; len(open) == 0 {
			require.NoError(t, err, "an error while every record has its outcome")
			return final
		}
	}
	require.Failf(t, "never saved", "%d of %d records after %d tries", len(open), len(records), tries)
	return nil
}

// passing accepts errors that pass.
func passing(t *testing.T, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, crm.ErrUnavailable) && !errors.Is(err, crm.ErrLimit) {
		require.NoError(t, err)
	}
}

// loadAll loads records, all again if it broke off, and the rest through save, as a
// caller does.
func loadAll(t *testing.T, sink crm.Sink, records []crm.Record) map[string]crm.Outcome {
	t.Helper()
	for range tries {
		out := make(map[string]crm.Outcome)
		var failed error
		for o, err := range sink.Load(t.Context(), each(records)) {
			require.NoError(t, failed, "an error is the last that Load yields")
			if failed = err; err == nil {
				out[o.Key] = o
			}
		}
		if passing(t, failed); failed != nil {
			continue
		}
		var rest []crm.Record
		for _, r := range records {
			o, there := out[r.Key]
			require.True(t, there, "Load yields an outcome for each key")
			if o.State == crm.Retry {
				rest = append(rest, r)
			}
		}
		for _, o := range save(t, sink, rest) {
			out[o.Key] = o
		}
		return out
	}
	require.Fail(t, "never loaded")
	return nil
}

func each(records []crm.Record) func(func(crm.Record, error) bool) {
	return func(yield func(crm.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// requireState compares what the CRM has with what it should have.
func requireState(t *testing.T, c CRM, want []crm.Record) {
	t.Helper()
	equal(t, printed(want), printed(c.State(t)))
}

// equal shows the first difference of two states: all of them would be too much to read.
func equal(t *testing.T, want, got []string) {
	t.Helper()
	for i := range min(len(want), len(got)) {
		require.Equal(t, want[i], got[i], "customer %d of %d", i+1, len(want))
	}
	require.Len(t, got, len(want), "customers")
}

// printed makes records comparable, money and time among it, and readable when they
// differ.
func printed(records []crm.Record) []string {
	all := make([]string, 0, len(records))
	for _, r := range records {
		lines := make([]string, 0, len(r.Purchases))
		for _, p := range r.Purchases {
			lines = append(lines, fmt.Sprintf("%q %q %s %s %q %s %q", p.Key, p.Name, stamp(p.At), p.Channel, p.Store, amount(p.Net), crm.Text(p.Items)))
		}
		slices.Sort(lines)
		all = append(all, fmt.Sprintf("%q %q %q %q %q %q %q %q %t %t %q %s %d %s %q %q\n  %s",
			r.Key, crm.OneLine(r.FirstName), crm.OneLine(r.LastName), r.Email, r.Phone, crm.OneLine(r.City), r.Country, r.Locale, r.NoEmail, r.NoSMS,
			r.Segment, amount(r.LifetimeValue), r.Orders, stamp(r.LastVisit), crm.Text(r.Preferences), crm.Text(r.ServiceNotes), strings.Join(lines, "\n  ")))
	}
	slices.Sort(all)
	return all
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func amount(m shopify.Money) string {
	if m.CurrencyCode == "" {
		return "-"
	}
	return m.Amount.String() + " " + m.CurrencyCode
}

// retry runs fn until its error does not pass.
func retry(t *testing.T, fn func(context.Context) error) error {
	t.Helper()
	for range tries {
		err := fn(t.Context())
		if !errors.Is(err, crm.ErrUnavailable) && !errors.Is(err, crm.ErrLimit) {
			return err
		}
	}
	require.Fail(t, "never done")
	return nil
}
