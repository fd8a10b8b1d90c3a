package console

import (
	"cmp"
	"encoding/json"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/posai-go/posai/approval"
)

// wantsJSON reports whether r asks for JSON rather than a page.
func wantsJSON(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
		kind, _, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		switch kind {
		case "application/json":
			return true
		case "text/html", "application/xhtml+xml":
			return false // browsers name it before anything else
		}
	}
	return false
}

// problem is a refusal as JSON.
type problem struct {
	Code    string       `json:"code"`
	Title   string       `json:"title"`
	Detail  string       `json:"detail,omitempty"`
	Request *requestJSON `json:"request,omitempty"` // as it is now
	CSRF    string       `json:"csrf,omitempty"`
}

// listJSON is the list as JSON.
type listJSON struct {
	Waiting []requestJSON `json:"waiting"`
	Decided []requestJSON `json:"decided"`
	CSRF    string        `json:"csrf"`

	// The lists go on with these as the parameters wait and after. Empty: there
	// is nothing more. A page may be short, or empty, and go on all the same.
	WaitingNext string `json:"waiting_next,omitempty"`
	DecidedNext string `json:"decided_next,omitempty"`
}

// detailJSON is one request as JSON. CSRF and the request's digest go back
// with a decision.
type detailJSON struct {
	Request   requestJSON `json:"request"`
	MayDecide bool        `json:"may_decide"`
	CSRF      string      `json:"csrf"`
}

type requestJSON struct {
	ID        string         `json:"id"`
	Kind      string         `json:"kind"`
	Revision  int            `json:"revision"`
	State     string         `json:"state"`
	Digest    string         `json:"digest"`
	Title     string         `json:"title"`
	Summary   string         `json:"summary,omitempty"`
	Fields    []labelJSON    `json:"fields,omitempty"`
	Evidence  []labelJSON    `json:"evidence,omitempty"`
	Form      []formJSON     `json:"form,omitempty"`
	Amount    string         `json:"amount,omitempty"`
	Currency  string         `json:"currency,omitempty"`
	Shop      string         `json:"shop,omitempty"`
	Location  string         `json:"location,omitempty"` // GID
	Proposer  string         `json:"proposer"`
	Reason    string         `json:"reason,omitempty"` // why it was asked
	Need      string         `json:"need,omitempty"`
	CreatedAt time.Time      `json:"created_at"`
	ExpiresAt time.Time      `json:"expires_at,omitzero"`
	Decisions []decisionJSON `json:"decisions,omitempty"`
	Edits     []editJSON     `json:"edits,omitempty"` // oldest first
}

type labelJSON struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

type formJSON struct {
	Name  string `json:"name"` // sent as "field." + name
	Label string `json:"label"`
	Type  string `json:"type"`
	Value string `json:"value"`
}

type decisionJSON struct {
	Verdict string    `json:"verdict"`
	By      string    `json:"by"`
	Channel string    `json:"channel"`
	Reason  string    `json:"reason,omitempty"`
	At      time.Time `json:"at"`
}

type editJSON struct {
	Revision int             `json:"revision"` // that it made
	By       string          `json:"by"`
	Channel  string          `json:"channel"`
	At       time.Time       `json:"at"`
	Changes  []approval.Diff `json:"changes"`
}

// newRequestJSON leaves the fields, the evidence, the edits and the form out of
// lists.
func newRequestJSON(r *approval.Request, whole bool) requestJSON {
	v := requestJSON{
		ID: r.ID, Kind: r.Kind, Revision: r.Revision, State: string(r.State), Digest: r.Digest,
		Title: title(r), Summary: r.Preview.Summary,
		Amount: r.Amount.Amount, Currency: r.Amount.Currency, Shop: r.Shop, Location: r.Location,
		Proposer: name(r.Proposer), Reason: r.Ruling.Reason, Need: r.Need().String(),
		CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt,
	}
	for _, d := range r.Decisions {
		v.Decisions = append(v.Decisions, decisionJSON{Verdict: verdictName(d.Verdict), By: name(d.By), Channel: d.Channel, Reason: d.Reason, At: d.At})
	}
	if !whole {
		return v
	}
	for _, f := range r.Preview.Fields {
		v.Fields = append(v.Fields, labelJSON{f.Label, f.Value})
	}
	for _, e := range r.Evidence {
		v.Evidence = append(v.Evidence, labelJSON{e.Label, e.Text})
	}
	for _, e := range r.Edits {
		v.Edits = append(v.Edits, editJSON{Revision: e.Revision, By: name(e.By), Channel: e.Channel, At: e.At, Changes: e.Changes})
	}
	for _, f := range r.Form {
		v.Form = append(v.Form, formJSON{Name: f.Name, Label: f.Label, Type: string(cmp.Or(f.Type, approval.FieldText)), Value: f.Value})
	}
	return v
}

func (c *Console) writeJSON(w http.ResponseWriter, r *http.Request, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		c.failed(r, err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(append(body, '\n'))
	}
}
