package audit

import (
	"slices"
	"time"
)

// Query selects records. The zero Query selects all; fields that are set must
// all match.
type Query struct {
	// ID matches the one entry with it.
	ID string

	// Subject matches entries about the subject. With an empty Type any type
	// matches, and an ID that is a pseudonym matches those with a sealed part
	// about it too; with an empty ID any subject of the type does.
	Subject Subject

	Correlation string
	Kind        Kind
	Actor       string // ID of the actor
	Action      string
	Shop        string
	RequestID   string // of the effect
	TraceID     string

	Since time.Time // inclusive; zero: from the beginning
	Until time.Time // exclusive; zero: to the end

	// First is the lowest index that matches, and Before the lowest that no
	// longer does; zero: to the end. To read on page by page, set First to the
	// last index seen plus one, or Before to it where Descending is set.
	First, Before int64

	// Descending asks for the newest record first.
	Descending bool

	// Limit is the largest number of records; zero: no limit.
	Limit int
}

// Match reports whether q selects the record, Limit aside.
func (q *Query) Match(r Record) bool {
	e := &r.Entry
	return r.Index >= q.First && (q.Before <= 0 || r.Index < q.Before) &&
		(q.ID == "" || e.ID == q.ID) &&
		(q.Subject == Subject{} || q.Subject.Type == "" && slices.ContainsFunc(e.Sealed, func(p Part) bool {
			return slices.Contains(p.Of, q.Subject.ID)
		}) || slices.ContainsFunc(e.Subjects, func(s Subject) bool {
			return (q.Subject.ID == "" || s.ID == q.Subject.ID) && (q.Subject.Type == "" || s.Type == q.Subject.Type)
		})) &&
		(q.Correlation == "" || e.Correlation == q.Correlation) &&
		(q.Kind == "" || e.Kind == q.Kind) &&
		(q.Actor == "" || e.Actor.ID == q.Actor) &&
		(q.Action == "" || e.Action == q.Action) &&
		(q.Shop == "" || e.Shop == q.Shop) &&
		(q.RequestID == "" || e.Effect != nil && e.Effect.RequestID == q.RequestID) &&
		(q.TraceID == "" || e.TraceID == q.TraceID) &&
		(q.Since.IsZero() || !e.Time.Before(q.Since)) &&
		(q.Until.IsZero() || e.Time.Before(q.Until))
}
