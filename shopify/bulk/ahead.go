package bulk

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// An ahead joins partitions in goroutines of its own while the loop's body
// runs, two at a time: the one that is being given out and the next, or two of
// which the body takes turns. What they decode they hand over in small chunks,
// and nothing is queued, so that a slow body holds them up.
//
// What goes wrong in a partition, an error or a panic of somebody's
// UnmarshalJSON, appears in the loop when all objects of the partitions before
// have been given out.
type ahead[T any] struct {
	joiner *joiner
	parts  []*partition
	next   atomic.Int64 // the partition that is to be joined next
	chunks chan []T     // that are full
	spare  chan []T     // that are to be filled again
	stop   chan struct{}
	work   sync.WaitGroup
	left   atomic.Int64 // goroutines
	mu     sync.Mutex
	failed *failure
	before atomic.Int64 // partitions from here on are of no interest anymore
}

// A failure is how a partition ended that did not end well.
type failure struct {
	part   int64
	err    error
	panics any  // what was panicked with
	exits  bool // by runtime.Goexit
}

const (
	// abreast is how many partitions are joined at once. They share the memory.
	abreast = 2
	// A chunk is full with so many objects, or bytes of JSON.
	chunkObjects = 64
	chunkBytes   = 128 << 10
)

// concurrent reports whether goroutines are of use.
func (l *Limits) concurrent() bool { return !l.Serial && runtime.GOMAXPROCS(0) > 1 }

// ahead gives out the objects of partitions that fit into the memory that the
// assemblers share.
func (d *decoder[T]) ahead(parts []*partition) error {
	if len(parts) == 0 {
		return nil
	}
	a := &ahead[T]{
		joiner: &d.joiner, parts: parts, stop: make(chan struct{}),
		chunks: make(chan []T), spare: make(chan []T, 2*abreast+1),
	}
	a.before.Store(int64(len(parts)))
	asms := []*assembler[T]{d.asm}
	for len(asms) < min(abreast, len(parts)) {
		asms = append(asms, newAssembler[T](d.plan, newBatch(d.seed), d.limits.MaxObject))
	}
	a.left.Store(int64(len(asms)))
	defer a.work.Wait() // also when the loop's body panics
	defer close(a.stop)
	for _, asm := range asms {
		a.work.Go(func() { a.run(asm) })
	}
	if err := a.give(d.ctx, d.yield); err != nil {
		return err
	}
	for _, asm := range asms[1:] {
		d.asm.out.merge(&asm.out)
	}
	return nil
}

// give passes on what is handed over, in the loop's goroutine.
func (a *ahead[T]) give(ctx context.Context, yield func(T, error) bool) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case chunk, more := <-a.chunks:
			if !more {
				return a.failed.raise()
			}
			for i := range chunk {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if !yield(chunk[i], nil) {
					return errStop
				}
			}
			clear(chunk)
			a.spare <- chunk[:0]
		}
	}
}

// run joins one partition after the other.
func (a *ahead[T]) run(asm *assembler[T]) {
	defer func() {
		if a.left.Add(-1) == 0 {
			close(a.chunks)
		}
	}()
	for {
		part := a.next.Add(1) - 1
		if part >= a.before.Load() || !a.join(part, asm) {
			return
		}
	}
}

// join joins a partition. It returns false if that was the last one for this
// goroutine.
func (a *ahead[T]) join(part int64, asm *assembler[T]) (more bool) {
	f := filler[T]{ahead: a}
	end := failure{part: part, exits: true} // unless this gets to its end
	defer func() {
		if end.exits {
			end.panics = recover()
			end.exits = end.panics == nil
		}
		more = f.hand() && more // the objects before the one that failed come first
		if end.exits || end.panics != nil || end.err != nil {
			a.fail(&end)
			more = false
		}
	}()
	if end.err = a.joiner.load(asm.batch, a.parts[part]); end.err == nil {
		more, end.err = asm.all(func(v T, _ error) bool {
			return f.add(v, asm.size) && part < a.before.Load()
		})
	}
	end.exits = false
	return more
}

// A filler collects a partition's objects in chunks.
type filler[T any] struct {
	ahead *ahead[T]
	chunk []T
	size  int64 // bytes of JSON
}

// add hands the chunk over if it is full. It returns false if the loop ended.
func (f *filler[T]) add(v T, size int64) bool {
	if f.chunk == nil {
		f.chunk = f.ahead.empty()
	}
	f.chunk = append(f.chunk, v)
	f.size += size
	if f.size < chunkBytes && len(f.chunk) < chunkObjects {
		return true
	}
	return f.hand()
}

func (f *filler[T]) hand() bool {
	if len(f.chunk) == 0 {
		return true
	}
	select {
	case f.ahead.chunks <- f.chunk:
		f.chunk, f.size = nil, 0
		return true
	case <-f.ahead.stop:
		return false
	}
}

// empty returns a chunk to be filled.
func (a *ahead[T]) empty() []T {
	select {
	case chunk := <-a.spare:
		return chunk
	default:
		return make([]T, 0, chunkObjects)
	}
}

// fail ends the work on partitions behind the one that failed.
func (a *ahead[T]) fail(f *failure) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failed == nil || f.part < a.failed.part {
		a.failed = f
		a.before.Store(f.part)
	}
}

// raise does in the loop's goroutine what was done in another.
func (f *failure) raise() error {
	switch {
	case f == nil:
		return nil
	case f.exits:
		runtime.Goexit()
	case f.panics != nil:
		panic(f.panics)
	}
	return f.err
}
