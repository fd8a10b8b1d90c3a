package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Occasion is why somebody bought.
type Occasion string

// The occasions that a judgment may name.
const (
	OccasionGift          Occasion = "gift"
	OccasionReplenishment Occasion = "replenishment"
	OccasionDiscovery     Occasion = "new_discovery"
	OccasionUnknown       Occasion = "unknown"
)

// SchemaValues lists the occasions for the schema that a model is given.
func (Occasion) SchemaValues() []string {
	return []string{string(OccasionGift), string(OccasionReplenishment), string(OccasionDiscovery), string(OccasionUnknown)}
}

// Judgment is what a model, or the baseline, makes of a sale.
type Judgment struct {
	Occasion        Occasion `json:"occasion" description:"why the customer bought"`
	Message         string   `json:"message" description:"thank-you message in plain text" jsonschema:"minLength=20,maxLength=400"`
	Recommendations []Pick   `json:"recommendations" jsonschema:"maxItems=2"`
}

// Pick is one recommended product.
type Pick struct {
	ProductID string `json:"product_id" description:"product_id of a candidate"`
	Reason    string `json:"reason" description:"why it goes with the purchase" jsonschema:"minLength=1,maxLength=120"`
}

// The bounds of what may be said, in characters.
const (
	minMessage = 20
	maxMessage = 400
	maxReason  = 120
	maxPicks   = 2
)

// check holds a judgment against the sale it is about. A model's output is a
// proposal by a stranger: code decides whether it may be said in the shop's
// name.
func (j Judgment) check(s *Sale, candidates []Candidate) error {
	var errs []error
	if !slices.Contains(j.Occasion.SchemaValues(), string(j.Occasion)) {
		errs = append(errs, errors.New("occasion is none of gift, replenishment, new_discovery, unknown"))
	}
	errs = append(errs, checkText("message", j.Message, minMessage, maxMessage, s, candidates))
	if !s.mayAdvertise() && mentions(j.Message, candidates) {
		errs = append(errs, errors.New("message: promotes a product to a customer who did not agree to marketing"))
	}

	if len(candidates) > 0 && len(j.Recommendations) == 0 {
		errs = append(errs, errors.New("recommendations: name at least one of the candidates"))
	}
	if len(j.Recommendations) > maxPicks {
		errs = append(errs, fmt.Errorf("recommendations: at most %d", maxPicks))
	}
	var seen []string
	for i, p := range j.Recommendations {
		field := fmt.Sprintf("recommendations[%d]", i)
		switch {
		case slices.Contains(seen, p.ProductID):
			errs = append(errs, fmt.Errorf("%s: named twice", field))
		case !slices.ContainsFunc(candidates, func(c Candidate) bool { return c.ProductID == p.ProductID }):
			errs = append(errs, fmt.Errorf("%s: product_id is not one of the candidates", field))
		}
		seen = append(seen, p.ProductID)
		errs = append(errs, checkText(field+".reason", p.Reason, 1, maxReason, s, candidates))
	}
	return errors.Join(errs...)
}

var (
	markup = regexp.MustCompile("[<>{}\\[\\]`*_#|\\\\]|https?:|www\\.|&[a-z]+;")
	price  = regexp.MustCompile(`(?i)[\p{Sc}%]|\b(USD|GBP|EUR|CAD|AUD|price|priced|cheap|cheaper|discounts?|sale price|half off|for free|bucks|dollars?|pounds?|euros?)\b`)
	// A promise about delivery, stock or time binds the shop to something that
	// nobody checked.
	promise = regexp.MustCompile(`(?i)\b(deliver(y|ed|s|ies|ing)?|ship(s|ped|ping|ment)?|dispatch(ed)?|arriv(e|es|al|ing)|courier|guarantee(d|s)?|refund(s|ed)?|warranty|tomorrow|by (mon|tues|wednes|thurs|fri|satur|sun)day|within \w+ (hours?|days?|weeks?))\b`)
	contact = regexp.MustCompile(`(?i)[^\s@]+@[^\s@]+|\b(e-?mail|phone|call us at|address)\b`)
	number  = regexp.MustCompile(`[0-9]`)
	// Two or more capitalized words in a row read as a name.
	name = regexp.MustCompile(`\p{Lu}[\p{L}'’-]+(?:\s+(?:(?:of|and|the|&)\s+)?\p{Lu}[\p{L}'’-]+)+`)
)

// checkText says why a text must not be sent in the shop's name.
func checkText(field, text string, shortest, longest int, s *Sale, candidates []Candidate) error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: "+format, append([]any{field}, args...)...))
	}
	if n := utf8.RuneCountInString(text); n < shortest || n > longest {
		bad("has %d characters, allowed are %d to %d", n, shortest, longest)
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool {
		return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError)
	}) {
		bad("contains control or invisible characters")
	}
	// What the shop itself calls things may be said; all rules below look at
	// what is left without those names.
	rest := without(text, knownNames(s, candidates))
	if markup.MatchString(rest) {
		bad("contains markup or a link; write plain text")
	}
	if price.MatchString(rest) {
		bad("speaks of a price or a discount")
	}
	if promise.MatchString(rest) {
		bad("promises something about delivery, refunds or time")
	}
	if contact.MatchString(rest) {
		bad("contains contact data")
	}
	if number.MatchString(rest) {
		bad("contains a number")
	}
	if s.Customer != nil && containsWord(rest, s.Customer.LastName) {
		bad("contains personal data beyond the first name")
	}
	if m := name.FindString(rest); m != "" {
		bad("names something that is neither in the sale nor recommended")
	}
	return errors.Join(errs...)
}

// knownNames are the names that a text may contain: the shop, the store, the
// customer's first name, what was bought and what may be recommended.
func knownNames(s *Sale, candidates []Candidate) []string {
	names := []string{s.ShopName, s.LocationName, s.firstName()}
	for _, l := range s.Lines {
		names = append(names, l.Title)
	}
	for _, c := range candidates {
		names = append(names, c.Title)
	}
	// Longest first, so that a name that contains another goes whole.
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) })
	return names
}

// without replaces each name by a word that no rule minds, at word boundaries
// only: a customer called Al must not punch holes into other words.
func without(text string, names []string) string {
	for _, n := range names {
		if strings.TrimSpace(n) == "" {
			continue
		}
		re := regexp.MustCompile(`(^|[^\p{L}\p{N}])` + regexp.QuoteMeta(n) + `($|[^\p{L}\p{N}])`)
		for range 2 { // neighbors share their boundary
			text = re.ReplaceAllString(text, "${1}it${2}")
		}
	}
	return text
}

// mentions says whether a text speaks of a candidate, however it is written.
func mentions(text string, candidates []Candidate) bool {
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	return slices.ContainsFunc(candidates, func(c Candidate) bool {
		return strings.Contains(text, strings.ToLower(strings.Join(strings.Fields(c.Title), " ")))
	})
}

func containsWord(text, word string) bool {
	word = strings.ToLower(strings.TrimSpace(word))
	return word != "" && slices.Contains(strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && r != '-' && r != '\'' }), word)
}
