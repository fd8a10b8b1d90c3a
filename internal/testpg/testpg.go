// Package testpg gives tests a PostgreSQL database of their own.
//
//	db, err := sqldb.Open(t.Context(), testpg.URL(t))
//
// The server is the one that POSAI_TEST_POSTGRES names by URL (its user must
// be allowed to create databases), else a throw-away server started from
// binaries on the machine, one per test process, stopped when the process
// ends. Where there is neither, the test is skipped and says why; with
// POSAI_NO_SKIP=1 it fails instead.
package testpg

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// server is process-wide: starting one takes a second, and a test process
// needs one.
var server = sync.OnceValues(start)

// running is a server that was started. The shell beside it, its keeper, is
// remembered because the end of its pipe that this process holds would be
// closed when nothing refers to it.
type running struct {
	url    string
	keeper *cluster
}

// URL returns the URL of a fresh, empty database that is dropped when the test
// ends.
func URL(t testing.TB) string {
	t.Helper()
	base := os.Getenv("POSAI_TEST_POSTGRES")
	if base == "" {
		s, err := server()
		skip(t, err)
		base = s.url
	}
	return fresh(t, base)
}

func skip(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("POSAI_NO_SKIP") == "1":
		t.Fatalf("no PostgreSQL for this test: %v", err)
	default:
		t.Skipf("no PostgreSQL for this test: %v", err)
	}
}

// fresh makes a database on the server at base.
func fresh(t testing.TB, base string) string {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal("POSAI_TEST_POSTGRES is not a URL")
	}
	name := "posai_test_" + strings.ToLower(rand.Text()[:12])
	if err := admin(base, `CREATE DATABASE `+name); err != nil {
		t.Fatalf("create the test's database: %v", err)
	}
	t.Cleanup(func() {
		if err := admin(base, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	u.Path = "/" + name
	return u.String()
}

func admin(base, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, base)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}
