package filestore_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/filestore"
)

// raw commits records by plain write and fdatasync, those that wait together in
// one go: what the disk can do at best. The file grows with each write, or has its
// space reserved before.
type raw struct {
	name     string
	reserved bool
	file     *os.File
	at       int64 // where the next write goes
	mu       sync.Mutex
	queue    []rawRecord
	busy     bool
}

type rawRecord struct {
	data []byte
	done chan error
}

func (r *raw) append(data []byte) error {
	done := make(chan error, 1)
	r.mu.Lock()
	r.queue = append(r.queue, rawRecord{data, done})
	lead := !r.busy
	r.busy = true
	r.mu.Unlock()
	if lead {
		r.commit()
	}
	return <-done
}

// commit writes until nothing waits.
func (r *raw) commit() {
	var buf []byte
	for {
		r.mu.Lock()
		queue := r.queue
		r.queue = nil
		r.busy = len(queue) > 0
		r.mu.Unlock()
		if len(queue) == 0 {
			return
		}
		buf = buf[:0]
		for _, q := range queue {
			buf = append(buf, q.data...)
		}
		err := r.write(buf)
		for _, q := range queue {
			q.done <- err
		}
	}
}

func (r *raw) write(buf []byte) (err error) {
	const reserve = 2 << 20
	if r.file == nil || r.reserved && r.at+int64(len(buf)) > reserve {
		if r.file != nil {
			if err := r.file.Close(); err != nil {
				return err
			}
		}
		if r.file, err = os.Create(r.name); err != nil {
			return err
		}
		r.at = 0
		if r.reserved {
			if err := syscall.Fallocate(int(r.file.Fd()), 0, 0, reserve); err != nil {
				return err
			}
		}
	}
	if _, err := r.file.WriteAt(buf, r.at); err != nil {
		return err
	}
	r.at += int64(len(buf))
	return syscall.Fdatasync(int(r.file.Fd()))
}

// timed runs work in several goroutines and returns how long it took in all and
// each time.
func timed(writers, each int, work func() error) (all time.Duration, single []time.Duration, err error) {
	parts, errs := make([][]time.Duration, writers), make([]error, writers)
	begin := time.Now()
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for range each {
				start := time.Now()
				if errs[w] = work(); errs[w] != nil {
					return
				}
				parts[w] = append(parts[w], time.Since(start))
			}
		})
	}
	wg.Wait()
	return time.Since(begin), slices.Concat(parts...), errors.Join(errs...)
}

func p99(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)*99/100]
}

// BenchmarkAppend appends through the log and, in turns on the same disk, records
// of the same size by write and fdatasync alone, where those of several writers
// that wait together share one as they do in the log. of-raw is the log's
// throughput as a share of that, the median of many short turns, since others may
// use the disk too; p99-of-raw its 99th percentile of the latency as a multiple.
// raw appends to a file; of-raw-reserved compares with writes into space that was
// reserved for them, as the log does it, which is faster.
func BenchmarkAppend(b *testing.B) {
	for _, bb := range []struct {
		name          string
		writers, each int
	}{{"1writer", 1, 16}, {"64writers", 64, 8}} {
		b.Run(bb.name, func(b *testing.B) {
			dir := b.TempDir()
			store, err := filestore.Open(filepath.Join(dir, "log"), nil)
			require.NoError(b, err)
			defer store.Close()
			log, err := audit.Open(b.Context(), store, nil)
			require.NoError(b, err)
			defer log.Close()
			plain := &raw{name: filepath.Join(dir, "raw")}
			reserved := &raw{name: filepath.Join(dir, "reserved"), reserved: true}
			entry := audittest.Entry(0)
			entry.ID = ""
			leaf, err := audittest.Entry(0).MarshalJSON()
			require.NoError(b, err)
			for _, r := range []*raw{plain, reserved} { // so that the files are there
				require.NoError(b, r.append(leaf))
				defer r.file.Close()
			}

			turn := func(work func() error) (time.Duration, []time.Duration) {
				d, each, err := timed(bb.writers, bb.each, work)
				require.NoError(b, err)
				return d, each
			}
			var logTime time.Duration
			var ratios, reservedRatios []float64
			var logEach, rawEach []time.Duration
			for b.Loop() {
				rawTime, each := turn(func() error { return plain.append(leaf) })
				rawEach = append(rawEach, each...)
				reservedTime, _ := turn(func() error { return reserved.append(leaf) })
				d, each := turn(func() error {
					_, err := log.Append(b.Context(), entry)
					return err
				})
				logTime, logEach = logTime+d, append(logEach, each...)
				ratios = append(ratios, float64(rawTime)/float64(d))
				reservedRatios = append(reservedRatios, float64(reservedTime)/float64(d))
			}
			b.ReportMetric(float64(len(logEach))/logTime.Seconds(), "entries/s")
			b.ReportMetric(median(ratios), "of-raw")
			b.ReportMetric(median(reservedRatios), "of-raw-reserved")
			b.ReportMetric(float64(p99(logEach))/float64(p99(rawEach)), "p99-of-raw")
			b.ReportMetric(float64(p99(logEach).Microseconds()), "p99-µs")
			b.ReportMetric(0, "ns/op")
		})
	}
}
