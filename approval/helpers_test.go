package approval_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
)

// note is the action of these tests.
type note struct {
	Text    string `json:"text"`
	Pinned  bool   `json:"pinned,omitzero"`
	Color   string `json:"color,omitzero"`
	Pennies int    `json:"pennies,omitzero"` // at stake
}

func (note) Kind() string { return "test.note" }

func (n note) Validate() error {
	if n.Text == "" {
		return errors.New("a note needs a text")
	}
	return nil
}

func (n note) Preview() approval.Preview {
	return approval.Preview{Title: "A note", Summary: n.Text}
}

func (n note) EditForm() []approval.FormField {
	pinned := ""
	if n.Pinned {
		pinned = "true"
	}
	return []approval.FormField{
		{Name: "text", Label: "Text", Type: approval.FieldTextArea, Value: n.Text, MaxLength: 40},
		{Name: "pinned", Label: "Pinned", Type: approval.FieldCheckbox, Value: pinned},
		{Name: "color", Label: "Color", Type: approval.FieldSelect, Value: n.Color, Options: []approval.Option{{Value: "red"}, {Value: "blue"}}},
		{Name: "pennies", Label: "Amount", Required: true},
	}
}

func (n note) ApplyEdit(values map[string]string) (approval.Action, error) {
	if v, ok := values["text"]; ok {
		n.Text = v
	}
	if v, ok := values["pinned"]; ok {
		n.Pinned = v == "true"
	}
	if v, ok := values["color"]; ok {
		n.Color = v
	}
	if v, ok := values["pennies"]; ok {
		n.Pennies = 0
		for _, c := range v {
			if c < '0' || c > '9' {
				return nil, errors.New("the amount is not a number")
			}
			n.Pennies = n.Pennies*10 + int(c-'0')
		}
	}
	return n, nil
}

func (n note) AmountAtStake() approval.Money {
	return approval.Money{Amount: money(n.Pennies), Currency: "GBP"}
}

func money(pennies int) string {
	digits := []byte{byte('0' + pennies/10%10), byte('0' + pennies%10)}
	whole := ""
	for n := pennies / 100; n > 0 || whole == ""; n /= 10 {
		whole = string(rune('0'+n%10)) + whole
	}
	return whole + "." + string(digits)
}

// receipt is the result of the tests' executor.
type receipt struct {
	Number int `json:"number"`
}

func (r receipt) EffectIDs() []string { return []string{"gid://shopify/Metafield/1"} }

var (
	model   = approvaltest.Model("model-1")
	manager = approvaltest.Manager("manager-1")
	other   = approvaltest.Manager("manager-2")
	clerk   = approvaltest.Person("clerk-1", "clerk")
)

// askManager asks one manager about everything.
var askManager = approval.Rules("1", approval.Rule{Then: approval.Ask(approval.Role("manager"), time.Hour, "always")})

var allowAll = approval.Rules("1", approval.Rule{Then: approval.Allow("always")})

// fixture is a queue on stores in memory.
type fixture struct {
	*approval.Queue
	store *approvaltest.Memory
	log   *audit.Log
	calls atomic.Int32
}

// newQueue returns a queue whose executor counts its calls and succeeds.
func newQueue(t *testing.T, policy approval.Policy, opts *approval.Options) *fixture {
	t.Helper()
	f := newBareQueue(t, policy, opts)
	require.NoError(t, approval.Register(f.Queue, approval.Executor[note, receipt]{
		Execute: func(context.Context, approval.Execution, note) (receipt, error) {
			return receipt{int(f.calls.Add(1))}, nil
		},
	}))
	return f
}

func newBareQueue(t *testing.T, policy approval.Policy, opts *approval.Options) *fixture {
	t.Helper()
	f := &fixture{store: approvaltest.NewMemory(), log: openLog(t, audittest.NewMemory(t))}
	var err error
	f.Queue, err = approval.NewQueue(f.store, f.log, policy, opts)
	require.NoError(t, err)
	return f
}

func openLog(t *testing.T, store audit.Store) *audit.Log {
	t.Helper()
	log, err := audit.Open(t.Context(), store, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	return log
}

func (f *fixture) start(t *testing.T) {
	t.Helper()
	require.NoError(t, f.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, f.Stop(context.Background())) })
}

func proposal(key string) approval.Proposal {
	return approval.Proposal{Key: key, Shop: "shop.example.com", Proposer: model}
}

func (f *fixture) propose(t *testing.T, a approval.Action, change ...func(*approval.Proposal)) *approval.Request {
	t.Helper()
	p := proposal("key")
	for _, c := range change {
		c(&p)
	}
	r, err := f.Propose(t.Context(), a, p)
	require.NoError(t, err)
	return r
}

// approve is the decision to approve r as it is.
func approve(r *approval.Request, by approval.Principal) approval.Decision {
	return approval.Decision{RequestID: r.ID, Digest: r.Digest, Verdict: approval.Approve, By: by, Channel: "test"}
}

func reject(r *approval.Request, by approval.Principal) approval.Decision {
	d := approve(r, by)
	d.Verdict, d.Reason = approval.Reject, "no"
	return d
}

func (f *fixture) get(t *testing.T, id string) *approval.Request {
	t.Helper()
	r, err := f.Get(t.Context(), id)
	require.NoError(t, err)
	return r
}

// requireEmpty fails if channels see any request.
func (f *fixture) requireEmpty(t *testing.T) {
	t.Helper()
	for r, err := range f.List(t.Context(), approval.Filter{}) {
		require.NoError(t, err)
		require.FailNow(t, "there is a request", "%s", r.State)
	}
}

// trail returns the kinds of the audit entries about r, in order.
func (f *fixture) trail(t *testing.T, id string) []audit.Kind {
	t.Helper()
	var kinds []audit.Kind
	for _, e := range f.entries(t, id) {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func (f *fixture) entries(t *testing.T, id string) []audit.Entry {
	t.Helper()
	var list []audit.Entry
	for rec, err := range f.Trail(t.Context(), id) {
		require.NoError(t, err)
		list = append(list, rec.Entry)
	}
	return list
}

func count(kinds []audit.Kind, kind audit.Kind) int {
	return len(kinds) - len(slices.DeleteFunc(slices.Clone(kinds), func(k audit.Kind) bool { return k == kind }))
}
