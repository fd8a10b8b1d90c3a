package approval

import (
	"encoding/json"
	"time"

	"github.com/posai-go/posai/audit"
)

// State says where a request stands.
type State string

// The states of a request. Rejected, Denied, Expired, Executed and Failed are
// final.
const (
	// Recording: stored, but its first audit entries are not durable yet. No
	// channel sees it: Get and List leave it out.
	Recording State = "recording"

	Pending   State = "pending"   // waits for people
	Approved  State = "approved"  // will be executed
	Executing State = "executing" // a worker is at it
	Executed  State = "executed"  // it happened, once
	Uncertain State = "uncertain" // it may have happened: a person has to look and settle it with Resolve
	Rejected  State = "rejected"  // a person said no
	Denied    State = "denied"    // the policy said no
	Expired   State = "expired"   // nobody decided in time
	Failed    State = "failed"    // it was approved, but did not happen
)

// Final reports whether a request in this state never changes again.
func (s State) Final() bool {
	switch s {
	case Rejected, Denied, Expired, Executed, Failed:
		return true
	}
	return false
}

// Proposal is what a proposer says about an action.
type Proposal struct {
	// Key is the idempotency key, required: a second proposal with the same
	// shop, kind and key makes no second request, whatever else it says. At
	// most 200 bytes.
	Key string `json:"key"`

	Shop     string `json:"shop,omitzero"`     // shop domain
	Location string `json:"location,omitzero"` // GID of the location; empty: the whole shop

	// Correlation ties the audit entries of one flow together. If empty, the
	// ID of the request.
	Correlation string `json:"correlation,omitzero"`

	// Proposer is required. It cannot decide the request.
	Proposer Principal `json:"proposer"`

	Reason   string          `json:"reason,omitzero"`    // why this should be done, for people; at most 4 KiB
	Subjects []audit.Subject `json:"subjects,omitempty"` // what it is about; at most 32

	// Amount is what is at stake, for policies with thresholds.
	Amount Money `json:"amount,omitzero"`

	// ExpiresAt is until when people may decide at the latest, because the
	// action loses its point then. The ruling may set an earlier time:
	// [Request].ExpiresAt is the one that holds. If zero, the ruling's alone.
	ExpiresAt time.Time `json:"latest_expires_at,omitzero"`

	Model      *audit.Model `json:"model,omitempty"`      // what made the proposal
	Evidence   []Evidence   `json:"evidence,omitempty"`   // what the proposer saw; at most 32
	Confidence *float64     `json:"confidence,omitempty"` // 0 to 1
}

// Evidence is something that the proposer saw, as plain text.
type Evidence struct {
	Label string `json:"label"` // at most 256 bytes
	Text  string `json:"text"`  // at most 16 KiB
}

// Request is an action that was proposed, and what became of it. The queue
// returns copies: a caller may change them without effect.
type Request struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`

	// Revision counts from 1; every edit adds one.
	Revision int `json:"revision"`

	// Args is the action as canonical JSON, Preview what people see of it, and
	// Form what they may change (nil: nothing).
	Args    json.RawMessage `json:"args"`
	Preview Preview         `json:"preview"`
	Form    []FormField     `json:"form,omitempty"`

	// Digest binds a decision to exactly this: see [Request.ComputeDigest].
	Digest string `json:"digest"`

	PolicyVersion string `json:"policy_version"`
	Ruling        Ruling `json:"ruling"` // that holds

	// PolicyRuling is what the policy said by itself, where a switch, a standing
	// rule or a fuse made something else of it. Nil: Ruling, but for what
	// [Proposal].ExpiresAt cut off.
	PolicyRuling *Ruling `json:"policy_ruling,omitempty"`

	// action is the typed action of a request that a policy is asked about, or
	// nil, see ActionOf.
	action Action

	State State `json:"state"`

	Proposal

	CreatedAt time.Time `json:"created_at"`
	ChangedAt time.Time `json:"changed_at"`          // of the last change of State, Revision or Decisions
	ExpiresAt time.Time `json:"expires_at,omitzero"` // of a request that asks people: by its ruling or its proposal, whichever is earlier

	// Escalated counts the steps of escalation whose time has come, see
	// [Request.Need].
	Escalated int `json:"escalated,omitzero"`

	// EscalatedAt is when each of these steps came.
	EscalatedAt []time.Time `json:"escalated_at,omitempty"`

	// Shadow is what a candidate policy says, see [Options].Shadow.
	Shadow *ShadowRuling `json:"shadow,omitempty"`

	// UndoRequest is the ID of the request that asks to undo this one, see
	// [Queue.Undo].
	UndoRequest string `json:"undo_request,omitzero"`

	// Decisions are all that counted, oldest first, of all revisions.
	Decisions []Decision `json:"decisions,omitempty"`

	// Edits are what people changed, oldest first.
	Edits []Edit `json:"edits,omitempty"`

	// Execution is nil until the first attempt.
	Execution *ExecutionRecord `json:"execution,omitempty"`

	// Resolution is set once a person settled an Uncertain request.
	Resolution *Resolution `json:"resolution,omitempty"`
}

// ExecutionRecord is what is known of the execution.
type ExecutionRecord struct {
	IdempotencyKey string          `json:"idempotency_key"`      // the same for all attempts
	Attempt        int             `json:"attempt"`              // of the last call to Execute, from 1
	StartedAt      time.Time       `json:"started_at"`           // of the last attempt
	FinishedAt     time.Time       `json:"finished_at,omitzero"` // when the outcome was known
	Result         json.RawMessage `json:"result,omitempty"`     // what Execute or Find returned

	// Error is the text of the executor's last error, for people. It is cut
	// to 1 KiB and never goes into the audit log.
	Error string `json:"error,omitzero"`

	// UnknownSince is set while it is not known whether an attempt had an
	// effect.
	UnknownSince time.Time `json:"unknown_since,omitzero"`

	// NextAt is when the next attempt or read-back is due, at the earliest.
	NextAt time.Time `json:"next_at,omitzero"`

	// Looks counts the failed read-backs since UnknownSince.
	Looks int `json:"looks,omitzero"`
}

// Edit is what one person changed, as a diff of the arguments.
type Edit struct {
	Revision int       `json:"revision"` // that the edit made
	By       Principal `json:"by"`
	Channel  string    `json:"channel,omitzero"`
	At       time.Time `json:"at"`
	Before   string    `json:"before"` // digest of the revision before
	After    string    `json:"after"`  // digest of the revision that the edit made
	Changes  []Diff    `json:"changes"`
}

// Diff is one value that an edit changed.
type Diff struct {
	// Path is a JSON pointer into the arguments (RFC 6901,
	// https://www.rfc-editor.org/rfc/rfc6901).
	Path   string          `json:"path"`
	Before json.RawMessage `json:"before,omitempty"` // absent: was not there
	After  json.RawMessage `json:"after,omitempty"`  // absent: is not there any more
}

// Resolution is how a person settled an [Uncertain] request.
type Resolution struct {
	Outcome Outcome   `json:"outcome"`
	By      Principal `json:"by"`
	Reason  string    `json:"reason,omitzero"`
	At      time.Time `json:"at"`
}

// Outcome is what a person found out about an [Uncertain] request.
type Outcome string

// The outcomes that [Queue.Resolve] takes.
const (
	Happened Outcome = "happened"  // it did happen: the request is Executed
	TryAgain Outcome = "try_again" // it did not happen: execute it again
	Abandon  Outcome = "abandon"   // it did not happen and is not wanted any more: the request is Failed
)
