package ai_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
)

// letters is an embedder whose vectors are the length and the first byte of a
// text. It takes two texts at a time.
type letters struct {
	fail  func(texts []string) error
	spoil func(*ai.EmbedResponse)
	calls *[][]string
}

func (letters) Info() ai.EmbedderInfo {
	return ai.EmbedderInfo{Provider: "letters", Model: "letters-2", Dimensions: 2, MaxTexts: 2}
}

func (l letters) Embed(_ context.Context, req *ai.EmbedRequest) (*ai.EmbedResponse, error) {
	if err := req.Validate(); err != nil {
		return nil, err
	}
	if l.calls != nil {
		*l.calls = append(*l.calls, req.Texts)
	}
	if l.fail != nil {
		if err := l.fail(req.Texts); err != nil {
			return nil, err
		}
	}
	resp := &ai.EmbedResponse{Model: "letters-2", Warnings: []ai.Warning{{Setting: "Purpose"}}}
	for _, text := range req.Texts {
		resp.Vectors = append(resp.Vectors, []float32{float32(len(text)), float32(text[0])})
		resp.Usage = resp.Usage.Add(ai.NewUsage(int64(len(text)), 0, 0, 0, 0))
	}
	if l.spoil != nil {
		l.spoil(resp)
	}
	return resp, nil
}

func ExampleEmbedAll() {
	var embedder ai.Embedder = letters{} // a program uses one of package openai or gemini
	resp, err := ai.EmbedAll(context.Background(), embedder, &ai.EmbedRequest{
		Texts:   []string{"wool scarf", "hat", "silk scarf"},
		Purpose: ai.EmbedDocument,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(resp.Vectors), "vectors,", resp.Usage.InputTokens, "tokens")
	// Output: 3 vectors, 23 tokens
}

func TestEmbedAll(t *testing.T) {
	texts := []string{"a", "bb", "ccc", "dddd", "eeeee"}
	t.Run("in requests of the largest size", func(t *testing.T) {
		var calls [][]string
		resp, err := ai.EmbedAll(t.Context(), letters{calls: &calls}, &ai.EmbedRequest{Texts: texts})
		require.NoError(t, err)
		assert.Equal(t, [][]string{{"a", "bb"}, {"ccc", "dddd"}, {"eeeee"}}, calls)
		assert.Equal(t, [][]float32{{1, 'a'}, {2, 'b'}, {3, 'c'}, {4, 'd'}, {5, 'e'}}, resp.Vectors)
		assert.Equal(t, int64(15), resp.Usage.InputTokens)
		assert.Len(t, resp.Warnings, 1)
	})
	t.Run("all or nothing", func(t *testing.T) {
		broken := letters{fail: func(texts []string) error {
			if texts[0] == "ccc" {
				return &ai.Error{Class: ai.ErrOverloaded}
			}
			return nil
		}}
		resp, err := ai.EmbedAll(t.Context(), broken, &ai.EmbedRequest{Texts: texts})
		require.ErrorIs(t, err, ai.ErrOverloaded)
		assert.Nil(t, resp)
	})
	for name, spoil := range map[string]func(*ai.EmbedResponse){
		"a vector too few":     func(r *ai.EmbedResponse) { r.Vectors = r.Vectors[1:] },
		"an empty vector":      func(r *ai.EmbedResponse) { r.Vectors[0] = nil },
		"vectors that differ":  func(r *ai.EmbedResponse) { r.Vectors[len(r.Vectors)-1] = []float32{1} },
		"not the length asked": func(r *ai.EmbedResponse) { r.Vectors[0] = []float32{1} },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ai.EmbedAll(t.Context(), letters{spoil: spoil}, &ai.EmbedRequest{Texts: texts, Dimensions: 2})
			require.ErrorIs(t, err, ai.ErrMalformedReply)
		})
	}
}

func TestEmbedAllOfOneLength(t *testing.T) {
	for name, differs := range map[string][]int{"within a request": {1}, "between requests": {2, 3}} {
		t.Run(name, func(t *testing.T) {
			seen := 0
			spoil := func(r *ai.EmbedResponse) {
				for i := range r.Vectors {
					if slices.Contains(differs, seen) {
						r.Vectors[i] = []float32{1, 2, 3}
					}
					seen++
				}
			}
			_, err := ai.EmbedAll(t.Context(), letters{spoil: spoil}, &ai.EmbedRequest{Texts: []string{"a", "b", "c", "d"}})
			require.ErrorIs(t, err, ai.ErrMalformedReply)
		})
	}
}

func TestEmbedRequestValidate(t *testing.T) {
	for name, req := range map[string]*ai.EmbedRequest{
		"nil": nil, "no texts": {}, "an empty text": {Texts: []string{"a", ""}},
		"dimensions": {Texts: []string{"a"}, Dimensions: -1}, "purpose": {Texts: []string{"a"}, Purpose: "fun"},
	} {
		t.Run(name, func(t *testing.T) {
			err := req.Validate()
			require.ErrorIs(t, err, ai.ErrInvalidRequest)
			_, err = ai.EmbedAll(t.Context(), letters{fail: func([]string) error { return errors.New("asked") }}, req)
			require.ErrorIs(t, err, ai.ErrInvalidRequest)
		})
	}
}
