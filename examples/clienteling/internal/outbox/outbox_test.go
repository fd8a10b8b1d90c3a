package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/csvcrm"
	"github.com/posai-go/posai/examples/clienteling/internal/outbox"
	"github.com/posai-go/posai/examples/clienteling/internal/profile"
	"github.com/posai-go/posai/examples/clienteling/internal/store"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/internal/testpg"
	"github.com/posai-go/posai/shopify"
)

var start = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

// sink is the CSV files, with a script of what goes wrong.
type sink struct {
	crm.Sink
	mu     sync.Mutex
	fail   []error // of the next calls of Save and Load
	saved  []int   // records by call of Save
	loads  int     // calls of Load
	loaded int
	state  map[string]crm.State // instead of what the files say, by key

	forgotten []string
	meanwhile func() // while Forget is on its way
}

func (s *sink) Forget(ctx context.Context, keys []string) ([]crm.Outcome, error) {
	s.mu.Lock()
	s.forgotten = append(s.forgotten, keys...)
	meanwhile := s.meanwhile
	s.meanwhile = nil
	s.mu.Unlock()
	if meanwhile != nil {
		meanwhile()
	}
	return s.Sink.Forget(ctx, keys)
}

func (s *sink) next() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.fail) == 0 {
		return nil
	}
	err := s.fail[0]
	s.fail = s.fail[1:]
	return err
}

func (s *sink) Save(ctx context.Context, records []crm.Record) ([]crm.Outcome, error) {
	if err := s.next(); err != nil {
		out := make([]crm.Outcome, len(records))
		for i := range out {
			out[i] = crm.Outcome{Key: records[i].Key, State: crm.Retry}
		}
		return out, err
	}
	s.mu.Lock()
	s.saved = append(s.saved, len(records))
	s.mu.Unlock()
	out, err := s.Sink.Save(ctx, records)
	for i := range out {
		out[i] = s.instead(out[i])
	}
	return out, err
}

func (s *sink) instead(out crm.Outcome) crm.Outcome {
	if state, ok := s.state[out.Key]; ok {
		return crm.Outcome{Key: out.Key, State: state, Err: errors.New("FIELD_FILTER_VALIDATION_EXCEPTION"), Candidates: []crm.Candidate{{ID: "003", Name: "Old Name"}}}
	}
	return out
}

// calls are the records by call of Save, and the calls of Load.
func (s *sink) calls() (saved []int, loads int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.saved), s.loads
}

func (s *sink) Load(ctx context.Context, records iter.Seq2[crm.Record, error]) iter.Seq2[crm.Outcome, error] {
	return func(yield func(crm.Outcome, error) bool) {
		failing, n := s.next(), 0
		s.mu.Lock()
		s.loads++
		s.mu.Unlock()
		for out, err := range s.Sink.Load(ctx, records) {
			if n++; failing != nil && n == 300 {
				yield(crm.Outcome{}, failing) // in the middle
				return
			}
			s.mu.Lock()
			s.loaded++
			s.mu.Unlock()
			if !yield(s.instead(out), err) {
				return
			}
		}
	}
}

type fixture struct {
	t     *testing.T
	store *store.Store
	sink  *sink
	box   *outbox.Outbox
	wait  time.Duration // of the backoff

	mu      sync.Mutex
	asked   []string
	waiting bool
	refused bool
	erased  []store.Erasure
}

func newFixture(t *testing.T, url string) *fixture {
	t.Helper()
	f := &fixture{t: t, sink: &sink{state: map[string]crm.State{}}, wait: 5 * time.Millisecond, waiting: true}
	var err error
	f.store, err = store.Open(t.Context(), url, "alder-and-wren.myshopify.com")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, f.store.Close()) })
	files, err := csvcrm.Open(t.Context(), t.TempDir(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, files.Close()) })
	f.sink.Sink = files
	f.box = f.outbox()
	return f
}

func sqlite(t *testing.T) string { return demo.SQLiteURL(filepath.Join(t.TempDir(), "book.db")) }

func (f *fixture) outbox() *outbox.Outbox {
	return outbox.New(outbox.Options{
		Store: f.store, Sink: f.sink, Logger: slog.New(slog.DiscardHandler), Every: 10 * time.Millisecond, Backoff: func(int) time.Duration { return f.wait },
		Profile: func(e *book.Entry) profile.Profile { return profile.Of(*e, nil, start) },
		Ask: func(_ context.Context, _ int64, key string, candidates []crm.Candidate) (string, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.asked = append(f.asked, key+" "+candidates[0].ID)
			return "request " + key, nil
		},
		Answered: func(context.Context, string) (bool, bool, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			return f.waiting, f.refused, nil
		},
		Erased: func(_ context.Context, e store.Erasure) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.erased = append(f.erased, e); len(f.erased) == 1 {
				return errors.New("the log is full")
			}
			return nil
		},
	})
}

// run drains until the test, or the function that it returns, ends it.
func (f *fixture) run(o *outbox.Outbox) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { o.Run(ctx) })
	stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	f.t.Cleanup(stop)
	return stop
}

func (f *fixture) put(ids ...int64) {
	f.t.Helper()
	for _, id := range ids {
		_, err := f.store.PutCustomer(f.t.Context(), person(id, 10), store.Told)
		require.NoError(f.t, err)
	}
}

func person(id int64, seconds int) book.Customer {
	return book.Customer{ID: store.GID(id), FirstName: "Ann", LastName: fmt.Sprint("Number ", id), Email: fmt.Sprintf("c%d@example.com", id), Since: start, UpdatedAt: start.Add(time.Duration(seconds) * time.Second)}
}

func (f *fixture) until(what string, fn func(c store.Counts) bool) {
	f.t.Helper()
	require.Eventually(f.t, func() bool {
		c, err := f.store.Counts(f.t.Context())
		require.NoError(f.t, err)
		return fn(c)
	}, long, 5*time.Millisecond, what)
}

// long is how long a test waits for what has to come, however busy the machine is.
const long = 5 * time.Minute

func drained(c store.Counts) bool { return c.Pending+c.Forgetting == 0 }

func TestSave(t *testing.T) {
	f := newFixture(t, sqlite(t))
	for id := range int64(450) {
		f.put(id + 1)
	}
	f.run(f.box)
	f.until("drained", drained)
	assert.Equal(t, []int{200, 200, 50}, f.sink.saved)
	// What changes nothing for the CRM is not sent.
	c := person(1, 20)
	c.Note = "likes tea"
	_, err := f.store.PutCustomer(t.Context(), c, store.Told)
	require.NoError(t, err)
	f.box.Wake()
	f.until("drained", drained)
	assert.Len(t, f.sink.saved, 3)
}

// When there are many, the way is Load; one that ends in the middle keeps what it has
// reached.
func TestLoad(t *testing.T) {
	f := newFixture(t, sqlite(t))
	var many []book.Customer
	for id := range int64(1200) {
		c := person(id+1, 10)
		c.NoSharing = id%100 == 0
		many = append(many, c)
	}
	_, _, err := f.store.PutCustomers(t.Context(), many)
	require.NoError(t, err)
	f.sink.fail = []error{&crm.LimitError{RetryAfter: 2 * time.Millisecond, Limit: "DAILY"}}
	f.run(f.box)
	f.until("drained", drained)
	sent := f.sink.loaded
	require.Equal(t, 299, sent)
	for _, n := range f.sink.saved {
		sent += n
	}
	assert.GreaterOrEqual(t, sent, 1188)
	assert.Less(t, sent, 1400, "those who were there are not sent again")
	c, err := f.store.Counts(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 12, c.Withheld)
	assert.Zero(t, c.Invalid+c.Retrying)
}

// Who waits after a failure is not due: whoever comes meanwhile is saved at once.
func TestThoseWhoWait(t *testing.T) {
	f := newFixture(t, sqlite(t))
	f.wait = time.Hour
	var many []book.Customer
	for id := range int64(1000) {
		many = append(many, person(id+1, 10))
		f.sink.state[f.store.Key(id+1)] = crm.Retry
	}
	_, _, err := f.store.PutCustomers(t.Context(), many)
	require.NoError(t, err)
	f.run(f.box)
	f.until("all of them wait", func(c store.Counts) bool { return c.Retrying == 1000 })
	f.put(2000)
	f.box.Wake()
	f.until("the other one is there", func(c store.Counts) bool { return c.Customers == 1001 && c.Pending == 1000 })
	saved, loads := f.sink.calls()
	assert.Equal(t, []int{1}, saved)
	assert.Equal(t, 1, loads)
}

// Where everybody is looked at again and the CRM has nearly all of them as they are, the
// others are saved: Load is for many to send.
func TestADayLater(t *testing.T) {
	f := newFixture(t, sqlite(t))
	var many []book.Customer
	for id := range int64(1000) {
		many = append(many, person(id+1, 10))
	}
	_, _, err := f.store.PutCustomers(t.Context(), many)
	require.NoError(t, err)
	stop := f.run(f.box)
	f.until("drained", drained)
	stop()
	moved := person(700, 20)
	moved.City = "Portland"
	_, err = f.store.PutCustomer(t.Context(), moved, store.Told)
	require.NoError(t, err)
	require.NoError(t, f.store.ChangeAll(t.Context()))
	f.run(f.box)
	f.until("drained", drained)
	saved, loads := f.sink.calls()
	assert.Equal(t, []int{1}, saved)
	assert.Equal(t, 1, loads)
}

func TestFailures(t *testing.T) {
	f := newFixture(t, sqlite(t))
	f.put(1)
	f.sink.fail = []error{
		fmt.Errorf("%w: no route", crm.ErrUnavailable), &crm.LimitError{RetryAfter: 3 * time.Millisecond, Limit: "REQUEST_LIMIT_EXCEEDED"},
	}
	f.run(f.box)
	f.until("drained", drained)
	require.Eventually(t, func() bool { return f.box.Status().Failing == "" }, long, 5*time.Millisecond)
	assert.Equal(t, 1, f.box.Status().Saved)

	f.sink.mu.Lock()
	f.sink.fail = []error{fmt.Errorf("%w: Contact.Posai_Key__c is not there", crm.ErrRefused)}
	f.sink.mu.Unlock()
	f.put(2)
	f.box.Wake()
	require.Eventually(t, func() bool { return f.box.Status().Refused != "" }, long, 5*time.Millisecond)
	assert.Contains(t, f.box.Status().Refused, "Contact.Posai_Key__c")
	assert.Greater(t, time.Until(f.box.Status().Paused), time.Minute, "a person has to set something up")
}

// What the CRM does not take is shown, and tried again when it has changed.
func TestInvalid(t *testing.T) {
	f := newFixture(t, sqlite(t))
	f.put(1)
	f.sink.state[f.store.Key(1)] = crm.Invalid
	stop := f.run(f.box)
	f.until("invalid", func(c store.Counts) bool { return c.Invalid == 1 && c.Pending == 0 })
	problems, err := f.store.Problems(t.Context(), 10)
	require.NoError(t, err)
	assert.Equal(t, []store.Problem{{Customer: 1, State: store.Invalid, Text: "FIELD_FILTER_VALIDATION_EXCEPTION"}}, problems)
	stop()
	clear(f.sink.state)
	_, err = f.store.PutCustomer(t.Context(), person(1, 20), store.Told)
	require.NoError(t, err)
	f.run(f.box)
	f.until("valid", func(c store.Counts) bool { return c.Invalid == 0 && drained(c) })
}

// What the CRM did not take may be a part of somebody whom it has now: who opts out is
// forgotten there.
func TestInvalidInPart(t *testing.T) {
	f := newFixture(t, sqlite(t))
	f.put(1)
	f.sink.state[f.store.Key(1)] = crm.Invalid
	f.run(f.box)
	f.until("invalid", func(c store.Counts) bool { return c.Invalid == 1 && c.Pending == 0 })
	c := person(1, 20)
	c.NoSharing = true
	_, err := f.store.PutCustomer(t.Context(), c, store.Told)
	require.NoError(t, err)
	f.box.Wake()
	f.until("withheld", func(c store.Counts) bool { return c.Withheld == 1 })
	assert.Equal(t, []string{f.store.Key(1)}, f.sink.forgotten)
}

// A person is asked once; if nobody answers, again.
func TestAmbiguous(t *testing.T) {
	f := newFixture(t, sqlite(t))
	f.put(1)
	f.sink.state[f.store.Key(1)] = crm.Ambiguous
	stop := f.run(f.box)
	asked := func(n int) { // or more often: a question that nobody answers is asked every few seconds
		t.Helper()
		require.Eventually(t, func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.asked) >= n }, long, 5*time.Millisecond)
	}
	asked(1)
	f.until("a question", func(c store.Counts) bool { return c.Questions == 1 && c.Pending == 0 })
	// A change of theirs waits for the answer.
	_, err := f.store.PutCustomer(t.Context(), person(1, 20), store.Told)
	require.NoError(t, err)
	f.box.Wake()
	f.until("a question", func(c store.Counts) bool { return c.Questions == 1 && c.Pending == 0 })
	stop()
	f.waiting = false // it expired
	f.box = f.outbox()
	stop = f.run(f.box)
	asked(2)
	stop()
	assert.NotEqual(t, f.asked[0], f.asked[1], "another question")
	clear(f.sink.state)
	known, err := f.store.Choose(t.Context(), 1, store.ChoiceNew, "r")
	require.NoError(t, err)
	require.True(t, known)
	f.run(f.outbox())
	f.until("drained", func(c store.Counts) bool { return c.Questions == 0 && drained(c) })
}

// An erasure that could not be reported is reported later, and stays until then.
func TestErased(t *testing.T) {
	f := newFixture(t, sqlite(t))
	f.put(1, 2)
	f.run(f.box)
	f.until("drained", drained)
	require.NoError(t, f.store.Erase(t.Context(), store.Erasure{Topic: "customers/redact", Customer: 1}))
	f.box.Wake()
	f.until("drained", drained)
	assert.Len(t, f.erased, 2)
	require.NoError(t, f.store.EraseAll(t.Context(), store.Erasure{Topic: "shop/redact"}))
	f.box.Wake()
	f.until("drained", drained)
	require.Len(t, f.erased, 3)
	assert.Equal(t, "shop/redact", f.erased[2].Topic)
}

// An erasure that comes while the CRM forgets a customer who was deleted is reported.
func TestErasedMeanwhile(t *testing.T) {
	f := newFixture(t, sqlite(t))
	f.put(1)
	f.run(f.box)
	f.until("drained", drained)
	f.sink.meanwhile = func() {
		assert.NoError(t, f.store.Erase(t.Context(), store.Erasure{Topic: "customers/redact", Customer: 1}))
	}
	require.NoError(t, f.store.Delete(t.Context(), 1))
	f.box.Wake()
	f.until("drained", drained)
	assert.NotEmpty(t, f.erased)
}

// Of two processes one drains; when it ends, the other does.
func TestOneDrains(t *testing.T) {
	f := newFixture(t, testpg.URL(t))
	a, b := f.outbox(), f.outbox()
	stopA := f.run(a)
	require.Eventually(t, func() bool { return a.Status().Holding }, long, 5*time.Millisecond)
	f.run(b)
	for id := range int64(50) {
		f.put(id + 1)
	}
	a.Wake()
	b.Wake()
	f.until("drained", drained)
	assert.Zero(t, b.Status().Saved)
	assert.Equal(t, 50, a.Status().Saved)
	stopA()
	f.put(100)
	f.until("drained", drained)
	assert.True(t, b.Status().Holding)
	assert.Equal(t, 1, b.Status().Saved)
}

// A record says what a store's people would.
func TestRecord(t *testing.T) {
	usd := func(cents int64) shopify.Money {
		return shopify.Money{Amount: decimal.New(cents, -2), CurrencyCode: "USD"}
	}
	f := newFixture(t, sqlite(t))
	e := &book.Entry{Customer: person(7, 10)}
	e.Customer.EmailConsent = book.Consent{State: "SUBSCRIBED", At: start}
	e.Customer.RFMGroup = "NEEDS_ATTENTION"
	for i := range int64(4) {
		e.Orders = append(e.Orders, book.Order{
			ID: shopify.NewGID("Order", 90+i), Customer: e.Customer.ID, Name: fmt.Sprint("#10", i), At: start.Add(-time.Duration(i) * 24 * time.Hour), Channel: book.Register, Location: "Harbor Street",
			Lines: []book.Line{{Title: "Field\nJacket", Category: "Outerwear", Vendor: "Alder & Wren", Quantity: 2, Returned: int(i % 2), Paid: usd(20000), Options: []book.Option{{Name: "Size", Value: "M"}}}},
			Total: usd(21000), Refunded: usd(1000 * i), Canceled: i == 3, UpdatedAt: start,
		})
	}
	e.Notes = []book.Note{{ID: "n", Customer: e.Customer.ID, At: start, By: "Jo", Kind: book.Promise, Text: "call\nwhen in", Due: start.AddDate(0, 0, 3)}}
	p := profile.Of(*e, nil, start)
	r := outbox.Record(f.store, 7, e, &p, store.ChoiceNew)
	assert.Equal(t, "alder-and-wren.myshopify.com/7", r.Key)
	assert.False(t, r.NoEmail)
	assert.True(t, r.NoSMS)
	assert.Equal(t, "Needs attention", r.Segment)
	assert.Equal(t, "600.00 USD", r.LifetimeValue.String())
	assert.Equal(t, 3, r.Orders)
	assert.True(t, r.Distinct)
	assert.Equal(t, "2026-03-01 promise: call when in (Jo), due 2026-03-04", r.ServiceNotes)
	assert.Contains(t, r.Preferences, "Outerwear; size M (Outerwear)")
	require.Len(t, r.Purchases, 3, "one was canceled")
	assert.Equal(t, crm.Purchase{
		Key: "alder-and-wren.myshopify.com/o/91", Name: "#101", At: start.AddDate(0, 0, -1), Channel: "register", Store: "Harbor Street", Net: usd(20000), Items: "2 × Field Jacket (1 returned)",
	}, r.Purchases[1])
	assert.Equal(t, outbox.Digest(r), outbox.Digest(outbox.Record(f.store, 7, e, &p, store.ChoiceNew)))
	e.Customer.City = "Reykjavík"
	assert.NotEqual(t, outbox.Digest(r), outbox.Digest(outbox.Record(f.store, 7, e, &p, store.ChoiceNew)))
}
