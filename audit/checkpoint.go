package audit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Bounds of a signed checkpoint, in bytes.
const (
	MaxCheckpointSize = 4096     // as a log writes it
	MaxCosignedSize   = 64 << 10 // with the cosignatures of witnesses
)

// Checkpoint is what a log signs: its tree head. As a note
// (https://c2sp.org/tlog-checkpoint) its text is three lines: origin, size and
// the base64 of the root hash.
type Checkpoint struct {
	Origin string    `json:"origin"` // name of the log, also the name of its key
	Size   int64     `json:"size"`   // number of entries
	Root   tlog.Hash `json:"root"`   // RFC 6962 tree hash
}

// ParseCheckpoint returns the checkpoint in the note msg if it is signed by a
// key of known whose name is the checkpoint's origin. Signatures by other keys,
// such as those of witnesses, are ignored. An error matches [ErrCheckpoint].
func ParseCheckpoint(msg []byte, known note.Verifiers) (Checkpoint, error) {
	if len(msg) > MaxCosignedSize {
		return Checkpoint{}, fmt.Errorf("%w: larger than %d bytes", ErrCheckpoint, MaxCosignedSize)
	}
	n, err := note.Open(msg, known)
	if err != nil {
		if _, ok := errors.AsType[*note.UnverifiedNoteError](err); ok {
			return Checkpoint{}, fmt.Errorf("%w: not signed by a known key", ErrCheckpoint)
		}
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	c, err := parseCheckpointText(n.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	for _, sig := range n.Sigs {
		if sig.Name == c.Origin {
			return c, nil
		}
	}
	return Checkpoint{}, fmt.Errorf("%w: the signer is not the origin", ErrCheckpoint)
}

func parseCheckpointText(text string) (Checkpoint, error) {
	// Extension lines may follow the third.
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 || lines[0] == "" {
		return Checkpoint{}, fmt.Errorf("%w: malformed", ErrCheckpoint)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return Checkpoint{}, fmt.Errorf("%w: malformed size", ErrCheckpoint)
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil || root.String() != lines[2] {
		return Checkpoint{}, fmt.Errorf("%w: malformed root hash", ErrCheckpoint)
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: root}, nil
}

func (c Checkpoint) sign(signer note.Signer) ([]byte, error) {
	text := fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root)
	msg, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		return nil, fmt.Errorf("audit: sign checkpoint: %w", err)
	}
	if len(msg) > MaxCheckpointSize {
		return nil, fmt.Errorf("audit: signed checkpoint larger than %d bytes", MaxCheckpointSize)
	}
	return msg, nil
}

// UnverifiedCheckpoint returns what the note msg claims without looking at its
// signatures: for a store that must compare sizes before anyone can vouch for
// them. An error matches [ErrCheckpoint].
func UnverifiedCheckpoint(msg []byte) (Checkpoint, error) {
	if len(msg) > MaxCosignedSize {
		return Checkpoint{}, fmt.Errorf("%w: larger than %d bytes", ErrCheckpoint, MaxCosignedSize)
	}
	text, _, ok := strings.Cut(string(msg), "\n\n")
	if !ok {
		return Checkpoint{}, fmt.Errorf("%w: malformed note", ErrCheckpoint)
	}
	return parseCheckpointText(text + "\n")
}
