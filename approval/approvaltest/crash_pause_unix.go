//go:build unix

package approvaltest

import (
	"os"
	"os/signal"
	"syscall"
)

const canPause = true

// pauseSelf returns when another process has called resume. Of the threads, the
// one that sends the signal may be the last to stop, so it waits as well.
func pauseSelf() {
	resumed := make(chan os.Signal, 1)
	signal.Notify(resumed, syscall.SIGCONT)
	defer signal.Stop(resumed)
	_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	<-resumed
}

func resume(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
