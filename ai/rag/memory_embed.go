package rag

import (
	"context"
	"fmt"

	"github.com/posai-go/posai/ai"
)

// embedBatch is how many texts are embedded before their vectors are kept.
const embedBatch = 256

// ModelName returns the name under which vectors of an embedder are kept.
func ModelName(e ai.Embedder) string {
	info := e.Info()
	return info.Provider + "/" + info.Model
}

// Embed implements [Index]. One Embed runs at a time; another one waits for it.
// Its errors are those of the embedder, or of the context, or match [ErrNoVectors] if
// there is no embedder.
//
// When the embedder's model, or the length of its vectors, is another one than that of
// the vectors that there are, these are dropped as soon as the first new ones have
// come.
func (m *Memory) Embed(ctx context.Context) (EmbedStats, error) {
	var stats EmbedStats
	if m.opts.Embedder == nil {
		return stats, ErrNoVectors
	}
	select {
	case m.embedding <- struct{}{}:
		defer func() { <-m.embedding }()
	case <-ctx.Done():
		return stats, ctx.Err()
	}
	skip := map[uint32]record{} // that have no text to embed
	for {
		todo := m.view.Load().unembedded(m.opts.Embedder, m.opts.Dimensions, skip)
		if len(todo) == 0 {
			return stats, nil
		}
		var texts []string
		for _, u := range todo {
			if !u.shared {
				texts = append(texts, u.text)
			}
		}
		var vectors [][]float32
		if len(texts) > 0 {
			resp, err := ai.EmbedAll(ctx, m.opts.Embedder, &ai.EmbedRequest{
				Texts: texts, Purpose: ai.EmbedDocument, Dimensions: m.opts.Dimensions,
			})
			if err != nil {
				return stats, fmt.Errorf("rag: embed documents: %w", err)
			}
			for _, v := range resp.Vectors {
				if err := validVector(v); err != nil {
					return stats, &ai.Error{Class: ai.ErrMalformedReply, Provider: m.opts.Embedder.Info().Provider, Detail: "vector without a length"}
				}
			}
			vectors = resp.Vectors
			stats.Texts += len(texts)
			stats.Tokens += resp.Usage.InputTokens
		}
		stats.Documents += m.keepVectors(ModelName(m.opts.Embedder), todo, vectors)
	}
}

// An unembedded is a text without a vector, and the documents that have it.
type unembedded struct {
	text   string
	owners []uint32
	shared bool // from is another document with that text, and a vector
	from   uint32
}

// unembedded returns some texts that have no vector, or none if there are none left.
// Documents without any text are put into skip.
func (v *view) unembedded(e ai.Embedder, dims int, skip map[uint32]record) []unembedded {
	stale := v.vectors.model != ModelName(e) || dims != 0 && v.vectors.dims != dims
	at := map[string]int{}
	var todo []unembedded
	for ord, r := range v.all {
		if !stale && v.vectors.holds(ord) || skip[ord] == r {
			continue
		}
		s, _ := r.decode()
		text := EmbedText(&s.doc)
		if text == "" {
			skip[ord] = r
			continue
		}
		i, ok := at[text]
		if !ok {
			if len(todo) == embedBatch {
				break
			}
			i = len(todo)
			at[text] = i
			u := unembedded{text: text}
			if !stale {
				u.from, u.shared = v.sameText(text)
			}
			todo = append(todo, u)
		}
		todo[i].owners = append(todo[i].owners, ord)
	}
	return todo
}

// sameText returns a document with a vector and that text.
func (v *view) sameText(text string) (uint32, bool) {
	for _, ord := range v.texts.find(hashString(text)) {
		if !v.vectors.holds(ord) {
			continue
		}
		if s, _ := v.records.get(ord).decode(); EmbedText(&s.doc) == text {
			return ord, true
		}
	}
	return 0, false
}

// keepVectors gives the vectors, one for each text that is not shared, to the documents
// that still have the text, and returns to how many.
func (m *Memory) keepVectors(model string, todo []unembedded, vectors [][]float32) int {
	m.write.Lock()
	defer m.write.Unlock()
	t := m.begin()
	if len(vectors) > 0 {
		if dims := len(vectors[0]); t.vectors.model != model || t.vectors.dims != dims {
			t.vectors = chunks{model: model, dims: dims}
		}
	}
	has := func(ord uint32, text string) bool {
		r := t.records.get(ord)
		if r == "" {
			return false
		}
		s, _ := r.decode()
		return EmbedText(&s.doc) == text // else it changed while the model was at work
	}
	n := 0
	for _, u := range todo {
		var vector []float32
		if !u.shared {
			vector, vectors = vectors[0], vectors[1:]
		} else if !t.vectors.holds(u.from) || !has(u.from, u.text) {
			continue // the next round embeds it
		}
		for _, ord := range u.owners {
			if !has(ord, u.text) {
				continue
			}
			if n++; u.shared {
				t.copyVector(ord, u.from)
			} else {
				t.setVector(ord, vector)
			}
		}
	}
	m.view.Store(&t.view)
	return n
}

// copyVector gives a document the vector of another one.
func (t *tx) copyVector(ord, from uint32) {
	dims := t.vectors.dims
	src := t.vectors.at[from/chunkSize]
	if !t.vectors.holds(ord) {
		t.vectors.n++
	}
	t.chunk(ord).ownSlab(t.gen).copy(int(ord%chunkSize), src, int(from%chunkSize), dims)
}

// SetVectors gives documents vectors that the caller has, by ID. All vectors of an index
// are of one model and length: the first ones decide, and others are refused with
// [ErrInvalid] until those are gone. IDs that are unknown are left out. It is for
// programs that embed elsewhere.
func (m *Memory) SetVectors(model string, vectors map[string][]float32) error {
	m.write.Lock()
	defer m.write.Unlock()
	t := m.begin()
	for id, v := range vectors {
		if err := validVector(v); err != nil {
			return err
		}
		if t.vectors.n == 0 && (t.vectors.dims != len(v) || t.vectors.model != model) {
			t.vectors = chunks{model: model, dims: len(v)}
		}
		if t.vectors.dims != len(v) || t.vectors.model != model {
			return invalid("vector of another model or length")
		}
		if ord, ok := t.byID(id); ok {
			t.setVector(ord, v)
		}
	}
	m.view.Store(&t.view)
	return nil
}

// vector returns the query's vector, or why there is none.
func (m *Memory) vector(ctx context.Context, v *view, q *Query) (vector []float32, degraded, err error) {
	if v.vectors.n == 0 {
		return nil, ErrNoVectors, nil
	}
	if q.Vector != nil {
		if len(q.Vector) != v.vectors.dims {
			return nil, nil, invalid("vector of %d dimensions for an index of %d", len(q.Vector), v.vectors.dims)
		}
		return q.Vector, v.missing(), nil
	}
	e := m.opts.Embedder
	if e == nil || v.vectors.model != ModelName(e) || q.Text == "" {
		return nil, ErrNoVectors, nil
	}
	vector, err = m.queries.Embed(ctx, e, q.Text, v.vectors.dims, m.opts.Dimensions)
	switch {
	case ctx.Err() != nil:
		return nil, nil, ctx.Err()
	case err != nil:
		return nil, err, nil
	case len(vector) != v.vectors.dims || validVector(vector) != nil:
		return nil, ErrNoVectors, nil
	}
	return vector, v.missing(), nil
}
