package secrettest_test

import (
	"testing"

	"github.com/posai-go/posai/internal/secrettest"
	"github.com/stretchr/testify/assert"
)

// recorder is a test that is allowed to fail.
type recorder struct {
	testing.TB
	failed int
}

func (*recorder) Helper()                 {}
func (r *recorder) Errorf(string, ...any) { r.failed++ }

type plain struct{ secret string }

type stringer struct{ secret string }

func (stringer) String() string   { return "[redacted]" }
func (stringer) GoString() string { return "[redacted]" }

func TestCheckFinds(t *testing.T) {
	const secret = "shpat_0123456789"
	text := secret
	for name, v := range map[string]any{
		"text": secret, "field": plain{secret}, "pointer": &plain{secret}, "only a Stringer": stringer{secret}, "bytes": struct{ B []byte }{[]byte(secret)},
	} {
		r := &recorder{TB: t}
		secrettest.Check(r, secret, v)
		assert.Positive(t, r.failed, name)
	}
	for name, v := range map[string]any{"in a function": struct{ f func() string }{func() string { return text }}} {
		r := &recorder{TB: t}
		secrettest.Check(r, secret, v)
		assert.Zero(t, r.failed, name)
	}
}
