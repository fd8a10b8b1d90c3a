package stats

import (
	"math"
	"math/bits"
	"math/rand/v2"
)

// Binomial returns the two-sided p-value of k of n under a fair coin: the sign
// test, and McNemar's exact test where k and n-k are the pairs in which one of two
// yes-or-no answers is right and the other is not. It is 1 where n is 0.
//
// Source: McNemar, Psychometrika 12 (1947);
// https://en.wikipedia.org/wiki/McNemar%27s_test#Variations
func Binomial(k, n int) float64 {
	if n <= 0 || k < 0 || k > n {
		return 1
	}
	sum := 0.0
	for i := range min(k, n-k) + 1 {
		sum += math.Exp(logChoose(n, i) - float64(n)*math.Ln2)
	}
	return min(2*sum, 1)
}

// exactSigns is the largest number of differences whose signs are all tried.
const exactSigns = 18

// flips is how many random signs are tried for more differences.
const flips = 20_000

// SignFlip returns the two-sided p-value that the mean of paired differences is
// zero, by a permutation test: if the two of each pair are alike, each difference
// could as well have the other sign. Up to 18 differences that are not zero, all
// signs are tried and exact is true; for more, 20,000 at random, and the observed
// ones count as one of them, so that the value is never too small.
//
// Source: Fisher, The Design of Experiments (1935), section 21; Phipson and Smyth,
// Statistical Applications in Genetics and Molecular Biology 9 (2010)
func SignFlip(differences []float64, seed uint64) (p float64, exact bool) {
	var d []float64
	seen, scale := 0.0, 0.0
	for _, x := range differences {
		if x != 0 {
			d = append(d, x)
			seen += x
			scale += math.Abs(x)
		}
	}
	if len(d) == 0 {
		return 1, true
	}
	// Sums that are equal are not always computed the same.
	limit := math.Abs(seen) - 1e-9*scale
	if len(d) > exactSigns {
		random, extreme := rand.New(rand.NewPCG(seed, uint64(len(d)))), 1
		for range flips {
			sum := 0.0
			for i := 0; i < len(d); i += 64 {
				signs := random.Uint64()
				for j := i; j < min(i+64, len(d)); j++ {
					if signs>>(j-i)&1 == 1 {
						sum += d[j]
					} else {
						sum -= d[j]
					}
				}
			}
			if math.Abs(sum) >= limit {
				extreme++
			}
		}
		return float64(extreme) / (flips + 1), false
	}
	// In Gray's order one sign changes at a time.
	sum, extreme := -total(d), 0
	signs := uint(0)
	for i := uint(0); ; {
		if math.Abs(sum) >= limit {
			extreme++
		}
		if i++; i == 1<<len(d) {
			return float64(extreme) / float64(uint(1)<<len(d)), true
		}
		at := bits.TrailingZeros(i)
		if signs ^= 1 << at; signs>>at&1 == 1 {
			sum += 2 * d[at]
		} else {
			sum -= 2 * d[at]
		}
	}
}

func total(d []float64) float64 {
	sum := 0.0
	for _, x := range d {
		sum += x
	}
	return sum
}
