package eval

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
)

//go:embed report.html
var pageText string

// ContentSecurityPolicy is what a server should send with the page of
// [Report.WriteHTML]: it may style itself and load nothing. The page says the same of
// itself, for when it is opened as a file.
const ContentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"number": number, "span": rangeText, "p": pText, "millis": millis,
	"signed": func(v float64) string { return fmt.Sprintf("%+.3f", v) },
	"verdict": func(c Comparison) string {
		switch {
		case c.Low > 0:
			return "better"
		case c.High < 0:
			return "worse"
		}
		return "not told apart"
	},
	"cost":    func(c ContestantReport, currency string) string { return c.costText(currency) },
	"perCase": func(c ContestantReport, currency string) string { return c.perCase(currency) },
	"words": func(tags []string) string {
		var b bytes.Buffer
		for i, t := range tags {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(t)
		}
		return b.String()
	},
}).Parse(pageText))

// A plot shows the scores of one grader side by side.
type plot struct {
	Grader string
	Height int
	Rows   []plotRow
	Ticks  []plotTick
	TickY  int
}

type plotTick struct {
	X            float64
	Anchor, Text string
}

var plotTicks = []plotTick{{plotX(0), "start", "0"}, {plotX(0.25), "middle", "0.25"}, {plotX(0.5), "middle", "0.5"}, {plotX(0.75), "middle", "0.75"}, {plotX(1), "end", "1"}}

type plotRow struct {
	Name                string
	Text, Base          int // y of the name and of the interval
	Low, High, Score    float64
	LowX, HighX, ScoreX float64
	First               bool
}

// The plot is drawn in a frame of 640 units, scores from 0 to 1 between these.
const (
	plotLeft, plotRight = 12.0, 628.0
	plotRowHeight       = 46
)

func plotX(score float64) float64 { return plotLeft + score*(plotRight-plotLeft) }

func (r *Report) plots() []plot {
	if len(r.Contestants) == 0 {
		return nil
	}
	var plots []plot
	for g, f := range r.Contestants[0].Figures {
		p := plot{Grader: f.Grader, Height: plotRowHeight*len(r.Contestants) + 22, Ticks: plotTicks, TickY: plotRowHeight*len(r.Contestants) + 16}
		for i, c := range r.Contestants {
			f := c.Figures[g]
			if f.Graded == 0 {
				continue
			}
			y := plotRowHeight * i
			p.Rows = append(p.Rows, plotRow{
				Name: c.Name, Text: y + 18, Base: y + 32, Low: f.Low, High: f.High, Score: f.Score, First: i == 0,
				LowX: plotX(f.Low), HighX: plotX(f.High), ScoreX: plotX(f.Score),
			})
		}
		plots = append(plots, p)
	}
	return plots
}

// WriteHTML writes the report as one page that needs nothing else: no script, no
// request. It is meant for a wide and a narrow screen, light and dark, and for screen
// readers: every figure of a picture is in a table.
func (r *Report) WriteHTML(w io.Writer) error {
	var b bytes.Buffer
	if err := page.Execute(&b, struct {
		*Report
		Plots []plot
	}{r, r.plots()}); err != nil {
		return fmt.Errorf("eval: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}
