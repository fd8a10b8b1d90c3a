package main

import (
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/examples/internal/demo"
)

// policy allows a follow-up up to the limit, and asks a manager above it. An
// amount in another currency than the shop's cannot be compared and asks too.
func policy(limit, currency string, expiry time.Duration) approval.Policy {
	return approval.Rules("postpurchase-1:"+limit+currency,
		approval.Rule{
			When: approval.AmountAbove(limit, currency),
			Then: approval.Ask(approval.Role(demo.RoleManager), expiry, "The sale is above "+limit+" "+currency+"."),
		},
		approval.Rule{
			When: approval.KindIs(kindFollowUp),
			Then: approval.Allow("The sale is at most " + limit + " " + currency + "."),
		},
	)
}
