package approval

import "context"

// TryEdit returns the request as an edit by somebody would make it: arguments,
// preview, ruling, and the digest that [Decision].EditDigest then names. Nothing
// is stored, recorded or decided. digest is that of the revision that was shown.
// It is for channels that show a change once more before it counts.
//
// Errors: those that [Queue.Decide] would give for an approval with the edit.
func (q *Queue) TryEdit(ctx context.Context, id, digest string, values map[string]string, by Principal) (*Request, error) {
	d := Decision{RequestID: id, Digest: digest, Verdict: Approve, By: by, Edit: values}
	if err := d.validate(); err != nil {
		return nil, err
	}
	rec, controls, now, err := q.snapshot(ctx, id)
	if err != nil {
		return nil, err
	}
	// The copy gets the decision too, as the real one would; what is returned
	// is the request before it.
	if err := q.decide(ctx, rec, controls, d, now); err != nil {
		return nil, err
	}
	r := &rec.Request
	r.State = Pending
	r.Decisions = r.Decisions[:len(r.Decisions)-1]
	return r, nil
}
