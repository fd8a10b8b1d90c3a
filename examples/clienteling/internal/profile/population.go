package profile

import (
	"cmp"
	"hash/fnv"
	"iter"
	"slices"
	"sort"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/shopify"
)

// A Member is what a population knows of a customer; see [MemberOf].
type Member struct {
	Customer shopify.GID
	Last     time.Time       // of their latest order
	Orders   int             // that count; who has none is no member
	Value    decimal.Decimal // lifetime value in the population's currency
}

// Population is the customers of a shop, for comparison. It does not change, and is
// safe for concurrent use. A nil one has no members.
type Population struct {
	currency string
	lasts    []int64 // each sorted
	orders   []int
	values   []decimal.Decimal
}

// PopulationOptions are the optional settings of [NewPopulation].
type PopulationOptions struct {
	// Limit is the most members that are kept, about 150 bytes each, twice as many while
	// it is made. If there are more, those are kept whose IDs have the smallest hashes: a
	// sample that is the same whatever the order in which they come. With n members, shares
	// of the population are then off by more than 1/sqrt(n) once in 20 times at most. If
	// zero, 65,536.
	Limit int
}

// NewPopulation reads the customers of a shop. Of a customer who comes twice, the state
// with the later order, more orders, more value counts. An error of members ends it.
// Nil options are the defaults.
func NewPopulation(currency string, members iter.Seq2[Member, error], opts *PopulationOptions) (*Population, error) {
	limit := 1 << 16
	if opts != nil && opts.Limit > 0 {
		limit = opts.Limit
	}
	s := sample{limit: limit, kept: map[shopify.GID]Member{}, most: ^uint64(0)}
	for m, err := range members {
		if err != nil {
			return nil, err
		}
		if m.Orders > 0 && usable(m.Value) {
			s.add(m)
		}
	}
	s.prune(limit)
	p := &Population{currency: currency}
	for _, m := range s.kept {
		p.lasts = append(p.lasts, m.Last.Unix())
		p.orders = append(p.orders, m.Orders)
		p.values = append(p.values, m.Value)
	}
	slices.Sort(p.lasts)
	slices.Sort(p.orders)
	slices.SortFunc(p.values, decimal.Decimal.Cmp)
	return p, nil
}

// Currency is that of the values; empty for a nil population.
func (p *Population) Currency() string {
	if p == nil {
		return ""
	}
	return p.currency
}

// Len is the number of members that are kept.
func (p *Population) Len() int {
	if p == nil {
		return 0
	}
	return len(p.lasts)
}

// Scores are the quintiles, 1 to 5, in which a member is by recency, frequency and money;
// 5 is the latest, most, highest. Of n members, b are below and e equal to it, it
// included: the score is 1 + floor(5 (b + e/2) / n), so that equals have equal scores, at
// their middle. All are 0 if the population has fewer than [MinMembers], or the member no
// orders.
func (p *Population) Scores(m Member) (recency, frequency, monetary int) {
	if p.Len() < MinMembers || m.Orders == 0 || !usable(m.Value) {
		return 0, 0, 0
	}
	return score(len(p.lasts), func(i int) int { return cmp.Compare(p.lasts[i], m.Last.Unix()) }),
		score(len(p.orders), func(i int) int { return cmp.Compare(p.orders[i], m.Orders) }),
		score(len(p.values), func(i int) int { return p.values[i].Cmp(m.Value) })
}

func score(n int, compare func(i int) int) int {
	below := sort.Search(n, func(i int) bool { return compare(i) >= 0 })
	notAbove := sort.Search(n, func(i int) bool { return compare(i) > 0 })
	return min(5, 1+5*(below+notAbove)/(2*n))
}

// sample keeps the members with the smallest hashes.
type sample struct {
	limit int
	kept  map[shopify.GID]Member
	most  uint64 // hashes above are out for good
}

func (s *sample) add(m Member) {
	if hash(m.Customer) > s.most {
		return
	}
	if have, ok := s.kept[m.Customer]; ok && cmp.Or(m.Last.Compare(have.Last), cmp.Compare(m.Orders, have.Orders), m.Value.Cmp(have.Value)) <= 0 {
		return
	}
	s.kept[m.Customer] = m
	if len(s.kept) >= 2*s.limit {
		s.prune(s.limit)
	}
}

func (s *sample) prune(limit int) {
	if len(s.kept) <= limit {
		return
	}
	ids := make([]shopify.GID, 0, len(s.kept))
	for id := range s.kept {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b shopify.GID) int { return cmp.Or(cmp.Compare(hash(a), hash(b)), cmp.Compare(a, b)) })
	for _, id := range ids[limit:] {
		delete(s.kept, id)
	}
	s.most = hash(ids[limit-1])
}

// hash is FNV-1a with the finalizer of SplitMix64, since IDs differ in their last
// digits only.
func hash(id shopify.GID) uint64 {
	f := fnv.New64a()
	_, _ = f.Write([]byte(id))
	h := f.Sum64()
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
