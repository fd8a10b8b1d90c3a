//go:build unix

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/examples/internal/demo/demotest"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// TestKilledAtAnyMoment asks, sells and takes back while the service is killed
// (SIGKILL) again and again, every delivery comes twice and a manager approves
// whatever waits. Then it counts what became of each transaction. With
// POSAI_FULL=1 it takes three times as long.
func TestKilledAtAnyMoment(t *testing.T) {
	asking, selling, kills := 260, 36, 6
	if os.Getenv("POSAI_FULL") == "1" {
		asking, selling, kills = 800, 108, 20
	}
	sim := shopifytest.NewShop(t, &shopifytest.Options{
		Data: smallShop(), Plan: shopifytest.Enterprise,
		RetrySchedule: demo.RetrySoon(),
	})
	service := demotest.NewVictim(t, sim, "-client-id", simulatedClient)
	service.Start()
	require.Eventually(t, func() bool { return len(sim.Subscriptions()) == 3 }, long, 10*time.Millisecond)
	managing, stopManaging := context.WithCancel(t.Context())
	defer stopManaging()
	approved := make(chan int, 1)
	go func() { approved <- demotest.Manage(managing, t, service) }()

	register := &till{url: service.URL(), clientID: simulatedClient, secret: sim.Secret(), shop: sim.Domain(), currency: "USD", client: &http.Client{Timeout: 30 * time.Second}}
	people := newCustomers(sim, 1)
	var questions []string
	var orders []shopifytest.Order
	var working sync.WaitGroup
	working.Go(func() { // a register, asking until it has an answer
		for i := range asking {
			q := people.ordinary()
			if i > 100 && i%40 == 0 {
				q = people.giftCards()
			}
			questions = append(questions, q.ID)
			for deadline := time.Now().Add(long); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
				if a, _, err := register.ask(t.Context(), q); err == nil && a.Scored {
					break
				}
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
	working.Go(func() { // another, selling and taking back
		dear := ""
		for _, p := range sim.Products() {
			if v := p.Variants[0]; v.Price.GreaterThan(decimal.NewFromInt(300)) && p.Type != "Gift Cards" {
				dear = v.SKU
			}
		}
		for i := range selling {
			sale := shopifytest.Sale{Lines: []shopifytest.SaleLine{{SKU: dear}}, SendLater: i%2 == 0}
			if i%6 == 0 {
				sale.Lines[0].Quantity, sale.Discount = 9, &shopifytest.Discount{Percent: decimal.NewFromInt(60)}
			}
			o, err := sim.RingUp(sale)
			if !assert.NoError(t, err) {
				return
			}
			orders = append(orders, o)
			if i%3 == 1 {
				_, err := sim.TakeBack(shopifytest.TakeBack{Order: o.ID})
				assert.NoError(t, err)
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	random := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	for range kills {
		time.Sleep(100*time.Millisecond + time.Duration(random.Int64N(int64(900*time.Millisecond))))
		service.Kill()
		service.Start()
	}
	working.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 2*long)
	defer cancel()
	require.NoError(t, sim.WaitIdle(ctx))
	for _, d := range sim.Deliveries() {
		require.NoError(t, sim.Redeliver(d.WebhookID))
	}
	require.NoError(t, sim.WaitIdle(ctx))
	// Everything is judged, and every flag has come to its end.
	transactions := len(questions) + len(orders) + len(orders)/3
	require.Eventually(t, func() bool {
		judged, open := census(t, service.Dir)
		return judged == transactions && open == 0
	}, 2*long, 300*time.Millisecond, "transactions that were not judged, or flags without an end")
	stopManaging()
	byHand := <-approved
	service.Stop()

	log := demotest.OpenAudit(t, service.Dir)
	judged, flags := map[string]int{}, map[string]int{}
	for r, err := range log.Trail(t.Context(), audit.Query{Action: actionTransaction}) {
		require.NoError(t, err)
		switch r.Entry.Kind {
		case kindAssessed:
			judged[r.Entry.Attributes["key"]]++
		case kindFlagged:
			flags[r.Entry.Attributes["key"]]++
			assert.LessOrEqual(t, 100*len(flags), len(judged), "the cap holds at every moment, over all kills")
		}
	}
	for key, n := range judged {
		require.Equal(t, 1, n, "verdicts about %s", key)
	}
	require.Len(t, judged, transactions)
	require.NotEmpty(t, flags)
	marks := 0
	for _, o := range orders {
		got, _ := sim.Order(o.ID)
		assert.LessOrEqual(t, len(got.Risks), 1, "assessments of %s", o.Name)
		for _, m := range got.Metafields {
			if strings.HasPrefix(m.Key, keyProof) {
				demotest.Proof(t, service.Dir, m.Value)
				continue
			}
			marks++
			key := fmt.Sprint("order/", o.LegacyID)
			if m.Key == "risk_of_"+string(risk.Sale) {
				assert.Equal(t, 1, flags[key], "%s is marked, so it is flagged", o.Name)
				if o.FulfillmentStatus == "UNFULFILLED" {
					assert.Len(t, got.Risks, 1)
				}
			}
			assert.Equal(t, []string{tagRisk}, got.Tags)
		}
		if len(got.Metafields) == 0 {
			assert.Empty(t, got.Risks)
			assert.Empty(t, got.Tags)
		}
	}
	effects := map[string]int{}
	for r, err := range log.Trail(t.Context(), audit.Query{Kind: audit.KindEffect}) {
		require.NoError(t, err)
		for _, s := range r.Entry.Subjects {
			if s.Type == "approval" {
				effects[s.ID]++
			}
		}
	}
	for id, n := range effects {
		assert.Equal(t, 1, n, "effects of request %s", id)
	}
	assert.Len(t, effects, len(flags))
	report, err := log.Verify(t.Context())
	require.NoError(t, err)
	t.Logf("%d transactions, %d flags, %d marks on orders, %d approvals acknowledged, %d kills, %d audit entries verified", transactions, len(flags), marks, byHand, service.Kills, report.Entries)
}

// census counts the transactions that are judged, and the flags whose review has
// not come to its end.
func census(t *testing.T, dir string) (judged, open int) {
	t.Helper()
	ended, flagged := map[string]bool{}, map[string]bool{}
	log, closeLog := demotest.ReadAudit(t, dir)
	defer closeLog()
	for r, err := range log.Trail(t.Context(), audit.Query{}) {
		require.NoError(t, err)
		switch r.Entry.Kind {
		case kindAssessed:
			judged++
		case kindFlagged:
			flagged[r.Entry.Attributes["key"]] = true
		case audit.KindEffect:
			for _, s := range r.Entry.Subjects {
				if s.Type == "transaction" && !strings.HasPrefix(s.ID, "approval/") {
					ended[s.ID] = true
				}
			}
		}
	}
	for key := range flagged {
		if !ended[key] {
			open++
		}
	}
	return judged, open
}
