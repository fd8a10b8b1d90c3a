package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"hash/maphash"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/rollout"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/checkoutupsell/internal/advice"
	"github.com/posai-go/posai/shopify/auth"
)

// patience is how long a register waits for an answer before it gets an empty one. With
// what is around it, reading and writing, that stays below 800 ms.
const patience = 700 * time.Millisecond

// maxAtWork bounds the questions that are being answered at once; beyond, the answer is
// empty at once.
const maxAtWork = 128

// self is this program where it acts on its own.
var self = approval.Principal{ID: "posai.checkoutupsell", Name: "Checkout assistant", Type: approval.System}

// desk answers the registers.
type desk struct {
	shop     *shop
	log      *audit.Log
	queue    *approval.Queue
	rollout  *rollout.Rollout
	rules    *advice.Rules
	model    ai.Model // nil: the baseline
	timeout  time.Duration
	domain   string
	currency string
	now      func() time.Time
	logger   *slog.Logger
	staff    staff

	slots chan struct{} // one for each question that is being answered
	seed  maphash.Seed
	carts [64]sync.Mutex // one discount at a time per cart

	answered, empty atomic.Int64 // questions, since the start

	mu    sync.Mutex
	asked map[string]*inquiry // questions that are being answered, by offer
}

// inquiry is a question that is being answered.
type inquiry struct {
	done chan struct{} // closed when there is an answer, or an error
	answer
	err error
}

// answer is what the register gets. Show says whether there is anything to show: a
// register shows nothing in the control group, where the feature is off, and where there
// was no time.
type answer struct {
	Offer   string    `json:"offer,omitzero"`
	Cart    string    `json:"cart"`
	Show    bool      `json:"show"`
	Expires time.Time `json:"expires,omitzero"`
	// Loyalty says that nobody is on the sale: ask them to sign up.
	Loyalty     bool             `json:"loyalty"`
	Currency    string           `json:"currency"`
	Suggestions []suggestionView `json:"suggestions"`
	Discount    *discountView    `json:"discount,omitempty"`
}

type suggestionView struct {
	VariantID int64       `json:"variant_id"`
	Kind      advice.Kind `json:"kind"`
	Title     string      `json:"title"`
	Price     string      `json:"price"`
	Reason    string      `json:"reason"`
	// Percent is the discount that may be given without asking, 0 for none, and Off the
	// amount.
	Percent int    `json:"percent"`
	Off     string `json:"off,omitzero"`
	// MostPercent is the largest discount that may be asked for.
	MostPercent int `json:"most_percent"`
}

// routes answers the POS UI extension:
//
//	POST offers                a cart: 200 and an answer
//	GET  offers/{id}           the answer as it is now: what a manager said
//	POST offers/{id}/discount  asks for a discount on one of the suggestions
//
// All need the session token of this shop.
func (d *desk) routes(app *auth.App) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /offers", d.ask)
	mux.HandleFunc("GET /offers/{id}", d.again)
	mux.HandleFunc("POST /offers/{id}/discount", d.askDiscount)
	return app.Sessions(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	}), &auth.SessionOptions{Surface: auth.POS, Methods: []string{"GET", "POST"}, Check: func(_ context.Context, s *auth.Session) error {
		if string(s.Shop) != d.domain {
			return errors.New("another shop")
		}
		return nil
	}})
}

func (d *desk) ask(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	body, ok := readBody(w, r)
	if !ok {
		return
	}
	a, err := readQuestion(bytes.NewReader(body), d.currency)
	if err != nil {
		problem(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	d.answered.Add(1)
	out, err := d.inTime(ctx, a)
	if err != nil {
		d.empty.Add(1)
		d.logger.Info("a register got an empty answer", "cart", a.key, "error", err)
	}
	writeJSON(w, http.StatusOK, out)
}

// errBusy: too many questions are being answered.
var errBusy = errors.New("too many questions at once")

// inTime answers a question before ctx ends, with nothing to show if need be; the error
// says why. What was begun goes on, so that the same question asked again has its answer.
func (d *desk) inTime(ctx context.Context, a *asked) (answer, error) {
	nothing := answer{Cart: a.key, Currency: d.currency, Suggestions: []suggestionView{}}
	q := d.inquire(ctx, a)
	if q == nil {
		return nothing, errBusy
	}
	select {
	case <-q.done:
		if q.err != nil || q.Cart == "" { // the feature is off
			return nothing, q.err
		}
		return q.answer, nil
	case <-ctx.Done():
		return nothing, ctx.Err()
	}
}

// inquire begins to answer a question, or joins who is at the same one already, so that
// Shopify and the model are asked once. It returns nil where too many are at work.
func (d *desk) inquire(ctx context.Context, a *asked) *inquiry {
	d.mu.Lock()
	defer d.mu.Unlock()
	if q := d.asked[a.offer]; q != nil {
		return q
	}
	select {
	case d.slots <- struct{}{}:
	default:
		return nil
	}
	q := &inquiry{done: make(chan struct{})}
	d.asked[a.offer] = q
	go func() {
		defer func() {
			d.mu.Lock()
			delete(d.asked, a.offer)
			d.mu.Unlock()
			close(q.done)
			<-d.slots
		}()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		o, err := d.offer(ctx, a)
		if err != nil || o == nil {
			q.err = err
			return
		}
		q.answer, q.err = d.view(ctx, o)
	}()
	return q
}

// close takes all slots: it waits for whoever is at work, and lets nobody in any more.
func (d *desk) close() {
	for range cap(d.slots) {
		d.slots <- struct{}{}
	}
}

// view is an offer as the register gets it.
func (d *desk) view(ctx context.Context, o *offer) (answer, error) {
	a := answer{Offer: o.key, Cart: o.cart, Expires: o.expires, Currency: d.currency, Suggestions: []suggestionView{}}
	if o.arm != rollout.Treatment || !d.now().Before(o.expires) {
		return a, nil
	}
	a.Loyalty = o.askLoyalty
	for _, s := range o.suggestions {
		id, err := strconv.ParseInt(s.Variant[strings.LastIndexByte(s.Variant, '/')+1:], 10, 64)
		if err != nil {
			return a, errors.New("an offer without a variant")
		}
		v := suggestionView{VariantID: id, Kind: s.Kind, Title: s.Title, Price: s.Price.StringFixed(2), Reason: s.Reason, Percent: s.Percent}
		if s.Kind == advice.Addon {
			v.MostPercent = d.rules.ManagerPercent
		}
		if s.Percent > 0 {
			v.Off = advice.Off(s.Price, s.Percent, 1).StringFixed(2)
		}
		a.Suggestions = append(a.Suggestions, v)
	}
	a.Show = len(a.Suggestions) > 0 || a.Loyalty
	var err error
	a.Discount, err = d.discountOf(ctx, o)
	return a, err
}

func (d *desk) again(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	o := d.find(ctx, w, r)
	if o == nil {
		return
	}
	out, err := d.view(ctx, o)
	if err != nil {
		d.logger.Warn("an offer could not be looked up", "offer", o.key, "error", err)
		problem(w, http.StatusServiceUnavailable, "try again")
		return
	}
	writeJSON(w, http.StatusOK, out)
}

// find returns the offer of the path, or answers that there is none.
func (d *desk) find(ctx context.Context, w http.ResponseWriter, r *http.Request) *offer {
	key := r.PathValue("id")
	if cartOf(key) == "" {
		problem(w, http.StatusNotFound, "no such offer")
		return nil
	}
	o, err := d.known(ctx, key)
	switch {
	case err != nil:
		d.logger.Warn("an offer could not be looked up", "offer", key, "error", err)
		problem(w, http.StatusServiceUnavailable, "try again")
		return nil
	case o == nil || o.arm != rollout.Treatment:
		problem(w, http.StatusNotFound, "no such offer")
		return nil
	}
	return o
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxQuestion))
	if err == nil {
		return body, true
	}
	status := http.StatusBadRequest
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		status = http.StatusRequestEntityTooLarge
	}
	problem(w, status, "the body could not be read")
	return nil, false
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the register is gone if that fails
}

func problem(w http.ResponseWriter, status int, text string) {
	writeJSON(w, status, map[string]string{"error": text})
}
