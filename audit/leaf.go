package audit

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// A leaf is what the tree commits to: one line with the canonical JSON of the
// entry, then one line for each sealed part, in order:
//
//	{"action":…,"v":2}
//	sealed <base64 of the SHA-256 of the sealed part>
//
// Each line ends with a newline; the JSON itself contains none. The part's
// hash, not the part, is in the leaf, so a part can be made unreadable and every
// proof stays valid. From schema version 2 on the entry's member "sealed"
// describes the parts, one by one. A leaf stays below 64 KiB, the bound of C2SP entry
// bundles (https://c2sp.org/tlog-tiles).
const (
	maxLeafSize = MaxEntrySize + 1 + maxSealed*len(sealedPrefix+"0123456789012345678901234567890123456789012=\n")
	maxSealed   = 64

	sealedPrefix = "sealed "
)

func appendLeaf(b []byte, entry []byte, sealed []tlog.Hash) []byte {
	b = append(append(b, entry...), '\n')
	for _, h := range sealed {
		b = append(b, sealedPrefix...)
		b = base64.StdEncoding.AppendEncode(b, h[:])
		b = append(b, '\n')
	}
	return b
}

// ParseLeaf returns the entry in a leaf, for a store that rebuilds its search.
// Anything but what [Log.Append] writes is a [*FieldError].
func ParseLeaf(leaf []byte) (*Entry, error) {
	e, _, err := parseLeaf(leaf)
	return e, err
}

// parseLeaf reads back what appendLeaf wrote, and refuses anything else.
func parseLeaf(leaf []byte) (*Entry, []tlog.Hash, error) {
	if len(leaf) > maxLeafSize {
		return nil, nil, &FieldError{Reason: fmt.Sprintf("leaf larger than %d bytes", maxLeafSize)}
	}
	header, rest, ok := bytes.Cut(leaf, []byte("\n"))
	if !ok {
		return nil, nil, &FieldError{Reason: "leaf does not end in a newline"}
	}
	e, err := parseEntry(header)
	if err != nil {
		return nil, nil, err
	}
	if e.ID == "" || e.Time.IsZero() {
		return nil, nil, &FieldError{Reason: "logged entry without id or time"}
	}
	var sealed []tlog.Hash
	for line := range strings.Lines(string(rest)) {
		value, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), sealedPrefix)
		h, err := tlog.ParseHash(value)
		if !ok || err != nil {
			return nil, nil, &FieldError{Field: "sealed", Reason: "malformed"}
		}
		sealed = append(sealed, h)
	}
	if e.SchemaVersion() > 1 && len(sealed) != len(e.Sealed) {
		return nil, nil, &FieldError{Field: "sealed", Reason: "not one hash for each part"}
	}
	if len(sealed) > maxSealed || !bytes.Equal(appendLeaf(nil, header, sealed), leaf) {
		return nil, nil, &FieldError{Field: "sealed", Reason: "malformed"}
	}
	return e, sealed, nil
}
