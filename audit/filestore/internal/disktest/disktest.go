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

// Disk is the operating system's file system with faults. Beside each file it
// keeps what would be left of it without power. It is safe for concurrent use.
type Disk struct {
	disk.OS

	mu     sync.Mutex
	faults map[Op]error
	steps  int // operations until the power is lost; negative: never
	off    bool
	files  map[string]*image
	syncs  int
}

// image is what is on the medium.
type image struct {
	content []byte
	changes []change // not synced yet
}

// change is a write, or a new size where written is nil.
type change struct {
	at      int64
	written []byte
}

func (m *image) apply(c change) {
	if end := c.at + int64(len(c.written)); end > int64(len(m.content)) {
		m.content = append(m.content, make([]byte, end-int64(len(m.content)))...)
	}
	if c.written == nil {
		m.content = m.content[:c.at]
	}
	copy(m.content[c.at:], c.written)
}

// New returns a disk without faults.
func New() *Disk { return &Disk{steps: -1, faults: map[Op]error{}, files: map[string]*image{}} }

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

// Restart leaves in the files what the power failure did: what was synced, and
// of each other write every sector by chance.
func (d *Disk) Restart(chance *rand.Rand) error {
	const sector = 512
	d.mu.Lock()
	defer d.mu.Unlock()
	for path, m := range d.files {
		for _, c := range m.changes {
			for start := int64(0); start < int64(len(c.written)); {
				end := min(start+sector-(c.at+start)%sector, int64(len(c.written)))
				if chance.IntN(2) == 0 {
					m.apply(change{c.at + start, c.written[start:end]})
				}
				start = end
			}
		}
		m.changes = nil
		if err := os.WriteFile(path, m.content, 0o600); err != nil {
			return err
		}
	}
	d.off, d.steps = false, -1
	return nil
}

// OpenFile implements [disk.FS].
func (d *Disk) OpenFile(name string, flag int, perm fs.FileMode) (disk.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, err := d.OS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	if _, ok := d.files[name]; !ok || flag&os.O_TRUNC != 0 {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		d.files[name] = &image{content: content}
	}
	return &file{File: f, disk: d, image: d.files[name]}, nil
}

// Rename implements [disk.FS]. A new name is durable at once.
func (d *Disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		return ErrPower
	}
	d.files[to] = d.files[from]
	delete(d.files, from)
	return d.OS.Rename(from, to)
}

// Remove implements [disk.FS]. It is durable at once.
func (d *Disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		return ErrPower
	}
	delete(d.files, name)
	return d.OS.Remove(name)
}

type file struct {
	disk.File
	disk  *Disk
	image *image
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
	if len(b) > 0 {
		f.image.changes = append(f.image.changes, change{at, append([]byte(nil), b...)})
	}
	n, err := f.File.WriteAt(b, at)
	return n, errors.Join(err, fault)
}

func (f *file) Truncate(size int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.off {
		return ErrPower
	}
	f.image.changes = append(f.image.changes, change{at: size})
	return f.File.Truncate(size)
}

// Sync is not a real one: the machine under the test keeps its power. As on
// Linux, a sync that fails loses what it was to write, and the next one succeeds
// without it; the file itself reads as if nothing had happened.
func (f *file) Sync() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	err := f.disk.step(Sync)
	if err == nil {
		for _, c := range f.image.changes {
			f.image.apply(c)
		}
		f.disk.syncs++
	}
	if err == nil || !f.disk.off {
		f.image.changes = nil
	}
	return err
}
