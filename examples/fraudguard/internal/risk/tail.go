package risk

import "math"

const (
	maxTail = 4096 // transactions that a tail remembers
	minTail = 200  // with fewer it does not know what is rare
	// certain is the share below which nothing is rarer still.
	certain = 0.001
)

// tail knows how often a value was as high in the latest transactions. So a reason
// says little where it is given every day, and the same limits do for a boutique
// and for a wholesaler.
type tail struct {
	ring []float32
	next int
}

func (t *tail) add(v float64) {
	if len(t.ring) < maxTail {
		t.ring = append(t.ring, float32(v))
		return
	}
	t.ring[t.next] = float32(v)
	t.next = (t.next + 1) % maxTail
}

// rarity is 0 for what is always as high and 1 for what one in a thousand
// transactions is. Without enough to compare with, it goes by how far excess is
// beyond the limit, which is at 1.
func (t *tail) rarity(v, excess float64) float64 {
	if len(t.ring) < minTail {
		return 1 - math.Exp2(-min(excess, 60))
	}
	as := 1
	for _, other := range t.ring {
		if other >= float32(v) {
			as++
		}
	}
	p := float64(as) / float64(len(t.ring)+1)
	return min(math.Log(p)/math.Log(certain), 1)
}
