package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/webhooktest"
)

// A customer asks for their data and then has it erased: over HTTP, to the files.
func TestCustomersRights(t *testing.T) {
	const number = 987_654_321_098
	gid := fmt.Sprint("gid://shopify/Customer/", number)
	p := newPath(t)
	q := p.people.noReceipt()
	q.CustomerID = number
	p.scored(q)
	key := "ask/" + q.ID
	v, err := p.guard.known(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, gid, v.Customer)

	send := func(topic, body string) {
		t.Helper()
		sender := webhooktest.Sender{Secret: p.cfg.Secret, Schedule: demo.RetrySoon()}
		_, err := sender.Post(t.Context(), p.WebhookURL(), webhooktest.Fill(webhook.Delivery{Topic: topic, Shop: p.cfg.Shop, Body: []byte(body)}))
		require.NoError(t, err)
	}
	send("customers/data_request", fmt.Sprintf(`{"shop_id":1,"shop_domain":%q,"orders_requested":[],"customer":{"id":%d},"data_request":{"id":41}}`, p.cfg.Shop, number))
	export := filepath.Join(p.dir, "exports", "data-request-41.jsonl")
	require.Eventually(t, func() bool { _, err := os.Stat(export); return err == nil }, long, 10*time.Millisecond)
	content, err := os.ReadFile(export)
	require.NoError(t, err)
	assert.Contains(t, string(content), `{"name":"customer","text":"`+gid+`"}`)

	send("customers/redact", fmt.Sprintf(`{"shop_id":1,"shop_domain":%q,"customer":{"id":%d},"orders_to_redact":[]}`, p.cfg.Shop, number))
	require.Eventually(t, func() bool {
		for _, err := range p.Log.Trail(t.Context(), audit.Query{Kind: audit.KindErased}) {
			require.NoError(t, err)
			return true
		}
		return false
	}, long, 10*time.Millisecond)
	v, err = p.guard.known(t.Context(), key)
	require.NoError(t, err)
	assert.Empty(t, v.Customer)
	assert.NotEmpty(t, v.Reasons, "what was found stays on record")
	_, err = p.Log.Verify(t.Context())
	require.NoError(t, err)

	require.NoError(t, p.stopWithin(t.Context(), long))
	require.NoError(t, filepath.WalkDir(filepath.Join(p.dir, "audit"), func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		if d.IsDir() {
			return nil
		}
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.NotContains(t, string(content), strconv.Itoa(number), path)
		assert.NotContains(t, string(content), "StaffMember/", path)
		return nil
	}))
	p.start() // what is on record counts without them
}
