package approval_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
)

func digestSample() *approval.Request {
	return &approval.Request{
		ID: "r1", Kind: "test.note", Revision: 1, Args: json.RawMessage(`{"text":"naïve","n":1.50}`),
		Preview:       approval.Preview{Title: "A note", Summary: "naïve", Fields: []approval.PreviewField{{Label: "l", Value: "v"}}},
		PolicyVersion: "7", Ruling: approval.Ask(approval.Quorum(2, approval.Role("manager")), time.Hour, "why"),
		Proposal: approval.Proposal{
			Shop: "shop.example.com", Location: "gid://shopify/Location/1", Proposer: model,
			Subjects: []audit.Subject{{Type: "order", ID: "gid://shopify/Order/1"}}, Amount: approval.Money{Amount: "500.00", Currency: "GBP"},
			ExpiresAt: time.Date(2026, 5, 1, 13, 0, 0, 0, time.FixedZone("", 3600)),
		},
	}
}

// The vector was made with Python's hashlib from the documented encoding:
//
//	hashlib.sha256(('posai/approval/request/v2\n' + '{"amount":{"amount":"500.00","currency":"GBP"},'
//	  '"args":{"n":1.5,"text":"naïve"},"expires_at":"2026-05-01T12:00:00Z","id":"r1","kind":"test.note","location":"gid://shopify/Location/1",'
//	  '"need":{"quorum":{"n":2,"of":{"role":"manager"}}},"policy_version":"7",'
//	  '"preview":{"fields":[{"label":"l","value":"v"}],"summary":"naïve","title":"A note"},"proposer":"model-1",'
//	  '"revision":1,"shop":"shop.example.com","subjects":[{"id":"gid://shopify/Order/1","type":"order"}],"verdict":"ask"}').encode())
func TestDigestVector(t *testing.T) {
	got, err := digestSample().ComputeDigest()
	require.NoError(t, err)
	assert.Equal(t, "sha256:c30293a53d5802bab92e8336f6283e9064f9843fda0a1381eb6f9ea3a77ff5a0", got)
}

// TestFirstDigestVector: requests that were stored before keep their digests.
func TestFirstDigestVector(t *testing.T) {
	assert.Equal(t, "sha256:2c6f9294ed053d7e8929b237a7ef7faaf741e0002aee303ff34cc662274e40ce", approval.FirstDigest(digestSample()))
}

func TestDigestDependsOnAllThatMatters(t *testing.T) {
	first, err := digestSample().ComputeDigest()
	require.NoError(t, err)
	seen := map[string]string{first: "the sample"}
	changes := map[string]func(*approval.Request){
		"id":             func(r *approval.Request) { r.ID = "r2" },
		"kind":           func(r *approval.Request) { r.Kind = "test.other" },
		"revision":       func(r *approval.Request) { r.Revision = 2 },
		"args":           func(r *approval.Request) { r.Args = json.RawMessage(`{"text":"naïve","n":1.51}`) },
		"preview title":  func(r *approval.Request) { r.Preview.Title = "A Note" },
		"preview text":   func(r *approval.Request) { r.Preview.Summary = "naive" },
		"preview label":  func(r *approval.Request) { r.Preview.Fields[0].Label = "" },
		"preview value":  func(r *approval.Request) { r.Preview.Fields[0].Value = "w" },
		"policy version": func(r *approval.Request) { r.PolicyVersion = "8" },
		"need":           func(r *approval.Request) { r.Ruling.Need.Quorum.N = 1 },
		"verdict":        func(r *approval.Request) { r.Ruling.Verdict = approval.RuleAllow },
		"expiry":         func(r *approval.Request) { r.Proposal.ExpiresAt = r.Proposal.ExpiresAt.Add(1) },
		"shop":           func(r *approval.Request) { r.Shop = "other.example.com" },
		"location":       func(r *approval.Request) { r.Location = "" },
		"subject":        func(r *approval.Request) { r.Subjects[0].ID = "gid://shopify/Order/2" },
		"amount":         func(r *approval.Request) { r.Amount.Amount = "500.01" },
		"currency":       func(r *approval.Request) { r.Amount.Currency = "USD" },
		"proposer":       func(r *approval.Request) { r.Proposer.ID = "model-2" },
	}
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		r := digestSample()
		changes[name](r)
		digest, err := r.ComputeDigest()
		require.NoError(t, err)
		assert.Empty(t, seen[digest], "%s has the digest of another", name)
		seen[digest] = name
	}
	r := digestSample()
	r.Args = json.RawMessage(" {\"n\": 15e-1, \"text\": \"na\\u00efve\"}")
	r.State, r.Reason, r.CreatedAt = approval.Executed, "x", time.Now()
	digest, err := r.ComputeDigest()
	require.NoError(t, err)
	assert.Equal(t, first, digest, "another spelling of the same, and what does not matter")
}
