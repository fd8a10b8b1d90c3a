package audit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore"
	"github.com/posai-go/posai/audit/keystore"
)

// A customer's data is sealed, exported on request, and erased; the log verifies
// before and after.
func ExampleLog_Erase() {
	if err := erase(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// decided: reason "asked for a refund by phone"
	// read by human privacy-officer
	// erased 1 key, 2 entries, 1 part
	// 4 entries proven, 0 about the customer
}

func erase() error {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "audit")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	keys, err := keystore.Open(ctx, "sqlite:"+filepath.Join(dir, "keys.db"))
	if err != nil {
		return err
	}
	defer keys.Close()
	master, err := audit.OpenLocalKey(filepath.Join(dir, "master.key")) // elsewhere, in earnest
	if err != nil {
		return err
	}
	vault, err := audit.NewVault(keys, master, nil)
	if err != nil {
		return err
	}
	store, err := filestore.Open(filepath.Join(dir, "log"), nil)
	if err != nil {
		return err
	}
	defer store.Close()
	log, err := audit.Open(ctx, store, &audit.Options{Vault: vault})
	if err != nil {
		return err
	}
	defer log.Close()

	customer := audit.Subject{Type: "customer", ID: "gid://shopify/Customer/5"}
	_, err = log.Append(ctx, audit.Entry{
		Kind: audit.KindDecided, Actor: audit.Actor{Type: audit.Human, ID: "manager-7"},
		Subjects: []audit.Subject{customer},
		Sealed:   []audit.Part{{Name: "reason", Data: []byte("asked for a refund by phone")}},
	})
	if err != nil {
		return err
	}

	officer := audit.Actor{Type: audit.Human, ID: "privacy-officer"}
	for r, err := range log.Export(ctx, customer, audit.DataRequest{ID: "request-1", Actor: officer}) {
		if err != nil {
			return err
		}
		for _, part := range r.Entry.Sealed {
			fmt.Printf("%s: %s %q\n", r.Entry.Kind, part.Name, part.Data)
		}
		if r.Entry.Kind == audit.KindRead {
			fmt.Printf("read by %s %s\n", r.Entry.Actor.Type, r.Entry.Actor.ID)
		}
	}

	report, err := log.Erase(ctx, customer, audit.DataRequest{ID: "request-2"})
	if err != nil {
		return err
	}
	fmt.Printf("erased %d key, %d entries, %d part\n", report.Keys, report.Entries, report.Parts)
	verified, err := log.Verify(ctx)
	if err != nil {
		return err
	}
	about := 0
	for _, err := range log.Trail(ctx, audit.Query{Subject: customer}) {
		if err != nil {
			return err
		}
		about++
	}
	fmt.Printf("%d entries proven, %d about the customer\n", verified.Entries, about)
	return nil
}
