// Package ragtest helps to test programs that search with package rag, and
// implementations of [rag.Index].
package ragtest

import (
	"context"
	"hash/fnv"
	"maps"
	"math"
	"strings"
	"sync"

	"github.com/posai-go/posai/ai"
)

// An Embedder makes vectors of texts by hashing their words and the trigrams of these:
// texts that share words, or parts of words, are similar. It is deterministic, needs no
// network and knows nothing of meaning, but for Synonyms. It is safe for concurrent use.
type Embedder struct {
	// Model is the name in Info. If empty, "hash".
	Model string

	// Dimensions of the vectors. If zero, 256.
	Dimensions int

	// Synonyms maps words to the word that they count as.
	Synonyms map[string]string

	// Fail, if not nil, is asked before each call; its error is that of the call.
	Fail func(req *ai.EmbedRequest) error

	mu    sync.Mutex
	texts map[string]int
}

var _ ai.Embedder = (*Embedder)(nil)

// Info implements [ai.Embedder].
func (e *Embedder) Info() ai.EmbedderInfo {
	info := ai.EmbedderInfo{Provider: "ragtest", Model: e.Model, Dimensions: e.Dimensions, MaxTexts: 100}
	if info.Model == "" {
		info.Model = "hash"
	}
	if info.Dimensions == 0 {
		info.Dimensions = 256
	}
	return info
}

// Texts returns how often each text was embedded.
func (e *Embedder) Texts() map[string]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	texts := make(map[string]int, len(e.texts))
	maps.Copy(texts, e.texts)
	return texts
}

// Embed implements [ai.Embedder].
func (e *Embedder) Embed(ctx context.Context, req *ai.EmbedRequest) (*ai.EmbedResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := req.Validate(); err != nil {
		return nil, err
	}
	if e.Fail != nil {
		if err := e.Fail(req); err != nil {
			return nil, err
		}
	}
	dims := e.Info().Dimensions
	if req.Dimensions != 0 {
		dims = req.Dimensions
	}
	resp := &ai.EmbedResponse{Model: e.Info().Model}
	for _, text := range req.Texts {
		resp.Vectors = append(resp.Vectors, e.vector(text, dims))
		resp.Usage.InputTokens += int64(len(strings.Fields(text)))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.texts == nil {
		e.texts = map[string]int{}
	}
	for _, text := range req.Texts {
		e.texts[text]++
	}
	return resp, nil
}

func (e *Embedder) vector(text string, dims int) []float32 {
	v := make([]float32, dims)
	add := func(feature string, weight float32) {
		h := fnv.New64a()
		_, _ = h.Write([]byte(feature))
		sum := h.Sum64()
		if sum>>63 != 0 {
			weight = -weight
		}
		v[sum%uint64(dims)] += weight
	}
	for word := range strings.FieldsSeq(strings.ToLower(text)) {
		word = strings.Trim(word, ".,;:!?()\"'")
		if to, ok := e.Synonyms[word]; ok {
			word = to
		}
		if word == "" {
			continue
		}
		add(word, 2)
		runes := []rune(" " + word + " ")
		for i := 0; i+3 <= len(runes); i++ {
			add(string(runes[i:i+3]), 1)
		}
	}
	norm := 0.0
	for _, f := range v {
		norm += float64(f) * float64(f)
	}
	if norm == 0 {
		v[0] = 1
		return v
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(norm))
	}
	return v
}
