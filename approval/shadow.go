package approval

import (
	"context"
	"maps"
	"slices"
)

// ShadowRuling is what a candidate policy says about a request.
type ShadowRuling struct {
	Version string `json:"version"` // of the candidate
	Ruling  Ruling `json:"ruling"`
}

// shadow notes what the candidate policy says. Whatever it does, the request
// goes its way.
func (q *Queue) shadow(ctx context.Context, r *Request) {
	r.Shadow = nil
	if q.opts.Shadow == nil {
		return
	}
	version, err := policyVersion(q.opts.Shadow)
	if err != nil {
		q.opts.Logger.WarnContext(ctx, "approval: the candidate policy has no usable version")
		return
	}
	r.Shadow = &ShadowRuling{Version: version, Ruling: q.rule(ctx, q.opts.Shadow, r, nil)}
}

// ruledByPolicy returns what the policy said by itself. It is not known of a
// request that a standing rule allowed before that was stored.
func (r *Request) ruledByPolicy() (ruling Ruling, ok bool) {
	if r.PolicyRuling != nil {
		return *r.PolicyRuling, true
	}
	return r.Ruling, r.Ruling.Standing == ""
}

// Comparison says how two policies differ on the same requests. What is compared
// is what policies say by themselves: switches, standing rules and fuses, which
// stand above them all, make no difference.
type Comparison struct {
	Version string `json:"version"` // of the candidate; empty where several took turns
	Total   int    `json:"total"`   // requests that both ruled on

	// Counts holds the number of requests by what the policy in force said and
	// what the candidate says.
	Counts map[VerdictPair]int `json:"-"`

	// Differing are the requests on which they differ, in verdict or in whom
	// they ask, newest first, at most 1,000.
	Differing []Difference `json:"differing,omitempty"`

	// Skipped is how many requests were selected that the candidate has not
	// ruled on, or of which it is not known what the policy in force said.
	Skipped int `json:"skipped"`
}

// VerdictPair is a pair of verdicts.
type VerdictPair struct{ InForce, Candidate RulingVerdict }

// Difference is one request on which two policies differ.
type Difference struct {
	RequestID string `json:"request_id"`
	Kind      string `json:"kind"`
	InForce   Ruling `json:"in_force"`
	Candidate Ruling `json:"candidate"`

	// State is what became of the request, so that a candidate that would have
	// allowed what people rejected stands out.
	State State `json:"state"`
}

const maxDiffering = 1000

// Differ is the number of requests on which the verdicts differ.
func (c *Comparison) Differ() (n int) {
	for pair, count := range c.Counts {
		if pair.InForce != pair.Candidate {
			n += count
		}
	}
	return n
}

// Pairs returns the pairs of verdicts that occur, in a fixed order.
func (c *Comparison) Pairs() []VerdictPair {
	return slices.SortedFunc(maps.Keys(c.Counts), func(a, b VerdictPair) int {
		return slices.Compare([]RulingVerdict{a.InForce, a.Candidate}, []RulingVerdict{b.InForce, b.Candidate})
	})
}

func (c *Comparison) add(r *Request, candidate Ruling) {
	own, ok := r.ruledByPolicy()
	if !ok {
		c.Skipped++
		return
	}
	c.Total++
	pair := VerdictPair{own.Verdict, candidate.Verdict}
	if c.Counts == nil {
		c.Counts = make(map[VerdictPair]int)
	}
	c.Counts[pair]++
	same := pair.InForce == pair.Candidate && own.Need.String() == candidate.Need.String()
	if !same && len(c.Differing) < maxDiffering {
		c.Differing = append(c.Differing, Difference{RequestID: r.ID, Kind: r.Kind, InForce: own, Candidate: candidate, State: r.State})
	}
}

// Compare reports how the candidate of [Options].Shadow would have ruled on the
// requests that f selects.
func (q *Queue) Compare(ctx context.Context, f Filter) (*Comparison, error) {
	f.Newest = true
	c := new(Comparison)
	versions := map[string]bool{}
	for r, err := range q.List(ctx, f) {
		if err != nil {
			return nil, err
		}
		if r.Shadow == nil {
			c.Skipped++
			continue
		}
		versions[r.Shadow.Version] = true
		c.add(r, r.Shadow.Ruling)
	}
	if len(versions) == 1 {
		for v := range versions {
			c.Version = v
		}
	}
	return c, nil
}

// Replay asks what a policy would have said about the past requests that f
// selects: what if the limit were 40.00? It changes nothing. Requests are judged
// as they are now, an edited one with what the edit made of it.
func (q *Queue) Replay(ctx context.Context, f Filter, candidate Policy) (*Comparison, error) {
	f.Newest = true
	version, err := policyVersion(candidate)
	if err != nil {
		return nil, err
	}
	c := &Comparison{Version: version}
	for r, err := range q.List(ctx, f) {
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		then := *r
		then.Decisions = nil
		c.add(r, q.rule(ctx, candidate, &then, nil))
	}
	return c, nil
}
