package compliance_test

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/compliance"
	"github.com/posai-go/posai/webhook"
)

// A customer asks for their data, then wants it erased: both come as webhooks, and
// the log answers.
func Example() {
	if err := run(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// request 9999: decided, reason "paid with a voucher of her mother's"
	// request 9999: read by shopify
	// erased: 1 key, 2 entries, 1 part
	// 4 entries proven
}

// mailToMerchant stands for what the program does with an export.
func mailToMerchant(_ context.Context, ev webhook.Event[webhook.DataRequest], records iter.Seq2[audit.Record, error]) error {
	for r, err := range records {
		if err != nil {
			return err
		}
		fmt.Printf("request %d: %s", ev.Payload.DataRequest.ID, r.Entry.Kind)
		for _, part := range r.Entry.Sealed {
			fmt.Printf(", %s %q", part.Name, part.Data)
		}
		if r.Entry.Kind == audit.KindRead {
			fmt.Printf(" by %s", r.Entry.Actor.ID)
		}
		fmt.Println()
	}
	return nil
}

func run() error {
	ctx := context.Background()
	log, _, err := openLog()
	if err != nil {
		return err
	}
	defer log.Close()
	told := &compliance.Options{Erased: func(_ context.Context, r *audit.ErasureReport) {
		fmt.Printf("erased: %d key, %d entries, %d part\n", r.Keys, r.Entries, r.Parts)
	}}
	if _, err := log.Append(ctx, audit.Entry{
		Kind: audit.KindDecided, Actor: audit.Actor{Type: audit.Human, ID: "manager-7"}, Shop: "example.myshopify.com",
		Subjects: []audit.Subject{{Type: "customer", ID: "gid://shopify/Customer/115310627314723954"}},
		Sealed:   []audit.Part{{Name: "reason", Data: []byte("paid with a voucher of her mother's")}},
	}); err != nil {
		return err
	}

	mux := new(webhook.Mux) // whatever else the program takes is registered here too
	c, err := compliance.New(log, mailToMerchant, told)
	if err != nil {
		return err
	}
	if err := webhook.OnCompliance(mux, c.Webhooks()); err != nil {
		return err
	}

	// As webhook.Handler and the inbox hand deliveries on.
	for _, topic := range []string{"customers/data_request", "customers/redact"} {
		if err := mux.Process(ctx, delivery(topic)); err != nil {
			return err
		}
	}
	report, err := log.Verify(ctx)
	if err != nil {
		return err
	}
	fmt.Println(report.Entries, "entries proven")
	return nil
}

// openLog opens a log in memory. In earnest it is in audit/filestore or
// audit/sqlstore, the keys in audit/keystore, and the master key elsewhere.
func openLog() (*audit.Log, note.Verifiers, error) {
	master, err := audit.NewLocalKey(bytes.Repeat([]byte{7}, audit.MasterKeySize))
	if err != nil {
		return nil, nil, err
	}
	vault, err := audit.NewVault(new(audittest.Keys), master, nil)
	if err != nil {
		return nil, nil, err
	}
	store := audittest.NewMemory(new(testing.T))
	known, err := store.Verifiers()
	if err != nil {
		return nil, nil, err
	}
	log, err := audit.Open(context.Background(), store, &audit.Options{Vault: vault, MaxWait: time.Minute})
	return log, known, err
}
