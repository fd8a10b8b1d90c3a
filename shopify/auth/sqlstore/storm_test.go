package sqlstore_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Khan/genqlient/graphql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/auth"
	"github.com/posai-go/posai/shopify/auth/sqlstore"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// childEnv tells the test binary to be one of several processes of an app.
const childEnv = "POSAI_AUTH_TEST_CHILD"

type childConfig struct {
	Database, Shop, URL, ClientID, Secret string

	States bool // the lines are states to use, and the answers how many were the first
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

const goroutines = 50 // of each process

// child waits for lines on its input and answers each: by how many calls failed.
func child(raw string) error {
	var cfg childConfig
	if err := json.Unmarshal([]byte(raw), &cfg); err != nil {
		return err
	}
	ctx := context.Background()
	store, err := sqlstore.Open(ctx, cfg.Database, []sqlstore.Key{first}, patient)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	if cfg.States {
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			fmt.Println(raceStates(ctx, store.States(), lines.Text()))
		}
		return nil
	}
	app, err := cfg.app(store)
	if err != nil {
		return err
	}
	c, err := cfg.client(app)
	if err != nil {
		return err
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Println(storm(ctx, c, goroutines))
	}
	return app.Close()
}

func (cfg childConfig) app(store auth.Store) (*auth.App, error) {
	return auth.New(cfg.ClientID, auth.Secrets{Current: cfg.Secret}, &auth.Options{
		Store: store, BaseURL: cfg.URL, MinBackoff: 10 * time.Millisecond, Timeout: 10 * time.Minute, HTTPClient: &http.Client{Timeout: 5 * time.Minute},
	})
}

func (cfg childConfig) client(app *auth.App) (*shopify.Client, error) {
	shop := shopify.Domain(cfg.Shop)
	return shopify.NewClient(shop, app.Offline(shop), &shopify.Options{BaseURL: cfg.URL, MaxWait: time.Hour, HTTPClient: &http.Client{Timeout: 5 * time.Minute}})
}

// storm runs calls at once and returns how many failed, and why one did.
func storm(ctx context.Context, c *shopify.Client, n int) string {
	var wg sync.WaitGroup
	var mu sync.Mutex
	failed, why := 0, ""
	for range n {
		wg.Go(func() {
			err := c.MakeRequest(ctx, &graphql.Request{Query: `query Name { shop { name } }`, OpName: "Name"}, &graphql.Response{})
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed, why = failed+1, err.Error()
			}
		})
	}
	wg.Wait()
	return strings.TrimSpace(fmt.Sprint(failed, " ", why))
}

// newShop returns a shop whose points are no obstacle, and how to reach it.
func newShop(t *testing.T, database string) (*shopifytest.Shop, childConfig) {
	t.Helper()
	s := shopifytest.NewShop(t, &shopifytest.Options{
		Data: &shopifytest.Data{
			Version: 1, Shop: shopifytest.ShopData{Name: "Acme", Domain: "acme.myshopify.com", Currency: "USD", Email: "shop@example.com"},
			Locations: []shopifytest.LocationData{{Name: "Main Street"}},
		},
		Plan: shopifytest.Plan{Maximum: 1e6, RestoreRate: 1e6},
	})
	return s, childConfig{Database: database, Shop: s.Domain(), URL: s.URL(), ClientID: s.ClientID(), Secret: s.Secret()}
}

// install gives the app its token.
func install(t *testing.T, s *shopifytest.Shop, app *auth.App) *auth.Token {
	t.Helper()
	session, err := app.VerifySession(s.SessionToken(7))
	require.NoError(t, err)
	token, err := app.Exchange(t.Context(), session, auth.Offline)
	require.NoError(t, err)
	return token
}

type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func start(t *testing.T, cfg childConfig) *process {
	t.Helper()
	raw, err := json.Marshal(cfg)
	require.NoError(t, err)
	p := &process{cmd: exec.CommandContext(t.Context(), os.Args[0])}
	p.cmd.Env = append(os.Environ(), childEnv+"="+string(raw))
	p.cmd.Stderr = os.Stderr
	p.in, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	p.out = bufio.NewScanner(out)
	require.NoError(t, p.cmd.Start())
	return p
}

func (p *process) ask(t *testing.T) string { return p.say(t, "go") }

func (p *process) say(t *testing.T, line string) string {
	t.Helper()
	_, err := io.WriteString(p.in, line+"\n")
	require.NoError(t, err)
	require.True(t, p.out.Scan(), "the process ended")
	return p.out.Text()
}

// rounds is how often the tokens end in a storm: at full size with POSAI_FULL=1.
func rounds() int {
	if os.Getenv("POSAI_FULL") == "1" {
		return 100
	}
	return 8
}

// checkRefreshes counts the refreshes of a storm, of which one got lost.
func checkRefreshes(t *testing.T, s *shopifytest.Shop, want int) {
	t.Helper()
	n, lost := 0, 0
	for _, r := range s.TokenRequests() {
		if r.Grant != "refresh_token" {
			continue
		}
		n++
		assert.Zero(t, r.Others, "one at a time")
		if r.Issued && r.Status == 0 {
			lost++
		}
	}
	assert.Equal(t, want, n)
	assert.Equal(t, 1, lost)
	t.Logf("%d refreshes, %d of them lost and repeated", n, lost)
}

// disturb loses an answer in the middle of a storm, and makes refreshes slow enough to
// overlap if anything lets them.
func disturb(s *shopifytest.Shop) {
	s.Inject(shopifytest.Fault{Grant: "refresh_token", Skip: rounds() / 2, LoseResponse: true, Delay: 20 * time.Millisecond})
	s.Inject(shopifytest.Fault{Grant: "refresh_token", Times: -1, Delay: 20 * time.Millisecond})
}

// TestRefreshStorm: 200 goroutines in four processes find their token dead at once, time
// and again. Each time one of them refreshes it, an answer gets lost on the way, and
// no call fails.
func TestRefreshStorm(t *testing.T) {
	s, cfg := newShop(t, urls["PostgreSQL"](t))
	store := open(t, cfg.Database, first)
	app, err := cfg.app(store)
	require.NoError(t, err)
	install(t, s, app)
	disturb(s)
	var processes []*process
	for range 4 {
		processes = append(processes, start(t, cfg))
	}
	for _, p := range processes {
		require.Equal(t, "0", p.ask(t), "with a token that is good")
	}
	for range rounds() {
		s.ExpireTokens()
		answers := make([]string, len(processes))
		var wg sync.WaitGroup
		for i, p := range processes {
			wg.Go(func() { answers[i] = p.ask(t) })
		}
		wg.Wait()
		for _, answer := range answers {
			require.Equal(t, "0", answer)
		}
	}
	for _, p := range processes {
		require.NoError(t, p.in.Close())
		require.NoError(t, p.cmd.Wait())
	}
	checkRefreshes(t, s, rounds()+1)
}

// TestRefreshStormOnSQLite is the same in the one process that SQLite allows.
func TestRefreshStormOnSQLite(t *testing.T) {
	s, cfg := newShop(t, urls["SQLite"](t))
	app, err := cfg.app(open(t, cfg.Database, first))
	require.NoError(t, err)
	install(t, s, app)
	// Two apps, each with a cache of its own, as careless programs have them.
	other, err := cfg.app(open(t, cfg.Database, first))
	require.NoError(t, err)
	disturb(s)
	for range rounds() {
		s.ExpireTokens()
		var wg sync.WaitGroup
		for _, a := range []*auth.App{app, other} {
			c, err := cfg.client(a)
			require.NoError(t, err)
			wg.Go(func() { assert.Equal(t, "0", storm(t.Context(), c, 100)) })
		}
		wg.Wait()
	}
	checkRefreshes(t, s, rounds()+1)
}

// TestKilledInRefresh: a process is killed after Shopify replaced the tokens and before
// it could store them. The next one waits for nothing and loses nothing.
func TestKilledInRefresh(t *testing.T) {
	s, cfg := newShop(t, urls["PostgreSQL"](t))
	app, err := cfg.app(open(t, cfg.Database, first))
	require.NoError(t, err)
	token := install(t, s, app)
	victim := start(t, cfg)
	require.Equal(t, "0", victim.ask(t))

	s.ExpireTokens()
	s.Inject(shopifytest.Fault{Grant: "refresh_token", Delay: time.Hour})
	_, err = io.WriteString(victim.in, "go\n")
	require.NoError(t, err)
	for s.IssuedTokens() < 2 { // the refresh took effect
		time.Sleep(5 * time.Millisecond)
		require.NoError(t, t.Context().Err())
	}
	require.NoError(t, victim.cmd.Process.Kill())
	_ = victim.cmd.Wait()

	next, err := app.Offline(shopify.Domain(cfg.Shop)).FreshToken(t.Context(), token.AccessToken)
	require.NoError(t, err)
	c, err := shopify.NewClient(shopify.Domain(cfg.Shop), shopify.StaticToken(next), &shopify.Options{BaseURL: cfg.URL})
	require.NoError(t, err)
	assert.Equal(t, "0", storm(t.Context(), c, 1))
}
