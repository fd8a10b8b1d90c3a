package approval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Document is a small piece of state that all users of a store share, such as
// the switches that stop executions. It is read and written as a whole.
type Document struct {
	Name    string          `json:"name"`           // at most 200 bytes
	Version int64           `json:"version"`        // counts the writes; 0: there is none yet
	Data    json.RawMessage `json:"data,omitempty"` // at most 256 KiB
}

// Limits of a [Document], in bytes.
const (
	maxDocumentName = 200
	maxDocument     = 256 << 10
)

// maxConflicts is how often a write of a document is tried again after somebody
// else was faster. Documents are small and written by compare-and-set, so one
// of the writers always gets through.
const maxConflicts = 1000

// readDocument decodes the named document into v and returns its version. A
// document that does not exist leaves v as it is.
func readDocument(ctx context.Context, s Store, name string, v any) (int64, error) {
	doc, err := s.Document(ctx, name)
	if err != nil || doc.Version == 0 {
		return 0, err
	}
	if err := json.Unmarshal(doc.Data, v); err != nil {
		return 0, errors.New("approval: the stored document " + name + " cannot be read")
	}
	return doc.Version, nil
}

// planDocument reads a document, lets change alter it, and returns what is to be
// written in its place. If change fails, or says that nothing is to be written,
// there is nothing to write.
func planDocument[T any](ctx context.Context, s Store, name string, change func(v *T, version int64) (write bool, err error)) (doc Document, write bool, err error) {
	v := new(T)
	version, err := readDocument(ctx, s, name, v)
	if err != nil {
		return Document{}, false, err
	}
	if write, err = change(v, version); err != nil || !write {
		return Document{}, false, err
	}
	data, err := json.Marshal(v)
	if err != nil {
		return Document{}, false, errors.New("approval: the document " + name + " cannot be written as JSON")
	}
	if len(data) > maxDocument {
		return Document{}, false, invalid("", fmt.Sprintf("the stored %s would be larger than %d bytes", name, maxDocument))
	}
	return Document{Name: name, Version: version, Data: data}, true, nil
}

// changeDocument reads a document, lets change alter it, and writes it back,
// again and again until nobody else wrote it in between. change starts from a
// fresh value each time.
func changeDocument[T any](ctx context.Context, s Store, name string, change func(v *T, version int64) (write bool, err error)) error {
	for range maxConflicts {
		doc, write, err := planDocument(ctx, s, name, change)
		if err != nil || !write {
			return err
		}
		if _, err = s.SetDocument(ctx, doc); !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("approval: document %s: %w", name, ErrConflict)
}
