package approval

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Attention says how somebody decides, for noticing when approving has become a
// reflex. It is no verdict on anybody: look at the requests.
type Attention struct {
	Person   string `json:"person"` // ID
	Approved int    `json:"approved"`
	Rejected int    `json:"rejected"`
	Edited   int    `json:"edited"` // approvals with an edit

	// Streak is the number of approvals without edit since the last rejection
	// or edit.
	Streak int `json:"streak"`

	// Timed is the number of decisions with a known time between showing and
	// deciding; Median is the median of these times, and Fast the number of
	// those below three seconds.
	Timed  int           `json:"timed"`
	Median time.Duration `json:"median"`
	Fast   int           `json:"fast"`
}

// ApproveRate is the share of approvals among the decisions, from 0 to 1.
func (a Attention) ApproveRate() float64 {
	if a.Approved+a.Rejected == 0 {
		return 0
	}
	return float64(a.Approved) / float64(a.Approved+a.Rejected)
}

// fastDecision is less time than it takes to read a request.
const fastDecision = 3 * time.Second

// Attention returns how people decided on the requests that f selects, who
// decided most first.
func (q *Queue) Attention(ctx context.Context, f Filter) ([]Attention, error) {
	var c AttentionCounter
	for r, err := range q.List(ctx, f) {
		if err != nil {
			return nil, err
		}
		c.Add(r)
	}
	return c.People(), nil
}

// AttentionCounter is [Queue.Attention] for who goes through requests anyway.
// Its zero value is ready; it is not safe for concurrent use.
type AttentionCounter struct{ decided map[string][]Decision }

// Add counts the decisions about a request. The order of requests does not
// matter.
func (c *AttentionCounter) Add(r *Request) {
	if c.decided == nil {
		c.decided = make(map[string][]Decision)
	}
	for _, d := range r.Decisions {
		c.decided[d.By.ID] = append(c.decided[d.By.ID], d)
	}
}

// People returns how each person decided, who decided most first.
func (c *AttentionCounter) People() []Attention {
	list := make([]Attention, 0, len(c.decided))
	for id, decisions := range c.decided {
		list = append(list, attention(id, decisions))
	}
	slices.SortFunc(list, func(a, b Attention) int {
		return cmp.Or(cmp.Compare(b.Approved+b.Rejected, a.Approved+a.Rejected), cmp.Compare(a.Person, b.Person))
	})
	return list
}

func attention(id string, decisions []Decision) Attention {
	slices.SortFunc(decisions, func(a, b Decision) int { return a.At.Compare(b.At) })
	a := Attention{Person: id}
	var times []time.Duration
	for _, d := range decisions {
		switch {
		case d.Verdict == Reject:
			a.Rejected++
			a.Streak = 0
		case d.Edit != nil:
			a.Approved++
			a.Edited++
			a.Streak = 0
		default:
			a.Approved++
			a.Streak++
		}
		if took := d.At.Sub(d.ShownAt); !d.ShownAt.IsZero() && took >= 0 {
			times = append(times, took)
			if took < fastDecision {
				a.Fast++
			}
		}
	}
	if a.Timed = len(times); a.Timed > 0 {
		slices.Sort(times)
		a.Median = (times[(a.Timed-1)/2] + times[a.Timed/2]) / 2
	}
	return a
}
