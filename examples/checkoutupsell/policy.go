package main

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/examples/checkoutupsell/internal/advice"
	"github.com/posai-go/posai/examples/internal/demo"
)

// policy is the rules as the queue asks them: small discounts are allowed, a manager is
// asked above, and nobody goes below the margin. Devices name the location: at one that
// is not the shop's a manager is asked. A rollout goes on only by a person.
func policy(rules *advice.Rules, locations map[string]string) approval.Policy {
	discount := func(verdict advice.Verdict) approval.Condition {
		return func(r *approval.Request) (bool, error) {
			d, ok := approval.ActionOf[Discount](r)
			if !ok {
				return false, nil
			}
			i, err := d.item()
			if err != nil {
				return false, err
			}
			if d.Currency != rules.Currency {
				return false, errors.New("the discount is in another currency than the rules")
			}
			return rules.Judge(i, d.Percent, 1, d.Stacked).Verdict == verdict, nil
		}
	}
	elsewhere := func(r *approval.Request) (bool, error) {
		_, known := locations[r.Location]
		return !known, nil
	}
	manager := approval.Role(demo.RoleManager)
	decide := time.Duration(rules.DecideMinutes) * time.Minute
	return approval.Rules(rules.Version(),
		approval.Rule{Name: "limits", When: discount(advice.Deny), Then: approval.Deny("The discount is beyond what anybody may give.")},
		approval.Rule{Name: "manager", When: discount(advice.Ask), Then: approval.Ask(manager, decide, "The discount is above what the register may give.")},
		approval.Rule{Name: "elsewhere", When: approval.AllOf(approval.KindIs(kindDiscount), elsewhere), Then: approval.Ask(manager, decide, "The register's location is not known.")},
		approval.Rule{Name: "register", When: discount(advice.Allow), Then: approval.Allow("The discount is within what the register may give.")},
		approval.Rule{Name: "undo", When: approval.KindIs(kindDiscount + ".undo"), Then: approval.Ask(manager, 24*time.Hour, "A code is taken back by a person's decision.")},
		approval.Rule{Name: "rollout", When: approval.AnyOf(approval.KindIs("rollout.promote"), approval.KindIs("rollout.resume")), Then: approval.Ask(manager, 7*24*time.Hour, "A rollout goes on by a person's decision.")},
	)
}

// fuses bound what a location gives without a person. A device makes up the key of each
// cart, so one discount per cart bounds nothing.
func fuses(cfg *config, locations map[string]string) []approval.Fuse {
	var out []approval.Fuse
	for _, gid := range slices.Sorted(maps.Keys(locations)) {
		out = append(out, approval.Fuse{
			Name: "discounts at location " + strconv.FormatInt(number(gid), 10), Scope: approval.Scope{Kind: kindDiscount, Location: gid}, Window: time.Hour,
			MaxCount: cfg.discountsPerHour, MaxAmount: approval.Money{Amount: cfg.offPerHour.StringFixed(2), Currency: cfg.rules.Currency},
		})
	}
	return out
}
