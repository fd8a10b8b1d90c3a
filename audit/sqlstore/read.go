package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
)

// pageLeaves is how many entries are read at once, at least: whole batches.
const pageLeaves = 1024

// Checkpoint implements [audit.Reader].
func (s *Store) Checkpoint(ctx context.Context) ([]byte, error) {
	if t := s.holding.Load(); t != nil && !t.done.Load() { // nobody else can have changed it
		return slices.Clone(t.checkpoint), ctx.Err()
	}
	var msg []byte
	err := s.pool.QueryRow(ctx, `SELECT checkpoint FROM posai_audit_log WHERE id = $1`, s.log).Scan(&msg)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: checkpoint: %w", err)
	}
	return msg, nil
}

// Batches implements [audit.Reader].
func (s *Store) Batches(ctx context.Context, first int64) iter.Seq2[audit.Batch, error] {
	return func(yield func(audit.Batch, error) bool) {
		begin, err := s.batchOf(ctx, first)
		next := begin
		for err == nil {
			var page []audit.Batch
			if page, err = s.page(ctx, next, next > begin); err != nil || len(page) == 0 {
				break
			}
			for _, b := range page {
				if err := ctx.Err(); err != nil {
					yield(audit.Batch{}, err)
					return
				}
				if !yield(b, nil) {
					return
				}
				next = b.First + int64(len(b.Leaves))
			}
		}
		if err != nil {
			yield(audit.Batch{}, err)
		}
	}
}

// batchOf returns the first entry of the batch that holds the given one, or
// the entry itself where no batch does.
func (s *Store) batchOf(ctx context.Context, index int64) (int64, error) {
	first := index
	err := s.pool.QueryRow(ctx, `SELECT first FROM posai_audit_batch WHERE log = $1 AND size > $2 ORDER BY size LIMIT 1`, s.log, index).Scan(&first)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return 0, fmt.Errorf("sqlstore: batches: %w", err)
	}
	if first > index {
		return index, nil // page says what is missing
	}
	return first, nil
}

// page reads the batches from the given entry on, at most about pageLeaves
// entries of them. After the last one it checks that this is the end.
func (s *Store) page(ctx context.Context, from int64, read bool) ([]audit.Batch, error) {
	// In one snapshot, or what is appended in between looks like damage.
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, fmt.Errorf("sqlstore: batches: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // it only reads
	heads, err := tx.Query(ctx, `SELECT first, size, checkpoint FROM posai_audit_batch
		WHERE log = $1 AND size > $2 AND first < $2 + $3 ORDER BY size`, s.log, from, pageLeaves)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: batches: %w", err)
	}
	var page []audit.Batch
	end := from
	var first, size int64
	var checkpoint []byte
	_, err = pgx.ForEachRow(heads, []any{&first, &size, &checkpoint}, func() error {
		if first != end || size <= first {
			return &audit.CorruptError{Index: end, Reason: fmt.Sprintf("a batch from entry %d to %d follows", first, size-1)}
		}
		page = append(page, audit.Batch{First: first, Checkpoint: slices.Clone(checkpoint)})
		end = size
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(page) == 0 {
		return nil, s.end(ctx, tx, from, read)
	}
	return page, s.leaves(ctx, tx, page, from, end)
}

// end makes sure that the log ends after the last batch, which ends with from
// where any was read: that nothing follows, and that what is published is that
// batch's checkpoint.
func (s *Store) end(ctx context.Context, tx pgx.Tx, from int64, read bool) error {
	var index *int64
	var size int64
	var same bool
	err := tx.QueryRow(ctx, `SELECT (SELECT min(index) FROM posai_audit_leaf WHERE log = $1 AND index >= $2), l.size,
			coalesce(l.checkpoint, '') = coalesce((SELECT checkpoint FROM posai_audit_batch WHERE log = $1 ORDER BY size DESC LIMIT 1), '')
		FROM posai_audit_log l WHERE l.id = $1`, s.log, from).Scan(&index, &size, &same)
	switch {
	case err != nil:
		return fmt.Errorf("sqlstore: batches: %w", err)
	case index != nil:
		return &audit.CorruptError{Index: min(*index, from), Reason: "no batch holds the entry"}
	case size > from:
		return &audit.CorruptError{Index: from, Truncated: true, Reason: fmt.Sprintf("the log has %d entries, %d are there", size, from)}
	case !same, read && size < from:
		return &audit.CorruptError{Index: -1, Reason: "the published checkpoint is not that of the last batch"}
	}
	return nil
}

// leaves reads the entries of the page's batches, which are from the one up to
// the other.
func (s *Store) leaves(ctx context.Context, tx pgx.Tx, page []audit.Batch, from, end int64) error {
	found, err := tx.Query(ctx, `SELECT index, data, sealed FROM posai_audit_leaf
		WHERE log = $1 AND index >= $2 AND index < $3 ORDER BY index`, s.log, from, end)
	if err != nil {
		return fmt.Errorf("sqlstore: batches: %w", err)
	}
	next, at := from, 0
	var index int64
	var data []byte
	var sealed [][]byte
	_, err = pgx.ForEachRow(found, []any{&index, &data, &sealed}, func() error {
		if index != next {
			return &audit.CorruptError{Index: next, Reason: "the entry is missing"}
		}
		for at+1 < len(page) && index >= page[at+1].First {
			at++
		}
		leaf := audit.Leaf{Data: slices.Clone(data), Sealed: cloneParts(sealed)}
		page[at].Leaves = append(page[at].Leaves, leaf)
		next++
		return nil
	})
	if err == nil && next < end {
		err = &audit.CorruptError{Index: next, Reason: "the entry is missing"}
	}
	return err
}

func cloneParts(parts [][]byte) [][]byte {
	if len(parts) == 0 {
		return nil
	}
	out := make([][]byte, len(parts))
	for i, p := range parts {
		out[i] = slices.Clone(p)
	}
	return out
}

// Leaf implements [audit.Reader].
func (s *Store) Leaf(ctx context.Context, index int64) (audit.Leaf, error) {
	var leaf audit.Leaf
	err := s.pool.QueryRow(ctx, `SELECT data, sealed FROM posai_audit_leaf WHERE log = $1 AND index = $2`, s.log, index).Scan(&leaf.Data, &leaf.Sealed)
	if errors.Is(err, pgx.ErrNoRows) {
		return audit.Leaf{}, fmt.Errorf("%w: index %d", audit.ErrNotFound, index)
	}
	if err != nil {
		return audit.Leaf{}, fmt.Errorf("sqlstore: leaf: %w", err)
	}
	return leaf, nil
}

// Hashes implements [audit.Reader].
func (s *Store) Hashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error) {
	leaves := make([]int64, len(indexes))
	levels := make([]int, len(indexes))
	for i, index := range indexes {
		if index < 0 || index > maxHash {
			return nil, fmt.Errorf("%w: hash %d of the tree", audit.ErrNotFound, index)
		}
		level, n := tlog.SplitStoredHashIndex(index)
		leaves[i], levels[i] = (n+1)<<level-1, level
	}
	found, err := s.pool.Query(ctx, `SELECT index, hashes FROM posai_audit_leaf WHERE log = $1 AND index = ANY($2)`, s.log, leaves)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: hashes: %w", err)
	}
	rows := make(map[int64][]byte, len(indexes))
	var index int64
	var hashes []byte
	if _, err := pgx.ForEachRow(found, []any{&index, &hashes}, func() error {
		rows[index] = slices.Clone(hashes)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("sqlstore: hashes: %w", err)
	}
	out := make([]tlog.Hash, len(indexes))
	for i := range indexes {
		row, ok := rows[leaves[i]]
		if !ok {
			return nil, fmt.Errorf("%w: hash %d of the tree", audit.ErrNotFound, indexes[i])
		}
		if len(row) != adds(leaves[i])*tlog.HashSize {
			return nil, &audit.CorruptError{Index: leaves[i], Reason: "the hashes beside the entry are damaged"}
		}
		out[i] = tlog.Hash(row[levels[i]*tlog.HashSize:][:tlog.HashSize])
	}
	return out, nil
}

// maxHash bounds the numbering of hashes so that the arithmetic on it cannot
// overflow.
const maxHash = 1 << 60
