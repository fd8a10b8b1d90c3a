package approval_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
)

// With a vault the log keeps what people and models wrote, until a person whom it
// is about is erased.
func TestWhatWasWrittenIsSealed(t *testing.T) {
	t.Parallel()
	master, err := audit.NewLocalKey(bytes.Repeat([]byte{3}, audit.MasterKeySize))
	require.NoError(t, err)
	vault, err := audit.NewVault(new(audittest.Keys), master, nil)
	require.NoError(t, err)
	log, err := audit.Open(t.Context(), audittest.NewMemory(t), &audit.Options{Vault: vault})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	f := &fixture{store: approvaltest.NewMemory(), log: log}
	f.Queue, err = approval.NewQueue(f.store, log, byAmount, nil)
	require.NoError(t, err)
	require.NoError(t, approval.Register(f.Queue, approval.Executor[note, receipt]{
		Execute: func(context.Context, approval.Execution, note) (receipt, error) { return receipt{}, nil },
	}))

	customer := audit.Subject{Type: "customer", ID: "gid://shopify/Customer/5"}
	r := f.propose(t, note{Text: "Hello", Color: "red", Pennies: 100_00}, func(p *approval.Proposal) {
		p.Reason, p.Subjects = "Ann bought twice", []audit.Subject{customer}
		p.Evidence = []approval.Evidence{{Label: "orders", Text: "two"}}
	})
	d := edited(r, manager, map[string]string{"text": "good day"})
	d.Reason, d.ShownAt = "Kinder", time.Now().Add(-3*time.Second)
	_, err = f.Decide(t.Context(), d)
	require.NoError(t, err)

	sealed := func() map[string]string {
		parts := map[string]string{}
		for rec, err := range log.Trail(t.Context(), audit.Query{Subject: audit.Subject{Type: "approval", ID: r.ID}}) {
			require.NoError(t, err)
			public, err := rec.Entry.MarshalJSON()
			require.NoError(t, err)
			// None is a word in lower case, such as pseudonyms, IDs and digests are at random.
			for _, secret := range []string{"Ann", "Kinder", "good day", "Hello", customer.ID} {
				assert.NotContains(t, string(public), secret)
			}
			rec, err = log.Unseal(t.Context(), rec)
			require.NoError(t, err)
			for _, p := range rec.Entry.Sealed {
				parts[string(rec.Entry.Kind)+" "+p.Name] = string(p.Data)
			}
			if e := rec.Entry; e.Kind == audit.KindDecided {
				assert.Equal(t, []audit.Edit{{Path: "/text"}}, e.Decision.Edits)
				assert.GreaterOrEqual(t, e.Decision.ViewMillis, int64(3000))
				assert.WithinDuration(t, d.ShownAt, e.Decision.ShownAt, time.Millisecond)
			}
			assert.NotEmpty(t, rec.Entry.Preview, "%s says what was shown", rec.Entry.Kind)
		}
		return parts
	}
	parts := sealed()
	assert.Equal(t, `"Ann bought twice"`, parts["proposed reason"])
	assert.Equal(t, `"Kinder"`, parts["decided reason"])
	assert.Contains(t, parts["decided edits"], "good day")
	assert.Contains(t, parts["proposed preview"], "Hello")
	var args note
	require.NoError(t, json.Unmarshal([]byte(parts["proposed arguments"]), &args))
	assert.Equal(t, "Hello", args.Text)
	assert.Len(t, parts, 6)

	_, err = log.Erase(t.Context(), customer, audit.DataRequest{})
	require.NoError(t, err)
	for name, text := range sealed() {
		assert.Empty(t, text, name)
	}
}
