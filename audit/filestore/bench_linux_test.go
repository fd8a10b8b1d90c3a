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
// one go: what the disk can do at best.
type raw struct {
	file  *os.File
	mu    sync.Mutex
	queue []rawRecord
	busy  bool
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
		_, err := r.file.Write(buf)
		if err == nil {
			err = syscall.Fdatasync(int(r.file.Fd()))
		}
		for _, q := range queue {
			q.done <- err
		}
	}
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
			file, err := os.OpenFile(filepath.Join(dir, "raw"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
			require.NoError(b, err)
			defer file.Close()
			plain := &raw{file: file}
			entry := audittest.Entry(0)
			entry.ID = ""
			leaf, err := audittest.Entry(0).MarshalJSON()
			require.NoError(b, err)

			var logTime time.Duration
			var ratios []float64
			var logEach, rawEach []time.Duration
			for b.Loop() {
				d, each, err := timed(bb.writers, bb.each, func() error { return plain.append(leaf) })
				require.NoError(b, err)
				rawTime := d
				rawEach = append(rawEach, each...)
				d, each, err = timed(bb.writers, bb.each, func() error {
					_, err := log.Append(b.Context(), entry)
					return err
				})
				require.NoError(b, err)
				logTime, logEach = logTime+d, append(logEach, each...)
				ratios = append(ratios, float64(rawTime)/float64(d))
			}
			b.ReportMetric(float64(len(logEach))/logTime.Seconds(), "entries/s")
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "of-raw")
			b.ReportMetric(float64(p99(logEach))/float64(p99(rawEach)), "p99-of-raw")
			b.ReportMetric(float64(p99(logEach).Microseconds()), "p99-µs")
			b.ReportMetric(0, "ns/op")
		})
	}
}
