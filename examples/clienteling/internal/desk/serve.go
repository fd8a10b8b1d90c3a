package desk

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"time"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/profile"
	"github.com/posai-go/posai/examples/clienteling/internal/talk"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/auth"
)

// A Desk serves the client book. It is safe for concurrent use.
type Desk struct {
	book Book
	opts Options
	mux  *http.ServeMux
}

// New returns a desk. It is mounted at "/clients", "/clients/" and "/pos/". Nil options
// are the defaults; then there is nothing to be served.
func New(b Book, opts *Options) *Desk {
	d := &Desk{book: b, mux: http.NewServeMux()}
	if opts != nil {
		d.opts = *opts
	}
	if d.opts.Location == nil {
		d.opts.Location = time.UTC
	}
	if d.opts.Now == nil {
		d.opts.Now = time.Now
	}
	if d.opts.Logger == nil {
		d.opts.Logger = slog.New(slog.DiscardHandler)
	}
	if d.opts.Talk == nil {
		d.opts.Talk = talk.New(nil, nil)
	}
	if d.opts.Authenticate != nil {
		d.pages()
	}
	if d.opts.App != nil {
		d.registers()
	}
	return d
}

// ServeHTTP implements [http.Handler].
func (d *Desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	d.mux.ServeHTTP(w, r)
}

// registers adds what a POS UI extension asks for.
func (d *Desk) registers() {
	pos := http.NewServeMux()
	pos.HandleFunc("GET /pos/customers/{id}", d.fromRegister(d.customerJSON))
	pos.HandleFunc("GET /pos/customers/{id}/points", d.fromRegister(d.pointsJSON))
	pos.HandleFunc("POST /pos/customers/{id}/notes", d.fromRegister(d.addNoteJSON))
	d.mux.Handle("/pos/", d.opts.App.Sessions(pos, &auth.SessionOptions{
		Surface: auth.POS, Methods: []string{http.MethodGet, http.MethodPost},
		Check: func(_ context.Context, s *auth.Session) error {
			if s.Shop != d.opts.Shop {
				return auth.ErrSession
			}
			return nil
		},
	}))
}

type handle func(w http.ResponseWriter, r *http.Request, who Who, customer shopify.GID)

func (d *Desk) fromRegister(next handle) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		session, ok := auth.SessionFrom(r.Context())
		if !ok {
			problem(w, http.StatusUnauthorized, "a session token of this shop is required")
			return
		}
		who := Who{ID: "account " + session.Account, Name: "Register", Role: "register"}
		if d.opts.Register != nil {
			var err error
			if who, err = d.opts.Register(r.Context(), session); err != nil {
				d.opts.Logger.Info("an account of a register was refused", "error", err)
				problem(w, http.StatusForbidden, "this account may not see customers")
				return
			}
		}
		who.Channel = "pos"
		id, ok := customerID(r.PathValue("id"))
		if !ok {
			problem(w, http.StatusNotFound, "no such customer")
			return
		}
		next(w, r, who, id)
	}
}

var numberOrGID = regexp.MustCompile(`^(?:gid://shopify/Customer/)?([1-9][0-9]{0,18})$`)

// customerID reads a customer's number or GID.
func customerID(text string) (shopify.GID, bool) {
	m := numberOrGID.FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	return shopify.GID("gid://shopify/Customer/" + m[1]), true
}

// seen reports a look; without that nothing is shown.
func (d *Desk) seen(ctx context.Context, l Look) error {
	if d.opts.Seen == nil {
		return nil
	}
	return d.opts.Seen(ctx, l)
}

// lookUp returns an entry with its profile, once the look is reported.
func (d *Desk) lookUp(ctx context.Context, who Who, id shopify.GID, what What) (book.Entry, profile.Profile, error) {
	entry, err := d.book.Entry(ctx, id)
	if err != nil {
		return book.Entry{}, profile.Profile{}, err
	}
	if err := d.seen(ctx, Look{Who: who, Customer: id, What: what}); err != nil {
		return book.Entry{}, profile.Profile{}, err
	}
	shop, err := d.book.Population(ctx)
	if err != nil {
		return book.Entry{}, profile.Profile{}, err
	}
	return entry, profile.Of(entry, shop, d.opts.Now().In(d.opts.Location)), nil
}

// add writes a note, once it is reported.
func (d *Desk) add(ctx context.Context, who Who, n book.Note) error {
	if err := d.seen(ctx, Look{Who: who, Customer: n.Customer, What: Noted}); err != nil {
		return err
	}
	return d.book.AddNote(ctx, n)
}

// input is what talking points are made of.
func (d *Desk) input(ctx context.Context, who Who, entry book.Entry, p profile.Profile) talk.Input {
	in := talk.Input{
		Entry: entry, Profile: p, Allowed: who.Clienteling,
		Caller: ai.Caller{Shop: string(d.opts.Shop), Staff: who.ID, Role: who.Role, Feature: "clienteling"},
	}
	if d.opts.Arrivals != nil {
		var err error
		if in.Arrivals, err = d.opts.Arrivals(ctx, who); err != nil {
			d.opts.Logger.Warn("arrivals could not be had", "error", err)
			in.Arrivals = nil
		}
	}
	return in
}

// statusOf is what an error of the book is answered with.
func (d *Desk) statusOf(err error) (status int, text string) {
	switch {
	case errors.Is(err, ErrNotFound):
		return http.StatusNotFound, "no such customer"
	case errors.Is(err, ErrErased):
		return http.StatusGone, "the customer's data was erased"
	}
	d.opts.Logger.Warn("the client book failed", "error", err)
	return http.StatusServiceUnavailable, "the client book cannot be reached at the moment"
}
