package eval

import (
	"bytes"
	"fmt"
	"io"
	"text/tabwriter"
)

// WriteText writes the report for a terminal or a log: scores, speed and cost, classes,
// comparisons and preferences.
func (r *Report) WriteText(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s: %d cases\n", r.Suite, r.Cases)
	if r.Stopped != "" {
		fmt.Fprintf(&b, "Ended early: %s\n", r.Stopped)
	}
	table(&b, "", func(row func(...any)) {
		row("contestant", "figure", "score", "95 % interval", "cases", "failed", "ungraded")
		for _, c := range r.Contestants {
			for _, f := range c.Figures {
				row(c.Name, f.Grader, number(f.Score), rangeText(f.Low, f.High), f.Graded, c.Failed, f.Ungraded)
				if f.MacroF1 != nil {
					row(c.Name, f.Grader+macroF1, number(f.MacroF1.Value), rangeText(f.MacroF1.Low, f.MacroF1.High), f.Graded, "", "")
				}
			}
		}
	})
	table(&b, "", func(row func(...any)) {
		row("contestant", "p50", "p95", "calls", "tokens in", "out", "cost", "a case")
		for _, c := range r.Contestants {
			row(c.Name, millis(c.P50), millis(c.P95), c.Spent.Calls, c.Spent.Usage.InputTokens, c.Spent.Usage.OutputTokens, c.costText(r.Currency), c.perCase(r.Currency))
		}
	})
	for _, c := range r.Contestants {
		if c.Fallbacks > 0 {
			fmt.Fprintf(&b, "\n%s: in %d of %d answers the program's baseline stood in\n", c.Name, c.Fallbacks, c.Asked)
		}
		for _, f := range c.Figures {
			if f.Classes == nil {
				continue
			}
			table(&b, c.Name+", "+f.Grader, func(row func(...any)) {
				row("class", "cases", "precision", "recall", "F1")
				for _, k := range f.Classes {
					row(k.Class, k.Cases, number(k.Precision), number(k.Recall), number(k.F1))
				}
			})
		}
	}
	if len(r.Comparisons) > 0 {
		b.WriteByte('\n')
	}
	for _, c := range r.Comparisons {
		fmt.Fprintf(&b, "%s less %s: %s %+.3f (95 %% interval %+.3f to %+.3f, %d pairs%s): %s\n",
			c.Candidate, c.Base, c.Figure, c.Difference, c.Low, c.High, c.Pairs, c.testText(), c.verdict())
	}
	for _, p := range r.Preferences {
		fmt.Fprintf(&b, "%s prefers %s to %s %d times, the other way %d, neither %d (%d of them by the order alone), failed %d; p = %s\n",
			p.Judge, p.Candidate, p.Base, p.Wins, p.Losses, p.Ties, p.Inconsistent, p.Failed, pText(p.P))
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (c *Comparison) testText() string {
	if c.Test == "" {
		return ""
	}
	return fmt.Sprintf(", p = %s, %s", pText(c.P), c.Test)
}

// verdict is what the interval says, in words.
func (c *Comparison) verdict() string {
	switch {
	case c.Low > 0:
		return c.Candidate + " is better"
	case c.High < 0:
		return c.Base + " is better"
	}
	return "the cases do not tell them apart"
}

// table writes aligned columns, indented by two.
func table(b *bytes.Buffer, title string, fill func(row func(...any))) {
	b.WriteByte('\n')
	if title != "" {
		fmt.Fprintf(b, "  %s\n", title)
	}
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fill(func(cells ...any) {
		for i, cell := range cells {
			_, _ = fmt.Fprint(t, []string{"  ", "\t"}[min(i, 1)], cell)
		}
		_, _ = fmt.Fprintln(t)
	})
	_ = t.Flush()
}

func number(v float64) string { return fmt.Sprintf("%.3f", v) }

func rangeText(low, high float64) string { return fmt.Sprintf("%.3f to %.3f", low, high) }

func pText(p float64) string {
	if p < 0.0001 {
		return "< 0.0001"
	}
	return fmt.Sprintf("%.4f", p)
}

func millis(ms float64) string {
	switch {
	case ms >= 10_000:
		return fmt.Sprintf("%.1f s", ms/1000)
	case ms >= 10:
		return fmt.Sprintf("%.0f ms", ms)
	}
	return fmt.Sprintf("%.2f ms", ms)
}

func (c *ContestantReport) costText(currency string) string {
	if c.Cost == nil {
		return "–"
	}
	text := c.Cost.StringFixed(4) + " " + currency
	if c.Spent.Uncertain {
		text += " (not all known)"
	}
	return text
}

func (c *ContestantReport) perCase(currency string) string {
	if c.CostPerCase == nil {
		return "–"
	}
	return c.CostPerCase.StringFixed(6) + " " + currency
}
