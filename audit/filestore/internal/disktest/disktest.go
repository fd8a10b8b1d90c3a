// Package disktest makes disks fail: writes that fail or end short, syncs that
// fail, and a loss of power that keeps an arbitrary part of what was not synced.
package disktest

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"sync"

	"github.com/posai-go/posai/audit/filestore/internal/disk"
)

// Op is a kind of operation that can fail.
type Op string

// The operations.
const (
	Write      Op = "write"       // nothing is written
	ShortWrite Op = "short write" // half is written
	Sync       Op = "sync"
)

// ErrPower is the error of every operation after the power is lost.
var ErrPower = errors.New("disktest: no power")

// Disk is the operating system's file system with faults. It is safe for
// concurrent use.
type Disk struct {
	disk.OS

	mu      sync.Mutex
	faults  map[Op]error
	steps   int // operations until the power is lost; negative: never
	off     bool
	changes []*change
	syncs   int
}

// change is a write that was not synced yet.
type change struct {
	path    string
	at      int64
	old     []byte // what was there before
	written []byte
	oldSize int64
}

// New returns a disk without faults.
func New() *Disk { return &Disk{steps: -1, faults: map[Op]error{}} }

// Fail makes all operations of the kind fail with err; nil heals it.
func (d *Disk) Fail(op Op, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults[op] = err
}

// LosePower lets n more writes and syncs succeed; then every operation fails
// with [ErrPower].
func (d *Disk) LosePower(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.steps = n
}

// Syncs returns how many syncs succeeded.
func (d *Disk) Syncs() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.syncs
}

// step counts an operation and returns its fault.
func (d *Disk) step(op Op) error {
	if d.steps == 0 {
		d.off = true
	}
	if d.off {
		return ErrPower
	}
	if d.steps > 0 {
		d.steps--
	}
	return d.faults[op]
}

// Restart leaves on the disk what the power failure did: of each write that was
// not synced, every sector by chance.
func (d *Disk) Restart(chance *rand.Rand) error {
	const sector = 512
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := len(d.changes) - 1; i >= 0; i-- {
		c := d.changes[i]
		err := edit(c.path, func(f *os.File) error {
			_, err := f.WriteAt(c.old, c.at)
			return errors.Join(err, f.Truncate(c.oldSize))
		})
		if err != nil {
			return err
		}
	}
	for _, c := range d.changes {
		err := edit(c.path, func(f *os.File) error {
			for start := int64(0); start < int64(len(c.written)); {
				end := min(start+sector-(c.at+start)%sector, int64(len(c.written)))
				if chance.IntN(2) == 0 {
					if _, err := f.WriteAt(c.written[start:end], c.at+start); err != nil {
						return err
					}
				}
				start = end
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	d.changes, d.off, d.steps = nil, false, -1
	return nil
}

func edit(path string, do func(*os.File) error) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(do(f), f.Close())
}

// OpenFile implements [disk.FS].
func (d *Disk) OpenFile(name string, flag int, perm fs.FileMode) (disk.File, error) {
	f, err := d.OS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &file{File: f, disk: d, path: name}, nil
}

type file struct {
	disk.File
	disk *Disk
	path string
}

func (f *file) WriteAt(b []byte, at int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.step(Write); err != nil {
		return 0, err
	}
	fault := f.disk.faults[ShortWrite]
	if fault != nil {
		b = b[:len(b)/2]
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	c := &change{path: f.path, at: at, written: append([]byte(nil), b...), oldSize: info.Size()}
	c.old = make([]byte, max(0, min(int64(len(b)), info.Size()-at)))
	if _, err := f.ReadAt(c.old, at); err != nil && len(c.old) > 0 {
		return 0, err
	}
	f.disk.changes = append(f.disk.changes, c)
	n, err := f.File.WriteAt(b, at)
	return n, errors.Join(err, fault)
}

func (f *file) Sync() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.step(Sync); err != nil {
		return err
	}
	var rest []*change
	for _, c := range f.disk.changes {
		if c.path != f.path {
			rest = append(rest, c)
		}
	}
	f.disk.changes = rest
	f.disk.syncs++
	// A real sync is not needed: the machine under the test keeps its power.
	return nil
}
