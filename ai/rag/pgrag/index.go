package pgrag

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/rag"
	"github.com/posai-go/posai/ai/rag/internal/querycache"
	"github.com/posai-go/posai/internal/sqldb"
)

// Options are the options of [Open]. The zero value is the default.
type Options struct {
	// Embedder makes the vectors. If nil, words alone decide, unless queries bring
	// vectors.
	Embedder ai.Embedder

	// Dimensions is asked of the embedder. If zero, the model's own.
	Dimensions int

	// Language is that of documents which do not say.
	Language string

	// MaxDocuments bounds the index. If zero, 1,000,000.
	MaxDocuments int

	// Timeout is the longest that one transaction may take, beside the context's
	// deadline. If zero, 30 s.
	Timeout time.Duration

	// NoExtension scans vectors in Go even where the database has pgvector.
	NoExtension bool
}

// An Index is a [rag.Index] in PostgreSQL. It is safe for concurrent use.
type Index struct {
	db        *sqldb.DB
	pool      *pgxpool.Pool
	opts      Options
	extension bool // pgvector is there
	embedding chan struct{}
	queries   querycache.Cache
}

var _ rag.Index = (*Index)(nil)

// Open opens the database at url, which is that of a PostgreSQL server (version 14 or
// later), and creates the tables if they are missing. Nil options are the defaults.
// Close the index when it is no longer used.
func Open(ctx context.Context, url string, opts *Options) (*Index, error) {
	x := &Index{embedding: make(chan struct{}, 1)}
	if opts != nil {
		x.opts = *opts
	}
	if x.opts.MaxDocuments == 0 {
		x.opts.MaxDocuments = 1_000_000
	}
	if x.opts.Timeout <= 0 {
		x.opts.Timeout = 30 * time.Second
	}
	if x.opts.MaxDocuments < 0 || x.opts.Dimensions < 0 {
		return nil, fmt.Errorf("pgrag: %w: negative option", rag.ErrInvalid)
	}
	var err error
	if x.db, err = sqldb.Open(ctx, url); err != nil {
		return nil, fmt.Errorf("pgrag: %w", err)
	}
	if x.db.Dialect != sqldb.PostgreSQL {
		_ = x.db.Close()
		return nil, errors.New("pgrag: the database is not PostgreSQL")
	}
	x.pool = x.db.Pool
	err = x.db.Migrate(ctx, room, migrations)
	if err == nil && !x.opts.NoExtension {
		err = x.pool.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_operator
			WHERE oprname = '<=>' AND oprleft = to_regtype('vector') AND oprright = to_regtype('vector'))`).Scan(&x.extension)
	}
	if err != nil {
		_ = x.db.Close()
		return nil, fmt.Errorf("pgrag: %w", err)
	}
	return x, nil
}

// Close closes the database.
func (x *Index) Close() error { return x.db.Close() }

// Extension reports whether the server computes distances of vectors.
func (x *Index) Extension() bool { return x.extension }

// read runs fn on one state of the database.
func (x *Index) read(ctx context.Context, fn func(context.Context, pgx.Tx) error) error {
	return x.tx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, fn)
}

// write runs fn while nobody else changes the index.
func (x *Index) write(ctx context.Context, fn func(context.Context, pgx.Tx) error) error {
	return x.tx(ctx, pgx.TxOptions{}, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, applyLock); err != nil {
			return err
		}
		return fn(ctx, tx)
	})
}

func (x *Index) tx(ctx context.Context, opts pgx.TxOptions, fn func(context.Context, pgx.Tx) error) error {
	limited, cancel := context.WithTimeout(ctx, x.opts.Timeout)
	defer cancel()
	err := pgx.BeginTxFunc(limited, x.pool, opts, func(tx pgx.Tx) error { return fn(limited, tx) })
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, rag.ErrInvalid) || errors.Is(err, rag.ErrFull):
		return err
	}
	return fmt.Errorf("pgrag: %w", err)
}

// counters are the row of posai_rag_index.
type counters struct {
	docs, words int
	languages   map[string]int
	model       string
	dims        int
}

func readCounters(ctx context.Context, tx pgx.Tx) (c counters, err error) {
	var languages []byte
	err = tx.QueryRow(ctx, `SELECT docs, words, languages::text, model, dims FROM posai_rag_index`).
		Scan(&c.docs, &c.words, &languages, &c.model, &c.dims)
	if err == nil {
		err = json.Unmarshal(languages, &c.languages)
	}
	return c, err
}

// Stats implements [rag.Index].
func (x *Index) Stats(ctx context.Context) (rag.Stats, error) {
	var s rag.Stats
	err := x.read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		c, err := readCounters(ctx, tx)
		if err != nil {
			return err
		}
		s = rag.Stats{Documents: c.docs, Model: c.model, Dimensions: c.dims}
		return tx.QueryRow(ctx, `SELECT count(vector) FROM posai_rag_document`).Scan(&s.Vectors)
	})
	return s, err
}

// Documents implements [rag.Index].
func (x *Index) Documents(ctx context.Context, ids ...string) ([]rag.Document, error) {
	var docs []rag.Document
	err := x.read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		var codes []string
		for _, id := range ids {
			codes = append(codes, rag.LooseCode(id))
		}
		found, err := documents(ctx, tx, `codes && $1`, codes)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if d := owner(found, id); d != nil {
				docs = append(docs, *d)
			}
		}
		return nil
	})
	return docs, err
}

// owner returns the document of an ID, else the one with the variant of that ID.
func owner(found []rag.Document, id string) *rag.Document {
	var variant *rag.Document
	for i := range found {
		if found[i].ID == id {
			return &found[i]
		}
		if variant == nil && found[i].Variant(id) != nil {
			variant = &found[i]
		}
	}
	return variant
}

// documents reads documents in the order of their IDs.
func documents(ctx context.Context, tx pgx.Tx, where string, args ...any) ([]rag.Document, error) {
	rows, err := tx.Query(ctx, `SELECT id, data FROM posai_rag_document WHERE `+where+` ORDER BY id`, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (rag.Document, error) {
		var id, data string
		if err := row.Scan(&id, &data); err != nil {
			return rag.Document{}, err
		}
		return rag.ReadRow(rag.Row{Key: "d:" + id, Data: json.RawMessage(data)})
	})
}
