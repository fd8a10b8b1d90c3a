package sqlstore_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/posai-go/posai/internal/testpg"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/auth"
	"github.com/posai-go/posai/shopify/auth/authtest"
	"github.com/posai-go/posai/shopify/auth/sqlstore"
)

var (
	first  = sqlstore.Key{ID: "2026-10", Secret: bytes.Repeat([]byte{1}, 32)}
	second = sqlstore.Key{ID: "2026-11", Secret: bytes.Repeat([]byte{2}, 32)}
)

// urls makes an empty database of each kind.
var urls = map[string]func(testing.TB) string{
	"SQLite":     func(t testing.TB) string { return "sqlite://" + filepath.Join(t.TempDir(), "tokens.db") },
	"PostgreSQL": testpg.URL,
}

// patient are the options of a machine that is busy.
var patient = &sqlstore.Options{Timeout: 5 * time.Minute}

func open(t testing.TB, url string, keys ...sqlstore.Key) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), url, keys, patient)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func TestStore(t *testing.T) {
	for name, url := range urls {
		t.Run(name, func(t *testing.T) {
			authtest.TestStore(t, func(t *testing.T) auth.Store { return open(t, url(t), first) })
		})
	}
}

// raw opens the database behind the store's back.
func raw(t *testing.T, url string) *sql.DB {
	t.Helper()
	driver, dsn := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite://"); ok {
		driver, dsn = "sqlite", path
	}
	db, err := sql.Open(driver, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func put(t *testing.T, s *sqlstore.Store, shop shopify.Domain) auth.Key {
	t.Helper()
	key := auth.Key{Shop: shop, Access: auth.Offline}
	require.NoError(t, s.Update(t.Context(), key, func(context.Context, *auth.Token) (*auth.Token, error) {
		return &auth.Token{
			Key: key, AccessToken: "shpat_of_" + string(shop), RefreshToken: "shprt_of_" + string(shop), Granted: time.Now(),
			User: &auth.User{Email: "zoe@example.com"},
		}, nil
	}))
	return key
}

func TestEncryptedAtRest(t *testing.T) {
	dir := t.TempDir()
	s := open(t, "sqlite://"+filepath.Join(dir, "tokens.db"), first)
	put(t, s, "acme.myshopify.com")
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	found := false
	for _, name := range files {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		found = found || bytes.Contains(content, []byte("acme.myshopify.com"))
		for _, secret := range []string{"shpat_of", "shprt_of", "zoe@example.com"} {
			assert.NotContains(t, string(content), secret, name)
		}
	}
	assert.True(t, found, "the row is somewhere in these files")
}

// A row tells its key, and opens nowhere else.
func TestTampering(t *testing.T) {
	for name, url := range urls {
		t.Run(name, func(t *testing.T) {
			at := url(t)
			s := open(t, at, first)
			acme, other := put(t, s, "acme.myshopify.com"), put(t, s, "other.myshopify.com")
			db := raw(t, at)
			exec := func(query string) {
				t.Helper()
				_, err := db.ExecContext(t.Context(), query)
				require.NoError(t, err)
			}
			exec(`UPDATE shopify_auth_tokens SET sealed = (SELECT sealed FROM shopify_auth_tokens WHERE shop = 'acme.myshopify.com') WHERE shop = 'other.myshopify.com'`)
			_, err := s.Load(t.Context(), acme)
			require.NoError(t, err)
			_, err = s.Load(t.Context(), other)
			require.ErrorIs(t, err, sqlstore.ErrSealed)
			exec(`UPDATE shopify_auth_tokens SET access = 'client_credentials' WHERE shop = 'acme.myshopify.com'`)
			_, err = s.Load(t.Context(), auth.Key{Shop: acme.Shop, Access: auth.ClientCredentials})
			require.ErrorIs(t, err, sqlstore.ErrSealed)

			// What does not open is not taken for nothing: it would be overwritten.
			err = s.Update(t.Context(), other, func(context.Context, *auth.Token) (*auth.Token, error) {
				t.Error("called")
				return nil, nil
			})
			require.ErrorIs(t, err, sqlstore.ErrSealed)
			require.NoError(t, s.Delete(t.Context(), other.Shop, time.Time{}))
			put(t, s, other.Shop)
		})
	}
}

func TestKeyRotation(t *testing.T) {
	for name, url := range urls {
		t.Run(name, func(t *testing.T) {
			at := url(t)
			old := open(t, at, first)
			var keys []auth.Key
			for i := range 450 { // more than two pages
				keys = append(keys, put(t, old, shopify.Domain(fmt.Sprintf("shop-%d.myshopify.com", i))))
			}
			lost := open(t, at, second)
			_, err := lost.Load(t.Context(), keys[0])
			require.ErrorIs(t, err, sqlstore.ErrKey)
			_, err = lost.Reseal(t.Context())
			require.ErrorIs(t, err, sqlstore.ErrKey)
			wrong := open(t, at, sqlstore.Key{ID: first.ID, Secret: second.Secret})
			_, err = wrong.Load(t.Context(), keys[0])
			require.ErrorIs(t, err, sqlstore.ErrSealed)

			both := open(t, at, second, first)
			put(t, both, keys[0].Shop)
			n, err := both.Reseal(t.Context())
			require.NoError(t, err)
			assert.Equal(t, len(keys)-1, n, "one was sealed anew already")
			n, err = both.Reseal(t.Context())
			require.NoError(t, err)
			assert.Zero(t, n)
			for _, key := range keys {
				token, err := lost.Load(t.Context(), key)
				require.NoError(t, err)
				assert.Equal(t, "shpat_of_"+string(key.Shop), token.AccessToken)
			}
		})
	}
}

func TestWrongKeys(t *testing.T) {
	for name, keys := range map[string][]sqlstore.Key{
		"none": nil, "short": {{ID: "a", Secret: []byte("short")}}, "no ID": {{Secret: first.Secret}}, "twice": {first, first},
		"odd ID": {{ID: "a\x00b", Secret: first.Secret}}, "long ID": {{ID: strings.Repeat("a", 65), Secret: first.Secret}},
	} {
		_, err := sqlstore.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "tokens.db"), keys, nil)
		require.ErrorIs(t, err, shopify.ErrInvalid, name)
	}
	_, err := sqlstore.Open(t.Context(), "mysql://user:hunter2@example.com/db", []sqlstore.Key{first}, nil)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "hunter2")
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", first, []sqlstore.Key{first}, &first), "1, 1")
}

// Two stores on one SQLite file, as two parts of a program may open it, are one.
func TestTwoStoresOfAFile(t *testing.T) {
	at := urls["SQLite"](t)
	one, two := open(t, at, first), open(t, at, first)
	key := put(t, one, "acme.myshopify.com")
	entered, leave, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- one.Update(context.WithoutCancel(t.Context()), key, func(context.Context, *auth.Token) (*auth.Token, error) {
			close(entered)
			<-leave
			return nil, nil
		})
	}()
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := two.Update(ctx, key, func(context.Context, *auth.Token) (*auth.Token, error) {
		t.Error("at the same time")
		return nil, nil
	})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	close(leave)
	require.NoError(t, <-ended)
}
