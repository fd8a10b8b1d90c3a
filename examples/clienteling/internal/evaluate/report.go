package evaluate

import (
	"fmt"
	"io"
)

// Print writes the report.
func (r *Report) Print(w io.Writer) {
	const day = "2006-01-02"
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	p("Online Retail, %s to %s: profiles of %s, and what was spent in the %d days after it\n", r.First.Format(day), r.Last.Format(day), r.Split.Day.Format(day), int(r.Split.Window.Hours()/24))
	p("  %d customers with an order before the day, %d of them came again, and spent %.0f GBP\n\n", r.Customers, r.Came, r.Spent)
	p("  customers ordered by     Spearman  95 %% interval     first tenth  first fifth   the scores are ahead by\n")
	p("                           with spend                  spend of all             (95 %% interval, same customers)\n")
	for i, x := range r.Predictors {
		p("  %-23s  %8.3f  %.3f to %.3f  %10.1f %%  %9.1f %%", x.Name, x.Spearman, x.Low, x.High, 100*x.Decile, 100*x.Fifth)
		if i > 0 {
			p("   %+.3f (%+.3f to %+.3f)", x.Behind, x.DiffLow, x.DiffHigh)
		}
		p("\n")
	}
	p("\n  segment           customers  came again  spent each  of all spent\n")
	for _, s := range r.Segments {
		p("  %-16s  %9d  %8.1f %%  %10.2f  %10.1f %%\n", s.Segment.Label(), s.Customers, percent(s.Came, s.Customers), s.Spent/float64(s.Customers), 100*s.Spent/r.Spent)
	}
	p("\n  of %d customers with a rhythm who were overdue, %.1f %% came again; of %d who were not, %.1f %%\n", r.Overdue, percent(r.OverdueCame, r.Overdue), r.InTime, percent(r.InTimeCame, r.InTime))
	p("  of %d lines bought later, %.1f %% lie within the customer's own price band (on average %.2f GBP wide), %.1f %% within that of all customers (%.2f GBP)\n",
		r.BandLines, percent(r.InOwn, r.BandLines), r.OwnWidth, percent(r.InShops, r.BandLines), r.ShopsWidth)
}

func percent(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return 100 * float64(a) / float64(b)
}
