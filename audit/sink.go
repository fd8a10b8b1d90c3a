package audit

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Sink is a second place for records: a console, a log collector, a bucket. It
// gets them after they are durable, in the order of the log, and can neither
// block nor fail an Append: a sink that is slow or away falls behind, and is
// given what it missed from the store when it is back.
type Sink interface {
	// Write takes records, at most 256. If it fails, it is called again with the
	// same records later, so it may see some of them twice. It ends when ctx does.
	Write(ctx context.Context, records []Record) error
}

// SinkOptions adds a [Sink] to a log.
type SinkOptions struct {
	Sink Sink

	// From is the index of the first record that the sink gets: where an earlier
	// process came to, see [SinkStatus]. If negative, it begins with what is
	// appended from now on.
	From int64

	// OnError, if set, is told each error of the sink, from a goroutine of the
	// log. What it does delays that sink alone.
	OnError func(error)
}

// SinkStatus says where a sink is.
type SinkStatus struct {
	Next int64 // index of the next record that it gets
	Err  error // of the last Write; nil where that succeeded
}

const (
	sinkPortion  = 256              // records in a Write
	sinkBackoff  = time.Second      // before the second try
	sinkMaxPause = time.Minute      // between tries
	sinkClosing  = 5 * time.Second  // to catch up when the log closes
	sinkWrite    = 30 * time.Second // for one Write
)

// feed gives a sink its records.
type feed struct {
	SinkOptions
	log  *Log
	wake chan struct{} // tells it to look

	mu     sync.Mutex
	status SinkStatus
}

// startSinks begins to feed the sinks.
func (l *Log) startSinks(sinks []SinkOptions) {
	ctx, stop := context.WithCancel(context.Background())
	l.stopSinks = stop
	for _, o := range sinks {
		f := &feed{SinkOptions: o, log: l, wake: make(chan struct{}, 1), status: SinkStatus{Next: o.From}}
		if o.From < 0 {
			f.status.Next = l.Size()
		}
		l.feeds = append(l.feeds, f)
		l.feeding.Go(func() { f.run(ctx) })
		f.poke()
	}
}

// closeSinks lets the sinks catch up for a moment and ends them.
func (l *Log) closeSinks() {
	if l.stopSinks == nil {
		return
	}
	timer := time.AfterFunc(sinkClosing, l.stopSinks)
	defer timer.Stop()
	for _, f := range l.feeds {
		f.poke() // it sees that the log is closed
	}
	l.feeding.Wait()
	l.stopSinks()
}

// Sinks returns where the sinks are, in the order of [Options].Sinks.
func (l *Log) Sinks() []SinkStatus {
	out := make([]SinkStatus, len(l.feeds))
	for i, f := range l.feeds {
		f.mu.Lock()
		out[i] = f.status
		f.mu.Unlock()
	}
	return out
}

// isClosing reports whether the writer has ended.
func (l *Log) isClosing() bool {
	select {
	case <-l.closing:
		return true
	default:
		return false
	}
}

func (f *feed) poke() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *feed) run(ctx context.Context) {
	pause := sinkBackoff
	for {
		// Once it is closing, nothing more is written. Asked before the step, since what
		// a step sees may not be all while it is not.
		closed := f.log.isClosing()
		more, err := f.step(ctx)
		if err != nil && ctx.Err() == nil && f.OnError != nil {
			f.OnError(err)
		}
		switch {
		case ctx.Err() != nil || closed && (err != nil || !more):
			return
		case err != nil:
			select {
			case <-time.After(pause):
				pause = min(2*pause, sinkMaxPause)
			case <-f.log.closing:
			case <-ctx.Done():
				return
			}
		case !more:
			pause = sinkBackoff
			select {
			case <-f.wake:
			case <-ctx.Done():
				return
			}
		default:
			pause = sinkBackoff
		}
	}
}

// step writes one portion and reports whether there was one.
func (f *feed) step(ctx context.Context) (more bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("audit: sink panicked: %v", p)
		}
		f.mu.Lock()
		f.status.Err = err
		f.mu.Unlock()
	}()
	f.mu.Lock()
	next := f.status.Next
	f.mu.Unlock()
	head := f.log.now()
	var records []Record
	for index := next; index < min(head.Size, next+sinkPortion); index++ {
		r, err := f.log.at(ctx, head, index)
		if err != nil {
			return false, err
		}
		records = append(records, r)
	}
	if len(records) == 0 {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, sinkWrite)
	defer cancel()
	if err := f.Sink.Write(ctx, records); err != nil {
		return false, err
	}
	f.mu.Lock()
	f.status.Next += int64(len(records))
	f.mu.Unlock()
	return true, nil
}

// WriterSink is a [Sink] that writes JSON lines, as [WriteJSONL] does, to W, such
// as os.Stdout.
type WriterSink struct{ W io.Writer }

// Write implements [Sink]. Each portion is one write.
func (s WriterSink) Write(_ context.Context, records []Record) error {
	b, err := jsonLines(records)
	if err == nil {
		_, err = s.W.Write(b)
	}
	return err
}

func jsonLines(records []Record) ([]byte, error) {
	var b bytes.Buffer
	err := WriteJSONL(&b, func(yield func(Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	})
	return b.Bytes(), err
}

// SlogSink is a [Sink] that logs each record to Logger at the level info, with the
// entry's kind as the message.
type SlogSink struct{ Logger *slog.Logger }

// Write implements [Sink].
func (s SlogSink) Write(ctx context.Context, records []Record) error {
	for _, r := range records {
		entry, err := r.Entry.MarshalJSON()
		if err != nil {
			return err
		}
		s.Logger.LogAttrs(ctx, slog.LevelInfo, "audit "+string(r.Entry.Kind),
			slog.Int64("index", r.Index), slog.String("leaf_hash", r.LeafHash.String()), slog.Any("entry", rawJSON(entry)))
	}
	return nil
}

// rawJSON is JSON in a JSON handler and its text in others.
type rawJSON []byte

func (r rawJSON) MarshalJSON() ([]byte, error) { return r, nil }
func (r rawJSON) String() string               { return string(r) }

// Bucket stores objects, as S3 and its likes do. A Put with a key that exists
// replaces the object.
type Bucket interface {
	Put(ctx context.Context, key string, body []byte) error
}

// BucketSink is a [Sink] that stores each portion of records as an object of JSON
// lines in Bucket. Its key is Prefix and the index of its first record in twenty
// digits, with ".jsonl" behind it.
type BucketSink struct {
	Bucket Bucket
	Prefix string
}

// Write implements [Sink].
func (s BucketSink) Write(ctx context.Context, records []Record) error {
	b, err := jsonLines(records)
	if err != nil {
		return err
	}
	return s.Bucket.Put(ctx, fmt.Sprintf("%s%020d.jsonl", s.Prefix, records[0].Index), b)
}
