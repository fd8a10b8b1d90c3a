package demotest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/posai-go/posai/webhook/inbox"
)

// Counter counts what an inbox says. The zero value is ready; it is safe for
// concurrent use.
type Counter struct {
	mu sync.Mutex
	n  map[inbox.EventKind]int
}

// Observe counts an event.
func (c *Counter) Observe(e inbox.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[inbox.EventKind]int{}
	}
	c.n[e.Kind]++
}

// Of returns how many events of a kind there were.
func (c *Counter) Of(k inbox.EventKind) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[k]
}

// SmallShop is the generated shop with the orders of its last weeks only: what
// is read at the start takes a second less. Shops copy it.
var SmallShop = sync.OnceValue(func() *shopifytest.Data {
	data := shopifytest.GenerateData(1, time.Now())
	data.Orders = data.Orders[len(data.Orders)-200:]
	return data
})

// OpenAudit opens the audit log below a service's folder for reading, until the
// test ends.
func OpenAudit(t *testing.T, dir string) *audit.Log {
	t.Helper()
	log, closeLog := ReadAudit(t, dir)
	t.Cleanup(closeLog)
	return log
}

// ReadAudit is OpenAudit until the function that it returns is called.
func ReadAudit(t *testing.T, dir string) (*audit.Log, func()) {
	t.Helper()
	store, err := filestore.OpenReader(filepath.Join(dir, "audit"))
	require.NoError(t, err)
	log, err := audit.OpenReader(t.Context(), store, nil)
	require.NoError(t, err)
	return log, func() {
		assert.NoError(t, log.Close())
		assert.NoError(t, store.Close())
	}
}

// Effects counts the correlation ids that have an effect entry in the log of a
// service that may be running.
func Effects(t *testing.T, dir string) int {
	t.Helper()
	log, closeLog := ReadAudit(t, dir)
	defer closeLog()
	seen := map[string]bool{}
	for r, err := range log.Trail(t.Context(), audit.Query{Kind: audit.KindEffect}) {
		require.NoError(t, err)
		seen[r.Entry.Correlation] = true
	}
	return len(seen)
}

// Proof checks that a metafield's value points to an entry which its receipt in the
// folder proves, with the public key alone, and returns the entry.
func Proof(t *testing.T, dir, value string) audit.Entry {
	t.Helper()
	var p audit.Pointer
	require.NoError(t, json.Unmarshal([]byte(value), &p))
	text, err := os.ReadFile(filepath.Join(dir, "receipts", fmt.Sprintf("entry-%d.tlog-proof", p.Index)))
	require.NoError(t, err)
	var receipt audit.Receipt
	require.NoError(t, receipt.UnmarshalText(text))
	require.Equal(t, p.Receipt, receipt.Digest(), "it is the receipt that the metafield names")
	vkey, err := os.ReadFile(filepath.Join(dir, "audit", "key.pub"))
	require.NoError(t, err)
	key, err := note.NewVerifier(strings.TrimSpace(string(vkey)))
	require.NoError(t, err)
	record, err := p.Verify(&receipt, note.VerifierList(key))
	require.NoError(t, err)
	return record.Entry
}
