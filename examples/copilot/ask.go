package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/console"
	"github.com/posai-go/posai/shopify/auth"
)

// question is what pages and registers send.
type question struct {
	Question string `json:"question"`
	// Location is the number or GID of the store; the shop's first one if empty.
	Location string `json:"location"`
	// Customer is whom an associate serves: the number or GID. A kiosk cannot send it.
	Customer string `json:"customer"`
	// Conversation names a register's conversation: 8 to 64 letters, digits and dashes.
	// Pages have a cookie.
	Conversation string `json:"conversation"`
}

// The bounds of what is asked.
const (
	maxQuestion = 500      // characters
	maxBody     = 16 << 10 // bytes
	maxAtWork   = 64       // questions
)

var (
	conversationID = regexp.MustCompile(`^[A-Za-z0-9-]{8,64}$`)
	customerID     = regexp.MustCompile(`^(gid://shopify/Customer/)?[0-9]{1,20}$`)
)

// readQuestion reads a body. Errors do not repeat it.
func readQuestion(body []byte) (question, error) {
	var q question
	dec := json.NewDecoder(bytes.NewReader(body)) // what a newer extension sends beside is left alone
	if err := dec.Decode(&q); err != nil {
		return q, errors.New("the body is not the JSON of a question")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return q, errors.New("something follows the question")
	}
	q.Question = strings.TrimSpace(q.Question)
	switch {
	case q.Question == "" || !utf8.ValidString(q.Question) || utf8.RuneCountInString(q.Question) > maxQuestion:
		return q, errors.New("question must have 1 to 500 characters")
	case q.Customer != "" && !customerID.MatchString(q.Customer):
		return q, errors.New("customer must be a number or a GID")
	case q.Conversation != "" && !conversationID.MatchString(q.Conversation):
		return q, errors.New("conversation must be 8 to 64 letters, digits and dashes")
	}
	if q.Customer != "" && !strings.HasPrefix(q.Customer, "gid:") {
		q.Customer = "gid://shopify/Customer/" + q.Customer
	}
	return q, nil
}

// web serves the copilot to pages and registers.
type web struct {
	*copilot
	links atomic.Pointer[console.SignedLinks] // once the service has started
	app   *auth.App
	slots chan struct{}
}

func newWeb(c *copilot, app *auth.App) *web {
	return &web{copilot: c, app: app, slots: make(chan struct{}, maxAtWork)}
}

// signedIn returns who is signed in at the console.
func (s *web) signedIn(r *http.Request) (approval.Principal, error) {
	links := s.links.Load()
	if links == nil {
		return approval.Principal{}, console.ErrSignedOut
	}
	return links.Authenticate(r)
}

// routes adds what is served:
//
//	GET  /kiosk, /associate          the pages; ?location= is the number of the store
//	POST /kiosk/ask, /associate/ask  a question: its answer as lines of JSON, as they come,
//	                                 or at once with Accept: application/json
//	GET  …/tasks/{id}                what became of a call for a person
//	POST …/end                       forgets the conversation
//	POST /pos/ask, GET /pos/tasks/   the same for a POS extension, with its session token
func (s *web) routes(mux *http.ServeMux) {
	same := http.NewCrossOriginProtection()
	for _, m := range []mode{kiosk, associate} {
		base := "/" + string(m)
		mux.Handle("GET "+base, s.page(m))
		mux.Handle("POST "+base+"/ask", same.Handler(s.fromPage(m, s.ask)))
		mux.Handle("GET "+base+"/tasks/{id}", s.fromPage(m, s.task))
		mux.Handle("POST "+base+"/end", same.Handler(s.fromPage(m, s.end)))
	}
	mux.Handle("GET /copilot/", http.StripPrefix("/copilot/", assets()))
	pos := http.NewServeMux()
	pos.HandleFunc("POST /pos/ask", s.fromRegister(s.ask))
	pos.HandleFunc("GET /pos/tasks/{id}", s.fromRegister(s.task))
	mux.Handle("/pos/", s.app.Sessions(pos, &auth.SessionOptions{Surface: auth.POS, Check: func(_ context.Context, session *auth.Session) error {
		if session.Shop != s.shop.client.Shop() {
			return auth.ErrSession
		}
		return nil
	}}))
}

// who is where a request comes from.
type who struct {
	mode    mode
	staff   string
	key     string // of the conversation
	channel string
}

type handle func(w http.ResponseWriter, r *http.Request, from who)

// cookieName is the cookie of a page's conversation.
const cookieName = "copilot-conversation"

// fromPage finds out whose conversation a page's request is part of. The associate's
// page is for people who are signed in at the console.
func (s *web) fromPage(m mode, next handle) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headers(w)
		from := who{mode: m, channel: "web"}
		if m == associate {
			person, err := s.signedIn(r)
			if err != nil {
				problem(w, http.StatusUnauthorized, "sign in first")
				return
			}
			from.staff = person.ID
		}
		cookie, err := r.Cookie(cookieName)
		if err != nil || !conversationID.MatchString(cookie.Value) {
			problem(w, http.StatusForbidden, "open the page first")
			return
		}
		from.key = "web/" + string(m) + "/" + from.staff + "/" + cookie.Value
		next(w, r, from)
	})
}

// fromRegister is for a POS extension whose session token was verified. It says which
// account is logged in, not who is pinned in at the register.
func (s *web) fromRegister(next handle) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		headers(w)
		session, ok := auth.SessionFrom(r.Context())
		if !ok {
			problem(w, http.StatusUnauthorized, "a session token of this shop is required")
			return
		}
		next(w, r, who{mode: associate, staff: "account " + session.Account, channel: "pos"})
	}
}

func headers(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
}

// answered is a whole answer.
type answered struct {
	outcome
	Blocks []block `json:"blocks"`
}

// event is a line of an answer that is sent as it comes: a block, or at its end the
// outcome, or an error.
type event struct {
	Block *block   `json:"block,omitempty"`
	Done  *outcome `json:"done,omitempty"`
	Error string   `json:"error,omitempty"`
}

func (s *web) ask(w http.ResponseWriter, r *http.Request, from who) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		problem(w, http.StatusRequestEntityTooLarge, "the body could not be read")
		return
	}
	q, err := readQuestion(body)
	if err != nil {
		problem(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	here := s.shop.locations[0]
	if q.Location != "" {
		var ok bool
		if here, ok = s.shop.place(q.Location); !ok {
			problem(w, http.StatusUnprocessableEntity, "no such store")
			return
		}
	}
	if from.mode == kiosk {
		q.Customer = "" // whatever is sent
	}
	if from.channel == "pos" {
		if q.Conversation == "" {
			problem(w, http.StatusUnprocessableEntity, "conversation is required")
			return
		}
		from.key = "pos/" + from.staff + "/" + q.Conversation
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		w.Header().Set("Retry-After", "2")
		problem(w, http.StatusServiceUnavailable, "too many questions at once")
		return
	}
	session := s.sessions.get(from.key)
	if !s.sessions.mayAsk(session) {
		w.Header().Set("Retry-After", "20")
		problem(w, http.StatusTooManyRequests, "too many questions in a minute")
		return
	}
	if q.Customer != "" {
		if err := s.shop.know(r.Context(), session.vault, q.Customer); err != nil {
			q.Customer = "" // what cannot be hidden from a model is not looked at
		}
	}
	a := asked{mode: from.mode, session: session, staff: from.staff, customer: q.Customer, here: here, channel: from.channel, question: q.Question}
	if strings.Contains(r.Header.Get("Accept"), "application/x-ndjson") {
		s.stream(w, r, a)
		return
	}
	whole := answered{Blocks: []block{}}
	whole.outcome, err = s.answer(r.Context(), a, func(b block) { whole.Blocks = append(whole.Blocks, b) })
	if err != nil {
		s.logger.Warn("a question was not answered", "error", err)
		problem(w, http.StatusServiceUnavailable, "no answer is possible now")
		return
	}
	writeJSON(w, http.StatusOK, whole)
}

// stream sends an answer as it comes.
func (s *web) stream(w http.ResponseWriter, r *http.Request, a asked) {
	h := w.Header()
	h.Set("Content-Type", "application/x-ndjson; charset=utf-8")
	h.Set("X-Accel-Buffering", "no")
	out := http.NewResponseController(w)
	enc := json.NewEncoder(w)
	send := func(e event) {
		_ = out.SetWriteDeadline(time.Now().Add(20 * time.Second))
		_ = enc.Encode(e) // who has gone away ends r's context
		_ = out.Flush()
	}
	_ = out.Flush() // the page knows that it was heard
	result, err := s.answer(r.Context(), a, func(b block) { send(event{Block: &b}) })
	if err != nil {
		s.logger.Warn("a question was not answered", "error", err)
		send(event{Error: "no answer is possible now"})
		return
	}
	send(event{Done: &result})
}

// task says what became of a call for a person, to the conversation that made it.
func (s *web) task(w http.ResponseWriter, r *http.Request, from who) {
	if from.channel == "pos" {
		id := r.URL.Query().Get("conversation")
		if !conversationID.MatchString(id) {
			problem(w, http.StatusUnprocessableEntity, "conversation is required")
			return
		}
		from.key = "pos/" + from.staff + "/" + id
	}
	request, err := s.queue.Get(r.Context(), r.PathValue("id"))
	if err != nil || request.Correlation != s.sessions.get(from.key).id {
		problem(w, http.StatusNotFound, "no such task")
		return
	}
	writeJSON(w, http.StatusOK, taskOf(request))
}

func (s *web) end(w http.ResponseWriter, _ *http.Request, from who) {
	s.sessions.forget(from.key)
	w.WriteHeader(http.StatusNoContent)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func problem(w http.ResponseWriter, status int, text string) {
	writeJSON(w, status, map[string]string{"error": text})
}
