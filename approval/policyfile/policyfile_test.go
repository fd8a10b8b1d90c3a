package policyfile_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/policyfile"
)

const discounts = `# What the package's documentation shows.
version: "2026-11"
rules:
  - name: no gift cards
    when: {kind: pos.discount, args: [{path: /gift_card, equal: true}]}
    deny: Gift cards are never discounted.
  - name: small discounts
    when: {kind: pos.discount, amount_at_most: {amount: "20.00", currency: USD}}
    allow: At most 20.00.
  - name: everything else
    ask:
      need: {any: [{role: manager}, {quorum: {n: 2, of: {role: lead}}}]}
      expiry: 2h
      reason: More than 20.00.
      escalation:
        - {after: 30m, need: {role: owner}}
`

func parse(t *testing.T, text string) *policyfile.File {
	t.Helper()
	f, err := policyfile.Parse([]byte(text))
	require.NoError(t, err)
	return f
}

func request(change ...func(*approval.Request)) *approval.Request {
	r := &approval.Request{Kind: "pos.discount", Args: json.RawMessage(`{"gift_card":false}`), Proposal: approval.Proposal{
		Amount: approval.Money{Amount: "20.00", Currency: "USD"}, Proposer: approval.Principal{ID: "model"},
	}}
	for _, c := range change {
		c(r)
	}
	return r
}

func Example() {
	file, err := policyfile.Parse([]byte(discounts))
	if err != nil {
		fmt.Println(err)
		return
	}
	policy := file.Policy()
	r := &approval.Request{Kind: "pos.discount", Args: json.RawMessage(`{"percent":15}`)}
	r.Amount = approval.Money{Amount: "20.01", Currency: "USD"}
	ruling, err := policy.Rule(context.Background(), r)
	fmt.Println(policy.Version(), ruling.Verdict, ruling.Rule, err)
	fmt.Println(ruling.Need, ruling.Expiry, ruling.Escalation[0].After)
	// Output:
	// 2026-11+f412c1ae00dc ask everything else <nil>
	// 1 of role manager or 2 of role lead 2h0m0s 30m0s
}

func TestRulings(t *testing.T) {
	policy := parse(t, discounts).Policy()
	for name, test := range map[string]struct {
		change  func(*approval.Request)
		verdict approval.RulingVerdict
		rule    string
	}{
		"at the limit":    {func(*approval.Request) {}, approval.RuleAllow, "small discounts"},
		"above":           {func(r *approval.Request) { r.Amount.Amount = "20.01" }, approval.RuleAsk, "everything else"},
		"a gift card":     {func(r *approval.Request) { r.Args = json.RawMessage(`{"gift_card":true}`) }, approval.RuleDeny, "no gift cards"},
		"another kind":    {func(r *approval.Request) { r.Kind = "pos.other"; r.Amount = approval.Money{} }, approval.RuleAsk, "everything else"},
		"as text, not so": {func(r *approval.Request) { r.Args = json.RawMessage(`{"gift_card":"true"}`) }, approval.RuleAllow, "small discounts"},
	} {
		ruling, err := policy.Rule(t.Context(), request(test.change))
		require.NoError(t, err, name)
		assert.Equal(t, test.verdict, ruling.Verdict, name)
		assert.Equal(t, test.rule, ruling.Rule, name)
	}
	_, err := policy.Rule(t.Context(), request(func(r *approval.Request) { r.Amount = approval.Money{} }))
	require.Error(t, err, "no amount to compare: it cannot tell, so the queue asks")
	assert.Equal(t, []approval.RuleTrace{
		{Rule: "no gift cards", Reached: true}, {Rule: "small discounts", Matched: true, Reached: true}, {Rule: "everything else", Matched: true},
	}, policy.(approval.Explainer).Explain(t.Context(), request()))
}

func TestConditions(t *testing.T) {
	confidence := 0.6
	full := request(func(r *approval.Request) {
		r.Shop, r.Location, r.Confidence = "shop.example.com", "gid://shopify/Location/1", &confidence
		r.Args = json.RawMessage(`{"percent":"12.5","tags":["a","b"]}`)
	})
	for when, match := range map[string]bool{
		`{kind: [pos.other, pos.discount]}`:                                                  true,
		`{kind: pos.other}`:                                                                  false,
		`{shop: shop.example.com, actor: model}`:                                             true,
		`{shop: shop.example.com, actor: human}`:                                             false,
		`{location: ["gid://shopify/Location/2", "gid://shopify/Location/1"]}`:               true,
		`{location: "gid://shopify/Location/2"}`:                                             false,
		`{model: gpt}`:                                                                       false,
		`{amount_above: {amount: "19.99", currency: USD}}`:                                   true,
		`{amount_above: {amount: "20.00", currency: USD}}`:                                   false,
		`{confidence_below: 0.7}`:                                                            true,
		`{confidence_below: 0.6}`:                                                            false,
		`{args: [{path: /percent, min: "12", max: "12.5"}, {path: /tags/1, equal: b}]}`:      true,
		`{args: [{path: /percent, max: "12"}]}`:                                              false,
		`{not: {kind: pos.other}}`:                                                           true,
		`{any: [{kind: pos.other}, {shop: shop.example.com}]}`:                               true,
		`{all: [{kind: pos.discount}, {not: {shop: shop.example.com}}]}`:                     false,
		`{kind: pos.other, amount_above: {amount: "1", currency: EUR}}`:                      false, // never asked
		`{any: [{kind: pos.discount}, {all: [{kind: pos.other}, {model: a}, {model: b}]}]}`:  true,
		`{args: [{path: /tags, equal: [a, b]}]}`:                                             true,
		`{args: [{path: "", equal: {percent: "12.5", tags: [a, b]}}], confidence_below: 1}`:  true,
		`{"kind": "pos.discount", "args": [{"path": "/tags/0", "equal": "a"}], "actor":"x"}`: false,
	} {
		f := parse(t, "version: v\nrules:\n- {name: a, when: "+when+", allow: yes it is}\n- {name: b, deny: no}")
		ruling, err := f.Policy().Rule(t.Context(), full)
		require.NoError(t, err, when)
		assert.Equal(t, match, ruling.Verdict == approval.RuleAllow, when)
	}
}

func TestVersionFollowsTheContent(t *testing.T) {
	version := parse(t, discounts).Policy().Version()
	data, err := json.Marshal(parse(t, discounts))
	require.NoError(t, err)
	assert.Equal(t, version, parse(t, string(data)).Policy().Version(), "the same in JSON")
	assert.Equal(t, version, parse(t, strings.ReplaceAll(discounts, "# What", "# Else")).Policy().Version(), "comments are no rules")
	assert.NotEqual(t, version, parse(t, strings.Replace(discounts, "2h", "3h", 1)).Policy().Version())
	assert.NotEqual(t, version, parse(t, strings.Replace(discounts, "owner", "boss", 1)).Policy().Version())
}

func TestRefused(t *testing.T) {
	rule := func(s string) string { return "version: v\nrules: [{name: a, " + s + "}]" }
	deep := strings.Repeat("{not: ", 40) + "{kind: a.b}" + strings.Repeat("}", 40)
	for text, path := range map[string]string{
		"":                                "",
		"{":                               "",
		"[]":                              "",
		"version: v":                      "rules",
		"version: v\nrules: []":           "rules",
		"version: 1\nrules: []":           "version",
		rule(`allow: a`) + "\nx: 1":       "x",
		"rules: [{name: a, allow: b}]":    "version",
		"version: v\nrules: [{allow: b}]": "rules[0].name",
		"version: v\nrules: [{name: a, allow: b}, {name: a, allow: b}]":                        "rules[1].name",
		"version: v\nversion: w\nrules: [{name: a, allow: b}]":                                 "",
		"version: &a v\nrules: [{name: *a, allow: b}]":                                         "version",
		"version: !!str v\nrules: [{name: a, allow: b}]":                                       "version",
		rule(`when: {kind: a}`):                                                                "rules[0]",
		rule(`allow: a, deny: b`):                                                              "rules[0]",
		rule(`allow: ""`):                                                                      "rules[0].allow",
		rule(`Allow: a`):                                                                       "rules[0].Allow",
		rule(`allow: a, when: {}`):                                                             "rules[0].when",
		rule(`allow: a, when: {kinds: a}`):                                                     "rules[0].when.kinds",
		rule(`allow: a, when: {kind: []}`):                                                     "rules[0].when.kind",
		rule(`allow: a, when: {kind: null}`):                                                   "rules[0].when.kind",
		rule(`allow: a, when: {amount_above: {amount: 20.00, currency: USD}}`):                 "rules[0].when.amount_above.amount",
		rule(`allow: a, when: {amount_above: {amount: "20"}}`):                                 "rules[0].when.amount_above",
		rule(`allow: a, when: {amount_above: {amount: "-1", currency: USD}}`):                  "rules[0].when.amount_above",
		rule(`allow: a, when: {confidence_below: 70}`):                                         "rules[0].when.confidence_below",
		rule(`allow: a, when: {confidence_below: .inf}`):                                       "rules[0].when.confidence_below",
		rule(`allow: a, when: {args: [{path: /a}]}`):                                           "rules[0].when.args[0]",
		rule(`allow: a, when: {args: [{path: /a, max: "1e3"}]}`):                               "rules[0].when.args[0]",
		rule(`allow: a, when: ` + deep):                                                        "rules[0].when" + strings.Repeat(".not", 17),
		rule(`ask: {}`):                                                                        "rules[0].ask.need",
		rule(`ask: {need: {role: ""}}`):                                                        "rules[0].ask.need",
		rule(`ask: {need: {role: a, person: b}}`):                                              "rules[0].ask.need",
		rule(`ask: {need: {quorum: {n: 0, of: {role: a}}}}`):                                   "rules[0].ask.need",
		rule(`ask: {need: {role: a}, expiry: 90}`):                                             "rules[0].ask.expiry",
		rule(`ask: {need: {role: a}, expiry: -1h}`):                                            "rules[0].ask.expiry",
		rule(`ask: {need: {role: a}, escalation: [{after: 1h, need: {role: b}}]}`):             "rules[0].ask.expiry",
		rule(`ask: {need: {role: a}, expiry: 1h, escalation: [{after: 2h, need: {role: b}}]}`): "rules[0].ask.escalation[0].after",
		rule(`allow: 2026-11-01`):                                                              "rules[0].allow",
		strings.Repeat("a", 256<<10+1):                                                         "",
		strings.Repeat("[", 10_000):                                                            "",
	} {
		_, err := policyfile.Parse([]byte(text))
		require.ErrorIs(t, err, policyfile.ErrInvalid, "%.100s", text)
		wrong, ok := errors.AsType[*policyfile.Error](err)
		require.True(t, ok)
		assert.Equal(t, path, wrong.Path, "%.100s: %v", text, err)
	}
}

func TestDurations(t *testing.T) {
	data, err := json.Marshal(policyfile.Duration(90 * time.Minute))
	require.NoError(t, err)
	assert.Equal(t, `"1h30m0s"`, string(data))
}

// FuzzParse: whatever the bytes, there is an error or a policy that means the
// same when it is written and read again.
func FuzzParse(f *testing.F) {
	f.Add([]byte(discounts))
	f.Add([]byte(`{"version":"v","rules":[{"name":"a","allow":"b"}]}`))
	f.Add([]byte("version: v\nrules:\n- name: a\n  when: {args: [{path: /a, equal: [1, 2.50, null]}]}\n  ask: {need: {all: [{role: a}, {person: b}]}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := policyfile.Parse(data)
		if err != nil {
			require.ErrorIs(t, err, policyfile.ErrInvalid)
			return
		}
		policy := file.Policy()
		_, _ = policy.Rule(t.Context(), request())
		text, err := json.Marshal(file)
		require.NoError(t, err)
		again, err := policyfile.Parse(text)
		require.NoError(t, err, "%s", text)
		assert.Equal(t, policy.Version(), again.Policy().Version())
	})
}
