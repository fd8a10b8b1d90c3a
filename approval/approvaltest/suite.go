package approvaltest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
)

// patience is how long the suite waits for a wake-up.
const patience = time.Minute

// TestStore checks that a store keeps the contract of [approval.Store].
// newStore returns an empty store that is released when its test ends. It is
// called once per rule; rules run in parallel.
func TestStore(t *testing.T, newStore func(t *testing.T) approval.Store) {
	for _, rule := range []struct {
		name string
		test func(*testing.T, approval.Store)
	}{
		{"what is inserted comes back whole", testRoundTrip},
		{"a key is inserted once per shop and kind", testInsertOnce},
		{"one of many inserts of a key wins", testInsertRace},
		{"what is returned is a copy", testCopies},
		{"an update needs the present version", testUpdate},
		{"one of many updates of a version wins", testUpdateRace},
		{"what is not there is not found", testNotFound},
		{"lists select", testListSelects},
		{"lists come in pages and in order", testListPages},
		{"a document is written by who saw it last", testDocument},
		{"one of many writes of a document wins", testDocumentRace},
		{"a record and documents are inserted together or not at all", testInsertWith},
		{"one of many inserts of a key writes its document", testInsertWithRace},
		{"documents are listed and dropped by name, if the store can", testDocuments},
		{"a snapshot is what the parts are, if there is one", testSnapshot},
		{"time goes on", testNow},
		{"nothing is done for an ended context", testEndedContext},
		{"wakes soon after the commit, with a live worker", testWakeSoon},
		{"wakes at the time", testWakeAt},
		{"wakes again as asked and after errors", testWakeAgain},
		{"wakes whom it is told to, if it can", testWakeNamed},
		{"what was not stored wakes nobody", testNoWake},
		{"what was arranged before a start is called after it", testWakeAfterStart},
		{"stop waits, and cancels when its context ends", testStop},
	} {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			rule.test(t, newStore(t))
		})
	}
}

// sample returns a record with a value in every field that can have one.
func sample(key string) *approval.Record {
	at := time.Date(2026, 5, 4, 3, 2, 1, 123456000, time.UTC)
	ann := approval.Principal{ID: "staff-1", Name: "Ann", Type: approval.Human, Roles: []string{"manager"}, Locations: []string{"gid://shopify/Location/1"}, ActsFor: []string{"staff-2"}}
	return &approval.Record{
		Request: approval.Request{
			ID: "r-" + rand.Text(), Kind: "test.note", Revision: 2, Args: json.RawMessage(`{"text":"naïve <b>&\u2028"}`),
			Preview: approval.Preview{Title: "Título", Summary: "s", Fields: []approval.PreviewField{{Label: "l", Value: "v"}}},
			Form:    []approval.FormField{{Name: "n", Label: "l", Type: approval.FieldSelect, Value: "v", MaxLength: 3, Options: []approval.Option{{Value: "v", Label: "V"}}, Required: true}},
			Digest:  "sha256:00", PolicyVersion: "1", State: approval.Pending,
			Ruling: sampleRuling(), PolicyRuling: new(sampleRuling()), Escalated: 1, EscalatedAt: []time.Time{at}, Shadow: &approval.ShadowRuling{Version: "2", Ruling: sampleRuling()}, UndoRequest: "u",
			Proposal: approval.Proposal{
				Key: key, Shop: "shop.example.com", Location: "gid://shopify/Location/1", Correlation: "c", Proposer: Model("m"), Reason: "because",
				Subjects: []audit.Subject{{Type: "order", ID: "gid://shopify/Order/1"}}, Amount: approval.Money{Amount: "500.00", Currency: "GBP"},
				Model: &audit.Model{Provider: "p", Name: "n", Baseline: true}, ExpiresAt: at.Add(2 * time.Hour), Evidence: []approval.Evidence{{Label: "l", Text: "t"}}, Confidence: new(0.5),
			},
			CreatedAt: at, ChangedAt: at.Add(time.Second), ExpiresAt: at.Add(time.Hour),
			Decisions: []approval.Decision{{RequestID: "r", Digest: "d", Verdict: approval.Approve, Reason: "ok", By: ann, Channel: "c", Edit: map[string]string{"n": "v"}, ShownAt: at, At: at, Revision: 2}},
			Edits:     []approval.Edit{{Revision: 2, By: ann, Channel: "c", At: at, Before: "a", After: "b", Changes: []approval.Diff{{Path: "/text", Before: json.RawMessage(`1`), After: json.RawMessage(`"2"`)}}}},
			Execution: &approval.ExecutionRecord{
				IdempotencyKey: "k", Attempt: 3, StartedAt: at, FinishedAt: at, Result: json.RawMessage(`{"id":1}`), Error: "e",
				UnknownSince: at, NextAt: at, Looks: 4,
			},
			Resolution: &approval.Resolution{Outcome: approval.Happened, By: ann, Reason: "seen", At: at},
		},
		Outbox: []string{`{"a":"<&>"}`, `{"b":2}`},
		Claim:  approval.Claim{Worker: "w", Fence: 7}, Proposed: "sha256:01",
	}
}

func sampleRuling() approval.Ruling {
	r := approval.Ask(approval.Any(approval.Quorum(2, approval.Role("clerk")), approval.All(approval.Role("manager"), approval.Person("x"))), time.Hour, "why")
	r.Rule, r.Standing = "rule 1", "s"
	return r.WithEscalation(approval.Escalation{After: time.Minute, Need: approval.Role("owner")})
}

func testRoundTrip(t *testing.T, s approval.Store) {
	r := sample("a")
	requireFull(t, reflect.ValueOf(*r), "Record")
	stored, inserted, err := s.Insert(t.Context(), r)
	require.NoError(t, err)
	require.True(t, inserted)
	assert.Zero(t, r.Version, "the caller's record is left alone")
	r.Version = 1
	assert.Equal(t, r, stored)
	got, err := s.Get(t.Context(), r.Request.ID)
	require.NoError(t, err)
	assert.Equal(t, r, got)
}

// requireFull makes sure that the sample leaves no field out that a store could
// forget.
func requireFull(t *testing.T, v reflect.Value, path string) {
	if v.Type() == reflect.TypeFor[time.Time]() || v.Type() == reflect.TypeFor[approval.Need]() {
		require.False(t, v.IsZero(), path)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			switch path + "." + name {
			case "Record.Version", "Record.Request.Proposal.Proposer.Roles", "Record.Request.Proposal.Proposer.Locations", "Record.Request.Proposal.Proposer.ActsFor":
				continue
			}
			if v.Type() != reflect.TypeFor[audit.Model]() && v.Type().Field(i).IsExported() {
				requireFull(t, v.Field(i), path+"."+name)
			}
		}
	default:
		require.False(t, v.IsZero(), "%s is not in the sample", path)
	}
}

func testInsertOnce(t *testing.T, s approval.Store) {
	first := insert(t, s, sample("a"))
	again := sample("a")
	again.Request.Reason = "another reason"
	stored, inserted, err := s.Insert(t.Context(), again)
	require.NoError(t, err)
	assert.False(t, inserted)
	assert.Equal(t, first, stored, "the first one is returned")
	_, err = s.Get(t.Context(), again.Request.ID)
	require.ErrorIs(t, err, approval.ErrNotFound, "the second one is not stored")

	for name, change := range map[string]func(*approval.Request){
		"another key":  func(r *approval.Request) { r.Key = "b" },
		"another shop": func(r *approval.Request) { r.Shop = "other.example.com" },
		"another kind": func(r *approval.Request) { r.Kind = "test.other" },
	} {
		r := sample("a")
		change(&r.Request)
		_, inserted, err := s.Insert(t.Context(), r)
		require.NoError(t, err)
		assert.True(t, inserted, name)
	}
}

func testInsertRace(t *testing.T, s approval.Store) {
	const n = 16
	ids := make([]string, n)
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			stored, inserted, err := s.Insert(t.Context(), sample("a"))
			if assert.NoError(t, err) {
				ids[i] = stored.Request.ID
			}
			if inserted {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	assert.EqualValues(t, 1, won.Load())
	assert.Len(t, slices.Compact(ids), 1, "all get the same record")
}

func testCopies(t *testing.T, s approval.Store) {
	r := sample("a")
	stored := insert(t, s, r)
	r.Request.Args[2] = 'X'
	stored.Request.Args[2] = 'X'
	stored.Outbox[0] = "X"
	got, err := s.Get(t.Context(), r.Request.ID)
	require.NoError(t, err)
	got.Request.Decisions[0].By.Roles[0] = "X"
	list, err := s.List(t.Context(), approval.Filter{})
	require.NoError(t, err)
	require.Len(t, list, 1)
	want := sample("a")
	want.Request.ID, want.Version = r.Request.ID, 1
	assert.Equal(t, want, list[0])
}

func testUpdate(t *testing.T, s approval.Store) {
	v1 := insert(t, s, sample("a"))
	change := *v1
	change.Request.State = approval.Executed
	change.Outbox = nil
	v2, err := s.Update(t.Context(), &change)
	require.NoError(t, err)
	assert.EqualValues(t, 1, change.Version, "the caller's record is left alone")
	assert.EqualValues(t, 2, v2.Version)
	assert.Equal(t, approval.Executed, v2.Request.State)
	got, err := s.Get(t.Context(), v1.Request.ID)
	require.NoError(t, err)
	assert.Equal(t, v2, got)
	for _, version := range []int64{0, 1, 3} {
		change.Version = version
		_, err := s.Update(t.Context(), &change)
		require.ErrorIs(t, err, approval.ErrConflict, "version %d", version)
	}
	list, err := s.List(t.Context(), approval.Filter{States: []approval.State{approval.Executed}})
	require.NoError(t, err)
	assert.Equal(t, []*approval.Record{v2}, list, "lists see the update")
}

func testUpdateRace(t *testing.T, s approval.Store) {
	const rounds, n = 5, 16
	r := insert(t, s, sample("a"))
	for round := range rounds {
		var won atomic.Int32
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() {
				change := *r
				_, err := s.Update(t.Context(), &change)
				if err == nil {
					won.Add(1)
				} else {
					assert.ErrorIs(t, err, approval.ErrConflict)
				}
			})
		}
		wg.Wait()
		assert.EqualValues(t, 1, won.Load())
		var err error
		r, err = s.Get(t.Context(), r.Request.ID)
		require.NoError(t, err)
		assert.EqualValues(t, round+2, r.Version)
	}
}

func testNotFound(t *testing.T, s approval.Store) {
	_, err := s.Get(t.Context(), "nothing")
	require.ErrorIs(t, err, approval.ErrNotFound)
	_, err = s.Update(t.Context(), sample("a"))
	require.ErrorIs(t, err, approval.ErrNotFound)
	list, err := s.List(t.Context(), approval.Filter{})
	require.NoError(t, err)
	assert.Empty(t, list)
}

func testListSelects(t *testing.T, s approval.Store) {
	put := func(key string, change func(*approval.Request)) {
		r := sample(key)
		change(&r.Request)
		insert(t, s, r)
	}
	put("recording", func(r *approval.Request) { r.State = approval.Recording })
	put("pending", func(*approval.Request) {})
	put("failed", func(r *approval.Request) { r.State = approval.Failed })
	put("shop", func(r *approval.Request) { r.Shop = "other.example.com" })
	put("location", func(r *approval.Request) { r.Location = "gid://shopify/Location/2" })
	put("kind", func(r *approval.Request) { r.Kind = "test.other" })
	put("subject", func(r *approval.Request) {
		r.Subjects = []audit.Subject{{Type: "order", ID: "gid://shopify/Order/2"}, {Type: "customer", ID: "gid://shopify/Customer/1"}}
	})
	put("later", func(r *approval.Request) { r.CreatedAt = r.CreatedAt.Add(time.Hour) })
	put("text", func(r *approval.Request) { r.Preview.Title = "100% of Ümlaut_cases" })
	put("proposer", func(r *approval.Request) { r.Proposer.ID = "m2" })
	every := []string{"failed", "kind", "later", "location", "pending", "proposer", "shop", "subject", "text"}
	without := func(keys ...string) []string {
		return slices.DeleteFunc(slices.Clone(every), func(key string) bool { return slices.Contains(keys, key) })
	}
	at := sample("").Request.CreatedAt
	for name, test := range map[string]struct {
		filter approval.Filter
		keys   []string
	}{
		"all but recording": {approval.Filter{}, every},
		"a state":           {approval.Filter{States: []approval.State{approval.Failed}}, []string{"failed"}},
		"several states":    {approval.Filter{States: []approval.State{approval.Failed, approval.Recording}}, []string{"failed", "recording"}},
		"a shop":            {approval.Filter{Shop: "other.example.com"}, []string{"shop"}},
		"a location":        {approval.Filter{Location: "gid://shopify/Location/2"}, []string{"location"}},
		"several locations": {approval.Filter{Locations: []string{"gid://shopify/Location/2", "gid://shopify/Location/9"}}, []string{"location"}},
		"one of locations":  {approval.Filter{Locations: []string{"gid://shopify/Location/2"}}, []string{"location"}},
		"one that is none":  {approval.Filter{Location: "gid://shopify/Location/1", Locations: []string{"gid://shopify/Location/2", "' OR 1=1 --"}}, nil},
		"a kind":            {approval.Filter{Kind: "test.other"}, []string{"kind"}},
		"a key":             {approval.Filter{Key: "pending"}, []string{"pending"}},
		"no match of all":   {approval.Filter{Kind: "test.other", Key: "pending"}, nil},
		"an order":          {approval.Filter{Subject: audit.Subject{Type: "order", ID: "gid://shopify/Order/2"}}, []string{"subject"}},
		"any customer":      {approval.Filter{Subject: audit.Subject{Type: "customer"}}, []string{"subject"}},
		"since":             {approval.Filter{Since: at.Add(time.Hour)}, []string{"later"}},
		"until":             {approval.Filter{Until: at.Add(time.Hour)}, without("later")},
		"a proposer":        {approval.Filter{Proposer: "m2"}, []string{"proposer"}},
		"words":             {approval.Filter{Text: " CASES  100% "}, []string{"text"}},
		"a word of the key": {approval.Filter{Text: "pend"}, []string{"pending"}},
		"an ID":             {approval.Filter{Text: "order/2"}, []string{"subject"}},
		"no wildcards":      {approval.Filter{Text: "1%0"}, nil},
		"nor single ones":   {approval.Filter{Text: "ümlaut_case_"}, nil},
		"hostile text":      {approval.Filter{Text: "!' OR 1=1 --"}, nil},
		"hostile value":     {approval.Filter{Key: "' OR 1=1 --"}, nil},
	} {
		list, err := s.List(t.Context(), test.filter)
		require.NoError(t, err, name)
		var keys []string
		for _, r := range list {
			keys = append(keys, r.Request.Key)
		}
		slices.Sort(keys)
		assert.Equal(t, test.keys, keys, name)
	}
}

func testListPages(t *testing.T, s approval.Store) {
	const n = 105
	var oldest []string
	for i := range n {
		r := sample(strconv.Itoa(i))
		// Some share the moment: their order is any, but always the same.
		r.Request.CreatedAt = r.Request.CreatedAt.Add(time.Duration(i/2) * time.Microsecond)
		insert(t, s, r)
		oldest = append(oldest, r.Request.ID)
	}
	page := func(f approval.Filter) (ids []string) {
		list, err := s.List(t.Context(), f)
		require.NoError(t, err)
		for _, r := range list {
			ids = append(ids, r.Request.ID)
		}
		return ids
	}
	assert.Len(t, page(approval.Filter{}), 100, "the default page")
	forward := page(approval.Filter{Limit: n + 1})
	require.Len(t, forward, n)
	for i := range forward {
		at := slices.Index(oldest, forward[i])
		assert.Equal(t, i/2, at/2, "oldest first")
	}
	backward := page(approval.Filter{Limit: n + 1, Newest: true})
	slices.Reverse(backward)
	assert.Equal(t, forward, backward, "newest first is the reverse")
	for _, newest := range []bool{false, true} {
		var pages []string
		f := approval.Filter{Limit: 10, Newest: newest}
		for {
			ids := page(f)
			if len(ids) == 0 {
				break
			}
			pages = append(pages, ids...)
			f.After = ids[len(ids)-1]
		}
		if newest {
			slices.Reverse(pages)
		}
		assert.Equal(t, forward, pages, "pages, newest first: %v", newest)
	}
	assert.Empty(t, page(approval.Filter{After: "nothing"}))
}

func testNow(t *testing.T, s approval.Store) {
	a, err := s.Now(t.Context())
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), a, time.Hour)
	require.Eventually(t, func() bool {
		b, err := s.Now(t.Context())
		return err == nil && b.After(a)
	}, patience, 5*time.Millisecond)
}

func testEndedContext(t *testing.T, s approval.Store) {
	r := insert(t, s, sample("a"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := s.Insert(ctx, sample("b"))
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.Update(ctx, r)
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.Get(ctx, r.Request.ID)
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.List(ctx, approval.Filter{})
	require.ErrorIs(t, err, context.Canceled)
	list, err := s.List(t.Context(), approval.Filter{})
	require.NoError(t, err)
	assert.Equal(t, []*approval.Record{r}, list)
}

func insert(t *testing.T, s approval.Store, r *approval.Record, wake ...time.Time) *approval.Record {
	t.Helper()
	stored, inserted, err := s.Insert(t.Context(), r, wake...)
	require.NoError(t, err)
	require.True(t, inserted)
	return stored
}

// start starts s with hooks that do as wake says, and stops it when the test
// ends.
func start(t *testing.T, s approval.Store, wake func(context.Context, approval.Wake) (time.Duration, error)) {
	t.Helper()
	require.NoError(t, s.Start(t.Context(), approval.Hooks{Wake: wake}))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		assert.NoError(t, s.Stop(ctx))
	})
}

func receive[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		require.FailNow(t, "nobody was woken")
		panic("unreachable")
	}
}
