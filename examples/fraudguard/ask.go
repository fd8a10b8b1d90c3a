package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
	"github.com/posai-go/posai/shopify/auth"
)

const channelPOS = "pos"

// patience is how long a question may take before the register gets the answer
// that holds where the guard cannot say. Together with what is around it (reading
// the request, writing the answer) the register waits for less than 150 ms.
const patience = 120 * time.Millisecond

// maxQuestion bounds the body of a question, in bytes.
const maxQuestion = 256 << 10

// question is what the POS extension sends before a transaction is approved.
// Ids are the numbers that the extension's API has. The staff member is a claim
// of the device's: nobody signed it.
type question struct {
	// ID is made by the device, once per transaction: asking again with the same
	// one gives the same answer.
	ID         string    `json:"id"`
	Kind       risk.Kind `json:"kind"` // sale or return
	LocationID int64     `json:"location_id"`
	DeviceID   int64     `json:"device_id"`
	StaffID    int64     `json:"staff_id"`
	CustomerID int64     `json:"customer_id"`
	Currency   string    `json:"currency"`
	// Total is what is to be paid or given back, with taxes.
	Total decimal.Decimal `json:"total"`
	// ManualDiscount is what was taken off by hand.
	ManualDiscount decimal.Decimal `json:"manual_discount"`
	Tenders        []string        `json:"tenders"`
	// OrderID is the order that a return belongs to; 0: without a receipt.
	OrderID int64          `json:"order_id"`
	Lines   []questionLine `json:"lines"`
}

type questionLine struct {
	SKU      string          `json:"sku"`
	Quantity int             `json:"quantity"`
	Price    decimal.Decimal `json:"price"`
	GiftCard bool            `json:"gift_card"`
}

// The decisions that a register gets.
const (
	decisionApprove = "approve" // go ahead
	decisionManager = "manager" // wait for a manager; ask again for what they say
	decisionRefuse  = "refuse"  // a manager said no
)

// answer is what the register gets. It has the codes of the reasons and not their
// texts: the associate who reads it may be what it is about.
type answer struct {
	ID       string `json:"id"`
	Decision string `json:"decision"`
	// Scored is false where the guard could not judge in time, and the decision
	// goes by the amount alone.
	Scored bool     `json:"scored"`
	Score  float64  `json:"score"`
	Codes  []string `json:"codes"`
	Policy string   `json:"policy"`
	// Review is where the manager's review stands, if there is one.
	Review string `json:"review,omitzero"`
}

var questionID = regexp.MustCompile(`^[A-Za-z0-9-]{8,64}$`)

// readQuestion reads a body into a transaction. Errors do not repeat it.
func readQuestion(r io.Reader, currency string, now time.Time) (*risk.Transaction, error) {
	dec := json.NewDecoder(r) // what a newer extension sends beside is left alone
	var q question
	if err := dec.Decode(&q); err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return nil, err
		}
		return nil, errors.New("the body is not the JSON of a question")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the question")
	}
	switch {
	case !questionID.MatchString(q.ID):
		return nil, errors.New("id must be 8 to 64 letters, digits and dashes")
	case q.Currency != currency:
		return nil, errors.New("currency must be the shop's")
	case q.LocationID < 1 || q.DeviceID < 0 || q.StaffID < 0 || q.CustomerID < 0 || q.OrderID < 0:
		return nil, errors.New("location_id is required, and ids are positive")
	case q.Kind == risk.Sale && q.OrderID != 0:
		return nil, errors.New("order_id belongs to a return")
	}
	t := &risk.Transaction{
		Key: "ask/" + q.ID, Kind: q.Kind, At: now, Amount: q.Total, Discount: q.ManualDiscount, Tenders: q.Tenders,
		Location: numbered("gid://shopify/Location/", q.LocationID), Register: numbered("device/", q.DeviceID),
		Associate: numbered("gid://shopify/StaffMember/", q.StaffID), Customer: numbered("gid://shopify/Customer/", q.CustomerID), Receipt: numbered("order/", q.OrderID),
	}
	for _, l := range q.Lines {
		t.Lines = append(t.Lines, risk.Line{SKU: l.SKU, Quantity: l.Quantity, UnitPrice: l.Price, GiftCard: l.GiftCard})
	}
	return t, t.Validate()
}

func numbered(prefix string, n int64) string {
	if n == 0 {
		return ""
	}
	return prefix + strconv.FormatInt(n, 10)
}

// register answers the POS extension:
//
//	POST transactions       a question: 200 and an answer
//	GET  transactions/{id}  the answer as it is now: what a manager said
//
// Both need the session token of this shop and are readable across origins. The
// extension's side, before it lets a sale go to payment:
//
//	const answer = await fetch("https://guard.example.com/pos/transactions", {method: "POST", body: JSON.stringify(question)});
//	shopify.cart.addCartProperties({_fraudguard: question.id});
//
// The device adds the token by itself for the app's own domain.
func (g *guard) register(app *auth.App) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /transactions", g.ask)
	mux.HandleFunc("GET /transactions/{id}", g.askAgain)
	return app.Sessions(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	}), &auth.SessionOptions{
		Surface: auth.POS, Methods: []string{http.MethodGet, http.MethodPost},
		Check: func(_ context.Context, s *auth.Session) error {
			if string(s.Shop) != g.shop {
				return errors.New("another shop's session")
			}
			return nil
		},
	})
}

func (g *guard) ask(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxQuestion))
	if err != nil {
		status := http.StatusBadRequest
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			status = http.StatusRequestEntityTooLarge
		}
		problem(w, status, "the body could not be read")
		return
	}
	t, err := readQuestion(bytes.NewReader(body), g.money, g.now())
	if err != nil {
		problem(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	a, err := g.answer(ctx, t)
	if err != nil {
		g.unscored.add()
		g.logger.Info("a question was answered by the amount alone", "question", t.Key, "decision", a.Decision, "error", err)
	}
	writeJSON(w, http.StatusOK, a)
}

// maxAtWork bounds the questions that are being judged. Beyond it the register gets
// the answer that holds where the guard cannot say, at once.
const maxAtWork = 256

// errBusy: too many questions are being judged, or the program is stopping.
var errBusy = errors.New("too many questions at once")

// answer judges a question. Where the guard cannot say before ctx ends, the
// register goes ahead below the policy's limit, and a manager is called from it on;
// the error says why. The judging goes on all the same, and what it comes to is on
// record and in the answer to the same question asked again.
func (g *guard) answer(ctx context.Context, t *risk.Transaction) (answer, error) {
	if !g.atWork.enter() {
		return g.unable(t), errBusy
	}
	type outcome struct {
		answer
		err error
	}
	done, late := make(chan outcome), make(chan answer, 1)
	go func() {
		defer g.atWork.leave()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer cancel()
		a, err := g.judgeQuestion(ctx, t)
		select {
		case done <- outcome{a, err}:
		case given := <-late:
			g.recordLate(ctx, t, given)
		}
	}()
	select {
	case o := <-done:
		return o.answer, o.err
	case <-ctx.Done():
		a := g.unable(t)
		late <- a
		return a, ctx.Err()
	}
}

// kindFallback is the entry that says what a register was told because the guard
// was late.
const kindFallback audit.Kind = "fallback"

func (g *guard) recordLate(ctx context.Context, t *risk.Transaction, given answer) {
	v := &Verdict{Transaction: *t}
	if _, err := g.log.Append(ctx, audit.Entry{
		ID: entryID(kindFallback, g.shop, t.Key), Kind: kindFallback, Correlation: v.correlation(), Shop: g.shop, Location: t.Location,
		Actor: audit.Actor{Type: audit.System, ID: self.ID, Channel: channelPOS}, Action: actionTransaction, Subjects: v.subjects(),
		Policy: &audit.Policy{Version: given.Policy, Verdict: given.Decision, Reason: "The guard was late: the answer goes by the amount alone."},
	}); err != nil && !errors.Is(err, audit.ErrConflict) {
		g.logger.Warn("a late answer is not on record", "question", t.Key, "error", err)
	}
}

func (g *guard) judgeQuestion(ctx context.Context, t *risk.Transaction) (answer, error) {
	v, flagged, err := g.judge(ctx, t, channelPOS, "", "")
	switch {
	case err != nil: // a flag whose review cannot be asked for now gets it at the next start
		return g.unable(t), err
	case !flagged:
		return answered(v, decisionApprove), nil
	}
	a, err := g.reviewed(ctx, v)
	if err != nil {
		return g.unable(t), err
	}
	return a, nil
}

// gate counts who is at work, up to a limit, until it is shut.
type gate struct {
	mu   sync.Mutex
	n    int
	shut bool
	idle chan struct{} // closed when it is shut and nobody is at work
}

func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut || g.n >= maxAtWork {
		return false
	}
	g.n++
	return true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n--
	if g.shut && g.n == 0 {
		close(g.idle)
	}
}

// close lets nobody in any more and waits for those who are at work.
func (g *gate) close() {
	g.mu.Lock()
	if !g.shut {
		g.shut, g.idle = true, make(chan struct{})
		if g.n == 0 {
			close(g.idle)
		}
	}
	idle := g.idle
	g.mu.Unlock()
	<-idle
}

func answered(v *Verdict, decision string) answer {
	return answer{ID: v.Key[len("ask/"):], Decision: decision, Scored: true, Score: v.Score, Codes: v.Codes(), Policy: v.Policy}
}

func (g *guard) unable(t *risk.Transaction) answer {
	p := g.engine.Policy()
	a := answer{ID: t.Key[len("ask/"):], Decision: decisionManager, Codes: []string{}, Policy: p.Name()}
	if t.Amount.LessThan(p.FailOpenBelow) {
		a.Decision = decisionApprove
	}
	return a
}

// reviewed is the answer about a flagged question: what became of its review.
func (g *guard) reviewed(ctx context.Context, v *Verdict) (answer, error) {
	r, err := g.request(ctx, kindRelease, v.Key)
	if err != nil {
		return answer{}, err
	}
	if r == nil { // it is not flagged, or was when the register had its answer
		return answered(v, decisionApprove), nil
	}
	a := answered(v, decisionManager)
	a.Review = string(r.State)
	switch r.State {
	case approval.Approved, approval.Executing, approval.Executed, approval.Uncertain:
		a.Decision = decisionApprove
	case approval.Rejected, approval.Denied:
		a.Decision = decisionRefuse
	case approval.Expired, approval.Failed: // nobody came: as if the guard could not say
		a.Decision = g.unable(&v.Transaction).Decision
	}
	return a, nil
}

func (g *guard) askAgain(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	id := r.PathValue("id")
	if !questionID.MatchString(id) {
		problem(w, http.StatusNotFound, "no such question")
		return
	}
	v, err := g.known(ctx, "ask/"+id)
	if v == nil && err == nil {
		problem(w, http.StatusNotFound, "no such question")
		return
	}
	a := answer{}
	if err == nil {
		a, err = g.reviewed(ctx, v)
	}
	if err != nil {
		g.logger.Warn("a question could not be looked up", "question", "ask/"+id, "error", err)
		problem(w, http.StatusServiceUnavailable, "try again")
		return
	}
	writeJSON(w, http.StatusOK, a)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the register is gone if that fails
}

func problem(w http.ResponseWriter, status int, text string) {
	writeJSON(w, status, map[string]string{"error": text})
}
