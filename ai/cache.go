package ai

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"math"
	"slices"
	"sync"
	"time"
)

// CacheOptions are the options of [NewCache]. The zero value is the default.
type CacheOptions struct {
	// TTL is how long a reply may be used again. If zero, 1 hour.
	TTL time.Duration

	// MaxEntries and MaxBytes bound the cache; the replies used least recently go
	// first. If zero, 1,000 and 64 MiB.
	MaxEntries int
	MaxBytes   int
}

// A Cache keeps replies in memory and gives them again for exactly the same
// request: same provider and model, same messages, tools and settings, and same
// [Caller.Shop]. It is safe for concurrent use.
//
// Replies that were cut off, refused or filtered are not kept, nor is an error. A
// reply from the cache has [Response.Cached] set and no usage, ID or Raw. Put the cache
// inside of [Redact], and it holds no personal data: the same question about two
// customers is one entry, and each caller gets their own customer's values back.
type Cache struct {
	opts CacheOptions

	mu      sync.Mutex
	entries map[cacheKey]*cacheEntry
	ring    cacheEntry // its next is the most recent entry, its prev the least recent
	bytes   int
}

type cacheKey [sha256.Size]byte

type cacheEntry struct {
	key        cacheKey
	resp       Response
	size       int
	expires    time.Time
	prev, next *cacheEntry
}

// NewCache returns an empty cache. Nil options are the defaults.
func NewCache(opts *CacheOptions) *Cache {
	c := &Cache{entries: map[cacheKey]*cacheEntry{}}
	c.ring.prev, c.ring.next = &c.ring, &c.ring
	if opts != nil {
		c.opts = *opts
	}
	c.opts.TTL = orDefault(c.opts.TTL, time.Hour)
	c.opts.MaxEntries = orDefault(c.opts.MaxEntries, 1000)
	c.opts.MaxBytes = orDefault(c.opts.MaxBytes, 64<<20)
	return c
}

// Middleware puts the cache in front of a model. Several models may share it.
func (c *Cache) Middleware(m Model) Model { return &cached{Model: m, cache: c} }

// Len returns the number of replies in the cache.
func (c *Cache) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.entries)
}

func (c *Cache) get(key cacheKey) *Response {
	c.mu.Lock()
	defer c.mu.Unlock()
	entry := c.entries[key]
	switch {
	case entry == nil:
		return nil
	case time.Now().After(entry.expires):
		c.remove(entry)
		return nil
	}
	entry.unlink()
	c.link(entry)
	resp := entry.resp
	resp.Message.Parts = slices.Clone(resp.Message.Parts)
	return &resp
}

func (c *Cache) put(key cacheKey, resp *Response) {
	switch resp.StopReason {
	case StopEnd, StopSequence, StopToolCalls:
	default:
		return
	}
	entry := &cacheEntry{key: key, resp: *resp, size: responseSize(resp), expires: time.Now().Add(c.opts.TTL)}
	if entry.size > c.opts.MaxBytes {
		return
	}
	kept := &entry.resp
	kept.Message.Parts = slices.Clone(resp.Message.Parts)
	kept.Cached, kept.Usage, kept.Raw, kept.ID = true, Usage{}, nil, ""
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.entries[key]; old != nil {
		c.remove(old)
	}
	c.entries[key] = entry
	c.link(entry)
	c.bytes += entry.size
	for len(c.entries) > c.opts.MaxEntries || c.bytes > c.opts.MaxBytes {
		c.remove(c.ring.prev)
	}
}

func (c *Cache) remove(entry *cacheEntry) {
	entry.unlink()
	delete(c.entries, entry.key)
	c.bytes -= entry.size
}

// link makes an entry the most recent one.
func (c *Cache) link(entry *cacheEntry) {
	entry.prev, entry.next = &c.ring, c.ring.next
	entry.prev.next, entry.next.prev = entry, entry
}

func (e *cacheEntry) unlink() { e.prev.next, e.next.prev = e.next, e.prev }

// responseSize is about what a response takes in memory.
func responseSize(r *Response) int {
	size := 512 + len(r.Refusal)
	for _, p := range r.Message.Parts {
		size += 64
		switch p := p.(type) {
		case Text:
			size += len(p.Text)
		case Reasoning:
			size += len(p.Text) + len(p.Opaque)
		case ToolCall:
			size += len(p.ID) + len(p.Name) + len(p.Arguments) + len(p.Opaque)
		case Unknown:
			size += len(p.Raw)
		}
	}
	return size
}

type cached struct {
	Model
	cache *Cache
}

// Generate implements [Model].
func (m *cached) Generate(ctx context.Context, req *Request) (*Response, error) {
	if err := req.Validate(); err != nil {
		return nil, err
	}
	key := requestKey(ctx, m.Info(), req)
	if resp := m.cache.get(key); resp != nil {
		return resp, nil
	}
	resp, err := m.Model.Generate(ctx, req)
	if err == nil {
		m.cache.put(key, resp)
	}
	return resp, err
}

// Stream implements [Model]. A reply from the cache comes in one piece for each of
// its parts.
func (m *cached) Stream(ctx context.Context, req *Request) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if err := req.Validate(); err != nil {
			yield(nil, err)
			return
		}
		key := requestKey(ctx, m.Info(), req)
		if resp := m.cache.get(key); resp != nil {
			replay(resp, yield)
			return
		}
		for ev, err := range m.Model.Stream(ctx, req) {
			if done, ok := ev.(Done); ok {
				m.cache.put(key, done.Response)
			}
			if !yield(ev, err) || err != nil {
				return
			}
		}
	}
}

// replay yields a whole reply as a stream.
func replay(resp *Response, yield func(Event, error) bool) {
	call := 0
	for _, p := range resp.Message.Parts {
		ok := true
		switch p := p.(type) {
		case Text:
			ok = p.Text == "" || yield(TextDelta{Text: p.Text}, nil)
		case Reasoning:
			ok = p.Text == "" || yield(ReasoningDelta{Text: p.Text}, nil)
		case ToolCall:
			ok = yield(ToolCallDelta{Index: call, ID: p.ID, Name: p.Name, Arguments: string(p.Arguments)}, nil)
			call++
		}
		if !ok {
			return
		}
	}
	yield(Done{Response: resp}, nil)
}

// requestKey is the SHA-256 of everything that the reply depends on: fields with
// their lengths, so that no two requests are written alike.
func requestKey(ctx context.Context, info Info, r *Request) cacheKey {
	k := keyWriters.Get().(*keyWriter)
	k.buf = k.buf[:0]
	defer func() {
		if cap(k.buf) <= maxKeyBuffer { // not one that held pictures
			keyWriters.Put(k)
		}
	}()
	caller, _ := CallerFrom(ctx)
	k.text(caller.Shop)
	k.text(info.Provider)
	k.text(info.Model)
	k.text(r.System)
	k.number(int64(len(r.Messages)))
	for _, m := range r.Messages {
		k.text(string(m.Role))
		k.parts(m.Parts)
	}
	k.number(int64(len(r.Tools)))
	for _, t := range r.Tools {
		k.text(t.Name)
		k.text(t.Description)
		k.schema(t.Input)
	}
	k.text(string(r.ToolChoice.Mode))
	k.text(r.ToolChoice.Name)
	k.number(int64(r.MaxOutputTokens))
	k.float(r.Temperature)
	k.float(r.TopP)
	k.number(int64(len(r.Stop)))
	for _, s := range r.Stop {
		k.text(s)
	}
	k.text(string(r.Effort))
	if o := r.Output; o != nil {
		k.text(o.Name)
		k.text(o.Description)
		k.schema(o.Schema)
	}
	return sha256.Sum256(k.buf)
}

type keyWriter struct{ buf []byte }

// keyWriters are buffers to use again.
var keyWriters = sync.Pool{New: func() any { return new(keyWriter) }}

const maxKeyBuffer = 64 << 10

func (k *keyWriter) number(n int64) { k.buf = binary.AppendVarint(k.buf, n) }
func (k *keyWriter) text(s string)  { k.number(int64(len(s))); k.buf = append(k.buf, s...) }
func (k *keyWriter) bytes(b []byte) { k.number(int64(len(b))); k.buf = append(k.buf, b...) }
func (k *keyWriter) float(f *float64) {
	if f == nil {
		k.buf = append(k.buf, 0)
		return
	}
	k.buf = append(k.buf, 1)
	k.buf = binary.BigEndian.AppendUint64(k.buf, math.Float64bits(*f))
}

func (k *keyWriter) schema(s *Schema) {
	if s == nil {
		k.bytes(nil)
		return
	}
	k.bytes(s.json())
}

func (k *keyWriter) parts(parts []Part) {
	k.number(int64(len(parts)))
	for _, p := range parts {
		switch p := p.(type) {
		case Text:
			k.text("text")
			k.text(p.Text)
		case Image:
			k.text("image")
			k.bytes(p.Data)
			k.text(p.MediaType)
			k.text(p.URL)
		case File:
			k.text("file")
			k.text(p.Name)
			k.bytes(p.Data)
			k.text(p.MediaType)
			k.text(p.URL)
		case Reasoning:
			k.text("reasoning")
			k.text(p.Text)
			k.bytes(p.Opaque)
		case ToolCall:
			k.text("tool_call")
			k.text(p.ID)
			k.text(p.Name)
			k.bytes(p.Arguments)
			k.bytes(p.Opaque)
		case ToolResult:
			k.text("tool_result")
			k.text(p.CallID)
			k.text(p.Name)
			k.parts(p.Content)
			if p.IsError {
				k.text("error")
			}
		case Unknown:
			k.text("unknown")
			k.text(p.Provider)
			k.text(p.Kind)
			k.bytes(p.Raw)
		}
	}
}
