package approval

import (
	"strings"
	"unicode/utf8"
)

const maxSearch = 200

// SearchText returns what [Filter].Text is looked for in, in lower case. It is
// for stores.
func (r *Request) SearchText() string {
	parts := []string{r.Preview.Title, r.Preview.Summary, r.Key, r.Proposer.ID, r.Proposer.Name}
	for _, s := range r.Subjects {
		parts = append(parts, s.ID)
	}
	return strings.ToLower(strings.Join(parts, "\n"))
}

// Words returns the words of [Filter].Text, in lower case. It is for stores.
func (f *Filter) Words() []string {
	text := cut(f.Text, maxSearch)
	if !utf8.ValidString(text) {
		return nil
	}
	return strings.Fields(strings.ToLower(text))
}
