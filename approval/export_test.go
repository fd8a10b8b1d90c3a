package approval

// What the tests check directly, because a caller sees only its digest.
var (
	Canonical       = canonical
	CanonicalNumber = canonicalNumber
	DiffJSON        = diff
	Seal            = seal
)
