package desk

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"errors"
	"html/template"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/posai-go/posai/shopify"
)

//go:embed page.html
var pageHTML string

//go:embed page.js
var pageJS string

var templates = template.Must(template.New("").Parse(pageHTML))

// frame is what all pages have.
type frame struct {
	Shop, Heading, Nonce, Me string
	InHeader                 bool // the search
	Script                   template.JS
}

// policy lets a page style itself, run its own script and send its forms home, and
// nothing else; no text becomes markup.
func policy(nonce string) string {
	return "default-src 'none'; style-src 'nonce-" + nonce + "'; script-src 'nonce-" + nonce + "'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
}

// pages adds what people who are signed in see.
func (d *Desk) pages() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /clients", d.fromPage(d.searchPage))
	mux.HandleFunc("GET /clients/{$}", d.fromPage(d.searchPage))
	mux.HandleFunc("GET /clients/{id}", d.fromPage(d.ofCustomer(d.customerPage)))
	mux.HandleFunc("GET /clients/{id}/points", d.fromPage(d.ofCustomer(d.pointsJSON)))
	mux.HandleFunc("POST /clients/{id}/notes", d.fromPage(d.ofCustomer(d.addNotePage)))
	mux.HandleFunc("POST /clients/{id}/contact", d.fromPage(d.ofCustomer(d.contactPage)))
	// A form of another site is refused by what the browser says of where it comes from.
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.message(w, r, Who{}, http.StatusForbidden, "Not from this page", "The request came from another site, so nothing was done.")
	}))
	pages := cross.Handler(mux)
	d.mux.Handle("/clients", pages)
	d.mux.Handle("/clients/", pages)
}

// fromPage lets those through who are signed in.
func (d *Desk) fromPage(next func(w http.ResponseWriter, r *http.Request, who Who)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, err := d.opts.Authenticate(r)
		switch {
		case errors.Is(err, ErrSignedOut) && d.opts.SignIn != "" && r.Method == http.MethodGet && !strings.HasSuffix(r.URL.Path, "/points"):
			http.Redirect(w, r, d.opts.SignIn, http.StatusSeeOther)
		case errors.Is(err, ErrSignedOut):
			d.message(w, r, Who{}, http.StatusUnauthorized, "Sign in first", "The client book is for people of the store. Sign in, then come back here.")
		case err != nil || who.ID == "":
			d.opts.Logger.Warn("the sign-in failed", "error", err)
			d.message(w, r, Who{}, http.StatusServiceUnavailable, "Signing in is not possible at the moment", "Try again in a minute.")
		default:
			who.Channel = "web"
			next(w, r, who)
		}
	}
}

// ofCustomer reads the customer of the path.
func (d *Desk) ofCustomer(next handle) func(w http.ResponseWriter, r *http.Request, who Who) {
	return func(w http.ResponseWriter, r *http.Request, who Who) {
		id, ok := customerID(r.PathValue("id"))
		if !ok {
			d.failed(w, r, who, ErrNotFound)
			return
		}
		next(w, r, who, id)
	}
}

func (d *Desk) frame(who Who, heading string) frame {
	me := who.Name
	if me != "" && who.Location != "" {
		me += ", " + who.Location
	}
	return frame{Shop: d.title(), Heading: heading, Nonce: rand.Text(), Me: me}
}

func (d *Desk) title() string {
	if d.opts.Title == "" {
		return "Client book"
	}
	return d.opts.Title
}

// render sends a page, whole or not at all.
func (d *Desk) render(w http.ResponseWriter, name string, status int, nonce string, view any) {
	var page bytes.Buffer
	if err := templates.ExecuteTemplate(&page, name, view); err != nil {
		d.opts.Logger.Warn("a page of the client book failed", "error", err)
		http.Error(w, "The page cannot be shown at the moment.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", policy(nonce))
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // net/http leaves it out for HEAD
}

// message is a page of a few words.
func (d *Desk) message(w http.ResponseWriter, r *http.Request, who Who, status int, heading, text string) {
	if strings.HasSuffix(r.URL.Path, "/points") {
		problem(w, status, strings.ToLower(heading))
		return
	}
	view := struct {
		frame
		Text string
	}{d.frame(who, heading), text}
	view.InHeader = who.ID != ""
	d.render(w, "message", status, view.Nonce, view)
}

// failed says why a customer cannot be shown.
func (d *Desk) failed(w http.ResponseWriter, r *http.Request, who Who, err error) {
	status, _ := d.statusOf(err)
	switch status {
	case http.StatusNotFound:
		d.message(w, r, who, status, "No such client", "The client book has nobody of that number. They may have been merged with somebody else in the shop.")
	case http.StatusGone:
		d.message(w, r, who, status, "This client’s data was erased", "They asked for it. Nothing is kept of them, and nothing can be noted about them.")
	default:
		d.message(w, r, who, status, "The client book cannot be reached", "Nothing is lost. Try again in a minute.")
	}
}

// maxFound is how many customers a search shows.
const maxFound = 25

type searchView struct {
	frame
	Query, Count string
	Asked, Full  bool
	Rows         []rowView
}

type rowView struct{ Number, Name, About string }

func (d *Desk) searchPage(w http.ResponseWriter, r *http.Request, who Who) {
	view := searchView{frame: d.frame(who, "Find a client")}
	query := strings.Join(strings.Fields(tidy(r.URL.Query().Get("q"))), " ")
	if n := utf8.RuneCountInString(query); n >= 2 && n <= 100 {
		view.Query, view.Asked = query, true
		rows, err := d.book.Search(r.Context(), query, maxFound)
		if err == nil {
			rows = rows[:min(len(rows), maxFound)]
			err = d.seen(r.Context(), Look{Who: who, What: Searched, Found: len(rows)})
		}
		if err != nil {
			d.failed(w, r, who, err)
			return
		}
		view.fill(d, rows)
	}
	d.render(w, "search", http.StatusOK, view.Nonce, view)
}

func (v *searchView) fill(d *Desk, rows []Row) {
	for i := range rows {
		row := &rows[i]
		x := rowView{Number: row.ID.ID(), Name: nameOf(row.FirstName, row.LastName)}
		about := []string{clip(row.City), maskEmail(row.Email), maskPhone(row.Phone)}
		if !row.LastVisit.IsZero() {
			about = append(about, "last visit "+d.dateOf(row.LastVisit))
		}
		x.About = joined(" · ", about...)
		v.Rows = append(v.Rows, x)
	}
	v.Full = len(rows) == maxFound
	switch len(rows) {
	case 0:
		v.Count = "No clients"
	case 1:
		v.Count = "One client"
	default:
		v.Count = counted(len(rows), "client")
	}
}

func (d *Desk) contactPage(w http.ResponseWriter, r *http.Request, who Who, id shopify.GID) {
	if !who.Clienteling {
		d.message(w, r, who, http.StatusForbidden, "Not for your role", "Contact data is shown to people who have the permission for clienteling.")
		return
	}
	d.showCustomer(w, r, who, id, &shown{contact: true, status: http.StatusOK})
}
