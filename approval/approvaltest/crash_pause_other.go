//go:build !unix

package approvaltest

import (
	"errors"
	"os"
)

const canPause = false

func pauseSelf() {}

func resume(*os.Process) error { return errors.ErrUnsupported }
