package salesforce

import (
	"context"
	"fmt"
	"maps"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
)

// Forget implements crm.Sink: it deletes the contacts and all records of their purchases,
// also those that others added. Salesforce keeps what was deleted in its recycle bin for
// 15 days, unless Options.HardDelete says otherwise. What else the CRM has of a customer
// (cases, e-mails, opportunities) it deletes as the org is set up to do with a contact.
func (s *Sink) Forget(ctx context.Context, keys []string) ([]crm.Outcome, error) {
	out := make([]crm.Outcome, len(keys))
	states := make(map[string]crm.Outcome)
	failed := s.forgetAll(ctx, keys, states)
	for i, key := range keys {
		out[i] = crm.Outcome{Key: key, State: crm.Deleted}
		if o, is := states[key]; is {
			out[i].State, out[i].Err = o.State, o.Err
		} else if failed != nil {
			out[i].State, out[i].Err = crm.Retry, failed
		}
	}
	return out, failed
}

// forgetAll deletes, and notes in states those customers of whom it is known how it went.
func (s *Sink) forgetAll(ctx context.Context, keys []string, states map[string]crm.Outcome) error {
	var known []string
	for _, key := range keys {
		if crm.CheckKey(key) == nil { // no other key was ever written
			known = append(known, key)
		}
	}
	if len(known) == 0 {
		return context.Cause(ctx)
	}
	contacts, err := s.tied(ctx, known, true)
	if err != nil {
		return err
	}
	owner := make(map[string]string) // of a record's id, its customer's key
	var bought, people []string
	for _, key := range known {
		for _, id := range contacts[key] {
			people = append(people, id)
			owner[id] = key
		}
	}
	// Purchases first: without their contact they would be nobody's.
	parent := s.opts.Purchase.Relation + "." + s.opts.Contact.Key
	err = selectIn(ctx, s, true, "SELECT Id, "+parent+" FROM "+s.opts.Purchase.Object+" WHERE "+parent+" IN (%s)", known, func(r row) {
		of, _ := r[s.opts.Purchase.Relation].(map[string]any)
		if id := r.text("Id"); idForm.MatchString(id) {
			bought = append(bought, id)
			owner[id] = row(of).text(s.opts.Contact.Key)
		}
	})
	if err != nil {
		return err
	}
	bad := make(map[string]crm.Outcome)
	for _, step := range []struct {
		object string
		ids    []string
	}{{s.opts.Purchase.Object, bought}, {s.opts.Contact.Object, people}} {
		var ids []string
		for _, id := range step.ids {
			if _, is := bad[owner[id]]; !is {
				ids = append(ids, id)
			}
		}
		if err := s.erase(ctx, step.object, ids, func(id string, res result) {
			if !gone(res) {
				bad[owner[id]] = deletion(res)
			}
		}); err != nil {
			return err
		}
	}
	maps.Copy(states, bad)
	return nil
}

// erase deletes records, and tells what became of each.
func (s *Sink) erase(ctx context.Context, object string, ids []string, each func(string, result)) error {
	if len(ids) == 0 {
		return nil
	}
	if s.opts.HardDelete {
		return s.hardDelete(ctx, object, ids, each)
	}
	results, err := s.deleteAll(ctx, ids, true)
	if err != nil {
		return err
	}
	for i, res := range results {
		each(ids[i], res)
	}
	return nil
}

// deletion is the outcome of a record that is still there.
func deletion(res result) crm.Outcome {
	var fields []string
	if len(res.Errors) > 0 {
		fields = res.Errors[0].fields()
	}
	state, err := verdict(res.code(), fields)
	return crm.Outcome{State: state, Err: fmt.Errorf("salesforce: not deleted: %w", err)}
}
