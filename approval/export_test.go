package approval

import (
	"context"
	"time"
)

// What the tests check directly, because a caller sees only its digest.
var (
	Canonical       = canonical
	CanonicalNumber = canonicalNumber
	DiffJSON        = diff
	Seal            = seal
)

// RuleTyped is what the policy says about r in a queue that has its typed action.
func (q *Queue) RuleTyped(ctx context.Context, r *Request, a Action) Ruling {
	return q.rule(ctx, q.policy, r, a)
}

// CloneJSON is a copy as the store makes them.
func CloneJSON(r *Request) (*Record, error) { return cloneRecord(&Record{Request: *r}) }

// FirstDigest is the digest of r as the first version computed it. The vector is
// that of a request without what the second added.
func FirstDigest(r *Request) string {
	digest, err := r.digest(firstDigestPrefix, "", time.Time{})
	if err != nil {
		panic(err)
	}
	return digest
}
