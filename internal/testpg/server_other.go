//go:build !unix

package testpg

import "errors"

func start() (running, error) {
	return running{}, errors.New("POSAI_TEST_POSTGRES is not set, and a throw-away server is started on Unix only")
}
