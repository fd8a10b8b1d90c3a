package filestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore/internal/disk"
	"github.com/posai-go/posai/audit/internal/merkle"
)

// archiver moves closed segments into the archive, in the background. It changes
// nothing that an Append needs, so it neither blocks nor fails one, until the
// segments that wait are too many.
type archiver struct {
	store  *Store
	cancel context.CancelFunc
	kick   chan struct{} // tells it to look
	done   chan struct{} // closed when it has ended

	mu      sync.Mutex
	moved   chan struct{} // closed and replaced after each round
	problem error         // of the last round
}

func newArchiver(s *Store) *archiver {
	ctx, cancel := context.WithCancel(context.Background())
	a := &archiver{store: s, cancel: cancel, kick: make(chan struct{}, 1), done: make(chan struct{}), moved: make(chan struct{})}
	go a.run(ctx)
	return a
}

func (a *archiver) run(ctx context.Context) {
	defer close(a.done)
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.kick:
		}
		err := a.store.archiveClosed(ctx)
		a.mu.Lock()
		a.problem = err
		close(a.moved)
		a.moved = make(chan struct{})
		a.mu.Unlock()
	}
}

func (a *archiver) wake() {
	select {
	case a.kick <- struct{}{}:
	default:
	}
}

func (a *archiver) stop() {
	a.cancel()
	<-a.done
}

// wait waits until one more segment may be begun.
func (a *archiver) wait(ctx context.Context) error {
	for tries := 0; ; tries++ {
		a.mu.Lock()
		moved, problem := a.moved, a.problem
		a.mu.Unlock()
		a.store.mu.RLock()
		n := len(a.store.segments)
		a.store.mu.RUnlock()
		if n < maxSegments {
			return nil
		}
		if tries > 0 && problem != nil {
			return fmt.Errorf("entries cannot be archived: %w", problem)
		}
		a.wake()
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		case <-a.done:
			return fs.ErrClosed
		}
	}
}

// archiveClosed moves what it can of the closed segments into the archive. Each
// step is durable before the next one relies on it: bundles and tiles, the index,
// the number of archived entries, and only then a segment is removed. After a
// crash it is done again from the last number.
func (s *Store) archiveClosed(ctx context.Context) error {
	s.mu.RLock()
	closed, from := s.segments[:len(s.segments)-1], s.archived
	s.mu.RUnlock()
	if len(closed) == 0 {
		return nil
	}
	end := closed[len(closed)-1].end()
	to := end / merkle.TileWidth * merkle.TileWidth
	if to > from {
		if err := s.archiveEntries(ctx, closed, from, to); err != nil {
			return err
		}
	}
	return s.dropSegments(closed)
}

// archiveEntries writes the entries between the two sizes, both multiples of 256.
func (s *Store) archiveEntries(ctx context.Context, closed []*segment, from, to int64) error {
	dirs, entries := &dirSyncer{disk: s.disk, root: s.dir}, closedReader{segments: closed}
	for number := from / merkle.TileWidth; number < to/merkle.TileWidth; number++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.archiveBundle(dirs, &entries, number); err != nil {
			return err
		}
	}
	if err := s.archiveTiles(dirs, from, to); err != nil {
		return err
	}
	for _, seg := range closed {
		if seg.end() > to {
			break
		}
		if err := dirs.place(checkpointPath(seg.end()), seg.signed); err != nil {
			return err
		}
	}
	if err := dirs.sync(); err != nil {
		return err
	}
	// What is archived has to be covered by the checkpoint on the disk.
	if err := s.checkpoint.Sync(); err != nil {
		return fmt.Errorf("filestore: %w", err)
	}
	if s.index == nil {
		s.mu.Lock()
		err := s.openIndex(ctx)
		s.mu.Unlock()
		if err != nil {
			return fmt.Errorf("filestore: %w", err)
		}
	}
	if err := s.fillIndex(ctx, to); err != nil {
		return err
	}
	if err := writeFile(s.disk, s.path(archiveFile), fmt.Appendf(nil, "%d\n", to)); err != nil {
		return err
	}
	s.mu.Lock()
	s.archived = to
	s.mu.Unlock()
	return s.removePartial(from, to)
}

// archiveBundle writes one bundle, its sealed parts and its tile.
func (s *Store) archiveBundle(dirs *dirSyncer, entries *closedReader, number int64) error {
	var bundle, sealed []byte
	var hashes []tlog.Hash
	for index := number * merkle.TileWidth; index < (number+1)*merkle.TileWidth; index++ {
		leaf, err := entries.leaf(index)
		if err != nil {
			return err
		}
		bundle = merkle.AppendBundled(bundle, leaf.Data)
		sealed = appendSealed(sealed, leaf)
		hashes = append(hashes, tlog.RecordHash(leaf.Data))
	}
	// What is archived must be what was acknowledged, also where the segment was
	// changed since.
	want, _, err := s.hashes([]int64{tlog.StoredHashIndex(merkle.TileHeight, number)})
	if err != nil {
		return err
	}
	if merkle.Combine(hashes) != want[0] {
		return &audit.CorruptError{Index: number * merkle.TileWidth, Reason: "the segment changed since it was written"}
	}
	if len(sealed) > 0 {
		if err := dirs.place(sealedPath(number), sealed); err != nil {
			return err
		}
	}
	if err := dirs.place(bundlePath(number), bundle); err != nil {
		return err
	}
	return dirs.place(merkle.TilePath(0, number, merkle.TileWidth), merkle.AppendHashes(nil, hashes))
}

// closedReader reads the entries of closed segments, which do not change any more,
// in order.
type closedReader struct {
	segments []*segment
	current  *segment
	parser   *parser
}

func (c *closedReader) leaf(index int64) (audit.Leaf, error) {
	if c.current == nil || index >= c.current.end() {
		c.current = nil
		for _, seg := range c.segments {
			if index >= seg.first && index < seg.end() {
				c.current, c.parser = seg, &parser{r: seg.file, end: seg.known}
			}
		}
		if c.current == nil {
			return audit.Leaf{}, fmt.Errorf("filestore: entry %d is in no segment: %w", index, io.ErrUnexpectedEOF)
		}
	}
	return leafAt(c.parser, index, c.current.spans[index-c.current.first])
}

// archiveTiles writes the tiles above the lowest level, those that are full and
// one of each level that is not.
func (s *Store) archiveTiles(dirs *dirSyncer, from, to int64) error {
	for level := 1; to>>(merkle.TileHeight*level) > 0; level++ {
		before, after := from>>(merkle.TileHeight*level), to>>(merkle.TileHeight*level)
		for number := before / merkle.TileWidth; number*merkle.TileWidth < after; number++ {
			width := min(after-number*merkle.TileWidth, merkle.TileWidth)
			indexes := make([]int64, width)
			for i := range indexes {
				indexes[i] = tlog.StoredHashIndex(merkle.TileHeight*level, number*merkle.TileWidth+int64(i))
			}
			hashes, _, err := s.hashes(indexes)
			if err != nil {
				return err
			}
			if err := dirs.place(merkle.TilePath(level, number, int(width)), merkle.AppendHashes(nil, hashes)); err != nil {
				return err
			}
		}
	}
	return nil
}

// removePartial removes the partial tiles that wider ones have replaced, also what
// a round left behind that did not come to its end.
func (s *Store) removePartial(from, to int64) error {
	for level := 1; to>>(merkle.TileHeight*level) > 0; level++ {
		before, after := from>>(merkle.TileHeight*level), to>>(merkle.TileHeight*level)
		for number := before / merkle.TileWidth; number <= after/merkle.TileWidth; number++ {
			width := min(after-number*merkle.TileWidth, merkle.TileWidth)
			if err := s.removeNarrower(path.Dir(merkle.TilePath(level, number, 1)), width); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeNarrower removes the partial tiles in the directory with the given
// slash-separated path that have fewer hashes than width.
func (s *Store) removeNarrower(dir string, width int64) error {
	files, err := os.ReadDir(s.path(dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("filestore: %w", err)
	}
	for _, f := range files {
		n, err := strconv.ParseInt(strings.TrimSuffix(f.Name(), ".tmp"), 10, 64)
		if err != nil || n >= width {
			continue
		}
		if err := s.disk.Remove(s.path(dir + "/" + f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("filestore: %w", err)
		}
	}
	return nil
}

// fillIndex adds entries to the index, up to the given size, which is archived.
func (s *Store) fillIndex(ctx context.Context, to int64) error {
	const portion = 64 * merkle.TileWidth
	for s.indexed < to {
		first := s.indexed
		entries, err := s.entries(first, min(to, first+portion))
		if err != nil {
			return err
		}
		size := first + int64(len(entries))
		edge, _, err := s.hashes(merkle.EdgeIndexes(size))
		if err != nil {
			return err
		}
		tree, _ := merkle.NewFrontier(size, edge)
		root := tree.Root()
		if err := s.index.Add(ctx, first, entries, root[:]); err != nil {
			return fmt.Errorf("filestore: %w", err)
		}
		s.mu.Lock()
		s.indexed = size
		s.mu.Unlock()
	}
	return nil
}

// entries returns the entries between the two numbers, multiples of 256: those that
// are in memory still, else from the archive.
func (s *Store) entries(from, to int64) ([]*audit.Entry, error) {
	entries := make([]*audit.Entry, 0, to-from)
	s.mu.RLock()
	for _, seg := range s.segments {
		for next := from + int64(len(entries)); next < to && next >= seg.first && next < seg.end(); next++ {
			entries = append(entries, seg.entries[next-seg.first])
		}
	}
	s.mu.RUnlock()
	if int64(len(entries)) == to-from {
		return entries, nil
	}
	entries = entries[:0]
	for number := from / merkle.TileWidth; number < to/merkle.TileWidth; number++ {
		leaves, err := s.archive.bundle(number)
		if err != nil {
			return nil, err
		}
		for i, leaf := range leaves {
			e, err := audit.ParseLeaf(leaf.Data)
			if err != nil {
				return nil, &audit.CorruptError{Index: number*merkle.TileWidth + int64(i), Reason: "it is not an entry"}
			}
			entries = append(entries, e)
		}
	}
	return entries, nil
}

// dropSegments removes the closed segments that the archive holds as a whole.
func (s *Store) dropSegments(closed []*segment) error {
	s.mu.Lock()
	n := 0
	for n < len(closed) && closed[n].end() <= s.archived && s.segments[len(s.segments)-1].batches > 0 {
		n++
	}
	for _, seg := range closed[:n] {
		if seg.dropped = true; seg.users == 0 {
			_ = seg.file.Close() // all that was written to it is synced
		}
	}
	s.segments = s.segments[n:]
	s.mu.Unlock()
	for _, seg := range closed[:n] {
		if err := s.disk.Remove(s.path(seg.name)); err != nil {
			return fmt.Errorf("filestore: %w", err)
		}
	}
	return nil
}

// dirSyncer places files and makes their names durable together.
type dirSyncer struct {
	disk disk.FS
	root string
	dirs map[string]bool
}

// place writes the file with the given slash-separated path below the root.
func (d *dirSyncer) place(name string, content []byte) error {
	path := filepath.Join(d.root, filepath.FromSlash(name))
	dir := filepath.Dir(path)
	if !d.dirs[dir] {
		if err := d.disk.MkdirAll(dir, dirMode); err != nil {
			return fmt.Errorf("filestore: %w", err)
		}
		if d.dirs == nil {
			d.dirs = map[string]bool{}
		}
		// The directories above may be new too.
		for ; len(dir) >= len(d.root) && !d.dirs[dir]; dir = filepath.Dir(dir) {
			d.dirs[dir] = true
		}
	}
	return placeFile(d.disk, path, content)
}

func (d *dirSyncer) sync() error {
	for dir := range d.dirs {
		if err := d.disk.SyncDir(dir); err != nil {
			return fmt.Errorf("filestore: %w", err)
		}
	}
	return nil
}
