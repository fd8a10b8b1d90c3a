package disk

import (
	"errors"
	"os"
	"syscall"
)

// datasync leaves out what fsync would write beyond data and size, such as the
// modification time.
func datasync(f *os.File) error {
	return control(f, "fdatasync", syscall.Fdatasync)
}

func reserve(f *os.File, size int64) error {
	return control(f, "fallocate", func(fd int) error { return syscall.Fallocate(fd, 0, 0, size) })
}

// control calls the system until no signal is in the way.
func control(f *os.File, op string, call func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var callErr error
	err = conn.Control(func(fd uintptr) {
		for {
			if callErr = call(int(fd)); !errors.Is(callErr, syscall.EINTR) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	if callErr != nil {
		return &os.PathError{Op: op, Path: f.Name(), Err: callErr}
	}
	return nil
}
