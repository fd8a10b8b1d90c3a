package main

import (
	"context"
	"fmt"
	"html/template"
	"net/http"

	"github.com/posai-go/posai/examples/clienteling/internal/desk"
	"github.com/posai-go/posai/examples/clienteling/internal/outbox"
	"github.com/posai-go/posai/examples/clienteling/internal/store"
)

// health says how far the CRM is.
func (s *service) health(ctx context.Context) (map[string]any, error) {
	c, err := s.store.Counts(ctx)
	if err != nil {
		return nil, err
	}
	st := s.outbox.Status()
	facts := map[string]any{
		"customers": c.Customers, "orders": c.Orders, "crm": s.sink.Name(), "crm_pending": c.Pending, "crm_retrying": c.Retrying, "crm_invalid": c.Invalid,
		"crm_questions": c.Questions, "crm_forgetting": c.Forgetting, "crm_lag_seconds": c.Oldest.Seconds(),
	}
	switch {
	case st.Refused != "":
		facts["status"] = st.Refused
	case st.Failing != "":
		facts["status"] = st.Failing
	}
	return facts, nil
}

// metrics serves the inbox's metrics and those of the way to the CRM, in the text format
// of Prometheus. They carry no customers.
func (s *service) metrics() http.Handler {
	box := s.Inbox.Metrics()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := s.store.Counts(r.Context())
		if err != nil {
			http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
			return
		}
		box.ServeHTTP(w, r)
		st := s.outbox.Status()
		gauge := func(name, help string, value float64) {
			_, _ = fmt.Fprintf(w, "# HELP clienteling_%s %s\n# TYPE clienteling_%s gauge\nclienteling_%s %g\n", name, help, name, name, value)
		}
		gauge("customers", "customers in the book", float64(c.Customers))
		gauge("orders", "orders of customers", float64(c.Orders))
		gauge("crm_pending", "customers whose state is not in the CRM yet", float64(c.Pending))
		gauge("crm_lag_seconds", "since when the longest waiting of them is due", c.Oldest.Seconds())
		gauge("crm_retrying", "customers with whom the last attempt failed", float64(c.Retrying))
		gauge("crm_invalid", "customers whom the CRM does not take", float64(c.Invalid))
		gauge("crm_questions", "customers about whom a person is asked", float64(c.Questions))
		gauge("crm_forgetting", "customers whom the CRM is yet to forget", float64(c.Forgetting))
		refused := 0.0
		if st.Refused != "" {
			refused = 1
		}
		gauge("crm_refused", "1 while the CRM refuses", refused)
	})
}

// signedIn says who asks for a page, and sends others to sign in.
func (s *service) signedIn(w http.ResponseWriter, r *http.Request) (desk.Who, bool) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	who, err := s.who(r)
	if err != nil {
		http.Redirect(w, r, "/approvals/", http.StatusSeeOther)
	}
	return who, err == nil
}

// syncPage shows people what is between the book and the CRM.
func (s *service) syncPage() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := s.signedIn(w, r); !ok {
			return
		}
		data := struct {
			Shop, CRM string
			Status    outbox.Status
			Counts    store.Counts
			Problems  []store.Problem
			Questions []store.Question
		}{Shop: s.shop.name, CRM: s.sink.Name(), Status: s.outbox.Status()}
		var err error
		if data.Counts, err = s.store.Counts(r.Context()); err == nil {
			data.Problems, err = s.store.Problems(r.Context(), 100)
		}
		if err == nil {
			data.Questions, err = s.store.Questions(r.Context())
		}
		if err != nil {
			http.Error(w, "The database does not answer at the moment.", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = syncTemplate.Execute(w, data) // the client is gone if that fails
	})
}

// pageTop begins a page.
const pageTop = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff; overflow-wrap: anywhere }
h1 { font-size: 1.6rem; line-height: 1.25 }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ddd }
.bad { border-left: .3rem solid #9b1c1c; padding: .5rem 1rem; background: #fdf3f3 }
</style>
`

var syncTemplate = template.Must(template.New("sync").Parse(pageTop + `<title>{{.CRM}} – {{.Shop}}</title>
<h1>{{.Shop}} and {{.CRM}}</h1>
{{with .Status.Refused}}<p class="bad" role="alert">{{.}}. Somebody has to set this up; it is tried again every few minutes.</p>
{{else}}{{with .Status.Failing}}<p class="bad" role="alert">{{.}}.</p>{{end}}{{end}}
<table>
<tr><th scope="row">Customers, orders, notes<td>{{.Counts.Customers}}, {{.Counts.Orders}}, {{.Counts.Notes}}
<tr><th scope="row">On the way<td>{{.Counts.Pending}}
<tr><th scope="row">Tried again<td>{{.Counts.Retrying}}
<tr><th scope="row">A person is asked<td>{{.Counts.Questions}}{{if .Counts.Questions}} (<a href="/approvals/">console</a>){{end}}
<tr><th scope="row">Left out by a person<td>{{.Counts.LeftOut}}
<tr><th scope="row">Opted out of sharing<td>{{.Counts.Withheld}}
<tr><th scope="row">Not taken as they are<td>{{.Counts.Invalid}}
<tr><th scope="row">To be forgotten<td>{{.Counts.Forgetting}}
</table>
{{with .Problems}}<h2>What does not work</h2>
<table><tr><th>Customer<th>State<th>Why
{{range .}}<tr><td><a href="/clients/{{.Customer}}">{{.Customer}}</a><td>{{.State}}<td>{{.Text}}
{{end}}</table>{{end}}
{{with .Questions}}<h2>Who is who</h2>
<ul>{{range .}}<li><a href="/matches/{{.Customer}}">Customer {{.Customer}}</a>
{{end}}</ul>{{end}}
</html>
`))
