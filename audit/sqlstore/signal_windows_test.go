package sqlstore_test

import (
	"os"
	"testing"
)

// Windows has no signal that stops a process.
func stop(*testing.T, *os.Process)   {}
func resume(*testing.T, *os.Process) {}
