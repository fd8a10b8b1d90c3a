package approval

import (
	"maps"
	"time"
)

// Verdict is what a person decided.
type Verdict string

// The verdicts of people.
const (
	Approve Verdict = "approve"
	Reject  Verdict = "reject"
)

// Decision is what one person decided about one revision of a request.
type Decision struct {
	RequestID string `json:"request_id"`

	// Digest is that of the request as it was shown. It is required, and must
	// be the present one.
	Digest string `json:"digest"`

	Verdict Verdict   `json:"verdict"`
	Reason  string    `json:"reason,omitzero"` // for people; at most 4 KiB
	By      Principal `json:"by"`
	Channel string    `json:"channel,omitzero"` // such as "console" or "slack"

	// Edit, with [Approve], asks to approve the action with these values by
	// field name, of the fields of [Request].Form; those left out keep their
	// values. It is judged by the policy like a new proposal and makes a new
	// revision with a new digest, which the decision then counts for. A
	// request whose new ruling needs more people stays Pending. Nil: as shown.
	Edit map[string]string `json:"edit,omitempty"`

	// EditDigest, if set, is the digest of the revision that Edit has to make, as
	// [Queue.TryEdit] returned it: should it make another by now, say because the
	// policy has changed, the decision is refused with [ErrStale].
	EditDigest string `json:"edit_digest,omitzero"`

	// ShownAt is when the request was shown to the person, if known.
	ShownAt time.Time `json:"shown_at,omitzero"`

	// The queue sets these: when it took the decision, and for which revision
	// it counts.
	At       time.Time `json:"at"`
	Revision int       `json:"revision,omitzero"`
}

// clone returns a copy that shares nothing with d.
func (d Decision) clone() Decision {
	d.By, d.Edit = d.By.clone(), maps.Clone(d.Edit)
	return d
}
