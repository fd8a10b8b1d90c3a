package filestore

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore/internal/disk"
	"github.com/posai-go/posai/audit/filestore/internal/index"
	"github.com/posai-go/posai/audit/internal/merkle"
)

// The files of a store beside segments and archive.
const (
	checkpointFile = "checkpoint"
	keyFile        = "key"
	verifierFile   = "key.pub"
	lockFile       = "lock"
	indexFile      = "index.db"

	fileMode = 0o600
	dirMode  = 0o700
)

// Reader reads a store, also one that another process is writing: it takes no
// lock and writes nothing. It implements [audit.Searcher] and [audit.Keyed] and is
// safe for concurrent use.
type Reader struct {
	dir     string
	disk    disk.FS
	archive archive
	loading sync.Mutex // held by who looks for what is new

	mu       sync.RWMutex
	segments []*segment      // consecutive, the oldest first
	tree     merkle.Frontier // of all entries known
	archived int64           // entries in the archive: the first segments may hold some of them too
	keep     bool            // it is a Store's, which will archive what it reads
	owner    bool            // it is an open Store's: all that is durable is known
	latest   []byte          // the Store's last checkpoint
	torn     int64           // see Torn
	index    *index.Index    // of the archive; nil: there is none
	indexed  int64           // entries that it covers
}

// OpenReader opens the store in dir for reading. A directory without a store
// fails with [fs.ErrNotExist].
func OpenReader(dir string) (*Reader, error) {
	r := newReader(dir, disk.OS{})
	var err error
	if r.segments, err = openSegments(dir, r.disk, os.O_RDONLY); err != nil {
		return nil, fmt.Errorf("filestore: %w", err)
	}
	if len(r.segments) == 0 {
		return nil, fmt.Errorf("filestore: no log in the directory: %w", fs.ErrNotExist)
	}
	return r, nil
}

func newReader(dir string, files disk.FS) *Reader {
	return &Reader{dir: dir, disk: files, archive: archive{dir: dir, disk: files}}
}

// Close closes the files.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := closeSegments(r.segments)
	r.segments = nil
	if r.index != nil {
		err = errors.Join(err, r.index.Close())
		r.index = nil
	}
	return err
}

// Torn returns how many bytes after the last batch are a write that never
// finished, or, beside a running writer, is about to. They are not part of the
// log. In a Reader it is what the last full iteration of Batches found, in a
// [Store] what Open cut off.
func (r *Reader) Torn() int64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.torn
}

// Batches implements [audit.Reader]. It reads all files anew. Archived entries
// come in portions without the checkpoints that they were appended with.
func (r *Reader) Batches(ctx context.Context, first int64) iter.Seq2[audit.Batch, error] {
	return func(yield func(audit.Batch, error) bool) {
		s := &sequence{Reader: r, first: max(first, 0), yield: yield, number: -1}
		if err := s.run(ctx); err != nil && !errors.Is(err, errStop) {
			yield(audit.Batch{}, err)
		}
	}
}

// errStop means that the caller wants no more.
var errStop = errors.New("filestore: stop")

// sequence is one iteration over all batches.
type sequence struct {
	*Reader
	first     int64 // what is wanted
	yield     func(audit.Batch, error) bool
	published int64
	archived  int64
	sizes     []int64 // of the checkpoints that the archive kept

	// The bundle that was compared last, and its tile.
	number int64
	leaves []audit.Leaf
	tile   []tlog.Hash
}

func (s *sequence) run(ctx context.Context) (err error) {
	// What is published now is durable, so reading on from here must find it.
	if s.published, err = s.publishedSize(ctx); err != nil {
		return err
	}
	s.mu.RLock()
	owner, size := s.owner, s.tree.Size
	s.mu.RUnlock()
	segments, err := openSegments(s.dir, s.disk, os.O_RDONLY)
	if err != nil {
		return fmt.Errorf("filestore: %w", err)
	}
	defer func() { err = errors.Join(err, closeSegments(segments)) }()
	if s.archived, err = s.archive.size(); err != nil {
		return err
	}
	end := s.archived
	if len(segments) > 0 {
		end = segments[0].first
	}
	if end > s.archived {
		return &audit.CorruptError{Index: s.archived, Reason: fmt.Sprintf("entry %d follows", end)}
	}
	s.archive.forget()
	if s.sizes, err = s.archive.checkpoints(); err != nil {
		return err
	}
	if err := s.bundles(ctx, s.first/merkle.TileWidth*merkle.TileWidth, end); err != nil {
		return err
	}
	var torn int64
	for i, seg := range segments {
		if owner && seg.first >= size && size > 0 {
			break // begun since
		}
		if end < seg.first && seg.first <= s.archived { // those before it are left over
			if err := s.bundles(ctx, max(end, s.first/merkle.TileWidth*merkle.TileWidth), seg.first); err != nil {
				return err
			}
			end = seg.first
		}
		if seg.first != end {
			return &audit.CorruptError{Index: end, Reason: fmt.Sprintf("entry %d follows", seg.first)}
		}
		last := i == len(segments)-1 || owner && segments[i+1].first >= size
		if end, torn, err = s.segment(ctx, seg, last, owner); err != nil {
			return err
		}
	}
	if s.published > end {
		return missing(s.published, end, end)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !owner {
		s.torn = torn
	}
	return nil
}

// bundles yields what the archive holds from the one entry up to the other, with
// the checkpoints that were kept.
func (s *sequence) bundles(ctx context.Context, from, end int64) (err error) {
	for number := from / merkle.TileWidth; number*merkle.TileWidth < end; number++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		leaves, damage := s.archive.bundle(number)
		at := number * merkle.TileWidth
		leaves = leaves[:min(int64(len(leaves)), end-at)]
		if skip := min(int64(len(leaves)), from-at); skip > 0 {
			leaves, at = leaves[skip:], at+skip
		}
		for len(leaves) > 0 {
			b := audit.Batch{First: at, Leaves: leaves}
			if i, _ := slices.BinarySearch(s.sizes, at+1); i < len(s.sizes) && s.sizes[i] <= at+int64(len(leaves)) {
				b.Leaves = leaves[:s.sizes[i]-at]
				if b.Checkpoint, err = s.keptCheckpoint(s.sizes[i]); err != nil {
					return err
				}
			}
			leaves = leaves[len(b.Leaves):]
			at += int64(len(b.Leaves))
			if at > s.first && !s.yield(b, nil) {
				return errStop
			}
		}
		if c, ok := errors.AsType[*audit.CorruptError](damage); ok && c.Index >= end {
			continue // a segment has it too, and is compared with it
		}
		if damage != nil {
			return damage
		}
	}
	return nil
}

// keptCheckpoint reads a checkpoint that the archive kept.
func (s *sequence) keptCheckpoint(size int64) ([]byte, error) {
	msg, err := s.archive.read(checkpointPath(size), audit.MaxCheckpointSize)
	if errors.Is(err, errTooLarge) {
		msg, err = []byte{}, nil // which is no checkpoint either
	}
	return msg, err
}

// compare checks what the archive has already of a segment's batch.
func (s *sequence) compare(b audit.Batch) (err error) {
	end := b.First + int64(len(b.Leaves))
	if _, found := slices.BinarySearch(s.sizes, end); found {
		if msg, err := s.keptCheckpoint(end); err != nil || !bytes.Equal(msg, b.Checkpoint) {
			return cmp.Or(err, error(&audit.CorruptError{Index: b.First, Reason: "the archive has another checkpoint of it"}))
		}
	}
	for i, leaf := range b.Leaves {
		index := b.First + int64(i)
		if index >= s.archived {
			return nil
		}
		if number := index / merkle.TileWidth; number != s.number {
			s.number = number
			s.leaves, err = s.archive.bundle(number)
			if _, ok := errors.AsType[*audit.CorruptError](err); err != nil && !ok {
				return err
			}
			if s.tile, err = s.archive.tile(0, number, s.archived); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		at := int(index % merkle.TileWidth)
		if at >= len(s.leaves) || at >= len(s.tile) || !bytes.Equal(leaf.Data, s.leaves[at].Data) ||
			!slices.EqualFunc(leaf.Sealed, s.leaves[at].Sealed, bytes.Equal) || s.tile[at] != tlog.RecordHash(leaf.Data) {
			return &audit.CorruptError{Index: index, Reason: "the archive has it otherwise"}
		}
		if at != merkle.TileWidth-1 {
			continue
		}
		var above []tlog.Hash
		err := s.archive.settled(s.archived, func(archived int64) (err error) {
			above, err = s.archive.tile(1, s.number/merkle.TileWidth, archived)
			return err
		})
		if err != nil || above[s.number%merkle.TileWidth] != merkle.Combine(s.tile) {
			return &audit.CorruptError{Index: s.number * merkle.TileWidth, Reason: "the tiles of its hash do not agree"}
		}
	}
	return nil
}

// segment yields the batches of a segment and returns the entry that follows
// them. In the last one, what is left of a write that never finished may follow.
func (s *sequence) segment(ctx context.Context, seg *segment, last, owner bool) (next, torn int64, err error) {
	end, err := seg.size()
	if err != nil {
		return 0, 0, err
	}
	if owner && last {
		end = s.knownEnd(seg.name, end)
	}
	p, err := seg.parser(int64(len(magic)), end, seg.first)
	if err != nil {
		return 0, 0, err
	}
	for {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		b, err := p.next()
		if err != nil {
			torn, err := settle(p, err, last, s.published)
			if errors.Is(err, errAgain) {
				continue
			}
			return p.size, torn, err
		}
		if p.size <= s.first {
			continue
		}
		if err := s.compare(b); err != nil {
			return 0, 0, err
		}
		if !s.yield(b, nil) {
			return 0, 0, errStop
		}
	}
}

// knownEnd returns where the durable content of a Store's segment ends.
func (r *Reader) knownEnd(name string, otherwise int64) int64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, s := range r.segments {
		if s.name == name {
			return s.known
		}
	}
	return otherwise
}

func (r *Reader) publishedSize(ctx context.Context) (int64, error) {
	msg, err := r.publishedCheckpoint(ctx)
	if err != nil || msg == nil {
		return 0, err
	}
	c, err := audit.UnverifiedCheckpoint(msg)
	if err != nil {
		return 0, &audit.CorruptError{Index: -1, Reason: "the published checkpoint is malformed"}
	}
	return c.Size, nil
}

// errAgain asks to go on parsing.
var errAgain = errors.New("filestore: read again")

// settle says what the error that ended the parsing of a segment means. It returns
// the number of bytes at the end that are a write that never finished. It may ask
// to read on: beside a running writer, a batch may have been read while it was
// written, and looks damaged although another follows it by now.
func settle(p *parser, err error, last bool, published int64) (torn int64, _ error) {
	if errors.Is(err, io.EOF) {
		return 0, nil
	}
	d, ok := errors.AsType[*damage](err)
	if !ok {
		return 0, err
	}
	corrupt := &audit.CorruptError{Index: d.index, Reason: d.reason}
	if !last {
		return 0, corrupt
	}
	if published > p.size {
		if d.cut {
			return 0, missing(published, p.size, d.index)
		}
		return 0, corrupt
	}
	// Nothing says that these bytes were ever acknowledged.
	torn, err = p.torn(d)
	switch {
	case err != nil:
		return 0, fmt.Errorf("filestore: %w", err)
	case torn == 0 && p.again != p.offset:
		p.again, p.buf = p.offset, nil
		return 0, errAgain
	case torn == 0:
		return 0, corrupt
	}
	return torn, nil
}

func missing(published, whole, index int64) error {
	return &audit.CorruptError{
		Index: index, Truncated: true,
		Reason: fmt.Sprintf("the published checkpoint covers %d entries, %d are whole", published, whole),
	}
}

// Leaf implements [audit.Reader].
func (r *Reader) Leaf(ctx context.Context, index int64) (audit.Leaf, error) {
	if err := r.catchUp(ctx); err != nil {
		return audit.Leaf{}, err
	}
	r.mu.Lock()
	size := r.tree.Size
	if index < 0 || index >= size {
		r.mu.Unlock()
		return audit.Leaf{}, fmt.Errorf("%w: index %d of %d", audit.ErrNotFound, index, size)
	}
	for _, s := range r.segments {
		if index >= s.first && index < s.end() {
			at, end := s.spans[index-s.first], s.known
			s.users++
			r.mu.Unlock()
			defer r.release(s)
			return s.leaf(index, at, end)
		}
	}
	r.mu.Unlock()
	leaves, err := r.archive.bundle(index / merkle.TileWidth)
	if i := index % merkle.TileWidth; i < int64(len(leaves)) {
		return leaves[i], nil
	}
	return audit.Leaf{}, err
}

// release ends the use of a segment's file.
func (r *Reader) release(s *segment) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.users--; s.users == 0 && s.dropped {
		_ = s.file.Close() // it was only read from
	}
}

// Hashes implements [audit.Reader].
func (r *Reader) Hashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error) {
	if out, ok := r.archivedHashes(indexes); ok {
		return out, ctx.Err()
	}
	if err := r.catchUp(ctx); err != nil {
		return nil, err
	}
	before := int64(-1)
	for {
		out, archived, err := r.hashes(indexes)
		gone := errors.Is(err, fs.ErrNotExist)
		switch {
		case !gone && !errors.Is(err, audit.ErrNotFound):
			return out, err
		case archived > before: // the first time, or it was archived meanwhile
		case gone:
			return nil, &audit.CorruptError{Index: -1, Reason: "a tile of hashes is missing"}
		default:
			return nil, err
		}
		// A partial tile is gone when a wider one replaces it. And a reader may ask
		// for what is not published yet.
		before = archived
		if err := r.reload(ctx); err != nil {
			return nil, err
		}
	}
}

// archivedHashes returns hashes of which a Reader needs the archive alone.
func (r *Reader) archivedHashes(indexes []int64) ([]tlog.Hash, bool) {
	r.mu.RLock()
	owner, archived := r.owner, r.archived
	r.mu.RUnlock()
	if owner || len(indexes) == 0 {
		return nil, false
	}
	if archived == 0 {
		var err error
		if archived, err = r.archive.size(); err != nil {
			return nil, false
		}
		r.mu.Lock()
		r.archived = max(r.archived, archived)
		r.mu.Unlock()
	}
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if archived == 0 || index < 0 || index >= tlog.StoredHashIndex(0, archived) {
			return nil, false
		}
		var err error
		if out[i], err = r.archive.hash(index, archived); err != nil {
			return nil, false
		}
	}
	return out, true
}

// hashes returns hashes of the tree and how many entries the archive, where it
// looked for them, was taken to hold.
func (r *Reader) hashes(indexes []int64) (_ []tlog.Hash, archived int64, _ error) {
	out := make([]tlog.Hash, len(indexes))
	r.mu.RLock()
	segments, size := r.segments, r.tree.Size
	archived = r.archived
	var later []int
	var err error
	for i, index := range indexes {
		if index < 0 || size == 0 || index >= tlog.StoredHashIndex(0, size) {
			err = fmt.Errorf("%w: hash %d of the tree", audit.ErrNotFound, index)
			break
		}
		found := false
		for _, s := range slices.Backward(segments) {
			if s.index.Holds(index) {
				found = true
				out[i], err = s.index.Hash(index)
				break
			}
		}
		if err != nil {
			break
		}
		if !found {
			later = append(later, i)
		}
	}
	r.mu.RUnlock()
	if err != nil {
		return nil, archived, err
	}
	for _, i := range later {
		if out[i], err = r.archive.hash(indexes[i], archived); err != nil {
			return nil, archived, err
		}
	}
	return out, archived, nil
}

// Search implements [audit.Searcher].
func (r *Reader) Search(ctx context.Context, q audit.Query) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		if err := r.catchUp(ctx); err != nil {
			yield(0, err)
			return
		}
		r.mu.RLock()
		live := r.tree.Size
		if len(r.segments) > 0 {
			live = r.segments[0].first
		}
		archived, indexed := r.index, min(r.indexed, live)
		var found []int64
		for _, s := range r.segments {
			some := s.index.Search(&q)
			if q.Descending {
				found = append(some, found...)
			} else {
				found = append(found, some...)
			}
		}
		r.mu.RUnlock()
		stopped := false
		each := func(index int64, err error) bool {
			if err == nil {
				err = ctx.Err()
			}
			stopped = !yield(index, err) || err != nil
			return !stopped
		}
		parts := []iter.Seq2[int64, error]{between(q, indexed, live), values(found)}
		if archived != nil {
			parts = slices.Insert(parts, 0, archived.Search(ctx, q, indexed))
		}
		if q.Descending {
			slices.Reverse(parts)
		}
		for _, part := range parts {
			if part(each); stopped {
				return
			}
		}
	}
}

// between yields all indexes from low up to high that the query admits: of
// entries without an index.
func between(q audit.Query, low, high int64) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		low = max(low, q.First)
		if q.Before > 0 {
			high = min(high, q.Before)
		}
		for i := range max(0, high-low) {
			if q.Descending {
				i = high - low - 1 - i
			}
			if !yield(low+i, nil) {
				return
			}
		}
	}
}

func values(list []int64) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		for _, v := range list {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// Checkpoint implements [audit.Reader].
func (r *Reader) Checkpoint(ctx context.Context) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.mu.RLock()
	owner, latest := r.owner, r.latest
	r.mu.RUnlock()
	if owner {
		return bytes.Clone(latest), nil
	}
	return r.publishedCheckpoint(ctx)
}

// publishedCheckpoint returns what is in the file.
func (r *Reader) publishedCheckpoint(ctx context.Context) ([]byte, error) {
	// The file is overwritten in place: read until two readings agree.
	var last []byte
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		msg, err := r.archive.read(checkpointFile, audit.MaxCheckpointSize+1)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, &audit.CorruptError{Index: -1, Reason: "the published checkpoint is missing"}
		case errors.Is(err, errTooLarge):
			return nil, &audit.CorruptError{Index: -1, Reason: "the published checkpoint is too large"}
		case err != nil:
			return nil, err
		case len(msg) == 0:
			return nil, nil
		case bytes.Equal(msg, last):
			return msg, nil
		}
		last = msg
	}
}

// Verifiers implements [audit.Keyed]: the key in the file key.pub.
func (r *Reader) Verifiers() (note.Verifiers, error) {
	vkey, err := r.VerifierKey()
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("filestore: file %s: %w", verifierFile, err)
	}
	return note.VerifierList(verifier), nil
}

// VerifierKey returns the public key that the store made, in the form of
// [note.NewVerifier]. Keep it elsewhere to verify the log independently of its
// directory. Where the log's signer came from the caller, it fails with
// [fs.ErrNotExist].
func (r *Reader) VerifierKey() (string, error) {
	b, err := r.archive.read(verifierFile, maxKey)
	return strings.TrimSpace(string(b)), err
}

// path returns the path of a file of the store.
func (r *Reader) path(name string) string { return filepath.Join(r.dir, filepath.FromSlash(name)) }
