//go:build unix

package approvaltest

import (
	"os"
	"syscall"
)

const canPause = true

// pauseSelf returns when another process has called resume.
func pauseSelf() { _ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) }

func resume(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
