package approval_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
)

func TestPropose(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		policy approval.Policy
		state  approval.State
		trail  []audit.Kind
	}{
		"allow": {allowAll, approval.Approved, []audit.Kind{audit.KindProposed, audit.KindRuled}},
		"deny":  {approval.Rules("1", approval.Rule{Then: approval.Deny("never")}), approval.Denied, []audit.Kind{audit.KindProposed, audit.KindRuled}},
		"ask":   {askManager, approval.Pending, []audit.Kind{audit.KindProposed, audit.KindRuled}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newQueue(t, test.policy, nil)
			before := time.Now()
			r := f.propose(t, note{Text: "Hello", Pennies: 50_00}, func(p *approval.Proposal) {
				p.Subjects = []audit.Subject{{Type: "order", ID: "gid://shopify/Order/1"}}
			})
			assert.Equal(t, test.state, r.State)
			assert.Equal(t, test.trail, f.trail(t, r.ID))
			assert.Equal(t, `{"pennies":5000,"text":"Hello"}`, string(r.Args))
			assert.Equal(t, approval.Preview{Title: "A note", Summary: "Hello"}, r.Preview)
			assert.Equal(t, approval.Money{Amount: "50.00", Currency: "GBP"}, r.Amount)
			assert.Len(t, r.Form, 4)
			assert.WithinDuration(t, before, r.CreatedAt, time.Minute)
			digest, err := r.ComputeDigest()
			require.NoError(t, err)
			assert.Equal(t, digest, r.Digest)
			if test.state == approval.Pending {
				assert.Equal(t, r.CreatedAt.Add(time.Hour), r.ExpiresAt)
			} else {
				assert.Zero(t, r.ExpiresAt)
			}
			action, ok := approval.ActionOf[note](r)
			assert.True(t, ok)
			assert.Equal(t, note{Text: "Hello", Pennies: 50_00}, action)
			assert.Zero(t, f.calls.Load(), "nothing is executed before the start")

			entries := f.entries(t, r.ID)
			assert.Equal(t, []audit.Subject{{Type: "approval", ID: r.ID}, {Type: "order", ID: "gid://shopify/Order/1"}}, entries[0].Subjects)
			assert.Equal(t, r.ID, entries[0].Correlation)
			assert.Equal(t, r.Digest, entries[0].Attributes["digest"])
			for _, e := range entries {
				data, err := json.Marshal(e)
				require.NoError(t, err)
				assert.NotContains(t, string(data), "Hello", "no text of the action in the log") // IDs and digests are random, in lower case
			}
		})
	}
}

func TestProposeIsIdempotent(t *testing.T) {
	t.Parallel()
	f := newQueue(t, askManager, nil)
	first := f.propose(t, note{Text: "hello"})
	again := f.propose(t, note{Text: "hello"})
	assert.Equal(t, first, again)
	assert.NotEqual(t, first.ID, f.propose(t, note{Text: "hello"}, func(p *approval.Proposal) { p.Key = "other" }).ID)
	assert.NotEqual(t, first.ID, f.propose(t, note{Text: "hello"}, func(p *approval.Proposal) { p.Shop = "other.example.com" }).ID)

	ids := make([]string, 16)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			p := proposal("raced")
			r, err := approval.KeepFirst(f.Propose(t.Context(), note{Text: strings.Repeat("x", i+1)}, p))
			if assert.NoError(t, err) {
				ids[i] = r.ID
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		assert.Equal(t, ids[0], id)
	}
	assert.Equal(t, []audit.Kind{audit.KindProposed, audit.KindRuled}, f.trail(t, ids[0]), "recorded once")
}

// lossy does not survive its JSON.
type lossy struct{ Secret func() }

func (lossy) Kind() string    { return "test.lossy" }
func (lossy) Validate() error { return nil }

type shifty struct{ N int }

func (shifty) Kind() string                    { return "test.shifty" }
func (shifty) Validate() error                 { return nil }
func (s shifty) MarshalJSON() ([]byte, error)  { return json.Marshal(s.N + 1) }
func (s *shifty) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &s.N) }

type panicky struct{}

func (panicky) Kind() string    { return "test.panicky" }
func (panicky) Validate() error { panic("no") }

// boxed is an action with a pointer receiver; its Kind does not read it.
type boxed struct{ N int }

func (*boxed) Kind() string    { return "test.boxed" }
func (*boxed) Validate() error { return nil }

// moody cannot tell its kind before it has a value.
type moody struct{ name *string }

func (m moody) Kind() string  { return *m.name }
func (moody) Validate() error { return nil }

func TestProposeRefuses(t *testing.T) {
	t.Parallel()
	f := newQueue(t, askManager, nil)
	nothing := func(context.Context, approval.Execution) error { return nil }
	require.NoError(t, approval.Register(f.Queue, approval.Executor[lossy, int]{Execute: func(ctx context.Context, e approval.Execution, _ lossy) (int, error) { return 0, nothing(ctx, e) }}))
	require.NoError(t, approval.Register(f.Queue, approval.Executor[shifty, int]{Execute: func(ctx context.Context, e approval.Execution, _ shifty) (int, error) { return 0, nothing(ctx, e) }}))
	require.NoError(t, approval.Register(f.Queue, approval.Executor[panicky, int]{Execute: func(ctx context.Context, e approval.Execution, _ panicky) (int, error) { return 0, nothing(ctx, e) }}))
	good := note{Text: "hello"}
	for name, test := range map[string]struct {
		action approval.Action
		change func(*approval.Proposal)
		field  string
	}{
		"no action":             {nil, nil, "action"},
		"invalid action":        {note{}, nil, "action"},
		"pointer to the action": {&good, nil, "action"},
		"no JSON":               {lossy{Secret: func() {}}, nil, "action"},
		"changes in JSON":       {shifty{1}, nil, "action"},
		"panics":                {panicky{}, nil, "action"},
		"too large":             {note{Text: strings.Repeat("x", 70_000)}, nil, "action"},
		"not UTF-8":             {note{Text: "\xff"}, nil, ""},
		"no key":                {good, func(p *approval.Proposal) { p.Key = "" }, "key"},
		"long key":              {good, func(p *approval.Proposal) { p.Key = strings.Repeat("x", 201) }, "key"},
		"line feed in key":      {good, func(p *approval.Proposal) { p.Key = "a\nb" }, "key"},
		"no proposer":           {good, func(p *approval.Proposal) { p.Proposer = approval.Principal{} }, "proposer.id"},
		"proposer of no type":   {good, func(p *approval.Proposal) { p.Proposer.Type = "" }, "proposer.type"},
		"confidence 1.1":        {good, func(p *approval.Proposal) { p.Confidence = new(1.1) }, "confidence"},
		"confidence NaN":        {good, func(p *approval.Proposal) { p.Confidence = new(math.NaN()) }, "confidence"},
		"amount":                {good, func(p *approval.Proposal) { p.Amount = approval.Money{Amount: "1,00", Currency: "EUR"} }, "amount"},
		"subject without ID":    {good, func(p *approval.Proposal) { p.Subjects = []audit.Subject{{Type: "order"}} }, "subjects.id"},
		"much evidence":         {good, func(p *approval.Proposal) { p.Evidence = make([]approval.Evidence, 33) }, "evidence"},
		"long evidence":         {good, func(p *approval.Proposal) { p.Evidence = []approval.Evidence{{Text: strings.Repeat("x", 17_000)}} }, "evidence.text"},
		"unusable model":        {good, func(p *approval.Proposal) { p.Model = &audit.Model{InputTokens: -1} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := proposal(name)
			if test.change != nil {
				test.change(&p)
			}
			_, err := f.Propose(t.Context(), test.action, p)
			require.ErrorIs(t, err, approval.ErrInvalid)
			invalid, ok := errors.AsType[*approval.InvalidError](err)
			require.True(t, ok)
			if test.field != "" {
				assert.Equal(t, test.field, invalid.Field)
			}
			assert.NotContains(t, err.Error(), "xxxx")
		})
	}
	f.requireEmpty(t)
	assert.Zero(t, f.log.Size(), "something was recorded")
}

func TestRegisterRefuses(t *testing.T) {
	t.Parallel()
	f := newQueue(t, askManager, nil)
	ok := approval.Executor[note, receipt]{Execute: func(context.Context, approval.Execution, note) (receipt, error) { return receipt{}, nil }}
	require.Error(t, approval.Register(f.Queue, ok), "twice")
	require.Error(t, approval.Register(f.Queue, approval.Executor[panicky, int]{}), "without Execute")
	require.Error(t, approval.Register(f.Queue, approval.Executor[approval.Action, int]{
		Execute: func(context.Context, approval.Execution, approval.Action) (int, error) { return 0, nil },
	}), "an interface")
	require.Error(t, approval.Register(f.Queue, approval.Executor[moody, int]{
		Execute: func(context.Context, approval.Execution, moody) (int, error) { return 0, nil },
	}), "no kind of its own")
}

func TestActionWithPointerReceiver(t *testing.T) {
	t.Parallel()
	f := newBareQueue(t, allowAll, nil)
	require.NoError(t, approval.Register(f.Queue, approval.Executor[*boxed, int]{
		Execute: func(_ context.Context, _ approval.Execution, b *boxed) (int, error) { return b.N + 1, nil },
	}))
	f.start(t)
	r := f.propose(t, &boxed{N: 4})
	assert.Equal(t, "test.boxed", r.Preview.Title, "without a preview people see the JSON")
	assert.JSONEq(t, `{"N":4}`, r.Preview.Summary)
	done, err := f.Wait(t.Context(), r.ID)
	require.NoError(t, err)
	result, err := approval.ResultOf[int](done)
	require.NoError(t, err)
	assert.Equal(t, 5, result)
	action, ok := approval.ActionOf[*boxed](done)
	require.True(t, ok)
	assert.Equal(t, &boxed{N: 4}, action)
	_, ok = approval.ActionOf[note](done)
	assert.False(t, ok, "another kind")
}

func TestPolicyThatFailsAsks(t *testing.T) {
	t.Parallel()
	type rule = func(context.Context, *approval.Request) (approval.Ruling, error)
	for name, rule := range map[string]rule{
		"error": func(context.Context, *approval.Request) (approval.Ruling, error) {
			return approval.Allow("x"), errors.New("no")
		},
		"panic":      func(context.Context, *approval.Request) (approval.Ruling, error) { panic("no") },
		"no verdict": func(context.Context, *approval.Request) (approval.Ruling, error) { return approval.Ruling{}, nil },
		"unknown verdict": func(context.Context, *approval.Request) (approval.Ruling, error) {
			return approval.Ruling{Verdict: "yes"}, nil
		},
		"ask nobody": func(context.Context, *approval.Request) (approval.Ruling, error) {
			return approval.Ask(approval.Need{}, 0, ""), nil
		},
		"ask the impossible": func(context.Context, *approval.Request) (approval.Ruling, error) {
			return approval.Ask(approval.Quorum(-1, approval.Role("x")), -time.Hour, ""), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newQueue(t, approval.PolicyFunc("1", rule), &approval.Options{DefaultNeed: approval.Role("owner"), DefaultExpiry: time.Minute})
			r := f.propose(t, note{Text: "hello"})
			assert.Equal(t, approval.Pending, r.State)
			assert.Equal(t, approval.Role("owner"), r.Ruling.Need)
			assert.Equal(t, r.CreatedAt.Add(time.Minute), r.ExpiresAt)
		})
	}
	t.Run("a policy cannot change the request", func(t *testing.T) {
		f := newQueue(t, approval.PolicyFunc("1", func(_ context.Context, r *approval.Request) (approval.Ruling, error) {
			r.Args[2], r.Amount.Amount = 'X', "0"
			return approval.Allow("x"), nil
		}), nil)
		r := f.propose(t, note{Text: "hello", Pennies: 1})
		assert.Equal(t, `{"pennies":1,"text":"hello"}`, string(r.Args))
		assert.Equal(t, "0.01", r.Amount.Amount)
	})
}

func TestRules(t *testing.T) {
	t.Parallel()
	policy := approval.Rules("2",
		approval.Rule{When: approval.KindIs("test.other"), Then: approval.Deny("other")},
		approval.Rule{When: approval.AmountAbove("500.00", "GBP"), Then: approval.Ask(approval.Role("manager"), 0, "much")},
		approval.Rule{When: approval.KindIs("test.note"), Then: approval.Allow("little")},
	)
	f := newQueue(t, policy, nil)
	assert.Equal(t, approval.Approved, f.propose(t, note{Text: "a", Pennies: 500_00}, func(p *approval.Proposal) { p.Key = "a" }).State)
	assert.Equal(t, approval.Pending, f.propose(t, note{Text: "b", Pennies: 500_01}, func(p *approval.Proposal) { p.Key = "b" }).State)
	none := newQueue(t, approval.Rules("3"), nil)
	assert.Equal(t, approval.Pending, none.propose(t, note{Text: "a"}).State, "no rule at all")
}

func TestNothingIsVisibleBeforeItIsRecorded(t *testing.T) {
	t.Parallel()
	broken := true
	var mu sync.Mutex
	logStore := audittest.NewMemory(t)
	logStore.Before = func(audit.Batch) error {
		mu.Lock()
		defer mu.Unlock()
		if broken {
			return errors.New("disk full")
		}
		return nil
	}
	store := approvaltest.NewMemory()
	queue := func() *fixture {
		f := &fixture{store: store, log: openLog(t, logStore)}
		var err error
		f.Queue, err = approval.NewQueue(store, f.log, allowAll, nil)
		require.NoError(t, err)
		require.NoError(t, approval.Register(f.Queue, approval.Executor[note, receipt]{
			Execute: func(context.Context, approval.Execution, note) (receipt, error) {
				return receipt{int(f.calls.Add(1))}, nil
			},
		}))
		return f
	}
	f := queue()
	_, err := f.Propose(t.Context(), note{Text: "hello"}, proposal("key"))
	require.ErrorIs(t, err, approval.ErrUnrecorded)
	require.ErrorIs(t, err, audit.ErrUncertain)
	f.requireEmpty(t)
	hidden, err := store.List(t.Context(), approval.Filter{States: []approval.State{approval.Recording}})
	require.NoError(t, err)
	require.Len(t, hidden, 1)
	_, err = f.Get(t.Context(), hidden[0].Request.ID)
	require.ErrorIs(t, err, approval.ErrNotFound)
	_, err = f.Decide(t.Context(), approve(&hidden[0].Request, manager))
	require.ErrorIs(t, err, approval.ErrNotFound)
	f.start(t)
	_, err = f.Propose(t.Context(), note{Text: "hello"}, proposal("key"))
	require.ErrorIs(t, err, audit.ErrUnavailable)

	mu.Lock()
	broken = false
	mu.Unlock()
	require.NoError(t, f.Stop(t.Context()))
	assert.Zero(t, f.calls.Load(), "executed although not recorded")
	again := queue() // another process, with the log in order
	r, err := again.Propose(t.Context(), note{Text: "hello"}, proposal("key"))
	require.NoError(t, err)
	again.start(t)
	r, err = again.Wait(t.Context(), r.ID)
	require.NoError(t, err)
	assert.Equal(t, approval.Executed, r.State)
	require.Eventually(t, func() bool { return len(again.trail(t, r.ID)) == 4 }, patience, 5*time.Millisecond)
	assert.Equal(t, []audit.Kind{audit.KindProposed, audit.KindRuled, audit.KindStarted, audit.KindEffect}, again.trail(t, r.ID))
}

// TestPolicyGetsACopy: what a policy does to the request that it is asked about is
// nobody else's business.
func TestPolicyGetsACopy(t *testing.T) {
	confidence := 0.5
	p := proposal("key")
	p.Subjects = []audit.Subject{{Type: "order", ID: "gid://shopify/Order/1"}}
	p.Evidence = []approval.Evidence{{Label: "a", Text: "b"}}
	p.Model, p.Confidence = &audit.Model{Name: "m", Parameters: map[string]string{"temperature": "0"}}, &confidence
	p.Proposer.Roles, p.Proposer.Locations = []string{"r"}, []string{"l"}
	var seen []note
	var decisions, edits int
	vandal := approval.PolicyFunc("1", func(_ context.Context, r *approval.Request) (approval.Ruling, error) {
		n, ok := approval.ActionOf[note](r)
		require.True(t, ok)
		seen = append(seen, n)
		_, ok = approval.ActionOf[*boxed](r)
		require.False(t, ok)
		for i := range r.Args {
			r.Args[i] = 'x'
		}
		r.Subjects[0].ID, r.Evidence[0].Text, r.Model.Name, *r.Confidence = "x", "x", "x", 1
		r.Proposer.Roles[0], r.Proposer.Locations[0], r.Form[0].Name, r.Form[2].Options[0].Value = "x", "x", "x", "x"
		r.Model.Parameters["temperature"] = "x"
		for i := range r.Decisions {
			r.Decisions[i].By.Roles[0], r.Decisions[i].Edit["text"] = "x", "x"
			decisions++
		}
		for _, e := range r.Edits {
			e.By.Roles[0] = "x"
			e.Changes[0].Path = "x"
			copy(e.Changes[0].Before, `"x"`)
			copy(e.Changes[0].After, `"x"`)
			edits++
		}
		assert.Zero(t, r.Ruling, "the policy rules by itself")
		assert.Empty(t, r.Digest)
		return approval.Ask(approval.Quorum(2, approval.Role("manager")), time.Hour, ""), nil
	})
	f := newQueue(t, vandal, &approval.Options{Shadow: vandal})
	dry, err := f.DryRun(t.Context(), note{Text: "a"}, p)
	require.NoError(t, err)
	r, err := f.Propose(t.Context(), note{Text: "a"}, p)
	require.NoError(t, err)
	for _, r := range []*approval.Request{dry, r} {
		text, err := json.Marshal(r)
		require.NoError(t, err)
		assert.NotContains(t, string(text), `"x"`)
		assert.JSONEq(t, `{"text":"a"}`, string(r.Args))
	}
	assert.InDelta(t, 0.5, confidence, 0)
	// The second edit is judged when there are a decision and an edit.
	for i, by := range []approval.Principal{manager, other} {
		r, err = f.Decide(t.Context(), edited(r, by, map[string]string{"text": string(rune('b' + i))}))
		require.NoError(t, err)
	}
	text, err := json.Marshal(r)
	require.NoError(t, err)
	assert.NotContains(t, string(text), `"x"`)
	assert.Equal(t, []int{2, 2}, []int{decisions, edits}, "by the policy and by the candidate")
	assert.Equal(t, []string{"a", "a", "a", "a", "b", "b", "c", "c"}, texts(seen))
}

func texts(notes []note) (list []string) {
	for _, n := range notes {
		list = append(list, n.Text)
	}
	return list
}
