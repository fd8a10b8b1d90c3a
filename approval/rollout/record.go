package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
)

// partSize is how much of a plan one audit entry holds: less than an entry may
// have, escapes counted.
const partSize = 8 << 10

// planEntries hold the plan as it begins, in its canonical JSON: in the
// attributes plan_01, plan_02, … of as many entries as it takes.
func (r *Rollout) planEntries(change, stage int, at time.Time) []audit.Entry {
	parts := pieces(r.plan.canonical(), partSize)
	entries := make([]audit.Entry, len(parts))
	for i, part := range parts {
		step := "plan/" + strconv.Itoa(change)
		if i > 0 {
			step += "/" + strconv.Itoa(i+1)
		}
		e := r.entry(step, audit.Actor{Type: audit.System, ID: "rollout"}, at)
		e.Attributes = map[string]string{
			"step": "plan", "version": r.plan.Version, "digest": r.plan.digest(), "stage": r.stageName(stage),
			"part": fmt.Sprintf("%d of %d", i+1, len(parts)),
		}
		for n, piece := range pieces(part, audit.MaxValueSize) {
			e.Attributes[fmt.Sprintf("plan_%02d", n+1)] = piece
		}
		entries[i] = e
	}
	return entries
}

func (r *Rollout) pauseEntry(change, stage int, by approval.Principal, at time.Time) audit.Entry {
	e := r.entry("paused/"+strconv.Itoa(change), audit.Actor{Type: audit.ActorType(by.Type), ID: by.ID}, at)
	e.Attributes = map[string]string{"step": "paused", "stage": r.stageName(stage)}
	return e
}

// entry is named by the step and the time: where the store was put back to an
// earlier state, a step that comes again is another.
func (r *Rollout) entry(step string, by audit.Actor, at time.Time) audit.Entry {
	return audit.Entry{
		ID: "rollout/" + r.plan.Name + "/" + step + "/" + strconv.FormatInt(at.UnixMicro(), 10), Time: at, Kind: audit.KindConfigured, Actor: by,
		Correlation: "rollout/" + r.plan.Name, Action: "rollout",
		Subjects: []audit.Subject{{Type: "rollout", ID: r.plan.Name}},
	}
}

// pieces cuts text into pieces of at most size bytes, between characters.
func pieces(text string, size int) []string {
	var list []string
	for len(text) > size {
		n := size
		for !utf8.RuneStart(text[n]) {
			n--
		}
		list = append(list, text[:n])
		text = text[n:]
	}
	return append(list, text)
}

// emit puts entries into the outbox, from where they go into the log once the
// state that they are about is stored.
func (s *State) emit(entries ...audit.Entry) error {
	for _, e := range entries {
		data, err := e.MarshalJSON()
		if err != nil {
			return fmt.Errorf("%w: it does not fit into an audit entry: %w", ErrInvalid, err)
		}
		s.Outbox = append(s.Outbox, string(data))
	}
	return nil
}

// record puts the entries of an outbox into the log, and then takes them out of
// the state. It is safe to repeat: the log keeps the first entry of an ID.
func (r *Rollout) record(ctx context.Context, outbox []string) (State, error) {
	for _, data := range outbox {
		var e audit.Entry
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return State{}, errors.New("rollout: an entry of the stored outbox cannot be read")
		}
		if _, err := r.log.Append(ctx, e); err != nil {
			return State{}, fmt.Errorf("rollout: %w: %w", approval.ErrUnrecorded, err)
		}
	}
	return r.change(ctx, func(s *State) (bool, error) {
		before := len(s.Outbox)
		s.Outbox = slices.DeleteFunc(s.Outbox, func(e string) bool { return slices.Contains(outbox, e) })
		return len(s.Outbox) < before, nil
	})
}
