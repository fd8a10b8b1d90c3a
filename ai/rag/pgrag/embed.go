package pgrag

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/rag"
)

// embedBatch is how many texts are embedded before their vectors are kept.
const embedBatch = 256

// Embed implements [rag.Index]. In this process one Embed runs at a time; two processes
// may embed the same texts, but keep them once. Its errors are those of the embedder, of
// the context or of the database, or match [rag.ErrNoVectors] if there is no embedder.
func (x *Index) Embed(ctx context.Context) (rag.EmbedStats, error) {
	var stats rag.EmbedStats
	if x.opts.Embedder == nil {
		return stats, rag.ErrNoVectors
	}
	select {
	case x.embedding <- struct{}{}:
		defer func() { <-x.embedding }()
	case <-ctx.Done():
		return stats, ctx.Err()
	}
	for {
		texts, shared, err := x.unembedded(ctx)
		if err != nil {
			return stats, err
		}
		stats.Documents += shared
		if len(texts) == 0 {
			return stats, nil
		}
		resp, err := ai.EmbedAll(ctx, x.opts.Embedder, &ai.EmbedRequest{Texts: texts, Purpose: ai.EmbedDocument, Dimensions: x.opts.Dimensions})
		if err != nil {
			return stats, fmt.Errorf("pgrag: embed documents: %w", err)
		}
		for _, v := range resp.Vectors {
			if err := rag.ValidVector(v); err != nil {
				return stats, &ai.Error{Class: ai.ErrMalformedReply, Provider: x.opts.Embedder.Info().Provider, Detail: "vector without a length"}
			}
		}
		stats.Texts += len(texts)
		stats.Tokens += resp.Usage.InputTokens
		n, err := x.keep(ctx, texts, resp.Vectors)
		stats.Documents += n
		if err != nil {
			return stats, err
		}
	}
}

// stale reports whether the vectors are of another model.
func (x *Index) stale(c *counters) bool {
	return c.model != rag.ModelName(x.opts.Embedder) || x.opts.Dimensions != 0 && c.dims != x.opts.Dimensions
}

// unembedded returns some texts without vectors, after it has given those that another
// document has, too, its vector.
func (x *Index) unembedded(ctx context.Context) (texts []string, shared int, err error) {
	err = x.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		c, err := readCounters(ctx, tx)
		if err != nil {
			return err
		}
		missing := `d.vector IS NULL`
		if x.stale(&c) {
			missing = `true`
		} else {
			tag, err := tx.Exec(ctx, `UPDATE posai_rag_document d SET vector = o.vector FROM posai_rag_document o
				WHERE d.vector IS NULL AND o.digest = d.digest AND o.vector IS NOT NULL`)
			if err != nil {
				return err
			}
			shared = int(tag.RowsAffected())
		}
		docs, err := documents(ctx, tx, `id IN (SELECT min(d.id) FROM posai_rag_document d WHERE `+missing+` AND d.digest IS NOT NULL GROUP BY d.digest LIMIT $1)`, embedBatch)
		for i := range docs {
			texts = append(texts, rag.EmbedText(&docs[i]))
		}
		return err
	})
	return texts, shared, err
}

// keep gives the vectors to the documents that have the texts.
func (x *Index) keep(ctx context.Context, texts []string, vectors [][]float32) (n int, err error) {
	err = x.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		c, err := readCounters(ctx, tx)
		if err != nil {
			return err
		}
		dims := len(vectors[0])
		if model := rag.ModelName(x.opts.Embedder); c.model != model || c.dims != dims {
			if _, err := tx.Exec(ctx, `UPDATE posai_rag_document SET vector = NULL WHERE vector IS NOT NULL`); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `UPDATE posai_rag_index SET model = $1, dims = $2`, model, dims); err != nil {
				return err
			}
		}
		for i, text := range texts {
			sum := sha256.Sum256([]byte(text))
			tag, err := tx.Exec(ctx, `UPDATE posai_rag_document SET vector = $1 WHERE digest = $2 AND vector IS NULL`, vectors[i], sum[:])
			if err != nil {
				return err
			}
			n += int(tag.RowsAffected())
		}
		return nil
	})
	return n, err
}

// vector returns the query's vector, or why there is none.
func (x *Index) vector(ctx context.Context, c *counters, q *rag.Query) (vector []float32, degraded, err error) {
	if c.dims == 0 {
		return nil, rag.ErrNoVectors, nil
	}
	if q.Vector != nil {
		if len(q.Vector) != c.dims {
			return nil, nil, fmt.Errorf("%w: vector of %d dimensions for an index of %d", rag.ErrInvalid, len(q.Vector), c.dims)
		}
		return q.Vector, nil, nil
	}
	e := x.opts.Embedder
	if e == nil || c.model != rag.ModelName(e) || q.Text == "" {
		return nil, rag.ErrNoVectors, nil
	}
	vector, err = x.queries.Embed(ctx, e, q.Text, c.dims, x.opts.Dimensions)
	switch {
	case ctx.Err() != nil:
		return nil, nil, ctx.Err()
	case err != nil:
		return nil, err, nil
	case len(vector) != c.dims || rag.ValidVector(vector) != nil:
		return nil, rag.ErrNoVectors, nil
	}
	return vector, nil, nil
}
