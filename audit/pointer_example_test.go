package audit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore"
)

// The receipt of a decision is a file that is handed out; a public place, such as a
// metafield of the order in the shop, points to it. Whoever has both, and the
// public key, checks them without the log.
func ExampleReceipt_Pointer() {
	file, metafield, vkey, err := decideAndPoint()
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := check(file, metafield, vkey); err != nil {
		fmt.Println(err)
	}
	// Output:
	// the order points to entry 0 of example.com/audit: decided, approve
	// the receipt is the one that it names: true
	// proven: manager-7 decided, approve
}

// decideAndPoint returns the receipt's file, the metafield's value and the key.
func decideAndPoint() (file, metafield []byte, vkey string, err error) {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "audit")
	if err != nil {
		return nil, nil, "", err
	}
	defer os.RemoveAll(dir)
	store, err := filestore.Open(dir, &filestore.Options{Origin: "example.com/audit"})
	if err != nil {
		return nil, nil, "", err
	}
	defer store.Close()
	log, err := audit.Open(ctx, store, nil)
	if err != nil {
		return nil, nil, "", err
	}
	defer log.Close()
	decided, err := log.Append(ctx, audit.Entry{
		Kind: audit.KindDecided, Actor: audit.Actor{Type: audit.Human, ID: "manager-7"}, Action: "postpurchase.followup",
		Subjects: []audit.Subject{{Type: "order", ID: "gid://shopify/Order/1001"}},
		Decision: &audit.Decision{Verdict: "approve"},
	})
	if err != nil {
		return nil, nil, "", err
	}

	receipt, err := log.Receipt(ctx, decided.Index)
	if err != nil {
		return nil, nil, "", err
	}
	known, err := store.Verifiers()
	if err != nil {
		return nil, nil, "", err
	}
	pointer, err := receipt.Pointer(known)
	if err != nil {
		return nil, nil, "", err
	}
	if file, err = receipt.MarshalText(); err != nil {
		return nil, nil, "", err
	}
	if metafield, err = json.Marshal(pointer); err != nil {
		return nil, nil, "", err
	}
	vkey, err = store.VerifierKey()
	return file, metafield, vkey, err
}

func check(file, metafield []byte, vkey string) error {
	key, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	var receipt audit.Receipt
	if err := receipt.UnmarshalText(file); err != nil {
		return err
	}
	var pointer audit.Pointer
	if err := json.Unmarshal(metafield, &pointer); err != nil {
		return err
	}
	fmt.Printf("the order points to entry %d of %s: %s, %s\n", pointer.Index, pointer.Log, pointer.Kind, pointer.Verdict)
	fmt.Println("the receipt is the one that it names:", pointer.Receipt == receipt.Digest())
	record, err := pointer.Verify(&receipt, note.VerifierList(key))
	if err != nil {
		return err
	}
	fmt.Printf("proven: %s %s, %s\n", record.Entry.Actor.ID, record.Entry.Kind, record.Entry.Decision.Verdict)
	return nil
}
