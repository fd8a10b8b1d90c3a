//go:build !linux

package disk

import "os"

func datasync(f *os.File) error { return f.Sync() }

// reserve does nothing: there is no call for it that all these systems have.
func reserve(*os.File, int64) error { return nil }
