package main

import (
	"bufio"
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
)

// notes are the labeled notes that classifiers are measured with. The keyword
// baseline was written while looking at dev.jsonl alone.
//
//go:embed notes/dev.jsonl notes/test.jsonl
var notes embed.FS

// Note is one labeled note. People and addresses in it are invented.
//
// How it is labeled: Reason is what the shop would have to know first. A fault
// goes before a wrong article, that before a wrong description, that before size,
// then lateness, gift, and a change of mind; Also is a second reason that the note
// gives. A size that the customer chose wrongly is size; an article that the
// customer chose wrongly is a change of mind. A gift that does not fit is a gift.
// Where a note gives no reason, the native one counts if it says something;
// otherwise it is abstain. What a note orders somebody to do is no reason.
type Note struct {
	ID      string   `json:"id"`
	Lang    string   `json:"lang"` // ISO 639-1
	Product string   `json:"product"`
	Native  string   `json:"native,omitempty"` // handle of the reason that was picked in Shopify
	Note    string   `json:"note"`
	Reason  Reason   `json:"reason"`
	Also    Reason   `json:"also,omitempty"`
	Tags    []string `json:"tags,omitempty"` // staff, typo, abusive, two, injection, empty, pii, sarcasm, emoji, long
}

// item is the note as a line of a return, masked as a shop's notes are.
func (n Note) item() Item {
	return Item{Key: "1", ProductTitle: n.Product, Quantity: 1, Native: Definition{Handle: n.Native}, StaffNote: mask(n.Note, person{})}
}

// labeledNotes reads one part of the set: "dev" or "test".
func labeledNotes(split string) ([]Note, error) {
	data, err := notes.ReadFile("notes/" + split + ".jsonl")
	if err != nil {
		return nil, err
	}
	var out []Note
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		var n Note
		if err := json.Unmarshal(lines.Bytes(), &n); err != nil {
			return nil, fmt.Errorf("notes/%s.jsonl, line %d: %w", split, len(out)+1, err)
		}
		out = append(out, n)
	}
	return out, lines.Err()
}
