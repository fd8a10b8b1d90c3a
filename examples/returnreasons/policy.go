package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/examples/internal/demo"
)

// policy allows what is certain enough, and asks a manager about the rest. What
// has no confidence at all asks too: a rule that cannot tell does.
func policy(threshold float64, expiry time.Duration) approval.Policy {
	limit := fmt.Sprintf("%.2f", threshold)
	return approval.Rules("returnreasons-1:"+limit,
		approval.Rule{
			When: confidenceBelow(threshold),
			Then: approval.Ask(approval.Role(demo.RoleManager), expiry, "The reason is less than "+limit+" certain."),
		},
		approval.Rule{
			When: approval.KindIs(kindRecord),
			Then: approval.Allow("The reason is at least " + limit + " certain."),
		},
	)
}

func confidenceBelow(threshold float64) approval.Condition {
	return func(r *approval.Request) (bool, error) {
		if r.Confidence == nil {
			return false, errors.New("the request has no confidence")
		}
		return *r.Confidence < threshold, nil
	}
}
