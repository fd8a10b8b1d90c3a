package evaluate

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/posai-go/posai/examples/internal/copurchase"
)

// Result is one way to recommend and what it reached on the test baskets.
type Result struct {
	Name string
	Rates
}

// Report is what was measured.
type Report struct {
	Split                         Split
	First, Last                   time.Time
	Train, Tune, Test             int // baskets
	Popularity, Lift, Cosine      Result
	SupportedLift, ShrunkLift     Result
	Baseline, Default             Result // with the chosen setting, and with the service's own
	Weighting                     copurchase.Weighting
	Similarity                    copurchase.Similarity
	Support, LiftShrink, Settings float64 // the chosen ones, and how many were tried
}

// Run chooses the settings on the tuning baskets and measures on the test baskets.
func Run(ctx context.Context, baskets []Basket, split Split) (*Report, error) {
	train, tune, test, err := split.parts(baskets)
	if err != nil {
		return nil, err
	}
	r := &Report{Split: split, First: baskets[0].At, Last: test[len(test)-1].At, Train: len(train), Tune: len(tune), Test: len(test)}
	t := tuner{train: train, tune: tune, at: split.TuneFrom}
	if err := t.run(ctx, r); err != nil {
		return nil, err
	}
	all := slices.Concat(train, tune)
	plain := counted(all, split.TestFrom, copurchase.Weighting{})
	measure := func(to *Result, name string, rank Rank) {
		if ctx.Err() == nil {
			*to = Result{name, Measure(rank, test, testHidden)}
		}
	}
	measure(&r.Popularity, "popularity", plain.Ranker(copurchase.Cosine).Popular)
	measure(&r.Lift, "raw lift", plain.Ranker(copurchase.Lift).Rank)
	supported, shrunk := copurchase.Lift, copurchase.Lift
	supported.AtLeast, shrunk.Shrink = r.Support, r.LiftShrink
	measure(&r.SupportedLift, fmt.Sprintf("raw lift of pairs seen %v times", r.Support), plain.Ranker(supported).Rank)
	measure(&r.ShrunkLift, fmt.Sprintf("shrunk lift (by %v)", r.LiftShrink), plain.Ranker(shrunk).Rank)
	measure(&r.Cosine, "co-purchase cosine", plain.Ranker(copurchase.Cosine).Rank)
	measure(&r.Baseline, "the baseline, as tuned here", counted(all, split.TestFrom, r.Weighting).Ranker(r.Similarity).Rank)
	measure(&r.Default, "the baseline, as it comes", counted(all, split.TestFrom, copurchase.TunedWeighting).Ranker(copurchase.TunedSimilarity).Rank)
	return r, ctx.Err()
}

func counted(baskets []Basket, now time.Time, w copurchase.Weighting) *copurchase.Counts {
	c := copurchase.NewCounts(now, w)
	for _, b := range baskets {
		c.Add(b.At, b.Items)
	}
	return c
}

// tuner looks at nothing but what came before the test baskets.
type tuner struct {
	train, tune []Basket
	at          time.Time
	tried       int
}

// The settings that are tried. The weighting is chosen first, then the similarity: all
// combinations would take minutes for little.
var (
	sizes     = []float64{0.5, 0.75, 1}
	halfLives = []time.Duration{0, 60 * 24 * time.Hour}
	exponents = [][2]float64{{0.5, 0.5}, {0.6, 0.4}, {0.7, 0.3}}
	powers    = []float64{1, 2}
	shrinks   = []float64{0, 0.2, 0.5}
	supports  = []float64{2, 5, 10, 20, 40}
	lifts     = []float64{5, 20, 100, 400}
)

// score is what the settings are chosen by: hits at 2 and at 10 count alike, baskets
// count alike.
func (t *tuner) score(c *copurchase.Counts, s copurchase.Similarity) float64 {
	t.tried++
	m := Measure(c.Ranker(s).Rank, t.tune, tuneHidden)
	return m.Basket2 + m.Basket10
}

func (t *tuner) run(ctx context.Context, r *Report) error {
	plain := counted(t.train, t.at, copurchase.Weighting{})
	best := -1.0
	for _, support := range supports {
		s := copurchase.Lift
		s.AtLeast = support
		if v := t.score(plain, s); v > best {
			best, r.Support = v, support
		}
	}
	best = -1
	for _, shrink := range lifts {
		s := copurchase.Lift
		s.Shrink = shrink
		if v := t.score(plain, s); v > best {
			best, r.LiftShrink = v, shrink
		}
	}
	best = -1
	for _, size := range sizes {
		for _, half := range halfLives {
			if err := ctx.Err(); err != nil {
				return err
			}
			w := copurchase.Weighting{Size: size, HalfLife: half}
			if v := t.score(counted(t.train, t.at, w), copurchase.TunedSimilarity); v > best {
				best, r.Weighting = v, w
			}
		}
	}
	best = -1
	weighted := counted(t.train, t.at, r.Weighting)
	for _, e := range exponents {
		for _, power := range powers {
			for _, shrink := range shrinks {
				if err := ctx.Err(); err != nil {
					return err
				}
				s := copurchase.Similarity{Cart: e[0], Other: e[1], Power: power, Shrink: shrink}
				if v := t.score(weighted, s); v > best {
					best, r.Similarity = v, s
				}
			}
		}
	}
	r.Settings = float64(t.tried)
	return nil
}

// Print writes the report.
func (r *Report) Print(w io.Writer) {
	const day = "2006-01-02"
	until := r.Last.Format(day)
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	p("Online Retail, baskets from %s to %s\n", r.First.Format(day), until)
	p("  trained on %d baskets before %s; settings chosen on %d before %s; then trained on both\n", r.Train, r.Split.TuneFrom.Format(day), r.Tune, r.Split.TestFrom.Format(day))
	p("  tested on %d baskets from %s on: of %d with two products or more, %d products were hidden, one at a time\n\n", r.Test, r.Split.TestFrom.Format(day), r.Baseline.Baskets, r.Baseline.Hidden)
	p("  hit rate                           at 2   at 10     at 2   at 10   time\n")
	p("                                     per basket       per product    of a ranking\n")
	for _, x := range []Result{r.Popularity, r.Lift, r.SupportedLift, r.ShrunkLift, r.Cosine, r.Baseline, r.Default} {
		p("  %-32s  %.4f  %.4f   %.4f  %.4f   %v\n", x.Name, x.Basket2, x.Basket10, x.Item2, x.Item10, x.Each.Round(time.Microsecond))
	}
	half := "none"
	if h := r.Weighting.HalfLife; h > 0 {
		half = strconv.Itoa(int(h.Hours()/24)) + " days"
	}
	p("\n  chosen of %v settings: basket size to the power of -%v, half-life %s; n(ab) / (n(cart)^%v n(other)^%v), shrunk by %v, to the power of %v\n",
		r.Settings, r.Weighting.Size, half, r.Similarity.Cart, r.Similarity.Other, r.Similarity.Shrink, r.Similarity.Power)
	verb := "does not beat"
	if r.Beats() {
		verb = "beats"
	}
	p("  the baseline %s popularity, raw lift and cosine at 2 and at 10, per basket and per product\n", verb)
}

// Beats says whether the baseline, as tuned and as it comes, is above popularity, raw lift
// and cosine by every figure.
func (r *Report) Beats() bool {
	for _, ours := range []Result{r.Baseline, r.Default} {
		for _, other := range []Result{r.Popularity, r.Lift, r.SupportedLift, r.Cosine} {
			if ours.Basket2 <= other.Basket2 || ours.Basket10 <= other.Basket10 || ours.Item2 <= other.Item2 || ours.Item10 <= other.Item10 {
				return false
			}
		}
	}
	return true
}
