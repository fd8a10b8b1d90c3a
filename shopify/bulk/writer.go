package bulk

import (
	"os"
	"sync"
	"sync/atomic"
)

// A blockWriter writes blocks in a goroutine of its own, while their owner
// fills the next ones. It ends with close.
type blockWriter struct {
	file   *os.File
	blocks chan pendingBlock
	free   chan []byte // buffers of recordBlock bytes
	done   sync.WaitGroup
	// failed is the first error; what comes after it is not written.
	failed    atomic.Pointer[error]
	abandoned atomic.Bool
}

// A pendingBlock is to be written, or if it has no bytes, to be told of.
type pendingBlock struct {
	bytes   []byte
	at      int64
	written chan struct{}
}

// maxPending is how many blocks wait to be written.
const maxPending = 16

func newBlockWriter(f *os.File) *blockWriter {
	w := &blockWriter{file: f, blocks: make(chan pendingBlock, maxPending), free: make(chan []byte, maxPending+1)}
	w.done.Go(w.run)
	return w
}

func (w *blockWriter) run() {
	for b := range w.blocks {
		if b.written != nil {
			close(b.written)
			continue
		}
		if w.failed.Load() == nil && !w.abandoned.Load() {
			if _, err := w.file.WriteAt(b.bytes, b.at); err != nil {
				w.failed.Store(&err)
			}
		}
		if cap(b.bytes) == recordBlock {
			select {
			case w.free <- b.bytes[:0]:
			default:
			}
		}
	}
}

// write takes a block over and returns an empty buffer in its place. The error
// may be an earlier block's.
func (w *blockWriter) write(block []byte, at int64) (buf []byte, err error) {
	size := cap(block)
	if err := w.failed.Load(); err != nil {
		return block[:0], *err
	}
	w.blocks <- pendingBlock{bytes: block, at: at}
	if size == recordBlock {
		select {
		case buf = <-w.free:
			return buf, nil
		default:
		}
	}
	return make([]byte, 0, size), nil
}

// flush waits until everything has been written.
func (w *blockWriter) flush() error {
	written := make(chan struct{})
	w.blocks <- pendingBlock{written: written}
	<-written
	if err := w.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// close ends the goroutine. What has not been flushed may not be written.
func (w *blockWriter) close() {
	w.abandoned.Store(true)
	close(w.blocks)
	w.done.Wait()
}
