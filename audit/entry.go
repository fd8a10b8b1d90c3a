package audit

import "time"

// Version is the schema version that new entries carry as "v". Logs with
// entries of version 1 stay readable and verifiable: see
// [Entry.SchemaVersion].
const Version = 2

// Bounds of an entry, in bytes of UTF-8 unless said otherwise. An entry
// beyond them is refused with a [*FieldError].
const (
	MaxEntrySize  = 32 << 10  // the whole entry in canonical form
	MaxIDSize     = 256       // an identifier: IDs, shop, location, action, names, digests
	MaxTextSize   = 4096      // a sentence for people: Note and every Reason
	MaxSubjects   = 64        // number of subjects
	MaxEffectIDs  = 64        // number of identifiers that an effect names
	MaxAttributes = 32        // number of attributes
	MaxValueSize  = 1024      // the value of an attribute or parameter, each side of an edit
	MaxParameters = 32        // number of a model's parameters
	MaxEdits      = 32        // number of edits of a decision
	MaxParts      = 16        // number of sealed parts
	MaxPartSize   = 256 << 10 // the content of a sealed part
	MaxSealedSize = 1 << 20   // the content of all sealed parts of an entry
)

// Kind says which step of a flow an entry records. The constants are what this
// project writes; another kind is allowed where it is a lower-case word of at
// most 64 letters, digits, '.', '_' and '-' that begins with a letter.
type Kind string

// The kinds that the rooms of this project write, in the order of a flow.
const (
	KindReceived    Kind = "received"    // an event came in from outside
	KindRead        Kind = "read"        // protected data was read
	KindProposed    Kind = "proposed"    // an action was proposed
	KindRuled       Kind = "ruled"       // the policy ruled on it
	KindShown       Kind = "shown"       // it was shown to a person
	KindDecided     Kind = "decided"     // a person decided
	KindStarted     Kind = "started"     // the execution is about to call the outside
	KindEffect      Kind = "effect"      // the execution had its effect
	KindFailed      Kind = "failed"      // the execution failed, or its outcome is unknown
	KindCompensated Kind = "compensated" // an earlier effect was made up for, such as by a refund
	KindExpired     Kind = "expired"     // the time for a decision ran out
	KindErased      Kind = "erased"      // sealed personal data was made unreadable
	KindConfigured  Kind = "configured"  // a setting, a policy or a switch changed
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

	// Preview is the digest of what people are shown of the action.
	Preview string `json:"preview_digest,omitzero"`

	// Cost is what the step cost, such as a model's call.
	Cost Cost `json:"cost,omitzero"`

	// TraceID is the distributed trace that the step belongs to, 32 lower-case
	// hexadecimal digits where it follows https://www.w3.org/TR/trace-context/.
	TraceID string `json:"trace_id,omitzero"`

	// Note is a sentence for people.
	Note string `json:"note,omitzero"`

	// Attributes are further public facts. A key is a lower-case word as for
	// [Kind]. An empty value is kept.
	Attributes map[string]string `json:"attributes,omitempty"`

	// Sealed are the parts that are not public: see [Part].
	Sealed []Part `json:"sealed,omitempty"`

	schema int // schema version of an entry that was read; 0: Version
}

// SchemaVersion returns the version of the schema that the entry was written
// in: 1 or [Version]. An entry of version 1 has no fields but those that this
// version had, and its canonical form is still the one that was signed. The
// zero Entry is of the present version, and so is whatever is appended.
func (e *Entry) SchemaVersion() int {
	if e.schema == 0 {
		return Version
	}
	return e.schema
}

// Actor is who did it.
type Actor struct {
	Type    ActorType `json:"type,omitzero"`
	ID      string    `json:"id,omitzero"`      // stable identifier, such as a staff id or a service name
	Role    string    `json:"role,omitzero"`    // the role that the actor acted in
	Channel string    `json:"channel,omitzero"` // where, such as "console" or "slack"

	// Assurance is how strongly the actor was authenticated: "aal1", "aal2" or
	// "aal3" as in NIST SP 800-63B (https://pages.nist.gov/800-63-4/sp800-63b.html),
	// or the caller's own word for it.
	Assurance string `json:"assurance,omitzero"`

	// Methods are how: method references of RFC 8176, such as "pin" or
	// "mfa otp", separated by spaces.
	Methods string `json:"methods,omitzero"`
}

// Subject is a thing that an entry is about. Type and ID are required.
type Subject struct {
	Type string `json:"type,omitzero"` // such as "order"
	ID   string `json:"id,omitzero"`   // such as "gid://shopify/Order/1"
}

// Model says what produced a judgment, and from what.
type Model struct {
	Provider string `json:"provider,omitzero"`
	Name     string `json:"name,omitzero"`

	// Parameters are the settings of the call, such as "temperature": "0.2". A
	// key is a lower-case word as for [Kind].
	Parameters map[string]string `json:"parameters,omitempty"`

	// Baseline is true where a deterministic function stood in for a model.
	Baseline bool `json:"baseline,omitzero"`

	PromptDigest string `json:"prompt_digest,omitzero"` // of the instructions, such as a template
	InputDigest  string `json:"input_digest,omitzero"`  // of the data that they were applied to
	OutputDigest string `json:"output_digest,omitzero"` // of the answer
	InputTokens  int64  `json:"input_tokens,omitzero"`
	OutputTokens int64  `json:"output_tokens,omitzero"`
}

// Policy is what the rules said.
type Policy struct {
	Version string `json:"version,omitzero"`
	Rule    string `json:"rule,omitzero"`    // the rule that ruled
	Verdict string `json:"verdict,omitzero"` // such as "allow", "ask" or "deny"
	Reason  string `json:"reason,omitzero"`
}

// Decision is what a person decided, and on what view.
type Decision struct {
	Verdict string `json:"verdict,omitzero"` // such as "approve" or "reject"
	Reason  string `json:"reason,omitzero"`
	Digest  string `json:"digest,omitzero"` // of the request that was shown, to which the decision is bound

	// ShownAt is when it was shown to the person, kept like [Entry].Time.
	ShownAt time.Time `json:"shown_at,omitzero"`

	// ViewMillis is how long the person had it in view, in milliseconds.
	ViewMillis int64 `json:"view_ms,omitzero"`

	// Edits are what the person changed before the decision.
	Edits []Edit `json:"edits,omitempty"`
}

// Edit is one changed value. Where the values are personal data, they belong
// into a sealed part and only Path is set.
type Edit struct {
	Path   string `json:"path,omitzero"` // name of the field, required
	Before string `json:"before,omitzero"`
	After  string `json:"after,omitzero"`
}

// Effect is what was done outside, or tried.
type Effect struct {
	IdempotencyKey string   `json:"idempotency_key,omitzero"`
	Attempt        int64    `json:"attempt,omitzero"`    // from 1
	Operation      string   `json:"operation,omitzero"`  // such as the name of a mutation
	RequestID      string   `json:"request_id,omitzero"` // Shopify's X-Request-Id of the call
	IDs            []string `json:"ids,omitempty"`       // GIDs of what was made or changed
	Outcome        string   `json:"outcome,omitzero"`
}

// Cost is an amount of money.
type Cost struct {
	// Amount is a decimal number without exponent, such as "0.00123".
	Amount   string `json:"amount,omitzero"`
	Currency string `json:"currency,omitzero"` // ISO 4217, such as "USD"
}

// Part is content of an entry that is not public: personal data, a prompt, an
// answer, a person's own words. The log commits to its hash and keeps it
// encrypted under the keys of the subjects that it is about, so that it can be
// made unreadable for good while every proof stays valid.
type Part struct {
	// Name says what it is, such as "reason" or "prompt": a lower-case word as
	// for [Kind], once in an entry.
	Name string `json:"name,omitzero"`

	// Of are the pseudonyms of the subjects, in order; Append fills them in. A
	// pseudonym is random and forgotten together with the subject's key: then
	// nobody can tell whose it was.
	Of []string `json:"of,omitempty"`

	// Subjects are whose data it is; if empty, the people among the entry's own
	// subjects. The shop of the entry, where it names one, is added. It is set by
	// the caller of Append and not part of what the log keeps.
	Subjects []Subject `json:"-"`

	// Data is the content, at most MaxPartSize bytes: what to seal in an Append,
	// what was unsealed where an entry was read with its key, else nil. It is
	// never part of the canonical form.
	Data []byte `json:"-"`

	// Erased is true where an entry was read whose key is destroyed.
	Erased bool `json:"-"`
}
