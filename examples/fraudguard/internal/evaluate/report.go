package evaluate

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
)

// Trial is an evaluation over several seeds.
type Trial struct {
	Name string
	// Stream makes the stream of a seed.
	Stream func(seed uint64) []Labeled
	Policy *risk.Policy
	Seeds  int
	// Calibrate sets the amounts of the policy's rules to what is large in the
	// first part of each stream, for shops that the policy was not written for.
	Calibrate bool
}

// Result is what came of a Trial: the counts of each seed by method.
type Result map[Method][]Counts

// Measure runs the trial. Progress, which may be nil, is called after each seed; its
// error ends the trial.
func (t *Trial) Measure(progress func(seed int) error) (Result, error) {
	result := Result{}
	for seed := range t.Seeds {
		stream := t.Stream(uint64(seed + 1))
		split := Split(stream, t.Policy.Budget.Days)
		policy := t.Policy
		if t.Calibrate {
			var err error
			if policy, err = Calibrate(policy, stream, split); err != nil {
				return nil, err
			}
		}
		for _, m := range Methods() {
			c, err := Run(stream, split, policy, m)
			if err != nil {
				return nil, err
			}
			result[m] = append(result[m], c)
		}
		if progress != nil {
			if err := progress(seed); err != nil {
				return nil, err
			}
		}
	}
	return result, nil
}

// Split is where the part that counts begins: after 60 % of the time, at the
// beginning of a period of the budget.
func Split(stream []Labeled, days int) time.Time {
	first, last := stream[0].At, stream[len(stream)-1].At
	at := first.Add(last.Sub(first) * 6 / 10)
	split := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
	for period := risk.Period(split, days); risk.Period(split, days) == period; {
		split = split.AddDate(0, 0, 1)
	}
	return split
}

// Calibrate returns the policy with the amounts of its rules at quantiles of what
// came before split. It does not look at labels.
func Calibrate(p *risk.Policy, stream []Labeled, split time.Time) (*risk.Policy, error) {
	amounts := map[risk.Kind][]float64{}
	for _, t := range stream {
		if t.At.Before(split) {
			amounts[t.Kind] = append(amounts[t.Kind], t.Amount.InexactFloat64())
		}
	}
	at := func(kind risk.Kind, share float64) decimal.Decimal {
		list := amounts[kind]
		if len(list) == 0 {
			return decimal.NewFromInt(1)
		}
		slices.Sort(list)
		return decimal.NewFromFloat(math.Max(list[int(share*float64(len(list)-1))], 0.01)).Round(2)
	}
	return p.WithAmounts(map[risk.Code]decimal.Decimal{
		risk.ReturnWithoutReceipt: at(risk.Return, 0.5), risk.ReturnHighValue: at(risk.Return, 0.95), risk.ReturnRatio: at(risk.Return, 0.9),
		risk.GiftCardValue: at(risk.Sale, 0.3), risk.GiftCardVelocity: at(risk.Sale, 0.6), risk.DiscountOverride: at(risk.Sale, 0.1),
	})
}

// Interval is a mean over seeds with its 95 % interval.
type Interval struct{ Mean, Low, High float64 }

// interval is Student's, from the values of the seeds.
func interval(values []float64) Interval {
	n := float64(len(values))
	mean := 0.0
	for _, v := range values {
		mean += v / n
	}
	if len(values) < 2 {
		return Interval{mean, math.NaN(), math.NaN()}
	}
	variance := 0.0
	for _, v := range values {
		variance += (v - mean) * (v - mean) / (n - 1)
	}
	half := quantileT(len(values)-1) * math.Sqrt(variance/n)
	return Interval{mean, mean - half, mean + half}
}

// quantileT is the 97.5 % quantile of Student's t with df degrees of freedom:
// https://www.itl.nist.gov/div898/handbook/eda/section3/eda3672.htm
func quantileT(df int) float64 {
	table := []float64{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086}
	if df <= len(table) {
		return table[df-1]
	}
	return 1.96 + 2.5/float64(df) // within 0.01 from there on
}

// Of returns a figure of a method over all seeds.
func (r Result) Of(m Method, figure func(Counts) float64) Interval {
	var values []float64
	for _, c := range r[m] {
		values = append(values, figure(c))
	}
	return interval(values)
}

// Lead is how far the guard's recall is beyond so many times another method's, seed
// by seed. An interval above 0 says that it is.
func (r Result) Lead(other Method, times float64) Interval {
	var values []float64
	for i, c := range r[Guard] {
		values = append(values, c.Recall()-times*r[other][i].Recall())
	}
	return interval(values)
}

// Print writes the result as a table.
func (r Result) Print(w io.Writer, t *Trial) {
	var transactions, frauds, over int
	for _, c := range r[Guard] {
		transactions += c.Transactions
		frauds += c.Frauds
		over += c.Over
	}
	n := len(r[Guard])
	_, _ = fmt.Fprintf(w, "%s\n  %d seeds; after the split %d transactions each, %.1f of them fraud (%.2f %%); budget: one in %d of every %s\n",
		t.Name, n, transactions/n, float64(frauds)/float64(n), 100*float64(frauds)/float64(transactions), t.Policy.Budget.OneIn, periodName(t.Policy.Budget.Days))
	_, _ = fmt.Fprintf(w, "  %-24s %-20s %-20s %-20s %s\n", "", "recall", "of cases", "precision", "flag rate")
	for _, m := range Methods() {
		_, _ = fmt.Fprintf(w, "  %-24s %-20s %-20s %-20s %s\n", m, percent(r.Of(m, Counts.Recall)), percent(r.Of(m, Counts.CaseRecall)), percent(r.Of(m, Counts.Precision)), fmt.Sprintf("%.2f %%", 100*r.Of(m, Counts.FlagRate).Mean))
	}
	for _, m := range []Method{ValueOnly, Hindsight} {
		lead, verdict := r.Lead(m, claimed), "at least three times as high"
		if !(lead.Low > 0) {
			verdict = "not shown to be three times as high"
		}
		_, _ = fmt.Fprintf(w, "  recall is %s that of %q; less three times that it is %s: %s\n", times(r.Of(Guard, Counts.Recall).Mean, r.Of(m, Counts.Recall).Mean), m, percent(lead), verdict)
	}
	_, _ = fmt.Fprintf(w, "  %.0f %% of the hits were flagged while the customer was there; periods over the cap: %d\n", 100*r.Of(Guard, func(c Counts) float64 { return ratio(c.Before, c.Hits) }).Mean, over)
	byScenario := map[string][2]int{}
	for _, c := range r[Guard] {
		for name, s := range c.ByScenario {
			b := byScenario[name]
			byScenario[name] = [2]int{b[0] + s[0], b[1] + s[1]}
		}
	}
	names := slices.SortedFunc(maps.Keys(byScenario), cmp.Compare)
	for _, name := range names {
		s := byScenario[name]
		_, _ = fmt.Fprintf(w, "    %-34s %3.0f %% of %d\n", name, 100*ratio(s[1], s[0]), s[0])
	}
}

// claimed is how many times as high as the value-only rule's the recall should be.
const claimed = 3

func times(a, b float64) string {
	if b == 0 {
		return "beyond comparison with"
	}
	return fmt.Sprintf("%.1f times", a/b)
}

func percent(i Interval) string {
	if math.IsNaN(i.Low) { // a single seed
		return fmt.Sprintf("%.0f %%", 100*i.Mean)
	}
	return fmt.Sprintf("%.0f %% (%.0f to %.0f)", 100*i.Mean, 100*i.Low, 100*i.High)
}

func periodName(days int) string {
	if days <= 1 {
		return "day"
	}
	return fmt.Sprintf("%d days", days)
}
