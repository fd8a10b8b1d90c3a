package approval_test

import (
	"testing"
	"time"

	"github.com/posai-go/posai/approval"
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
