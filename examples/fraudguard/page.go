package main

import (
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/console"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
	"github.com/posai-go/posai/examples/internal/demo"
)

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// maxShown bounds the flags on the page.
const maxShown = 200

// pageView is what the page shows.
type pageView struct {
	Shop, Day, Policy, Forest, Nonce string
	Seen, Flagged, Cap, Waiting      int
	Unscored                         int
	Period                           string
	OneIn                            int
	Flags                            []flagView
	SignedOut                        bool
}

// flagView is one flag and its trail.
type flagView struct {
	ID, Title, Amount, Currency, When, Machine string
	Where                                      string
	Score                                      float64
	Percent                                    int
	Reasons                                    []risk.Reason
	Pill, Tone                                 string
	Waited                                     bool
	Console                                    string // of the request, or ""
	Trail                                      []stepView
}

// stepView is one audit entry.
type stepView struct {
	When, Machine, What, Who string
	Index                    int64
}

// flagsPage shows today's flags to managers who are signed in at the console. It
// loads nothing from elsewhere and has no scripts.
func (s *service) flagsPage() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		view := pageView{Shop: s.shop.name, Nonce: rand.Text()}
		secure(w.Header(), view.Nonce)
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET", http.StatusMethodNotAllowed)
			return
		}
		who, err := s.Links.Authenticate(r)
		status := http.StatusOK
		switch {
		case errors.Is(err, console.ErrSignedOut), err == nil && !who.HasRole(demo.RoleManager):
			view.SignedOut, status = true, http.StatusUnauthorized
		case err == nil:
			ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
			defer cancel()
			err = s.fill(ctx, &view, who)
		}
		var page bytes.Buffer // whole or not at all
		if !view.SignedOut && err != nil || pageTemplate.Execute(&page, view) != nil {
			s.guard.logger.Warn("the page of flags failed", "error", err)
			http.Error(w, "The page cannot be shown at the moment.", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			_, _ = w.Write(page.Bytes())
		}
	})
}

func secure(h http.Header, nonce string) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'nonce-"+nonce+"'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
}

func (s *service) fill(ctx context.Context, view *pageView, who approval.Principal) error {
	g := s.guard
	now := g.now().In(g.zone)
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, g.zone)
	p := g.engine.Policy()
	view.Day, view.Policy, view.OneIn, view.Unscored = now.Format("Monday, 2 January 2006"), p.Name(), p.Budget.OneIn, g.unscored.get()
	view.Seen, view.Flagged, view.Waiting = g.today()
	view.Cap = view.Seen / p.Budget.OneIn
	view.Period = "today"
	if p.Budget.Days > 1 {
		view.Period = "in this period"
	}
	view.Forest = strings.TrimPrefix(g.engine.Forest(), "sha256:")
	view.Forest = view.Forest[:min(12, len(view.Forest))]
	for r, err := range g.log.Trail(ctx, audit.Query{Kind: kindFlagged, Shop: g.shop, Since: midnight, Descending: true, Limit: maxShown}) {
		if err != nil {
			return err
		}
		if !who.At(r.Entry.Location) {
			continue
		}
		f, err := s.flagOf(ctx, r)
		if err != nil {
			return err
		}
		view.Flags = append(view.Flags, f)
	}
	slices.SortStableFunc(view.Flags, func(a, b flagView) int { return b.Percent - a.Percent })
	return nil
}

func (s *service) flagOf(ctx context.Context, r audit.Record) (flagView, error) {
	g := s.guard
	v, err := g.known(ctx, r.Entry.Attributes["key"])
	if err != nil {
		return flagView{}, err
	}
	if v == nil {
		return flagView{}, errors.New("a flag without a verdict")
	}
	at := v.JudgedAt.In(g.zone)
	f := flagView{
		ID: v.Key, Title: titled(string(v.Kind)), Amount: v.Amount.StringFixed(2), Currency: g.money, When: at.Format("15:04"), Machine: at.Format(time.RFC3339),
		Where: s.shop.locationName(v.Location), Score: v.Score, Percent: int(100 * v.Score), Reasons: v.Reasons, Waited: r.Entry.Attributes["waited"] == "true",
		Pill: "recorded", Tone: "calm",
	}
	switch {
	case v.Kind == risk.Return && v.Receipt == "":
		f.Title = "Return without a receipt"
	case v.PartOf != "":
		f.Title = "Payments of a sale"
	}
	if v.Channel == channelPOS {
		f.Title += ", before it was approved"
	}
	req, err := s.requestOf(ctx, v)
	if err != nil {
		return f, err
	}
	if req != nil {
		f.Pill, f.Tone = pill(req)
		f.Console = "/approvals/requests/" + req.ID
	}
	for e, err := range g.log.Trail(ctx, audit.Query{Subject: audit.Subject{Type: "transaction", ID: v.Key}, Shop: g.shop, Limit: 100}) {
		if err != nil {
			return f, err
		}
		f.Trail = append(f.Trail, step(e, g.zone))
	}
	return f, nil
}

// requestOf is the review of a verdict: at the register, or of the order.
func (s *service) requestOf(ctx context.Context, v *Verdict) (*approval.Request, error) {
	if v.Channel == channelPOS {
		r, err := s.guard.request(ctx, kindRelease, v.Key)
		if r != nil || err != nil {
			return r, err
		}
		done, err := s.guard.doneAfter(ctx, v)
		if done == nil || err != nil {
			return nil, err
		}
		v = done
	}
	return s.guard.request(ctx, kindMark, markKey(v))
}

func pill(r *approval.Request) (text, tone string) {
	switch r.State {
	case approval.Pending:
		return "waits for a manager", "wait"
	case approval.Executed:
		if len(r.Decisions) == 0 {
			return "small: done without asking", "calm"
		}
		if r.Kind == kindRelease {
			return "released", "good"
		}
		return "confirmed, order marked", "bad"
	case approval.Rejected:
		if r.Kind == kindRelease {
			return "refused", "bad"
		}
		return "false alarm", "good"
	}
	return string(r.State), "calm"
}

var stepNames = map[audit.Kind]string{
	audit.KindReceived: "Told by the shop", kindAssessed: "Judged", kindFlagged: "Flagged", kindFallback: "Answered by the amount alone", audit.KindProposed: "Review asked for", audit.KindRuled: "Policy",
	audit.KindShown: "Shown to", audit.KindDecided: "Decision", audit.KindStarted: "Started", audit.KindEffect: "Done", audit.KindFailed: "Failed", audit.KindExpired: "Nobody decided in time",
}

func step(r audit.Record, zone *time.Location) stepView {
	e := r.Entry
	at := e.Time.In(zone)
	s := stepView{When: at.Format("15:04:05"), Machine: at.Format(time.RFC3339), What: stepNames[e.Kind], Who: e.Actor.ID, Index: r.Index}
	if s.What == "" {
		s.What = string(e.Kind)
	}
	switch {
	case e.Kind == kindAssessed:
		s.What += ": score " + e.Attributes["score"] + " by policy " + e.Policy.Version
	case e.Decision != nil && e.Decision.Verdict != "":
		s.What += ": " + e.Decision.Verdict
	case e.Kind == audit.KindRuled && e.Policy != nil:
		s.What += ": " + e.Policy.Verdict
	case e.Kind == audit.KindReceived:
		s.What += ": " + e.Attributes["topic"]
	}
	if e.Actor.Channel != "" {
		s.Who += ", " + e.Actor.Channel
	}
	return s
}
