package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/examples/clienteling/internal/store"
)

// sending is a customer on the way.
type sending struct {
	store.Work
	record crm.Record
	digest string
}

// walk goes once through those who are due, by their numbers.
type walk struct {
	o     *Outbox
	lease *store.Lease
	after int64
	seen  bool // somebody was due
}

// next returns the next of them whom the CRM is to be told of; nobody at the end.
func (w *walk) next(ctx context.Context) ([]sending, error) {
	for {
		work, err := w.o.Store.Due(ctx, w.after, batch)
		if err != nil || len(work) == 0 {
			return nil, err
		}
		w.after, w.seen = work[len(work)-1].Customer, true
		some, withheld, err := w.o.prepare(ctx, w.lease, work)
		if err != nil {
			return nil, err
		}
		if err := w.o.withhold(ctx, w.lease, withheld); err != nil || len(some) > 0 {
			return some, err
		}
	}
}

// save brings those who are due to the CRM, and reports whether there were any.
func (o *Outbox) save(ctx context.Context, lease *store.Lease) (bool, error) {
	w := &walk{o: o, lease: lease}
	var first []sending
	for len(first) < bulkFrom {
		some, err := w.next(ctx)
		if err != nil {
			return false, err
		}
		if len(some) == 0 {
			return w.seen, o.saveAll(ctx, lease, first)
		}
		first = append(first, some...)
	}
	return true, o.load(ctx, lease, first, w)
}

// saveAll brings some to the CRM, a batch at a time.
func (o *Outbox) saveAll(ctx context.Context, lease *store.Lease, all []sending) error {
	for part := range slices.Chunk(all, batch) {
		records := make([]crm.Record, len(part))
		for i := range part {
			records[i] = part[i].record
		}
		outcomes, failed := o.call(ctx, len(records), func(ctx context.Context) ([]crm.Outcome, error) { return o.Sink.Save(ctx, records) })
		settled := make([]store.Settled, 0, len(outcomes))
		for i, out := range outcomes {
			if failed != nil && out.State == crm.Retry {
				continue // not tried: it stays due, and everything waits
			}
			settled = append(settled, o.settled(part[i], out))
		}
		// The outcomes are kept even if the program is being stopped.
		if err := errors.Join(failed, o.settle(context.WithoutCancel(ctx), lease, settled)); err != nil {
			return err
		}
	}
	return nil
}

// prepare computes the records of those who are due. What the CRM has already is
// settled at once; those who opted out of sharing are returned apart. It says of the
// others, before they are sent, that the CRM may have them.
func (o *Outbox) prepare(ctx context.Context, lease *store.Lease, work []store.Work) (some []sending, withheld []store.Work, err error) {
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
		s := sending{w, r, Digest(r)}
		if s.digest == w.Digest {
			same = append(same, store.Settled{Customer: w.Customer, Changed: w.Changed, Sent: w.Sent, Digest: w.Digest})
			continue
		}
		s.Entry = nil // what it was is in the record
		some, ids = append(some, s), append(ids, w.Customer)
	}
	if len(same) > 0 {
		if err := o.Store.Settle(ctx, lease, same); err != nil {
			return nil, nil, err
		}
	}
	if len(ids) > 0 {
		err = o.Store.Sending(ctx, lease, ids)
	}
	return some, withheld, err
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
	o.set(func(s *Status) { s.Saved += len(settled) })
	return o.Store.Settle(ctx, lease, settled)
}

// settled is what an outcome means for a customer.
func (o *Outbox) settled(w sending, out crm.Outcome) store.Settled {
	done := store.Settled{Customer: w.Customer, Changed: w.Changed, Digest: w.digest, Sent: true}
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

// load brings very many to the CRM: the first, and whom the walk has after them.
func (o *Outbox) load(ctx context.Context, lease *store.Lease, first []sending, w *walk) error {
	moving := map[string]sending{}
	records := func(yield func(crm.Record, error) bool) {
		for some := first; len(some) > 0; {
			for _, s := range some {
				r := s.record
				s.record = crm.Record{} // the CRM has it
				moving[r.Key] = s
				if !yield(r, nil) {
					return
				}
			}
			var err error
			if some, err = w.next(ctx); err != nil {
				yield(crm.Record{}, err)
				return
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
		sent, ok := moving[out.Key]
		if !ok {
			return errors.Join(fmt.Errorf("outbox: %s answered about somebody who was not sent", o.Sink.Name()), flush())
		}
		delete(moving, out.Key)
		if settled = append(settled, o.settled(sent, out)); len(settled) >= batch {
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
