package risk

import (
	"bytes"
	_ "embed"
)

// defaultPolicyJSON is the policy that the example runs with unless it is given
// another one.
//
//go:embed default_policy.json
var defaultPolicyJSON []byte

// DefaultPolicy returns the policy of default_policy.json, to start from: its
// limits are for a clothes shop that counts in dollars.
func DefaultPolicy() *Policy {
	p, err := ReadPolicy(bytes.NewReader(defaultPolicyJSON))
	if err != nil {
		panic(err) // a test reads it
	}
	return p
}
