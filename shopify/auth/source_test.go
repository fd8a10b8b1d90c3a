package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/auth"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// inBubble runs fn with a shop and an app whose hours pass in no time.
func inBubble(t *testing.T, opts shopifytest.Options, fn func(t *testing.T, s *shopifytest.Shop, app *auth.App)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		opts.Socketless = true
		s := newShop(t, &opts)
		app := newApp(t, s, &auth.Options{HTTPClient: &http.Client{Transport: s.Transport()}})
		fn(t, s, app)
	})
}

func token(t *testing.T, source *auth.Source) string {
	t.Helper()
	text, err := source.Token(t.Context())
	require.NoError(t, err)
	return text
}

func TestRefreshBeforeTheEnd(t *testing.T) {
	inBubble(t, shopifytest.Options{}, func(t *testing.T, s *shopifytest.Shop, app *auth.App) {
		first := install(t, app, s)
		source := app.Offline(domain(s))
		time.Sleep(54 * time.Minute)
		assert.Equal(t, first.AccessToken, token(t, source))
		time.Sleep(2 * time.Minute)
		second := token(t, source)
		assert.NotEqual(t, first.AccessToken, second)
		assert.Equal(t, 1, grants(s, "refresh_token"))

		// Its refresh token is used in turn, day by day.
		for range 200 {
			time.Sleep(24 * time.Hour)
			token(t, source)
		}
		current, err := source.Current(t.Context())
		require.NoError(t, err)
		assert.Equal(t, first.Granted.UTC(), current.Granted.UTC(), "refreshing is no new grant")
		assert.Equal(t, first.Scopes, current.Scopes)
	})
}

// A refresh answer without expires_in was seen to cost other libraries the shop.
func TestUnknownLifetime(t *testing.T) {
	inBubble(t, shopifytest.Options{}, func(t *testing.T, s *shopifytest.Shop, app *auth.App) {
		install(t, app, s)
		source := app.Offline(domain(s))
		s.Inject(shopifytest.Fault{Grant: "refresh_token", OmitExpiry: true})
		time.Sleep(time.Hour)
		unknown, err := source.Current(t.Context())
		require.NoError(t, err)
		assert.Zero(t, unknown.Expires)
		assert.NotEmpty(t, unknown.RefreshToken)
		time.Sleep(time.Hour)
		assert.NotEqual(t, unknown.AccessToken, token(t, source), "unknown is not never")
		assert.Equal(t, 2, grants(s, "refresh_token"))
	})
}

func TestRefreshTokenEnds(t *testing.T) {
	inBubble(t, shopifytest.Options{}, func(t *testing.T, s *shopifytest.Shop, app *auth.App) {
		install(t, app, s)
		source := app.Offline(domain(s))
		time.Sleep(91 * 24 * time.Hour)
		for range 100 {
			_, err := source.Token(t.Context())
			require.ErrorIs(t, err, auth.ErrReauthorize)
			te, ok := errors.AsType[*auth.TokenError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, "This request requires an active refresh_token", te.Description)
		}
		assert.Equal(t, 1, grants(s, "refresh_token"), "what is dead is not asked about all the time")
		install(t, app, s)
		token(t, source)
	})
}

func TestKeepAlive(t *testing.T) {
	inBubble(t, shopifytest.Options{}, func(t *testing.T, s *shopifytest.Shop, app *auth.App) {
		install(t, app, s)
		for range 20 {
			time.Sleep(20 * 24 * time.Hour)
			_, err := app.KeepAlive(t.Context(), 30*24*time.Hour)
			require.NoError(t, err)
		}
		assert.Less(t, grants(s, "refresh_token"), 10)
		require.NoError(t, func() error { _, err := app.Offline(domain(s)).Token(t.Context()); return err }())
		n, err := app.KeepAlive(t.Context(), time.Hour)
		require.NoError(t, err)
		assert.Zero(t, n)
		s.Uninstall()
		time.Sleep(80 * 24 * time.Hour)
		_, err = app.KeepAlive(t.Context(), 30*24*time.Hour)
		require.ErrorIs(t, err, auth.ErrReauthorize)
	})
}

// A shop stays reachable with its token while the token endpoint is down, as long as
// the token lives.
func TestEndpointDown(t *testing.T) {
	inBubble(t, shopifytest.Options{}, func(t *testing.T, s *shopifytest.Shop, app *auth.App) {
		first := install(t, app, s)
		source := app.Offline(domain(s))
		up := s.Inject(shopifytest.Fault{Grant: "refresh_token", Status: 520, Times: -1})
		time.Sleep(56 * time.Minute)
		for range 50 {
			assert.Equal(t, first.AccessToken, token(t, source))
		}
		assert.Equal(t, 4, grants(s, "refresh_token"), "one try with its repetitions")
		time.Sleep(5 * time.Minute)
		_, err := source.Token(t.Context())
		require.ErrorIs(t, err, shopify.ErrServer)
		require.NotErrorIs(t, err, auth.ErrReauthorize)
		up()
		time.Sleep(2 * time.Second)
		token(t, source)
	})
}

func TestClientCredentials(t *testing.T) {
	inBubble(t, shopifytest.Options{}, func(t *testing.T, s *shopifytest.Shop, app *auth.App) {
		source := app.ClientCredentials(domain(s))
		first := token(t, source)
		time.Sleep(23 * time.Hour)
		assert.Equal(t, first, token(t, source))
		time.Sleep(56 * time.Minute)
		assert.NotEqual(t, first, token(t, source))
		assert.Equal(t, 2, grants(s, "client_credentials"))
		s.Inject(shopifytest.Fault{Grant: "client_credentials", OAuthError: "shop_not_permitted"})
		_, err := source.FreshToken(t.Context(), token(t, source))
		require.ErrorIs(t, err, auth.ErrReauthorize)
	})
}

func TestOnlineEnds(t *testing.T) {
	inBubble(t, shopifytest.Options{}, func(t *testing.T, s *shopifytest.Shop, app *auth.App) {
		session, err := app.VerifySession(s.SessionToken(7))
		require.NoError(t, err)
		_, err = app.Exchange(t.Context(), session, auth.Online)
		require.NoError(t, err)
		source := app.Online(domain(s), 7)
		token(t, source)
		_, err = app.Online(domain(s), 8).Token(t.Context())
		require.ErrorIs(t, err, auth.ErrNoToken, "the token of one account is not that of another")
		time.Sleep(24*time.Hour + time.Second)
		_, err = source.Token(t.Context())
		require.ErrorIs(t, err, auth.ErrReauthorize)
		_, err = app.Exchange(t.Context(), session, auth.Online)
		require.ErrorIs(t, err, auth.ErrSession, "the session ended as well")
	})
}

func TestMigrate(t *testing.T) {
	s := newShop(t, nil)
	app := newApp(t, s, nil)
	_, err := app.Migrate(t.Context(), domain(s))
	require.ErrorIs(t, err, auth.ErrNoToken)

	// A token of the time before, as another library got it.
	st := newSite(t, s, nil, nil)
	c := browser(t)
	code := callbackOf(t, st, s, c).Query().Get("code")
	resp, err := http.Post(s.URL()+"/admin/oauth/access_token?client_id="+s.ClientID()+"&client_secret="+s.Secret()+"&code="+code, "", nil) //nolint:noctx // a test
	require.NoError(t, err)
	defer resp.Body.Close()
	var old struct {
		Token string `json:"access_token"`
	}
	decode(t, resp.Body, &old)
	require.NoError(t, app.Save(t.Context(), &auth.Token{Key: auth.Key{Shop: domain(s), Access: auth.Offline}, AccessToken: old.Token}))
	assert.Equal(t, old.Token, token(t, app.Offline(domain(s))))

	migrated, err := app.Migrate(t.Context(), domain(s))
	require.NoError(t, err)
	assert.NotEmpty(t, migrated.RefreshToken)
	assert.Equal(t, migrated.AccessToken, token(t, app.Offline(domain(s))))
	require.NoError(t, ask(t.Context(), client(t, s, app.Offline(domain(s)))))
	again, err := app.Migrate(t.Context(), domain(s))
	require.NoError(t, err)
	assert.Equal(t, migrated.AccessToken, again.AccessToken)

	require.NoError(t, app.Save(t.Context(), &auth.Token{Key: auth.Key{Shop: domain(s), Access: auth.Offline}, AccessToken: old.Token}))
	_, err = app.Migrate(t.Context(), domain(s))
	require.ErrorIs(t, err, auth.ErrReauthorize, "there is no way back")
}

func TestForget(t *testing.T) {
	s := newShop(t, nil)
	app := newApp(t, s, nil)
	granted := install(t, app, s)
	source := app.Offline(domain(s))
	require.NoError(t, app.Forget(t.Context(), "other.myshopify.com", time.Time{}))
	require.NoError(t, app.Forget(t.Context(), domain(s), granted.Granted.Add(-time.Hour)))
	token(t, source) // the webhook is about an installation before this one
	require.NoError(t, app.Forget(t.Context(), domain(s), time.Now()))
	_, err := source.Token(t.Context())
	require.ErrorIs(t, err, auth.ErrNoToken)
}

// slowStore tells when it has read, or changed, and waits before it says so.
type slowStore struct {
	auth.Store
	at   chan struct{}
	wait chan struct{}
}

func (s *slowStore) pause() {
	if s.at != nil {
		s.at <- struct{}{}
		<-s.wait
	}
}

func (s *slowStore) Load(ctx context.Context, key auth.Key) (*auth.Token, error) {
	token, err := s.Store.Load(ctx, key)
	s.pause()
	return token, err
}

func (s *slowStore) Update(ctx context.Context, key auth.Key, change func(context.Context, *auth.Token) (*auth.Token, error)) error {
	err := s.Store.Update(ctx, key, change)
	s.pause()
	return err
}

// TestForgetWhileATokenIsOnItsWay: what was read before the tokens were deleted must
// not be remembered after.
func TestForgetWhileATokenIsOnItsWay(t *testing.T) {
	for name, get := range map[string]func(*testing.T, *auth.App, *shopifytest.Shop) error{
		"first load": func(t *testing.T, app *auth.App, s *shopifytest.Shop) error {
			_, err := app.Offline(domain(s)).Token(t.Context())
			return err
		},
		"saved": func(t *testing.T, app *auth.App, s *shopifytest.Shop) error {
			return app.Save(t.Context(), &auth.Token{Key: auth.Key{Shop: domain(s), Access: auth.Offline}, AccessToken: "shpat_by_hand"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, nil)
			memory := auth.NewMemoryStore()
			install(t, newApp(t, s, &auth.Options{Store: memory}), s)
			slow := &slowStore{Store: memory}
			app := newApp(t, s, &auth.Options{Store: slow}) // another process, which knows nothing yet
			at, wait := make(chan struct{}), make(chan struct{})
			slow.at, slow.wait = at, wait
			done := make(chan error)
			go func() { done <- get(t, app, s) }()
			<-at
			slow.at = nil
			require.NoError(t, app.Forget(t.Context(), domain(s), time.Time{}))
			close(wait)
			require.NoError(t, <-done)
			_, err := app.Offline(domain(s)).Token(t.Context())
			require.ErrorIs(t, err, auth.ErrNoToken)
		})
	}
}

// The client gets over tokens that end early, also in the middle of an unsafe write.
func TestClientGetsAnotherToken(t *testing.T) {
	inBubble(t, shopifytest.Options{}, func(t *testing.T, s *shopifytest.Shop, app *auth.App) {
		install(t, app, s)
		c, err := shopify.NewClient(domain(s), app.Offline(domain(s)), &shopify.Options{BaseURL: s.URL(), HTTPClient: &http.Client{Transport: s.Transport()}})
		require.NoError(t, err)
		for range 3 {
			require.NoError(t, ask(t.Context(), c))
			s.ExpireTokens()
		}
		assert.Equal(t, 2, grants(s, "refresh_token"))
		s.Uninstall()
		for range 10 { // of which none is answered by asking anew, for ten seconds
			err := ask(t.Context(), c)
			require.ErrorIs(t, err, shopify.ErrUnauthorized)
			require.ErrorIs(t, err, auth.ErrReauthorize)
			time.Sleep(900 * time.Millisecond)
		}
		assert.Equal(t, 3, grants(s, "refresh_token"))
		time.Sleep(time.Second)
		require.ErrorIs(t, ask(t.Context(), c), auth.ErrReauthorize)
		assert.Equal(t, 4, grants(s, "refresh_token"))
	})
}

// TestErrorShapes has a refresh answered in each way that the token endpoint has.
func TestErrorShapes(t *testing.T) {
	for name, tt := range map[string]struct {
		fault   shopifytest.Fault
		matches error
		asked   int
	}{
		"invalid_grant":         {shopifytest.Fault{OAuthError: "invalid_grant"}, auth.ErrReauthorize, 1},
		"dead refresh token":    {shopifytest.Fault{OAuthError: "invalid_request", Status: 401}, auth.ErrReauthorize, 1},
		"invalid_client":        {shopifytest.Fault{OAuthError: "invalid_client"}, auth.ErrClient, 1},
		"unknown application":   {shopifytest.Fault{OAuthError: "application_cannot_be_found"}, auth.ErrClient, 1},
		"invalid_subject_token": {shopifytest.Fault{OAuthError: "invalid_subject_token"}, nil, 1},
		"unsupported":           {shopifytest.Fault{OAuthError: "unsupported_grant_type"}, nil, 1},
		"a page with 401":       {shopifytest.Fault{Status: 401}, nil, 1},
		"frozen":                {shopifytest.Fault{Status: 402}, shopify.ErrShopFrozen, 1},
		"forbidden":             {shopifytest.Fault{Status: 403}, nil, 1},
		"no such shop":          {shopifytest.Fault{Status: 404}, shopify.ErrNotFound, 1},
		"locked":                {shopifytest.Fault{Status: 423}, shopify.ErrShopLocked, 1},
		"rejected":              {shopifytest.Fault{Status: 430}, shopify.ErrRejected, 1},
		"throttled":             {shopifytest.Fault{Status: 429, RetryAfter: "0.01"}, shopify.ErrThrottled, 3},
		"500":                   {shopifytest.Fault{Status: 500}, shopify.ErrServer, 3},
		"503":                   {shopifytest.Fault{Status: 503}, shopify.ErrServer, 3},
		"520":                   {shopifytest.Fault{Status: 520}, shopify.ErrServer, 3},
		"cut":                   {shopifytest.Fault{Cut: true}, nil, 3},
		"lost":                  {shopifytest.Fault{LoseResponse: true}, nil, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, nil)
			app := newApp(t, s, &auth.Options{MaxAttempts: 3})
			source := app.Offline(domain(s))
			first := install(t, app, s)
			tt.fault.Grant, tt.fault.Times = "refresh_token", -1
			up := s.Inject(tt.fault)
			_, err := source.FreshToken(t.Context(), first.AccessToken)
			require.Error(t, err)
			if tt.matches != nil {
				require.ErrorIs(t, err, tt.matches)
			}
			for _, sentinel := range []error{auth.ErrReauthorize, auth.ErrClient, shopify.ErrServer, shopify.ErrThrottled} {
				assert.Equal(t, errors.Is(tt.matches, sentinel), errors.Is(err, sentinel), sentinel)
			}
			for _, secret := range []string{s.Secret(), first.AccessToken, first.RefreshToken} {
				assert.NotContains(t, err.Error(), secret)
			}
			assert.Equal(t, tt.asked, grants(s, "refresh_token"))
			if te, ok := errors.AsType[*auth.TokenError](err); ok {
				assert.NotEmpty(t, te.RequestID)
			}

			// None of this costs the shop its access: the old refresh token does.
			up()
			other := newApp(t, s, nil)
			stored := first.Clone()
			require.NoError(t, other.Save(t.Context(), stored))
			next, err := other.Offline(domain(s)).FreshToken(t.Context(), first.AccessToken)
			require.NoError(t, err)
			assert.NotEqual(t, first.AccessToken, next)
		})
	}
}

// TestStrangeAnswers are those that no documentation has.
func TestStrangeAnswers(t *testing.T) {
	const shop = shopify.Domain("acme.myshopify.com")
	for name, tt := range map[string]struct {
		status int
		body   string
		good   bool
	}{
		"empty":              {200, "", false},
		"a page":             {200, "<html>", false},
		"a list":             {200, "[]", false},
		"no token":           {200, `{"scope":"read_orders"}`, false},
		"null":               {200, "null", false},
		"token of a number":  {200, `{"access_token":7}`, false},
		"token with newline": {200, `{"access_token":"a\r\nX: y"}`, false},
		"enormous":           {200, `{"access_token":"` + strings.Repeat("x", 2<<20) + `"}`, false},
		"redirect":           {302, "", false},
		"error of an object": {400, `{"error":{"code":1}}`, false},
		"echo":               {400, `{"error":"invalid_request","error_description":"unknown secret-of-the-app\u0000"}`, false},
		"expires as a text":  {200, `{"access_token":"t","expires_in":"3600"}`, true},
		"expires never":      {200, `{"access_token":"t","expires_in":null}`, true},
		"expires before":     {200, `{"access_token":"t","expires_in":-5}`, true},
		"expires as object":  {200, `{"access_token":"t","expires_in":{}}`, true},
		"expires in aeons":   {200, `{"access_token":"t","expires_in":1e300}`, true},
		"more than we know":  {200, `{"access_token":"t","scope":"a, b","extra":[1,2]}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "http://127.0.0.1:1/")
				w.WriteHeader(tt.status)
				fmt.Fprint(w, tt.body)
			}))
			defer server.Close()
			app, err := auth.New("client", auth.Secrets{Current: "secret-of-the-app"}, &auth.Options{BaseURL: server.URL, MaxAttempts: 2, MinBackoff: time.Millisecond})
			require.NoError(t, err)
			text, err := app.ClientCredentials(shop).Token(t.Context())
			if tt.good {
				require.NoError(t, err)
				assert.Equal(t, "t", text)
				return
			}
			te, ok := errors.AsType[*auth.TokenError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, tt.status, te.Status)
			assert.NotContains(t, err.Error(), "secret-of-the-app")
			assert.NotContains(t, err.Error(), "\x00")
		})
	}
}

// brokenStore fails on demand.
type brokenStore struct {
	auth.Store
	load, save atomic.Bool
}

var errAway = errors.New("database away")

func (b *brokenStore) Load(ctx context.Context, key auth.Key) (*auth.Token, error) {
	if b.load.Load() {
		return nil, errAway
	}
	return b.Store.Load(ctx, key)
}

func (b *brokenStore) Update(ctx context.Context, key auth.Key, change func(context.Context, *auth.Token) (*auth.Token, error)) error {
	return b.Store.Update(ctx, key, func(ctx context.Context, t *auth.Token) (*auth.Token, error) {
		next, err := change(ctx, t)
		if err == nil && b.save.Load() {
			err = errAway
		}
		return next, err
	})
}

// What could not be stored is not used; the old refresh token gets another.
func TestStoreFails(t *testing.T) {
	s := newShop(t, nil)
	store := &brokenStore{Store: auth.NewMemoryStore()}
	app := newApp(t, s, &auth.Options{Store: store})
	first := install(t, app, s)
	source := app.Offline(domain(s))

	store.save.Store(true)
	_, err := source.FreshToken(t.Context(), first.AccessToken)
	require.ErrorIs(t, err, errAway)
	_, err = source.FreshToken(t.Context(), first.AccessToken)
	require.ErrorIs(t, err, errAway)
	store.save.Store(false)
	next, err := source.FreshToken(t.Context(), first.AccessToken)
	require.NoError(t, err)
	require.NoError(t, ask(t.Context(), client(t, s, shopify.StaticToken(next))))

	store.load.Store(true)
	_, err = source.FreshToken(t.Context(), next)
	require.ErrorIs(t, err, errAway)
	_, err = app.Migrate(t.Context(), domain(s))
	require.ErrorIs(t, err, errAway)
}

// TestManyGoroutines: 200 goroutines share one process's app while tokens end and an
// answer gets lost.
func TestManyGoroutines(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Plan: shopifytest.Plan{Maximum: 1e6, RestoreRate: 1e6}})
	app := newApp(t, s, nil)
	install(t, app, s)
	s.Inject(shopifytest.Fault{Grant: "refresh_token", Skip: 1, LoseResponse: true, Delay: 5 * time.Millisecond})
	s.Inject(shopifytest.Fault{Grant: "refresh_token", Times: -1, Delay: 5 * time.Millisecond})
	c := client(t, s, app.Offline(domain(s)))
	const rounds = 5
	for range rounds {
		s.ExpireTokens()
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() { assert.NoError(t, ask(t.Context(), c)) })
		}
		wg.Wait()
	}
	assert.Equal(t, rounds+1, grants(s, "refresh_token"), "one per round, and the lost one again")
	for _, r := range s.TokenRequests() {
		assert.Zero(t, r.Others, "one at a time")
	}
}

// A caller who gives up does not take the answer of the refresh along.
func TestCallersContext(t *testing.T) {
	s := newShop(t, nil)
	left := make(chan struct{}) // by the caller who gives up
	var installed atomic.Bool
	app := newApp(t, s, &auth.Options{HTTPClient: &http.Client{Timeout: 5 * time.Minute, Transport: transport(func(r *http.Request) (*http.Response, error) {
		resp, err := http.DefaultTransport.RoundTrip(r)
		if installed.Load() {
			<-left
		}
		return resp, err
	})}})
	first := install(t, app, s)
	installed.Store(true)
	source := app.Offline(domain(s))
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := source.FreshToken(ctx, first.AccessToken)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	close(left)
	next, err := source.FreshToken(t.Context(), first.AccessToken)
	require.NoError(t, err)
	require.NoError(t, ask(t.Context(), client(t, s, shopify.StaticToken(next))))
	assert.Equal(t, 1, grants(s, "refresh_token"))

	require.NoError(t, app.Close())
	_, err = source.FreshToken(t.Context(), next)
	require.Error(t, err)
}

func TestWrongKeys(t *testing.T) {
	s := newShop(t, nil)
	app := newApp(t, s, nil)
	for _, source := range []*auth.Source{app.Offline("evil.example.com"), app.Online(domain(s), 0), app.ClientCredentials("")} {
		_, err := source.Token(t.Context())
		require.ErrorIs(t, err, shopify.ErrInvalid)
	}
	require.ErrorIs(t, app.Save(t.Context(), &auth.Token{Key: auth.Key{Shop: domain(s), Access: auth.Offline}}), shopify.ErrInvalid)
	_, err := app.Exchange(t.Context(), nil, auth.Offline)
	require.ErrorIs(t, err, auth.ErrSession)
	session, err := app.VerifySession(s.SessionToken(7))
	require.NoError(t, err)
	_, err = app.Exchange(t.Context(), session, auth.ClientCredentials)
	require.ErrorIs(t, err, shopify.ErrInvalid)
	for _, wrong := range []auth.Options{{BaseURL: "shop"}, {BaseURL: "ftp://x"}, {RefreshBefore: -1}, {MaxAttempts: -1}} {
		_, err := auth.New("client", auth.Secrets{Current: "secret"}, &wrong)
		require.ErrorIs(t, err, shopify.ErrInvalid)
	}
	printed := fmt.Sprintf("%v %+v %#v %s", *install(t, app, s), install(t, app, s), install(t, app, s), install(t, app, s))
	assert.NotContains(t, printed, "shp")
}
