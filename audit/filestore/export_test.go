package filestore

import "github.com/posai-go/posai/audit/filestore/internal/disktest"

// OpenOn is Open on a disk with faults.
func OpenOn(dir string, d *disktest.Disk) (*Store, error) {
	return Open(dir, &Options{disk: d})
}
