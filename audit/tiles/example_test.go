package tiles_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/tiles"
)

// An auditor with the log's URL and its public key verifies all of it.
func Example() {
	t := new(testing.T) // for the test kit: a log of this process
	signer, known := audittest.NewKey(t)
	store := audittest.NewMemory(t)
	for _, b := range audittest.Batches(t, signer, 200, 100) {
		if err := store.Append(context.Background(), b); err != nil {
			fmt.Println(err)
			return
		}
	}
	server := httptest.NewServer(tiles.Handler(store))
	defer server.Close()

	r, err := tiles.NewReader(tiles.HTTP(server.URL, nil), known)
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := audit.Verify(context.Background(), r, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Entries, "entries of", report.Origin)
	// Output: 300 entries of example.com/log
}
