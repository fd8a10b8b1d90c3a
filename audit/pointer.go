package audit

import (
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Pointer is what a public place, such as a metafield of the order in the shop,
// says about an entry: which it is, and the digest of the receipt that proves it.
// It holds no personal data, no text and no identifier but the log's own. It
// proves nothing by itself: who finds it asks for the receipt, see [Pointer.Verify].
type Pointer struct {
	Log      string    `json:"log"`   // the log's origin
	Index    int64     `json:"index"` // of the entry, from 0
	ID       string    `json:"id"`
	Kind     Kind      `json:"kind"`
	Action   string    `json:"action,omitzero"`
	Verdict  string    `json:"verdict,omitzero"` // of the decision
	Time     time.Time `json:"time"`
	LeafHash tlog.Hash `json:"leaf_hash"`
	Receipt  string    `json:"receipt"` // see [Receipt.Digest]
	Size     int64     `json:"size"`    // entries under the receipt's checkpoint
}

// Pointer verifies the receipt and returns the pointer to its entry. Hand out the
// text of this very receipt, whose digest is in the pointer; a later one proves the
// same entry, and [Pointer.Verify] takes it too.
func (r *Receipt) Pointer(known note.Verifiers) (Pointer, error) {
	record, c, err := r.Verify(known)
	if err != nil {
		return Pointer{}, err
	}
	p := Pointer{
		Log: c.Origin, Index: record.Index, ID: record.Entry.ID, Kind: record.Entry.Kind, Action: record.Entry.Action,
		Time: record.Entry.Time, LeafHash: record.LeafHash, Receipt: r.Digest(), Size: c.Size,
	}
	if d := record.Entry.Decision; d != nil {
		p.Verdict = d.Verdict
	}
	return p, nil
}

// Verify checks that the receipt proves the entry that p points to, and returns
// its record. The receipt may be a later one than p names: what counts is the
// entry. An error matches [ErrCheckpoint] or [ErrCorrupt].
func (p Pointer) Verify(r *Receipt, known note.Verifiers) (Record, error) {
	record, c, err := r.Verify(known)
	if err != nil {
		return Record{}, err
	}
	if c.Origin != p.Log || record.Index != p.Index || record.LeafHash != p.LeafHash {
		return Record{}, &CorruptError{Index: p.Index, Reason: fmt.Sprintf("the receipt is of entry %d of %s", record.Index, c.Origin)}
	}
	return record, nil
}
