package main

import (
	"bytes"
	"embed"

	"github.com/posai-go/posai/ai/eval"
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
func labeledNotes(split string) ([]eval.Case[Note, Reason], error) {
	name := "notes/" + split + ".jsonl"
	data, err := notes.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return eval.ReadRows(bytes.NewReader(data), name, nil, func(n Note) (eval.Case[Note, Reason], error) {
		return eval.Case[Note, Reason]{ID: n.ID, Tags: n.Tags, Input: n, Want: n.Reason}, nil
	})
}
