package main

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
)

// newGuard is a guard over a store in memory that waits for stuck.
func newGuard(t *testing.T, before func(audit.Batch) error) *guard {
	t.Helper()
	store := audittest.NewMemory(t)
	store.Before = before
	master, err := audit.NewLocalKey(bytes.Repeat([]byte{3}, audit.MasterKeySize))
	require.NoError(t, err)
	vault, err := audit.NewVault(new(audittest.Keys), master, &audit.VaultOptions{Personal: personal})
	require.NoError(t, err)
	log, err := audit.Open(t.Context(), store, &audit.Options{Vault: vault})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, log.Close()) })
	p := risk.DefaultPolicy()
	return &guard{
		log: log, engine: risk.NewEngine(p), budget: risk.NewBudget(p.Budget, time.UTC), tenders: map[string]map[string]string{},
		shop: "example.myshopify.com", money: p.Currency, zone: time.UTC, now: time.Now, logger: slog.New(slog.DiscardHandler),
	}
}

func asked(key, amount string) *risk.Transaction {
	return &risk.Transaction{Key: "ask/" + key, Kind: risk.Sale, At: time.Now(), Location: "l", Register: "r/" + key, Amount: decimal.RequireFromString(amount)}
}

// The register has its answer in time whatever the disk does: below the limit it
// goes ahead, from it on a manager is called. Nothing that was not recorded passes
// for judged.
func TestAnswerInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		g := newGuard(t, func(audit.Batch) error { <-stuck; return nil })
		for amount, want := range map[string]string{"149.99": decisionApprove, "150.00": decisionManager, "9000": decisionManager} {
			started := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			a, err := g.answer(ctx, asked("slow-"+strings.ReplaceAll(amount, ".", "-"), amount))
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, patience, time.Since(started))
			assert.Equal(t, want, a.Decision, amount)
			assert.False(t, a.Scored)
		}
		seen, _, _ := g.today()
		assert.Zero(t, seen, "what is not on record was not counted")
		close(stuck)
		g.atWork.close() // the judging goes on, and ends
		seen, _, _ = g.today()
		assert.Equal(t, 3, seen)
		v, err := g.known(t.Context(), "ask/slow-9000")
		require.NoError(t, err)
		assert.NotNil(t, v)
		r, err := g.log.Get(t.Context(), entryID(kindFallback, g.shop, "ask/slow-9000"))
		require.NoError(t, err, "what the register was told is on record too")
		assert.Equal(t, decisionManager, r.Entry.Policy.Verdict)
		a, err := g.answer(t.Context(), asked("late-one", "10"))
		require.ErrorIs(t, err, errBusy, "it is stopping")
		assert.Equal(t, decisionApprove, a.Decision)
	})
}

func TestTooManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		g := newGuard(t, func(audit.Batch) error { <-stuck; return nil })
		for range maxAtWork {
			require.True(t, g.atWork.enter())
		}
		started := time.Now()
		a, err := g.answer(t.Context(), asked("one-more", "151"))
		require.ErrorIs(t, err, errBusy)
		assert.Equal(t, decisionManager, a.Decision)
		assert.Zero(t, time.Since(started), "at once")
		for range maxAtWork {
			g.atWork.leave()
		}
		close(stuck)
		g.atWork.close()
	})
}

// Two questions with one id are judged once.
func TestOneAtATime(t *testing.T) {
	g := newGuard(t, func(audit.Batch) error { time.Sleep(20 * time.Millisecond); return nil }) // for the others to come
	t.Cleanup(g.atWork.close)
	done := make(chan answer, 20)
	for range cap(done) {
		go func() {
			a, err := g.answer(t.Context(), asked("same", "10"))
			assert.NoError(t, err)
			done <- a
		}()
	}
	first := <-done
	for range cap(done) - 1 {
		assert.Equal(t, first, <-done)
	}
	seen, _, _ := g.today()
	assert.Equal(t, 1, seen)
	assert.EqualValues(t, 1, g.log.Size())
}

// A log that fails lets nothing pass for judged, and counts nothing.
func TestLogThatFails(t *testing.T) {
	g := newGuard(t, func(audit.Batch) error { return assert.AnError })
	t.Cleanup(g.atWork.close)
	a, err := g.answer(t.Context(), asked("failing", "200"))
	require.Error(t, err)
	assert.False(t, a.Scored)
	assert.Equal(t, decisionManager, a.Decision)
	seen, _, _ := g.today()
	assert.Zero(t, seen)
}

func TestVerdictOnRecord(t *testing.T) {
	g := newGuard(t, nil)
	at := time.Date(2026, 11, 20, 10, 0, 0, 123000, time.UTC)
	want := &Verdict{
		Transaction: risk.Transaction{
			Key: "refund/5", Kind: risk.Return, At: at, Location: "gid://shopify/Location/1", Register: "device/2", Associate: "gid://shopify/StaffMember/3",
			Customer: "gid://shopify/Customer/4", Amount: decimal.RequireFromString("19.90"), Discount: decimal.RequireFromString("2.50"),
			Tenders: []string{"cash", "gift_card"}, Receipt: "order/9", Lines: []risk.Line{{Quantity: 1, UnitPrice: decimal.RequireFromString("50"), GiftCard: true}},
		},
		Assessment: risk.Assessment{
			Score: 0.75, Anomaly: 0.625, Policy: "p+1", Forest: "sha256:00",
			Reasons: []risk.Reason{{Code: risk.SerialReturns, Text: "This is return 3 of the customer within 30 days (limit 3)", Strength: 0.5}},
		},
		Question: "ask/question-5", Channel: channelWebhook, JudgedAt: at.Add(time.Second),
	}
	r, err := g.log.Append(t.Context(), want.entry(g.shop))
	require.NoError(t, err)
	text, err := r.Entry.MarshalJSON()
	require.NoError(t, err)
	assert.NotContains(t, string(text), "Customer/4", "who it was is sealed")
	assert.NotContains(t, string(text), "StaffMember/3")
	got, err := g.verdict(t.Context(), r)
	require.NoError(t, err)
	want.Index, want.Leaf = r.Index, r.LeafHash.String()
	assert.Equal(t, want.Amount.String(), got.Amount.String())
	assert.Equal(t, want.entry(g.shop), got.entry(g.shop))
	assert.Equal(t, want.Reasons, got.Reasons)
	assert.Equal(t, []string{want.Question, want.Leaf, want.Policy}, []string{got.Question, got.Leaf, got.Policy})
	assert.Equal(t, "gid://shopify/Order/9", r.Entry.Correlation)

	_, err = g.log.Erase(t.Context(), audit.Subject{Type: typeCustomer, ID: want.Customer}, audit.DataRequest{ID: "1", Shop: g.shop})
	require.NoError(t, err)
	got, err = g.known(t.Context(), want.Key)
	require.NoError(t, err)
	assert.Empty(t, got.Customer, "erased")
	assert.Equal(t, want.Associate, got.Associate, "sealed apart")

	r.Entry.Attributes["score"] = "high"
	_, err = verdictOf(r)
	require.Error(t, err)
	r.Entry.Kind = audit.KindReceived
	_, err = verdictOf(r)
	require.Error(t, err)
}

func FuzzQuestion(f *testing.F) {
	f.Add(`{"id":"question-1","kind":"sale","location_id":1,"currency":"USD","total":"10.00","lines":[{"sku":"A","quantity":2,"price":"5.00"}]}`)
	f.Add(`{"id":"question-1","kind":"return","location_id":1,"order_id":7,"currency":"USD","total":1e400,"tenders":["cash",""]}`)
	f.Add(`[]`)
	at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	engine := risk.NewEngine(risk.DefaultPolicy())
	f.Fuzz(func(t *testing.T, body string) {
		q, err := readQuestion(bytes.NewReader([]byte(body)), "USD", at)
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		require.NoError(t, q.Validate())
		require.True(t, strings.HasPrefix(q.Key, "ask/"))
		// What is accepted can be judged, and goes on record.
		v := &Verdict{Transaction: *q, Assessment: engine.Assess(q), Channel: channelPOS, JudgedAt: at}
		require.True(t, v.Score >= 0 && v.Score <= 1)
		e := v.entry("example.myshopify.com")
		_, err = e.MarshalJSON()
		require.NoError(t, err)
	})
}
