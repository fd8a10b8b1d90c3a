//go:build unix

package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Lock takes the lock file, which it creates, until [Unlock]. If another holder has it, ok is false.
func Lock(name string, perm fs.FileMode) (f *os.File, ok bool, err error) {
	f, err = os.OpenFile(filepath.Clean(name), os.O_RDWR|os.O_CREATE, perm)
	if err != nil {
		return nil, false, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err == nil {
		return f, true, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, false, nil
	}
	return nil, false, &os.PathError{Op: "flock", Path: name, Err: err}
}

// Unlock gives the lock up and closes the file. A child process that is being started
// has a copy of it for a moment, with which the lock would stay.
func Unlock(f *os.File) error {
	return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close())
}

func syncDir(name string) error {
	d, err := os.Open(filepath.Clean(name))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
