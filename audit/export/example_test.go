package export_test

import (
	"fmt"
	"iter"
	"os"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/export"
)

// trail stands for log.Trail(ctx, query).
func trail() iter.Seq2[audit.Record, error] {
	return func(yield func(audit.Record, error) bool) {
		yield(audit.Record{Index: 7, LeafHash: tlog.RecordHash(nil), Entry: audit.Entry{
			ID: "e-7", Time: time.Date(2026, 11, 24, 9, 15, 0, 0, time.UTC), Kind: audit.KindRead, Actor: audit.Actor{Type: audit.AI, ID: "assistant"},
		}}, nil)
	}
}

func ExampleCloudEvents() {
	if err := export.CloudEvents(os.Stdout, trail(), &export.Options{Log: "example.com/audit"}); err != nil {
		fmt.Println(err)
	}
	// Output: {"specversion":"1.0","id":"e-7","source":"//example.com/audit","type":"io.github.posai-go.audit.read","time":"2026-11-24T09:15:00Z","datacontenttype":"application/json","sequence":"0000000000000000007","leafhash":"bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=","data":{"actor":{"id":"assistant","type":"ai"},"id":"e-7","kind":"read","time":"2026-11-24T09:15:00Z","v":2}}
}
