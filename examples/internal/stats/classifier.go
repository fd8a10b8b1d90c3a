package stats

import (
	"math/rand/v2"
	"slices"
)

// Labeled is one case of a classifier: what it is, and what the classifier said.
type Labeled struct{ Want, Got string }

// ClassFigures are the figures of one class.
type ClassFigures struct {
	Class                 string
	Cases                 int // that are of the class
	Precision, Recall, F1 float64
}

// PerClass returns the figures of each class. Where nothing can be divided the
// figure is 0.
func PerClass(cases []Labeled, classes []string) []ClassFigures {
	right, want, got := map[string]int{}, map[string]int{}, map[string]int{}
	for _, c := range cases {
		want[c.Want]++
		got[c.Got]++
		if c.Want == c.Got {
			right[c.Want]++
		}
	}
	out := make([]ClassFigures, len(classes))
	for i, class := range classes {
		f := ClassFigures{
			Class: class, Cases: want[class],
			Precision: ratio(right[class], got[class]), Recall: ratio(right[class], want[class]),
			F1: ratio(2*right[class], want[class]+got[class]),
		}
		out[i] = f
	}
	return out
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// MacroF1 is the mean of the classes' F1: a rare class counts as much as a
// frequent one.
func MacroF1(cases []Labeled, classes []string) float64 {
	sum := 0.0
	for _, f := range PerClass(cases, classes) {
		sum += f.F1
	}
	return sum / float64(max(len(classes), 1))
}

// Accuracy is the share of cases that the classifier got right.
func Accuracy(cases []Labeled) float64 {
	right := 0
	for _, c := range cases {
		if c.Want == c.Got {
			right++
		}
	}
	return ratio(right, len(cases))
}

// resamples is how often Bootstrap draws.
const resamples = 2000

// Bootstrap returns the 95 % percentile interval of a figure of n cases: it is
// computed over 2,000 samples of n cases, drawn with replacement. The same input
// gives the same interval. The figure is given the indexes of a sample.
//
// Source: Efron, Annals of Statistics 7 (1979)
func Bootstrap(n int, figure func(sample []int) float64) (low, high float64) {
	if n == 0 {
		return 0, 0
	}
	random := rand.New(rand.NewPCG(1979, uint64(n)))
	sample, values := make([]int, n), make([]float64, resamples)
	for r := range values {
		for i := range sample {
			sample[i] = random.IntN(n)
		}
		values[r] = figure(sample)
	}
	slices.Sort(values)
	return values[resamples*25/1000], values[resamples*975/1000-1]
}
