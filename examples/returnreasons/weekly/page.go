package weekly

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"rate": rate, "interval": interval, "channel": ChannelName, "percent": percent,
	"change": Change.text,
	"lower":  strings.ToLower,
	"figure": func(c Cell) string {
		if c.Hidden {
			return "not shown"
		}
		return strconv.Itoa(c.Units)
	},
	"times": func(lift float64) string { return fmt.Sprintf("%.1f times", lift) },
	"q":     qText,
	"arrow": func(c Change) string {
		switch {
		case c.Direction > 0:
			return "▲ "
		case c.Direction < 0:
			return "▼ "
		}
		return ""
	},
	"anyHidden": func(s *Summary) bool {
		for _, r := range s.Reasons {
			if r.This.Hidden || r.Last.Hidden {
				return true
			}
			for _, c := range r.Channels {
				if c.Hidden {
					return true
				}
			}
		}
		return false
	},
}).Parse(pageText))

// ContentSecurityPolicy is what a server should send with the page: it may style
// itself and load nothing. The page says the same of itself, for when it is opened
// as a file.
const ContentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// WriteHTML writes the summary as a page that needs nothing else.
func (s *Summary) WriteHTML(w io.Writer) error {
	return page.Execute(w, struct {
		*Summary
		Bars, Lines template.HTML
	}{s, s.barChart(), s.trendChart()})
}
