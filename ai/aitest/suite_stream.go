package aitest

import (
	"context"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
)

// streamChecks are about streams that behave, in all the ways in which servers
// write them.
var streamChecks = []check{
	{
		name: "deltas",
		rule: "the deltas joined are the text, Done is last and comes once",
		run: func(t *testing.T, s Suite) {
			m := s.New(t, Reply{Chunks: []string{"The ", "Har", "bor ", "Scarf 🧣", "."}})
			text, resp, err := drain(t, m)
			require.NoError(t, err)
			require.NotNil(t, resp, "no Done")
			assert.Equal(t, "The Harbor Scarf 🧣.", text)
			assert.Equal(t, text, resp.Text())
		},
	},
	{
		name: "tool call deltas",
		rule: "interleaved deltas of calls, joined by index, are the calls; ID and name come with the first",
		run: func(t *testing.T, s Suite) {
			m := s.New(t, Reply{ToolCalls: []ai.ToolCall{
				{ID: "a", Name: "stock", Arguments: []byte(`{"sku":"SCARF-1"}`)},
				{ID: "b", Name: "price", Arguments: []byte(`{"sku":"größe"}`)},
			}})
			joined := map[int]*ai.ToolCall{}
			var done *ai.Response
			for ev, err := range m.Stream(limit(t), ask()) {
				require.NoError(t, err)
				switch ev := ev.(type) {
				case ai.ToolCallDelta:
					if joined[ev.Index] == nil {
						joined[ev.Index] = &ai.ToolCall{ID: ev.ID, Name: ev.Name}
					} else {
						assert.Empty(t, ev.ID+ev.Name, "ID or name in a later delta")
					}
					joined[ev.Index].Arguments = append(joined[ev.Index].Arguments, ev.Arguments...)
				case ai.Done:
					done = ev.Response
				}
			}
			require.NotNil(t, done)
			require.Len(t, joined, 2)
			assert.Equal(t, done.ToolCalls(), []ai.ToolCall{*joined[0], *joined[1]})
		},
	},
	{name: "one byte at a time", rule: "a stream may be split anywhere", wire: true, run: sameText(Wire{WriteBytes: 1})},
	{name: "CRLF", rule: "lines of a stream may end with CR LF", wire: true, run: sameText(Wire{CRLF: true})},
	{
		name: "noise",
		rule: "byte order mark, comments, pings, unknown events and data on several lines are not part of the reply",
		wire: true, run: sameText(Wire{Noise: true, WriteBytes: 7}),
	},
	{
		name: "usage early",
		rule: "the last usage of a stream counts, wherever it comes",
		wire: true, run: sameText(Wire{UsageEarly: true}),
	},
	{
		name: "no terminator",
		rule: "a stream may end after its stop reason, without a terminator",
		wire: true, run: sameText(Wire{NoTerminator: true}),
	},
	{
		name: "long line",
		rule: "a line of a stream may be longer than 64 KiB",
		run: func(t *testing.T, s Suite) {
			long := strings.Repeat("scarf ", 40_000)
			text, resp, err := drain(t, s.New(t, Reply{Chunks: []string{"A ", long}}))
			require.NoError(t, err)
			require.NotNil(t, resp)
			assert.Equal(t, "A "+long, text)
		},
	},
	{
		name: "again",
		rule: "ranging over a sequence twice asks twice",
		run: func(t *testing.T, s Suite) {
			m := s.New(t, Text("first"), Text("second"))
			stream := m.Stream(limit(t), ask())
			for _, want := range []string{"first", "second"} {
				resp, err := ai.Accumulate(stream)
				require.NoError(t, err)
				assert.Equal(t, want, resp.Text())
			}
		},
	},
	{
		name: "lazy",
		rule: "a stream that nobody ranges over asks nothing",
		run: func(t *testing.T, s Suite) {
			_ = s.New(t).Stream(limit(t), ask()) // the script is empty: a call would fail the test
		},
	},
	{
		name: "break",
		rule: "leaving the loop frees the connection and leaves no goroutine behind",
		run: func(t *testing.T, s Suite) {
			const streams = 12
			slow := Reply{Chunks: []string{"one ", "two ", "three"}, ChunkDelay: time.Hour}
			replies := []Reply{Text("warm up")}
			for range streams {
				replies = append(replies, slow)
			}
			m := s.New(t, replies...)
			_, err := m.Generate(limit(t), ask())
			require.NoError(t, err)
			before := runtime.NumGoroutine()
			for range streams {
				for _, err := range m.Stream(limit(t), ask()) {
					require.NoError(t, err)
					break
				}
			}
			// One idle connection may remain, with its goroutines on both sides.
			require.Eventually(t, func() bool { return runtime.NumGoroutine() < before+streams/2 },
				hangs, 5*time.Millisecond, "%d goroutines before", before)
		},
	},
	{
		name: "cancel",
		rule: "canceling the context ends a call within 100 ms, with an error that says so",
		run: func(t *testing.T, s Suite) {
			// A call that ends before its request has arrived takes no reply, so each way
			// has replies of its own.
			assert.Less(t, soonest(t, s, Reply{Chunks: []string{"one ", "two"}, ChunkDelay: time.Hour}, cancelStream), endsWithin)
			assert.Less(t, soonest(t, s, Reply{Text: "late", Delay: time.Hour}, expireGenerate), endsWithin)
		},
	},
}

// endsWithin is how soon a call ends whose context has ended.
const endsWithin = 100 * time.Millisecond

// soonest repeats a measurement on a busy machine until it is below endsWithin, and
// returns the lowest.
func soonest(t *testing.T, s Suite, reply Reply, measure func(*testing.T, ai.Model) time.Duration) time.Duration {
	t.Helper()
	const attempts = 100
	m := s.New(t, slices.Repeat([]Reply{reply}, attempts)...)
	least := time.Duration(math.MaxInt64)
	began := time.Now()
	for n := 0; n < attempts && least >= endsWithin && time.Since(began) < hangs/2; n++ {
		least = min(least, measure(t, m))
	}
	return least
}

// cancelStream cancels a stream after its first event and returns how long the
// end took.
func cancelStream(t *testing.T, m ai.Model) time.Duration {
	t.Helper()
	ctx, cancel := context.WithCancel(limit(t))
	defer cancel()
	var canceled time.Time
	var got error
	for _, err := range m.Stream(ctx, ask()) {
		if err != nil {
			got = err
			continue
		}
		canceled = time.Now()
		cancel()
	}
	took := time.Since(canceled)
	require.ErrorIs(t, got, context.Canceled)
	assert.False(t, ai.Retryable(got))
	return took
}

// expireGenerate lets the deadline of a call pass and returns how long after it
// the call returned.
func expireGenerate(t *testing.T, m ai.Model) time.Duration {
	t.Helper()
	deadline := time.Now().Add(20 * time.Millisecond)
	ctx, cancel := context.WithDeadline(limit(t), deadline)
	defer cancel()
	_, err := m.Generate(ctx, ask())
	late := time.Since(deadline)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, ai.ErrTimeout)
	assert.False(t, ai.Retryable(err))
	return late
}

// sameText checks that a reply arrives whole although it is written like that.
func sameText(w Wire) func(*testing.T, Suite) {
	return func(t *testing.T, s Suite) {
		want := Reply{
			Text: "The Harbor Scarf — gewebt in Köln 🧣.", Wire: w,
			Usage: ai.Usage{InputTokens: 20, OutputTokens: 9},
		}
		text, resp, err := drain(t, s.New(t, want))
		require.NoError(t, err)
		require.NotNil(t, resp, "no Done")
		assert.Equal(t, want.Text, text)
		assert.Equal(t, want.Text, resp.Text())
		assert.Equal(t, ai.StopEnd, resp.StopReason)
		assert.Equal(t, want.Usage, resp.Usage)
	}
}
