package audit

import "slices"

// index finds entries in memory. It is built when the log is opened and grows
// with it. The zero index is not ready; see newIndex.
type index struct {
	tree
	id          map[string]int64
	subject     map[string][]int64 // by the subject's ID
	correlation map[string][]int64
}

func newIndex() *index {
	return &index{id: map[string]int64{}, subject: map[string][]int64{}, correlation: map[string][]int64{}}
}

// note files a record, whose hash is already in the tree.
func (x *index) note(r Record) {
	x.id[r.Entry.ID] = r.Index
	if c := r.Entry.Correlation; c != "" {
		x.correlation[c] = append(x.correlation[c], r.Index)
	}
	for _, s := range r.Entry.Subjects {
		if of := x.subject[s.ID]; len(of) == 0 || of[len(of)-1] != r.Index {
			x.subject[s.ID] = append(of, r.Index)
		}
	}
}

// candidates returns the indexes, ascending, among which every record of the
// query is, and false where that would be all. The slice stays valid while the
// index grows.
func (x *index) candidates(q *Query) ([]int64, bool) {
	var lists [][]int64
	if q.Subject.ID != "" {
		lists = append(lists, x.subject[q.Subject.ID])
	}
	if q.Correlation != "" {
		lists = append(lists, x.correlation[q.Correlation])
	}
	if len(lists) == 0 {
		return nil, false
	}
	return slices.MinFunc(lists, func(a, b []int64) int { return len(a) - len(b) }), true
}
