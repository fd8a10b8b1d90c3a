package approval_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
)

// BenchmarkPolicy is what rules of this package cost: for requests that are
// judged while somebody waits at the till.
func BenchmarkPolicy(b *testing.B) {
	policy := approval.Rules("1",
		approval.Rule{Name: "other", When: approval.KindIs("test.other"), Then: approval.Deny("no")},
		approval.Rule{Name: "elsewhere", When: approval.InScope(approval.Scope{Location: "gid://shopify/Location/9"}), Then: approval.Deny("no")},
		approval.Rule{
			Name: "large", When: approval.AllOf(approval.KindIs("test.note"), approval.AmountAbove("500.00", "GBP")),
			Then: approval.Ask(approval.All(approval.Role("peer"), approval.Role("manager")), time.Hour, "large"),
		},
		approval.Rule{Name: "small", Then: approval.Allow("small")})
	r := &approval.Request{Kind: "test.note", Proposal: approval.Proposal{Amount: approval.Money{Amount: "499.99", Currency: "GBP"}, Location: "gid://shopify/Location/1"}}
	b.ReportAllocs()
	for b.Loop() {
		ruling, err := policy.Rule(b.Context(), r)
		if err != nil || ruling.Verdict != approval.RuleAllow {
			b.Fatal(ruling.Verdict, err)
		}
	}
}

// BenchmarkNeed is whether two people meet a need.
func BenchmarkNeed(b *testing.B) {
	people := []approval.Principal{clerk, manager}
	for name, need := range map[string]approval.Need{
		"role":   approval.Role("manager"),
		"quorum": approval.Quorum(1, approval.Role("manager")),
		"all":    approval.All(approval.Quorum(1, approval.Role("clerk")), approval.Quorum(1, approval.Role("manager"))),
		"any":    approval.Any(approval.Role("owner"), approval.Role("manager"), approval.Person("manager-9")),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !need.Met(people) {
					b.Fatal("not met")
				}
			}
		})
	}
}

// BenchmarkRuling is what a ruling costs in a queue, beside a copy of the request
// by way of JSON and the policy alone.
func BenchmarkRuling(b *testing.B) {
	policy := approval.Rules("1", approval.Rule{
		When: func(r *approval.Request) (bool, error) {
			n, ok := approval.ActionOf[note](r)
			return ok && n.Pennies > 500_00, nil
		},
		Then: approval.Ask(approval.Role("manager"), time.Hour, "large"),
	}, approval.Rule{Then: approval.Allow("small")})
	log, err := audit.Open(b.Context(), audittest.NewMemory(b), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	q, err := approval.NewQueue(approvaltest.NewMemory(), log, policy, nil)
	if err != nil {
		b.Fatal(err)
	}
	action := note{Text: "hello", Pennies: 499_99}
	args, err := json.Marshal(action)
	if err != nil {
		b.Fatal(err)
	}
	r := &approval.Request{Kind: "test.note", Args: args, Preview: action.Preview(), Form: action.EditForm(), Proposal: proposal("key")}
	r.Evidence = []approval.Evidence{{Label: "orders", Text: strings.Repeat("bought twice ", 100)}}
	measure := func(f func()) time.Duration {
		const times = 200
		start := time.Now()
		for range times {
			f()
		}
		return time.Since(start) / times
	}
	var queue, copied time.Duration
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		queue += measure(func() {
			if q.RuleTyped(b.Context(), r, action).Verdict != approval.RuleAllow {
				b.Fatal("not allowed")
			}
		})
		copied += measure(func() {
			if _, err := approval.CloneJSON(r); err != nil {
				b.Fatal(err)
			}
		})
	}
	b.ReportMetric(float64(queue.Nanoseconds())/float64(n), "ns/ruling")
	b.ReportMetric(float64(copied)/float64(queue), "json_copy/ruling")
}
