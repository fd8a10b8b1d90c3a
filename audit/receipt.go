package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	proofHeader  = "c2sp.org/tlog-proof@v1"
	maxProofPath = 64 // a tree of int64 size is not deeper
	hashLine     = 44 // a hash in base64

	// MaxReceiptSize bounds the text of a receipt, in bytes.
	MaxReceiptSize = (maxLeafSize+2)/3*4 + 128 + maxProofPath*(hashLine+1) + MaxCosignedSize
)

// Receipt proves to anyone who knows the log's public key that an entry is in
// the log, without the log: the entry's leaf, its place in the tree, and a signed
// checkpoint, which witnesses may have cosigned. Its text form is a C2SP proof
// file (https://c2sp.org/tlog-proof) that carries the leaf as extra data; the
// usual extension of its name is ".tlog-proof".
type Receipt struct {
	Index      int64
	Leaf       []byte // nil in a proof file without extra data: set it before Verify
	Path       tlog.RecordProof
	Checkpoint []byte
}

// Verify checks the receipt against the keys that the caller trusts and returns
// the record that it proves and the checkpoint that covers it. An error matches
// [ErrCheckpoint] where nobody known signed, else [ErrCorrupt].
func (r *Receipt) Verify(known note.Verifiers) (Record, Checkpoint, error) {
	c, err := ParseCheckpoint(r.Checkpoint, known)
	if err != nil {
		return Record{}, Checkpoint{}, err
	}
	record, err := r.check(c)
	if err != nil {
		return Record{}, Checkpoint{}, err
	}
	return record, c, nil
}

// check proves the entry against a checkpoint that is believed.
func (r *Receipt) check(c Checkpoint) (Record, error) {
	hash := tlog.RecordHash(r.Leaf)
	if tlog.CheckRecord(r.Path, c.Size, c.Root, r.Index, hash) != nil {
		return Record{}, &CorruptError{Index: r.Index, Reason: "the receipt does not prove the entry"}
	}
	e, _, err := parseLeaf(r.Leaf)
	if err != nil {
		return Record{}, &CorruptError{Index: r.Index, Reason: bare(err)}
	}
	return Record{Index: r.Index, Entry: *e, LeafHash: hash}, nil
}

// Digest returns "sha256:" and the SHA-256 of the receipt's text in hex. It
// names the receipt file that was handed out; a later receipt of the same entry
// has another.
func (r *Receipt) Digest() string {
	text, _ := r.MarshalText()
	return fmt.Sprintf("sha256:%x", sha256.Sum256(text))
}

// MarshalText returns the receipt as a C2SP proof file. It never fails.
func (r *Receipt) MarshalText() ([]byte, error) {
	b := make([]byte, 0, 128+len(r.Leaf)*4/3+len(r.Path)*(hashLine+1)+len(r.Checkpoint))
	b = append(b, proofHeader+"\n"...)
	if r.Leaf != nil {
		b = append(b, "extra "...)
		b = append(base64.StdEncoding.AppendEncode(b, r.Leaf), '\n')
	}
	b = append(strconv.AppendInt(append(b, "index "...), r.Index, 10), '\n')
	for _, h := range r.Path {
		b = append(base64.StdEncoding.AppendEncode(b, h[:]), '\n')
	}
	return append(append(b, '\n'), r.Checkpoint...), nil
}

var errReceipt = errors.New("audit: malformed receipt")

// UnmarshalText reads a C2SP proof file, such as MarshalText writes. It proves
// nothing yet: see [Receipt.Verify].
func (r *Receipt) UnmarshalText(text []byte) error {
	if len(text) > MaxReceiptSize {
		return fmt.Errorf("%w: larger than %d bytes", errReceipt, MaxReceiptSize)
	}
	rest, ok := bytes.CutPrefix(text, []byte(proofHeader+"\n"))
	if !ok {
		return fmt.Errorf("%w: not a proof file", errReceipt)
	}
	var out Receipt
	line, rest, _ := bytes.Cut(rest, []byte("\n"))
	if extra, ok := bytes.CutPrefix(line, []byte("extra ")); ok {
		out.Leaf = make([]byte, base64.StdEncoding.DecodedLen(len(extra)))
		n, err := base64.StdEncoding.Strict().Decode(out.Leaf, extra)
		if err != nil {
			return fmt.Errorf("%w: extra data", errReceipt)
		}
		out.Leaf = out.Leaf[:n]
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
	}
	number, ok := bytes.CutPrefix(line, []byte("index "))
	index, err := strconv.ParseInt(string(number), 10, 64)
	if !ok || err != nil || index < 0 || strconv.FormatInt(index, 10) != string(number) {
		return fmt.Errorf("%w: index", errReceipt)
	}
	out.Index = index
	for {
		line, rest, ok = bytes.Cut(rest, []byte("\n"))
		if !ok {
			return fmt.Errorf("%w: no checkpoint", errReceipt)
		}
		if len(line) == 0 {
			break
		}
		h, err := decodeHash(line)
		if err != nil || len(out.Path) == maxProofPath {
			return fmt.Errorf("%w: hash", errReceipt)
		}
		out.Path = append(out.Path, h)
	}
	out.Checkpoint = bytes.Clone(rest)
	*r = out
	return nil
}

func decodeHash(line []byte) (h tlog.Hash, err error) {
	var buf [33]byte
	if len(line) != hashLine {
		return h, errReceipt
	}
	n, err := base64.StdEncoding.Strict().Decode(buf[:], line)
	if err != nil || n != len(h) {
		return h, errReceipt
	}
	return tlog.Hash(buf[:n]), nil
}

// maxRemembered bounds the checkpoints that a ReceiptVerifier remembers.
const maxRemembered = 1024

// ReceiptVerifier verifies many receipts: it remembers the checkpoints whose
// signature it has verified, as most of the work is there. It is safe for
// concurrent use.
type ReceiptVerifier struct {
	parse func(msg []byte) (Checkpoint, error)

	mu   sync.RWMutex
	seen map[string]Checkpoint
}

// NewReceiptVerifier returns a verifier that trusts the known keys. Where a
// checkpoint must have more than the log's signature, accept sees each that the
// log has signed and may refuse it; it may be nil.
func NewReceiptVerifier(known note.Verifiers, accept func(msg []byte) error) *ReceiptVerifier {
	return &ReceiptVerifier{seen: map[string]Checkpoint{}, parse: func(msg []byte) (Checkpoint, error) {
		c, err := ParseCheckpoint(msg, known)
		if err == nil && accept != nil {
			err = accept(msg)
		}
		return c, err
	}}
}

// Verify is [Receipt.Verify] with the verifier's keys.
func (v *ReceiptVerifier) Verify(r *Receipt) (Record, Checkpoint, error) {
	v.mu.RLock()
	c, ok := v.seen[string(r.Checkpoint)]
	v.mu.RUnlock()
	if !ok {
		var err error
		if c, err = v.parse(r.Checkpoint); err != nil {
			return Record{}, Checkpoint{}, err
		}
		v.mu.Lock()
		if len(v.seen) >= maxRemembered {
			clear(v.seen)
		}
		v.seen[string(r.Checkpoint)] = c
		v.mu.Unlock()
	}
	record, err := r.check(c)
	if err != nil {
		return Record{}, Checkpoint{}, err
	}
	return record, c, nil
}
