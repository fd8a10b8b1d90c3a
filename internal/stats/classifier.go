package stats

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
