package audit

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	proofHeader  = "c2sp.org/tlog-proof@v1"
	maxProofPath = 64 // a tree of int64 size is not deeper
	maxProofSize = 4*maxLeafSize/3 + 128 + maxProofPath*45 + MaxCheckpointSize
)

// Receipt proves to anyone who knows the log's public key that an entry is in
// the log, without the log: the entry's leaf, its place in the tree, and a signed
// checkpoint. Its text form is a C2SP proof file
// (https://c2sp.org/tlog-proof) that carries the leaf as extra data.
type Receipt struct {
	Index      int64
	Leaf       []byte
	Path       tlog.RecordProof
	Checkpoint []byte
}

// Receipt returns the receipt of the entry with the given index against the
// current checkpoint.
func (l *Log) Receipt(ctx context.Context, index int64) (*Receipt, error) {
	// Checkpoint and tree are of one moment, else they do not match.
	head := l.now()
	leaf, path, err := l.proven(ctx, head, index)
	if err != nil {
		return nil, err
	}
	return &Receipt{Index: index, Leaf: leaf.Data, Path: path, Checkpoint: bytes.Clone(head.signed)}, nil
}

// Consistency returns the proof that the log of the given newer size begins
// with the log of the older size; see [tlog.CheckTree]. Sizes are in entries,
// 1 ≤ older ≤ newer ≤ [Log.Size].
func (l *Log) Consistency(ctx context.Context, older, newer int64) (tlog.TreeProof, error) {
	if size := l.Size(); newer > size {
		return nil, fmt.Errorf("%w: size %d of %d", ErrNotFound, newer, size)
	}
	proof, err := tlog.ProveTree(newer, older, hashReader(ctx, l.reader))
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return proof, nil
}

// Root returns the tree hash over the first size entries, 0 ≤ size ≤
// [Log.Size]. For the present size it is the one that was signed; an earlier
// one comes from the store's hashes, and [Log.Consistency] ties it to that.
func (l *Log) Root(ctx context.Context, size int64) (tlog.Hash, error) {
	head := l.now()
	if size < 0 || size > head.size {
		return tlog.Hash{}, fmt.Errorf("%w: size %d of %d", ErrNotFound, size, head.size)
	}
	if size == head.size {
		return head.root, nil
	}
	f, err := loadFrontier(ctx, l.reader, size)
	return f.root(), err
}

// Verify checks the receipt against the keys that the caller trusts and returns
// the record that it proves and the checkpoint that covers it. An error matches
// [ErrCheckpoint] where nobody known signed, else [ErrCorrupt].
func (r *Receipt) Verify(known note.Verifiers) (Record, Checkpoint, error) {
	c, err := ParseCheckpoint(r.Checkpoint, known)
	if err != nil {
		return Record{}, Checkpoint{}, err
	}
	hash := tlog.RecordHash(r.Leaf)
	if tlog.CheckRecord(r.Path, c.Size, c.Root, r.Index, hash) != nil {
		return Record{}, Checkpoint{}, &CorruptError{Index: r.Index, Reason: "the receipt does not prove the entry"}
	}
	e, _, err := parseLeaf(r.Leaf)
	if err != nil {
		return Record{}, Checkpoint{}, &CorruptError{Index: r.Index, Reason: bare(err)}
	}
	return Record{Index: r.Index, Entry: *e, LeafHash: hash}, c, nil
}

// MarshalText returns the receipt as a C2SP proof file.
func (r *Receipt) MarshalText() ([]byte, error) {
	b := fmt.Appendf(nil, "%s\nextra %s\nindex %d\n", proofHeader, base64.StdEncoding.EncodeToString(r.Leaf), r.Index)
	for _, h := range r.Path {
		b = append(append(b, h.String()...), '\n')
	}
	return append(append(b, '\n'), r.Checkpoint...), nil
}

var errReceipt = errors.New("audit: malformed receipt")

// UnmarshalText reads what MarshalText wrote. It proves nothing yet: see
// [Receipt.Verify].
func (r *Receipt) UnmarshalText(text []byte) error {
	if len(text) > maxProofSize {
		return fmt.Errorf("%w: larger than %d bytes", errReceipt, maxProofSize)
	}
	head, checkpoint, ok := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || len(lines) < 3 || len(lines) > 3+maxProofPath || lines[0] != proofHeader {
		return errReceipt
	}
	extra, ok := strings.CutPrefix(lines[1], "extra ")
	leaf, err := base64.StdEncoding.DecodeString(extra)
	if !ok || err != nil {
		return fmt.Errorf("%w: extra data", errReceipt)
	}
	number, ok := strings.CutPrefix(lines[2], "index ")
	index, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || index < 0 || strconv.FormatInt(index, 10) != number {
		return fmt.Errorf("%w: index", errReceipt)
	}
	var path tlog.RecordProof
	for _, line := range lines[3:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return fmt.Errorf("%w: hash", errReceipt)
		}
		path = append(path, h)
	}
	*r = Receipt{Index: index, Leaf: leaf, Path: path, Checkpoint: []byte(checkpoint)}
	return nil
}
