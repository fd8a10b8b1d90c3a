package risk

import "container/list"

// lru is a map of bounded size that forgets what was put or looked up least
// recently.
type lru[V any] struct {
	max    int
	values map[string]*list.Element // of pair[V]
	recent *list.List
}

type pair[V any] struct {
	key   string
	value V
}

func newLRU[V any](limit int) *lru[V] {
	return &lru[V]{max: limit, values: map[string]*list.Element{}, recent: list.New()}
}

func (m *lru[V]) get(key string) (V, bool) {
	e, ok := m.values[key]
	if !ok {
		var none V
		return none, false
	}
	m.recent.MoveToFront(e)
	return e.Value.(pair[V]).value, true
}

func (m *lru[V]) put(key string, value V) {
	if e, ok := m.values[key]; ok {
		e.Value = pair[V]{key, value}
		m.recent.MoveToFront(e)
		return
	}
	if len(m.values) >= m.max {
		oldest := m.recent.Back()
		m.recent.Remove(oldest)
		delete(m.values, oldest.Value.(pair[V]).key)
	}
	m.values[key] = m.recent.PushFront(pair[V]{key, value})
}
