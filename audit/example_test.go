package audit_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore"
)

func Example() {
	if err := example(); err != nil {
		fmt.Println(err)
	}
	// Output:
	//      0  2026-11-24 10:15:00Z  proposed    ai assistant: postpurchase.followup
	//         about       order gid://shopify/Order/1001
	//         policy      ask — above 500.00 EUR
	//      1  2026-11-24 10:16:30Z  decided     human manager-7 (manager) via console: postpurchase.followup
	//         about       order gid://shopify/Order/1001
	//         decision    approve — fits our tone
	// 2 entries proven
}

func example() error {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "audit")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	store, err := filestore.Open(dir, nil)
	if err != nil {
		return err
	}
	defer store.Close()
	log, err := audit.Open(ctx, store, nil)
	if err != nil {
		return err
	}
	defer log.Close()

	order := audit.Subject{Type: "order", ID: "gid://shopify/Order/1001"}
	at := time.Date(2026, 11, 24, 10, 15, 0, 0, time.UTC)
	for _, e := range []audit.Entry{
		{
			ID: "followup-1001/proposed", Time: at, Kind: audit.KindProposed, Action: "postpurchase.followup",
			Actor: audit.Actor{Type: audit.AI, ID: "assistant"}, Subjects: []audit.Subject{order},
			Policy: &audit.Policy{Verdict: "ask", Reason: "above 500.00 EUR"},
		},
		{
			ID: "followup-1001/decided", Time: at.Add(90 * time.Second), Kind: audit.KindDecided, Action: "postpurchase.followup",
			Actor:    audit.Actor{Type: audit.Human, ID: "manager-7", Role: "manager", Channel: "console"},
			Subjects: []audit.Subject{order},
			Decision: &audit.Decision{Verdict: "approve", Reason: "fits our tone"},
		},
	} {
		// Returns when the entry is durable; appending it again does nothing.
		if _, err := log.Append(ctx, e); err != nil {
			return err
		}
	}
	if err := audit.WriteText(os.Stdout, log.Trail(ctx, audit.Query{Subject: order})); err != nil {
		return err
	}
	report, err := log.Verify(ctx)
	if err != nil {
		return err
	}
	fmt.Println(report.Entries, "entries proven")
	return nil
}

// A receipt proves an entry to someone who has nothing but the public key.
func ExampleLog_Receipt() {
	if err := receipt(); err != nil {
		fmt.Println(err)
	}
	// Output: entry 0 of 1: approve by manager-7
}

func receipt() error {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "audit")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	store, err := filestore.Open(dir, nil)
	if err != nil {
		return err
	}
	defer store.Close()
	log, err := audit.Open(ctx, store, nil)
	if err != nil {
		return err
	}
	defer log.Close()
	record, err := log.Append(ctx, audit.Entry{
		Kind: audit.KindDecided, Actor: audit.Actor{Type: audit.Human, ID: "manager-7"},
		Decision: &audit.Decision{Verdict: "approve"},
	})
	if err != nil {
		return err
	}
	made, err := log.Receipt(ctx, record.Index)
	if err != nil {
		return err
	}
	file, err := made.MarshalText() // hand this out
	if err != nil {
		return err
	}

	verifiers, err := store.Verifiers() // the other side has the public key
	if err != nil {
		return err
	}
	var r audit.Receipt
	if err := r.UnmarshalText(file); err != nil {
		return err
	}
	proven, checkpoint, err := r.Verify(verifiers)
	if err != nil {
		return err
	}
	fmt.Printf("entry %d of %d: %s by %s\n", proven.Index, checkpoint.Size, proven.Entry.Decision.Verdict, proven.Entry.Actor.ID)
	return nil
}
