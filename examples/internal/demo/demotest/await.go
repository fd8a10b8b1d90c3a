package demotest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// AwaitEffects waits until the log of a service has n correlation ids with an effect. On
// a slow machine that takes as long as it takes: the test fails when no other came for
// minutes.
func AwaitEffects(t *testing.T, dir string, n int) {
	t.Helper()
	const standstill = 4 * time.Minute
	had := -1
	for last := time.Now(); ; time.Sleep(250 * time.Millisecond) {
		switch have := Effects(t, dir); {
		case have == n:
			return
		case have != had:
			had, last = have, time.Now()
		case time.Since(last) > standstill:
			require.FailNow(t, "without an effect", "%d of %d, and no other for %s", n-have, n, standstill)
		}
	}
}
