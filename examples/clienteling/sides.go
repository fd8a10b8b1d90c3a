package main

import (
	"context"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/examples/clienteling/internal/desk"
	"github.com/posai-go/posai/examples/clienteling/internal/store"
)

// compared is the look at both sides of a question.
const compared desk.What = "candidates"

// side is a record, as far as it takes to tell people apart.
type side struct {
	ID, Text string
}

// sides are the candidates of a question, which the book has until there is an answer or
// the customer goes.
func sides(q store.Question) ([]side, error) {
	var candidates []crm.Candidate
	if err := json.Unmarshal([]byte(q.Candidates), &candidates); err != nil {
		return nil, err
	}
	var out []side
	for _, c := range candidates[:min(len(candidates), maxCandidates)] {
		out = append(out, side{c.ID, joined(crm.OneLine(c.Name), maskMail(c.Email), maskPhone(c.Phone))})
	}
	return out, nil
}

func joined(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

// sidesPage shows a manager the customer and the records of the CRM that they may be. Who
// looks is on record before.
func (s *service) sidesPage() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, ok := s.signedIn(w, r)
		if !ok {
			return
		}
		if !who.Clienteling {
			http.Error(w, "This is for managers.", http.StatusForbidden)
			return
		}
		id, err := strconv.ParseInt(r.PathValue("customer"), 10, 64)
		if err != nil || id <= 0 {
			http.NotFound(w, r)
			return
		}
		data, found, err := s.compare(r.Context(), who, id)
		switch {
		case err != nil:
			s.logger.Warn("a question could not be shown", "error", err)
			http.Error(w, "The database does not answer at the moment.", http.StatusServiceUnavailable)
		case !found:
			http.Error(w, "Nobody is asked about this customer any more.", http.StatusNotFound)
		default:
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_ = sidesTemplate.Execute(w, data) // the client is gone if that fails
		}
	})
}

type sidesView struct {
	Shop, CRM string
	Request   string
	Customer  side
	Sides     []side
}

func (s *service) compare(ctx context.Context, who desk.Who, customer int64) (v sidesView, found bool, err error) {
	q, found, err := s.store.Question(ctx, customer)
	if err != nil || !found {
		return v, false, err
	}
	v = sidesView{Shop: s.shop.name, CRM: s.sink.Name(), Request: q.Request}
	if v.Sides, err = sides(q); err != nil {
		return v, false, err
	}
	e, err := s.store.Entry(ctx, customer)
	if err != nil {
		return v, false, err
	}
	c := &e.Customer
	v.Customer = side{strconv.FormatInt(customer, 10), joined(crm.OneLine(c.FirstName+" "+c.LastName), maskMail(c.Email), maskPhone(c.Phone), c.City)}
	who.Channel = "web"
	return v, true, s.seen(ctx, desk.Look{Who: who, Customer: store.GID(customer), What: compared})
}

var sidesTemplate = template.Must(template.New("sides").Parse(pageTop + `<title>Who is customer {{.Customer.ID}}? – {{.Shop}}</title>
<h1>Who is customer {{.Customer.ID}}?</h1>
<table>
<tr><th scope="row">{{.Shop}}<td><a href="/clients/{{.Customer.ID}}">{{.Customer.Text}}</a>
{{range .Sides}}<tr><th scope="row">{{$.CRM}} {{.ID}}<td>{{.Text}}
{{end}}</table>
{{with .Request}}<p><a href="/approvals/requests/{{.}}">Choose at the console</a>{{end}}
</html>
`))

// maskMail is "n…@example.com".
func maskMail(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at <= 0 {
		return ""
	}
	_, size := utf8.DecodeRuneInString(address)
	return address[:size] + "…" + address[at:]
}

// maskPhone is "…123".
func maskPhone(phone string) string {
	if len(phone) < 6 {
		return ""
	}
	return "…" + phone[len(phone)-3:]
}
