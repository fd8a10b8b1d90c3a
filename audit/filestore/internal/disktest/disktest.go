// Package disktest makes disks fail: writes that fail or end short, syncs that
// fail, and a loss of power that keeps an arbitrary part of what was not synced.
package disktest

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
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
	Create     Op = "create"
	Rename     Op = "rename"
	Remove     Op = "remove"
	SyncDir    Op = "sync of a directory"
	Truncate   Op = "truncate"
	Reserve    Op = "reserve"
)

// ErrPower is the error of every operation after the power is lost.
var ErrPower = errors.New("disktest: no power")

// Disk is the operating system's file system with faults. Beside each file it
// keeps what would be left of it without power: content that was synced, and names
// whose directory was. It is safe for concurrent use.
type Disk struct {
	disk.OS

	mu      sync.Mutex
	faults  map[Op]error
	steps   int   // operations until the power is lost; negative: never
	failAt  int   // operations until one fails; negative: never
	failure error // of that one; nil: half of a write is done, or nothing
	off     bool
	ops     int
	syncs   int
	files   map[string]*image // by present name
	durable map[string]*image // by the name on the medium
	renames []naming          // not on the medium yet, in order
}

// naming is a change of a directory: a new name of a file, or none.
type naming struct {
	from, to string // either may be empty
	image    *image
}

func (n naming) dir() string { return filepath.Dir(cmp.Or(n.to, n.from)) }

func (n naming) apply(names map[string]*image) {
	delete(names, n.from)
	if n.to != "" {
		names[n.to] = n.image
	}
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
func New() *Disk {
	return &Disk{steps: -1, failAt: -1, faults: map[Op]error{}, files: map[string]*image{}, durable: map[string]*image{}}
}

// Fail makes all operations of the kind fail with err; nil heals it.
func (d *Disk) Fail(op Op, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults[op] = err
}

// FailAt lets n more operations succeed and makes the one after them fail with
// err: a write after half of it, anything else without effect. A negative n makes
// none fail.
func (d *Disk) FailAt(n int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failAt, d.failure = n, err
}

// LosePower lets n more operations succeed; then every one fails with [ErrPower].
func (d *Disk) LosePower(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.steps = n
}

// Syncs returns how many syncs of files succeeded.
func (d *Disk) Syncs() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.syncs
}

// Ops returns how many operations that change something there were.
func (d *Disk) Ops() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ops
}

// step counts an operation and returns its fault.
func (d *Disk) step(op Op) error {
	d.ops++
	if d.steps == 0 {
		d.off = true
	}
	if d.off {
		return ErrPower
	}
	if d.steps > 0 {
		d.steps--
	}
	if d.failAt == 0 {
		d.failAt = -1
		return d.failure
	}
	if d.failAt > 0 {
		d.failAt--
	}
	return d.faults[op]
}

// Restart leaves in the files what the power failure did: what was synced, of each
// other write every sector by chance, and of the changes of each directory that
// were not synced the first ones by chance.
func (d *Disk) Restart(chance *rand.Rand) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	kept := map[string]int{} // changes that a directory keeps
	for _, n := range d.renames {
		dir := n.dir()
		if _, ok := kept[dir]; !ok {
			kept[dir] = chance.IntN(4) // most batches of changes are small
		}
		if kept[dir] > 0 {
			kept[dir]--
			n.apply(d.durable)
		}
	}
	d.renames = nil
	for path := range d.files {
		if _, ok := d.durable[path]; !ok {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	d.files = map[string]*image{}
	for _, path := range slices.Sorted(maps.Keys(d.durable)) { // one order, so that a seed says what happens
		m := d.durable[path]
		m.settle(chance)
		if err := os.WriteFile(path, m.content, 0o600); err != nil {
			return err
		}
		d.files[path] = m
	}
	d.off, d.steps, d.failAt = false, -1, -1
	return nil
}

// settle decides what became of the writes that were not synced.
func (m *image) settle(chance *rand.Rand) {
	const sector = 512
	for _, c := range m.changes {
		if c.written == nil && chance.IntN(2) == 0 {
			m.apply(c)
		}
		for start := int64(0); start < int64(len(c.written)); {
			end := min(start+sector-(c.at+start)%sector, int64(len(c.written)))
			if chance.IntN(2) == 0 {
				m.apply(change{c.at + start, c.written[start:end]})
			}
			start = end
		}
	}
	m.changes = nil
}

// OpenFile implements [disk.FS].
func (d *Disk) OpenFile(name string, flag int, perm fs.FileMode) (disk.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := d.files[name]
	if flag&(os.O_CREATE|os.O_TRUNC) != 0 {
		if err := d.step(Create); err != nil {
			return nil, err
		}
	}
	_, statErr := os.Stat(name)
	f, err := d.OS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	if m == nil {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		m = &image{content: content}
		d.files[name] = m
		if errors.Is(statErr, fs.ErrNotExist) {
			d.renames = append(d.renames, naming{to: name, image: m})
		} else {
			d.durable[name] = m
		}
	} else if flag&os.O_TRUNC != 0 {
		m.changes = append(m.changes, change{at: 0})
	}
	return &file{File: f, disk: d, image: m}, nil
}

// Rename implements [disk.FS].
func (d *Disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(Rename); err != nil {
		return err
	}
	d.renames = append(d.renames, naming{from, to, d.files[from]})
	d.files[to] = d.files[from]
	delete(d.files, from)
	return d.OS.Rename(from, to)
}

// Remove implements [disk.FS].
func (d *Disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(Remove); err != nil {
		return err
	}
	if err := d.OS.Remove(name); err != nil {
		return err
	}
	d.renames = append(d.renames, naming{from: name})
	delete(d.files, name)
	return nil
}

// SyncDir implements [disk.FS].
func (d *Disk) SyncDir(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(SyncDir); err != nil {
		return err
	}
	var rest []naming
	for _, n := range d.renames {
		if n.dir() == filepath.Clean(name) {
			n.apply(d.durable)
		} else {
			rest = append(rest, n)
		}
	}
	d.renames = rest
	return nil
}

type file struct {
	disk.File
	disk  *Disk
	image *image
}

func (f *file) WriteAt(b []byte, at int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	fault := f.disk.step(Write)
	if errors.Is(fault, ErrPower) || fault != nil && f.disk.faults[Write] != nil {
		return 0, fault
	}
	fault = cmp.Or(fault, f.disk.faults[ShortWrite])
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
	if err := f.disk.step(Truncate); err != nil {
		return err
	}
	f.image.changes = append(f.image.changes, change{at: size})
	return f.File.Truncate(size)
}

// Reserve counts as a change of the size, as the names do.
func (f *file) Reserve(size int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.step(Reserve); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil || info.Size() >= size {
		return err
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
