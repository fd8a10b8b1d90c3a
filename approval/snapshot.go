package approval

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Snapshot is what a decision is taken by.
type Snapshot struct {
	Record   *Record
	Document Document
	Now      time.Time
}

// Snapshotter is a [Store] that can read a record, a document and the time at
// once. It is optional: it saves two round trips to the database while somebody
// waits.
type Snapshotter interface {
	// Snapshot is Get, Document and Now in one.
	Snapshot(ctx context.Context, id, document string) (Snapshot, error)
}

// snapshot reads a request that channels may see, the controls and the time.
func (q *Queue) snapshot(ctx context.Context, id string) (*Record, *Controls, time.Time, error) {
	fast, ok := q.store.(Snapshotter)
	if !ok || id == "" || len(id) > maxID {
		rec, err := q.get(ctx, id)
		if err != nil {
			return nil, nil, time.Time{}, err
		}
		c, err := q.readControls(ctx)
		if err != nil {
			return nil, nil, time.Time{}, err
		}
		now, err := q.store.Now(ctx)
		return rec, c, now, err
	}
	s, err := fast.Snapshot(ctx, id, controlsDocument)
	if err != nil {
		return nil, nil, time.Time{}, err
	}
	if s.Record.Request.State == Recording {
		return nil, nil, time.Time{}, ErrNotFound
	}
	c := new(Controls)
	if s.Document.Version > 0 {
		if err := json.Unmarshal(s.Document.Data, c); err != nil {
			return nil, nil, time.Time{}, errors.New("approval: the stored document controls cannot be read")
		}
	}
	if c.unrecorded() {
		if c, err = q.readControls(ctx); err != nil {
			return nil, nil, time.Time{}, err
		}
	}
	return s.Record, c, s.Now, nil
}
