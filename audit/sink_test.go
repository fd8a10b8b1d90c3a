package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
)

// taker is a sink that remembers, and does first what the test says.
type taker struct {
	before func(ctx context.Context) error

	mu  sync.Mutex
	got []int64
}

func (s *taker) Write(ctx context.Context, records []audit.Record) error {
	if s.before != nil {
		if err := s.before(ctx); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range records {
		s.got = append(s.got, r.Index)
	}
	return nil
}

func upTo(n int64) (out []int64) {
	for i := range n {
		out = append(out, i)
	}
	return out
}

// A sink that hangs, one that fails at first and one that panics delay nobody: not
// the log, not each other.
func TestSinksNeitherBlockNorFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := 0
		good, panics := &taker{}, &taker{before: func(context.Context) error { panic("no") }}
		hangs := &taker{before: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		recovers := &taker{before: func(context.Context) error {
			if fails++; fails <= 3 {
				return errMedium
			}
			return nil
		}}
		var seen []error
		log, err := audit.Open(t.Context(), audittest.NewMemory(t), &audit.Options{Sinks: []audit.SinkOptions{
			{Sink: hangs}, {Sink: good}, {Sink: panics}, {Sink: recovers, OnError: func(err error) { seen = append(seen, err) }},
		}})
		require.NoError(t, err)
		begin := time.Now()
		for i := range 700 {
			appendTo(t, log, i)
		}
		assert.Zero(t, time.Since(begin), "in the test's time, appending took none")
		synctest.Wait()
		assert.Equal(t, upTo(700), good.got)
		assert.Empty(t, recovers.got)
		assert.EqualValues(t, 700, log.Sinks()[1].Next)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		assert.Equal(t, upTo(700), recovers.got, "it is given what it missed, in order")
		assert.Len(t, seen, 3)
		require.ErrorIs(t, seen[0], errMedium)
		require.Error(t, log.Sinks()[2].Err)
		begin = time.Now()
		require.NoError(t, log.Close())
		assert.LessOrEqual(t, time.Since(begin), 5*time.Second)
		assert.Empty(t, hangs.got)
	})
}

// Closing gives sinks what there is, and a later process goes on where one was.
func TestSinkGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := audittest.NewMemory(t)
		first := &taker{}
		log, err := audit.Open(t.Context(), store, &audit.Options{Sinks: []audit.SinkOptions{{Sink: first}}})
		require.NoError(t, err)
		for i := range 10 {
			appendTo(t, log, i)
		}
		require.NoError(t, log.Close())
		assert.Equal(t, upTo(10), first.got)
		next := log.Sinks()[0].Next

		again, late := &taker{}, &taker{}
		log, err = audit.Open(t.Context(), store, &audit.Options{Sinks: []audit.SinkOptions{{Sink: again, From: next - 2}, {Sink: late, From: -1}}})
		require.NoError(t, err)
		appendTo(t, log, 10)
		require.NoError(t, log.Close())
		assert.Equal(t, []int64{8, 9, 10}, again.got)
		assert.Equal(t, []int64{10}, late.got)
	})
}

// A sink whose last error came as the log began to close is given what it missed.
func TestSinkCatchesUpAsTheLogCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed, told := false, make(chan struct{})
		sink := &taker{before: func(context.Context) error {
			if !failed {
				failed = true
				return errMedium
			}
			return nil
		}}
		log, err := audit.Open(t.Context(), audittest.NewMemory(t), &audit.Options{Sinks: []audit.SinkOptions{{
			Sink: sink, OnError: func(error) { <-told },
		}}})
		require.NoError(t, err)
		appendTo(t, log, 0)
		synctest.Wait() // its error is being told
		appendTo(t, log, 1)
		var wg sync.WaitGroup
		wg.Go(func() { assert.NoError(t, log.Close()) })
		synctest.Wait() // closing
		close(told)
		wg.Wait()
		assert.Equal(t, upTo(2), sink.got)
	})
}

type bucket map[string]string

func (b bucket) Put(_ context.Context, key string, body []byte) error {
	if b == nil {
		return errors.New("no bucket")
	}
	b[key] = string(body)
	return nil
}

func TestSinksOfOurs(t *testing.T) {
	var out, logged bytes.Buffer
	objects := bucket{}
	log, err := audit.Open(t.Context(), audittest.NewMemory(t), &audit.Options{Sinks: []audit.SinkOptions{
		{Sink: audit.WriterSink{W: &out}},
		{Sink: audit.SlogSink{Logger: slog.New(slog.NewJSONHandler(&logged, nil))}},
		{Sink: audit.BucketSink{Bucket: objects, Prefix: "audit/"}},
	}})
	require.NoError(t, err)
	var want []string
	for i := range 3 {
		r, err := log.Append(t.Context(), audittest.Entry(i))
		require.NoError(t, err)
		var b bytes.Buffer
		require.NoError(t, audit.WriteJSONL(&b, func(yield func(audit.Record, error) bool) { yield(r, nil) }))
		want = append(want, b.String())
	}
	require.NoError(t, log.Close())
	assert.Equal(t, strings.Join(want, ""), out.String())
	var all strings.Builder
	for i := range 3 {
		all.WriteString(objects[fmt.Sprintf("audit/%020d.jsonl", i)])
	}
	assert.Equal(t, strings.Join(want, ""), all.String())

	n := 0
	for line := range strings.Lines(logged.String()) {
		var entry struct {
			Msg   string
			Index int
			Entry json.RawMessage
		}
		require.NoError(t, json.Unmarshal([]byte(line), &entry))
		assert.Equal(t, "audit proposed", entry.Msg)
		assert.Equal(t, n, entry.Index)
		var e audit.Entry
		require.NoError(t, e.UnmarshalJSON(entry.Entry), "the canonical form itself")
		n++
	}
	assert.Equal(t, 3, n)
}
