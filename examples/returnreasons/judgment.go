package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Judgment is what a model, or the baseline, makes of goods.
type Judgment struct {
	Items []ItemJudgment `json:"items"`
}

// ItemJudgment is why one item came back.
type ItemJudgment struct {
	Item       string  `json:"item" description:"key of the item"`
	Reason     Reason  `json:"reason" description:"why it came back"`
	Second     Reason  `json:"second" description:"a second reason that the note gives; abstain if there is none"`
	Definition string  `json:"definition" description:"handle of the definition that says it most exactly, or empty"`
	Quote      string  `json:"quote" description:"the words of the note that say so, copied exactly, or empty" jsonschema:"maxLength=200"`
	Confidence float64 `json:"confidence" description:"how sure that is, 0 to 1" jsonschema:"minimum=0,maximum=1"`
}

// maxQuote bounds a quote, in characters.
const maxQuote = 200

// check holds a judgment against the goods it is about. Whatever a note talked a
// model into: what comes out is one of nine words for each item, a handle that the
// shop has, a number, and words that stand in the note.
func (j Judgment) check(g *Goods, known map[string]Definition) error {
	var errs []error
	seen := map[string]bool{}
	for at, ij := range j.Items {
		n := slices.IndexFunc(g.Items, func(i Item) bool { return i.Key == ij.Item })
		if n < 0 || seen[ij.Item] {
			errs = append(errs, fmt.Errorf("items[%d].item: name each item once", at))
			continue
		}
		seen[ij.Item] = true
		for _, err := range ij.check(g.Items[n], known) {
			errs = append(errs, fmt.Errorf("items[%d].%w", at, err))
		}
	}
	if len(seen) != len(g.Items) {
		errs = append(errs, errors.New("items: name each item once"))
	}
	return errors.Join(errs...)
}

func (ij ItemJudgment) check(i Item, known map[string]Definition) []error {
	var errs []error
	if !ij.Reason.valid() {
		errs = append(errs, errors.New("reason: is none of the reasons"))
	}
	if ij.Second != "" && !ij.Second.valid() {
		errs = append(errs, errors.New("second: is none of the reasons"))
	}
	if _, ok := known[ij.Definition]; ij.Definition != "" && !ok && ij.Definition != i.Native.Handle {
		errs = append(errs, errors.New("definition: is none of the definitions"))
	}
	if utf8.RuneCountInString(ij.Quote) > maxQuote || !strings.Contains(i.text(), ij.Quote) {
		errs = append(errs, errors.New("quote: must be words of the note, copied exactly"))
	}
	if !(ij.Confidence >= 0 && ij.Confidence <= 1) { // NaN is neither
		errs = append(errs, errors.New("confidence: must be from 0 to 1"))
	}
	if i.silent() && ij.Reason != ReasonAbstain {
		errs = append(errs, errors.New("reason: nobody gave one, so it is abstain"))
	}
	return errs
}

// The most that a confidence may be where something speaks against it.
const (
	capSuspicious = 0.4 // the note gives orders
	capConflict   = 0.6 // the reason that was picked in Shopify, or the keywords, say another
	capTwo        = 0.7 // the note gives two reasons
	capUnquoted   = 0.7 // the words that say so are missing
)

// tempered returns the judgment with confidences that code can stand for: a model's
// own is no measurement. What the keywords agree with counts more, what they or
// the picked reason contradict counts less, and a note that gives orders is for
// people to read.
func (j Judgment) tempered(g *Goods) Judgment {
	out := Judgment{Items: slices.Clone(j.Items)}
	for at := range out.Items {
		ij := &out.Items[at]
		if ij.Second == ij.Reason || ij.Second == ReasonAbstain {
			ij.Second = ""
		}
		n := slices.IndexFunc(g.Items, func(i Item) bool { return i.Key == ij.Item })
		if n < 0 {
			continue
		}
		i := g.Items[n]
		if i.silent() {
			ij.Confidence = 0.95
			continue
		}
		words, native := judgeByKeywords(i), reasonOf(i.Native.Handle)
		switch {
		case words.Reason == ij.Reason && words.Second == "":
			ij.Confidence = min(ij.Confidence+0.1, 0.95)
		case words.Reason != ReasonAbstain && words.Reason != ij.Reason && words.Confidence >= 0.8:
			ij.Confidence = min(ij.Confidence, capConflict)
		}
		if native != ReasonAbstain && native != ij.Reason {
			ij.Confidence = min(ij.Confidence, capConflict)
		}
		if ij.Second != "" {
			ij.Confidence = min(ij.Confidence, capTwo)
		}
		if ij.Quote == "" && ij.Reason != native {
			ij.Confidence = min(ij.Confidence, capUnquoted)
		}
		if suspicious(i.text()) {
			ij.Confidence = min(ij.Confidence, capSuspicious)
		}
	}
	return out
}

// confidence is that of the least certain item.
func (j Judgment) confidence() float64 {
	least := 1.0
	for _, ij := range j.Items {
		least = min(least, ij.Confidence)
	}
	return least
}
