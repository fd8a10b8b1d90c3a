package shopify

//go:generate go run ./internal/safetygen

// Safety says what may be done after a request whose answer was lost. The
// order is from safe to unsafe.
type Safety uint8

const (
	// SafetyRead changes nothing and may be sent again freely.
	SafetyRead Safety = iota + 1
	// SafetyIdempotent writes absolute values: sent twice, it has the effect of
	// once.
	SafetyIdempotent
	// SafetyKeyed carries an idempotency key (@idempotent): Shopify applies it
	// once per key, and it may be sent again with the same key.
	SafetyKeyed
	// SafetyUnsafe may take effect again each time it is sent. After a lost
	// answer the outcome is unknown and must be read back.
	SafetyUnsafe
)

// String returns the name, "read".
func (s Safety) String() string {
	switch s {
	case SafetyRead:
		return "read"
	case SafetyIdempotent:
		return "idempotent"
	case SafetyKeyed:
		return "keyed"
	case SafetyUnsafe:
		return "unsafe"
	default:
		return "unknown"
	}
}

// Repeatable reports whether the same request may be sent again though it may
// have taken effect before.
func (s Safety) Repeatable() bool { return s >= SafetyRead && s < SafetyUnsafe }

// mutationSafety returns the class of a mutation field: what is not in the
// table, known or not, is unsafe. Without its key a keyed mutation is as unsafe
// as any other. Keyed ones demand @idempotent since API version 2026-04.
// Source: https://shopify.dev/docs/api/usage/idempotent-requests
func mutationSafety(field string, key bool) Safety {
	if field == "__typename" {
		return SafetyRead
	}
	class, ok := mutationClasses[field]
	if !ok || class == SafetyKeyed && !key {
		return SafetyUnsafe
	}
	return class
}
