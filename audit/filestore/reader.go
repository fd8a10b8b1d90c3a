package filestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore/internal/disk"
	"github.com/posai-go/posai/audit/internal/memindex"
)

// The files of a store.
const (
	dataFile       = "entries.log"
	checkpointFile = "checkpoint"
	keyFile        = "key"
	verifierFile   = "key.pub"
	lockFile       = "lock"

	fileMode = 0o600
	dirMode  = 0o700
)

// Reader reads a store, also one that another process is writing: it takes no
// lock and writes nothing. It implements [audit.Reader] and [audit.Keyed] and is
// safe for concurrent use.
type Reader struct {
	dir  string
	disk disk.FS
	data disk.File

	mu     sync.RWMutex
	index  *memindex.Index
	tree   []tlog.Hash // right edge
	spans  []int64     // offset of each entry that was seen
	known  int64       // offset up to which spans is complete: the end of a batch
	store  bool        // known is the end of what is durable, kept by a Store
	latest []byte      // the Store's last checkpoint
	torn   int64       // see Torn
}

// OpenReader opens the store in dir for reading. A directory without a store
// fails with [fs.ErrNotExist].
func OpenReader(dir string) (*Reader, error) {
	return openReader(dir, disk.OS{}, os.O_RDONLY)
}

func openReader(dir string, files disk.FS, flag int) (*Reader, error) {
	data, err := files.OpenFile(filepath.Join(dir, dataFile), flag, fileMode)
	if err != nil {
		return nil, fmt.Errorf("filestore: %w", err)
	}
	return &Reader{dir: dir, disk: files, data: data, known: int64(len(magic)), index: memindex.New(0)}, nil
}

// Close closes the files.
func (r *Reader) Close() error { return r.data.Close() }

// Batches implements [audit.Reader].
func (r *Reader) Batches(ctx context.Context, first int64) iter.Seq2[audit.Batch, error] {
	return func(yield func(audit.Batch, error) bool) {
		p, err := r.parser(ctx)
		for err == nil {
			if err = ctx.Err(); err != nil {
				break
			}
			var b audit.Batch
			if b, err = p.next(); err != nil {
				break
			}
			if err = r.learn(p, b); err != nil {
				break
			}
			if p.size > first && !yield(b, nil) {
				return
			}
		}
		torn, err := r.settle(p, err)
		if err != nil {
			yield(audit.Batch{}, err)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if !r.store {
			r.torn = torn
		}
	}
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

// source is a parser with the published checkpoint's size from before it began.
type source struct {
	parser
	published int64
}

// parser checks the head of the data file and begins after it.
func (r *Reader) parser(ctx context.Context) (*source, error) {
	published, err := r.publishedSize(ctx)
	if err != nil {
		return nil, err
	}
	info, err := r.data.Stat()
	if err != nil {
		return nil, fmt.Errorf("filestore: %w", err)
	}
	p := &source{parser: parser{r: r.data, offset: int64(len(magic)), end: info.Size()}, published: published}
	r.mu.RLock()
	if r.store {
		p.end = r.known
	}
	r.mu.RUnlock()
	head, err := p.peek(0, len(magic))
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("filestore: %w", err)
	}
	if !bytes.Equal(head, []byte(magic)) {
		return nil, &audit.CorruptError{Index: -1, Reason: "the data file does not begin as one"}
	}
	return p, nil
}

func (r *Reader) publishedSize(ctx context.Context) (int64, error) {
	msg, err := r.Checkpoint(ctx)
	if err != nil || msg == nil {
		return 0, err
	}
	c, err := audit.UnverifiedCheckpoint(msg)
	if err != nil {
		return 0, &audit.CorruptError{Index: -1, Reason: "the published checkpoint is malformed"}
	}
	return c.Size, nil
}

// settle says what the error that ended the parsing means. It returns the
// number of bytes at the end that are a write that never finished.
func (r *Reader) settle(p *source, err error) (torn int64, _ error) {
	if errors.Is(err, io.EOF) {
		err = nil
	}
	d, ok := errors.AsType[*damage](err)
	if !ok {
		if err == nil && p.published > p.size {
			return 0, missing(p, p.size)
		}
		return 0, err
	}
	if p.published > p.size {
		if d.cut {
			return 0, missing(p, d.index)
		}
		return 0, &audit.CorruptError{Index: d.index, Reason: d.reason}
	}
	// Nothing says that these bytes were ever acknowledged.
	ok, err = p.torn(d)
	if err != nil {
		return 0, fmt.Errorf("filestore: %w", err)
	}
	if !ok {
		return 0, &audit.CorruptError{Index: d.index, Reason: d.reason}
	}
	return p.end - p.offset, nil
}

func missing(p *source, index int64) error {
	return &audit.CorruptError{
		Index: index, Truncated: true,
		Reason: fmt.Sprintf("the published checkpoint covers %d entries, %d are whole", p.published, p.size),
	}
}

// learn files what is known of a batch.
func (r *Reader) learn(p *source, b audit.Batch) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b.First != int64(len(r.spans)) || r.store {
		return nil
	}
	var entries []*audit.Entry
	var hashes []tlog.Hash
	for i, leaf := range b.Leaves {
		index := b.First + int64(i)
		e, err := audit.ParseLeaf(leaf.Data)
		if err != nil {
			return &audit.CorruptError{Index: index, Reason: strings.TrimPrefix(err.Error(), "audit: ")}
		}
		entries = append(entries, e)
		h := tlog.RecordHash(leaf.Data)
		hashes = append(hashes, h)
		for bit := index; bit&1 == 1; bit >>= 1 {
			last := len(r.tree) - 1
			h = tlog.NodeHash(r.tree[last], h)
			r.tree = r.tree[:last]
			hashes = append(hashes, h)
		}
		r.tree = append(r.tree, h)
	}
	r.index.Add(entries, hashes)
	r.spans = append(r.spans, p.spans...)
	r.known = p.offset
	return nil
}

// Leaf implements [audit.Reader]. A Reader knows the leaves that Batches has
// come by.
func (r *Reader) Leaf(ctx context.Context, index int64) (audit.Leaf, error) {
	if err := ctx.Err(); err != nil {
		return audit.Leaf{}, err
	}
	if err := r.catchUp(ctx); err != nil {
		return audit.Leaf{}, err
	}
	r.mu.RLock()
	known := int64(len(r.spans))
	var at int64
	if index >= 0 && index < known {
		at = r.spans[index]
	}
	r.mu.RUnlock()
	if at == 0 {
		return audit.Leaf{}, fmt.Errorf("%w: index %d of %d", audit.ErrNotFound, index, known)
	}
	info, err := r.data.Stat()
	if err != nil {
		return audit.Leaf{}, fmt.Errorf("filestore: %w", err)
	}
	p := &parser{r: r.data, end: info.Size()}
	leaf, _, err := p.leaf(at, index)
	if d, ok := errors.AsType[*damage](err); ok {
		return audit.Leaf{}, &audit.CorruptError{Index: index, Truncated: d.cut, Reason: d.reason}
	}
	if err != nil {
		return audit.Leaf{}, readError(index, err)
	}
	return leaf, nil
}

// Hashes implements [audit.Reader].
func (r *Reader) Hashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := r.catchUp(ctx); err != nil {
		return nil, err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.index.Hashes(indexes)
}

// Search implements [audit.Searcher].
func (r *Reader) Search(ctx context.Context, q audit.Query) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		err := r.catchUp(ctx)
		if err != nil {
			yield(0, err)
			return
		}
		r.mu.RLock()
		found := r.index.Search(&q)
		r.mu.RUnlock()
		for _, index := range found {
			if err := ctx.Err(); err != nil {
				yield(0, err)
				return
			}
			if !yield(index, nil) {
				return
			}
		}
	}
}

// catchUp reads what was appended by another process since.
func (r *Reader) catchUp(ctx context.Context) error {
	r.mu.RLock()
	store := r.store
	size := r.index.Size()
	r.mu.RUnlock()
	if store {
		return nil
	}
	published, err := r.publishedSize(ctx)
	if err != nil || published <= size {
		return err
	}
	for _, err := range r.Batches(ctx, size) {
		if err != nil {
			return err
		}
	}
	return nil
}

func readError(index int64, err error) error {
	if errors.Is(err, io.EOF) {
		return &audit.CorruptError{Index: index, Truncated: true, Reason: "the file ends before it"}
	}
	return fmt.Errorf("filestore: %w", err)
}

// Checkpoint implements [audit.Reader].
func (r *Reader) Checkpoint(ctx context.Context) ([]byte, error) {
	r.mu.RLock()
	if r.store {
		defer r.mu.RUnlock()
		return bytes.Clone(r.latest), ctx.Err()
	}
	r.mu.RUnlock()
	// The file is overwritten in place: read until two readings agree.
	var last []byte
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		msg, err := r.readSmall(checkpointFile)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, &audit.CorruptError{Index: -1, Reason: "the published checkpoint is missing"}
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

// readSmall reads a file of at most one checkpoint's size.
func (r *Reader) readSmall(name string) ([]byte, error) {
	f, err := r.disk.OpenFile(filepath.Join(r.dir, name), os.O_RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("filestore: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, audit.MaxCheckpointSize+1))
	if err != nil {
		return nil, fmt.Errorf("filestore: %w", err)
	}
	return b, nil
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
	b, err := r.readSmall(verifierFile)
	return strings.TrimSpace(string(b)), err
}
