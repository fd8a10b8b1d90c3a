package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/examples/clienteling/internal/store"
)

// sending is a customer on the way.
type sending struct {
	store.Work
	digest string
}

// save brings a batch of those who are due to the CRM.
func (o *Outbox) save(ctx context.Context, lease *store.Lease) (int, error) {
	counts, err := o.Store.Counts(ctx)
	if err != nil {
		return 0, err
	}
	if counts.Pending >= bulkFrom {
		return batch, o.load(ctx, lease)
	}
	work, err := o.Store.Due(ctx, batch)
	if err != nil || len(work) == 0 {
		return 0, err
	}
	records, moving, withheld, err := o.prepare(ctx, lease, work)
	if err != nil {
		return 0, err
	}
	if err := o.withhold(ctx, lease, withheld); err != nil {
		return 0, err
	}
	if len(records) == 0 {
		return len(work), nil
	}
	outcomes, failed := o.call(ctx, len(records), func(ctx context.Context) ([]crm.Outcome, error) { return o.Sink.Save(ctx, records) })
	settled := make([]store.Settled, 0, len(outcomes))
	for i, out := range outcomes {
		if failed != nil && out.State == crm.Retry {
			continue // not tried: it stays due, and everything waits
		}
		settled = append(settled, o.settled(moving[i], out))
	}
	// The outcomes are kept even if the program is being stopped.
	return len(work), errors.Join(failed, o.settle(context.WithoutCancel(ctx), lease, settled))
}

// prepare computes the records of those who are due. What the CRM has already is
// settled at once; those who opted out of sharing are returned apart. It says of the
// others, before they are sent, that the CRM may have them.
func (o *Outbox) prepare(ctx context.Context, lease *store.Lease, work []store.Work) (records []crm.Record, moving []sending, withheld []store.Work, err error) {
	var same []store.Settled
	var ids []int64
	for _, w := range work {
		switch {
		case w.Entry == nil:
			// Orders of somebody whom the book does not have: their arrival is a change.
			same = append(same, store.Settled{Customer: w.Customer, Changed: w.Changed, Sent: w.Sent, Digest: w.Digest})
			continue
		case w.Entry.Customer.NoSharing:
			withheld = append(withheld, w)
			continue
		}
		p := o.Profile(w.Entry)
		r := Record(o.Store, w.Customer, w.Entry, &p, w.Choice)
		s := sending{w, Digest(r)}
		if s.digest == w.Digest {
			same = append(same, store.Settled{Customer: w.Customer, Changed: w.Changed, Sent: w.Sent, Digest: w.Digest})
			continue
		}
		records, moving, ids = append(records, r), append(moving, s), append(ids, w.Customer)
	}
	if len(same) > 0 {
		if err := o.Store.Settle(ctx, lease, same); err != nil {
			return nil, nil, nil, err
		}
	}
	if len(ids) > 0 {
		err = o.Store.Sending(ctx, lease, ids)
	}
	return records, moving, withheld, err
}

// withhold has the CRM forget those who opted out of sharing, if it may have them.
func (o *Outbox) withhold(ctx context.Context, lease *store.Lease, work []store.Work) error {
	var settled []store.Settled
	var keys []string
	var known []store.Work
	for _, w := range work {
		if !w.Sent {
			settled = append(settled, store.Settled{Customer: w.Customer, Changed: w.Changed, State: store.Withheld})
			continue
		}
		keys, known = append(keys, o.Store.Key(w.Customer)), append(known, w)
	}
	var failed error
	if len(keys) > 0 {
		var outcomes []crm.Outcome
		outcomes, failed = o.call(ctx, len(keys), func(ctx context.Context) ([]crm.Outcome, error) { return o.Sink.Forget(ctx, keys) })
		for i, out := range outcomes {
			w := known[i]
			switch {
			case out.State == crm.Deleted:
				settled = append(settled, store.Settled{Customer: w.Customer, Changed: w.Changed, State: store.Withheld})
			case failed == nil:
				settled = append(settled, o.again(w, reason(out)))
			}
		}
	}
	return errors.Join(failed, o.settle(context.WithoutCancel(ctx), lease, settled))
}

func (o *Outbox) settle(ctx context.Context, lease *store.Lease, settled []store.Settled) error {
	if len(settled) == 0 {
		return nil
	}
	o.set(func(s *Status) { s.Saved, s.Last = s.Saved+len(settled), time.Now() })
	return o.Store.Settle(ctx, lease, settled)
}

// settled is what an outcome means for a customer.
func (o *Outbox) settled(w sending, out crm.Outcome) store.Settled {
	done := store.Settled{Customer: w.Customer, Changed: w.Changed, Digest: w.digest, CRMID: out.ID, Sent: true}
	switch out.State {
	case crm.Created, crm.Updated, crm.Unchanged:
		return done
	case crm.Ambiguous:
		candidates, err := json.Marshal(out.Candidates)
		if err != nil {
			return o.again(w.Work, "unreadable candidates")
		}
		return store.Settled{Customer: w.Customer, State: store.Ambiguous, Sent: w.Sent, Problem: string(candidates), Attempts: w.Attempts + 1}
	case crm.Invalid:
		// The next change may mend it. What is invalid may be a purchase of somebody who is
		// in the CRM now.
		return store.Settled{Customer: w.Customer, Changed: w.Changed, State: store.Invalid, Sent: true, Problem: reason(out)}
	}
	return o.again(w.Work, reason(out))
}

// again is for a customer with whom it did not work: the CRM may have them.
func (o *Outbox) again(w store.Work, why string) store.Settled {
	return store.Settled{
		Customer: w.Customer, State: store.Retrying, Sent: true, Digest: "", Problem: why, Attempts: w.Attempts + 1, Due: time.Now().Add(o.Backoff(w.Attempts + 1)),
	}
}

// load brings very many to the CRM.
func (o *Outbox) load(ctx context.Context, lease *store.Lease) error {
	moving := map[string]sending{}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	records := func(yield func(crm.Record, error) bool) {
		for after := int64(0); ; {
			work, err := o.Store.DueAfter(ctx, after, batch)
			if err != nil {
				yield(crm.Record{}, err)
				return
			}
			if len(work) == 0 {
				return
			}
			after = work[len(work)-1].Customer
			records, sent, withheld, err := o.prepare(ctx, lease, work)
			if err == nil {
				err = o.withhold(ctx, lease, withheld)
			}
			if err != nil {
				yield(crm.Record{}, err)
				return
			}
			for i, r := range records {
				sent[i].Entry = nil // what it was is in the record
				moving[r.Key] = sent[i]
				if !yield(r, nil) {
					return
				}
			}
		}
	}
	var settled []store.Settled
	flush := func() error {
		err := o.settle(context.WithoutCancel(ctx), lease, settled)
		settled = settled[:0]
		return err
	}
	for out, err := range o.Sink.Load(ctx, records) {
		if err != nil {
			return errors.Join(err, flush())
		}
		w, ok := moving[out.Key]
		if !ok {
			return errors.Join(fmt.Errorf("outbox: %s answered about somebody who was not sent", o.Sink.Name()), flush())
		}
		if settled = append(settled, o.settled(w, out)); len(settled) >= batch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// ask asks people about those who may be a record of the CRM, and sees what became of
// questions that nobody will answer any more.
func (o *Outbox) ask(ctx context.Context) error {
	questions, err := o.Store.Questions(ctx)
	if err != nil {
		return err
	}
	look := time.Since(o.looked) >= lookEvery
	if look {
		o.looked = time.Now()
	}
	for _, q := range questions {
		if q.Request == "" {
			var candidates []crm.Candidate
			if err := json.Unmarshal([]byte(q.Candidates), &candidates); err != nil {
				return err
			}
			request, err := o.Ask(ctx, q.Customer, fmt.Sprintf("%d/%d", q.Customer, q.Attempts), candidates)
			if err != nil {
				return fmt.Errorf("asking which record of the CRM a customer is: %w", err)
			}
			if err := o.Store.Asked(ctx, q.Customer, request); err != nil {
				return err
			}
			continue
		}
		if !look {
			continue
		}
		waiting, refused, err := o.Answered(ctx, q.Request)
		switch {
		case err != nil:
			return err
		case waiting:
		case refused:
			if _, err := o.Store.Choose(ctx, q.Customer, store.ChoiceLeave, q.Request); err != nil {
				return err
			}
		default:
			if err := o.Store.AskAgain(ctx, q.Customer); err != nil {
				return err
			}
		}
	}
	return nil
}
