//go:build unix

package main

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/examples/internal/demo/demotest"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/webhooktest"
)

// TestKilledAtAnyMoment makes random things happen in a shop while the service is killed
// (SIGKILL) again and again, during the backfill, deliveries and the way to the CRM. Then
// everything is delivered once more in random order, with further kills. The CRM's files
// end with the same bytes as those of a service that was never killed.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	steps, kills := 30, 4
	if os.Getenv("POSAI_FULL") == "1" {
		steps, kills = 200, 20
	}
	sim := shopifytest.NewShop(t, &shopifytest.Options{
		Data: fewPeople(t), Plan: shopifytest.Enterprise,
		RetrySchedule: demo.RetrySoon(),
	})
	straight := newRig(t, sim, nil)
	folder := t.TempDir()
	victim := demotest.NewVictim(t, sim, "-client-id", simulatedClient, "-crm", "csv:"+folder)
	victim.Start()
	h := newHistory(t, sim, 17)
	random := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
	defer cancel()
	redact := func(url string, id int64) {
		sender := webhooktest.Sender{Secret: sim.Secret()}
		for ctx.Err() == nil { // as Shopify does
			if _, err := sender.Post(ctx, url, webhooktest.Fill(webhook.Delivery{Topic: string(webhook.CustomersRedact), Shop: sim.Domain(), Body: h.redaction(id)})); err == nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	killAfter := func(done, of int) {
		if victim.Kills*of < done*(kills/2) && random.IntN(2) == 0 {
			time.Sleep(time.Duration(random.Int64N(int64(400 * time.Millisecond))))
			victim.Kill()
			victim.Start()
		}
	}
	for i := range steps {
		redacts := len(h.redacts)
		h.step()
		for _, id := range h.redacts[redacts:] {
			redact(straight.WebhookURL(), id)
			redact(victim.URL()+"/webhooks", id)
		}
		killAfter(i, steps)
	}
	wait, done := context.WithTimeout(ctx, 2*long)
	defer done()
	require.NoError(t, sim.WaitIdle(wait))
	want := straight.files()
	state, err := readState(straight.crmDir())
	require.NoError(t, err)
	h.check(state, straight.store.Key)

	deliveries := sim.Deliveries()
	random.Shuffle(len(deliveries), func(i, j int) { deliveries[i], deliveries[j] = deliveries[j], deliveries[i] })
	sender := webhooktest.Sender{Secret: sim.Secret(), Schedule: demo.RetrySoon()}
	for i, d := range deliveries {
		if i > 0 && i%max(len(deliveries)/max(kills-kills/2, 1), 1) == 0 && victim.Kills < kills {
			victim.Kill()
			victim.Start()
		}
		_, err := sender.Post(ctx, victim.URL()+"/webhooks", webhooktest.Fill(webhook.Delivery{Topic: d.Topic, Shop: sim.Domain(), TriggeredAt: d.TriggeredAt, Body: d.Body}))
		require.NoError(t, err)
	}
	for victim.Kills < kills {
		victim.Kill()
		victim.Start()
	}
	require.Eventually(t, func() bool {
		resp, err := http.Get(victim.URL() + "/healthz")
		if err != nil {
			return false
		}
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode != http.StatusOK { // the database does not answer at the moment
			return false
		}
		var health struct {
			Pending    int `json:"pending"`
			Dead       int `json:"dead"`
			CRMPending int `json:"crm_pending"`
			Forgetting int `json:"crm_forgetting"`
		}
		if json.NewDecoder(resp.Body).Decode(&health) != nil {
			return false
		}
		assert.Zero(t, health.Dead)
		return health.Pending+health.CRMPending+health.Forgetting == 0
	}, 2*long, 50*time.Millisecond)
	victim.Stop()
	assert.Equal(t, want, readFiles(t, folder))
	report, err := demotest.OpenAudit(t, victim.Dir).Verify(t.Context())
	require.NoError(t, err)
	t.Logf("%d steps %v, %d deliveries, %d kills, %d audit entries verified", steps, h.did, len(deliveries), victim.Kills, report.Entries)
}
