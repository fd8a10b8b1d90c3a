//go:build unix

package sqlstore_test

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func stop(t *testing.T, p *os.Process)   { require.NoError(t, p.Signal(syscall.SIGSTOP)) }
func resume(t *testing.T, p *os.Process) { require.NoError(t, p.Signal(syscall.SIGCONT)) }
