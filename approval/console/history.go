package console

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
)

// event is one line of a request's history.
type event struct {
	Title, Note, Tone string
	At                *moment
	Index             int64 // in the audit log, -1 for none
}

// Entry is the number of the audit entry, as a page shows it.
func (e event) Entry() string {
	if e.Index < 0 {
		return ""
	}
	return "entry " + strconv.FormatInt(e.Index, 10) + " of the audit log"
}

// maxHistory bounds a history, in entries.
const maxHistory = 300

// history is what the audit log says about a request, in people's words. If
// the log cannot be read, it is what the request itself knows.
func (c *Console) history(ctx context.Context, q *approval.Request, me approval.Principal, clock clock) []event {
	var events []event
	names := namesIn(q)
	names[me.ID] = name(me)
	for rec, err := range c.queue.Trail(ctx, q.ID) {
		if err != nil {
			c.opts.Logger.ErrorContext(ctx, "console: audit trail cannot be read", "request", q.ID, "error", err)
			return append(ownHistory(q, clock), event{
				Title: "The audit log cannot be read at the moment", Tone: "bad", At: clock.moment(clock.now), Index: -1,
			})
		}
		if len(events) == maxHistory {
			break
		}
		e := audited(rec.Entry, q, names)
		e.At, e.Index = clock.moment(rec.Entry.Time), rec.Index
		events = append(events, e)
	}
	return events
}

// namesIn returns the names of the people in a request, by ID: the audit log
// has IDs alone.
func namesIn(q *approval.Request) map[string]string {
	names := map[string]string{q.Proposer.ID: name(q.Proposer)}
	for _, d := range q.Decisions {
		names[d.By.ID] = name(d.By)
	}
	for _, e := range q.Edits {
		names[e.By.ID] = name(e.By)
	}
	if q.Resolution != nil {
		names[q.Resolution.By.ID] = name(q.Resolution.By)
	}
	return names
}

// audited puts an audit entry into words.
func audited(e audit.Entry, q *approval.Request, names map[string]string) event {
	who := cmp.Or(names[e.Actor.ID], e.Actor.ID, string(e.Actor.Type))
	where := ""
	if e.Actor.Channel != "" {
		where = " in " + channelName(e.Actor.Channel)
	}
	v := event{Note: e.Note}
	switch e.Kind {
	case audit.KindProposed:
		v.Title = who + " proposed it"
	case audit.KindRuled:
		v.Title = "The policy ruled"
		if e.Policy != nil {
			v.Title = "Policy " + e.Policy.Version + ": " + ruledWord(e.Policy.Verdict)
			v.Note = cmp.Or(e.Policy.Reason, v.Note)
		}
	case audit.KindShown:
		v.Title = "Shown to " + who + where
	case audit.KindDecided:
		v.Title = who + " decided" + where
		if e.Decision != nil {
			verdict := approval.Verdict(e.Decision.Verdict)
			v.Title, v.Tone = who+" "+decidedWord(verdict)+where, tone(verdict)
			if e.Attributes["edited_from"] != "" {
				v.Title = who + " edited it and " + decidedWord(verdict) + where
			}
			v.Note = cmp.Or(e.Decision.Reason, reasonGiven(q, e), v.Note)
		}
	case audit.KindStarted:
		v.Title = "Started"
		if e.Effect != nil && e.Effect.Attempt > 1 {
			v.Title = fmt.Sprintf("Started again, attempt %d", e.Effect.Attempt)
		}
	case audit.KindEffect:
		v.Title, v.Tone = "Done", "good"
		if e.Effect != nil && len(e.Effect.IDs) > 0 {
			v.Note = strings.Join(e.Effect.IDs, "\n")
		}
	case audit.KindFailed:
		v.Title, v.Tone = "Did not succeed", "bad"
		if e.Effect != nil && e.Effect.Outcome != "" {
			v.Note = cmp.Or(v.Note, e.Effect.Outcome)
		}
	case audit.KindExpired:
		v.Title = "Expired"
	default:
		v.Title = string(e.Kind) + ", by " + who
	}
	return v
}

// reasonGiven is the reason of a decision, which the request knows where the
// audit log leaves it out.
func reasonGiven(q *approval.Request, e audit.Entry) string {
	for _, d := range q.Decisions {
		if d.By.ID == e.Actor.ID && string(d.Verdict) == e.Decision.Verdict && d.Digest == e.Decision.Digest {
			return d.Reason
		}
	}
	return ""
}

func ruledWord(verdict string) string {
	switch approval.RulingVerdict(verdict) {
	case approval.RuleAllow:
		return "allowed"
	case approval.RuleDeny:
		return "denied"
	case approval.RuleAsk:
		return "somebody has to approve"
	}
	return verdict
}

func decidedWord(v approval.Verdict) string {
	switch v {
	case approval.Approve:
		return "approved it"
	case approval.Reject:
		return "rejected it"
	}
	switch approval.Outcome(v) {
	case approval.Happened:
		return "looked: it did happen"
	case approval.TryAgain:
		return "looked: it did not happen and is to be done"
	case approval.Abandon:
		return "looked: it did not happen and is left"
	}
	return "decided: " + string(v)
}

func tone(v approval.Verdict) string {
	if v == approval.Reject {
		return "bad"
	}
	return "good"
}

// ownHistory is a history from the request alone.
func ownHistory(q *approval.Request, clock clock) []event {
	add := func(list []event, t time.Time, title, note, tone string) []event {
		return append(list, event{Title: title, Note: note, Tone: tone, At: clock.moment(t), Index: -1})
	}
	events := add(nil, q.CreatedAt, name(q.Proposer)+" proposed it", "", "")
	for _, d := range q.Decisions {
		events = add(events, d.At, name(d.By)+" "+decidedWord(d.Verdict)+" in "+channelName(d.Channel), d.Reason, tone(d.Verdict))
	}
	return events
}
