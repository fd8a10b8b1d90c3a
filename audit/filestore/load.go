package filestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore/internal/index"
	"github.com/posai-go/posai/audit/internal/merkle"
)

// catchUp makes a Reader know all that is published. A Store knows anyway.
func (r *Reader) catchUp(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.mu.RLock()
	owner := r.owner
	r.mu.RUnlock()
	if owner {
		return nil
	}
	published, err := r.publishedSize(ctx)
	if err != nil {
		return err
	}
	r.mu.RLock()
	size := r.tree.Size
	r.mu.RUnlock()
	if published <= size {
		return nil
	}
	return r.reload(ctx)
}

// reload looks at the directory again.
func (r *Reader) reload(ctx context.Context) error {
	r.mu.RLock()
	owner := r.owner
	r.mu.RUnlock()
	if owner {
		return nil
	}
	r.loading.Lock()
	defer r.loading.Unlock()
	// What is published now is in the segments that are listed after.
	published, err := r.publishedSize(ctx)
	if err != nil {
		return err
	}
	if err := r.relist(); err != nil {
		return err
	}
	r.openIndex(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := 0; i < len(r.segments); i++ {
		s := r.segments[i]
		if s.first != r.tree.Size && s.end() == s.first {
			if !r.isLeftOver(s.first) {
				return &audit.CorruptError{Index: r.tree.Size, Reason: fmt.Sprintf("entry %d follows", s.first)}
			}
			if err := r.leaveOut(i); err != nil {
				return err
			}
			i = 0
		}
		if err := r.parse(ctx, s, i == len(r.segments)-1, published); err != nil {
			return err
		}
	}
	if published > r.tree.Size {
		return missing(published, r.tree.Size, r.tree.Size)
	}
	return nil
}

// isLeftOver reports whether the segments before the one that begins with the entry,
// which does not follow them, are only what is left of segments that the archive
// has: the removal of an older one has failed where that of a later one has not.
func (r *Reader) isLeftOver(first int64) bool { return r.tree.Size < first && first <= r.archived }

// leaveOut begins with the segment i, as if those before it were gone. The caller
// holds the lock.
func (r *Reader) leaveOut(i int) error {
	tree, err := r.frontier(r.segments[i].first)
	if err != nil {
		return err
	}
	for _, s := range r.segments[:i] {
		if s.dropped = true; s.users == 0 {
			_ = s.file.Close() // it was only read from
		}
	}
	r.segments, r.tree = r.segments[i:], tree
	return nil
}

// relist opens the segments that are new, lets go of those that were archived,
// and notes how much the archive holds.
func (r *Reader) relist() error {
	segments, err := openSegments(r.dir, r.disk, os.O_RDONLY)
	if err != nil {
		return fmt.Errorf("filestore: %w", err)
	}
	archived, err := r.archive.size()
	if err != nil {
		return errors.Join(err, closeSegments(segments))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(segments) == 0 || segments[0].first > archived {
		err := &audit.CorruptError{Index: archived, Reason: "entries are missing"}
		return errors.Join(err, closeSegments(segments))
	}
	known := map[int64]*segment{}
	for _, s := range r.segments {
		known[s.first] = s
	}
	gap := r.tree.Size < segments[0].first
	kept := segments[:0]
	for i, s := range segments {
		old, ok := known[s.first]
		if !ok && (s.first >= r.tree.Size || i == len(segments)-1) {
			kept = append(kept, s)
			continue
		}
		if ok { // else it was left out before
			kept = append(kept, old)
			delete(known, s.first)
		}
		if err := s.file.Close(); err != nil {
			return err
		}
	}
	segments = kept
	for _, s := range known {
		if s.dropped = true; s.users == 0 {
			_ = s.file.Close() // it was only read from
		}
	}
	r.segments, r.archived = segments, archived
	if !gap {
		return nil
	}
	// The first look, or entries went by unseen: begin with the first segment.
	r.tree, err = r.frontier(segments[0].first)
	return err
}

// frontier returns the right edge of the tree of the given size, which the
// archive covers.
func (r *Reader) frontier(size int64) (merkle.Frontier, error) {
	indexes := merkle.EdgeIndexes(size)
	edge := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		height := (level/merkle.TileHeight + 1) * merkle.TileHeight // of the tile above the leaves
		err := r.archive.settled(r.archived, func(archived int64) (err error) {
			edge[i], err = r.archive.hash(index, archived)
			return err
		})
		if errors.Is(err, fs.ErrNotExist) {
			err = &audit.CorruptError{Index: n << level >> height << height, Reason: "a tile with its hash is missing"}
		}
		if err != nil {
			return merkle.Frontier{}, err
		}
	}
	f, _ := merkle.NewFrontier(size, edge)
	return f, nil
}

// parse reads on in a segment from where it is known. The caller holds the lock.
func (r *Reader) parse(ctx context.Context, s *segment, last bool, published int64) error {
	end, err := s.size()
	if err != nil {
		return err
	}
	p, err := s.parser(s.known, end, s.end())
	if err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		before := p.offset
		b, err := p.next()
		if err != nil {
			torn, err := settle(p, err, last, published)
			if errors.Is(err, errAgain) {
				continue
			}
			r.torn = torn
			return err
		}
		if err := r.learn(s, p, b); err != nil {
			return err
		}
		s.last = before
	}
}

// learn files what is known of a batch, which is checked against the checkpoint
// that it carries. That this was signed is for the log to check.
func (r *Reader) learn(s *segment, p *parser, b audit.Batch) error {
	entries := make([]*audit.Entry, len(b.Leaves))
	tree := r.tree.Clone()
	var hashes []tlog.Hash
	for i, leaf := range b.Leaves {
		e, err := audit.ParseLeaf(leaf.Data)
		if err != nil {
			return &audit.CorruptError{Index: b.First + int64(i), Reason: strings.TrimPrefix(err.Error(), "audit: ")}
		}
		entries[i] = e
		hashes = tree.Add(tlog.RecordHash(leaf.Data), hashes)
	}
	c, err := audit.UnverifiedCheckpoint(b.Checkpoint)
	if err != nil || c.Size != tree.Size || c.Root != tree.Root() {
		return &audit.CorruptError{
			Index:  b.First,
			Reason: fmt.Sprintf("entries %d to %d are not those that the checkpoint signed", b.First, tree.Size-1),
		}
	}
	s.index.Add(entries, hashes)
	if r.keep {
		s.entries = append(s.entries, entries...)
	}
	s.spans = append(s.spans, p.spans...)
	s.known, s.signed = p.offset, bytes.Clone(b.Checkpoint)
	s.batches++
	r.tree = tree
	return nil
}

// openIndex opens the index for reading and looks how far it is. Without it, the
// archive is searched entry by entry.
func (r *Reader) openIndex(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.archived == 0 {
		return
	}
	if r.index == nil {
		x, err := index.Open(ctx, r.path(indexFile), true)
		if err != nil {
			return
		}
		r.index = x
	}
	size, _, err := r.index.State(ctx)
	if err != nil {
		size = 0
	}
	r.indexed = size
}
