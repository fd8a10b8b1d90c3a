//go:build unix

package sqldb

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// lockFile takes the lock at path. The lock goes with the process, however it
// ends; the file stays, since removing it would let two processes lock two
// files of one name.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("sqldb: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrLocked
		}
		return nil, fmt.Errorf("sqldb: lock: %w", err)
	}
	return f, nil
}

// unlockFile gives the lock back. It says so, because closing is not enough for
// as long as a process that this one is just starting has its copy of the file:
// whoever opens the database meanwhile would find it locked.
func unlockFile(f *os.File) error {
	return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close())
}
