package audit

import "time"

// Version is the schema version that every entry carries as "v".
const Version = 1

// Bounds of an entry, in bytes of UTF-8 unless said otherwise. An entry
// beyond them is refused with a [*FieldError].
const (
	MaxEntrySize  = 32 << 10 // the whole entry in canonical form
	MaxIDSize     = 256      // an identifier: IDs, shop, location, action, names, digests
	MaxTextSize   = 4096     // a sentence for people: Note and every Reason
	MaxSubjects   = 64       // number of subjects
	MaxEffectIDs  = 64       // number of identifiers that an effect names
	MaxAttributes = 32       // number of attributes
	MaxValueSize  = 1024     // the value of an attribute
)

// Kind says which step of a flow an entry records. The constants are what this
// project writes; another kind is allowed where it is a lower-case word of at
// most 64 letters, digits, '.', '_' and '-' that begins with a letter.
type Kind string

// The kinds that the rooms of this project write, in the order of a flow.
const (
	KindReceived   Kind = "received"   // an event came in from outside
	KindRead       Kind = "read"       // protected data was read
	KindProposed   Kind = "proposed"   // an action was proposed
	KindRuled      Kind = "ruled"      // the policy ruled on it
	KindShown      Kind = "shown"      // it was shown to a person
	KindDecided    Kind = "decided"    // a person decided
	KindStarted    Kind = "started"    // the execution is about to call the outside
	KindEffect     Kind = "effect"     // the execution had its effect
	KindFailed     Kind = "failed"     // the execution failed, or its outcome is unknown
	KindExpired    Kind = "expired"    // the time for a decision ran out
	KindErased     Kind = "erased"     // sealed personal data was made unreadable
	KindConfigured Kind = "configured" // a setting, a policy or a switch changed
)

// ActorType says what kind of being acted.
type ActorType string

// The types of actors.
const (
	Human  ActorType = "human"
	AI     ActorType = "ai"
	System ActorType = "system"
)

// Entry is one fact of the log: who did what, to what, on what grounds. It
// holds public facts only: identifiers, digests, verdicts and counts, never a
// customer's data, a prompt or a token, because an entry cannot be taken back.
//
// Kind and Actor.Type are required, the rest is set as far as it applies. Its
// signed form is the canonical JSON of [Entry.MarshalJSON].
type Entry struct {
	// ID names the entry within its log. Appending an ID again appends nothing
	// and returns the first record, so that a step that is repeated after a
	// crash is recorded once. If empty, Append generates one.
	ID string `json:"id,omitzero"`

	// Time is when it happened. It is kept in UTC, to the microsecond. If zero,
	// the time of the Append.
	Time time.Time `json:"time,omitzero"`

	Kind Kind `json:"kind,omitzero"`

	// Correlation ties all entries of one flow together.
	Correlation string `json:"correlation,omitzero"`

	Shop     string `json:"shop,omitzero"`     // shop domain
	Location string `json:"location,omitzero"` // GID of the location

	Actor    Actor     `json:"actor,omitzero"`
	Action   string    `json:"action,omitzero"` // kind of the action, such as "postpurchase.followup"
	Subjects []Subject `json:"subjects,omitempty"`

	Model    *Model    `json:"model,omitzero"`
	Policy   *Policy   `json:"policy,omitzero"`
	Decision *Decision `json:"decision,omitzero"`
	Effect   *Effect   `json:"effect,omitzero"`

	// Note is a sentence for people.
	Note string `json:"note,omitzero"`

	// Attributes are further public facts. A key is a lower-case word as for
	// [Kind]. An empty value is kept.
	Attributes map[string]string `json:"attributes,omitempty"`
}

// Actor is who did it.
type Actor struct {
	Type    ActorType `json:"type,omitzero"`
	ID      string    `json:"id,omitzero"`      // stable identifier, such as a staff id or a service name
	Role    string    `json:"role,omitzero"`    // the role that the actor acted in
	Channel string    `json:"channel,omitzero"` // where, such as "console" or "slack"
}

// Subject is a thing that an entry is about. Type and ID are required.
type Subject struct {
	Type string `json:"type,omitzero"` // such as "order"
	ID   string `json:"id,omitzero"`   // such as "gid://shopify/Order/1"
}

// Model says what produced a judgment.
type Model struct {
	Provider string `json:"provider,omitzero"`
	Name     string `json:"name,omitzero"`

	// Baseline is true where a deterministic function stood in for a model.
	Baseline bool `json:"baseline,omitzero"`

	PromptDigest string `json:"prompt_digest,omitzero"`
	OutputDigest string `json:"output_digest,omitzero"`
	InputTokens  int64  `json:"input_tokens,omitzero"`
	OutputTokens int64  `json:"output_tokens,omitzero"`
}

// Policy is what the rules said.
type Policy struct {
	Version string `json:"version,omitzero"`
	Verdict string `json:"verdict,omitzero"` // such as "allow", "ask" or "deny"
	Reason  string `json:"reason,omitzero"`
}

// Decision is what a person decided.
type Decision struct {
	Verdict string `json:"verdict,omitzero"` // such as "approve" or "reject"
	Reason  string `json:"reason,omitzero"`
	Digest  string `json:"digest,omitzero"` // digest of what was shown
}

// Effect is what was done outside, or tried.
type Effect struct {
	IdempotencyKey string   `json:"idempotency_key,omitzero"`
	Attempt        int64    `json:"attempt,omitzero"` // from 1
	RequestID      string   `json:"request_id,omitzero"`
	IDs            []string `json:"ids,omitempty"` // GIDs of what was made or changed
	Outcome        string   `json:"outcome,omitzero"`
}
