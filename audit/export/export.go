package export

import (
	"cmp"
	"encoding/json"
	"io"
	"iter"

	"github.com/posai-go/posai/audit"
)

// Options are the optional settings of an export.
type Options struct {
	// Log is the log's origin. It goes into each event.
	Log string

	// Source is the CloudEvents source, a URI reference that names who the
	// events are from. If empty, "//" and Log, or "urn:posai:audit".
	Source string

	// Product names the program in OCSF. If empty, "posai".
	Product string
}

func (o *Options) orDefault() Options {
	var out Options
	if o != nil {
		out = *o
	}
	out.Product = cmp.Or(out.Product, "posai")
	if out.Source == "" {
		out.Source = "urn:posai:audit"
		if out.Log != "" {
			out.Source = "//" + out.Log
		}
	}
	return out
}

// lines writes what convert makes of each record as one line of JSON.
func lines(w io.Writer, records iter.Seq2[audit.Record, error], convert func(audit.Record) (any, error)) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for r, err := range records {
		if err != nil {
			return err
		}
		v, err := convert(r)
		if err != nil {
			return err
		}
		if err := enc.Encode(v); err != nil {
			return err
		}
	}
	return nil
}
