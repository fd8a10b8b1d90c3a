package console

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/posai-go/posai/approval"
)

// fieldPrefix keeps the names of fields, which are the action's, apart from our
// own.
const fieldPrefix = "field."

// formField is one field of an edit form on a page.
type formField struct {
	Name, DOM, Label, Type, Value string
	Max                           int
	Required, Checked             bool
	Choices                       []choice
}

type choice struct {
	Value, Label string
	Selected     bool
}

// formFields returns the edit form of a request, filled with values where there
// are any and else with what the request says.
func formFields(q *approval.Request, values map[string]string) []formField {
	var fields []formField
	for _, f := range q.Form {
		v := formField{
			Name: fieldPrefix + f.Name, DOM: "f-" + f.Name, Label: cmp.Or(f.Label, f.Name), Type: string(f.Type),
			Value: f.Value, Max: f.MaxLength, Required: f.Required,
		}
		if value, ok := values[f.Name]; ok {
			v.Value = value
		}
		v.Checked = v.Value == "true"
		for _, o := range f.Options {
			v.Choices = append(v.Choices, choice{Value: o.Value, Label: cmp.Or(o.Label, o.Value), Selected: o.Value == v.Value})
		}
		fields = append(fields, v)
	}
	return fields
}

// editValues reads the fields that the request offers, and no others, from a
// form that was sent. It returns those that differ from what the request says,
// nil if none does.
func editValues(q *approval.Request, r *http.Request) map[string]string {
	var values map[string]string
	for _, f := range q.Form {
		// The last value counts: a check box stands behind a hidden empty one,
		// since browsers leave out those that are not checked.
		sent := r.PostForm[fieldPrefix+f.Name]
		if len(sent) == 0 {
			continue
		}
		value := strings.ReplaceAll(sent[len(sent)-1], "\r\n", "\n")
		if value == f.Value {
			continue
		}
		if values == nil {
			values = make(map[string]string)
		}
		values[f.Name] = value
	}
	return values
}
