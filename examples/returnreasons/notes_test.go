package main

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
)

func allNotes(t *testing.T) []Note {
	t.Helper()
	var all []Note
	for _, split := range []string{"dev", "test"} {
		set, err := labeledNotes(split)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, len(set), 150, split)
		count := map[Reason]int{}
		for _, c := range set {
			all = append(all, c.Input)
			count[c.Want]++
		}
		for _, r := range reasons {
			assert.GreaterOrEqual(t, count[r], 10, "%s notes of %s", split, r)
		}
	}
	return all
}

func TestLabeledNotes(t *testing.T) {
	all := allNotes(t)
	assert.GreaterOrEqual(t, len(all), 300)
	ids, texts, langs, tags := map[string]bool{}, map[string]string{}, map[string]int{}, map[string]int{}
	address := regexp.MustCompile(`[\w.+-]+@[\w.-]+`)
	for _, n := range all {
		assert.False(t, ids[n.ID], "%s twice", n.ID)
		ids[n.ID] = true
		assert.True(t, n.Reason.valid(), n.ID)
		assert.True(t, n.Also == "" || n.Also.valid() && n.Also != n.Reason, n.ID)
		assert.NotEmpty(t, n.Product, n.ID)
		if words := strings.TrimSpace(normalize(n.Note)); words != "" {
			assert.Empty(t, texts[words], "%s says what another note says", n.ID)
			texts[words] = n.ID
		}
		for _, a := range address.FindAllString(n.Note, -1) {
			assert.True(t, strings.HasSuffix(a, "example.com"), "%s: %s is not a sample address", n.ID, a)
		}
		langs[n.Lang]++
		for _, tag := range n.Tags {
			tags[tag]++
		}
	}
	assert.GreaterOrEqual(t, len(langs), 12, "%v", langs)
	for _, tag := range []string{"staff", "typo", "abusive", "two", "injection", "empty", "pii"} {
		assert.GreaterOrEqual(t, tags[tag], 4, tag)
	}
	assert.Less(t, tooAlike(all), 3, "notes that are hardly different")
}

// tooAlike counts pairs of longer notes that share most of their words.
func tooAlike(all []Note) int {
	pairs := 0
	sets := make([]map[string]bool, len(all))
	for i, n := range all {
		sets[i] = map[string]bool{}
		for w := range strings.FieldsSeq(normalize(n.Note)) {
			sets[i][w] = true
		}
	}
	for i, a := range sets {
		for _, b := range sets[i+1:] {
			common := 0
			for w := range a {
				if b[w] {
					common++
				}
			}
			if union := len(a) + len(b) - common; len(a) >= 5 && len(b) >= 5 && 10*common >= 6*union {
				pairs++
			}
		}
	}
	return pairs
}

// The floor is below what is measured, so that a change for the worse is seen.
func TestBaselineOnTheNotes(t *testing.T) {
	for split, floor := range map[string]float64{"dev": 0.92, "test": 0.62} {
		set, err := labeledNotes(split)
		require.NoError(t, err)
		results, err := noteSuite(split, set, nil, 0).Run(t.Context(), nil)
		require.NoError(t, err)
		figure := results.Report().Contestants[0].Figures[0]
		t.Logf("%s: macro-F1 %.3f", split, figure.MacroF1.Value)
		assert.Greater(t, figure.MacroF1.Value, floor, split)
		assert.Len(t, figure.Classes, len(reasons))
	}
}

// No note that gives orders gets its way, and none is acted on without a person.
func TestBaselineAndOrders(t *testing.T) {
	for _, n := range allNotes(t) {
		if !slices.Contains(n.Tags, "injection") {
			continue
		}
		g := &Goods{Items: []Item{n.item()}}
		j := baseline(g).tempered(g)
		assert.Contains(t, []Reason{n.Reason, ReasonAbstain}, j.Items[0].Reason, "%s: what is said besides, or nothing: %s", n.ID, n.Note)
		assert.Less(t, j.confidence(), 0.75, "%s: a person reads it", n.ID)
		assert.Empty(t, quotable(n.Note, person{}), n.ID)
	}
	// And hardly any other note is taken for one.
	wrong := 0
	for _, n := range allNotes(t) {
		if !slices.Contains(n.Tags, "injection") && suspicious(n.Note) {
			wrong++
			t.Log(n.ID, n.Note)
		}
	}
	assert.LessOrEqual(t, wrong, 2)
}

// oracle is a model that knows the labels, but for every nth note, which it
// refuses to answer.
type oracle struct {
	labels map[string]Note // by note
	every  int
	asked  chan string
}

func (o *oracle) Info() ai.Info { return ai.Info{Provider: "sample", Model: "oracle"} }

func (o *oracle) Stream(context.Context, *ai.Request) iter.Seq2[ai.Event, error] {
	return func(yield func(ai.Event, error) bool) { yield(nil, ai.ErrUnavailable) }
}

func (o *oracle) Generate(_ context.Context, req *ai.Request) (*ai.Response, error) {
	var data struct {
		Items []struct{ Item, Note string }
	}
	text := req.Messages[0].Parts[0].(ai.Text)
	if err := json.Unmarshal([]byte(text.Text), &data); err != nil {
		return nil, err
	}
	o.asked <- data.Items[0].Note
	n := o.labels[strings.TrimSpace(data.Items[0].Note)]
	if o.every > 0 && len(n.Note)%o.every == 0 {
		return &ai.Response{StopReason: ai.StopRefusal, Message: ai.Message{Role: ai.RoleAssistant}}, nil
	}
	answer, err := json.Marshal(Judgment{Items: []ItemJudgment{{Item: data.Items[0].Item, Reason: n.Reason, Second: ReasonAbstain, Confidence: 0.9}}})
	return &ai.Response{StopReason: ai.StopEnd, Message: ai.Message{Role: ai.RoleAssistant, Parts: []ai.Part{ai.Text{Text: string(answer)}}}}, err
}

func TestEvaluation(t *testing.T) {
	all := allNotes(t)
	o := &oracle{labels: map[string]Note{}, every: 10, asked: make(chan string, 2*len(all))}
	for _, n := range all {
		o.labels[n.item().text()] = n
	}
	var out bytes.Buffer
	require.NoError(t, evaluate(t.Context(), o, time.Minute, &out))
	text := out.String()
	for _, want := range []string{
		"dev: 170 cases", "test: 178 cases", baselineName, "sample oracle", "macro-F1", "95 % interval",
		"not_as_described", "precision", "sample oracle less " + baselineName + ": reason macro-F1", "sample oracle is better",
	} {
		assert.Contains(t, text, want)
	}
	assert.Regexp(t, `sample oracle: in [1-9][0-9]* of 178 answers the program's baseline stood in`, text, "what the baseline had to answer is said")
	close(o.asked)
	for note := range o.asked {
		assert.NotContains(t, note, "@example.com", "a model sees no addresses, in a measurement neither")
	}

	out.Reset()
	require.NoError(t, evaluate(t.Context(), nil, time.Minute, &out))
	assert.Contains(t, out.String(), "none was asked")
	assert.NotContains(t, out.String(), "oracle")
}
