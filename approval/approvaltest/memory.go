package approvaltest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
)

// Memory is an [approval.Store] in memory: what it holds dies with the process.
// It is safe for concurrent use.
type Memory struct {
	mu      sync.Mutex
	records map[string][]byte // by ID, as JSON
	keys    map[[3]string]string
	docs    map[string]approval.Document
	alarms  []alarm
	running *worker // nil when stopped
	kick    chan struct{}
}

type alarm struct {
	id string
	at time.Time
}

// worker is one run between Start and Stop.
type worker struct {
	id     string
	hooks  approval.Hooks
	ctx    context.Context
	cancel context.CancelFunc // of the hooks that run
	quit   chan struct{}      // closed to ring no more
	wg     sync.WaitGroup
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{records: make(map[string][]byte), keys: make(map[[3]string]string), docs: make(map[string]approval.Document), kick: make(chan struct{}, 1)}
}

// Insert implements [approval.Store].
func (m *Memory) Insert(ctx context.Context, r *approval.Record, wake ...time.Time) (*approval.Record, bool, error) {
	return m.InsertWith(ctx, r, nil, wake...)
}

// InsertWith implements [approval.Store].
func (m *Memory) InsertWith(ctx context.Context, r *approval.Record, docs []approval.Document, wake ...time.Time) (*approval.Record, bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := [3]string{r.Request.Shop, r.Request.Kind, r.Request.Key}
	if id, ok := m.keys[key]; ok {
		stored, err := approval.DecodeRecord(m.records[id])
		return stored, false, err
	}
	if _, ok := m.records[r.Request.ID]; ok {
		return nil, false, errors.New("approvaltest: the ID of the request is taken")
	}
	if slices.ContainsFunc(docs, func(d approval.Document) bool { return m.docs[d.Name].Version != d.Version }) {
		return nil, false, approval.ErrConflict
	}
	stored, err := m.put(r, 1, wake)
	if err != nil {
		return nil, false, err
	}
	m.keys[key] = r.Request.ID
	for _, d := range docs {
		d.Version++
		d.Data = bytes.Clone(d.Data)
		m.docs[d.Name] = d
	}
	return stored, true, nil
}

// Get implements [approval.Store].
func (m *Memory) Get(ctx context.Context, id string) (*approval.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.records[id]
	if !ok {
		return nil, approval.ErrNotFound
	}
	return approval.DecodeRecord(data)
}

// List implements [approval.Store].
func (m *Memory) List(ctx context.Context, f approval.Filter) ([]*approval.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []*approval.Record
	for _, data := range m.records {
		r, err := approval.DecodeRecord(data)
		if err != nil {
			return nil, err
		}
		if matches(&r.Request, f) || r.Request.ID == f.After {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b *approval.Record) int {
		order := cmp.Or(a.Request.CreatedAt.Compare(b.Request.CreatedAt), cmp.Compare(a.Request.ID, b.Request.ID))
		if f.Newest {
			return -order
		}
		return order
	})
	if f.After != "" {
		i := slices.IndexFunc(list, func(r *approval.Record) bool { return r.Request.ID == f.After })
		if i < 0 {
			return nil, nil
		}
		list = list[i+1:]
	}
	return list[:min(len(list), cmp.Or(f.Limit, 100))], nil
}

func matches(r *approval.Request, f approval.Filter) bool {
	if len(f.States) == 0 && r.State == approval.Recording || len(f.States) > 0 && !slices.Contains(f.States, r.State) {
		return false
	}
	if f.Subject.Type != "" && !slices.ContainsFunc(r.Subjects, func(s audit.Subject) bool {
		return s.Type == f.Subject.Type && (f.Subject.ID == "" || s.ID == f.Subject.ID)
	}) {
		return false
	}
	if !f.Since.IsZero() && r.CreatedAt.Before(f.Since) || !f.Until.IsZero() && !r.CreatedAt.Before(f.Until) {
		return false
	}
	text := r.SearchText()
	if slices.ContainsFunc(f.Words(), func(word string) bool { return !strings.Contains(text, word) }) {
		return false
	}
	if f.Proposer != "" && f.Proposer != r.Proposer.ID {
		return false
	}
	if len(f.Locations) > 0 && !slices.Contains(f.Locations, r.Location) {
		return false
	}
	return (f.Shop == "" || f.Shop == r.Shop) && (f.Location == "" || f.Location == r.Location) &&
		(f.Kind == "" || f.Kind == r.Kind) && (f.Key == "" || f.Key == r.Key)
}

// Update implements [approval.Store].
func (m *Memory) Update(ctx context.Context, r *approval.Record, wake ...time.Time) (*approval.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.records[r.Request.ID]
	if !ok {
		return nil, approval.ErrNotFound
	}
	stored, err := approval.DecodeRecord(data)
	if err != nil {
		return nil, err
	}
	if stored.Version != r.Version {
		return nil, approval.ErrConflict
	}
	return m.put(r, r.Version+1, wake)
}

// Wake implements [approval.Waker].
func (m *Memory) Wake(ctx context.Context, ids []string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		if _, ok := m.records[id]; ok {
			m.alarms = append(m.alarms, alarm{id: id})
		}
	}
	m.look()
	return nil
}

// Document implements [approval.Store].
func (m *Memory) Document(ctx context.Context, name string) (approval.Document, error) {
	if err := ctx.Err(); err != nil {
		return approval.Document{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d, ok := m.docs[name]
	if !ok {
		return approval.Document{Name: name}, nil
	}
	d.Data = bytes.Clone(d.Data)
	return d, nil
}

// SetDocument implements [approval.Store].
func (m *Memory) SetDocument(ctx context.Context, d approval.Document) (approval.Document, error) {
	if err := ctx.Err(); err != nil {
		return approval.Document{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.docs[d.Name].Version != d.Version {
		return approval.Document{}, approval.ErrConflict
	}
	d.Version++
	d.Data = bytes.Clone(d.Data)
	m.docs[d.Name] = d
	d.Data = bytes.Clone(d.Data)
	return d, nil
}

// Documents implements [approval.DocumentStore].
func (m *Memory) Documents(ctx context.Context, prefix, after string, limit int) ([]approval.Document, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if prefix == "" || limit < 1 {
		return nil, errors.New("approvaltest: documents: a prefix and a limit are needed")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []approval.Document
	for name, d := range m.docs {
		if strings.HasPrefix(name, prefix) && name > after {
			d.Data = bytes.Clone(d.Data)
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b approval.Document) int { return strings.Compare(a.Name, b.Name) })
	return list[:min(len(list), limit)], nil
}

// DropDocument implements [approval.DocumentStore].
func (m *Memory) DropDocument(ctx context.Context, name string, version int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if d, ok := m.docs[name]; !ok || d.Version != version {
		return approval.ErrConflict
	}
	delete(m.docs, name)
	return nil
}

// DropDocuments implements [approval.DocumentStore].
func (m *Memory) DropDocuments(ctx context.Context, from, to string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.docs, func(name string, _ approval.Document) bool { return from <= name && name < to })
	return nil
}

// Now implements [approval.Store].
func (m *Memory) Now(ctx context.Context) (time.Time, error) {
	return time.Now().UTC().Truncate(time.Microsecond), ctx.Err()
}

func (m *Memory) put(r *approval.Record, version int64, wake []time.Time) (*approval.Record, error) {
	copied := *r
	copied.Version = version
	data, err := copied.Encode()
	if err != nil {
		return nil, err
	}
	stored, err := approval.DecodeRecord(data)
	if err != nil {
		return nil, err
	}
	m.records[r.Request.ID] = data
	for _, at := range wake {
		m.alarms = append(m.alarms, alarm{r.Request.ID, at})
	}
	m.look()
	return stored, nil
}

// Alive implements [approval.Store].
func (m *Memory) Alive(ctx context.Context, id string) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.running != nil && m.running.id == id, nil
}

// Start implements [approval.Store].
func (m *Memory) Start(_ context.Context, h approval.Hooks) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.running != nil {
		return errors.New("approvaltest: the store is started")
	}
	w := &worker{id: "memory-" + rand.Text(), hooks: h, quit: make(chan struct{})}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	m.running = w
	w.wg.Go(func() { m.ring(w) })
	return nil
}

// Stop implements [approval.Store].
func (m *Memory) Stop(ctx context.Context) error {
	m.mu.Lock()
	w := m.running
	m.mu.Unlock()
	if w == nil {
		return nil
	}
	close(w.quit)
	stop := context.AfterFunc(ctx, w.cancel)
	w.wg.Wait()
	inTime := stop()
	w.cancel()
	m.mu.Lock()
	m.running = nil
	m.mu.Unlock()
	if !inTime {
		return context.Cause(ctx)
	}
	return nil
}

// look makes ring look at the alarms again.
func (m *Memory) look() {
	select {
	case m.kick <- struct{}{}:
	default:
	}
}

// ring calls the hook for each alarm that is due.
func (m *Memory) ring(w *worker) {
	for {
		due, next := m.due(time.Now())
		for _, a := range due {
			w.wg.Go(func() { m.call(w, a) })
		}
		var timer <-chan time.Time
		if !next.IsZero() {
			timer = time.After(time.Until(next))
		}
		select {
		case <-w.quit:
			return
		case <-m.kick:
		case <-timer:
		}
	}
}

// due takes the alarms whose time has come, and says when the next one is.
func (m *Memory) due(now time.Time) (due []alarm, next time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.alarms = slices.DeleteFunc(m.alarms, func(a alarm) bool {
		if !a.at.After(now) {
			due = append(due, a)
			return true
		}
		if next.IsZero() || a.at.Before(next) {
			next = a.at
		}
		return false
	})
	return due, next
}

func (m *Memory) call(w *worker, a alarm) {
	again, err := w.hooks.Wake(w.ctx, approval.Wake{RequestID: a.id, Worker: w.id})
	if err != nil {
		again = time.Second
	}
	if again <= 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.alarms = append(m.alarms, alarm{a.id, time.Now().Add(again)})
	m.look()
}
