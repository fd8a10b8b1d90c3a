package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/posai-go/posai/webhook/inbox"
)

const (
	pageSize = 50
	maxBody  = 256 << 10 // bytes of a body that are shown
)

// filter is what a list shows, and its form.
type filter struct {
	query inbox.Query
	form  url.Values // what was asked for, valid
}

// stateNames are the states in the order of the form.
var stateNames = []inbox.State{inbox.Dead, inbox.Pending, inbox.Processing, inbox.Done}

// localTime is what a browser's datetime-local field sends; here it is UTC.
const localTime = "2006-01-02T15:04"

func parseFilter(values url.Values) (filter, error) {
	f := filter{form: url.Values{}}
	for name, field := range map[string]*string{
		"topic": &f.query.Topic, "shop": &f.query.Shop, "webhook": &f.query.WebhookID, "resource": &f.query.Resource,
	} {
		value := strings.TrimSpace(values.Get(name))
		if len(value) > 255 || strings.ContainsRune(value, 0) {
			return f, fmt.Errorf("The %s is too long.", name) //nolint:staticcheck,revive // for people
		}
		if *field = value; value != "" {
			f.form.Set(name, value)
		}
	}
	if state := inbox.State(values.Get("state")); state != "" {
		if !slices.Contains(stateNames, state) {
			return f, errors.New("There is no such state.") //nolint:staticcheck,revive // for people
		}
		f.query.State = state
		f.form.Set("state", string(state))
	}
	for name, field := range map[string]*time.Time{"since": &f.query.Since, "until": &f.query.Until} {
		value := values.Get(name)
		if value == "" {
			continue
		}
		at, err := time.Parse(localTime, value)
		if err != nil {
			return f, errors.New("A time is such as 2026-11-02T09:30.") //nolint:staticcheck,revive // for people
		}
		*field = at
		f.form.Set(name, value)
	}
	return f, nil
}

type listPage struct {
	Title    string
	Viewer   Viewer
	Stats    inbox.Stats
	Lag      string
	Message  string
	Form     url.Values
	States   []inbox.State
	Filtered bool
	Rows     []row
	Older    template.URL // the next page, or ""
}

type row struct {
	inbox.Record
	Age string
}

func (h *Handler) list(w http.ResponseWriter, r *http.Request, v Viewer) {
	values := r.URL.Query()
	f, err := parseFilter(values)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if after := values.Get("after"); after != "" {
		if f.query.After, err = strconv.ParseInt(after, 10, 64); err != nil {
			http.Error(w, "There is no such page.", http.StatusBadRequest)
			return
		}
	}
	f.query.Reverse, f.query.WithoutBodies = true, true
	stats, err := h.box.Stats(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	p := listPage{
		Title: h.opts.Title, Viewer: v, Stats: stats, Lag: span(stats.Lag), Form: f.form, States: stateNames, Filtered: len(f.form) > 0,
		Message: message(values),
	}
	for record, err := range h.box.List(r.Context(), f.query) {
		if err != nil {
			h.fail(w, r, err)
			return
		}
		if len(p.Rows) == pageSize {
			more := url.Values{}
			for name := range f.form {
				more.Set(name, f.form.Get(name))
			}
			more.Set("after", strconv.FormatInt(p.Rows[pageSize-1].ID, 10))
			p.Older = template.URL("./?" + more.Encode()) //nolint:gosec // encoded
			break
		}
		p.Rows = append(p.Rows, row{record, span(h.opts.Now().Sub(record.ReceivedAt))})
	}
	h.render(w, r, "list", p)
}

// message is what was just done.
func message(values url.Values) string {
	n, err := strconv.Atoi(values.Get("n"))
	if err != nil {
		return ""
	}
	switch did := values.Get("did"); did {
	case "replayed", "deleted":
		if n == 1 {
			return "One delivery was " + did + "."
		}
		return fmt.Sprintf("%d deliveries were %s.", n, did)
	}
	return ""
}

// span is a duration as people say it.
func span(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Second:
		return "0 s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

type detailPage struct {
	Title    string
	Viewer   Viewer
	Record   inbox.Record
	Finished bool
	Age      string
	Body     string
	Cut      bool // the body is longer
}

func (h *Handler) detail(w http.ResponseWriter, r *http.Request, v Viewer) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	record, err := h.box.Get(r.Context(), id)
	switch {
	case errors.Is(err, inbox.ErrNotFound):
		http.Error(w, "There is no such delivery: it was deleted, or never here.", http.StatusNotFound)
		return
	case err != nil:
		h.fail(w, r, err)
		return
	}
	p := detailPage{
		Title: h.opts.Title, Viewer: v, Record: record, Age: span(h.opts.Now().Sub(record.ReceivedAt)),
		Finished: record.State == inbox.Done || record.State == inbox.Dead,
	}
	if v.MayRead {
		p.Body, p.Cut = readable(record.Body)
	}
	h.render(w, r, "detail", p)
}

// readable is a body as people read it.
func readable(body []byte) (text string, cut bool) {
	var b bytes.Buffer
	if len(body) <= maxBody && json.Indent(&b, body, "", "  ") == nil && b.Len() <= 4*maxBody {
		return b.String(), false
	}
	cut = len(body) > maxBody
	return strings.ToValidUTF8(string(body[:min(len(body), maxBody)]), "\uFFFD"), cut
}

// one does something with one delivery and goes back to the list.
func (h *Handler) one(w http.ResponseWriter, r *http.Request, v Viewer, did string, do func(context.Context, int64) error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	switch err := do(r.Context(), id); {
	case errors.Is(err, inbox.ErrNotFound):
		http.Error(w, "There is no such delivery: it was deleted, or never here.", http.StatusNotFound)
	case errors.Is(err, inbox.ErrActive):
		http.Error(w, "The delivery is yet to be processed: somebody replayed it already.", http.StatusConflict)
	case err != nil:
		h.fail(w, r, err)
	default:
		h.opts.Logger.InfoContext(r.Context(), "inbox admin: "+did, "by", v.Name, "id", id)
		see(w, "../?n=1&did="+did)
	}
}
