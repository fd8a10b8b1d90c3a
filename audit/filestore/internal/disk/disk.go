// Package disk is the seam between the file store and the operating system: what
// the store needs of files, so that tests can make a disk fail.
package disk

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Stat() (fs.FileInfo, error)
	Truncate(size int64) error
	// Reserve gives the file space on the disk up to the size. Where that is beyond
	// its end, it may grow by zeros.
	Reserve(size int64) error
	// Sync makes what was written durable, together with the file's size.
	Sync() error
}

// FS opens files.
type FS interface {
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	Rename(from, to string) error
	Remove(name string) error
	MkdirAll(name string, perm fs.FileMode) error
	// SyncDir makes the names in a directory durable.
	SyncDir(name string) error
}

// OS is the operating system's file system.
type OS struct{}

// OpenFile implements [FS].
func (OS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := os.OpenFile(filepath.Clean(name), flag, perm)
	if err != nil {
		return nil, err
	}
	return file{f}, nil
}

// Rename implements [FS].
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove implements [FS].
func (OS) Remove(name string) error { return os.Remove(name) }

// MkdirAll implements [FS].
func (OS) MkdirAll(name string, perm fs.FileMode) error { return os.MkdirAll(name, perm) }

// SyncDir implements [FS].
func (OS) SyncDir(name string) error { return syncDir(name) }

type file struct{ *os.File }

// Reserve implements [File].
func (f file) Reserve(size int64) error { return reserve(f.File, size) }

// Sync implements [File].
func (f file) Sync() error { return datasync(f.File) }
