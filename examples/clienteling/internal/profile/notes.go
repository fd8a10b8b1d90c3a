package profile

import (
	"cmp"
	"slices"
	"time"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
)

// A Note is a note with what became of it.
type Note struct {
	book.Note
	// Settled is the note that says that it is done with; nil if there is none.
	Settled *book.Note
	// Open: a promise that nobody settled. Overdue: it is open, and the day on which it
	// was due is over.
	Open, Overdue bool
}

// notes sorts notes and finds out which are settled: by a note that is not older.
func notes(all []book.Note, now time.Time) []Note {
	byID := map[string]*book.Note{}
	for i := range all {
		n := &all[i]
		if have := byID[n.ID]; have == nil || before(n, have) {
			byID[n.ID] = n // notes do not change: the earlier one is the note
		}
	}
	settled := map[string]*book.Note{}
	for _, n := range byID {
		of := byID[n.Settles]
		if n.Settles == "" || of == nil || of == n || n.At.Before(of.At) {
			continue
		}
		if have := settled[n.Settles]; have == nil || before(n, have) {
			settled[n.Settles] = n
		}
	}
	today := day(now, now.Location())
	out := make([]Note, 0, len(byID))
	for id, n := range byID {
		x := Note{Note: *n, Settled: settled[id]}
		x.Open = n.Kind == book.Promise && x.Settled == nil
		// A day is a day wherever it was written down.
		y, m, d := n.Due.Date()
		x.Overdue = x.Open && !n.Due.IsZero() && time.Date(y, m, d, 0, 0, 0, 0, now.Location()).Before(today)
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b Note) int {
		if a.Open != b.Open {
			return first(a.Open)
		}
		if a.Open {
			if a.Overdue != b.Overdue {
				return first(a.Overdue)
			}
			if a.Due.IsZero() != b.Due.IsZero() {
				return first(b.Due.IsZero())
			}
			if c := a.Due.Compare(b.Due); c != 0 {
				return c
			}
		}
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// first is what a comparison returns if its first argument has something that the
// second has not.
func first(has bool) int {
	if has {
		return -1
	}
	return 1
}

func before(a, b *book.Note) bool {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Text, b.Text), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.By, b.By), cmp.Compare(a.Settles, b.Settles), a.Due.Compare(b.Due)) < 0
}
