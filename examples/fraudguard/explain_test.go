package main

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
)

func sampleVerdict() *Verdict {
	return &Verdict{
		Transaction: risk.Transaction{Key: "refund/5", Kind: risk.Return, At: time.Now(), Receipt: "order/9", Customer: "gid://shopify/Customer/4", Amount: decimal.RequireFromString("240")},
		Assessment: risk.Assessment{Score: 0.8, Reasons: []risk.Reason{
			{Code: risk.SerialReturns, Text: "This is return 4 of the customer within 30 days (limit 3)", Strength: 0.5},
			{Code: risk.ReturnNotBought, Text: "2 of 3 pieces are not among what was bought, or were given back before", Strength: 0.4},
		}},
		Channel: channelWebhook,
	}
}

// The template passes the same rules as a model's words.
func TestTemplate(t *testing.T) {
	v := sampleVerdict()
	for n := range len(v.Reasons) + 1 {
		v.Reasons = sampleVerdict().Reasons[:n]
		x := baselineExplanation(v)
		require.NoError(t, x.check(v), x.Text)
		assert.Equal(t, x, baselineExplanation(v))
		for _, r := range v.Reasons {
			assert.Contains(t, x.Text, r.Text)
		}
	}
	// With all reasons at once it may be long, but never says anything else.
	for i := range maxReasons + 3 {
		v.Reasons = append(v.Reasons, risk.Reason{Code: risk.Code(strconv.Itoa(i)), Text: fmt.Sprint("Reason ", i)})
	}
	assert.NotContains(t, baselineExplanation(v).Text, fmt.Sprint("Reason ", maxReasons))
}

const goodText = "The customer brought something back 4 times within 30 days, and 2 of 3 pieces are not on the receipt. Compare the labels with what was sold."

func TestExplanationRefused(t *testing.T) {
	v := sampleVerdict()
	require.NoError(t, Explanation{Text: goodText}.check(v))
	for name, text := range map[string]string{
		"too short":       "It is odd.",
		"too long":        strings.Repeat("This stands out. ", 60),
		"accusation":      goodText + " This looks like fraud.",
		"another":         goodText + " The customer steals.",
		"a decision":      goodText + " You should reject it.",
		"another one":     goodText + " Approve it.",
		"invented number": goodText + " It was 17 times last year.",
		"markup":          goodText + " <b>Look</b>.",
		"link":            goodText + " See https://example.com now.",
		"Markdown":        goodText + " **Look**.",
		"control":         goodText + "\x1b[2J",
		"direction":       goodText + "\u202e",
		"invalid":         goodText + "\xff",
	} {
		assert.Error(t, Explanation{Text: text}.check(v), name)
	}
}

func TestModelExplains(t *testing.T) {
	good := aitest.JSON(map[string]string{"text": goodText})
	bad := aitest.JSON(map[string]string{"text": goodText + " It is fraud."})
	for name, c := range map[string]struct {
		replies []aitest.Reply
		label   string
	}{
		"good":                   {[]aitest.Reply{good}, "it decided nothing"},
		"good the second time":   {[]aitest.Reply{bad, good}, "it decided nothing"},
		"accuses":                {[]aitest.Reply{bad, bad}, "from a template, because the model's answer broke a rule"},
		"refuses":                {[]aitest.Reply{aitest.Refusal("no")}, "from a template, because the model refused"},
		"late":                   {[]aitest.Reply{{Text: "x", Delay: time.Hour}}, "from a template, because the model was late"},
		"answers something else": {[]aitest.Reply{aitest.Text("Sure!"), aitest.Text("Sorry")}, "from a template, because the model's answer could not be read"},
	} {
		t.Run(name, func(t *testing.T) {
			model := aitest.NewModel(t, c.replies...)
			v, timeout := sampleVerdict(), long
			if name == "late" {
				timeout = 200 * time.Millisecond
			}
			x := explainer{model: model, timeout: timeout}.explain(t.Context(), v)
			assert.Contains(t, x.label(), c.label)
			require.NoError(t, x.check(v))
			for _, r := range model.Requests() {
				text := fmt.Sprint(r.System, r.Messages)
				assert.NotContains(t, text, "Customer/4", "no ids of people")
			}
		})
	}
}

// A model's words are in the evidence of what is done, never at the register, and
// change nothing else.
func TestModelOnlyAfterwards(t *testing.T) {
	server := aitest.NewOpenAIServer(t, aitest.JSON(map[string]string{"text": "Something about this return stands out. Look at the goods and compare them with the receipt."}))
	p := newPath(t, "-model", "openai:test", "-model-url", server.BaseURL(), "-model-key", "secret-key-of-the-model")
	p.ordinary(210)
	q := p.people.giftCards()
	require.Equal(t, decisionManager, p.scored(q).Decision)
	r := p.reviewed(kindRelease, "ask/"+q.ID, approval.Pending)
	assert.Contains(t, r.Evidence[1].Label, "template", "nobody waits for a model at the register")

	order := p.sell(plain)
	p.judged(fmt.Sprint("order/", order.LegacyID))
	p.takeBack(order.ID)
	r = p.reviewed(kindMark, "return of "+order.ID, approval.Pending)
	assert.Contains(t, r.Evidence[1].Label, "it decided nothing")
	assert.Contains(t, r.Evidence[1].Text, "compare them with the receipt")
	m, _ := approval.ActionOf[Mark](r)
	assert.NotContains(t, fmt.Sprintf("%+v", m), "compare them", "what is written to the order is facts")
	assert.True(t, r.Model.Baseline)
}

func FuzzExplanation(f *testing.F) {
	f.Add(goodText)
	f.Add("<script>")
	f.Fuzz(func(t *testing.T, text string) {
		if (Explanation{Text: text}).check(sampleVerdict()) == nil && (strings.ContainsAny(text, "<>\x00\x1b*`") || strings.Contains(strings.ToLower(text), " fraud ")) {
			t.Fatalf("accepted %q", text)
		}
	})
}
