package main

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// baselineName is how the baseline signs in the audit log. Change it with what
// it says.
const baselineName = "keywords-1"

// baseline judges goods without a model: by the reason that was picked in
// Shopify, and by what the notes say, in the languages that it has words of. It
// never fails and always says the same of the same goods.
func baseline(g *Goods) Judgment {
	j := Judgment{Items: []ItemJudgment{}}
	for _, i := range g.Items {
		j.Items = append(j.Items, judgeByKeywords(i))
	}
	return j
}

// precedence breaks ties: what the shop has to know first.
var precedence = []Reason{
	ReasonDefective, ReasonWrongItem, ReasonNotAsDescribed, ReasonArrivedLate, ReasonGift, ReasonOther, ReasonSize, ReasonChangedMind, ReasonAbstain,
}

func judgeByKeywords(i Item) ItemJudgment {
	j := ItemJudgment{Item: i.Key, Reason: ReasonAbstain}
	native, text := reasonOf(i.Native.Handle), i.text()
	switch {
	case i.silent():
		j.Confidence = 0.95 // that nobody said anything
		return j
	case !strings.ContainsFunc(text, unicode.IsLetter) && native != ReasonAbstain:
		j.Reason, j.Definition, j.Confidence = native, i.Native.Handle, 0.9
		return j
	}
	score := scores(text)
	if native != ReasonAbstain {
		score[native] += 2
	}
	ranked := slices.Clone(precedence)
	slices.SortStableFunc(ranked, func(a, b Reason) int { return score[b] - score[a] })
	best, next := ranked[0], ranked[1]
	switch {
	case score[best] == 0:
		j.Confidence = 0.3 // there is text, but no word that is known
		return j
	case score[next] == 0:
		j.Confidence = min(0.6+0.1*float64(score[best]), 0.9)
	case score[best] > score[next]:
		j.Confidence, j.Second = 0.6, next
	default:
		j.Confidence, j.Second = 0.5, next
	}
	j.Reason, j.Quote = best, quoteFor(text, best)
	if best == native {
		j.Definition = i.Native.Handle
	}
	return j
}

// maxCueHits is how many phrases of one cue count.
const maxCueHits = 2

// scores adds up the cues of a text by reason.
func scores(text string) map[Reason]int {
	text = normalize(withoutOrders(text))
	score := map[Reason]int{}
	for _, m := range matchers {
		score[m.reason] += m.weight * len(m.re.FindAllStringIndex(text, maxCueHits))
	}
	return score
}

// quoteFor returns the first sentence of the text that speaks for the reason.
func quoteFor(text string, r Reason) string {
	for _, sentence := range sentences(text) {
		if scores(sentence)[r] > 0 {
			return clip(sentence, maxQuote)
		}
	}
	return ""
}

var sentenceEnd = regexp.MustCompile(`[.!?…。！？]+["'”’)]*\s+|\n+`)

// sentences cuts a text; the parts are verbatim.
func sentences(text string) []string {
	var out []string
	for {
		at := sentenceEnd.FindStringIndex(text)
		if at == nil {
			break
		}
		out = append(out, strings.TrimSpace(text[:at[1]]))
		text = text[at[1]:]
	}
	return append(out, strings.TrimSpace(text))
}

// clip cuts text to a number of characters, at a space where there is one.
func clip(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	cut := string(runes[:most])
	if at := strings.LastIndexByte(cut, ' '); at > most/2 {
		cut = cut[:at]
	}
	return strings.TrimSpace(cut)
}

// orders are phrases that tell a machine or a clerk what to do. A sentence with
// one gives no reason, and a text with one is not to be trusted.
var orders = regexp.MustCompile(`(?i)\b(ignore|disregard|forget|override|bypass)\b.{0,40}\b(instruction|previous|above|prior|rule|categor|prompt|polic)` +
	`|\b(ignora|ignorez|ignoriere|negeer)\b.{0,40}\b(instruc|anweisung|consign)` +
	`|\bsystem( prompt|:| administrator)|\badmin(istrator)? (override|order)|\bassistant\b|maintenance mode|as an? (ai|language model)` +
	`|\b(classify|categori[sz]e|mark|set|output|answer|respond|responde|reply|write|print)\b.{0,60}("|\{|\bas (an? )?(damaged|defective|gift|wrong|late)|\bconfidence\b|\breason\b|categor|prompt|_as_|_item)` +
	`|\bconfidence\b\s*("|:|to|=|of)|new task|end of data|</?\w+[^>]*>|\{\{|drop table|\breason\s*=`)

// suspicious says whether a text tries to give orders.
func suspicious(text string) bool { return orders.MatchString(text) }

// withoutOrders returns the sentences of a text that give none.
func withoutOrders(text string) string {
	if !suspicious(text) {
		return text
	}
	var kept []string
	for _, sentence := range sentences(text) {
		if !suspicious(sentence) {
			kept = append(kept, sentence)
		}
	}
	return strings.Join(kept, "\n")
}
