package salesforce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"slices"
	"strings"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
)

// Load implements crm.Sink with Bulk API 2.0: a job of contacts, then one of their
// purchases, for as many customers at a time as Options.JobRecords and JobBytes allow.
// Whom Salesforce may have already is found out before, as Save does. When ctx ends, the
// job that runs is aborted and deleted. Of a key that comes twice either record may count.
func (s *Sink) Load(ctx context.Context, records iter.Seq2[crm.Record, error]) iter.Seq2[crm.Outcome, error] {
	return func(yield func(crm.Outcome, error) bool) {
		l := &loader{s: s, yield: yield}
		err := l.all(ctx, records)
		if err = errors.Join(err, l.clear()); err != nil && !l.stopped {
			yield(crm.Outcome{}, err)
		}
	}
}

// errStopped ends a load whose caller has seen enough.
var errStopped = errors.New("stopped")

// loader fills a window of customers and works it off.
type loader struct {
	s       *Sink
	yield   func(crm.Outcome, error) bool
	stopped bool
	schema  *schema

	pending  []crm.Record // not yet looked for
	contacts *jobFile
	bought   *jobFile
	window   map[string]*loaded
	keep     map[uint64]struct{} // hashes of purchase and customer: what not to delete
	seed     maphash.Seed
}

// loaded is what is known of a customer of the window.
type loaded struct {
	id    string // if it was there before
	fresh bool   // if a duplicate rule is to be heard
	short []string
	res   *result // of the contact
	bad   *result // of a purchase

	bought, got int // purchases, and how many a job gave back
}

func (l *loader) all(ctx context.Context, records iter.Seq2[crm.Record, error]) error {
	var err error
	if l.schema, err = l.s.described(ctx); err != nil {
		return err
	}
	l.seed = maphash.MakeSeed()
	for r, err := range records {
		if err != nil {
			return err
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if bad := r.CheckKeys(); bad != nil {
			if err := l.tell(crm.Outcome{Key: r.Key, State: crm.Invalid, Err: fmt.Errorf("salesforce: %w", bad)}); err != nil {
				return err
			}
			continue
		}
		if l.pending = append(l.pending, r); len(l.pending) == MaxCollection {
			if err := l.look(ctx); err != nil {
				return err
			}
		}
	}
	if err := l.look(ctx); err != nil {
		return err
	}
	return l.work(ctx)
}

func (l *loader) tell(o crm.Outcome) error {
	if !l.yield(o, nil) {
		l.stopped = true
		return errStopped
	}
	return nil
}

// look finds out which of the pending customers Salesforce has, and puts into the files
// those who may be written.
func (l *loader) look(ctx context.Context) error {
	batch := crm.LastOfEach(l.pending)
	l.pending = l.pending[:0]
	if len(batch) == 0 {
		return nil
	}
	w := &writer{s: l.s, schema: l.schema, done: make(map[string]crm.Outcome), ids: make(map[string]string)}
	rest, err := w.settle(ctx, batch)
	if err != nil {
		return err
	}
	for _, o := range w.done {
		if err := l.tell(o); err != nil {
			return err
		}
	}
	// A job says with #N/A that a field is empty, so a text that reads so cannot go
	// through one. Nor does a job let single records past a duplicate rule.
	var apart []crm.Record
	for _, r := range rest {
		if l.fits(r) && (!r.Distinct || w.ids[r.Key] != "") {
			if err := l.put(ctx, r, w.ids[r.Key]); err != nil {
				return err
			}
			continue
		}
		apart = append(apart, r)
	}
	return l.saveApart(ctx, apart)
}

func (l *loader) saveApart(ctx context.Context, records []crm.Record) error {
	if len(records) == 0 {
		return nil
	}
	out, err := l.s.Save(ctx, records)
	if err != nil {
		return err
	}
	for _, o := range out {
		if err := l.tell(o); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) fits(r crm.Record) bool {
	values, _ := l.s.contactRow(l.schema.contact, r)
	for _, p := range r.Purchases {
		values = append(values, l.s.purchaseRow(l.schema.purchase, p)...)
	}
	return !slices.ContainsFunc(values, func(v value) bool { return v.of == any(null) })
}

// put writes a customer into the files of the window, after working off a full one.
func (l *loader) put(ctx context.Context, r crm.Record, id string) error {
	values, short := l.s.contactRow(l.schema.contact, r)
	contact, header := make([]string, len(values)), make([]string, len(values))
	size := int64(0)
	for i, v := range values {
		contact[i], header[i] = cell(v.of), v.field
		size += int64(2*len(contact[i]) + 3) // as if all of it were quotes
	}
	purchases := make([][]string, 0, len(r.Purchases))
	bought := int64(0)
	for _, p := range r.LastPurchases() {
		var cells []string
		for _, v := range l.s.purchaseRow(l.schema.purchase, p) {
			cells = append(cells, cell(v.of))
		}
		cells = append(cells, r.Key)
		purchases = append(purchases, cells)
		for _, c := range cells {
			bought += int64(2*len(c) + 3)
		}
	}
	_, twice := l.window[r.Key]
	if l.contacts != nil && (twice || len(l.window) >= l.s.opts.JobRecords ||
		l.contacts.size.n+size > l.s.opts.JobBytes || l.bought.size.n+bought > l.s.opts.JobBytes) {
		if err := l.work(ctx); err != nil {
			return err
		}
	}
	if l.contacts == nil {
		if err := l.start(header); err != nil {
			return err
		}
	}
	l.window[r.Key] = &loaded{id: id, fresh: id == "", short: short, bought: len(purchases)}
	if err := l.contacts.write(contact); err != nil {
		return err
	}
	for _, cells := range purchases {
		l.keep[l.hash(cells[0], r.Key)] = struct{}{}
		if err := l.bought.write(cells); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) hash(purchase, customer string) uint64 {
	return maphash.String(l.seed, purchase+"\n"+customer)
}

func (l *loader) start(header []string) error {
	var err error
	if l.contacts, err = l.s.newFile(header); err != nil {
		return err
	}
	var columns []string
	for _, v := range l.s.opts.Purchase.values(crm.Purchase{}) {
		columns = append(columns, v.field)
	}
	columns = append(columns, l.s.opts.Purchase.Relation+"."+l.s.opts.Contact.Key)
	if l.bought, err = l.s.newFile(columns); err != nil {
		return err
	}
	l.window, l.keep = make(map[string]*loaded), make(map[uint64]struct{})
	return nil
}

// clear removes the files of the window.
func (l *loader) clear() error {
	var err error
	for _, f := range []*jobFile{l.contacts, l.bought} {
		if f != nil {
			err = errors.Join(err, f.remove())
		}
	}
	l.contacts, l.bought, l.window, l.keep = nil, nil, nil, nil
	return err
}

// work runs the window's jobs and tells what became of its customers.
func (l *loader) work(ctx context.Context) error {
	if l.contacts == nil {
		return nil
	}
	f, p := l.s.opts.Contact, l.s.opts.Purchase
	typed := make(map[string]kind)
	for _, v := range f.values(crm.Record{}, "") {
		typed[v.field] = v.kind
	}
	var resend []map[string]any // rows of contacts that a job does not say enough about
	err := l.s.runJob(ctx, "upsert", f.Object, f.Key, l.contacts, func(r resultRow) error {
		c := l.window[r.of(f.Key)]
		if c == nil {
			return nil
		}
		res := r.result()
		c.res = &res
		if code := res.code(); atOnce[code] || code == "DUPLICATES_DETECTED" {
			resend = append(resend, r.fields(typed))
		}
		if len(resend) < MaxCollection {
			return nil
		}
		defer func() { resend = nil }()
		return l.resend(ctx, resend)
	})
	if err == nil {
		err = l.resend(ctx, resend)
	}
	if err != nil {
		return err
	}
	if l.bought.rows > 0 {
		relation := p.Relation + "." + f.Key
		if err := l.s.runJob(ctx, "upsert", p.Object, p.Key, l.bought, func(r resultRow) error {
			if c := l.window[r.of(relation)]; c != nil {
				c.got++
				if res := r.result(); !res.Success {
					c.bad = &res
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return l.finish(ctx)
}

// fields are a row's own columns, as the fields of a record.
func (r resultRow) fields(typed map[string]kind) map[string]any {
	m := make(map[string]any, len(r.columns))
	for name, at := range r.columns {
		switch v := r.cells[at]; {
		case strings.HasPrefix(name, "sf__"):
		case v == null || v == "":
			m[name] = nil
		case typed[name] == number && json.Valid([]byte(v)):
			m[name] = json.Number(strings.Clone(v))
		case typed[name] == flag:
			m[name] = v == "true"
		default:
			m[name] = strings.Clone(v)
		}
	}
	return m
}

// resend writes contacts one collection at a time, whose answers say more than a job's:
// whom a duplicate rule found.
func (l *loader) resend(ctx context.Context, rows []map[string]any) error {
	f := l.s.opts.Contact
	for _, fresh := range []bool{true, false} {
		header := saveDuplicates
		if fresh {
			header = heedDuplicates
		}
		var some []map[string]any
		var keys []string
		for _, m := range rows {
			if key, _ := m[f.Key].(string); l.window[key] != nil && l.window[key].fresh == fresh {
				some, keys = append(some, m), append(keys, key)
			}
		}
		results, err := l.s.upsert(ctx, f.Object, f.Key, some, header)
		if err != nil {
			return err
		}
		w := &writer{s: l.s, schema: l.schema, done: make(map[string]crm.Outcome), ids: make(map[string]string)}
		for i, res := range results {
			if fresh && res.code() == "DUPLICATES_DETECTED" {
				if res, err = w.duplicate(ctx, some[i], res); err != nil {
					return err
				}
				if o, is := w.done[keys[i]]; is {
					delete(l.window, keys[i])
					if err := l.tell(o); err != nil {
						return err
					}
					continue
				}
			}
			l.window[keys[i]].res = &res
		}
	}
	return nil
}

// finish removes purchases that are no longer, and tells all outcomes of the window.
func (l *loader) finish(ctx context.Context) error {
	w := &writer{s: l.s, schema: l.schema, done: make(map[string]crm.Outcome)}
	var before []string
	for key, c := range l.window {
		var o crm.Outcome
		if c.res == nil {
			state, err := verdict("", nil) // not tried, or its result is lost
			o = crm.Outcome{Key: key, State: state, Err: err}
		} else {
			o = outcome(key, *c.res)
		}
		if o.ID == "" && o.Err == nil {
			o.ID = c.id
		}
		o.Shortened = c.short
		w.done[key] = o
		if o.Err != nil {
			continue
		}
		if c.bad == nil && c.got < c.bought {
			c.bad = &result{} // not tried, or its result is lost
		}
		if c.bad != nil {
			w.degrade(key, *c.bad)
		}
		if c.id != "" || o.State == crm.Updated {
			before = append(before, key)
		}
	}
	slices.Sort(before)
	for from := 0; from < len(before); from += MaxCollection {
		err := w.leftovers(ctx, before[from:min(from+MaxCollection, len(before))], func(purchase, customer string) bool {
			_, is := l.keep[l.hash(purchase, customer)]
			return is
		})
		if err != nil {
			return err
		}
	}
	for _, o := range w.done {
		if err := l.tell(o); err != nil {
			return err
		}
	}
	return l.clear()
}
