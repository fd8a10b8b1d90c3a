package rag

import (
	"context"
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/rag/internal/querycache"
	"github.com/posai-go/posai/ai/rag/internal/text"
)

// MemoryOptions are the options of [NewMemory]. The zero value is the default.
type MemoryOptions struct {
	// Embedder makes the vectors. If nil, words alone decide, unless queries bring
	// vectors and [Memory.SetVectors] those of documents.
	Embedder ai.Embedder

	// Dimensions is asked of the embedder. If zero, the model's own.
	Dimensions int

	// Language is that of documents which do not say. If empty, their words are
	// compared as they are.
	Language string

	// MaxDocuments bounds the index. If zero, 1,000,000.
	MaxDocuments int

	// Workers is how many goroutines scan the vectors for one search. If zero,
	// GOMAXPROCS.
	Workers int
}

// A Memory is an [Index] in the memory of the process. Make it with [NewMemory]. It is
// safe for concurrent use, and searches wait neither for Apply nor for one another.
type Memory struct {
	opts     MemoryOptions
	language string

	view atomic.Pointer[view]

	write    sync.Mutex // held by whoever makes the next view
	gen      uint64     // of the last transaction
	analyzer text.Analyzer
	buffer   []byte

	embedding chan struct{} // held by the one Embed that runs
	queries   querycache.Cache
	scores    sync.Pool
}

var _ Index = (*Memory)(nil)

// NewMemory returns an empty index. Nil options are the defaults.
func NewMemory(opts *MemoryOptions) (*Memory, error) {
	m := &Memory{embedding: make(chan struct{}, 1)}
	if opts != nil {
		m.opts = *opts
	}
	if m.opts.MaxDocuments == 0 {
		m.opts.MaxDocuments = 1_000_000
	}
	m.language = text.Base(m.opts.Language)
	switch {
	case m.opts.MaxDocuments < 0 || m.opts.MaxDocuments > maxOrd:
		return nil, invalid("MaxDocuments of %d", m.opts.MaxDocuments)
	case m.opts.Dimensions < 0 || m.opts.Dimensions > maxDims:
		return nil, invalid("Dimensions of %d", m.opts.Dimensions)
	case m.opts.Workers < 0:
		return nil, invalid("Workers of %d", m.opts.Workers)
	case m.opts.Language != "" && m.language == "":
		return nil, invalid("language tag")
	}
	m.view.Store(&view{})
	return m, nil
}

// A view is the index at one moment. Nothing in it changes.
type view struct {
	records   paged[record] // by number; empty where there is none
	facts     paged[facts]
	lengths   paged[uint16]
	ords      uint32   // numbers that were given
	free      []uint32 // of those, the ones that can be given again
	docs      int
	words     int64 // sum of lengths
	locations []string

	terms table[term]
	codes table[uint32] // by LooseCode
	texts table[uint32] // by EmbedText
	gone  table[grave]
	loose table[orphan]

	languages []langCount

	vectors chunks
}

// chunks are the vectors of a view.
type chunks struct {
	model string
	dims  int
	n     int
	at    []*chunk // nil where there are none
	gen   uint64   // of at
}

// holds reports whether a document has a vector.
func (c *chunks) holds(ord uint32) bool {
	at := int(ord / chunkSize)
	return at < len(c.at) && c.at[at].holds(int(ord%chunkSize))
}

// A langCount says how many documents there are in a language.
type langCount struct {
	lang string
	n    int
}

// A term is an entry of the vocabulary.
type term struct {
	text string
	mask uint32 // of its letters, see letterMask
	list *postings
}

// A grave is what is left of a document that was deleted.
type grave struct {
	id string
	at int64 // math.MaxInt64 is for good
}

// An orphan is what came before the document that it is about: the levels of an
// inventory item, or the collections of a product.
type orphan struct {
	item    string
	levels  []level
	id      string
	grouped int64
	groups  []string
}

// Apply implements [Index]. Its errors match [ErrInvalid] or [ErrFull]. It does no I/O;
// the context is only looked at in the beginning.
func (m *Memory) Apply(ctx context.Context, changes ...Change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, c := range changes {
		if c == nil {
			return invalid("nil change")
		}
		if err := c.validate(); err != nil {
			return err
		}
	}
	m.write.Lock()
	defer m.write.Unlock()
	t := m.begin()
	for _, c := range changes {
		if err := t.apply(c); err != nil {
			return err // the view was not published
		}
	}
	m.view.Store(&t.view)
	return nil
}

// begin starts a transaction. The writer's lock must be held.
func (m *Memory) begin() *tx {
	m.gen++
	return &tx{m: m, gen: m.gen, view: *m.view.Load()}
}

// Documents implements [Index]. It returns no error.
func (m *Memory) Documents(_ context.Context, ids ...string) ([]Document, error) {
	v := m.view.Load()
	var docs []Document
	for _, id := range ids {
		ord, ok := v.owner(id)
		if !ok {
			continue
		}
		s, _ := v.records.get(ord).decode()
		docs = append(docs, s.document(v.locations))
	}
	return docs, nil
}

// owner returns the document that has an ID or the variant of that ID.
func (v *view) owner(id string) (uint32, bool) {
	variant, found := uint32(0), false
	for _, ord := range v.codes.find(hashString(LooseCode(id))) {
		s, _ := v.records.get(ord).decode()
		if s.doc.ID == id {
			return ord, true
		}
		if !found && s.doc.Variant(id) != nil {
			variant, found = ord, true
		}
	}
	return variant, found
}

// byID returns the document of that ID.
func (v *view) byID(id string) (uint32, bool) {
	for _, ord := range v.codes.find(hashString(LooseCode(id))) {
		if v.records.get(ord).id() == id {
			return ord, true
		}
	}
	return 0, false
}

// Stats implements [Index]. It returns no error.
func (m *Memory) Stats(context.Context) (Stats, error) {
	v := m.view.Load()
	return Stats{Documents: v.docs, Vectors: v.vectors.n, Model: v.vectors.model, Dimensions: v.vectors.dims}, nil
}

// all calls yield for each document.
func (v *view) all(yield func(ord uint32, r record) bool) {
	for i, p := range v.records.pages {
		for j, r := range &p.at {
			if r != "" && !yield(uint32(i*pageSize+j), r) { //nolint:gosec // at most maxOrd
				return
			}
		}
	}
}

// letterMask has a bit for each letter and digit of a term: an edit changes two at most.
func letterMask(s string) uint32 {
	mask := uint32(0)
	for _, r := range s {
		mask |= 1 << (uint32(r) * 0x9e3779b1 >> 27) //nolint:gosec // any hash will do
	}
	return mask
}

// far reports whether two masks show that more than n edits are between the words.
func far(a, b uint32, n int) bool { return bits.OnesCount32(a^b) > 2*n }
