// Package velocity counts what happened for a key within the last hour, day or
// month, in bounded memory. Times are between 1970 and 2262.
//
// A [Table] has a few windows. Each is a ring of slots, so that counting and
// reading take constant time and nothing has to be removed when it gets old. What
// is read is what happened within the span, to the accuracy of one slot: it never
// includes what is older than the span, and may leave out up to one slot's length
// at its far end.
package velocity

import (
	"container/list"
	"time"
)

// Window is how far back a table looks.
type Window struct {
	Span  time.Duration
	Slots int // the accuracy is Span / Slots
}

// Sum is what happened within a window.
type Sum struct {
	Count  int
	Amount float64
}

// Table counts by key. At most a given number of keys is kept; beyond it the key
// that was counted least recently is forgotten. A Table is not safe for concurrent
// use.
type Table struct {
	windows []Window
	max     int
	keys    map[string]*list.Element // of *entry
	recent  *list.List               // most recently counted first
	evicted int
}

type entry struct {
	key   string
	rings [][]slot
}

type slot struct {
	number int64 // which slot of all time this is; 0: none yet
	count  int32
	amount float64
}

// New returns an empty table of at most maxKeys keys, each with a ring per
// window. It panics if a window has no slots or no span, or maxKeys is not
// positive.
func New(maxKeys int, windows ...Window) *Table {
	for _, w := range windows {
		if w.Slots < 1 || w.Span < time.Duration(w.Slots) {
			panic("velocity: a window needs a span and slots")
		}
	}
	if maxKeys < 1 {
		panic("velocity: no keys")
	}
	return &Table{windows: windows, max: maxKeys, keys: map[string]*list.Element{}, recent: list.New()}
}

// Add counts one event. An empty key is nobody, and is not counted. Events may
// come out of order; one that is older than a window does not count there.
func (t *Table) Add(key string, at time.Time, amount float64) {
	if key == "" {
		return
	}
	e := t.entry(key)
	for i, w := range t.windows {
		number := w.number(at)
		s := &e.rings[i][int(number%int64(w.Slots))]
		switch {
		case s.number > number: // a later round of the ring: this is too old
			continue
		case s.number < number:
			*s = slot{number: number}
		}
		s.count++
		s.amount += amount
	}
}

// Get returns what happened for the key within the window with this index,
// counted back from now.
func (t *Table) Get(key string, now time.Time, window int) Sum {
	element, ok := t.keys[key]
	if !ok {
		return Sum{}
	}
	w, sum := t.windows[window], Sum{}
	last := w.number(now)
	for _, s := range element.Value.(*entry).rings[window] {
		if s.number > last-int64(w.Slots) && s.number <= last {
			sum.Count += int(s.count)
			sum.Amount += s.amount
		}
	}
	return sum
}

// Len is the number of keys.
func (t *Table) Len() int { return len(t.keys) }

// Evicted is how many keys were forgotten to make room.
func (t *Table) Evicted() int { return t.evicted }

func (t *Table) entry(key string) *entry {
	if element, ok := t.keys[key]; ok {
		t.recent.MoveToFront(element)
		return element.Value.(*entry)
	}
	if len(t.keys) >= t.max {
		oldest := t.recent.Back()
		t.recent.Remove(oldest)
		delete(t.keys, oldest.Value.(*entry).key)
		t.evicted++
	}
	e := &entry{key: key, rings: make([][]slot, len(t.windows))}
	for i, w := range t.windows {
		e.rings[i] = make([]slot, w.Slots)
	}
	t.keys[key] = t.recent.PushFront(e)
	return e
}

// number counts slots from 1970. Times before that count as 1970.
func (w Window) number(at time.Time) int64 {
	return max(at.UnixNano()/(int64(w.Span)/int64(w.Slots)), 1)
}
