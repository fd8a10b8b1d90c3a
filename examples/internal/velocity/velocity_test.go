package velocity_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/internal/velocity"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func Example() {
	t := velocity.New(10_000, velocity.Window{Span: time.Hour, Slots: 12}, velocity.Window{Span: 24 * time.Hour, Slots: 24})
	t.Add("till 3", noon, 40)
	t.Add("till 3", noon.Add(50*time.Minute), 60)
	now := noon.Add(70 * time.Minute)
	fmt.Println(t.Get("till 3", now, 0), t.Get("till 3", now, 1))
	// Output: {1 60} {2 100}
}

func TestWindow(t *testing.T) {
	table := velocity.New(10, velocity.Window{Span: time.Hour, Slots: 6})
	table.Add("a", noon, 1)
	table.Add("a", noon.Add(5*time.Minute), 2)
	table.Add("a", noon.Add(30*time.Minute), 4)
	at := func(d time.Duration) velocity.Sum { return table.Get("a", noon.Add(d), 0) }
	assert.Equal(t, velocity.Sum{Count: 3, Amount: 7}, at(31*time.Minute))
	assert.Equal(t, velocity.Sum{Count: 3, Amount: 7}, at(59*time.Minute))
	assert.Equal(t, velocity.Sum{Count: 1, Amount: 4}, at(61*time.Minute), "never what is older than the span")
	assert.Zero(t, at(2*time.Hour))
	assert.Equal(t, velocity.Sum{Count: 2, Amount: 3}, at(10*time.Minute), "what comes later does not count before")
	assert.Zero(t, table.Get("b", noon, 0))

	table.Add("a", noon.Add(90*time.Minute), 8)
	table.Add("a", noon.Add(25*time.Minute), 100) // late, and its slot is in use by a later round
	assert.Equal(t, velocity.Sum{Count: 1, Amount: 8}, at(90*time.Minute))
	table.Add("", noon, 1)
	assert.Equal(t, 1, table.Len(), "nobody is not counted")
}

// What is read is never more than what happened within the span, and never
// less than what happened within the span less one slot.
func TestAgainstAPlainList(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	table := velocity.New(3, velocity.Window{Span: time.Hour, Slots: 6}, velocity.Window{Span: 24 * time.Hour, Slots: 24})
	var events []time.Time
	now := noon
	for range 3000 {
		now = now.Add(time.Duration(random.Int64N(int64(4 * time.Minute))))
		at := now.Add(-time.Duration(random.Int64N(int64(8 * time.Minute)))) // late by up to a slot
		table.Add("k", at, 1)
		events = append(events, at)
		for i, w := range []velocity.Window{{Span: time.Hour, Slots: 6}, {Span: 24 * time.Hour, Slots: 24}} {
			most, least := 0, 0
			for _, e := range events {
				if age := now.Sub(e); age < w.Span {
					most++
					if age <= w.Span-w.Span/time.Duration(w.Slots) {
						least++
					}
				}
			}
			got := table.Get("k", now, i)
			require.LessOrEqual(t, got.Count, most)
			require.GreaterOrEqual(t, got.Count, least)
			require.InDelta(t, got.Amount, got.Count, 1e-9)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	table := velocity.New(100, velocity.Window{Span: time.Hour, Slots: 6})
	for i := range 10_000 {
		table.Add(fmt.Sprint("flood ", i), noon, 1)
		table.Add("regular", noon, 1)
	}
	assert.Equal(t, 100, table.Len())
	assert.Equal(t, 9_901, table.Evicted())
	assert.Equal(t, 10_000, table.Get("regular", noon, 0).Count, "what is counted again and again stays")
}

func TestPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"no slots": func() { velocity.New(1, velocity.Window{Span: time.Hour}) },
		"no span":  func() { velocity.New(1, velocity.Window{Slots: 1}) },
		"no keys":  func() { velocity.New(0) },
	} {
		assert.Panics(t, f, name)
	}
}

func BenchmarkAddAndGet(b *testing.B) {
	table := velocity.New(100_000, velocity.Window{Span: time.Hour, Slots: 12}, velocity.Window{Span: 24 * time.Hour, Slots: 24}, velocity.Window{Span: 720 * time.Hour, Slots: 30})
	keys := make([]string, 50_000)
	for i := range keys {
		keys[i] = fmt.Sprint("customer ", i)
	}
	i := 0
	for b.Loop() {
		key := keys[i%len(keys)]
		table.Add(key, noon, 1)
		_ = table.Get(key, noon, 2)
		i++
	}
}
