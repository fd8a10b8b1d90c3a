package pglimit_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/posai-go/posai/internal/testpg"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/internal/loadtest"
	"github.com/posai-go/posai/shopify/pglimit"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// childEnv tells the test binary to be one of several client processes.
const childEnv = "POSAI_PGLIMIT_TEST_CHILD"

type childConfig struct {
	Database, Shop, URL, Token string
	Share, Of, Queries         int
}

func TestMain(m *testing.M) {
	if raw := os.Getenv(childEnv); raw != "" {
		if err := child(raw); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child runs its share of the load and prints what it counted.
func child(raw string) error {
	var cfg childConfig
	if err := json.Unmarshal([]byte(raw), &cfg); err != nil {
		return err
	}
	db, err := sql.Open("pgx", cfg.Database)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	store, err := pglimit.New(db, nil)
	if err != nil {
		return err
	}
	var m loadtest.Meter
	var first atomic.Int64
	hooks := append(m.Hooks(), shopify.Hooks{Start: func(context.Context, shopify.CallStart) context.Context {
		first.CompareAndSwap(0, time.Now().UnixNano())
		return nil
	}})
	c, err := shopify.NewClient(shopify.Domain(cfg.Shop), shopify.StaticToken(cfg.Token), &shopify.Options{
		BaseURL: cfg.URL, Hooks: hooks, MaxWait: time.Hour,
		// The machine of a test may be slow, and has no reason to go without the store.
		Limiter: shopify.NewLimiter(&shopify.LimiterOptions{Points: store, PointsTimeout: 5 * time.Minute}),
	})
	if err != nil {
		return err
	}
	load := loadtest.New(cfg.Queries)
	load.Share(cfg.Share, cfg.Of)
	if err := load.Run(context.Background(), c); err != nil {
		return err
	}
	fmt.Println(m.Sent.Load(), m.Throttled.Load(), m.Points.Load(), first.Load(), time.Now().UnixNano())
	return nil
}

// TestFourProcessesShareABucket runs a load through four processes against one
// shop over HTTP. The shop's second lasts a fraction of one: a bucket of 2,000
// points that regains 100 in that fraction. Queries are run one after the other
// by each process. With POSAI_FULL=1 the load is 3,000 queries, and how long it
// takes from the first request to the last answer is held against the theoretical
// minimum; else it is 500.
func TestFourProcessesShareABucket(t *testing.T) {
	full := os.Getenv("POSAI_FULL") == "1"
	queries, speed := 500, 10.0
	if full {
		queries, speed = 3000, 4.0
	}
	plan := shopifytest.Plan{Maximum: 2000, RestoreRate: 100 * speed}
	shop := shopifytest.NewShop(t, &shopifytest.Options{Data: someData, Plan: plan})
	url := testpg.URL(t)
	newStore(t, open(t, url), nil)

	outputs := make([]strings.Builder, 4)
	var children []*exec.Cmd
	for i := range 4 {
		cfg, err := json.Marshal(childConfig{Database: url, Shop: shop.Domain(), URL: shop.URL(), Token: shop.Token(), Share: i, Of: 4, Queries: queries})
		require.NoError(t, err)
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"="+string(cfg))
		cmd.Stdout, cmd.Stderr = &outputs[i], os.Stderr
		require.NoError(t, cmd.Start())
		children = append(children, cmd)
	}
	var m loadtest.Meter
	first, last := int64(math.MaxInt64), int64(0)
	for i, cmd := range children {
		require.NoError(t, cmd.Wait())
		var sent, throttled, points, begun, ended int64
		_, err := fmt.Sscan(outputs[i].String(), &sent, &throttled, &points, &begun, &ended)
		require.NoError(t, err)
		m.Sent.Add(sent)
		m.Throttled.Add(throttled)
		m.Points.Add(points)
		first, last = min(first, begun), max(last, ended)
	}
	took := time.Duration(last - first)
	ratio := m.Ratio(took, plan.Maximum, plan.RestoreRate)
	t.Logf("%d queries, %d points in %s: %.4f of the theoretical minimum, %d of %d requests throttled",
		queries, m.Points.Load(), took.Round(time.Millisecond), ratio, m.Throttled.Load(), m.Sent.Load())
	assert.EqualValues(t, queries, m.Sent.Load()-m.Throttled.Load())
	assert.Less(t, float64(m.Throttled.Load()), 0.005*float64(m.Sent.Load()))
	if full {
		assert.LessOrEqual(t, ratio, 1.03)
	}
}
