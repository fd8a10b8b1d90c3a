package desk

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/profile"
	"github.com/posai-go/posai/shopify"
)

// NewNote is what is sent to add a note.
type NewNote struct {
	// Key is made by the device or the page, once per note: 8 to 64 letters, digits and
	// dashes. The same note sent again by the same person with the same key is kept once;
	// with other words it is another note.
	Key  string `json:"key"`
	Kind string `json:"kind"` // preference, service, occasion or promise
	Text string `json:"text"` // 1 to 2,000 bytes
	Due  string `json:"due"`  // of a promise or an occasion: "2026-12-24"; may be empty

	// Settles is the ID of a note that is done with; may be empty.
	Settles string `json:"settles"`
}

// The bounds of a note.
const (
	maxNote = 2000     // bytes of text
	maxBody = 16 << 10 // bytes of a request
)

var (
	noteKey = regexp.MustCompile(`^[A-Za-z0-9-]{8,64}$`)
	noteID  = regexp.MustCompile(`^[!-~]{1,128}$`)
)

// plainID is the ID of a note, or "" if it is none that could be sent back.
func plainID(id string) string {
	if noteID.MatchString(id) {
		return id
	}
	return ""
}

// An inputError says what is wrong with a note. Its text repeats nothing of it.
type inputError string

func (e inputError) Error() string { return string(e) }

// note makes a note of what was sent.
func (d *Desk) note(n NewNote, who Who, customer shopify.GID) (book.Note, error) {
	out := book.Note{Customer: customer, At: d.opts.Now().UTC(), By: profile.Clip(who.Name), Kind: book.NoteKind(n.Kind), Settles: n.Settles}
	if out.By == "" {
		out.By = profile.Clip(who.ID)
	}
	switch out.Kind {
	case book.Preference, book.Service, book.Occasion, book.Promise:
	default:
		return out, inputError("kind must be preference, service, occasion or promise")
	}
	out.Text = strings.TrimSpace(tidy(n.Text))
	switch {
	case !utf8.ValidString(n.Text):
		return out, inputError("the text is not UTF-8")
	case out.Text == "":
		return out, inputError("the note has no text")
	case len(out.Text) > maxNote:
		return out, inputError("the note is longer than 2,000 bytes")
	case !noteKey.MatchString(n.Key):
		return out, inputError("key must be 8 to 64 letters, digits and dashes")
	case n.Settles != "" && !noteID.MatchString(n.Settles):
		return out, inputError("settles is no ID of a note")
	}
	if n.Due != "" {
		at, err := time.Parse(day, n.Due)
		if err != nil || at.Year() < 2000 || at.Year() > 2200 {
			return out, inputError("due must be a day, such as 2026-12-24")
		}
		if out.Kind == book.Promise || out.Kind == book.Occasion {
			out.Due = at
		}
	}
	// Of these only the text may have several lines.
	sum := sha256.Sum256([]byte(strings.Join([]string{string(customer), who.ID, n.Key, n.Kind, out.Due.Format(day), n.Settles, out.Text}, "\n")))
	out.ID = hex.EncodeToString(sum[:12])
	return out, nil
}

func (d *Desk) addNoteJSON(w http.ResponseWriter, r *http.Request, who Who, id shopify.GID) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		status := http.StatusBadRequest
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			status = http.StatusRequestEntityTooLarge
		}
		problem(w, status, "the body could not be read")
		return
	}
	var n NewNote
	if err := json.Unmarshal(body, &n); err != nil { // what a newer extension sends beside is left alone
		problem(w, http.StatusUnprocessableEntity, "the body is not the JSON of a note")
		return
	}
	note, err := d.note(n, who, id)
	if err != nil {
		problem(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	if err := d.add(r.Context(), who, note); err != nil {
		status, text := d.statusOf(err)
		problem(w, status, text)
		return
	}
	writeJSON(w, http.StatusCreated, noteOf(&profile.Note{Note: note, Open: note.Kind == book.Promise}))
}
