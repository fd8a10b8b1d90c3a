package eval

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/internal/stats"
)

// A Report is what a run found, in figures. Its JSON form is stable within a version
// of this package.
type Report struct {
	Suite string    `json:"suite"`
	Made  time.Time `json:"made"`
	Cases int       `json:"cases"`
	Seed  uint64    `json:"seed"`

	// Stopped says why the run ended before all was done; empty if it did not.
	Stopped string `json:"stopped,omitempty"`

	// Currency of costs; empty without prices.
	Currency string `json:"currency,omitempty"`

	Contestants []ContestantReport `json:"contestants"`

	// Comparisons of every other contestant with the first, by every figure.
	Comparisons []Comparison `json:"comparisons,omitempty"`
	Preferences []Preference `json:"preferences,omitempty"`

	// Judges is what graders used; it is in no contestant's figures.
	Judges     Spent            `json:"judges,omitzero"`
	JudgesCost *decimal.Decimal `json:"judges_cost,omitempty"`

	columns map[string][]scoreColumn // of contestants
}

// A ContestantReport is what a run found of one contestant.
type ContestantReport struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`

	// Asked are the cases that have an answer or an error, Failed those that have an
	// error, by its class in Errors. Fallbacks are answers of the program's baseline.
	Asked     int            `json:"asked"`
	Failed    int            `json:"failed"`
	Fallbacks int            `json:"fallbacks"`
	Errors    map[string]int `json:"errors,omitempty"`

	Figures []Figure `json:"figures"`

	// P50 and P95 are the latencies that half and 95 % of the answers, failed ones
	// included, do not exceed (nearest rank), in milliseconds.
	P50 float64 `json:"p50_ms"`
	P95 float64 `json:"p95_ms"`

	// Spent on all answers. Cost and CostPerCase are in Currency; nil without prices.
	Spent       Spent            `json:"spent"`
	Cost        *decimal.Decimal `json:"cost,omitempty"`
	CostPerCase *decimal.Decimal `json:"cost_per_case,omitempty"`

	// Wrong are cases that have a score below 1, the worst first, 50 at most.
	Wrong []Wrong `json:"wrong,omitempty"`
}

// A Figure is the score of one grader, from 0 to 1.
type Figure struct {
	Grader string `json:"grader"`

	// Graded cases, failed answers included; Ungraded are those of which the grader
	// failed.
	Graded   int `json:"graded"`
	Ungraded int `json:"ungraded"`

	// Score is the mean, with its 95 % interval: Wilson's if Rate is true, which says
	// that all scores are 0 or 1; else of the bootstrap.
	Score float64 `json:"score"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Rate  bool    `json:"rate"`

	// Slices are the same for the cases of each tag.
	Slices []Slice `json:"slices,omitempty"`

	// MacroF1 and Classes are figures of [Classes].
	MacroF1 *Interval `json:"macro_f1,omitempty"`
	Classes []Class   `json:"classes,omitempty"`
}

// A Slice is the score of the cases that have a tag.
type Slice struct {
	Tag    string  `json:"tag"`
	Graded int     `json:"graded"`
	Score  float64 `json:"score"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// An Interval is a figure with its 95 % interval, of the bootstrap.
type Interval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// A Class is how well a classifier finds one class.
type Class struct {
	Class     string  `json:"class"`
	Cases     int     `json:"cases"`
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
}

// A Wrong is a case that did not get the full score.
type Wrong struct {
	Case   string   `json:"case"`
	Tags   []string `json:"tags,omitempty"`
	Grader string   `json:"grader,omitempty"` // empty for an answer that failed
	Score  float64  `json:"score"`
	Reason string   `json:"reason"` // of the grader, or the class of the error
}

const maxWrong = 50

// scoreColumn is what one grader said of each case; NaN where it said nothing.
type scoreColumn struct {
	scores []float64
	labels []stats.Labeled // of Classes
}

// Report computes the figures.
func (r *Results[In, Want, Out]) Report() *Report {
	run := r.run
	report := &Report{
		Suite: run.Name, Made: time.Now().UTC().Truncate(time.Second), Cases: len(run.Cases), Seed: run.opts.Seed,
		Preferences: slices.Clone(r.preferences), Judges: run.judged, columns: map[string][]scoreColumn{},
	}
	if r.stopped != nil {
		report.Stopped = r.stopped.Error()
	}
	if run.opts.Prices != nil {
		report.Currency = run.opts.Prices.Currency()
		report.JudgesCost = new(run.judged.Cost.Decimal())
	}
	for c := range run.Contestants {
		report.Contestants = append(report.Contestants, run.contestantReport(c, report.columns))
	}
	for _, other := range report.Contestants[1:] {
		for _, f := range other.Figures {
			names := []string{f.Grader}
			if f.MacroF1 != nil {
				names = append(names, f.Grader+macroF1)
			}
			for _, name := range names {
				if c, err := report.Compare(name, run.Contestants[0].Name, other.Name); err == nil {
					report.Comparisons = append(report.Comparisons, *c)
				}
			}
		}
	}
	return report
}

func (r *run[In, Want, Out]) contestantReport(c int, columns map[string][]scoreColumn) ContestantReport {
	who := &r.Contestants[c]
	out := ContestantReport{Name: who.Name, Version: who.Version, Errors: map[string]int{}}
	var latencies []float64
	for i := range r.Cases {
		record := r.records[i][c]
		if record == nil {
			continue
		}
		out.Asked++
		latencies = append(latencies, float64(record.Duration)/float64(time.Millisecond))
		out.Spent.add(record.Spent)
		if record.Fallback {
			out.Fallbacks++
		}
		if record.Error != "" {
			out.Failed++
			out.Errors[record.Class]++
			out.Wrong = append(out.Wrong, Wrong{Case: record.Case, Tags: r.Cases[i].Tags, Reason: record.Class})
		}
	}
	out.P50, out.P95 = rank(latencies, 0.5), rank(latencies, 0.95)
	if r.opts.Prices != nil {
		cost := out.Spent.Cost.Decimal()
		out.Cost = &cost
		if out.Asked > 0 {
			out.CostPerCase = new(cost.DivRound(decimal.NewFromInt(int64(out.Asked)), 12))
		}
	}
	for g := range r.Graders {
		figure, column := r.figure(c, g, &out.Wrong)
		out.Figures = append(out.Figures, figure)
		columns[who.Name] = append(columns[who.Name], column)
	}
	slices.SortStableFunc(out.Wrong, func(a, b Wrong) int { return cmp.Compare(a.Score, b.Score) })
	out.Wrong = out.Wrong[:min(len(out.Wrong), maxWrong)]
	return out
}

// rank is the smallest value that a share of all does not exceed.
func rank(values []float64, share float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[max(int(math.Ceil(share*float64(len(values))))-1, 0)]
}

func (r *run[In, Want, Out]) figure(c, g int, wrong *[]Wrong) (Figure, scoreColumn) {
	f := Figure{Grader: r.Graders[g].Name}
	column := scoreColumn{scores: make([]float64, len(r.Cases)), labels: make([]stats.Labeled, len(r.Cases))}
	classes, byTag := map[string]bool{}, map[string][]float64{}
	var scores []float64
	var labels []stats.Labeled
	for i := range r.Cases {
		column.scores[i] = math.NaN()
		record := r.records[i][c]
		if record == nil {
			continue
		}
		grade, ok := record.Grades[f.Grader]
		if !ok {
			f.Ungraded++
			continue
		}
		f.Graded++
		column.scores[i] = grade.Score
		scores = append(scores, grade.Score)
		for _, tag := range r.Cases[i].Tags {
			byTag[tag] = append(byTag[tag], grade.Score)
		}
		if grade.Want != "" || grade.Got != "" {
			classes[grade.Want] = true
		}
		column.labels[i] = stats.Labeled{Want: grade.Want, Got: grade.Got}
		labels = append(labels, column.labels[i])
		if grade.Score < 1 && record.Error == "" {
			*wrong = append(*wrong, Wrong{Case: record.Case, Tags: r.Cases[i].Tags, Grader: f.Grader, Score: grade.Score, Reason: wrongReason(grade)})
		}
	}
	f.Score, f.Low, f.High, f.Rate = interval(scores, r.opts.Seed)
	for _, tag := range sortedKeys(byTag) {
		s := Slice{Tag: tag, Graded: len(byTag[tag])}
		s.Score, s.Low, s.High, _ = interval(byTag[tag], r.opts.Seed)
		f.Slices = append(f.Slices, s)
	}
	if len(classes) == 0 {
		column.labels = nil
		return f, column
	}
	names := sortedKeys(classes)
	f.MacroF1 = &Interval{Value: stats.MacroF1(labels, names)}
	f.MacroF1.Low, f.MacroF1.High = stats.Bootstrap(len(labels), r.opts.Seed, func(sample []int) float64 { return stats.MacroF1(drawn(labels, sample), names) })
	for _, p := range stats.PerClass(labels, names) {
		f.Classes = append(f.Classes, Class(p))
	}
	return f, column
}

func wrongReason(g Grade) string {
	if g.Reason == "" && (g.Want != "" || g.Got != "") {
		return fmt.Sprintf("%s instead of %s", g.Got, g.Want)
	}
	return g.Reason
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func drawn[T any](values []T, sample []int) []T {
	out := make([]T, len(sample))
	for i, at := range sample {
		out[i] = values[at]
	}
	return out
}

func binary(scores []float64) bool {
	return !slices.ContainsFunc(scores, func(s float64) bool { return s != 0 && s != 1 })
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(max(len(values), 1))
}

// interval is the mean of scores with its 95 % interval.
func interval(scores []float64, seed uint64) (score, low, high float64, rate bool) {
	score = mean(scores)
	if rate = binary(scores); rate {
		low, high = stats.Wilson(int(math.Round(score*float64(len(scores)))), len(scores))
		return score, low, high, true
	}
	low, high = stats.Bootstrap(len(scores), seed, func(sample []int) float64 {
		sum := 0.0
		for _, i := range sample {
			sum += scores[i]
		}
		return sum / float64(len(sample))
	})
	return score, low, high, false
}

// WriteJSON writes the report as JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}
