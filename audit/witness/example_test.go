package witness_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/witness"
)

// A receipt that an auditor believes because somebody else has watched the log.
func Example() {
	ctx := context.Background()
	t := new(testing.T) // for the test kit: a log and a witness of this process
	signer, known := audittest.NewKey(t)
	log, err := audit.Open(ctx, audittest.NewMemory(t), &audit.Options{Signer: signer, Verifiers: known, MaxWait: time.Minute})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer log.Close()
	w := audittest.NewWitness(t, "witness.example.com", known)
	server := httptest.NewServer(w)
	defer server.Close()

	// The policy is a file that log and auditors share.
	policy, err := witness.ParsePolicy(fmt.Appendf(nil, "witness W %s %s\nquorum W\n", w.MLDSAKey(), server.URL))
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := known.Verifier(signer.Name(), signer.KeyHash())
	if err != nil {
		fmt.Println(err)
		return
	}
	policy.Logs = []witness.Log{{Verifier: key}}

	record, err := log.Append(ctx, audittest.Entry(0))
	if err != nil {
		fmt.Println(err)
		return
	}
	cosigner, err := witness.NewCosigner(policy, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	cosigned, err := cosigner.Cosign(ctx, log)
	if err != nil {
		fmt.Println(err)
		return
	}
	receipt, err := log.ReceiptFor(ctx, record.Index, cosigned.Note)
	if err != nil {
		fmt.Println(err)
		return
	}

	// The auditor has the receipt, the policy and no network.
	checkpoint, seen, err := policy.Check(receipt.Checkpoint)
	if err != nil {
		fmt.Println(err)
		return
	}
	proven, _, err := receipt.Verify(note.VerifierList(key))
	fmt.Println(proven.Entry.ID, "in", checkpoint.Origin, "as witnessed by", seen[0].Witness, err)
	// Output: entry-0 in example.com/log as witnessed by W <nil>
}
