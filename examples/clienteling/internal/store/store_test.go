package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/store"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/internal/sqldb"
	"github.com/posai-go/posai/internal/testpg"
	"github.com/posai-go/posai/shopify"
)

const domain = "alder-and-wren.myshopify.com"

// both runs a test on both databases.
func both(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	for name, url := range map[string]func(testing.TB) string{
		"SQLite":     func(t testing.TB) string { return demo.SQLiteURL(filepath.Join(t.TempDir(), "book.db")) },
		"PostgreSQL": testpg.URL,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t, url(t))) })
	}
}

func open(t *testing.T, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url, domain)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

var start = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

func customer(id int64, seconds int, change ...func(*book.Customer)) book.Customer {
	c := book.Customer{ID: store.GID(id), FirstName: "Ann", LastName: fmt.Sprint("Number ", id), Email: fmt.Sprintf("c%d@example.com", id), Since: start, UpdatedAt: at(seconds)}
	for _, fn := range change {
		fn(&c)
	}
	return c
}

func order(id, customer int64, seconds int, note string) store.Order {
	return store.Order{
		ID: id, Customer: customer, UpdatedAt: at(seconds), At: at(0), Name: fmt.Sprint("#", id), Channel: book.Register, Note: note,
		Lines: []store.Line{{Variant: 5, Title: "Scarf", Quantity: 1, Paid: shopify.Money{Amount: decimal.New(100, -1), CurrencyCode: "USD"}}},
		Total: shopify.Money{Amount: decimal.New(100, -1), CurrencyCode: "USD"},
	}
}

func put(t *testing.T, s *store.Store, c book.Customer, from store.Source) store.Result {
	t.Helper()
	r, err := s.PutCustomer(t.Context(), c, from)
	require.NoError(t, err)
	return r
}

func putOrder(t *testing.T, s *store.Store, o store.Order, from store.Source) store.Result {
	t.Helper()
	r, err := s.PutOrder(t.Context(), o, from)
	require.NoError(t, err)
	return r
}

func entry(t *testing.T, s *store.Store, id int64) *book.Entry {
	t.Helper()
	e, err := s.Entry(t.Context(), id)
	require.NoError(t, err)
	return e
}

func TestALaterStateStays(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store) {
		named := func(name string) func(*book.Customer) { return func(c *book.Customer) { c.FirstName = name } }
		assert.Equal(t, store.Stored, put(t, s, customer(1, 10), store.Told))
		assert.Equal(t, store.Same, put(t, s, customer(1, 10), store.Told))
		assert.Equal(t, store.Stored, put(t, s, customer(1, 20, named("Bea")), store.Told))
		assert.Equal(t, store.Older, put(t, s, customer(1, 10), store.Told))
		assert.Equal(t, store.Conflict, put(t, s, customer(1, 20, named("Cleo")), store.Told), "which of them came later, the shop knows")
		assert.Equal(t, "Bea", entry(t, s, 1).Customer.FirstName)
		assert.Equal(t, store.Stored, put(t, s, customer(1, 20, named("Cleo")), store.Read))
		assert.Equal(t, "Cleo", entry(t, s, 1).Customer.FirstName)

		assert.Equal(t, store.Stored, putOrder(t, s, order(7, 1, 20, "second"), store.Told))
		assert.Equal(t, store.Older, putOrder(t, s, order(7, 1, 10, "first"), store.Told))
		assert.Equal(t, store.Same, putOrder(t, s, order(7, 1, 20, "second"), store.Told))
		assert.Equal(t, store.Conflict, putOrder(t, s, order(7, 1, 20, "other"), store.Told))
		assert.Equal(t, "second", entry(t, s, 1).Orders[0].Note)
	})
}

func TestAnOrderBeforeItsCustomerAndWithoutOne(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store) {
		putOrder(t, s, order(7, 1, 10, "early"), store.Told)
		_, err := s.Entry(t.Context(), 1)
		require.ErrorIs(t, err, store.ErrNotFound)
		put(t, s, customer(1, 10), store.Told)
		require.Len(t, entry(t, s, 1).Orders, 1)

		// An order whose customer was taken away stays so, whatever arrives late.
		putOrder(t, s, order(7, 0, 20, "a walk-in's"), store.Told)
		assert.Equal(t, store.Older, putOrder(t, s, order(7, 1, 10, "early"), store.Told))
		assert.Empty(t, entry(t, s, 1).Orders)
		// One that gets a customer later is theirs.
		putOrder(t, s, order(7, 1, 30, "given a customer"), store.Told)
		require.Len(t, entry(t, s, 1).Orders, 1)
		// One that is deleted does not come back.
		require.NoError(t, s.DeleteOrder(t.Context(), 7))
		assert.Equal(t, store.Older, putOrder(t, s, order(7, 1, 40, "late"), store.Told))
		assert.Empty(t, entry(t, s, 1).Orders)
	})
}

func TestConsentsHaveTimesOfTheirOwn(t *testing.T) {
	email := func(c *book.Customer) (*book.Consent, string) { return &c.EmailConsent, c.Email }
	subscribed := func(c *book.Customer) { c.EmailConsent = book.Consent{State: "SUBSCRIBED", At: at(5)} }
	both(t, func(t *testing.T, s *store.Store) {
		put(t, s, customer(1, 10, subscribed), store.Told)
		require.True(t, entry(t, s, 1).Customer.EmailConsent.Given())
		known, err := s.SetConsent(t.Context(), 1, "C1@example.com ", book.Consent{State: "UNSUBSCRIBED", At: at(15)}, email)
		require.NoError(t, err)
		require.True(t, known)
		// A later state of the customer that says what was before does not give it again.
		put(t, s, customer(1, 30, subscribed), store.Told)
		assert.False(t, entry(t, s, 1).Customer.EmailConsent.Given())
		// Nor does an older delivery, or one of the same second.
		for _, seconds := range []int{12, 15} {
			_, err = s.SetConsent(t.Context(), 1, "C1@example.com ", book.Consent{State: "SUBSCRIBED", At: at(seconds)}, email)
			require.NoError(t, err)
			assert.False(t, entry(t, s, 1).Customer.EmailConsent.Given())
		}
		_, err = s.SetConsent(t.Context(), 1, "C1@example.com ", book.Consent{State: "SUBSCRIBED", At: at(40)}, email)
		require.NoError(t, err)
		assert.True(t, entry(t, s, 1).Customer.EmailConsent.Given())
		// A consent for another address is none for this one.
		put(t, s, customer(1, 50, func(c *book.Customer) {
			c.Email = "new@example.com"
			c.EmailConsent = book.Consent{State: "NOT_SUBSCRIBED"}
		}), store.Told)
		assert.False(t, entry(t, s, 1).Customer.EmailConsent.Given())
		// However late it is told.
		known, err = s.SetConsent(t.Context(), 1, "c1@example.com", book.Consent{State: "SUBSCRIBED", At: at(60)}, email)
		require.NoError(t, err)
		assert.True(t, known)
		assert.False(t, entry(t, s, 1).Customer.EmailConsent.Given())
		known, err = s.SetConsent(t.Context(), 2, "c2@example.com", book.Consent{State: "SUBSCRIBED", At: at(40)}, email)
		require.NoError(t, err)
		assert.False(t, known)
	})
}

// A merge has the same end whatever arrives before it and after it.
func TestMerge(t *testing.T) {
	steps := map[string]func(t *testing.T, s *store.Store){
		"the kept":          func(t *testing.T, s *store.Store) { put(t, s, customer(1, 10), store.Read) },
		"an order":          func(t *testing.T, s *store.Store) { putOrder(t, s, order(7, 2, 10, "of the other"), store.Told) },
		"its later state":   func(t *testing.T, s *store.Store) { putOrder(t, s, order(7, 1, 30, "of the kept"), store.Told) },
		"the merge":         func(t *testing.T, s *store.Store) { require.NoError(t, s.Merge(t.Context(), 1, 2)) },
		"a late deletion":   func(t *testing.T, s *store.Store) { require.NoError(t, s.Delete(t.Context(), 2)) },
		"the other's state": func(t *testing.T, s *store.Store) { put(t, s, customer(2, 20), store.Told) },
		"the kept's order":  func(t *testing.T, s *store.Store) { putOrder(t, s, order(8, 1, 10, ""), store.Told) },
	}
	both(t, func(t *testing.T, s *store.Store) {
		// Any order of a map is one that may happen.
		put(t, s, customer(2, 5), store.Told)
		_, err := s.AddNote(t.Context(), book.Note{ID: "n", Customer: store.GID(2), By: "Jo", Kind: book.Preference, Text: "navy"})
		require.NoError(t, err)
		var said []string
		for name, step := range steps {
			said = append(said, name)
			step(t, s)
		}
		e := entry(t, s, 1)
		require.Len(t, e.Orders, 2, "%v", said)
		assert.Equal(t, "of the kept", e.Orders[1].Note, "%v", said)
		require.Len(t, e.Notes, 1, "%v", said)
		assert.Equal(t, store.GID(1), e.Notes[0].Customer)
		assert.Equal(t, e, entry(t, s, 2), "the other lives on as the kept")
		forgets, err := s.Forgets(t.Context(), 10)
		require.NoError(t, err)
		require.Len(t, forgets, 1)
		assert.Equal(t, domain+"/2", forgets[0].Key)
		hits, err := s.Search(t.Context(), "c2@example.com", 5)
		require.NoError(t, err)
		assert.Empty(t, hits)
		// A chain of merges leads to its end.
		require.NoError(t, s.Merge(t.Context(), 3, 1))
		put(t, s, customer(3, 10), store.Told)
		assert.Len(t, entry(t, s, 2).Orders, 2)
	})
}

func TestDeletedAndErasedStayGone(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store) {
		for _, id := range []int64{1, 2} {
			put(t, s, customer(id, 10), store.Told)
			putOrder(t, s, order(10+id, id, 10, "told"), store.Told)
			_, err := s.AddNote(t.Context(), book.Note{Customer: store.GID(id), By: "Jo", Kind: book.Service, Text: "sleeves shortened"})
			require.NoError(t, err)
		}
		require.NoError(t, s.Delete(t.Context(), 1))
		job := store.Erasure{Topic: "customers/redact", ShopID: 9, Customer: 2, WebhookID: "w"}
		require.NoError(t, s.Erase(t.Context(), job))
		for _, id := range []int64{1, 2} {
			assert.Equal(t, store.Gone, put(t, s, customer(id, 50), store.Read))
			putOrder(t, s, order(10+id, id, 60, "late"), store.Told)
			_, err := s.Entry(t.Context(), id)
			require.ErrorIs(t, err, store.ErrNotFound)
			_, err = s.AddNote(t.Context(), book.Note{Customer: store.GID(id), By: "Jo", Kind: book.Service, Text: "x"})
			require.ErrorIs(t, err, store.ErrNotFound)
		}
		orders, err := s.Orders(t.Context(), 2)
		require.NoError(t, err)
		assert.Empty(t, orders, "nothing of who was erased")
		erased, err := s.Erased(t.Context(), 2)
		require.NoError(t, err)
		assert.True(t, erased)
		// The CRM is to forget both, and somebody waits for one of them.
		forgets, err := s.Forgets(t.Context(), 10)
		require.NoError(t, err)
		require.Len(t, forgets, 2)
		assert.Nil(t, forgets[0].Erasure)
		job.Orders = []int64{12}
		assert.Equal(t, &job, forgets[1].Erasure, "with the orders that the book had of them")
		// A deletion that comes once more does not make the erasure forgotten.
		require.NoError(t, s.Delete(t.Context(), 2))
		require.NoError(t, s.Erase(t.Context(), job))
		lease, ok, err := s.Acquire(t.Context(), "crm", time.Minute)
		require.NoError(t, err)
		require.True(t, ok)
		require.NoError(t, s.ForgetLater(t.Context(), lease, forgets[1], "limit", time.Now().Add(time.Hour)))
		forgets, err = s.Forgets(t.Context(), 10)
		require.NoError(t, err)
		require.Len(t, forgets, 1)
		require.NoError(t, s.Forgotten(t.Context(), lease, forgets[0]))
		// Nothing is due: what the gone had changed has gone with them.
		work, err := s.Due(t.Context(), 0, 10)
		require.NoError(t, err)
		for _, w := range work {
			assert.Nil(t, w.Entry)
		}

		require.NoError(t, s.EraseAll(t.Context(), store.Erasure{Topic: "shop/redact", ShopID: 9}))
		c, err := s.Counts(t.Context())
		require.NoError(t, err)
		assert.Zero(t, c.Customers+c.Orders+c.Notes)
	})
}

// Who was merged into somebody who is erased, before or after it, is erased like them, and
// each is reported, since each has keys of their own in the audit log.
func TestErasedUnderAllNumbers(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store) {
		for id := range int64(4) {
			put(t, s, customer(id+1, 10), store.Told)
			putOrder(t, s, order(11+id, id+1, 10, "told"), store.Told)
		}
		require.NoError(t, s.Merge(t.Context(), 1, 2))
		require.NoError(t, s.Merge(t.Context(), 3, 4))
		before, err := s.MergedInto(t.Context(), 1)
		require.NoError(t, err)
		assert.Equal(t, []int64{2}, before)
		job := store.Erasure{Topic: "customers/redact", ShopID: 9, Customer: 1, Orders: []int64{99}, WebhookID: "w"}
		for range 2 {
			require.NoError(t, s.Erase(t.Context(), job))
			require.NoError(t, s.Merge(t.Context(), 1, 3))
		}
		forgets, err := s.Forgets(t.Context(), 10)
		require.NoError(t, err)
		var jobs []store.Erasure
		for _, f := range forgets {
			require.NotNil(t, f.Erasure, f.Key)
			jobs = append(jobs, *f.Erasure)
		}
		of := func(id int64, hook string, orders ...int64) store.Erasure {
			return store.Erasure{Topic: "customers/redact", ShopID: 9, Customer: id, Orders: orders, WebhookID: hook}
		}
		assert.ElementsMatch(t, []store.Erasure{of(1, "w", 11, 12, 99), of(2, "w/2"), of(3, "w/3", 13, 14), of(4, "w/3/4")}, jobs)
		for id := range int64(4) {
			erased, err := s.Erased(t.Context(), id+1)
			require.NoError(t, err)
			assert.True(t, erased, id+1)
			orders, err := s.Orders(t.Context(), id+1)
			require.NoError(t, err)
			assert.Empty(t, orders)
		}
	})
}

// Who is to be forgotten once more, while the CRM forgets them, stays due.
func TestForgottenMeanwhile(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store) {
		lease, _, err := s.Acquire(t.Context(), "crm", time.Minute)
		require.NoError(t, err)
		put(t, s, customer(1, 10), store.Told)
		require.NoError(t, s.Delete(t.Context(), 1))
		for _, meanwhile := range []func() error{
			func() error { return s.Erase(t.Context(), store.Erasure{Topic: "customers/redact", Customer: 1}) },
			func() error { return s.ForgetAgain(t.Context(), 1) },
		} {
			forgets, err := s.Forgets(t.Context(), 10)
			require.NoError(t, err)
			require.Len(t, forgets, 1)
			require.NoError(t, meanwhile())
			require.NoError(t, s.Forgotten(t.Context(), lease, forgets[0]))
		}
		forgets, err := s.Forgets(t.Context(), 10)
		require.NoError(t, err)
		require.Len(t, forgets, 1)
		assert.NotNil(t, forgets[0].Erasure)
		require.NoError(t, s.Forgotten(t.Context(), lease, forgets[0]))
		forgets, err = s.Forgets(t.Context(), 10)
		require.NoError(t, err)
		assert.Empty(t, forgets)
	})
}

// The shop's erasure is reported when the CRM has forgotten everybody.
func TestErasingTheShop(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store) {
		lease, _, err := s.Acquire(t.Context(), "crm", time.Minute)
		require.NoError(t, err)
		for id := range int64(3) {
			put(t, s, customer(id+1, 10), store.Told)
		}
		require.NoError(t, s.Sending(t.Context(), lease, []int64{1, 2})) // 3 was never sent
		job := store.Erasure{Topic: "shop/redact", ShopID: 9}
		require.NoError(t, s.EraseAll(t.Context(), job))
		forgets, err := s.Forgets(t.Context(), 10)
		require.NoError(t, err)
		require.Len(t, forgets, 2)
		for _, f := range forgets {
			assert.Nil(t, f.Erasure)
			require.NoError(t, s.Forgotten(t.Context(), lease, f))
		}
		forgets, err = s.Forgets(t.Context(), 10)
		require.NoError(t, err)
		require.Len(t, forgets, 1)
		assert.Equal(t, &job, forgets[0].Erasure)
	})
}

// What was erased is not in the files any more.
func TestErasedFromTheDisk(t *testing.T) {
	dir := t.TempDir()
	url := demo.SQLiteURL(filepath.Join(dir, "book.db"))
	s := open(t, url)
	secret := "Wilhelmina-Oddname"
	put(t, s, customer(1, 10, func(c *book.Customer) { c.LastName = secret }), store.Told)
	putOrder(t, s, order(7, 1, 10, "for "+secret), store.Told)
	_, err := s.AddNote(t.Context(), book.Note{Customer: store.GID(1), By: "Jo", Kind: book.Service, Text: secret + " likes navy"})
	require.NoError(t, err)
	found := func() (in []string) {
		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, f := range files {
			content, err := os.ReadFile(filepath.Join(dir, f.Name()))
			require.NoError(t, err)
			if strings.Contains(strings.ToLower(string(content)), strings.ToLower(secret)) {
				in = append(in, f.Name())
			}
		}
		return in
	}
	require.NotEmpty(t, found())
	// Somebody reads what was there before: the journal has it until they are done.
	db, err := sqldb.Open(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	_, err = db.ExecContext(t.Context(), `PRAGMA busy_timeout = 1`)
	require.NoError(t, err)
	reader, err := db.Reads.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	require.NoError(t, err)
	var n int
	require.NoError(t, reader.QueryRowContext(t.Context(), `SELECT count(*) FROM clienteling_customer`).Scan(&n))
	require.ErrorIs(t, s.Erase(t.Context(), store.Erasure{Topic: "customers/redact", Customer: 1}), sqldb.ErrBusy)
	require.NotEmpty(t, found())
	require.NoError(t, reader.Rollback())
	require.NoError(t, s.Erase(t.Context(), store.Erasure{Topic: "customers/redact", Customer: 1}))
	assert.Empty(t, found())
}

func TestSearch(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store) {
		for id, c := range map[int64][4]string{
			1: {"Zoë", "Ångström-Ruiz", "zoe@example.com", "+447700900123"},
			2: {"Zoltan", "Berg", "z.berg@example.com", "+12025550143"},
			3: {"Ann", "Ångstad", "ann@example.com", ""},
		} {
			put(t, s, customer(id, 10, func(b *book.Customer) { b.FirstName, b.LastName, b.Email, b.Phone = c[0], c[1], c[2], c[3] }), store.Told)
		}
		putOrder(t, s, order(1001, 2, 10, ""), store.Told)
		for query, want := range map[string][]int64{
			"zo": {2, 1}, "ZOE": {1}, "angst": {1, 3}, "zoe ang": {1}, "ang zo": {1}, "z.berg@ex": {2}, "ruiz": nil, "berg, zoltan": {2},
			"+44 7700 900": {1}, "07700 900123": {1}, "(202) 555-0143": {2}, "0044 7700 900123": {1}, "#1001": {2}, "#100": nil,
			"z": nil, "": nil, "nobody": nil, "%": nil, "zo%": nil, "'; DROP TABLE clienteling_customer; --": nil, strings.Repeat("z", 10_000): nil, "\x00\xff": nil,
		} {
			hits, err := s.Search(t.Context(), query, 10)
			require.NoError(t, err, "%.40q", query)
			var ids []int64
			for _, h := range hits {
				id, err := h.ID.Number()
				require.NoError(t, err)
				ids = append(ids, id)
			}
			assert.Equal(t, want, ids, "%.40q", query)
		}
	})
}

// However many have a word in common, all words count, and the latest buyers are shown.
func TestSearchAmongMany(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store) {
		const n = 2500
		var all []book.Customer
		var orders []store.Order
		for id := range int64(n) {
			all = append(all, customer(id+1, 10, func(c *book.Customer) { c.LastName, c.Email = fmt.Sprint("Hansen", id+1), "" }))
			if id%500 == 0 {
				o := order(id+1, n-id, 10, "")
				o.At = at(int(id))
				orders = append(orders, o)
			}
		}
		_, _, err := s.PutCustomers(t.Context(), all)
		require.NoError(t, err)
		_, _, err = s.PutOrders(t.Context(), orders)
		require.NoError(t, err)
		found := func(query string, limit int) (ids []int64) {
			hits, err := s.Search(t.Context(), query, limit)
			require.NoError(t, err)
			for _, h := range hits {
				id, err := h.ID.Number()
				require.NoError(t, err)
				ids = append(ids, id)
			}
			return ids
		}
		assert.Equal(t, []int64{500, 1000, 1500, 2000, 2500, 1, 2}, found("ann", 7))
		assert.Equal(t, []int64{2500}, found("ann hansen2500", 7))
		assert.Equal(t, []int64{2500}, found("hansen2500 ann", 7))
	})
}

func TestLease(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store) {
		first, ok, err := s.Acquire(t.Context(), "crm", time.Hour)
		require.NoError(t, err)
		require.True(t, ok)
		_, ok, err = s.Acquire(t.Context(), "crm", time.Hour)
		require.NoError(t, err)
		require.False(t, ok)
		require.NoError(t, s.Renew(t.Context(), first, -time.Second)) // it runs out
		second, ok, err := s.Acquire(t.Context(), "crm", time.Hour)
		require.NoError(t, err)
		require.True(t, ok)
		// Who lost it writes nothing any more.
		put(t, s, customer(1, 10), store.Told)
		require.ErrorIs(t, s.Settle(t.Context(), first, []store.Settled{{Customer: 1, Changed: 1, Digest: "d"}}), store.ErrLeaseLost)
		require.ErrorIs(t, s.Sending(t.Context(), first, []int64{1}), store.ErrLeaseLost)
		require.ErrorIs(t, s.Renew(t.Context(), first, time.Hour), store.ErrLeaseLost)
		require.NoError(t, s.Release(t.Context(), first)) // it is not theirs to give
		work, err := s.Due(t.Context(), 0, 10)
		require.NoError(t, err)
		require.Len(t, work, 1)
		require.NoError(t, s.Settle(t.Context(), second, []store.Settled{{Customer: 1, Changed: work[0].Changed, Digest: "d", Sent: true}}))
		work, err = s.Due(t.Context(), 0, 10)
		require.NoError(t, err)
		assert.Empty(t, work)
	})
}

// What changes while it is on its way stays due.
func TestAChangeInFlight(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store) {
		lease, _, err := s.Acquire(t.Context(), "crm", time.Hour)
		require.NoError(t, err)
		put(t, s, customer(1, 10), store.Told)
		work, err := s.Due(t.Context(), 0, 10)
		require.NoError(t, err)
		require.NoError(t, s.Sending(t.Context(), lease, []int64{1}))
		_, err = s.SetConsent(t.Context(), 1, "C1@example.com ", book.Consent{State: "UNSUBSCRIBED", At: at(20)}, func(c *book.Customer) (*book.Consent, string) { return &c.EmailConsent, c.Email })
		require.NoError(t, err)
		require.NoError(t, s.Settle(t.Context(), lease, []store.Settled{{Customer: 1, Changed: work[0].Changed, Digest: "d", Sent: true}}))
		work, err = s.Due(t.Context(), 0, 10)
		require.NoError(t, err)
		require.Len(t, work, 1)
		assert.Equal(t, "UNSUBSCRIBED", work[0].Entry.Customer.EmailConsent.State)
		// Who goes while they are on their way leaves nothing behind.
		require.NoError(t, s.Delete(t.Context(), 1))
		require.NoError(t, s.Settle(t.Context(), lease, []store.Settled{{Customer: 1, Changed: work[0].Changed, Digest: "e", Sent: true}}))
		c, err := s.Counts(t.Context())
		require.NoError(t, err)
		assert.Zero(t, c.Pending)
		assert.Equal(t, 1, c.Forgetting)
	})
}

// Many writers at once neither lose a state nor block one another.
func TestManyWriters(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store) {
		var writing sync.WaitGroup
		for w := range 8 {
			writing.Go(func() {
				for i := range 25 {
					version := (i*7+w*3)%50 + 1
					_, err := s.PutCustomer(context.WithoutCancel(t.Context()), customer(1, version, func(c *book.Customer) { c.FirstName = fmt.Sprint("v", version) }), store.Told)
					assert.NoError(t, err)
					_, err = s.PutOrder(context.WithoutCancel(t.Context()), order(int64(i+1), 1, version, fmt.Sprint("v", version)), store.Told)
					assert.NoError(t, err)
				}
			})
		}
		writing.Wait()
		e := entry(t, s, 1)
		assert.Equal(t, fmt.Sprint("v", int(e.Customer.UpdatedAt.Sub(start)/time.Second)), e.Customer.FirstName)
		assert.Equal(t, 50, int(e.Customer.UpdatedAt.Sub(start)/time.Second))
		require.Len(t, e.Orders, 25)
		for _, o := range e.Orders {
			best := 0
			id, err := o.ID.Number()
			require.NoError(t, err)
			for w := range 8 {
				best = max(best, (int(id-1)*7+w*3)%50+1)
			}
			assert.Equal(t, fmt.Sprint("v", best), o.Note)
		}
	})
}

func TestNotes(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store) {
		put(t, s, customer(1, 10), store.Told)
		n := book.Note{ID: "device-1", Customer: store.GID(1), At: at(100), By: "Jo", Kind: book.Promise, Text: "call", Due: at(0)}
		for range 2 {
			_, err := s.AddNote(t.Context(), n)
			require.NoError(t, err)
		}
		e := entry(t, s, 1)
		assert.Equal(t, []book.Note{n}, e.Notes)
		for _, bad := range []book.Note{
			{Customer: store.GID(1), By: "Jo", Kind: "gossip", Text: "x"},
			{Customer: store.GID(1), By: "Jo", Kind: book.Service, Text: strings.Repeat("x", 2001)},
			{Customer: store.GID(1), Kind: book.Service, Text: "x"},
			{Customer: "gid://shopify/Customer/x", By: "Jo", Kind: book.Service, Text: "x"},
			{Customer: store.GID(1), By: "Jo", Kind: book.Service, Text: "\xff"},
		} {
			_, err := s.AddNote(t.Context(), bad)
			require.ErrorIs(t, err, store.ErrNote)
		}
	})
}

// A database that fails is not a customer whom the book does not have.
func TestNoteOfAnUnreadableCustomer(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store) {
		note := book.Note{Customer: store.GID(1), By: "Jo", Kind: book.Service, Text: "hem"}
		_, err := s.AddNote(t.Context(), note)
		require.ErrorIs(t, err, store.ErrNotFound)
		put(t, s, customer(1, 10), store.Told)
		require.NoError(t, s.Exec(t.Context(), `UPDATE clienteling_customer SET body = '{'`))
		_, err = s.AddNote(t.Context(), note)
		require.Error(t, err)
		assert.NotErrorIs(t, err, store.ErrNotFound)
	})
}

func TestOneShop(t *testing.T) {
	url := demo.SQLiteURL(filepath.Join(t.TempDir(), "book.db"))
	open(t, url)
	_, err := store.Open(t.Context(), url, "other.myshopify.com")
	require.ErrorIs(t, err, store.ErrOtherShop)
}

// Whoever was deleted is kept out of sight for a while, and then is gone.
func TestPurge(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store) {
		put(t, s, customer(1, 10), store.Told)
		putOrder(t, s, order(7, 1, 10, ""), store.Told)
		require.NoError(t, s.Delete(t.Context(), 1))
		require.NoError(t, s.Purge(t.Context()))
		orders, err := s.Orders(t.Context(), 1)
		require.NoError(t, err)
		require.Len(t, orders, 1)
		s.SetNow(func() time.Time { return time.Now().Add(store.Keep + time.Minute) })
		require.NoError(t, s.Purge(t.Context()))
		orders, err = s.Orders(t.Context(), 1)
		require.NoError(t, err)
		assert.Empty(t, orders)
	})
}
