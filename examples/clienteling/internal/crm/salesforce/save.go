package salesforce

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
)

// Save implements crm.Sink. For 200 customers, new ones or known, it takes four calls
// if the CRM has them, about seven if not, and one more for each 200 purchases.
func (s *Sink) Save(ctx context.Context, records []crm.Record) ([]crm.Outcome, error) {
	out := make([]crm.Outcome, len(records))
	var valid []crm.Record
	for i, r := range records {
		out[i] = crm.Outcome{Key: r.Key}
		if err := r.CheckKeys(); err != nil {
			out[i].State, out[i].Err = crm.Invalid, fmt.Errorf("salesforce: %w", err)
		} else {
			valid = append(valid, r)
		}
	}
	valid = crm.LastOfEach(valid)
	done := make(map[string]crm.Outcome, len(valid))
	failed := s.saveAll(ctx, valid, done)
	for i := range out {
		if out[i].State != "" {
			continue
		}
		if o, is := done[out[i].Key]; is {
			out[i] = o
		} else {
			out[i].State, out[i].Err = crm.Retry, failed
		}
	}
	return out, failed
}

func (s *Sink) saveAll(ctx context.Context, records []crm.Record, done map[string]crm.Outcome) error {
	if len(records) == 0 {
		return context.Cause(ctx)
	}
	sch, err := s.described(ctx)
	if err != nil {
		return err
	}
	for from := 0; from < len(records); from += MaxCollection {
		w := &writer{s: s, schema: sch, done: done, ids: make(map[string]string)}
		if err := w.save(ctx, records[from:min(from+MaxCollection, len(records))]); err != nil {
			return err
		}
	}
	return nil
}

// writer saves up to 200 customers.
type writer struct {
	s      *Sink
	schema *schema
	done   map[string]crm.Outcome
	ids    map[string]string // of contacts that were there before, by key
}

func (w *writer) save(ctx context.Context, records []crm.Record) error {
	rest, err := w.settle(ctx, records)
	if err != nil {
		return err
	}
	var fresh, known []crm.Record
	for _, r := range rest {
		if w.ids[r.Key] == "" && !r.Distinct {
			fresh = append(fresh, r)
		} else {
			known = append(known, r)
		}
	}
	err = w.contacts(ctx, fresh, heedDuplicates)
	if err == nil {
		err = w.contacts(ctx, known, saveDuplicates)
	}
	if err == nil {
		err = w.refused(rest)
	}
	if err == nil {
		err = w.purchases(ctx, rest)
	}
	if err == nil {
		err = w.refused(rest)
	}
	if err != nil { // contacts may be there, but not all of their purchases
		for _, r := range rest {
			if o := w.done[r.Key]; o.State == crm.Created || o.State == crm.Updated {
				delete(w.done, r.Key)
			}
		}
	}
	return err
}

// refused is why Salesforce would not write any of the records, if that is not about one
// of them: if it is an allowance, or there are several. Then all of them are Retry.
func (w *writer) refused(records []crm.Record) error {
	var failed error
	for _, r := range records {
		err := w.done[r.Key].Err
		if !errors.Is(err, crm.ErrLimit) && (!errors.Is(err, crm.ErrRefused) || len(records) == 1) {
			return nil
		}
		failed = err
	}
	for _, r := range records {
		delete(w.done, r.Key)
	}
	return failed
}

// settle finds out who is known, and gives those of whom it cannot be said their
// outcome. It returns the others.
func (w *writer) settle(ctx context.Context, records []crm.Record) ([]crm.Record, error) {
	keys := make([]string, len(records))
	for i, r := range records {
		keys[i] = r.Key
	}
	tied, err := w.s.tied(ctx, keys, false)
	if err != nil {
		return nil, err
	}
	var unknown []crm.Record
	for _, r := range records {
		switch ids := tied[r.Key]; {
		case len(ids) == 1:
			w.ids[r.Key] = ids[0]
		case len(ids) > 1: // the field is not unique any more
			if err := w.ambiguous(ctx, r.Key, ids); err != nil {
				return nil, err
			}
		case !r.Distinct:
			unknown = append(unknown, r)
		}
	}
	alike, err := w.s.alike(ctx, unknown)
	if err != nil {
		return nil, err
	}
	for _, r := range unknown {
		candidates := alike[r.Key]
		if len(candidates) == 0 {
			continue
		}
		if w.s.opts.Sure != nil {
			if id := w.s.opts.Sure(r, candidates); id != "" {
				switch err := w.s.link(ctx, r.Key, id, false); {
				case err == nil:
					w.ids[r.Key] = id
					continue
				case !errors.Is(err, crm.ErrLinked) && !errors.Is(err, crm.ErrNoRecord):
					return nil, err
				}
			}
		}
		w.done[r.Key] = crm.Outcome{Key: r.Key, State: crm.Ambiguous, Candidates: candidates}
	}
	var rest []crm.Record
	for _, r := range records {
		if _, is := w.done[r.Key]; !is {
			rest = append(rest, r)
		}
	}
	return rest, nil
}

// ambiguous reads who a customer may be.
func (w *writer) ambiguous(ctx context.Context, key string, ids []string) error {
	found, err := w.s.candidates(ctx, ids)
	if err != nil {
		return err
	}
	o := crm.Outcome{Key: key, State: crm.Ambiguous}
	for _, id := range ids {
		c, is := found[long(id)]
		if !is { // not for this user to see
			c = crm.Candidate{ID: id}
		}
		o.Candidates = append(o.Candidates, c)
	}
	w.done[key] = o
	return nil
}

// contactRow is a contact's fields, shortened to fit.
func (s *Sink) contactRow(o *object, r crm.Record) ([]value, []string) {
	values := s.opts.Contact.values(r, s.opts.Unnamed)
	for _, name := range slices.Sorted(maps.Keys(s.opts.Fixed)) {
		values = append(values, value{name, words, orNil(s.opts.Fixed[name])})
	}
	return values, o.shorten(values)
}

func toJSON(values []value) map[string]any {
	m := make(map[string]any, len(values)+2)
	for _, v := range values {
		m[v.field] = v.of
	}
	return m
}

func (w *writer) contacts(ctx context.Context, records []crm.Record, header http.Header) error {
	f := w.s.opts.Contact
	rows := make([]map[string]any, len(records))
	short := make([][]string, len(records))
	for i, r := range records {
		values, cut := w.s.contactRow(w.schema.contact, r)
		rows[i], short[i] = toJSON(values), cut
	}
	results, failed := w.s.upsert(ctx, f.Object, f.Key, rows, header)
	for i, res := range results {
		r := records[i]
		if res.code() == "STRING_TOO_LONG" { // somebody shortened the field
			w.s.forgetSchema()
		}
		if res.code() == "DUPLICATES_DETECTED" && w.ids[r.Key] == "" && !r.Distinct {
			var err error
			if res, err = w.duplicate(ctx, rows[i], res); err != nil {
				failed = errors.Join(failed, err)
				continue
			}
			if _, is := w.done[r.Key]; is {
				continue
			}
		}
		if len(res.several) > 0 {
			if err := w.ambiguous(ctx, r.Key, res.several); err != nil {
				failed = errors.Join(failed, err)
			}
			continue
		}
		o := outcome(r.Key, res)
		if o.ID == "" && o.Err == nil {
			o.ID = w.ids[r.Key]
		}
		o.Shortened = short[i]
		w.done[r.Key] = o
	}
	return failed
}

// duplicate learns whom a duplicate rule found for a contact that was not created. If the
// answer to the collection does not say, the contact is created alone, whose answer does.
func (w *writer) duplicate(ctx context.Context, fields map[string]any, res result) (result, error) {
	key, _ := fields[w.s.opts.Contact.Key].(string)
	if len(res.Errors[0].duplicates()) == 0 {
		delete(fields, "attributes")
		alone, err := w.s.writeOne(ctx, request{method: http.MethodPost, path: w.s.path("/sobjects/" + w.s.opts.Contact.Object), header: heedDuplicates}, fields)
		if err != nil || alone.code() != "DUPLICATES_DETECTED" {
			return alone, err
		}
		res = alone
	}
	return res, w.ambiguous(ctx, key, res.Errors[0].duplicates())
}

// outcome is what a result means.
func outcome(key string, res result) crm.Outcome {
	o := crm.Outcome{Key: key, ID: res.ID}
	switch {
	case res.Success && res.Created:
		o.State = crm.Created
	case res.Success:
		o.State = crm.Updated
	default:
		p := problem{}
		if len(res.Errors) > 0 {
			p = res.Errors[0]
		}
		state, err := verdict(p.code(), p.fields())
		o.State, o.ID, o.Err = state, "", fmt.Errorf("salesforce: %w", err)
		if p.code() == "DUPLICATE_VALUE" { // somebody created it in between
			o.State = crm.Retry
		}
	}
	return o
}

// purchaseRow is a purchase's fields, but for the lookup to its customer.
func (s *Sink) purchaseRow(o *object, p crm.Purchase) []value {
	values := s.opts.Purchase.values(p)
	o.shorten(values) // what is cut is for people to read
	return values
}

// purchases writes what the customers bought, and removes what they no longer did.
func (w *writer) purchases(ctx context.Context, records []crm.Record) error {
	f := w.s.opts.Purchase
	var rows []map[string]any
	var owner []string
	keep := make(map[string]bool)
	last := make(map[string]int) // of each key, the last counts
	var before []string
	for _, r := range records {
		o := w.done[r.Key]
		if o.State != crm.Created && o.State != crm.Updated {
			continue
		}
		if o.State == crm.Updated {
			before = append(before, r.Key)
		}
		for _, p := range r.Purchases {
			m := toJSON(w.s.purchaseRow(w.schema.purchase, p))
			m[f.Relation] = map[string]string{w.s.opts.Contact.Key: r.Key}
			keep[p.Key+"\n"+r.Key] = true
			if at, is := last[p.Key]; is {
				rows[at], owner[at] = m, r.Key
				continue
			}
			last[p.Key] = len(rows)
			rows, owner = append(rows, m), append(owner, r.Key)
		}
	}
	results, failed := w.s.upsert(ctx, f.Object, f.Key, rows, nil)
	for i, res := range results {
		if !res.Success {
			w.degrade(owner[i], res)
		}
	}
	if failed == nil {
		failed = w.leftovers(ctx, before, func(purchase, customer string) bool { return keep[purchase+"\n"+customer] })
	}
	return failed
}

// degrade is for a customer whose contact was written, and a purchase was not.
func (w *writer) degrade(key string, res result) {
	o := w.done[key]
	p := outcome("", res)
	if o.State == crm.Invalid {
		return
	}
	o.State, o.Err = p.State, fmt.Errorf("a purchase: %w", p.Err)
	w.done[key] = o
}

// leftovers deletes the purchases that the customers have in the CRM and not in their
// state.
func (w *writer) leftovers(ctx context.Context, customers []string, keep func(purchase, customer string) bool) error {
	f := w.s.opts.Purchase
	parent := f.Relation + "." + w.s.opts.Contact.Key
	var ids, owners []string
	err := selectIn(ctx, w.s, false, "SELECT Id, "+f.Key+", "+parent+" FROM "+f.Object+" WHERE "+parent+" IN (%s) AND "+f.Key+" != null", customers, func(r row) {
		of, _ := r[f.Relation].(map[string]any)
		customer := row(of).text(w.s.opts.Contact.Key)
		if id := r.text("Id"); idForm.MatchString(id) && customer != "" && !keep(r.text(f.Key), customer) {
			ids, owners = append(ids, id), append(owners, customer)
		}
	})
	if err != nil {
		return err
	}
	results, err := w.s.deleteAll(ctx, ids, false)
	for i, res := range results {
		if !gone(res) {
			w.degrade(owners[i], res)
		}
	}
	return err
}

// deleteAll deletes records by their ids, 200 a request.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections_delete.htm
func (s *Sink) deleteAll(ctx context.Context, ids []string, urgent bool) ([]result, error) {
	var done []result
	for from := 0; from < len(ids); from += MaxCollection {
		some := ids[from:min(from+MaxCollection, len(ids))]
		results, err := s.deleteSome(ctx, some, urgent)
		if err != nil {
			return done, err
		}
		done = append(done, results...)
	}
	return done, nil
}

func (s *Sink) deleteSome(ctx context.Context, ids []string, urgent bool) ([]result, error) {
	for try := 1; ; try++ {
		results, err := s.collection(ctx, request{
			method: http.MethodDelete, urgent: urgent,
			path: s.path("/composite/sobjects?ids=" + strings.Join(ids, ",") + "&allOrNone=false"),
		}, nil)
		if err != nil {
			return nil, err
		}
		if len(results) != len(ids) {
			return nil, fmt.Errorf("salesforce: %w: %d results for %d records", crm.ErrUnavailable, len(results), len(ids))
		}
		locked := false
		for _, r := range results {
			locked = locked || atOnce[r.code()]
		}
		if !locked || try == s.opts.Tries {
			return results, nil
		}
		if err := pause(ctx, jittered(s.opts.MinWait, s.opts.MaxWait, try)); err != nil {
			return nil, err
		}
	}
}

// gone says whether a record is not there any more.
func gone(r result) bool {
	switch r.code() {
	case "ENTITY_IS_DELETED", "NOT_FOUND", "INVALID_CROSS_REFERENCE_KEY":
		return true
	}
	return r.Success
}
