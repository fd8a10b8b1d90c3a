package export

import (
	"io"
	"iter"

	"github.com/posai-go/posai/audit"
)

// unsealedRecord is a record with the content of its sealed parts.
type unsealedRecord struct {
	audit.Record
	Parts []unsealedPart `json:"parts,omitempty"`
}

type unsealedPart struct {
	Name   string `json:"name"`
	Text   string `json:"text,omitempty"`
	Erased bool   `json:"erased,omitempty"`
	Others bool   `json:"others,omitempty"` // about others only: it stays sealed
}

// Unsealed writes what [audit.Log.Export] yields, the answer to a request for
// somebody's data, as one line of JSON for each record: index, entry, leaf_hash and
// parts, each with its name and either its text or the reason why it has none,
// "erased" or "others", where it is about others only.
func Unsealed(w io.Writer, records iter.Seq2[audit.Record, error]) error {
	return lines(w, records, func(r audit.Record) (any, error) {
		out := unsealedRecord{Record: r}
		for _, p := range r.Entry.Sealed {
			out.Parts = append(out.Parts, unsealedPart{Name: p.Name, Text: string(p.Data), Erased: p.Erased, Others: p.Data == nil && !p.Erased})
		}
		return out, nil
	})
}
