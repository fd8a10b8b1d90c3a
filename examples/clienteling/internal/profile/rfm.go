package profile

import "strings"

// A Segment is a group of customers by recency, frequency and money, with the names of
// Shopify's CustomerRfmGroup, so that both can stand beside one another. Source:
// https://shopify.dev/docs/api/admin-graphql/latest/enums/CustomerRfmGroup
type Segment string

// The segments, from the best to the worst.
const (
	Champions       Segment = "CHAMPIONS"
	Loyal           Segment = "LOYAL"
	Active          Segment = "ACTIVE"
	Promising       Segment = "PROMISING"
	New             Segment = "NEW"
	NeedsAttention  Segment = "NEEDS_ATTENTION"
	AtRisk          Segment = "AT_RISK"
	PreviouslyLoyal Segment = "PREVIOUSLY_LOYAL"
	AlmostLost      Segment = "ALMOST_LOST"
	Dormant         Segment = "DORMANT"
	Prospects       Segment = "PROSPECTS" // no order yet
)

// Segments are all of them, from the best to the worst.
func Segments() []Segment {
	return []Segment{Champions, Loyal, Active, Promising, New, NeedsAttention, AtRisk, PreviouslyLoyal, AlmostLost, Dormant, Prospects}
}

// Label is the segment as people read it, "Needs attention".
func (s Segment) Label() string {
	text := strings.ToLower(strings.ReplaceAll(Clip(string(s)), "_", " "))
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// RFM is where a customer stands in the shop.
type RFM struct {
	// Recency, Frequency and Monetary are quintiles, 1 to 5, see [Population.Scores]; 0 if
	// there is no population to compare with.
	Recency, Frequency, Monetary int
	// Segment is ours, see [SegmentOf]; empty without scores.
	Segment Segment
	// Shopify is Shopify's group; empty if it gave none.
	Shopify Segment
}

// Group is the segment to go by: Shopify's where there is one, else ours.
func (r RFM) Group() Segment {
	if r.Shopify != "" {
		return r.Shopify
	}
	return r.Segment
}

// grid names the segments: by recency, then by the mean of frequency and money, rounded
// up.
var grid = [5][5]Segment{
	{Dormant, Dormant, AlmostLost, PreviouslyLoyal, PreviouslyLoyal},
	{AlmostLost, AlmostLost, AtRisk, AtRisk, AtRisk},
	{NeedsAttention, NeedsAttention, Active, Loyal, Loyal},
	{Promising, Promising, Active, Loyal, Champions},
	{Promising, Promising, Active, Loyal, Champions},
}

// SegmentOf names the segment of scores:
//
//	recency \ frequency and money   1                2                3           4                 5
//	5, 4                            promising        promising        active      loyal             champions
//	3                               needs attention  needs attention  active      loyal             loyal
//	2                               almost lost      almost lost      at risk     at risk           at risk
//	1                               dormant          dormant          almost lost previously loyal  previously loyal
//
// The column is the mean of the two scores, rounded up. Whoever has a single order, of
// recency 4 or 5, is new, whatever they spent; whoever has none is a prospect. It is empty
// for scores that are not 1 to 5.
func SegmentOf(recency, frequency, monetary, orders int) Segment {
	if orders <= 0 {
		return Prospects
	}
	for _, s := range []int{recency, frequency, monetary} {
		if s < 1 || s > 5 {
			return ""
		}
	}
	if orders == 1 && recency >= 4 {
		return New
	}
	return grid[recency-1][(frequency+monetary+1)/2-1]
}

func (p *Population) rfm(m Member, shopifys string) RFM {
	r := RFM{Shopify: Segment(shopifys)}
	r.Recency, r.Frequency, r.Monetary = p.Scores(m)
	if p.Len() >= MinMembers {
		r.Segment = SegmentOf(r.Recency, r.Frequency, r.Monetary, m.Orders)
	}
	return r
}
