package evaluate

import (
	"slices"
	"time"

	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
)

// Method is a way to rank transactions.
type Method string

// The methods that are compared.
const (
	Guard     Method = "rules and forest"
	RulesOnly Method = "rules alone"
	TreesOnly Method = "forest alone"
	ValueOnly Method = "value only"
	// Hindsight is the value-only rule as strong as it can be: at the end of each
	// day it flags the largest amounts, which nobody knows before.
	Hindsight Method = "value only, in hindsight"
)

// Methods returns all methods, the guard first.
func Methods() []Method { return []Method{Guard, RulesOnly, TreesOnly, ValueOnly, Hindsight} }

// Counts is what came of one run, over the part that counts.
type Counts struct {
	Transactions, Frauds, Flags, Hits int
	// Cases is how many cases of fraud there were, Found how many of them have a
	// flag.
	Cases, Found int
	// Before is how many of the hits were flagged at once, while the customer
	// was still there; the others came up later the same day.
	Before int
	// Over is how many periods have more flags than the cap: there must be none.
	Over int
	// ByScenario is frauds and hits by the name of the scenario.
	ByScenario map[string][2]int
}

// Recall is the share of frauds that were flagged.
func (c Counts) Recall() float64 { return ratio(c.Hits, c.Frauds) }

// CaseRecall is the share of cases of fraud in which something was flagged.
func (c Counts) CaseRecall() float64 { return ratio(c.Found, c.Cases) }

// Precision is the share of flags that are fraud.
func (c Counts) Precision() float64 { return ratio(c.Hits, c.Flags) }

// FlagRate is the share of transactions that were flagged.
func (c Counts) FlagRate() float64 { return ratio(c.Flags, c.Transactions) }

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// retrain is how often the forest learns anew. The service does it every day.
const retrain = 7 * 24 * time.Hour

// Run streams transactions, which are sorted by time, through a method. What is
// before split teaches; what follows counts.
func Run(stream []Labeled, split time.Time, policy *risk.Policy, method Method) (Counts, error) {
	c := Counts{ByScenario: map[string][2]int{}}
	flagged, err := flags(stream, split, policy, method, &c)
	if err != nil {
		return c, err
	}
	periods, cases := map[int64][2]int{}, map[int]bool{}
	for i, t := range stream {
		if t.At.Before(split) {
			continue
		}
		c.Transactions++
		period := risk.Period(t.At, policy.Budget.Days)
		p := periods[period]
		p[0]++
		isFlagged := flagged[i]
		if isFlagged {
			c.Flags++
			p[1]++
		}
		periods[period] = p
		if t.Fraud == "" {
			continue
		}
		cases[t.Case] = cases[t.Case] || isFlagged
		s := c.ByScenario[t.Fraud]
		c.Frauds++
		s[0]++
		if isFlagged {
			c.Hits++
			s[1]++
		}
		c.ByScenario[t.Fraud] = s
	}
	for _, found := range cases {
		c.Cases++
		if found {
			c.Found++
		}
	}
	for _, p := range periods {
		if p[1] > p[0]/policy.Budget.OneIn {
			c.Over++
		}
	}
	return c, nil
}

// Flagged says which transactions a method flags, by their keys.
func Flagged(stream []Labeled, policy *risk.Policy, method Method) (map[string]bool, error) {
	flagged, err := flags(stream, time.Time{}, policy, method, &Counts{})
	out := map[string]bool{}
	for i := range flagged {
		out[stream[i].Key] = true
	}
	return out, err
}

// flags says for each index of the stream whether it was flagged. It sees no
// labels but to count what was caught at once.
func flags(stream []Labeled, split time.Time, policy *risk.Policy, method Method, c *Counts) (map[int]bool, error) {
	if method == Hindsight {
		return hindsight(stream, split, policy.Budget), nil
	}
	limits := policy.Budget
	if method != Guard && method != RulesOnly {
		limits.MinScore = 0 // their scores are on other scales
	}
	engine, budget := risk.NewEngine(policy), risk.NewBudget(limits, time.UTC)
	out, index, trained := map[int]bool{}, map[string]int{}, time.Time{}
	for i := range stream {
		t := &stream[i].Transaction
		index[t.Key] = i
		if t.At.Sub(trained) >= retrain {
			if method != RulesOnly && method != ValueOnly {
				if _, err := engine.Train(); err != nil {
					return nil, err
				}
			}
			trained = t.At
		}
		score := score(engine, t, method)
		engine.Observe(t)
		budget.Seen(t.At, score)
		if budget.Offer(risk.Candidate{Key: t.Key, Score: score}, t.At) {
			out[i] = true
			if stream[i].Fraud != "" && !t.At.Before(split) {
				c.Before++
			}
		}
		for {
			late, ok := budget.Next(t.At)
			if !ok {
				break
			}
			out[index[late.Key]] = true
		}
	}
	return out, nil
}

func score(engine *risk.Engine, t *risk.Transaction, method Method) float64 {
	switch method {
	case ValueOnly:
		v := t.Amount.InexactFloat64()
		return v / (v + 1000) // grows with the amount, and stays below 1
	case TreesOnly:
		return engine.Assess(t).Anomaly
	}
	return engine.Assess(t).Score
}

func hindsight(stream []Labeled, split time.Time, budget risk.BudgetPolicy) map[int]bool {
	periods := map[int64][]int{}
	for i, t := range stream {
		if !t.At.Before(split) {
			p := risk.Period(t.At, budget.Days)
			periods[p] = append(periods[p], i)
		}
	}
	out := map[int]bool{}
	for _, p := range periods {
		slices.SortStableFunc(p, func(a, b int) int { return stream[b].Amount.Cmp(stream[a].Amount) })
		for _, i := range p[:len(p)/budget.OneIn] {
			out[i] = true
		}
	}
	return out
}
