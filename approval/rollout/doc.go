// Package rollout brings an AI feature to a retailer's stores in steps, keeps a
// group without it for comparison, and lets nobody go further on a feeling.
//
//	plan := rollout.Plan{
//		Name: "upsell", Version: "2026-11", Holdout: 0.1,
//		Stages: []rollout.Stage{
//			{Name: "pilot", Locations: []string{"gid://shopify/Location/1"}, Share: 0.5},
//			{Name: "all stores", Share: 1},
//		},
//		Primary:    rollout.Goal{Metric: "basket", MinUnits: 200, MaxP: 0.05},
//		Guardrails: []rollout.Guardrail{{Metric: "complaint", Max: 0.01, MinUnits: 100}},
//	}
//	r, err := rollout.New(plan, store, log, observations)
//	err = rollout.Register(queue, r) // all of them, before queue.Start
//	err = r.Begin(ctx)
//
//	switch r.Arm(ctx, rollout.Subject{Unit: basketID, Location: location, Role: role}) {
//	case rollout.Treatment: // suggest
//	case rollout.Control:   // do not, and record the outcome all the same
//	case rollout.Off:       // not part of it
//	}
//
// # Who gets it
//
// Assignment is a hash of the plan's name, its salt and the unit, so it is the
// same everywhere, needs no storage, and a unit that has the feature keeps it
// when the share grows. The control group is cut off before: a unit in it never
// gets the feature while the plan runs, at any stage, and it is compared only
// where the stage reaches. Units that decide together have to be assigned
// together: use the customer, the day at a register or the store, not the line
// item.
//
// With few stores, chance alone would leave the groups unlike. [MatchPairs] finds
// stores that are alike; a plan that names the pairs assigns stores: of each
// pair one gets the feature and the other is its control.
//
// # Going further
//
// [Rollout.Promote] looks at the data first: enough units in both arms, the
// primary metric significantly better, or not worse, as the plan says, no
// guardrail broken. Then it proposes the step to the approval queue; a person
// decides with the figures in view. [Rollout.Check] pauses the plan by itself
// when a guardrail breaks; only a person resumes it.
//
// # Statistics
//
// Units are compared, not events: observations of a unit are averaged. Values
// from before the plan, such as last month's basket of the same customer, are
// used as [Goal].Adjust says: CUPED removes the variance that they explain;
// differences in differences compare changes, which is right where the arms were
// unlike before and would have moved alike. P-values come from a permutation test
// that shuffles the arms, within pairs or strata where there are some, so they
// hold for skewed baskets and few stores. They are two-sided, and hold for one
// look: the more often one looks, the more often chance looks like success.
package rollout
