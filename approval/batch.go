package approval

import (
	"context"
	"fmt"
)

// maxBatch is how many decisions a batch takes.
const maxBatch = 200

// Decided is what became of one decision of a batch.
type Decided struct {
	Request *Request // as [Queue.Decide] returned it
	Err     error
}

// DecideAll takes decisions about several requests, each for itself: one that
// is refused does not keep the others from being taken. The results are in the
// order of the decisions. It takes 200 at most; when ctx ends, the rest fails
// with its cause.
func (q *Queue) DecideAll(ctx context.Context, decisions []Decision) ([]Decided, error) {
	if len(decisions) > maxBatch {
		return nil, invalid("decisions", fmt.Sprintf("are more than %d", maxBatch))
	}
	results := make([]Decided, len(decisions))
	for i, d := range decisions {
		if ctx.Err() != nil {
			results[i].Err = context.Cause(ctx)
			continue
		}
		results[i].Request, results[i].Err = q.Decide(ctx, d)
	}
	return results, nil
}
