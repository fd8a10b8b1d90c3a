package bulk

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"iter"
	"os"
	"reflect"
)

// DecodeOptions are the optional settings of [Decode]. Zero fields are the
// defaults.
type DecodeOptions struct {
	// Limits bound what is read and what it takes.
	Limits
	// Grouped says that children follow directly after their parent, as with
	// groupObjects: then each object is given out as soon as the next begins,
	// and nothing is written to disk.
	Grouped bool
	// Size is how long the file is, in bytes, as far as known: it decides how
	// finely the file is divided when it does not fit into memory. If zero,
	// 1 GiB is assumed.
	Size int64
}

// Limits bound what reading results takes. Zero fields are the defaults.
type Limits struct {
	// Dir is where temporary files go, which hold what does not fit into
	// memory. Their names vanish at once where the system allows it, and the
	// files when the loop ends, however it ends. If empty, [os.TempDir].
	Dir string
	// Memory is how much of the file is held in memory, in bytes; what is
	// decoded comes on top, one object at a time, or without Serial a few. If
	// zero, 16 MiB; at least 64 KiB, at most 1 GiB.
	Memory int
	// MaxSize is the longest file that is read, in bytes before compression.
	// If zero, 64 GiB.
	MaxSize int64
	// MaxLine is the longest line, in bytes. If zero, 16 MiB; at most 1 GiB.
	MaxLine int
	// MaxObject is the longest object with all its children, in bytes of
	// JSON: it is decoded as a whole. If zero, 256 MiB.
	MaxObject int64
	// Serial does everything in the goroutine of the loop, one thing after the
	// other, as is done anyway where there is one processor. Otherwise what
	// exceeds Memory is written to disk by a goroutine, and read back and decoded
	// by two, from which methods UnmarshalJSON of the caller's structs are called.
	// They end before the loop does.
	Serial bool
}

func (l *Limits) setDefaults() {
	if l.Dir == "" {
		l.Dir = os.TempDir()
	}
	if l.Memory <= 0 {
		l.Memory = 16 << 20
	}
	l.Memory = min(max(l.Memory, 64<<10), 1<<30)
	if l.MaxSize <= 0 {
		l.MaxSize = 64 << 30
	}
	if l.MaxLine <= 0 {
		l.MaxLine = 16 << 20
	}
	l.MaxLine = min(l.MaxLine, 1<<30)
	if l.MaxObject <= 0 {
		l.MaxObject = 256 << 20
	}
}

// Decode reads the JSONL results of a bulk query and yields each object of the
// top-level connection with its children in place: see the package
// documentation for how T says where they go. It serves files that were stored;
// [Objects] does the same for an operation.
//
// Objects come in the order of the file while it fits into memory or is
// Grouped, otherwise in no particular order. Of an object that occurs twice
// both have all children. An error is yielded once, with a zero T, and ends the
// loop: a [*LineError] where a line is wrong, and at the end an [*OrphanError]
// if there are children whose parent is missing. So only a loop that ends
// without an error has seen everything.
//
// The reader is read once: ranging again gives what is left of it.
func Decode[T any](ctx context.Context, r io.Reader, opts *DecodeOptions) iter.Seq2[T, error] {
	var o DecodeOptions
	if opts != nil {
		o = *opts
	}
	o.setDefaults()
	if o.Size <= 0 {
		o.Size = 1 << 30
	}
	return func(yield func(T, error) bool) {
		var zero T
		if err := decode(ctx, r, &o, yield); err != nil && !errors.Is(err, errStop) {
			yield(zero, err)
		}
	}
}

// decode yields the objects, and returns the error that is to be yielded, or
// errStop if the loop ended.
func decode[T any](ctx context.Context, r io.Reader, o *DecodeOptions, yield func(T, error) bool) (err error) {
	plan, err := planFor(reflect.TypeFor[T]())
	if err != nil {
		return err
	}
	d := newDecoder[T](ctx, plan, r, o)
	stopped := false
	d.yield = func(v T, err error) bool {
		stopped = !yield(v, err)
		return !stopped
	}
	// The file goes away when the loop ends, also by break or panic.
	defer func() {
		if e := d.spill.close(); e != nil && err == nil && !stopped {
			err = fmt.Errorf("bulk: temporary file: %w", e)
		}
	}()
	switch {
	case o.Grouped || plan.depth == 0:
		err = d.stream()
	default:
		err = d.join(o.Size)
	}
	d.out.merge(&d.asm.out)
	switch {
	case stopped:
		return errStop
	case err == nil && d.out.Count > 0:
		return &d.out
	}
	return err
}

// A decoder is one reading of a file.
type decoder[T any] struct {
	joiner
	asm   *assembler[T]
	lines *lineReader
	yield func(T, error) bool
}

func newDecoder[T any](ctx context.Context, plan *plan, r io.Reader, o *DecodeOptions) *decoder[T] {
	seed := maphash.MakeSeed()
	d := &decoder[T]{lines: newLineReader(r, o.MaxLine)}
	d.joiner = joiner{ctx: ctx, plan: plan, limits: &o.Limits, seed: seed, batch: newBatch(seed)}
	d.spill = spill{dir: o.Dir, behind: o.concurrent()}
	d.asm = newAssembler[T](plan, d.batch, o.MaxObject)
	return d
}

var errStop = errors.New("the loop ended")

// next reads a line and its keys. At the end it returns io.EOF.
func (d *decoder[T]) next() (line []byte, k keys, err error) {
	if d.lines.n%1024 == 0 && d.ctx.Err() != nil {
		return nil, k, context.Cause(d.ctx)
	}
	line, err = d.lines.next()
	if err != nil {
		return nil, k, err
	}
	if d.lines.read > d.limits.MaxSize {
		return nil, k, errFile(d.limits.MaxSize)
	}
	if k, err = scanKeys(line, d.plan.keys); err != nil {
		return nil, k, &LineError{Line: d.lines.n, Err: fmt.Errorf("%w: %w", ErrMalformed, err)}
	}
	k.typename = k.kind() // it will be asked for more than once
	if len(k.parent) > 0 && d.plan.find(&k) == nil && d.plan.inner(&k) == nil {
		return nil, k, &LineError{Line: d.lines.n, Err: ErrNoPlace}
	}
	return line, k, nil
}

// stream gives out each root when the next one comes.
func (d *decoder[T]) stream() error {
	b := d.batch
	for {
		line, k, err := d.next()
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return err
		}
		if end || len(k.parent) == 0 {
			if more, err := d.asm.all(d.yield); err != nil || !more {
				return err
			}
			if end {
				return nil
			}
			b.reset()
		}
		if int64(len(b.buf)+len(line)) > min(d.limits.MaxObject, 1<<30) {
			return &LineError{Line: d.lines.n, Err: errGroup(d.limits.MaxObject)}
		}
		b.add(line, &k, d.lines.n)
	}
}

// join reads everything before it gives anything out: a child may come last.
func (d *decoder[T]) join(size int64) error {
	for {
		line, k, err := d.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if d.final != nil {
			if err := d.route(&record{line: line, keys: k, n: d.lines.n}); err != nil {
				return err
			}
			continue
		}
		if d.batch.add(line, &k, d.lines.n); d.batch.size() > d.limits.Memory {
			if err := d.overflow(size); err != nil {
				return err
			}
		}
	}
	if d.final == nil {
		_, err := d.asm.all(d.yield)
		return err
	}
	if d.plan.depth > 1 {
		if err := d.resolve(); err != nil {
			return err
		}
	}
	if err := d.finish(d.final); err != nil {
		return err
	}
	return d.partitions(d.final, d.bits)
}

// partitions gives out the objects of finished partitions. skip is how many
// bits of the roots' hashes they have been divided by.
func (d *decoder[T]) partitions(parts []partition, skip int) error {
	var together, alone []*partition
	for i := range parts {
		p := &parts[i]
		switch {
		case p.lines == 0:
		case d.spill.behind && p.memory() <= int64(d.limits.Memory/abreast):
			together = append(together, p)
		default:
			alone = append(alone, p)
		}
	}
	if err := d.ahead(together); err != nil {
		return err
	}
	for _, p := range alone {
		if err := d.partition(p, skip); err != nil {
			return err
		}
	}
	return nil
}

// partition gives out the objects of one partition.
func (d *decoder[T]) partition(p *partition, skip int) error {
	if d.ctx.Err() != nil {
		return context.Cause(d.ctx)
	}
	switch {
	case p.memory() <= int64(d.limits.Memory):
		if err := d.load(d.batch, p); err != nil {
			return err
		}
		more, err := d.asm.all(d.yield)
		if err == nil && !more {
			err = errStop
		}
		return err
	case p.minRoot == p.maxRoot:
		return d.giant(p)
	}
	parts, err := d.split(p, skip)
	if err != nil {
		return err
	}
	return d.partitions(parts, skip+splitBits)
}
