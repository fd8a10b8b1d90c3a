package audit

import (
	"context"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit/internal/merkle"
)

// loadFrontier reads the right edge of the tree of the given size.
func loadFrontier(ctx context.Context, r Reader, size int64) (merkle.Frontier, error) {
	if size == 0 {
		return merkle.Frontier{}, nil
	}
	edge, err := r.Hashes(ctx, merkle.EdgeIndexes(size))
	if err != nil {
		return merkle.Frontier{}, err
	}
	f, ok := merkle.NewFrontier(size, edge)
	if !ok {
		return f, &CorruptError{Index: -1, Reason: "hashes of the tree are missing"}
	}
	return f, nil
}

// hashReader is the store's hashes for the functions of package tlog.
func hashReader(ctx context.Context, r Reader) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) { return r.Hashes(ctx, indexes) })
}
