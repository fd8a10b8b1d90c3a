package advice

import (
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"
)

// The bounds of a reason, in characters.
const (
	minReason = 3
	maxReason = 90
)

var (
	// One plain line: letters, spaces and a little punctuation. No digits, so no prices,
	// dates and numbers; no markup, no links, no other scripts' look-alikes.
	plain = regexp.MustCompile(`^[\p{Latin}][\p{Latin} ,.'’&-]*$`)
	// What binds the shop, or talks about the person.
	forbidden = regexp.MustCompile(`(?i)\b(free|gratis|discounts?|sale|cheap(er)?|bargain|percent|half price|price[ds]?|refund(s|ed)?|returns?|guarantee[ds]?|warrant(y|ies)|promise[ds]?|deliver(y|ed|s)?|ship(s|ped|ping)?|tomorrow|today only|last chance|ends soon|limited|cure[ds]?|heal(s|ed)?|medical|(you|she|he|they) (always|usually|often|last|previously)|pregnan\w*|your (age|body|weight|size|health|income|religion))\b`)
)

// CheckReason says why a reason must not be shown at the register, or nil.
func CheckReason(text string) error {
	switch n := utf8.RuneCountInString(text); {
	case n < minReason || n > maxReason:
		return errors.New("a reason has 3 to 90 characters")
	case !plain.MatchString(text):
		return errors.New("a reason is one plain line without digits, markup or signs")
	case forbidden.MatchString(text):
		return errors.New("a reason makes no promise, names no price and says nothing about the person")
	}
	return nil
}

// Reason is what is said of a candidate without a model.
func Reason(c *Candidate) string {
	switch {
	case c.Kind == Warranty:
		return "Covers accidents with what is in the cart."
	case c.Score > 0:
		return "Often taken together with what is in the cart."
	}
	return "A favorite in our store."
}

// Baseline makes an offer without a model: the plan, if there is one, and the best
// candidates, worded by templates.
func (r *Rules) Baseline(candidates []Candidate, past *Past, discounted bool) []Suggestion {
	var out []Suggestion
	for i := range candidates {
		if len(out) == r.MaxSuggestions {
			break
		}
		out = append(out, r.Suggest(&candidates[i], "", past, discounted))
	}
	return out
}

// Suggest makes a suggestion of a candidate. If the reason is empty, it is a template's.
func (r *Rules) Suggest(c *Candidate, reason string, past *Past, discounted bool) Suggestion {
	if reason = strings.TrimSpace(reason); reason == "" {
		reason = Reason(c)
	}
	return Suggestion{
		Kind: c.Kind, Variant: c.Variant, Product: c.Product, Title: c.Title, Price: c.Price, Reason: reason,
		Percent: r.Propose(c, past, discounted),
	}
}

// Choice is what a model, or anybody else, chose: the number of a candidate, from 1, and
// what to say about it.
type Choice struct {
	Number int
	Reason string
}

// Choose makes suggestions of the choices that name a candidate, each once. A reason that
// must not be said is replaced by a template's. The rest of what was chosen is left out.
func (r *Rules) Choose(candidates []Candidate, choices []Choice, past *Past, discounted bool) []Suggestion {
	var out []Suggestion
	chosen := map[int]bool{}
	for _, c := range choices {
		if c.Number < 1 || c.Number > len(candidates) || chosen[c.Number] || len(out) == r.MaxSuggestions {
			continue
		}
		chosen[c.Number] = true
		reason := strings.TrimSpace(c.Reason)
		if CheckReason(reason) != nil {
			reason = ""
		}
		out = append(out, r.Suggest(&candidates[c.Number-1], reason, past, discounted))
	}
	return out
}
