// Package evaluate measures what a profile is worth: whether the segments of a day order
// a shop's customers by what they spend in the months after it, beside what is simpler
// (when they came last, what they have spent, how often they came), on the public "Online
// Retail" data. It also looks at whether those who are overdue come less, and whether
// people go on paying what they paid.
//
// Nothing is fitted: the profile of the day sees what came before it, and what came
// after it is looked at by the counting alone.
package evaluate

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/posai-go/posai/examples/clienteling/internal/profile"
	"github.com/posai-go/posai/examples/internal/onlineretail"
)

// ErrTooLittle is what Run returns where too few customers came before the day, or nobody
// after it.
var ErrTooLittle = errors.New("evaluate: too little data on one side of the day")

// Split is the day of the profiles and how long after it is looked at.
type Split struct {
	// Day of the profiles. If zero, Window before the last row.
	Day time.Time
	// Window is how long after the day is counted. If zero, 90 days.
	Window time.Duration
}

// minCustomers is the fewest customers before the day.
const minCustomers = 100

// A Predictor is one way to order customers, with how well it does.
type Predictor struct {
	Name string
	// Spearman is the rank correlation with what is spent in the window, Low and High its
	// 95 % interval by a bootstrap of customers.
	Spearman, Low, High float64
	// Decile and Fifth are the shares of all that is spent in the window which the first
	// tenth and fifth of the customers spend; equals at the border are taken in part.
	Decile, Fifth float64
	// Behind is Spearman of the scores less Spearman of this, DiffLow and DiffHigh its 95 %
	// interval on the same samples; zero for the scores themselves.
	Behind, DiffLow, DiffHigh float64

	score []float64
}

// SegmentRow is what became of a segment.
type SegmentRow struct {
	Segment   profile.Segment
	Customers int
	Came      int     // bought in the window
	Spent     float64 // in the window, by all of them
}

// Report is what was measured.
type Report struct {
	Split       Split
	First, Last time.Time
	Customers   int     // with an order before the day
	Came        int     // of them, in the window
	Spent       float64 // by them, in the window
	Predictors  []Predictor
	Segments    []SegmentRow // from the best to the worst

	// Of customers with a known rhythm: overdue on the day or not, and how many came.
	Overdue, OverdueCame, InTime, InTimeCame int

	// Lines bought in the window by customers with a price band; how many lie within their
	// own band, and within that of all customers; and the mean width of the bands.
	BandLines, InOwn, InShops int
	OwnWidth, ShopsWidth      float64
}

// Run reads the rows and measures.
func Run(ctx context.Context, rows iter.Seq2[onlineretail.Row, error], split Split) (*Report, error) {
	h, err := read(rows)
	if err != nil {
		return nil, err
	}
	if split.Window <= 0 {
		split.Window = 90 * 24 * time.Hour
	}
	if split.Day.IsZero() {
		split.Day = h.last.Add(-split.Window)
	}
	r := &Report{Split: split, First: h.first, Last: h.last}
	people, err := h.at(split)
	if err != nil {
		return nil, err
	}
	r.Customers = len(people)
	spent := make([]float64, len(people))
	for i, p := range people {
		spent[i] = p.spent
		r.Spent += p.spent
		if p.came {
			r.Came++
		}
	}
	if r.Customers < minCustomers || r.Spent <= 0 {
		return nil, ErrTooLittle
	}
	r.Predictors = predictors(people)
	for i := range r.Predictors {
		p := &r.Predictors[i]
		p.Spearman = spearman(p.score, spent)
		p.Decile, p.Fifth = share(p.score, spent, 0.1), share(p.score, spent, 0.2)
	}
	if err := r.bootstrap(ctx, spent); err != nil {
		return nil, err
	}
	r.segments(people)
	r.rhythm(people)
	r.bands(people)
	return r, nil
}

// predictors order customers, the first by our scores.
func predictors(people []person) []Predictor {
	rank := map[profile.Segment]int{}
	for i, s := range profile.Segments() {
		rank[s] = -i
	}
	by := func(name string, score func(p *person) float64) Predictor {
		out := Predictor{Name: name, score: make([]float64, len(people))}
		for i := range people {
			out.score[i] = score(&people[i])
		}
		return out
	}
	return []Predictor{
		by("scores: R + F + M", func(p *person) float64 {
			return float64(p.profile.RFM.Recency + p.profile.RFM.Frequency + p.profile.RFM.Monetary)
		}),
		by("segment", func(p *person) float64 { return float64(rank[p.profile.RFM.Segment]) }),
		by("recency only", func(p *person) float64 { return float64(p.member.Last.Unix()) }),
		by("past spend only", func(p *person) float64 { return p.member.Value.InexactFloat64() }),
		by("number of orders only", func(p *person) float64 { return float64(p.member.Orders) }),
	}
}

// samples is how many bootstrap samples are drawn.
const samples = 500

func (r *Report) bootstrap(ctx context.Context, spent []float64) error {
	rng := rand.New(rand.NewPCG(2026, 90)) // the same report each time
	n := len(spent)
	values, differences := make([][]float64, len(r.Predictors)), make([][]float64, len(r.Predictors))
	x, y, at := make([]float64, n), make([]float64, n), make([]int, n)
	for range samples {
		if err := ctx.Err(); err != nil {
			return err
		}
		for i := range at {
			at[i] = rng.IntN(n)
			y[i] = spent[at[i]]
		}
		first := 0.0
		for k := range r.Predictors {
			for i, j := range at {
				x[i] = r.Predictors[k].score[j]
			}
			s := spearman(x, y)
			if k == 0 {
				first = s
			}
			values[k] = append(values[k], s)
			differences[k] = append(differences[k], first-s)
		}
	}
	for k := range r.Predictors {
		p := &r.Predictors[k]
		p.Low, p.High = interval(values[k])
		p.Behind = r.Predictors[0].Spearman - p.Spearman
		p.DiffLow, p.DiffHigh = interval(differences[k])
	}
	return nil
}

// interval is that of 95 %, by percentiles.
func interval(v []float64) (low, high float64) {
	slices.Sort(v)
	return v[len(v)*25/1000], v[len(v)*975/1000]
}

// ranks are the ranks of values from 1; equals share the mean of theirs.
func ranks(v []float64) []float64 {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(v[a], v[b]) })
	out := make([]float64, len(v))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && v[order[j]] == v[order[i]] {
			j++
		}
		for _, k := range order[i:j] {
			out[k] = float64(i+j+1) / 2
		}
		i = j
	}
	return out
}

// spearman is the rank correlation; 0 if one side is constant.
func spearman(x, y []float64) float64 {
	rx, ry := ranks(x), ranks(y)
	mean := float64(len(x)+1) / 2
	var xy, xx, yy float64
	for i := range rx {
		a, b := rx[i]-mean, ry[i]-mean
		xy, xx, yy = xy+a*b, xx+a*a, yy+b*b
	}
	if xx == 0 || yy == 0 {
		return 0
	}
	return xy / math.Sqrt(xx*yy)
}

// share is how much of all values the first part of the customers have, by score.
func share(score, value []float64, part float64) float64 {
	order := make([]int, len(score))
	total := 0.0
	for i := range order {
		order[i] = i
		total += value[i]
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(score[b], score[a]) })
	left, sum := part*float64(len(score)), 0.0
	for i := 0; i < len(order) && left > 0; {
		j, group := i, 0.0
		for j < len(order) && score[order[j]] == score[order[i]] {
			group += value[order[j]]
			j++
		}
		sum += group * min(1, left/float64(j-i))
		left -= float64(j - i)
		i = j
	}
	return sum / total
}

func (r *Report) segments(people []person) {
	by := map[profile.Segment]*SegmentRow{}
	for i := range people {
		p := &people[i]
		s := p.profile.RFM.Segment
		if by[s] == nil {
			by[s] = &SegmentRow{Segment: s}
		}
		by[s].Customers++
		by[s].Spent += p.spent
		if p.came {
			by[s].Came++
		}
	}
	for _, s := range profile.Segments() {
		if by[s] != nil {
			r.Segments = append(r.Segments, *by[s])
		}
	}
}

func (r *Report) rhythm(people []person) {
	for i := range people {
		switch p := &people[i]; {
		case !p.profile.Rhythm.Known:
		case p.profile.Rhythm.Overdue:
			r.Overdue++
			if p.came {
				r.OverdueCame++
			}
		default:
			r.InTime++
			if p.came {
				r.InTimeCame++
			}
		}
	}
}

func (r *Report) bands(people []person) {
	var all []float64
	for i := range people {
		for _, o := range people[i].entry.Orders {
			for _, l := range o.Lines {
				all = append(all, unit(&l))
			}
		}
	}
	slices.Sort(all)
	low, high := all[len(all)/4], all[len(all)*3/4]
	r.ShopsWidth = high - low
	widths, n := 0.0, 0
	for i := range people {
		p := &people[i]
		if len(p.profile.PriceBands) == 0 || len(p.later) == 0 {
			continue
		}
		b := p.profile.PriceBands[0]
		l, h := b.Low.Amount.InexactFloat64(), b.High.Amount.InexactFloat64()
		widths += h - l
		n++
		for _, x := range p.later {
			r.BandLines++
			if x >= l && x <= h {
				r.InOwn++
			}
			if x >= low && x <= high {
				r.InShops++
			}
		}
	}
	if n > 0 {
		r.OwnWidth = widths / float64(n)
	}
}
