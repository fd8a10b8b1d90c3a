package audit

import (
	"slices"
	"time"
)

// Query selects records. The zero Query selects all; fields that are set must
// all match.
type Query struct {
	// Subject matches entries about the subject. With an empty Type any type
	// matches.
	Subject Subject

	Correlation string
	Kind        Kind
	Actor       string // ID of the actor
	Action      string
	Shop        string

	Since time.Time // inclusive; zero: from the beginning
	Until time.Time // exclusive; zero: to the end

	// First is the lowest index that matches: to read on page by page, the
	// last index seen plus one.
	First int64

	// Limit is the largest number of records; zero: no limit.
	Limit int
}

func (q *Query) match(r Record) bool {
	e := &r.Entry
	return r.Index >= q.First &&
		(q.Subject == Subject{} || slices.ContainsFunc(e.Subjects, func(s Subject) bool {
			return (q.Subject.ID == "" || s.ID == q.Subject.ID) && (q.Subject.Type == "" || s.Type == q.Subject.Type)
		})) &&
		(q.Correlation == "" || e.Correlation == q.Correlation) &&
		(q.Kind == "" || e.Kind == q.Kind) &&
		(q.Actor == "" || e.Actor.ID == q.Actor) &&
		(q.Action == "" || e.Action == q.Action) &&
		(q.Shop == "" || e.Shop == q.Shop) &&
		(q.Since.IsZero() || !e.Time.Before(q.Since)) &&
		(q.Until.IsZero() || e.Time.Before(q.Until))
}
