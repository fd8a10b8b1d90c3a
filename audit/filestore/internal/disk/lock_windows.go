package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// Lock takes the lock file, which it creates, until [Unlock]. If another holder has it, ok is false.
func Lock(name string, perm fs.FileMode) (f *os.File, ok bool, err error) {
	f, err = os.OpenFile(filepath.Clean(name), os.O_RDWR|os.O_CREATE, perm)
	if err != nil {
		return nil, false, err
	}
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err = windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, new(windows.Overlapped))
	if err == nil {
		return f, true, nil
	}
	_ = f.Close()
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return nil, false, nil
	}
	return nil, false, &os.PathError{Op: "LockFileEx", Path: name, Err: err}
}

// Unlock gives the lock up and closes the file.
func Unlock(f *os.File) error { return f.Close() }

// syncDir does nothing: a directory cannot be synced on Windows, where its
// journal keeps the names.
func syncDir(string) error { return nil }
