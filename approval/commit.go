package approval

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/posai-go/posai/audit"
)

// commitTime bounds how long a worker that is told to stop still tries to store
// what it knows.
const commitTime = 10 * time.Second

// errFenced: another worker has taken the request over, so what this one
// brings home does not count.
var errFenced = fmt.Errorf("%w: another worker has taken over", ErrConflict)

// commit stores the record with the given entries in its outbox, puts them into
// the log, and empties the outbox.
func (x *execution) commit(ctx context.Context, entries ...audit.Entry) error {
	if err := x.rec.emit(entries...); err != nil {
		return err
	}
	if err := x.store(ctx); err != nil {
		return err
	}
	x.q.changed(&x.rec.Request)
	x.q.tellSettled(ctx, &x.rec.Request)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer cancel()
	_, err := x.q.flush(ctx, x.rec)
	return err
}

// store stores the record, if it is still this worker's. It is tried for a
// while even when ctx has ended: what is known here is known nowhere else.
func (x *execution) store(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer cancel()
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		stored, err := x.q.store.Update(ctx, x.rec)
		if errors.Is(err, ErrConflict) {
			stored, err = x.mine(ctx)
		}
		if err == nil {
			x.rec = stored
			return nil
		}
		if errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound) {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
	}
}

// mine tells a conflict with somebody else from one with an earlier try of this
// worker that was stored although it seemed to fail.
func (x *execution) mine(ctx context.Context) (*Record, error) {
	stored, err := x.q.store.Get(ctx, x.rec.Request.ID)
	if err != nil {
		return nil, err
	}
	same := *x.rec
	same.Version = stored.Version
	a, errA := same.Encode()
	b, errB := stored.Encode()
	if stored.Version == x.rec.Version+1 && errors.Join(errA, errB) == nil && bytes.Equal(a, b) {
		return stored, nil
	}
	return nil, errFenced
}

// settledNow is the store's time, asked for even when ctx has ended.
func (q *Queue) settledNow(ctx context.Context) (time.Time, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer cancel()
	return q.store.Now(ctx)
}

// idempotencyKey derives the key of a request, a UUID of version 8
// (https://www.rfc-editor.org/rfc/rfc9562#section-5.8), from its random ID.
func idempotencyKey(id string) string {
	sum := sha256.Sum256([]byte("posai/approval/idempotency/v1\n" + id))
	b := sum[:16]
	b[6] = b[6]&0x0f | 0x80
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Effected is a result that knows what was made or changed. The IDs go into
// the audit log.
type Effected interface {
	// EffectIDs returns identifiers such as GIDs, at most 64 of at most 256
	// bytes; others are left out.
	EffectIDs() []string
}

func effectIDs(result any) (ids []string) {
	_ = guard(func() error { // a broken result does not undo the effect
		if e, ok := result.(Effected); ok {
			for _, id := range e.EffectIDs() {
				c := &checker{}
				c.required("id", id, maxID)
				if c.err == nil && len(ids) < audit.MaxEffectIDs {
					ids = append(ids, id)
				}
			}
		}
		return nil
	})
	return ids
}

// encodeResult returns the JSON of a result, or why there is none.
func encodeResult(result any) (data json.RawMessage, reason string) {
	err := guard(func() (err error) {
		data, err = json.Marshal(result)
		return err
	})
	switch {
	case err != nil:
		return nil, "it happened, but its result cannot be stored as JSON"
	case len(data) > maxResult:
		return nil, "it happened, but its result is too large to be stored"
	}
	return data, ""
}
