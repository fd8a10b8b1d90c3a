package approval

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/posai-go/posai/audit"
)

// subjectType is the type under which audit entries name a request.
const subjectType = "approval"

// The actors of entries that no principal caused.
var (
	policyActor = audit.Actor{Type: audit.System, ID: "policy"}
	queueActor  = audit.Actor{Type: audit.System, ID: "approval"}
)

// newEntry returns an entry about r. The step makes its ID unique among the
// entries of the request. Entries hold identifiers, digests and verdicts; what
// people or models wrote stays in the request.
func newEntry(r *Request, step string, kind audit.Kind, by audit.Actor, at time.Time) audit.Entry {
	return audit.Entry{
		ID: "approval/" + r.ID + "/" + step, Time: at, Kind: kind, Actor: by,
		Correlation: r.Correlation, Shop: r.Shop, Location: r.Location, Action: r.Kind,
		Subjects: append([]audit.Subject{{Type: subjectType, ID: r.ID}}, r.Subjects...),
	}
}

func proposedEntry(r *Request) audit.Entry {
	e := newEntry(r, "proposed", audit.KindProposed, r.Proposer.actor("", ""), r.CreatedAt)
	e.Model = r.Model
	e.Preview = previewDigest(r)
	e.Attributes = map[string]string{"digest": r.Digest, "revision": "1", "key": r.Key}
	return e
}

func ruledEntry(r *Request, at time.Time) audit.Entry {
	e := newEntry(r, "ruled/"+strconv.Itoa(r.Revision), audit.KindRuled, policyActor, at)
	e.Policy = &audit.Policy{Version: r.PolicyVersion, Rule: cut(r.Ruling.Rule, audit.MaxIDSize), Verdict: string(r.Ruling.Verdict), Reason: r.Ruling.Reason}
	e.Preview = previewDigest(r)
	e.Attributes = map[string]string{"digest": r.Digest, "revision": strconv.Itoa(r.Revision)}
	if r.Ruling.Rule != "" {
		e.Attributes["rule"] = r.Ruling.Rule
	}
	if r.Ruling.Standing != "" {
		e.Attributes["standing_rule"] = r.Ruling.Standing
	}
	if r.Ruling.Verdict == RuleAsk {
		e.Attributes["need"] = cut(r.Ruling.Need.String(), audit.MaxValueSize)
	}
	if s := r.Shadow; s != nil {
		e.Attributes["shadow"] = cut(string(s.Ruling.Verdict)+" by "+s.Version, audit.MaxValueSize)
	}
	return e
}

// decidedEntry is about the last decision of r, made in the given role.
func decidedEntry(r *Request, role string) audit.Entry {
	n := len(r.Decisions)
	d := r.Decisions[n-1]
	e := newEntry(r, "decided/"+strconv.Itoa(n), audit.KindDecided, d.By.actor(role, d.Channel), d.At)
	e.Decision = &audit.Decision{Verdict: string(d.Verdict), Digest: d.Digest}
	e.Attributes = map[string]string{"revision": strconv.Itoa(d.Revision), "state": string(r.State)}
	if d.Reason != "" {
		e.Attributes["reason_digest"] = reasonDigest(r.ID, d.Reason)
	}
	if len(d.By.ActsFor) > 0 {
		e.Attributes["acts_for"] = d.By.ActsFor[0]
	}
	if !d.ShownAt.IsZero() {
		e.Decision.ShownAt = d.ShownAt
		e.Decision.ViewMillis = max(0, d.At.Sub(d.ShownAt).Milliseconds())
	}
	if edit := editOf(r, d); edit != nil {
		e.Attributes["edited_from"] = edit.Before
		for _, c := range edit.Changes[:min(len(edit.Changes), audit.MaxEdits)] {
			e.Decision.Edits = append(e.Decision.Edits, audit.Edit{Path: cut(c.Path, audit.MaxIDSize)})
		}
	}
	if d.Digest == r.Digest {
		e.Preview = previewDigest(r)
	}
	return e
}

// editOf returns the edit that a decision about r made, or nil: also when others
// have decided or edited since. A decision whose edit changed nothing is about the
// digest of an earlier one, hence the time and the person.
func editOf(r *Request, d Decision) *Edit {
	if d.Edit == nil {
		return nil
	}
	i := slices.IndexFunc(r.Edits, func(e Edit) bool {
		return e.After == d.Digest && e.By.ID == d.By.ID && e.At.Equal(d.At)
	})
	if i < 0 {
		return nil
	}
	return &r.Edits[i]
}

// previewDigest ties what people are shown to the log without repeating it.
func previewDigest(r *Request) string {
	data, err := json.Marshal(r.Preview)
	if err != nil {
		return "" // strings alone: it does not fail
	}
	sum := sha256.Sum256(append([]byte("posai/approval/preview/v1\n"), data...))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// seal adds what people and models wrote as sealed parts, where the log has a
// vault: to the proposal its reason, evidence, arguments and preview, to a decision
// its reason and the values that it changed. They belong to the people among the
// subjects of the request and to who decided; where nobody is, to the request.
//
// An entry may be put into the log again after the request has changed, and the
// log takes the same content alone. So what is sealed follows from what does not
// change any more. The arguments of a proposal do, by an edit; but nobody edits
// before its entries are in the log and out of the outbox.
func seal(rec *Record, e *audit.Entry) {
	r := &rec.Request
	var subjects []audit.Subject
	add := func(name string, value any) {
		data, err := json.Marshal(value)
		if err == nil && len(data) <= audit.MaxPartSize && string(data) != "null" && string(data) != `""` {
			e.Sealed = append(e.Sealed, audit.Part{Name: name, Data: data, Subjects: subjects})
		}
	}
	for _, s := range r.Subjects {
		if s.Type == "customer" {
			subjects = append(subjects, s)
		}
	}
	step := strings.TrimPrefix(e.ID, "approval/"+r.ID+"/")
	number, _ := strconv.Atoi(strings.TrimPrefix(step, "decided/"))
	switch {
	case step == "proposed" && r.Revision == 1:
		if len(subjects) == 0 {
			subjects = []audit.Subject{{Type: subjectType, ID: r.ID}}
		}
		add("reason", r.Reason)
		add("evidence", r.Evidence)
		add("arguments", r.Args)
		add("preview", r.Preview)
	case e.Kind == audit.KindDecided && number > 0 && number <= len(r.Decisions):
		d := r.Decisions[number-1]
		subjects = append(subjects, audit.Subject{Type: "staff", ID: d.By.ID})
		add("reason", d.Reason)
		if edit := editOf(r, d); edit != nil {
			add("edits", edit.Changes)
		}
	}
}

// reasonDigest ties what a person wrote to the log without repeating it.
func reasonDigest(id, reason string) string {
	sum := sha256.Sum256([]byte("posai/approval/reason/v1\n" + id + "\n" + reason))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// effectEntry is about the execution: kind and outcome say what is known.
func effectEntry(rec *Record, step string, kind audit.Kind, outcome string, at time.Time) audit.Entry {
	x := rec.Request.Execution
	e := newEntry(&rec.Request, step, kind, queueActor, at)
	e.Effect = &audit.Effect{IdempotencyKey: x.IdempotencyKey, Attempt: int64(x.Attempt), Outcome: outcome}
	return e
}

// step returns a step that no other change of the record has.
func (rec *Record) step(word string) string {
	return word + "/v" + strconv.FormatInt(rec.Version+1, 10)
}

// emit puts entries into the outbox, from where they go into the log once the
// change of the record that they are about is stored.
func (rec *Record) emit(entries ...audit.Entry) error {
	for _, e := range entries {
		data, err := e.MarshalJSON()
		if err != nil {
			return &InvalidError{Reason: "does not fit into an audit entry", Err: err}
		}
		rec.Outbox = append(rec.Outbox, string(data))
	}
	return nil
}

// record makes the outbox of rec durable in the log. It is safe to repeat: the
// log keeps the first entry of an ID.
func (q *Queue) record(ctx context.Context, rec *Record) error {
	for _, data := range rec.Outbox {
		var e audit.Entry
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return fmt.Errorf("%w: %w", ErrUnrecorded, err)
		}
		if q.log.Seals() {
			seal(rec, &e)
		}
		_, err := q.log.Append(ctx, e)
		if errors.Is(err, audit.ErrConflict) && len(e.Sealed) > 0 {
			// It may be there from before the log had a vault.
			e.Sealed = nil
			_, err = q.log.Append(ctx, e)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUnrecorded, err)
		}
	}
	return nil
}

// MarkShown records that the request was shown to somebody, once per person,
// channel and revision. The digest says what was shown; if it is not the
// present one, the error is a [*StaleError].
func (q *Queue) MarkShown(ctx context.Context, id, digest string, to Principal, channel string) error {
	c := &checker{}
	c.principal("to", to)
	c.id("channel", channel, maxID)
	if c.err != nil {
		return c.err
	}
	rec, err := q.get(ctx, id)
	if err != nil {
		return err
	}
	r := &rec.Request
	if digest != r.Digest {
		return &StaleError{Revision: r.Revision, Digest: r.Digest}
	}
	now, err := q.store.Now(ctx)
	if err != nil {
		return err
	}
	who := sha256.Sum256([]byte(to.ID + "\n" + channel))
	step := fmt.Sprintf("shown/%d/%x", r.Revision, who[:12])
	e := newEntry(r, step, audit.KindShown, to.actor("", channel), now)
	e.Decision = &audit.Decision{Digest: digest}
	e.Preview = previewDigest(r)
	if _, err := q.log.Append(ctx, e); err != nil && !errors.Is(err, audit.ErrConflict) {
		return fmt.Errorf("%w: %w", ErrUnrecorded, err)
	}
	return nil
}
