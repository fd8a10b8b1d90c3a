package approval

import (
	"context"
	"time"
)

// DocumentStore is a [Store] that keeps many documents of the same sort, such as
// what a channel has to remember about each request. It is optional; channels
// that are given none remember in memory. approvaltest.TestStore checks it.
//
// Names are compared by their bytes. A prefix is ASCII and not empty.
type DocumentStore interface {
	// Document and SetDocument are those of [Store].
	Document(ctx context.Context, name string) (Document, error)
	SetDocument(ctx context.Context, d Document) (Document, error)

	// Documents returns the documents whose names begin with prefix and come
	// after the name after, which may be empty, in the order of their names; at
	// most limit.
	Documents(ctx context.Context, prefix, after string, limit int) ([]Document, error)

	// DropDocument removes the document if it has this version. If it has
	// another, or is not there, it fails with [ErrConflict].
	DropDocument(ctx context.Context, name string, version int64) error

	// DropDocuments removes the documents with from <= name < to, whatever
	// their versions.
	DropDocuments(ctx context.Context, from, to string) error

	// Now is that of [Store].
	Now(ctx context.Context) (time.Time, error)
}
