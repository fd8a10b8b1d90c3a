package risk

import (
	"math"
	"slices"
	"time"
)

// Candidate is an assessed transaction that may be flagged.
type Candidate struct {
	Key   string
	Score float64
}

// Budget decides which transactions are flagged: the highest scores of a day, and
// never more than one in OneIn of it.
//
// With n transactions of the day on record, at most floor(n / OneIn) flags have
// been given, at every moment and so at the end of the day as well: the cap is
// never borrowed against transactions that have not come yet.
//
// What earns a flag before there is one to give waits, ranked by its score. Flags
// do most before the sale is done, so one is kept for what comes next at a
// register; those beyond it, and late in the day all, go to the best that waits.
//
// A day's first flag needs OneIn transactions; a shop that has fewer in a day
// would have none. It counts over longer periods than a day
// ([BudgetPolicy].Days), and then the cap holds for each period.
//
// So that the flags do not go to whatever comes first, a candidate must also be
// among the highest scores of late: with one flag to give, among the top
// 2/OneIn; with every further one that lies unused, 1/OneIn more.
//
// A Budget is not safe for concurrent use.
type Budget struct {
	oneIn    int
	minScore float64
	zone     *time.Location

	days          int64
	lateFrom      time.Duration // of the period's last day
	period        int64         // which of all time the present one is
	seen, flagged int
	waiting       []Candidate // the highest score first

	scores []float64 // a ring of the latest
	next   int
	sorted []float64 // scores in order, as of some scores ago
	stale  int       // how many came since
}

const (
	maxScores  = 4096
	minScores  = 200 // with fewer, MinScore alone decides
	maxWaiting = 256
	refresh    = 64
)

// NewBudget returns the budget of a policy, with days of the given zone.
func NewBudget(p BudgetPolicy, zone *time.Location) *Budget {
	return &Budget{oneIn: p.OneIn, minScore: p.MinScore, zone: zone, days: int64(max(p.Days, 1)), lateFrom: time.Duration(p.LateFrom)}
}

// Seen counts a transaction that is on record.
func (b *Budget) Seen(at time.Time, score float64) {
	b.turn(at)
	b.seen++
	if len(b.scores) < maxScores {
		b.scores = append(b.scores, score)
	} else {
		b.scores[b.next] = score
		b.next = (b.next + 1) % maxScores
	}
	b.stale++
}

// Offer says whether a candidate is flagged now. If it is not but its score is at
// least the policy's, it waits.
func (b *Budget) Offer(c Candidate, at time.Time) bool {
	b.turn(at)
	if c.Score < b.minScore {
		return false
	}
	if b.balance() > 0 && c.Score >= b.threshold() {
		b.flagged++
		return true
	}
	b.wait(c)
	return false
}

// Wait makes a candidate wait that was offered before a restart.
func (b *Budget) Wait(c Candidate, at time.Time) {
	if b.turn(at); b.periodOf(at) == b.period && c.Score >= b.minScore {
		b.wait(c)
	}
}

func (b *Budget) wait(c Candidate) {
	i, _ := slices.BinarySearchFunc(b.waiting, c, func(x, y Candidate) int {
		if x.Score >= y.Score { // first come, first served among equals
			return -1
		}
		return 1
	})
	b.waiting = slices.Insert(b.waiting, i, c)
	b.waiting = b.waiting[:min(len(b.waiting), maxWaiting)]
}

// Next returns a candidate that waited and is flagged now.
func (b *Budget) Next(at time.Time) (Candidate, bool) {
	b.turn(at)
	kept := 1
	if b.late(at) {
		kept = 0
	}
	if len(b.waiting) == 0 || b.balance() <= kept || kept > 0 && b.waiting[0].Score < b.threshold() {
		return Candidate{}, false
	}
	c := b.waiting[0]
	b.waiting = b.waiting[1:]
	b.flagged++
	return c, true
}

// Withdraw gives a flag back that was given at that time and could not be put on
// record.
func (b *Budget) Withdraw(at time.Time) {
	if b.periodOf(at) >= b.period && b.flagged > 0 {
		b.flagged--
	}
}

// Restore counts a flag that is on record from before a restart.
func (b *Budget) Restore(key string, at time.Time) {
	b.turn(at)
	b.flagged++
	b.Forget(key)
}

// Forget removes a candidate that must not be flagged any more.
func (b *Budget) Forget(key string) {
	b.waiting = slices.DeleteFunc(b.waiting, func(c Candidate) bool { return c.Key == key })
}

// Present returns how many transactions and flags the period has so far, and how
// many wait.
func (b *Budget) Present(at time.Time) (seen, flagged, waiting int) {
	b.turn(at)
	return b.seen, b.flagged, len(b.waiting)
}

func (b *Budget) balance() int { return b.seen/b.oneIn - b.flagged }

// threshold is the score that a flag takes at the present balance.
func (b *Budget) threshold() float64 {
	if len(b.scores) < minScores {
		return b.minScore
	}
	if b.sorted == nil || b.stale >= refresh {
		b.sorted = slices.Clone(b.scores)
		slices.Sort(b.sorted)
		b.stale = 0
	}
	share := float64(1+b.balance()) / float64(b.oneIn)
	i := int(math.Ceil(float64(len(b.sorted)) * (1 - share)))
	return max(b.minScore, b.sorted[min(max(i, 0), len(b.sorted)-1)])
}

// turn begins a new period if at is in one. A time before the present period
// counts as of it: clocks that go back do not open a day again.
func (b *Budget) turn(at time.Time) {
	if p := b.periodOf(at); p > b.period {
		b.period, b.seen, b.flagged, b.waiting = p, 0, 0, nil
	}
}

// late says whether the period is about to end.
func (b *Budget) late(at time.Time) bool {
	at = at.In(b.zone)
	h, m, s := at.Clock()
	clock := time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second
	return clock >= b.lateFrom && b.periodOf(at.AddDate(0, 0, 1)) != b.periodOf(at)
}

func (b *Budget) periodOf(at time.Time) int64 { return Period(at.In(b.zone), int(b.days)) }

// Period numbers periods of whole days, counted from Monday, 5 January 1970, by
// the calendar of at's zone.
func Period(at time.Time, days int) int64 {
	y, m, d := at.Date()
	return (time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix()/86400 - 4) / int64(max(days, 1))
}
