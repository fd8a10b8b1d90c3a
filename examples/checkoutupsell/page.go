package main

import (
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/console"
	"github.com/posai-go/posai/approval/rollout"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/internal/demo"
)

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// maxOffers bounds the offers on the page.
const maxOffers = 25

// pageView is what the page shows.
type pageView struct {
	Shop, Currency, Rules, Nonce string
	SignedOut                    bool
	Stage, Plan, Paused, Since   string
	Holdout                      string
	Answered, Empty              int64
	Arms                         []armView
	Effects                      []effectView
	Offers                       []offerView
}

// armView is one arm's figures, of the present stage.
type armView struct {
	Name, Tone          string
	Orders, Units       int
	Basket, Attach, Off string
	Added               string // suggested goods per order
	Share               int    // of the widest bar, 0 to 100
	mean                float64
}

// effectView is what the feature makes of one metric.
type effectView struct{ Title, Effect, Range, P, Tone string }

type offerView struct{ When, Machine, Where, Arm, Suggested, By, Became string }

// figuresPage shows what the suggestions are worth, to managers who are signed in at the
// console. It loads nothing from elsewhere and has no scripts.
func (s *service) figuresPage() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		view := pageView{Shop: s.shop.name, Currency: s.shop.currency, Rules: s.desk.rules.Version(), Nonce: rand.Text()}
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
			ctx, cancel := context.WithTimeout(r.Context(), 15*time.Second)
			defer cancel()
			err = s.fill(ctx, &view, who)
		}
		var page bytes.Buffer // whole or not at all
		if !view.SignedOut && err != nil || pageTemplate.Execute(&page, view) != nil {
			s.desk.logger.Warn("the page of figures failed", "error", err)
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
	d := s.desk
	view.Answered, view.Empty = d.answered.Load(), d.empty.Load()
	state, err := d.rollout.State(ctx)
	if err != nil {
		return err
	}
	p := d.rollout.Plan()
	view.Plan, view.Holdout, view.Stage = p.Name+" "+p.Version, strconv.FormatFloat(100*p.Holdout, 'f', -1, 64)+" %", "not begun"
	if state.Stage >= 0 && state.Stage < len(p.Stages) {
		view.Stage, view.Since = p.Stages[state.Stage].Name, state.Since.Format("2 January 2006, 15:04")
	}
	if state.Paused {
		view.Paused = state.Reason
	}
	figures, err := d.figures(ctx, state.Since)
	if err != nil {
		return err
	}
	view.Arms, view.Effects = figures.arms(s.shop.currency), figures.effects(s.shop.currency)
	for r, err := range d.log.Trail(ctx, audit.Query{Kind: kindOffered, Shop: d.domain, Descending: true, Limit: maxOffers}) {
		if err != nil {
			return err
		}
		if !who.At(r.Entry.Location) {
			continue
		}
		o, err := s.offerView(ctx, r)
		if err != nil {
			return err
		}
		view.Offers = append(view.Offers, o)
	}
	return nil
}

func (s *service) offerView(ctx context.Context, r audit.Record) (offerView, error) {
	o, err := offerOf(r)
	if err != nil {
		return offerView{}, err
	}
	v := offerView{When: r.Entry.Time.Format("15:04"), Machine: r.Entry.Time.Format(time.RFC3339), Where: s.shop.locationName(o.location), Arm: "held out", By: o.by, Suggested: "nothing, for comparison", Became: "no order yet"}
	if o.arm == rollout.Treatment {
		v.Arm, v.Suggested = "suggestions", "nothing fits"
		for i, x := range o.suggestions {
			if i == 0 {
				v.Suggested = x.Title
			} else {
				v.Suggested += ", " + x.Title
			}
		}
		if o.fallback != "" {
			v.By += ", because " + o.fallback
		}
	} else {
		v.By = "–"
	}
	done, err := s.desk.log.Get(ctx, s.desk.entryID(kindOutcome, o.cart))
	if errors.Is(err, audit.ErrNotFound) {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	out, err := outcomeOf(done)
	v.Became = fmt.Sprintf("%s %s, %d suggested bought", out.basket.StringFixed(2), s.shop.currency, out.accepted)
	return v, err
}

// figures is what the outcomes of a stage add up to.
type figures struct {
	arm map[rollout.Arm]*sums
	all []rollout.Observation
}

type sums struct {
	orders, attached   int
	basket, added, off decimal.Decimal
	units              map[string]bool
}

func (d *desk) figures(ctx context.Context, since time.Time) (*figures, error) {
	f := &figures{arm: map[rollout.Arm]*sums{rollout.Treatment: {units: map[string]bool{}}, rollout.Control: {units: map[string]bool{}}}}
	for o, err := range d.outcomes(ctx, since) {
		if err != nil {
			return nil, err
		}
		a := f.arm[o.arm]
		if a == nil {
			continue
		}
		a.orders++
		a.units[o.unit] = true
		if o.accepted > 0 {
			a.attached++
		}
		a.basket, a.added, a.off = a.basket.Add(o.basket), a.added.Add(o.acceptedValue), a.off.Add(o.off)
	}
	plan := d.rollout.Plan()
	for ob, err := range d.observe(ctx, &plan, since) {
		if err != nil {
			return nil, err
		}
		f.all = append(f.all, ob)
	}
	return f, nil
}

func (f *figures) arms(currency string) []armView {
	var out []armView
	widest := 0.0
	for _, arm := range []rollout.Arm{rollout.Treatment, rollout.Control} {
		a := f.arm[arm]
		v := armView{Name: "With suggestions", Tone: "with", Orders: a.orders, Units: len(a.units), Basket: "–", Attach: "–", Off: "–", Added: "–"}
		if arm == rollout.Control {
			v.Name, v.Tone = "Held out", "without"
		}
		if a.orders > 0 {
			n := decimal.NewFromInt(int64(a.orders))
			each := func(d decimal.Decimal) string { return d.DivRound(n, 2).StringFixed(2) + " " + currency }
			v.Basket, v.Added, v.Off = each(a.basket), each(a.added), each(a.off)
			v.Attach = fmt.Sprintf("%.1f %%", 100*float64(a.attached)/float64(a.orders))
			v.mean = a.basket.Div(n).InexactFloat64()
		}
		widest = max(widest, v.mean)
		out = append(out, v)
	}
	for i := range out {
		if widest > 0 {
			out[i].Share = int(100 * out[i].mean / widest)
		}
	}
	return out
}

func (f *figures) effects(currency string) []effectView {
	var out []effectView
	for _, m := range []struct{ metric, title, unit string }{{metricBasket, "Basket", " " + currency}, {metricAttach, "Orders with something suggested", " points"}} {
		c, err := rollout.Compare(m.metric, f.all, nil)
		if err != nil {
			continue // too few units in an arm
		}
		scale := 1.0
		if m.metric == metricAttach {
			scale = 100
		}
		e := effectView{
			Title: m.title, Effect: fmt.Sprintf("%+.2f%s", scale*c.Effect, m.unit), Range: fmt.Sprintf("%+.2f to %+.2f", scale*c.Low, scale*c.High),
			P: fmt.Sprintf("p = %.3g, %d and %d customers or carts", c.P, c.Treatment, c.Control), Tone: "calm",
		}
		if c.P <= 0.05 {
			if e.Tone = "good"; c.Effect < 0 {
				e.Tone = "bad"
			}
		}
		out = append(out, e)
	}
	return out
}
