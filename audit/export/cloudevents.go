package export

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/posai-go/posai/audit"
)

// typePrefix stands before the kind in the type of an event.
const typePrefix = "io.github.posai-go.audit."

// cloudEvent is an event in the JSON format of CloudEvents 1.0.2
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md).
// Names of extensions are of lower-case letters and digits.
type cloudEvent struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject,omitempty"`
	Time            time.Time       `json:"time"`
	DataContentType string          `json:"datacontenttype"`
	Sequence        string          `json:"sequence"`
	LeafHash        string          `json:"leafhash"`
	CorrelationID   string          `json:"correlationid,omitempty"`
	Data            json.RawMessage `json:"data"`
}

// CloudEvents writes each record as one line with a CloudEvent 1.0 in JSON
// (https://cloudevents.io). Its type is "io.github.posai-go.audit." and the kind,
// its id the entry's, its subject the ID of the entry's first subject, its data
// the entry in canonical form. The extension sequence holds the entry's index
// with 19 digits, leafhash the hash of its leaf in base64, correlationid its
// correlation. opts may be nil.
func CloudEvents(w io.Writer, records iter.Seq2[audit.Record, error], opts *Options) error {
	o := opts.orDefault()
	return lines(w, records, func(r audit.Record) (any, error) {
		data, err := r.Entry.MarshalJSON()
		if err != nil {
			return nil, err
		}
		event := cloudEvent{
			SpecVersion: "1.0", ID: r.Entry.ID, Source: o.Source, Type: typePrefix + string(r.Entry.Kind), Time: r.Entry.Time.UTC(),
			DataContentType: "application/json", Sequence: fmt.Sprintf("%019d", r.Index), LeafHash: r.LeafHash.String(),
			CorrelationID: r.Entry.Correlation, Data: data,
		}
		if len(r.Entry.Subjects) > 0 {
			event.Subject = r.Entry.Subjects[0].ID
		}
		return event, nil
	})
}
