package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/posai-go/posai/ai/rag"
)

// sources are what was found for one question. A model knows them as p1, p2, … and s1,
// s2, …; what it was not given, it cannot name.
type sources struct {
	mu       sync.Mutex // tools run side by side
	products []string   // GIDs
	variants map[string][]string
	policies []string
	bought   map[string]bool // by the customer, before
}

func newSources() *sources {
	return &sources{variants: map[string][]string{}, bought: map[string]bool{}}
}

// maxSources bounds what one question brings up.
const maxSources = 60

// product returns the name of a product, which it gets if it has none. It is "" when
// there are too many.
func (s *sources) product(id string, variants []string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.variants[id]) == 0 {
		s.variants[id] = variants
	}
	return name("p", &s.products, id)
}

func (s *sources) policy(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return name("s", &s.policies, id)
}

func name(prefix string, ids *[]string, id string) string {
	at := slices.Index(*ids, id)
	if at < 0 {
		if len(*ids) == maxSources {
			return ""
		}
		*ids = append(*ids, id)
		at = len(*ids) - 1
	}
	return prefix + strconv.Itoa(at+1)
}

// productOf and policyOf return the ID behind a name that was given.
func (s *sources) productOf(ref string) (id string, variants []string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, ok = behind("p", s.products, ref)
	return id, s.variants[id], ok
}

func (s *sources) policyOf(ref string) (id string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return behind("s", s.policies, ref)
}

func behind(prefix string, ids []string, ref string) (string, bool) {
	number, ok := strings.CutPrefix(ref, prefix)
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n < 1 || n > len(ids) || ref != prefix+strconv.Itoa(n) {
		return "", false
	}
	return ids[n-1], true
}

// idle are words of questions that find nothing by themselves.
var idle = wordSet(`
a about all am an and any are at be can could did do does for from got has have help hi hello how i in is it looking
me my need of on or our please see sell show some something tell than thanks that the them there these this those to us
want was we what whats when where which who why will with would you your much cost costs price stock size sizes color
colors carry still anything else other similar like one ones store stores shop here available get find`)

// searchable is a question without its idle words.
func searchable(question string) string {
	var kept []string
	for w := range strings.FieldsSeq(question) {
		if bare := strings.ToLower(strings.Trim(w, ".,;:!?'\"’“”()")); bare != "" && !idle[strings.ReplaceAll(bare, "'", "")] && !idle[strings.ReplaceAll(bare, "’", "")] {
			kept = append(kept, strings.Trim(w, ".,;:!?\"“”()"))
		}
	}
	return strings.Join(kept, " ")
}

// find searches. Of products found by words, those come first that can be had at the
// store.
func (s *shop) find(ctx context.Context, text string, k int, filter rag.Filter) ([]rag.Hit, error) {
	if text = searchable(text); text == "" {
		return nil, nil
	}
	r, err := s.index.Search(ctx, rag.Query{Text: text, K: k, Filter: filter, Language: "en", MinCosine: s.minCosine})
	if err != nil {
		return nil, err
	}
	return r.Hits, nil
}
