//go:build unix

package bulk_test

import (
	"syscall"
	"time"
)

// cpuTime is what the process has used of its processors, in user and system
// mode: on a busy machine it says more than the time that went by.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
