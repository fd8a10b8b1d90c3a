//go:build unix

package main

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// TestKilledAtAnyMoment delivers 200 sales to the service while it is killed
// (SIGKILL) again and again, then counts what became of each sale.
func TestKilledAtAnyMoment(t *testing.T) {
	const sales = 200
	sim := shopifytest.NewShop(t, &shopifytest.Options{
		// Two hundred sales in seconds need more points than the smallest plan has.
		Data: smallShop(), Plan: shopifytest.Enterprise,
		// Shopify's eight retries, in seconds instead of hours.
		RetrySchedule: []time.Duration{300 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second, 5 * time.Second, 6 * time.Second},
	})
	service := &victim{t: t, dir: t.TempDir(), addr: freeAddr(t), sim: sim}
	service.build()
	service.start()
	t.Cleanup(service.kill)
	// It answers before it has subscribed; a sale before that is delivered to nobody.
	require.Eventually(t, func() bool { return len(sim.Subscriptions()) > 0 }, 20*time.Second, 10*time.Millisecond)

	scenes, err := pickSales(sim)
	require.NoError(t, err)
	var orders []string
	var ringing sync.WaitGroup
	ringing.Go(func() {
		for i := range sales {
			sale := scenes[i%3].Sale
			sale.Lines = scenes[i%2].Lines // above the limit every other time
			sale.Attributes = nil
			if i%5 == 0 {
				sale.Attributes = []shopifytest.Attribute{{Key: bundleAttribute, Value: "yes"}}
			}
			order, err := sim.RingUp(sale)
			if !assert.NoError(t, err) {
				return
			}
			orders = append(orders, order.ID)
			time.Sleep(40 * time.Millisecond)
		}
	})
	random := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	for range 12 {
		time.Sleep(100*time.Millisecond + time.Duration(random.Int64N(int64(900*time.Millisecond))))
		service.kill()
		service.start()
	}
	ringing.Wait()

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	require.NoError(t, sim.WaitIdle(ctx), "deliveries that no answer came for")
	require.Len(t, sim.Deliveries(), sales, "each sale was delivered")
	// The last step of each is on record, and so all before it is done.
	require.Eventually(t, func() bool { return effects(t, filepath.Join(service.dir, "audit")) == sales }, 2*time.Minute, 250*time.Millisecond, "sales without an effect")
	service.stop()

	log := openAudit(t, filepath.Join(service.dir, "audit"))
	drafts := map[string]int{}
	for _, d := range sim.DraftOrders() {
		for _, a := range d.Attributes {
			if a.Key == "follow_up_of" {
				drafts[a.Value]++
			}
		}
	}
	for i, id := range orders {
		order, ok := sim.Order(id)
		require.True(t, ok)
		keys := map[string]int{}
		for _, m := range order.Metafields {
			keys[m.Key]++
		}
		assert.Equal(t, 1, keys[keyMessage], "messages of %s", id)
		assert.Equal(t, 1, keys[keyForCustomer]+keys[keyForAssociate], "sets of recommendations of %s", id)
		assert.Equal(t, []string{tagFollowUp}, order.Tags)
		want := 0
		if i%5 == 0 {
			want = 1
		}
		assert.Equal(t, want, drafts[id], "draft orders of %s", id)

		// A started entry for each attempt, every other step once.
		steps := map[audit.Kind]int{}
		for r, err := range log.Trail(t.Context(), audit.Query{Subject: audit.Subject{Type: "order", ID: id}}) {
			require.NoError(t, err)
			steps[r.Entry.Kind]++
		}
		for _, kind := range []audit.Kind{audit.KindReceived, audit.KindRead, audit.KindRuled, audit.KindEffect} {
			assert.Equal(t, 1, steps[kind], "%s entries of %s: %v", kind, id, steps)
		}
		assert.Positive(t, steps[audit.KindProposed], "proposed entries of %s", id)
		assert.Positive(t, steps[audit.KindStarted], "started entries of %s", id)
	}
	report, err := log.Verify(t.Context())
	require.NoError(t, err)
	t.Logf("%d sales, %d kills, %d draft orders, %d audit entries verified", len(orders), service.kills, len(sim.DraftOrders()), report.Entries)
}

// victim is the service in a process of its own.
type victim struct {
	t                 *testing.T
	sim               *shopifytest.Shop
	binary, dir, addr string
	process           *exec.Cmd
	kills             int
}

func (v *victim) build() {
	v.binary = filepath.Join(v.t.TempDir(), "postpurchase")
	out, err := exec.Command("go", "build", "-o", v.binary, ".").CombinedOutput()
	require.NoError(v.t, err, "%s", out)
}

// start returns when the service answers.
func (v *victim) start() {
	v.process = exec.Command(v.binary, "-serve", "-shop", v.sim.Domain(), "-shop-url", v.sim.URL(),
		"-public-url", "http://"+v.addr, "-addr", v.addr, "-data", v.dir, "-limit", "100000")
	v.process.Env = append(os.Environ(), "POSAI_TOKEN="+v.sim.Token(), "POSAI_SECRET="+v.sim.Secret())
	log := &strings.Builder{}
	v.process.Stderr, v.process.Stdout = log, log
	require.NoError(v.t, v.process.Start())
	for range 1000 {
		if resp, err := http.Get("http://" + v.addr + "/healthz"); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	v.kill()
	v.t.Fatalf("the service did not come up: %s", log)
}

func (v *victim) kill() {
	if v.process != nil {
		v.kills++
		_ = v.process.Process.Kill()
		_ = v.process.Wait()
		v.process = nil
	}
}

func (v *victim) stop() {
	require.NoError(v.t, v.process.Process.Signal(os.Interrupt))
	assert.NoError(v.t, v.process.Wait(), "an interrupted service ends well")
	v.process = nil
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// effects counts the sales that have an effect entry in the log of a running
// service.
func effects(t *testing.T, dir string) int {
	t.Helper()
	store, err := filestore.OpenReader(dir)
	require.NoError(t, err)
	defer func() { assert.NoError(t, store.Close()) }()
	log, err := audit.OpenReader(t.Context(), store, nil)
	require.NoError(t, err)
	defer func() { assert.NoError(t, log.Close()) }()
	seen := map[string]bool{}
	for r, err := range log.Trail(t.Context(), audit.Query{Kind: audit.KindEffect}) {
		require.NoError(t, err)
		seen[r.Entry.Correlation] = true
	}
	return len(seen)
}

func openAudit(t *testing.T, dir string) *audit.Log {
	t.Helper()
	store, err := filestore.OpenReader(dir)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	log, err := audit.OpenReader(t.Context(), store, nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, log.Close()) })
	return log
}
