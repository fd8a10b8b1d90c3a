// Package talk suggests what an associate may talk about with a customer: at most four
// points, each one short sentence that rests on facts of the client book.
//
// [Baseline] words them by templates. A model, where there is one, may rank and word the
// same facts, and no more: it gets the facts by number, and every sentence that it
// returns is checked, word by word, against the facts that it names. What fails is left
// out; if nothing is left, or the model is late, over its budget or away, the baseline
// stands, and the result says so.
//
// # What a model is told
//
// The facts of [Facts]: no name, no address, no amount. Text of notes goes along where it
// holds no sensitive topic ([Sensitive]), no instruction, no address and no figure, and
// through ai.Redact with what the shop knows of the customer. Of a customer who opted out
// of the sharing of their data, and where the caller may not see it, no model is told
// anything.
package talk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/profile"
)

// MaxPoints is the most that is suggested.
const MaxPoints = 4

// Input is what points are made of.
type Input struct {
	Entry    book.Entry
	Profile  profile.Profile // of Entry
	Arrivals []Article       // in the store where the customer is; may be nil
	// Caller is who asks, for the model's budget and access.
	Caller ai.Caller
	// Allowed says that whoever asks may have a model asked about customers.
	Allowed bool
}

// A Point is one suggestion.
type Point struct {
	Text  string
	Kind  Kind     // of the first fact
	Facts []string // IDs of the facts that it rests on, one at least
	Note  string   // ID of the note that the first fact is from; empty if none
	AI    bool     // worded by the model: beside it, open promises it left out are the baseline's
}

// BaselineName is what stands for a model where none worded the points.
const BaselineName = "talking-points-1"

// Result is what is suggested, and by whom.
type Result struct {
	Points []Point
	// AI says whether a model worded them, By who it was: provider and model, or
	// "baseline".
	AI bool
	By string
	// Why says why the baseline stands although there is a model; a fixed sentence.
	Why string
}

// Asked is what is recorded of a call of a model, before anything of it is shown.
type Asked struct {
	Caller        ai.Caller
	Customer      string // GID
	Info          ai.Info
	PromptDigest  string
	OutputDigest  string // empty if there was no reply
	Usage         ai.Usage
	Points        int    // that are shown
	Rejected      int    // that were not let through
	Fallback      string // why the baseline stands; empty if it does not
	PromptedFacts int
}

// Options are the optional settings of [New].
type Options struct {
	// Timeout is how long a model has. If zero, 4 s.
	Timeout time.Duration

	// Permit says whether a model may be told of a customer, for shops that ask for
	// permission first. Who opted out of sharing (Customer.NoSharing) is not asked about
	// whatever it says. If nil, all others are.
	Permit func(book.Customer) bool

	// Record is told of every call of a model, also of one that failed. If it returns an
	// error, what the model said is not used. If nil, nothing is recorded.
	Record func(ctx context.Context, a Asked) error
}

// Talker suggests points. It is safe for concurrent use if its model is.
type Talker struct {
	model ai.Model
	opts  Options
	slots chan struct{}
}

// maxAtWork bounds the calls of the model at once; beyond, the baseline stands.
const maxAtWork = 64

// New returns a talker that asks a model, or, if that is nil, has the baseline alone.
// Retries, a budget and a cache belong around the model; redaction is put around those
// here, so that a cache holds no personal data and equal facts cost once. Nil
// options are the defaults.
func New(model ai.Model, opts *Options) *Talker {
	t := &Talker{slots: make(chan struct{}, maxAtWork)}
	if opts != nil {
		t.opts = *opts
	}
	if t.opts.Timeout <= 0 {
		t.opts.Timeout = 4 * time.Second
	}
	if model != nil {
		t.model = ai.Wrap(model, ai.Redact(nil))
	}
	return t
}

// Baseline returns the points of the facts that matter most, by templates.
func Baseline(in Input) Result {
	return baseline(Facts(in), "")
}

func baseline(facts []Fact, why string) Result {
	r := Result{By: "baseline", Why: why}
	for _, f := range facts[:min(len(facts), MaxPoints)] {
		r.Points = append(r.Points, f.point())
	}
	return r
}

func (f *Fact) point() Point {
	return Point{Text: f.Say, Kind: f.Kind, Facts: []string{f.ID}, Note: f.Note}
}

// MayAsk says whether Points would ask a model about a customer.
func (t *Talker) MayAsk(in *Input) bool { return t.model != nil && t.Refusal(in) == "" }

// Refusal says why no model is asked about a customer though there is one; empty if there
// is none, or it may be.
func (t *Talker) Refusal(in *Input) string {
	switch {
	case t.model == nil:
		return ""
	case in.Entry.Customer.NoSharing:
		return "the customer opted out of data sharing"
	case !in.Allowed:
		return "your role does not allow it"
	case t.opts.Permit != nil && !t.opts.Permit(in.Entry.Customer):
		return "the customer gave no permission"
	}
	return ""
}

// Points returns the points of a model, or the baseline's. It does not fail, and does
// not take longer than Options.Timeout, apart from Options.Record.
func (t *Talker) Points(ctx context.Context, in Input) Result {
	facts := Facts(in)
	if t.model == nil {
		return baseline(facts, "")
	}
	if why := t.Refusal(&in); why != "" {
		return baseline(facts, why)
	}
	select {
	case t.slots <- struct{}{}:
		defer func() { <-t.slots }()
	default:
		return baseline(facts, "too many are asking at once")
	}
	points, asked, err := t.ask(ctx, &in, facts)
	if err != nil {
		asked.Fallback = fallbackReason(err)
	}
	asked.Points = len(points)
	if t.opts.Record != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if t.opts.Record(ctx, asked) != nil {
			return baseline(facts, "the model's answer could not be recorded")
		}
	}
	if err != nil {
		return baseline(facts, asked.Fallback)
	}
	info := t.model.Info()
	return Result{Points: points, AI: true, By: fmt.Sprintf("%s %s", info.Provider, info.Model)}
}

// errNothing: no sentence of the model was let through.
var errNothing = errors.New("nothing that the model said rests on the facts")
